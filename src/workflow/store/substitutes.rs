//! The SQL of substitutes.

use crate::db::paging::Page;
use crate::db::{Conn, DbError};
use crate::{sql_all, sql_exec, sql_one, sql_opt};
use livegrant_actors::{AccountId, CompanyId};

/// Substitutions of one company that count at one time at most; the newest win. Ten thousand people away at once.
const IN_FORCE_MAX: i64 = 10_000;

/// Lists who acts for whom now in a definition, `(account, substitute)`: what is said for the definition alone first, then
/// what is said for all, the newer before the older.
pub async fn in_force(
    conn: &mut Conn,
    company: CompanyId,
    definition: &str,
    now: i64,
) -> Result<Vec<(i64, i64)>, DbError> {
    sql_all!(
        conn,
        (i64, i64),
        "SELECT account_id, substitute_id FROM wf_substitute
          WHERE company_id = $1 AND (definition_code IS NULL OR definition_code = $2)
            AND (valid_from IS NULL OR valid_from <= $3) AND (valid_to IS NULL OR valid_to > $3)
          ORDER BY CASE WHEN definition_code IS NULL THEN 1 ELSE 0 END, id DESC LIMIT $4",
        company.0,
        definition,
        now,
        IN_FORCE_MAX
    )
}

/// Who acts for whom, and when.
#[expect(missing_docs, reason = "the fields are the columns of the same name")]
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct SubstituteRow {
    pub id: i64,
    pub account_id: i64,
    pub substitute_id: i64,
    pub definition_code: Option<String>,
    pub valid_from: Option<i64>,
    pub valid_to: Option<i64>,
    pub reason: String,
    pub hand_over_open: bool,
    pub created_at: i64,
}

/// Lists substitutions of a company, the newest first: those that somebody takes part in, or all.
pub async fn list(
    conn: &mut Conn,
    company: CompanyId,
    account: Option<AccountId>,
    page: Page,
) -> Result<(i64, Vec<SubstituteRow>), DbError> {
    let account = account.map(|account| account.0);
    let (count,) = sql_one!(
        conn,
        (i64,),
        "SELECT count(*) FROM wf_substitute WHERE company_id = $1
            AND (CAST($2 AS BIGINT) IS NULL OR account_id = $2 OR substitute_id = $2)",
        company.0,
        account
    )?;
    let rows = sql_all!(
        conn,
        SubstituteRow,
        "SELECT id, account_id, substitute_id, definition_code, valid_from, valid_to, reason, hand_over_open, created_at
           FROM wf_substitute WHERE company_id = $1
            AND (CAST($2 AS BIGINT) IS NULL OR account_id = $2 OR substitute_id = $2)
          ORDER BY id DESC LIMIT $3 OFFSET $4",
        company.0,
        account,
        page.limit(),
        page.offset()
    )?;
    Ok((count, rows))
}

/// Finds a substitution of a company.
pub async fn by_id(conn: &mut Conn, company: CompanyId, id: i64) -> Result<Option<SubstituteRow>, DbError> {
    sql_opt!(
        conn,
        SubstituteRow,
        "SELECT id, account_id, substitute_id, definition_code, valid_from, valid_to, reason, hand_over_open, created_at
           FROM wf_substitute WHERE company_id = $1 AND id = $2",
        company.0,
        id
    )
}

/// Counts the substitutions of somebody that are not over.
pub async fn count_of(
    conn: &mut Conn,
    company: CompanyId,
    account: AccountId,
    now: i64,
) -> Result<i64, DbError> {
    let (count,) = sql_one!(
        conn,
        (i64,),
        "SELECT count(*) FROM wf_substitute
          WHERE company_id = $1 AND account_id = $2 AND (valid_to IS NULL OR valid_to > $3)",
        company.0,
        account.0,
        now
    )?;
    Ok(count)
}

/// Inserts a substitution.
pub async fn insert(
    conn: &mut Conn,
    company: CompanyId,
    row: &SubstituteRow,
    by: AccountId,
) -> Result<i64, DbError> {
    let (id,) = sql_one!(
        conn,
        (i64,),
        "INSERT INTO wf_substitute (company_id, account_id, substitute_id, definition_code, valid_from, valid_to, reason,
            hand_over_open, created_by, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING id",
        company.0,
        row.account_id,
        row.substitute_id,
        row.definition_code.as_deref(),
        row.valid_from,
        row.valid_to,
        &row.reason,
        row.hand_over_open,
        by.0,
        row.created_at
    )?;
    Ok(id)
}

/// Deletes a substitution.
pub async fn delete(conn: &mut Conn, id: i64) -> Result<u64, DbError> {
    sql_exec!(conn, "DELETE FROM wf_substitute WHERE id = $1", id)
}
