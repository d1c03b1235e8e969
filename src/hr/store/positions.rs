//! The SQL of positions.

use crate::db::paging::Page;
use crate::db::{Conn, DbError};
use crate::hr::model::Position;
use crate::{sql_all, sql_exec, sql_one, sql_opt};
use livegrant_actors::{CompanyId, PositionId};

/// Lists the positions of a company.
pub async fn positions(
    conn: &mut Conn,
    company: CompanyId,
    search: Option<&str>,
    page: Page,
) -> Result<(i64, Vec<Position>), DbError> {
    let like = search.map(crate::db::paging::like);
    let (count,) = sql_one!(
        conn,
        (i64,),
        "SELECT count(*) FROM hr_position WHERE company_id = $1
            AND (CAST($2 AS TEXT) IS NULL OR lower(code) LIKE $2 ESCAPE '!' OR lower(name) LIKE $2 ESCAPE '!')",
        company.0,
        like.as_deref()
    )?;
    let rows = sql_all!(
        conn,
        Position,
        "SELECT p.id, p.guid, p.code, p.name, o.guid AS organization_guid, p.is_manager, p.status, p.version,
                (SELECT count(*) FROM hr_r_staff_position held WHERE held.position_id = p.id) AS holders
           FROM hr_position p LEFT JOIN hr_organization o ON o.id = p.org_id
          WHERE p.company_id = $1
            AND (CAST($2 AS TEXT) IS NULL OR lower(p.code) LIKE $2 ESCAPE '!' OR lower(p.name) LIKE $2 ESCAPE '!')
          ORDER BY p.id LIMIT $3 OFFSET $4",
        company.0,
        like.as_deref(),
        page.limit(),
        page.offset()
    )?;
    Ok((count, rows))
}

/// Finds a position of a company.
pub async fn position(conn: &mut Conn, company: CompanyId, guid: &str) -> Result<Option<Position>, DbError> {
    sql_opt!(
        conn,
        Position,
        "SELECT p.id, p.guid, p.code, p.name, o.guid AS organization_guid, p.is_manager, p.status, p.version,
                (SELECT count(*) FROM hr_r_staff_position held WHERE held.position_id = p.id) AS holders
           FROM hr_position p LEFT JOIN hr_organization o ON o.id = p.org_id
          WHERE p.company_id = $1 AND p.guid = $2",
        company.0,
        guid
    )
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
        "INSERT INTO hr_position (guid, company_id, org_id, code, name, is_manager, status, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8) RETURNING id",
        guid,
        company.0,
        new.org_id,
        new.code,
        new.name,
        new.is_manager,
        new.status,
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
        "UPDATE hr_position SET org_id = $2, code = $3, name = $4, is_manager = $5, status = $6,
                version = version + 1, updated_at = $7
          WHERE id = $1",
        id.0,
        new.org_id,
        new.code,
        new.name,
        new.is_manager,
        new.status,
        now
    )
}

/// Deletes a position with its permissions and everybody's hold on it.
pub async fn delete_position(conn: &mut Conn, id: PositionId) -> Result<(), DbError> {
    sql_exec!(conn, "DELETE FROM hr_r_staff_position WHERE position_id = $1", id.0)?;
    sql_exec!(conn, "DELETE FROM hr_r_position_permission WHERE position_id = $1", id.0)?;
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
