//! The SQL of accounts, sessions and tickets. A session's end is a conditional UPDATE, never an upsert (I4).

pub mod service;

use super::model::{AccountPatch, AccountRow, NewAccount, SessionFilter, SessionRow};
use crate::db::listing::{Conditions, Filter, Kind, List, Wanted};
use crate::db::paging::Page;
use crate::db::{Conn, DbError};
use crate::policy::EndCode;
use crate::{sql_all, sql_exec, sql_one, sql_opt};
use livegrant_actors::{AccountId, ApplicationId, CompanyId, SessionId};

/// Finds an account by its login name.
pub async fn account_named(conn: &mut Conn, username: &str) -> Result<Option<AccountId>, DbError> {
    let row = sql_opt!(
        conn,
        (i64,),
        "SELECT user_id FROM sys_login_user WHERE bloc_id = 0 AND username = $1",
        username
    )?;
    Ok(row.map(|row| AccountId(row.0)))
}

/// Reads an account's password hash and login name.
pub async fn password_of(conn: &mut Conn, account: AccountId) -> Result<Option<(String, String)>, DbError> {
    sql_opt!(
        conn,
        (String, String),
        "SELECT password_hash, username FROM sys_login_user WHERE user_id = $1",
        account.0
    )
}

/// Reads one account.
pub async fn account(conn: &mut Conn, id: AccountId) -> Result<Option<AccountRow>, DbError> {
    sql_opt!(
        conn,
        AccountRow,
        "SELECT user_id, guid, company_id, username, email, phone, display_name, department, role, status, is_platform,
                must_change_password, permission_version, last_login_at, version, created_at, updated_at
           FROM sys_login_user WHERE user_id = $1",
        id.0
    )
}

/// The list of accounts, each with the person in the same company whose login it is.
pub const ACCOUNTS: List = List {
    columns: "u.user_id, u.guid, u.company_id, u.username, u.email, u.phone, u.display_name, u.department, u.role, u.status,
        u.is_platform, u.must_change_password, u.permission_version, u.last_login_at, u.version, u.created_at, u.updated_at",
    from: "sys_login_user u LEFT JOIN hr_staff s ON s.account_id = u.user_id AND s.company_id = u.company_id
        AND s.status <> 'left'",
    search: &["u.username", "u.display_name", "u.phone"],
    filters: &[
        Filter::new("id", "u.user_id", Kind::Number),
        Filter::new("guid", "u.guid", Kind::Guid),
        Filter::new("username", "u.username", Kind::Text),
        Filter::new("role", "u.role", Kind::Text),
        Filter::new("department", "u.department", Kind::Text),
        Filter::new("email", "u.email", Kind::Text),
        Filter::new("phone", "u.phone", Kind::Text),
        Filter::new("status", "u.status", Kind::Number),
        Filter::new("created_at", "u.created_at", Kind::Instant),
        Filter::new("last_login_at", "u.last_login_at", Kind::Instant),
    ],
    orders: &[
        ("id", "u.user_id"),
        ("username", "u.username"),
        ("display_name", "u.display_name"),
        ("department", "u.department"),
        ("role", "u.role"),
        ("status", "u.status"),
        ("created_at", "u.created_at"),
        ("updated_at", "u.updated_at"),
        ("last_login_at", "u.last_login_at"),
    ],
    order: "u.user_id",
    unique: "u.user_id",
};

/// Lists accounts.
pub async fn accounts(
    conn: &mut Conn,
    own: Conditions,
    wanted: &Wanted,
) -> Result<(i64, Vec<AccountRow>), DbError> {
    ACCOUNTS.page(conn, own, wanted).await
}

/// Reads the account that the conditions of the list leave.
pub async fn account_among(conn: &mut Conn, own: Conditions) -> Result<Option<AccountRow>, DbError> {
    ACCOUNTS.one(conn, own).await
}

/// The names of a company and an application.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "the fields are named by the struct's sentence")]
pub struct Place {
    pub company: String,
    pub application_code: String,
    pub application: String,
}

/// Reads the names of a company and an application.
pub async fn place(
    conn: &mut Conn,
    company: CompanyId,
    application: ApplicationId,
) -> Result<Option<Place>, DbError> {
    sql_opt!(
        conn,
        Place,
        "SELECT c.name AS company, a.code AS application_code, a.name AS application
           FROM company c, t_application a WHERE c.id = $1 AND a.id = $2",
        company.0,
        application.0
    )
}

/// Inserts an account with no permission at all (S1-44) and answers its id.
pub async fn insert_account(
    conn: &mut Conn,
    new: &NewAccount,
    company: CompanyId,
    guid: &str,
    hash: &str,
    now: i64,
) -> Result<AccountId, DbError> {
    let (id,) = sql_one!(
        conn,
        (i64,),
        "INSERT INTO sys_login_user (guid, company_id, username, email, phone, display_name, department, role,
            password_hash, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10) RETURNING user_id",
        guid,
        company.0,
        &new.username,
        &new.email,
        &new.phone,
        &new.display_name,
        &new.department,
        new.role.as_deref(),
        hash,
        now
    )?;
    Ok(AccountId(id))
}

/// Makes an account a platform administrator; only the operator's shell does this.
pub async fn make_platform(conn: &mut Conn, account: AccountId) -> Result<u64, DbError> {
    sql_exec!(conn, "UPDATE sys_login_user SET is_platform = TRUE WHERE user_id = $1", account.0)
}

/// Changes an account where its version still is the given one; 0 rows: somebody else was first.
pub async fn update_account(
    conn: &mut Conn,
    id: AccountId,
    patch: &AccountPatch,
    version: i64,
    now: i64,
) -> Result<u64, DbError> {
    sql_exec!(
        conn,
        "UPDATE sys_login_user
            SET display_name = coalesce($3, display_name), email = coalesce($4, email), phone = coalesce($5, phone),
                department = coalesce($6, department), status = coalesce($7, status),
                version = version + 1, updated_at = $8
          WHERE user_id = $1 AND version = $2",
        id.0,
        version,
        patch.display_name.as_deref(),
        patch.email.as_deref(),
        patch.phone.as_deref(),
        patch.department.as_deref(),
        patch.status,
        now
    )
}

/// Shows a role in the account's `role` field.
pub async fn set_role(conn: &mut Conn, id: AccountId, role: Option<&str>) -> Result<u64, DbError> {
    sql_exec!(conn, "UPDATE sys_login_user SET role = $2 WHERE user_id = $1", id.0, role)
}

/// Stores a new password hash.
pub async fn set_password(
    conn: &mut Conn,
    id: AccountId,
    hash: &str,
    must_change: bool,
    now: i64,
) -> Result<u64, DbError> {
    sql_exec!(
        conn,
        "UPDATE sys_login_user SET password_hash = $2, must_change_password = $3, updated_at = $4 WHERE user_id = $1",
        id.0,
        hash,
        must_change,
        now
    )
}

/// A session to be stored.
#[expect(missing_docs, reason = "the fields are the columns of the same name")]
#[derive(Debug)]
pub struct NewSession<'a> {
    pub sid: &'a SessionId,
    pub account: AccountId,
    pub application: i64,
    pub company: CompanyId,
    pub refresh_hash: &'a str,
    pub device: &'a str,
    pub ip: &'a str,
    pub now: i64,
    pub expires_at: i64,
}

/// Inserts an active session and notes the sign-in.
pub async fn insert_session(conn: &mut Conn, new: &NewSession<'_>) -> Result<(), DbError> {
    sql_exec!(
        conn,
        "INSERT INTO sys_session (sid, account_id, application_id, company_id, refresh_hash, rotated_at, device, ip,
            issued_at, last_seen_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $6, $6, $9)",
        new.sid.as_str(),
        new.account.0,
        new.application,
        new.company.0,
        new.refresh_hash,
        new.now,
        new.device,
        new.ip,
        new.expires_at
    )?;
    sql_exec!(
        conn,
        "UPDATE sys_login_user SET last_login_at = $2 WHERE user_id = $1",
        new.account.0,
        new.now
    )?;
    Ok(())
}

/// What a refresh compares.
#[expect(missing_docs, reason = "the fields are the columns of the same name")]
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct RefreshRow {
    pub account_id: i64,
    pub state: String,
    pub refresh_hash: String,
    pub generation: i64,
    pub rotated_at: i64,
    pub issued_at: i64,
    pub expires_at: i64,
}

/// Reads what a refresh compares.
pub async fn refresh_row(conn: &mut Conn, sid: &SessionId) -> Result<Option<RefreshRow>, DbError> {
    sql_opt!(
        conn,
        RefreshRow,
        "SELECT account_id, state, refresh_hash, generation, rotated_at, issued_at, expires_at FROM sys_session WHERE sid = $1",
        sid.as_str()
    )
}

/// Replaces the refresh token of a session that is still active and still has the given one; 0 rows: it is not, or has not.
pub async fn rotate(
    conn: &mut Conn,
    sid: &SessionId,
    from: &str,
    to: &str,
    now: i64,
    expires_at: i64,
) -> Result<u64, DbError> {
    sql_exec!(
        conn,
        "UPDATE sys_session SET generation = generation + 1, refresh_hash = $3, rotated_at = $4, last_seen_at = $4,
                expires_at = $5
          WHERE sid = $1 AND state = 'active' AND refresh_hash = $2",
        sid.as_str(),
        from,
        to,
        now,
        expires_at
    )
}

/// Finds the newest active session of an account on a device.
pub async fn session_on(
    conn: &mut Conn,
    account: AccountId,
    device: &str,
    now: i64,
) -> Result<Option<SessionId>, DbError> {
    let row = sql_opt!(
        conn,
        (String,),
        "SELECT sid FROM sys_session WHERE account_id = $1 AND state = 'active' AND device = $2 AND expires_at > $3
          ORDER BY issued_at DESC, sid LIMIT 1",
        account.0,
        device,
        now
    )?;
    Ok(row.map(|row| SessionId::from(row.0)))
}

/// Gives an active session its first refresh token again.
pub async fn restart_session(
    conn: &mut Conn,
    sid: &SessionId,
    refresh_hash: &str,
    now: i64,
    expires_at: i64,
) -> Result<u64, DbError> {
    sql_exec!(
        conn,
        "UPDATE sys_session SET generation = 1, refresh_hash = $2, rotated_at = $3, last_seen_at = $3, expires_at = $4
          WHERE sid = $1 AND state = 'active'",
        sid.as_str(),
        refresh_hash,
        now,
        expires_at
    )
}

/// Lists active sessions, newest first.
pub async fn sessions(
    conn: &mut Conn,
    filter: &SessionFilter,
    now: i64,
    page: Page,
) -> Result<(i64, Vec<SessionRow>), DbError> {
    let like = filter.search.as_deref().map(crate::db::paging::like);
    let (count,) = sql_one!(
        conn,
        (i64,),
        "SELECT count(*) FROM sys_session s JOIN sys_login_user u ON u.user_id = s.account_id
          WHERE s.state = 'active' AND s.expires_at > $1 AND (CAST($2 AS BIGINT) IS NULL OR s.company_id = $2)
            AND (CAST($3 AS BIGINT) IS NULL OR s.account_id = $3) AND (CAST($4 AS TEXT) IS NULL OR s.sid = $4)
            AND (CAST($5 AS TEXT) IS NULL OR lower(u.username) LIKE $5 ESCAPE '!'
                 OR lower(u.display_name) LIKE $5 ESCAPE '!')
            AND (CAST($6 AS TEXT) IS NULL OR s.sid <> $6)",
        now,
        filter.company.map(|id| id.0),
        filter.account.map(|id| id.0),
        filter.sid.as_ref().map(SessionId::as_str),
        like.as_deref(),
        filter.keep.as_ref().map(SessionId::as_str)
    )?;
    let rows = sql_all!(
        conn,
        SessionRow,
        "SELECT s.sid, s.account_id, u.username, s.client, s.device, s.ip, s.issued_at, s.last_seen_at, s.expires_at
           FROM sys_session s JOIN sys_login_user u ON u.user_id = s.account_id
          WHERE s.state = 'active' AND s.expires_at > $1 AND (CAST($2 AS BIGINT) IS NULL OR s.company_id = $2)
            AND (CAST($3 AS BIGINT) IS NULL OR s.account_id = $3) AND (CAST($4 AS TEXT) IS NULL OR s.sid = $4)
            AND (CAST($5 AS TEXT) IS NULL OR lower(u.username) LIKE $5 ESCAPE '!'
                 OR lower(u.display_name) LIKE $5 ESCAPE '!')
            AND (CAST($6 AS TEXT) IS NULL OR s.sid <> $6)
          ORDER BY s.issued_at DESC, s.sid LIMIT $7 OFFSET $8",
        now,
        filter.company.map(|id| id.0),
        filter.account.map(|id| id.0),
        filter.sid.as_ref().map(SessionId::as_str),
        like.as_deref(),
        filter.keep.as_ref().map(SessionId::as_str),
        page.limit(),
        page.offset()
    )?;
    Ok((count, rows))
}

/// Answers the accounts whose active sessions the filter means, by id.
pub async fn accounts_signed_in(conn: &mut Conn, filter: &SessionFilter) -> Result<Vec<AccountId>, DbError> {
    let like = filter.search.as_deref().map(crate::db::paging::like);
    let rows = sql_all!(
        conn,
        (i64,),
        "SELECT DISTINCT s.account_id FROM sys_session s JOIN sys_login_user u ON u.user_id = s.account_id
          WHERE s.state = 'active' AND (CAST($1 AS BIGINT) IS NULL OR s.company_id = $1)
            AND (CAST($2 AS BIGINT) IS NULL OR s.account_id = $2) AND (CAST($3 AS TEXT) IS NULL OR s.sid = $3)
            AND (CAST($4 AS TEXT) IS NULL OR lower(u.username) LIKE $4 ESCAPE '!'
                 OR lower(u.display_name) LIKE $4 ESCAPE '!')
            AND (CAST($5 AS TEXT) IS NULL OR s.sid <> $5)
          ORDER BY s.account_id",
        filter.company.map(|id| id.0),
        filter.account.map(|id| id.0),
        filter.sid.as_ref().map(SessionId::as_str),
        like.as_deref(),
        filter.keep.as_ref().map(SessionId::as_str)
    )?;
    Ok(rows.into_iter().map(|row| AccountId(row.0)).collect())
}

/// Ends the active sessions that the filter means and answers them with their accounts. Expired ones end too.
pub async fn end_sessions(
    conn: &mut Conn,
    filter: &SessionFilter,
    code: EndCode,
    now: i64,
) -> Result<Vec<(AccountId, SessionId)>, DbError> {
    let like = filter.search.as_deref().map(crate::db::paging::like);
    let rows = sql_all!(
        conn,
        (i64, String),
        "UPDATE sys_session SET state = 'ended', ended_at = $1, ended_reason = $7
          WHERE state = 'active' AND (CAST($2 AS BIGINT) IS NULL OR company_id = $2)
            AND (CAST($3 AS BIGINT) IS NULL OR account_id = $3) AND (CAST($4 AS TEXT) IS NULL OR sid = $4)
            AND (CAST($5 AS TEXT) IS NULL OR account_id IN (
                 SELECT user_id FROM sys_login_user
                  WHERE lower(username) LIKE $5 ESCAPE '!' OR lower(display_name) LIKE $5 ESCAPE '!'))
            AND (CAST($6 AS TEXT) IS NULL OR sid <> $6)
         RETURNING account_id, sid",
        now,
        filter.company.map(|id| id.0),
        filter.account.map(|id| id.0),
        filter.sid.as_ref().map(SessionId::as_str),
        like.as_deref(),
        filter.keep.as_ref().map(SessionId::as_str),
        code.as_str()
    )?;
    Ok(rows.into_iter().map(|(account, sid)| (AccountId(account), SessionId::from(sid))).collect())
}

/// Answers the active sessions of an account past the newest `keep`, newest first. The one that has just begun is the
/// newest, also among several of the same millisecond.
pub async fn surplus_sessions(
    conn: &mut Conn,
    account: AccountId,
    begun: &SessionId,
    keep: i64,
) -> Result<Vec<SessionId>, DbError> {
    let rows = sql_all!(
        conn,
        (String,),
        "SELECT sid FROM sys_session WHERE account_id = $1 AND state = 'active' AND client <> 'service'
          ORDER BY CASE WHEN sid = $3 THEN 0 ELSE 1 END, issued_at DESC, sid LIMIT 1000 OFFSET $2",
        account.0,
        keep,
        begun.as_str()
    )?;
    Ok(rows.into_iter().map(|row| SessionId::from(row.0)).collect())
}

/// Stores a ticket and drops the ones that are over; answers how many wait in all and for this account.
pub async fn insert_ticket(
    conn: &mut Conn,
    hash: &str,
    sid: &SessionId,
    account: AccountId,
    now: i64,
    expires_at: i64,
) -> Result<(i64, i64), DbError> {
    sql_exec!(conn, "DELETE FROM sys_stream_ticket WHERE expires_at <= $1", now)?;
    sql_exec!(
        conn,
        "INSERT INTO sys_stream_ticket (ticket_hash, sid, account_id, expires_at) VALUES ($1, $2, $3, $4)",
        hash,
        sid.as_str(),
        account.0,
        expires_at
    )?;
    sql_one!(
        conn,
        (i64, i64),
        "SELECT count(*), coalesce(sum(CASE WHEN account_id = $1 THEN 1 ELSE 0 END), 0) FROM sys_stream_ticket",
        account.0
    )
}

/// Takes a ticket out: once only, whoever asks first.
pub async fn take_ticket(conn: &mut Conn, hash: &str, now: i64) -> Result<Option<SessionId>, DbError> {
    let row = sql_opt!(
        conn,
        (String, i64),
        "DELETE FROM sys_stream_ticket WHERE ticket_hash = $1 RETURNING sid, expires_at",
        hash
    )?;
    Ok(row.filter(|(_, expires_at)| *expires_at > now).map(|(sid, _)| SessionId::from(sid)))
}
