//! The SQL of the company's days: holidays, make-up days, and days on which leave is not given. Days are `2026-11-22`, whose
//! order as texts is their order in time.

use crate::db::{Conn, DbError};
use crate::{sql_all, sql_exec, sql_one, sql_opt};
use livegrant_actors::CompanyId;
use serde::Serialize;
use utoipa::ToSchema;

/// What a day is by decree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow, ToSchema)]
pub struct CalendarDay {
    /// `2026-10-01`.
    pub day: String,
    /// `holiday` or `working`.
    pub kind: String,
    /// `国庆节`.
    pub name: String,
}

/// Lists what days are by decree from one day to another.
pub async fn days(
    conn: &mut Conn,
    company: CompanyId,
    first: &str,
    last: &str,
) -> Result<Vec<CalendarDay>, DbError> {
    sql_all!(
        conn,
        CalendarDay,
        "SELECT day, kind, name FROM hr_calendar_day WHERE company_id = $1 AND day >= $2 AND day <= $3 ORDER BY day",
        company.0,
        first,
        last
    )
}

/// Says what a day is; what was said before no longer counts.
pub async fn put_day(conn: &mut Conn, company: CompanyId, day: &CalendarDay) -> Result<u64, DbError> {
    sql_exec!(
        conn,
        "INSERT INTO hr_calendar_day (company_id, day, kind, name) VALUES ($1, $2, $3, $4)
         ON CONFLICT (company_id, day) DO UPDATE SET kind = excluded.kind, name = excluded.name",
        company.0,
        &day.day,
        &day.kind,
        &day.name
    )
}

/// Makes a day what it is by its day of the week.
pub async fn delete_day(conn: &mut Conn, company: CompanyId, day: &str) -> Result<u64, DbError> {
    sql_exec!(conn, "DELETE FROM hr_calendar_day WHERE company_id = $1 AND day = $2", company.0, day)
}

/// Days on which leave is not given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow, ToSchema)]
pub struct Block {
    /// 36-character id.
    pub guid: String,
    /// Code of the type that it concerns; null: all that do not ignore such days.
    pub leave_type: Option<String>,
    /// The first day.
    pub first_day: String,
    /// The last day.
    pub last_day: String,
    /// Why.
    pub reason: String,
}

/// Lists the blocks of a company that end on a day or later.
pub async fn blocks(conn: &mut Conn, company: CompanyId, from: &str) -> Result<Vec<Block>, DbError> {
    sql_all!(
        conn,
        Block,
        "SELECT b.guid, t.code AS leave_type, b.first_day, b.last_day, b.reason
           FROM hr_leave_block b LEFT JOIN hr_leave_type t ON t.id = b.type_id
          WHERE b.company_id = $1 AND b.last_day >= $2 ORDER BY b.first_day, b.id",
        company.0,
        from
    )
}

/// Counts all blocks of a company.
pub async fn block_count(conn: &mut Conn, company: CompanyId) -> Result<i64, DbError> {
    let (count,) =
        sql_one!(conn, (i64,), "SELECT count(*) FROM hr_leave_block WHERE company_id = $1", company.0)?;
    Ok(count)
}

/// Finds the first block of a type that has one of these days.
pub async fn block_in_the_way(
    conn: &mut Conn,
    company: CompanyId,
    type_id: i64,
    first: &str,
    last: &str,
) -> Result<Option<Block>, DbError> {
    sql_opt!(
        conn,
        Block,
        "SELECT b.guid, t.code AS leave_type, b.first_day, b.last_day, b.reason
           FROM hr_leave_block b LEFT JOIN hr_leave_type t ON t.id = b.type_id
          WHERE b.company_id = $1 AND b.last_day >= $3 AND b.first_day <= $4
            AND (b.type_id IS NULL OR b.type_id = $2)
          ORDER BY b.first_day, b.id LIMIT 1",
        company.0,
        type_id,
        first,
        last
    )
}

/// Inserts a block.
pub async fn insert_block(
    conn: &mut Conn,
    company: CompanyId,
    type_id: Option<i64>,
    new: &Block,
    now: i64,
) -> Result<u64, DbError> {
    sql_exec!(
        conn,
        "INSERT INTO hr_leave_block (guid, company_id, type_id, first_day, last_day, reason, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &new.guid,
        company.0,
        type_id,
        &new.first_day,
        &new.last_day,
        &new.reason,
        now
    )
}

/// Deletes a block.
pub async fn delete_block(conn: &mut Conn, company: CompanyId, guid: &str) -> Result<u64, DbError> {
    sql_exec!(conn, "DELETE FROM hr_leave_block WHERE company_id = $1 AND guid = $2", company.0, guid)
}
