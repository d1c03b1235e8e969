//! The SQL of who is in which position.

use crate::db::listing::{Conditions, Filter, Kind, List, Wanted};
use crate::db::{Conn, DbError};
use crate::hr::model::{HeldRow, POSITIONS_MAX, PositionChange, StaffId};
use crate::{sql_all, sql_exec, sql_opt};
use livegrant_actors::{AccountId, CompanyId, PositionId};

/// Who is in which position.
const HELD: List = List {
    columns: "held.staff_id, held.position_id, p.guid AS position_guid, p.code, p.name, held.is_primary,
        held.change_type, held.valid_from, held.valid_to, held.started",
    from: "hr_r_staff_position held JOIN hr_position p ON p.id = held.position_id",
    search: &[],
    filters: &[],
    orders: &[],
    order: "held.staff_id, held.position_id",
    unique: "held.position_id",
};

/// Lists which positions the people of one page are in: one query, and no more rows than all of them may have.
pub async fn held_by_each(conn: &mut Conn, staff: &[StaffId]) -> Result<Vec<HeldRow>, DbError> {
    let mut own = Conditions::default();
    own.push_in("held.staff_id", staff.iter().map(|id| id.0.into()).collect());
    HELD.first(conn, own, (staff.len() * POSITIONS_MAX) as i64).await
}

/// Lists the positions that a person is in.
pub async fn held_by(conn: &mut Conn, staff: StaffId) -> Result<Vec<HeldRow>, DbError> {
    held_by_each(conn, &[staff]).await
}

/// Lists who is in a position, by staff record: everybody's record and account, and whether it has begun.
pub async fn holders_of(
    conn: &mut Conn,
    position: PositionId,
) -> Result<Vec<(i64, Option<i64>, bool)>, DbError> {
    sql_all!(
        conn,
        (i64, Option<i64>, bool),
        "SELECT s.id, s.account_id, held.started FROM hr_r_staff_position held JOIN hr_staff s ON s.id = held.staff_id
          WHERE held.position_id = $1 ORDER BY s.id",
        position.0
    )
}

/// Reads a position's name and company.
pub async fn position_name(
    conn: &mut Conn,
    position: PositionId,
) -> Result<Option<(String, CompanyId)>, DbError> {
    let row =
        sql_opt!(conn, (String, i64), "SELECT name, company_id FROM hr_position WHERE id = $1", position.0)?;
    Ok(row.map(|(name, company)| (name, CompanyId(company))))
}

/// Writes a line into a person's history; `names` are what the person was and is.
pub async fn log(
    conn: &mut Conn,
    staff: StaffId,
    position: PositionId,
    names: (&str, &str),
    change_type: &str,
    by: AccountId,
    now: i64,
) -> Result<u64, DbError> {
    sql_exec!(
        conn,
        "INSERT INTO hr_staff_position_log (staff_id, position_id, old_position, new_position, change_type, operator_id, at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        staff.0,
        position.0,
        names.0,
        names.1,
        change_type,
        by.0,
        now
    )
}

/// A person's history, the newest first.
pub const HISTORY: List = List {
    columns: "l.id, p.guid AS position_guid, l.old_position, l.new_position, l.change_type, l.operator_id,
        u.username AS operator_name, l.at",
    from: "hr_staff_position_log l LEFT JOIN hr_position p ON p.id = l.position_id
        LEFT JOIN sys_login_user u ON u.user_id = l.operator_id",
    search: &["l.old_position", "l.new_position"],
    filters: &[
        Filter::new("change_type", "l.change_type", Kind::Text),
        Filter::new("position_guid", "p.guid", Kind::Guid),
        Filter::new("at", "l.at", Kind::Instant),
    ],
    orders: &[("id", "l.id"), ("at", "l.at")],
    order: "l.id DESC",
    unique: "l.id DESC",
};

/// Lists a person's history.
pub async fn history(
    conn: &mut Conn,
    staff: StaffId,
    wanted: &Wanted,
) -> Result<(i64, Vec<PositionChange>), DbError> {
    HISTORY.page(conn, Conditions::new("l.staff_id = ?", [staff.0.into()]), wanted).await
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
