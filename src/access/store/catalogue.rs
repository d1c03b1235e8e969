//! The SQL that lists and changes the catalogue. Reading it to decide by is the policy's business.

use crate::db::listing::{Conditions, Filter, Kind, List, Wanted};
use crate::db::{Conn, DbError};
use crate::policy::{HolderId, Permission};
use crate::{sql_all, sql_exec, sql_one};
use livegrant_actors::{PositionId, RoleId};

/// The list of permissions, menus and buttons.
pub const CATALOGUE: List = List {
    columns: "p.id, p.application_id, p.code, p.name, p.description, p.kind, p.parent_id, p.level, p.sort, p.route, p.icon,
        p.builtin, p.critical, p.status, p.version",
    from: "sys_permission p",
    search: &["p.code", "p.name", "p.description"],
    filters: &[
        Filter::new("id", "p.id", Kind::Number),
        Filter::new("application", "p.application_id", Kind::Number),
        Filter::new("code", "p.code", Kind::Text),
        Filter::new("kind", "p.kind", Kind::Text),
        Filter::new("parent", "p.parent_id", Kind::Number),
        Filter::new("level", "p.level", Kind::Number),
        Filter::new("builtin", "p.builtin", Kind::Flag),
        Filter::new("critical", "p.critical", Kind::Flag),
        Filter::new("status", "p.status", Kind::Number),
    ],
    orders: &[
        ("id", "p.id"),
        ("application", "p.application_id"),
        ("code", "p.code"),
        ("name", "p.name"),
        ("kind", "p.kind"),
        ("level", "p.level"),
        ("sort", "p.sort"),
        ("status", "p.status"),
    ],
    order: "p.id",
    unique: "p.id",
};

/// Lists permissions.
pub async fn permissions(
    conn: &mut Conn,
    own: Conditions,
    wanted: &Wanted,
) -> Result<(i64, Vec<Permission>), DbError> {
    CATALOGUE.page(conn, own, wanted).await
}

/// Inserts a permission and answers its id.
pub async fn insert(conn: &mut Conn, row: &Permission) -> Result<i64, DbError> {
    let (id,) = sql_one!(
        conn,
        (i64,),
        "INSERT INTO sys_permission (application_id, code, name, description, kind, parent_id, level, sort, route, icon)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING id",
        row.application_id,
        &row.code,
        &row.name,
        &row.description,
        &row.kind,
        row.parent_id,
        row.level,
        row.sort,
        row.route.as_deref(),
        row.icon.as_deref()
    )?;
    Ok(id)
}

/// Changes a permission where its version still is the given one; 0 rows: somebody else was first.
pub async fn update(conn: &mut Conn, row: &Permission) -> Result<u64, DbError> {
    sql_exec!(
        conn,
        "UPDATE sys_permission SET code = $3, name = $4, description = $5, parent_id = $6, level = $7, sort = $8,
                route = $9, icon = $10, status = $11, version = version + 1
          WHERE id = $1 AND version = $2",
        row.id,
        row.version,
        &row.code,
        &row.name,
        &row.description,
        row.parent_id,
        row.level,
        row.sort,
        row.route.as_deref(),
        row.icon.as_deref(),
        row.status
    )
}

/// Moves a permission to another depth, with the menu that it hangs under.
pub async fn set_level(conn: &mut Conn, id: i64, level: i64) -> Result<u64, DbError> {
    sql_exec!(conn, "UPDATE sys_permission SET level = $2, version = version + 1 WHERE id = $1", id, level)
}

/// Lists the roles and positions that have a permission, in the order in which their rows are locked.
pub async fn holders(conn: &mut Conn, permission: i64) -> Result<Vec<HolderId>, DbError> {
    let roles = sql_all!(
        conn,
        (i64,),
        "SELECT role_id FROM sys_role_menu WHERE permission_id = $1 ORDER BY role_id",
        permission
    )?;
    let positions = sql_all!(
        conn,
        (i64,),
        "SELECT position_id FROM hr_r_position_permission WHERE permission_id = $1 ORDER BY position_id",
        permission
    )?;
    let roles = roles.into_iter().map(|(id,)| HolderId::Role(RoleId(id)));
    Ok(roles.chain(positions.into_iter().map(|(id,)| HolderId::Position(PositionId(id)))).collect())
}

/// Deletes a permission that nothing refers to any more.
pub async fn delete(conn: &mut Conn, id: i64) -> Result<u64, DbError> {
    sql_exec!(conn, "DELETE FROM sys_permission WHERE id = $1", id)
}
