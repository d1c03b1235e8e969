//! The SQL of roles and grants.

pub mod catalogue;
pub mod holders;
pub mod logs;
pub mod objects;
pub mod review;

use super::model::RoleRow;
use crate::db::listing::{Conditions, Filter, Kind, List, Wanted};
use crate::db::{Conn, DbError};
use crate::policy::HolderId;
use crate::{sql_all, sql_exec, sql_one, sql_opt};
use livegrant_actors::{AccountId, CompanyId, PositionId, RoleId};

/// Finds a builtin role of a company by its code.
pub async fn builtin_role(
    conn: &mut Conn,
    company: CompanyId,
    code: &str,
) -> Result<Option<RoleId>, DbError> {
    let row = sql_opt!(
        conn,
        (i64,),
        "SELECT id FROM sys_role WHERE kind = 'builtin' AND code = $1 AND company_id = $2",
        code,
        company.0
    )?;
    Ok(row.map(|row| RoleId(row.0)))
}

/// Gives a role; 0 rows: it was held already.
pub async fn give_role(
    conn: &mut Conn,
    account: AccountId,
    role: RoleId,
    from: Option<i64>,
    to: Option<i64>,
    by: AccountId,
    now: i64,
) -> Result<u64, DbError> {
    sql_exec!(
        conn,
        "INSERT INTO sys_user_role (account_id, role_id, valid_from, valid_to, started, granted_by, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (account_id, role_id) DO NOTHING",
        account.0,
        role.0,
        from,
        to,
        from.is_none_or(|from| from <= now),
        by.0,
        now
    )
}

/// Takes a role; 0 rows: it was not held.
pub async fn take_role(conn: &mut Conn, account: AccountId, role: RoleId) -> Result<u64, DbError> {
    sql_exec!(conn, "DELETE FROM sys_user_role WHERE account_id = $1 AND role_id = $2", account.0, role.0)
}

/// One row of an account's roles.
#[expect(missing_docs, reason = "the fields are the columns of the same name")]
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct GrantRow {
    pub role_id: i64,
    pub kind: String,
    pub code: String,
    pub name: String,
    pub valid_from: Option<i64>,
    pub valid_to: Option<i64>,
    pub started: bool,
}

/// Lists an account's roles.
pub async fn roles_of(conn: &mut Conn, account: AccountId) -> Result<Vec<GrantRow>, DbError> {
    sql_all!(
        conn,
        GrantRow,
        "SELECT held.role_id, r.kind, r.code, r.name, held.valid_from, held.valid_to, held.started
           FROM sys_user_role held JOIN sys_role r ON r.id = held.role_id
          WHERE held.account_id = $1 ORDER BY held.role_id",
        account.0
    )
}

/// The list of roles.
pub const ROLES: List = List {
    columns: "r.id, r.code, r.name, r.kind, r.status, r.data_scope, r.version,
        (SELECT count(*) FROM sys_user_role held WHERE held.role_id = r.id) AS holders",
    from: "sys_role r",
    search: &["r.code", "r.name"],
    filters: &[
        Filter::new("id", "r.id", Kind::Number),
        Filter::new("code", "r.code", Kind::Text),
        Filter::new("name", "r.name", Kind::Text),
        Filter::new("kind", "r.kind", Kind::Text),
        Filter::new("status", "r.status", Kind::Number),
        Filter::new("data_scope", "r.data_scope", Kind::Text),
    ],
    orders: &[
        ("id", "r.id"),
        ("code", "r.code"),
        ("name", "r.name"),
        ("created_at", "r.created_at"),
        ("updated_at", "r.updated_at"),
    ],
    order: "r.id",
    unique: "r.id",
};

/// Lists the roles of a company.
pub async fn roles(
    conn: &mut Conn,
    company: CompanyId,
    wanted: &Wanted,
) -> Result<(i64, Vec<RoleRow>), DbError> {
    ROLES.page(conn, Conditions::new("r.company_id = ?", [company.0.into()]), wanted).await
}

/// Reads a role of a company.
pub async fn role(conn: &mut Conn, company: CompanyId, id: RoleId) -> Result<Option<RoleRow>, DbError> {
    let own = Conditions::new("r.company_id = ? AND r.id = ?", [company.0.into(), id.0.into()]);
    ROLES.one(conn, own).await
}

/// Inserts a role without permissions.
pub async fn insert_role(
    conn: &mut Conn,
    company: CompanyId,
    code: &str,
    name: &str,
    now: i64,
) -> Result<RoleId, DbError> {
    let (id,) = sql_one!(
        conn,
        (i64,),
        "INSERT INTO sys_role (code, name, company_id, application_id, kind, created_at, updated_at)
         VALUES ($1, $2, $3, 0, 'custom', $4, $4) RETURNING id",
        code,
        name,
        company.0,
        now
    )?;
    Ok(RoleId(id))
}

/// Changes a role where its version still is the given one; 0 rows: somebody else was first.
pub async fn update_role(
    conn: &mut Conn,
    id: RoleId,
    name: Option<&str>,
    status: Option<i64>,
    version: i64,
    now: i64,
) -> Result<u64, DbError> {
    sql_exec!(
        conn,
        "UPDATE sys_role SET name = coalesce($3, name), status = coalesce($4, status), version = version + 1,
                updated_at = $5
          WHERE id = $1 AND version = $2",
        id.0,
        version,
        name,
        status,
        now
    )
}

/// Gives a role another data scope, by name.
pub async fn set_data_scope(conn: &mut Conn, id: RoleId, data_scope: &str) -> Result<u64, DbError> {
    sql_exec!(conn, "UPDATE sys_role SET data_scope = $2 WHERE id = $1", id.0, data_scope)
}

/// Raises a role's version, which also locks its row: changes of one role's permissions follow each other.
pub async fn touch_role(conn: &mut Conn, id: RoleId, now: i64) -> Result<u64, DbError> {
    sql_exec!(conn, "UPDATE sys_role SET version = version + 1, updated_at = $2 WHERE id = $1", id.0, now)
}

/// Raises a position's version, which also locks its row; see [`touch_role`].
pub async fn touch_position(conn: &mut Conn, id: PositionId, now: i64) -> Result<u64, DbError> {
    sql_exec!(conn, "UPDATE hr_position SET version = version + 1, updated_at = $2 WHERE id = $1", id.0, now)
}

/// Deletes a role with its permissions and everybody's hold on it.
pub async fn delete_role(conn: &mut Conn, id: RoleId) -> Result<(), DbError> {
    sql_exec!(conn, "DELETE FROM sys_user_role WHERE role_id = $1", id.0)?;
    sql_exec!(conn, "DELETE FROM sys_role_menu WHERE role_id = $1", id.0)?;
    sql_exec!(conn, "DELETE FROM sys_data_scope_org WHERE holder_kind = 'role' AND holder_id = $1", id.0)?;
    sql_exec!(conn, "DELETE FROM sys_role WHERE id = $1", id.0)?;
    Ok(())
}

/// Lists the ids and codes of a holder's permissions, by code.
pub async fn permissions_of(conn: &mut Conn, holder: HolderId) -> Result<Vec<(i64, String)>, DbError> {
    match holder {
        HolderId::Role(role) => sql_all!(
            conn,
            (i64, String),
            "SELECT p.id, p.code FROM sys_role_menu m JOIN sys_permission p ON p.id = m.permission_id
              WHERE m.role_id = $1 ORDER BY p.code",
            role.0
        ),
        HolderId::Position(position) => sql_all!(
            conn,
            (i64, String),
            "SELECT p.id, p.code FROM hr_r_position_permission m JOIN sys_permission p ON p.id = m.permission_id
              WHERE m.position_id = $1 ORDER BY p.code",
            position.0
        ),
    }
}

/// Adds a permission to a holder; 0 rows: it had it.
pub async fn grant(
    conn: &mut Conn,
    holder: HolderId,
    permission: i64,
    by: AccountId,
    now: i64,
) -> Result<u64, DbError> {
    match holder {
        HolderId::Role(role) => sql_exec!(
            conn,
            "INSERT INTO sys_role_menu (role_id, permission_id, update_time, granted_by) VALUES ($1, $2, $3, $4)
             ON CONFLICT (role_id, permission_id) DO NOTHING",
            role.0,
            permission,
            now,
            by.0
        ),
        HolderId::Position(position) => sql_exec!(
            conn,
            "INSERT INTO hr_r_position_permission (position_id, permission_id, update_time, granted_by)
             VALUES ($1, $2, $3, $4) ON CONFLICT (position_id, permission_id) DO NOTHING",
            position.0,
            permission,
            now,
            by.0
        ),
    }
}

/// Removes a permission from a holder; 0 rows: it did not have it.
pub async fn revoke(conn: &mut Conn, holder: HolderId, permission: i64) -> Result<u64, DbError> {
    match holder {
        HolderId::Role(role) => sql_exec!(
            conn,
            "DELETE FROM sys_role_menu WHERE role_id = $1 AND permission_id = $2",
            role.0,
            permission
        ),
        HolderId::Position(position) => sql_exec!(
            conn,
            "DELETE FROM hr_r_position_permission WHERE position_id = $1 AND permission_id = $2",
            position.0,
            permission
        ),
    }
}
