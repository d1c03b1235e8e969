//! The SQL behind the policy tables in memory: log, epochs, holders, accounts, sessions.
//! Epochs are read before the data they stand for, so that a stamp is never newer than what it was derived from.

use super::effective::{AccountFacts, Grant, GrantHolder, HolderId};
use super::{Bits, Catalogue, Permission, PolicyChange, Reach, Scope};
use crate::db::{Conn, DbError, bulk};
use crate::{sql_all, sql_exec, sql_one, sql_opt};
use livegrant_actors::{AccountId, ApplicationId, CompanyId, PositionId, Rev, RoleId, SessionId};
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use std::collections::HashMap;
use std::sync::Arc;

/// One row of the policy log: everything that one transaction changed.
/// Nodes hand it on as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogRow {
    /// Its revision.
    pub rev: Rev,
    /// When it was committed, in UTC milliseconds.
    pub at: i64,
    /// Who ordered it.
    pub operator: AccountId,
    /// His login name.
    pub operator_name: String,
    /// The request that it belongs to.
    pub request_id: String,
    /// The reason that frames carry.
    pub reason: String,
    /// What changed.
    pub changes: Vec<PolicyChange>,
    /// The epochs that were raised, with their new values.
    pub scopes: Vec<(Scope, i64)>,
}

type LogColumns = (i64, i64, i64, String, String, String, Json<Vec<PolicyChange>>, Json<Vec<(Scope, i64)>>);

/// Reads at most 500 log rows after a revision, in order (500: a few ms of work under the apply lock).
pub async fn log_after(conn: &mut Conn, rev: Rev) -> Result<Vec<LogRow>, DbError> {
    let rows = sql_all!(
        conn,
        LogColumns,
        "SELECT rev, at, operator_id, operator_name, request_id, reason, changes, scopes FROM policy_log
          WHERE rev > $1 ORDER BY rev LIMIT 500",
        rev.0
    )?;
    Ok(rows.into_iter().map(log_row).collect())
}

/// Reads one log row.
pub async fn log_at(conn: &mut Conn, rev: Rev) -> Result<Option<LogRow>, DbError> {
    let row = sql_opt!(
        conn,
        LogColumns,
        "SELECT rev, at, operator_id, operator_name, request_id, reason, changes, scopes FROM policy_log WHERE rev = $1",
        rev.0
    )?;
    Ok(row.map(log_row))
}

/// Reads the company that the operator of a log row worked in.
pub async fn log_company(conn: &mut Conn, rev: Rev) -> Result<Option<CompanyId>, DbError> {
    let row = sql_opt!(conn, (i64,), "SELECT company_id FROM policy_log WHERE rev = $1", rev.0)?;
    Ok(row.map(|(company,)| CompanyId(company)))
}

/// Reads the rows after one revision and up to another that may hold a notice, newest first.
pub async fn notices_between(conn: &mut Conn, after: Rev, up_to: Rev) -> Result<Vec<LogRow>, DbError> {
    let rows = sql_all!(
        conn,
        LogColumns,
        "SELECT rev, at, operator_id, operator_name, request_id, reason, changes, scopes FROM policy_log
          WHERE rev > $1 AND rev <= $2 AND CAST(changes AS TEXT) LIKE '%notice%' ORDER BY rev DESC",
        after.0,
        up_to.0
    )?;
    Ok(rows.into_iter().map(log_row).collect())
}

/// Reads the first revision whose row is still there.
pub async fn first_kept(conn: &mut Conn) -> Result<Option<Rev>, DbError> {
    Ok(sql_one!(conn, (Option<i64>,), "SELECT min(rev) FROM policy_log")?.0.map(Rev))
}

fn log_row(row: LogColumns) -> LogRow {
    let (rev, at, operator, operator_name, request_id, reason, Json(changes), Json(scopes)) = row;
    LogRow {
        rev: Rev(rev),
        at,
        operator: AccountId(operator),
        operator_name,
        request_id,
        reason,
        changes,
        scopes,
    }
}

/// Reads the newest revision.
pub async fn revision(conn: &mut Conn) -> Result<Rev, DbError> {
    Ok(Rev(sql_one!(conn, (i64,), "SELECT rev FROM policy_revision WHERE id = 1")?.0))
}

/// Where the policy log stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The newest revision.
    pub rev: Rev,
    /// Which log this is; `None` before there is first data.
    pub incarnation: Option<String>,
    /// The timeline of the server that the incarnation was made known on; `None`: not yet.
    pub written_under: Option<String>,
    /// The server's present timeline; empty on SQLite.
    pub timeline: String,
}

impl Head {
    /// Answers whether the log goes on where it was written before.
    pub fn is_at_home(&self) -> bool {
        self.written_under.as_ref() == Some(&self.timeline)
    }
}

/// Reads where the log stands, in one statement.
pub async fn head(conn: &mut Conn) -> Result<Head, DbError> {
    let (rev, incarnation, written_under, timeline) = sql_one!(
        conn,
        (i64, Option<String>, Option<String>, String),
        "SELECT rev, incarnation, written_under, timeline FROM policy_head"
    )?;
    Ok(Head { rev: Rev(rev), incarnation, written_under, timeline })
}

/// Gives the log another incarnation, known on a timeline, if it still has the one named; `false`: somebody else did.
pub async fn renew_log(
    conn: &mut Conn,
    incarnation: &str,
    next: &str,
    timeline: &str,
) -> Result<bool, DbError> {
    let renewed = sql_exec!(
        conn,
        "UPDATE sys_meta SET value = $2 WHERE name = 'log_incarnation' AND value = $1",
        incarnation,
        next
    )?;
    if renewed == 0 {
        return Ok(false);
    }
    sql_exec!(
        conn,
        "INSERT INTO sys_meta (name, value) VALUES ('log_timeline', $1)
         ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        timeline
    )?;
    Ok(true)
}

/// Reads a named value of the database.
pub async fn meta(conn: &mut Conn, name: &str) -> Result<Option<String>, DbError> {
    Ok(sql_opt!(conn, (String,), "SELECT value FROM sys_meta WHERE name = $1", name)?.map(|row| row.0))
}

/// Stores a named value if the name is free, and answers the stored one.
pub async fn meta_or_insert(conn: &mut Conn, name: &str, value: &str) -> Result<String, DbError> {
    sql_exec!(
        conn,
        "INSERT INTO sys_meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING",
        name,
        value
    )?;
    Ok(sql_one!(conn, (String,), "SELECT value FROM sys_meta WHERE name = $1", name)?.0)
}

/// Reads a scope's epoch; 0 when it was never raised.
pub async fn epoch(conn: &mut Conn, scope: &Scope) -> Result<i64, DbError> {
    let row = sql_opt!(conn, (i64,), "SELECT epoch FROM policy_epoch WHERE scope = $1", scope.to_string())?;
    Ok(row.map_or(0, |row| row.0))
}

/// Reads every epoch except those of sessions and accounts, which are read with their rows.
pub(super) async fn structural_epochs(conn: &mut Conn) -> Result<HashMap<Scope, i64>, DbError> {
    let rows = sql_all!(
        conn,
        (String, i64),
        "SELECT scope, epoch FROM policy_epoch WHERE scope NOT LIKE 'session:%' AND scope NOT LIKE 'account:%'"
    )?;
    rows.into_iter()
        .map(|(text, epoch)| Ok((Scope::try_from(text).map_err(DbError::Schema)?, epoch)))
        .collect()
}

/// Reads the whole catalogue in the order of ids.
pub async fn permissions(conn: &mut Conn) -> Result<Vec<Permission>, DbError> {
    sql_all!(
        conn,
        Permission,
        "SELECT id, application_id, code, name, description, kind, parent_id, level, sort, route, icon, builtin, critical,
                status, version
           FROM sys_permission ORDER BY id"
    )
}

/// Reads the companies' and the applications' states, without epochs.
pub async fn standings(
    conn: &mut Conn,
) -> Result<(Vec<(CompanyId, bool)>, Vec<(ApplicationId, bool)>), DbError> {
    let companies = sql_all!(conn, (i64, i64), "SELECT id, status FROM company")?;
    let applications = sql_all!(conn, (i64, i64), "SELECT id, status FROM t_application")?;
    Ok((
        companies.into_iter().map(|(id, status)| (CompanyId(id), status == 1)).collect(),
        applications.into_iter().map(|(id, status)| (ApplicationId(id), status == 1)).collect(),
    ))
}

#[derive(sqlx::FromRow)]
struct HolderRow {
    id: i64,
    guid: String,
    code: String,
    name: String,
    company_id: i64,
    application_id: i64,
    status: i64,
    data_scope: String,
    org_id: Option<i64>,
}

impl HolderRow {
    fn into_holder(self, id: HolderId, permissions: Bits, chosen: Vec<i64>, epoch: i64) -> GrantHolder {
        GrantHolder {
            id,
            guid: self.guid.into(),
            code: self.code.into(),
            name: self.name.into(),
            company: CompanyId(self.company_id),
            application: ApplicationId(self.application_id),
            enabled: self.status == 1,
            permissions,
            reach: Reach::read(&self.data_scope, chosen),
            organization: self.org_id,
            epoch,
        }
    }
}

/// Reads all roles and positions with their permissions and what these reach; five queries whatever their number.
pub(super) async fn holders(
    conn: &mut Conn,
    catalogue: &Catalogue,
    epochs: &HashMap<Scope, i64>,
) -> Result<HashMap<HolderId, Arc<GrantHolder>>, DbError> {
    let roles = sql_all!(
        conn,
        HolderRow,
        "SELECT id, '' AS guid, code, name, company_id, application_id, status, data_scope,
                CAST(NULL AS BIGINT) AS org_id
           FROM sys_role"
    )?;
    let positions = sql_all!(
        conn,
        HolderRow,
        "SELECT id, guid, code, name, company_id, CAST(0 AS BIGINT) AS application_id, status, data_scope, org_id
           FROM hr_position"
    )?;
    let mut sets: HashMap<HolderId, Bits> = HashMap::new();
    let mut add = |holder: HolderId, permission: i64| {
        if let Some(bit) = catalogue.bit_of_id(permission) {
            sets.entry(holder).or_default().insert(bit);
        }
    };
    for (role, permission) in sql_all!(conn, (i64, i64), "SELECT role_id, permission_id FROM sys_role_menu")?
    {
        add(HolderId::Role(RoleId(role)), permission);
    }
    let granted =
        sql_all!(conn, (i64, i64), "SELECT position_id, permission_id FROM hr_r_position_permission")?;
    for (position, permission) in granted {
        add(HolderId::Position(PositionId(position)), permission);
    }
    let mut chosen: HashMap<HolderId, Vec<i64>> = HashMap::new();
    let rows = sql_all!(
        conn,
        (String, i64, i64),
        "SELECT holder_kind, holder_id, org_id FROM sys_data_scope_org ORDER BY org_id"
    )?;
    for (kind, holder, organization) in rows {
        let holder = if kind == "role" {
            HolderId::Role(RoleId(holder))
        } else {
            HolderId::Position(PositionId(holder))
        };
        chosen.entry(holder).or_default().push(organization);
    }
    let roles = roles.into_iter().map(|row| (HolderId::Role(RoleId(row.id)), row));
    let positions = positions.into_iter().map(|row| (HolderId::Position(PositionId(row.id)), row));
    Ok(roles
        .chain(positions)
        .map(|(id, row)| {
            let epoch = epochs.get(&id.scope()).copied().unwrap_or(0);
            let set = sets.remove(&id).unwrap_or_default();
            (id, Arc::new(row.into_holder(id, set, chosen.remove(&id).unwrap_or_default(), epoch)))
        })
        .collect())
}

/// Reads one role or position with its permissions; `None` once it is deleted.
pub async fn holder(
    conn: &mut Conn,
    id: HolderId,
    catalogue: &Catalogue,
) -> Result<Option<GrantHolder>, DbError> {
    let epoch = epoch(conn, &id.scope()).await?;
    let (row, permissions) = match id {
        HolderId::Role(role) => (
            sql_opt!(
                conn,
                HolderRow,
                "SELECT id, '' AS guid, code, name, company_id, application_id, status, data_scope,
                        CAST(NULL AS BIGINT) AS org_id
                   FROM sys_role WHERE id = $1",
                role.0
            )?,
            sql_all!(conn, (i64,), "SELECT permission_id FROM sys_role_menu WHERE role_id = $1", role.0)?,
        ),
        HolderId::Position(position) => (
            sql_opt!(
                conn,
                HolderRow,
                "SELECT id, guid, code, name, company_id, CAST(0 AS BIGINT) AS application_id, status, data_scope, org_id
                   FROM hr_position WHERE id = $1",
                position.0
            )?,
            sql_all!(
                conn,
                (i64,),
                "SELECT permission_id FROM hr_r_position_permission WHERE position_id = $1",
                position.0
            )?,
        ),
    };
    let bits = permissions.into_iter().filter_map(|(permission,)| catalogue.bit_of_id(permission)).collect();
    let Some(row) = row else { return Ok(None) };
    let (kind, number) = id.parts();
    let chosen = sql_all!(
        conn,
        (i64,),
        "SELECT org_id FROM sys_data_scope_org WHERE holder_kind = $1 AND holder_id = $2 ORDER BY org_id",
        kind,
        number
    )?;
    Ok(Some(row.into_holder(id, bits, chosen.into_iter().map(|row| row.0).collect(), epoch)))
}

#[derive(sqlx::FromRow)]
struct AccountRow {
    guid: String,
    username: String,
    display_name: String,
    company_id: i64,
    status: i64,
    is_platform: bool,
    permission_version: i64,
    permission_hash: String,
    staff_guid: Option<String>,
    organization: Option<i64>,
}

/// Reads what is known of an account: four queries.
pub async fn account(conn: &mut Conn, id: AccountId) -> Result<Option<AccountFacts>, DbError> {
    let epoch = epoch(conn, &Scope::Account(id)).await?;
    let row = sql_opt!(
        conn,
        AccountRow,
        "SELECT u.guid, u.username, u.display_name, u.company_id, u.status, u.is_platform, u.permission_version,
                u.permission_hash, s.org_id AS organization,
                (SELECT max(staff.guid) FROM hr_staff staff WHERE staff.account_id = u.user_id) AS staff_guid
           FROM sys_login_user u LEFT JOIN hr_staff s ON s.account_id = u.user_id AND s.company_id = u.company_id
                AND s.status <> 'left'
          WHERE u.user_id = $1",
        id.0
    )?;
    let Some(row) = row else { return Ok(None) };
    let roles = sql_all!(
        conn,
        (i64, Option<i64>, Option<i64>, bool),
        "SELECT role_id, valid_from, valid_to, started FROM sys_user_role WHERE account_id = $1 ORDER BY role_id",
        id.0
    )?;
    let positions = sql_all!(
        conn,
        (i64, Option<i64>, Option<i64>, bool),
        "SELECT held.position_id, held.valid_from, held.valid_to, held.started
           FROM hr_r_staff_position held JOIN hr_staff staff ON staff.id = held.staff_id
          WHERE staff.account_id = $1 AND staff.status = 'active' ORDER BY held.position_id",
        id.0
    )?;
    let role = |id| HolderId::Role(RoleId(id));
    let position = |id| HolderId::Position(PositionId(id));
    let grants = roles
        .into_iter()
        .map(|(id, from, to, started)| Grant { holder: role(id), from, to, started })
        .chain(positions.into_iter().map(|(id, from, to, started)| Grant {
            holder: position(id),
            from,
            to,
            started,
        }))
        .collect();
    Ok(Some(AccountFacts {
        account: id,
        guid: row.guid.into(),
        staff_guid: row.staff_guid.map(Into::into),
        username: row.username.into(),
        display_name: row.display_name.into(),
        company: CompanyId(row.company_id),
        enabled: row.status == 1,
        is_platform: row.is_platform,
        organization: row.organization,
        grants,
        epoch,
        stored_version: row.permission_version,
        stored_hash: row.permission_hash.into(),
    }))
}

/// Reads who a session belongs to and whether it is active: account, application, company, active, expiry.
pub async fn session(
    conn: &mut Conn,
    sid: &SessionId,
) -> Result<Option<(AccountId, ApplicationId, CompanyId, bool, i64)>, DbError> {
    let row = sql_opt!(
        conn,
        (i64, i64, i64, String, i64),
        "SELECT account_id, application_id, company_id, state, expires_at FROM sys_session WHERE sid = $1",
        sid.as_str()
    )?;
    Ok(row.map(|(account, application, company, state, expires)| {
        (AccountId(account), ApplicationId(application), CompanyId(company), state == "active", expires)
    }))
}

/// Stores the revisions at which accounts' effective sets last changed, with the sets' hashes (S3-99); one statement.
pub async fn store_versions(conn: &mut Conn, notes: &[(AccountId, Rev, Arc<str>)]) -> Result<u64, DbError> {
    let notes: Vec<_> = notes.iter().map(|(account, rev, hash)| (account.0, rev.0, &**hash)).collect();
    bulk::store_versions(conn, &notes).await
}

/// Answers whether a guid is the one of a staff record of this account (C12).
pub async fn is_staff_guid(conn: &mut Conn, account: AccountId, guid: &str) -> Result<bool, DbError> {
    let found = sql_opt!(
        conn,
        (i64,),
        "SELECT id FROM hr_staff WHERE account_id = $1 AND guid = $2",
        account.0,
        guid
    )?;
    Ok(found.is_some())
}
