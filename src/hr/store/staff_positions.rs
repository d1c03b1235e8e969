//! The SQL of who is in which position.

use crate::db::paging::Page;
use crate::db::{Conn, DbError};
use crate::hr::model::{HeldRow, StaffId};
use crate::{sql_all, sql_exec};
use livegrant_actors::{AccountId, CompanyId, PositionId};

/// Lists who of a page of staff (see [`super::staff::staff`]) is in which position: one query whatever the page's size.
pub async fn held_on_page(
    conn: &mut Conn,
    company: CompanyId,
    search: Option<&str>,
    page: Page,
) -> Result<Vec<HeldRow>, DbError> {
    let like = search.map(crate::db::paging::like);
    sql_all!(
        conn,
        HeldRow,
        "SELECT held.staff_id, held.position_id, p.guid AS position_guid, p.code, p.name, held.is_primary,
                held.change_type, held.valid_from, held.valid_to, held.started
           FROM hr_r_staff_position held JOIN hr_position p ON p.id = held.position_id
          WHERE held.staff_id IN (SELECT s.id FROM hr_staff s WHERE s.company_id = $1
                AND (CAST($2 AS TEXT) IS NULL OR lower(s.staff_no) LIKE $2 ESCAPE '!' OR lower(s.name) LIKE $2 ESCAPE '!')
                ORDER BY s.id LIMIT $3 OFFSET $4)
          ORDER BY held.staff_id, held.position_id",
        company.0,
        like.as_deref(),
        page.limit(),
        page.offset()
    )
}

/// Lists the positions that a person is in.
pub async fn held_by(conn: &mut Conn, staff: StaffId) -> Result<Vec<HeldRow>, DbError> {
    sql_all!(
        conn,
        HeldRow,
        "SELECT held.staff_id, held.position_id, p.guid AS position_guid, p.code, p.name, held.is_primary,
                held.change_type, held.valid_from, held.valid_to, held.started
           FROM hr_r_staff_position held JOIN hr_position p ON p.id = held.position_id
          WHERE held.staff_id = $1 ORDER BY held.position_id",
        staff.0
    )
}

/// How a person is in a position.
#[derive(Debug, Clone)]
pub struct Hold<'a> {
    /// The person's main position.
    pub is_primary: bool,
    /// How the person came into it.
    pub change_type: &'a str,
    /// Starts at, in UTC milliseconds.
    pub from: Option<i64>,
    /// Ends before, in UTC milliseconds.
    pub to: Option<i64>,
}

/// Puts a person into a position, or changes how he is in it.
pub async fn hold(
    conn: &mut Conn,
    staff: StaffId,
    position: PositionId,
    hold: &Hold<'_>,
    by: AccountId,
    now: i64,
) -> Result<u64, DbError> {
    sql_exec!(
        conn,
        "INSERT INTO hr_r_staff_position (staff_id, position_id, is_primary, change_type, valid_from, valid_to, started,
            assigned_by, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT (staff_id, position_id) DO UPDATE SET is_primary = excluded.is_primary,
            change_type = excluded.change_type, valid_from = excluded.valid_from, valid_to = excluded.valid_to,
            started = excluded.started, assigned_by = excluded.assigned_by",
        staff.0,
        position.0,
        hold.is_primary,
        hold.change_type,
        hold.from,
        hold.to,
        hold.from.is_none_or(|from| from <= now),
        by.0,
        now
    )
}

/// Makes a position the only main one of a person.
pub async fn make_others_secondary(
    conn: &mut Conn,
    staff: StaffId,
    position: PositionId,
) -> Result<u64, DbError> {
    sql_exec!(
        conn,
        "UPDATE hr_r_staff_position SET is_primary = FALSE WHERE staff_id = $1 AND position_id <> $2 AND is_primary",
        staff.0,
        position.0
    )
}

/// Takes a person out of a position.
pub async fn end_hold(conn: &mut Conn, staff: StaffId, position: PositionId) -> Result<u64, DbError> {
    sql_exec!(
        conn,
        "DELETE FROM hr_r_staff_position WHERE staff_id = $1 AND position_id = $2",
        staff.0,
        position.0
    )
}

/// Takes a person out of all positions.
pub async fn end_holds(conn: &mut Conn, staff: StaffId) -> Result<u64, DbError> {
    sql_exec!(conn, "DELETE FROM hr_r_staff_position WHERE staff_id = $1", staff.0)
}
