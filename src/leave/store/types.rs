//! The SQL of the types of leave.

use crate::db::{Conn, DbError};
use crate::leave::calendar::Counts;
use crate::leave::model::{LeaveType, in_days};
use crate::leave::span::Unit;
use crate::{sql_all, sql_exec, sql_one, sql_opt};
use livegrant_actors::CompanyId;

/// A row of `hr_leave_type`.
#[expect(clippy::struct_excessive_bools, reason = "each is a column of its own")]
#[derive(Debug, sqlx::FromRow)]
struct TypeRow {
    id: i64,
    code: String,
    name: String,
    unit: String,
    allow_half_day: bool,
    counts: String,
    paid: bool,
    keeps_balance: bool,
    yearly: i64,
    attachment_from: Option<i64>,
    max_amount: Option<i64>,
    backdate_days: i64,
    ignores_blocks: bool,
    definition_code: String,
    sort: i64,
    status: i64,
    version: i64,
}

impl From<TypeRow> for LeaveType {
    fn from(row: TypeRow) -> Self {
        Self {
            id: row.id,
            code: row.code,
            name: row.name,
            unit: Unit::read(&row.unit),
            allow_half_day: row.allow_half_day,
            counts: Counts::read(&row.counts),
            paid: row.paid,
            keeps_balance: row.keeps_balance,
            yearly_days: in_days(row.yearly),
            requires_attachment: row.attachment_from.is_some(),
            attachment_from_days: row.attachment_from.map(in_days),
            max_days: row.max_amount.map(in_days),
            backdate_days: row.backdate_days,
            ignores_blocks: row.ignores_blocks,
            definition_code: row.definition_code,
            sort: row.sort,
            status: row.status,
            version: row.version,
        }
    }
}

/// What a type holds besides its keys; amounts in minutes.
#[expect(clippy::struct_excessive_bools, reason = "each is a column of its own")]
#[derive(Debug, Clone)]
pub struct TypeColumns<'a> {
    /// Unique in its company.
    pub code: &'a str,
    /// Display name.
    pub name: &'a str,
    /// `day` or `hour`.
    pub unit: Unit,
    /// Mornings and afternoons can be taken.
    pub allow_half_day: bool,
    /// Which days count.
    pub counts: Counts,
    /// Wages go on.
    pub paid: bool,
    /// Each person has so much of it a year.
    pub keeps_balance: bool,
    /// How much, where nothing else was set.
    pub yearly: i64,
    /// An attachment is needed from so much on.
    pub attachment_from: Option<i64>,
    /// The longest request.
    pub max_amount: Option<i64>,
    /// How many days back it may begin.
    pub backdate_days: i64,
    /// Block days do not concern it.
    pub ignores_blocks: bool,
    /// The definition that decides on it.
    pub definition_code: &'a str,
    /// Place in lists.
    pub sort: i64,
    /// 1 enabled, 0 disabled.
    pub status: i64,
}

/// Lists the types of a company, all of them: there are a dozen.
pub async fn types(conn: &mut Conn, company: CompanyId) -> Result<Vec<LeaveType>, DbError> {
    let rows = sql_all!(
        conn,
        TypeRow,
        "SELECT id, code, name, unit, allow_half_day, counts, paid, keeps_balance, yearly, attachment_from, max_amount,
                backdate_days, ignores_blocks, definition_code, sort, status, version
           FROM hr_leave_type WHERE company_id = $1 ORDER BY sort, id",
        company.0
    )?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// Finds a type by its code.
pub async fn coded(conn: &mut Conn, company: CompanyId, code: &str) -> Result<Option<LeaveType>, DbError> {
    let row = sql_opt!(
        conn,
        TypeRow,
        "SELECT id, code, name, unit, allow_half_day, counts, paid, keeps_balance, yearly, attachment_from, max_amount,
                backdate_days, ignores_blocks, definition_code, sort, status, version
           FROM hr_leave_type WHERE company_id = $1 AND code = $2",
        company.0,
        code
    )?;
    Ok(row.map(Into::into))
}

/// Counts the types of a company.
pub async fn count(conn: &mut Conn, company: CompanyId) -> Result<i64, DbError> {
    let (count,) =
        sql_one!(conn, (i64,), "SELECT count(*) FROM hr_leave_type WHERE company_id = $1", company.0)?;
    Ok(count)
}

/// Inserts a type; 0 rows: the code is taken.
pub async fn insert(
    conn: &mut Conn,
    company: CompanyId,
    new: &TypeColumns<'_>,
    now: i64,
) -> Result<u64, DbError> {
    sql_exec!(
        conn,
        "INSERT INTO hr_leave_type (company_id, code, name, unit, allow_half_day, counts, paid, keeps_balance, yearly,
            attachment_from, max_amount, backdate_days, ignores_blocks, definition_code, sort, status, created_at,
            updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $17)
         ON CONFLICT (company_id, code) DO NOTHING",
        company.0,
        new.code,
        new.name,
        new.unit.as_str(),
        new.allow_half_day,
        new.counts.as_str(),
        new.paid,
        new.keeps_balance,
        new.yearly,
        new.attachment_from,
        new.max_amount,
        new.backdate_days,
        new.ignores_blocks,
        new.definition_code,
        new.sort,
        new.status,
        now
    )
}

/// Changes a type where its version still is the given one; 0 rows: somebody else was first. The code stays.
pub async fn update(
    conn: &mut Conn,
    id: i64,
    version: i64,
    new: &TypeColumns<'_>,
    now: i64,
) -> Result<u64, DbError> {
    sql_exec!(
        conn,
        "UPDATE hr_leave_type
            SET name = $3, unit = $4, allow_half_day = $5, counts = $6, paid = $7, keeps_balance = $8, yearly = $9,
                attachment_from = $10, max_amount = $11, backdate_days = $12, ignores_blocks = $13,
                definition_code = $14, sort = $15, status = $16, version = version + 1, updated_at = $17
          WHERE id = $1 AND version = $2",
        id,
        version,
        new.name,
        new.unit.as_str(),
        new.allow_half_day,
        new.counts.as_str(),
        new.paid,
        new.keeps_balance,
        new.yearly,
        new.attachment_from,
        new.max_amount,
        new.backdate_days,
        new.ignores_blocks,
        new.definition_code,
        new.sort,
        new.status,
        now
    )
}
