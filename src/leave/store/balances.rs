//! The SQL of balances: what was given stands in a row, what was taken and is asked for is summed up from the requests.

use crate::db::{Author, Conn, DbError};
use crate::{sql_all, sql_exec};
use livegrant_actors::CompanyId;

/// What somebody has of a type in a year, in minutes.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct BalanceRow {
    /// The type.
    pub type_id: i64,
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Its unit.
    pub unit: String,
    /// Given.
    pub granted: i64,
    /// Of approved requests.
    pub used: i64,
    /// Of requests that are being decided on, or were sent back.
    pub pending: i64,
    /// For optimistic locking; 0 where nothing was set.
    pub version: i64,
}

impl BalanceRow {
    /// What is left to be asked for.
    pub fn left(&self) -> i64 {
        self.granted - self.used - self.pending
    }
}

/// Answers what somebody has of each type that keeps a balance, in a year, without one request.
pub async fn balances(
    conn: &mut Conn,
    company: CompanyId,
    staff: i64,
    year: i64,
    without: i64,
) -> Result<Vec<BalanceRow>, DbError> {
    sql_all!(
        conn,
        BalanceRow,
        "SELECT t.id AS type_id, t.code, t.name, t.unit, coalesce(b.granted, t.yearly) AS granted,
                CAST(coalesce((SELECT sum(h.amount) FROM hr_leave l JOIN hr_leave_share h ON h.leave_id = l.id
                  WHERE l.staff_id = $2 AND l.type_id = t.id AND h.year = $3 AND l.id <> $4
                    AND l.status = 'approved'), 0) AS BIGINT) AS used,
                CAST(coalesce((SELECT sum(h.amount) FROM hr_leave l JOIN hr_leave_share h ON h.leave_id = l.id
                  WHERE l.staff_id = $2 AND l.type_id = t.id AND h.year = $3 AND l.id <> $4
                    AND l.status IN ('running', 'returned')), 0) AS BIGINT) AS pending,
                coalesce(b.version, 0) AS version
           FROM hr_leave_type t
           LEFT JOIN hr_leave_balance b ON b.staff_id = $2 AND b.type_id = t.id AND b.year = $3
          WHERE t.company_id = $1 AND t.keeps_balance ORDER BY t.sort, t.id",
        company.0,
        staff,
        year,
        without
    )
}

/// Whose, of which type, in which year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    /// The staff record.
    pub staff: i64,
    /// The type.
    pub type_id: i64,
    /// The year.
    pub year: i64,
}

/// Sets what was given.
pub async fn set_granted(conn: &mut Conn, of: Account, granted: i64, now: i64) -> Result<u64, DbError> {
    sql_exec!(
        conn,
        "INSERT INTO hr_leave_balance (staff_id, type_id, year, granted, updated_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (staff_id, type_id, year) DO UPDATE
            SET granted = excluded.granted, version = hr_leave_balance.version + 1, updated_at = excluded.updated_at",
        of.staff,
        of.type_id,
        of.year,
        granted,
        now
    )
}

/// Notes who gave or took how much and why.
pub async fn log(
    conn: &mut Conn,
    of: Account,
    (from, to): (i64, i64),
    reason: &str,
    author: &Author,
    now: i64,
) -> Result<u64, DbError> {
    sql_exec!(
        conn,
        "INSERT INTO hr_leave_balance_log (staff_id, type_id, year, granted_from, granted_to, reason, operator_id,
            operator_name, at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        of.staff,
        of.type_id,
        of.year,
        from,
        to,
        reason,
        author.account.0,
        &author.name,
        now
    )
}

/// A line of the log, in minutes.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct LogRow {
    /// The type's code.
    pub code: String,
    /// The year.
    pub year: i64,
    /// Given before.
    pub granted_from: i64,
    /// Given after.
    pub granted_to: i64,
    /// Why.
    pub reason: String,
    /// By whom.
    pub operator_name: String,
    /// When.
    pub at: i64,
}

/// Lists the newest lines of somebody's log of a year.
pub async fn history(conn: &mut Conn, staff: i64, year: i64, limit: i64) -> Result<Vec<LogRow>, DbError> {
    sql_all!(
        conn,
        LogRow,
        "SELECT t.code, g.year, g.granted_from, g.granted_to, g.reason, g.operator_name, g.at
           FROM hr_leave_balance_log g JOIN hr_leave_type t ON t.id = g.type_id
          WHERE g.staff_id = $1 AND g.year = $2 ORDER BY g.id DESC LIMIT $3",
        staff,
        year,
        limit
    )
}
