//! The SQL of positions.

use crate::db::listing::{Conditions, Filter, Kind, List, Wanted};
use crate::db::{Conn, DbError};
use crate::hr::model::Position;
use crate::{sql_all, sql_exec, sql_one, sql_opt};
use livegrant_actors::{CompanyId, PositionId};

/// The list of positions.
pub const POSITIONS: List = List {
    columns: "p.id, p.guid, p.code, p.name, o.guid AS organization_guid, p.org_id, p.is_manager, p.level, p.headcount,
        p.data_scope, p.status, p.version,
        (SELECT count(*) FROM hr_r_staff_position held WHERE held.position_id = p.id) AS holders",
    from: "hr_position p LEFT JOIN hr_organization o ON o.id = p.org_id",
    search: &["p.code", "p.name"],
    filters: &[
        Filter::new("guid", "p.guid", Kind::Guid),
        Filter::new("code", "p.code", Kind::Text),
        Filter::new("name", "p.name", Kind::Text),
        Filter::new("organization_guid", "o.guid", Kind::Guid),
        Filter::new("is_manager", "p.is_manager", Kind::Flag),
        Filter::new("level", "p.level", Kind::Number),
        Filter::new("status", "p.status", Kind::Number),
        Filter::new("data_scope", "p.data_scope", Kind::Text),
    ],
    orders: &[
        ("id", "p.id"),
        ("code", "p.code"),
        ("name", "p.name"),
        ("level", "p.level"),
        ("created_at", "p.created_at"),
        ("updated_at", "p.updated_at"),
    ],
    order: "p.id",
    unique: "p.id",
};

/// Positions of a company.
pub fn of_company(company: CompanyId) -> Conditions {
    Conditions::new("p.company_id = ?", [company.0.into()])
}

/// Lists positions.
pub async fn positions(
    conn: &mut Conn,
    own: Conditions,
    wanted: &Wanted,
) -> Result<(i64, Vec<Position>), DbError> {
    POSITIONS.page(conn, own, wanted).await
}

/// Finds a position.
pub async fn position(conn: &mut Conn, mut own: Conditions, guid: &str) -> Result<Option<Position>, DbError> {
    own.push("p.guid = ?", [guid.into()]);
    POSITIONS.one(conn, own).await
}

/// Finds a position by its code.
pub async fn position_coded(
    conn: &mut Conn,
    company: CompanyId,
    code: &str,
) -> Result<Option<PositionId>, DbError> {
    let row = sql_opt!(
        conn,
        (i64,),
        "SELECT id FROM hr_position WHERE company_id = $1 AND code = $2",
        company.0,
        code
    )?;
    Ok(row.map(|row| PositionId(row.0)))
}

/// Locks a position's row until the end of the transaction: its changes follow each other. 0 rows: there is none.
pub async fn lock_position(
    conn: &mut Conn,
    company: CompanyId,
    guid: &str,
    now: i64,
) -> Result<u64, DbError> {
    sql_exec!(
        conn,
        "UPDATE hr_position SET updated_at = $3 WHERE company_id = $1 AND guid = $2",
        company.0,
        guid,
        now
    )
}

/// What a position's row holds besides its keys.
#[derive(Debug, Clone)]
pub struct PositionColumns<'a> {
    /// Unique in its company.
    pub code: &'a str,
    /// Display name.
    pub name: &'a str,
    /// The organisation's row.
    pub org_id: Option<i64>,
    /// Leads others.
    pub is_manager: bool,
    /// 1 enabled, 0 disabled.
    pub status: i64,
    /// Rank.
    pub level: i64,
    /// People who may be in it at once.
    pub headcount: Option<i64>,
    /// The name of its data scope.
    pub data_scope: &'a str,
}

/// Inserts a position without permissions.
pub async fn insert_position(
    conn: &mut Conn,
    company: CompanyId,
    guid: &str,
    new: &PositionColumns<'_>,
    now: i64,
) -> Result<PositionId, DbError> {
    let (id,) = sql_one!(
        conn,
        (i64,),
        "INSERT INTO hr_position (guid, company_id, org_id, code, name, is_manager, status, level, headcount, data_scope,
            created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11) RETURNING id",
        guid,
        company.0,
        new.org_id,
        new.code,
        new.name,
        new.is_manager,
        new.status,
        new.level,
        new.headcount,
        new.data_scope,
        now
    )?;
    Ok(PositionId(id))
}

/// Changes a position and raises its version.
pub async fn update_position(
    conn: &mut Conn,
    id: PositionId,
    new: &PositionColumns<'_>,
    now: i64,
) -> Result<u64, DbError> {
    sql_exec!(
        conn,
        "UPDATE hr_position SET org_id = $2, code = $3, name = $4, is_manager = $5, status = $6, level = $7, headcount = $8,
                data_scope = $9, version = version + 1, updated_at = $10
          WHERE id = $1",
        id.0,
        new.org_id,
        new.code,
        new.name,
        new.is_manager,
        new.status,
        new.level,
        new.headcount,
        new.data_scope,
        now
    )
}

/// Deletes a position with its permissions and everybody's hold on it.
pub async fn delete_position(conn: &mut Conn, id: PositionId) -> Result<(), DbError> {
    sql_exec!(conn, "DELETE FROM hr_r_staff_position WHERE position_id = $1", id.0)?;
    sql_exec!(conn, "DELETE FROM hr_r_position_permission WHERE position_id = $1", id.0)?;
    sql_exec!(
        conn,
        "DELETE FROM sys_data_scope_org WHERE holder_kind = 'position' AND holder_id = $1",
        id.0
    )?;
    sql_exec!(conn, "DELETE FROM hr_position WHERE id = $1", id.0)?;
    Ok(())
}

/// Lists the codes that a position carries, sorted.
pub async fn permissions_of(conn: &mut Conn, id: PositionId) -> Result<Vec<String>, DbError> {
    let rows = sql_all!(
        conn,
        (String,),
        "SELECT p.code FROM hr_r_position_permission m JOIN sys_permission p ON p.id = m.permission_id
          WHERE m.position_id = $1 ORDER BY p.code",
        id.0
    )?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// Lets a position that nobody is in yet carry a code, in the system's name.
pub async fn carry(conn: &mut Conn, id: PositionId, code: &str, now: i64) -> Result<u64, DbError> {
    sql_exec!(
        conn,
        "INSERT INTO hr_r_position_permission (position_id, permission_id, update_time, granted_by)
         SELECT CAST($1 AS BIGINT), id, CAST($3 AS BIGINT), 0 FROM sys_permission WHERE code = $2",
        id.0,
        code,
        now
    )
}
