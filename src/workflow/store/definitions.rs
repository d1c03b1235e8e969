//! The SQL of definitions.

use crate::db::paging::{Page, like};
use crate::db::{Conn, DbError};
use crate::workflow::definitions::model::{Content, ProcessSettings};
use crate::workflow::form::Form;
use crate::workflow::graph::Graph;
use crate::workflow::people::People;
use crate::{sql_all, sql_exec, sql_one, sql_opt};
use livegrant_actors::{AccountId, CompanyId};
use sqlx::types::Json;

/// A row of `wf_definition`.
#[expect(missing_docs, reason = "the fields are the columns of the same name")]
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct DefinitionRow {
    pub id: i64,
    pub company_id: i64,
    pub code: String,
    pub number: i64,
    pub name: String,
    pub category: String,
    pub status: String,
    pub starters: Json<People>,
    pub managers: Json<People>,
    pub settings: Json<ProcessSettings>,
    pub form: Json<Form>,
    pub graph: Json<Graph>,
    pub version: i64,
    pub created_by: i64,
    pub created_at: i64,
    pub updated_at: i64,
    pub published_at: Option<i64>,
}

/// Finds the version of a code with a status: of `draft` and of `published` and `suspended` together there is one at most.
pub async fn of_status(
    conn: &mut Conn,
    company: CompanyId,
    code: &str,
    status: &str,
) -> Result<Option<DefinitionRow>, DbError> {
    sql_opt!(
        conn,
        DefinitionRow,
        "SELECT * FROM wf_definition WHERE company_id = $1 AND code = $2 AND status = $3
          ORDER BY number DESC LIMIT 1",
        company.0,
        code,
        status
    )
}

/// Reads a version by its row.
pub async fn by_id(conn: &mut Conn, id: i64) -> Result<Option<DefinitionRow>, DbError> {
    sql_opt!(conn, DefinitionRow, "SELECT * FROM wf_definition WHERE id = $1", id)
}

/// Finds a version by its number.
pub async fn numbered(
    conn: &mut Conn,
    company: CompanyId,
    code: &str,
    number: i64,
) -> Result<Option<DefinitionRow>, DbError> {
    sql_opt!(
        conn,
        DefinitionRow,
        "SELECT * FROM wf_definition WHERE company_id = $1 AND code = $2 AND number = $3",
        company.0,
        code,
        number
    )
}

/// Finds the version of a code that says most: the one that takes instances or would, else the draft, else the newest.
pub async fn best(conn: &mut Conn, company: CompanyId, code: &str) -> Result<Option<DefinitionRow>, DbError> {
    sql_opt!(
        conn,
        DefinitionRow,
        "SELECT * FROM wf_definition WHERE company_id = $1 AND code = $2
          ORDER BY CASE status WHEN 'published' THEN 0 WHEN 'suspended' THEN 0 WHEN 'draft' THEN 1 ELSE 2 END,
                   number DESC LIMIT 1",
        company.0,
        code
    )
}

/// Lists the versions of a code, the newest first.
pub async fn versions(
    conn: &mut Conn,
    company: CompanyId,
    code: &str,
) -> Result<Vec<(i64, String)>, DbError> {
    sql_all!(
        conn,
        (i64, String),
        "SELECT number, status FROM wf_definition WHERE company_id = $1 AND code = $2 ORDER BY number DESC LIMIT 100",
        company.0,
        code
    )
}

/// Which versions to list.
#[derive(Debug, Clone, Default)]
pub struct DefinitionFilter {
    /// Of this status; all but retired ones when absent.
    pub status: Option<String>,
    /// Of this category.
    pub category: Option<String>,
    /// Part of the code or name.
    pub search: Option<String>,
}

/// Lists versions by code, the newest of a code first.
pub async fn list(
    conn: &mut Conn,
    company: CompanyId,
    filter: &DefinitionFilter,
    page: Page,
) -> Result<(i64, Vec<DefinitionRow>), DbError> {
    let search = filter.search.as_deref().map(like);
    let (count,) = sql_one!(
        conn,
        (i64,),
        "SELECT count(*) FROM wf_definition WHERE company_id = $1
            AND CASE WHEN CAST($2 AS TEXT) IS NULL THEN status <> 'retired' ELSE status = $2 END
            AND (CAST($3 AS TEXT) IS NULL OR category = $3)
            AND (CAST($4 AS TEXT) IS NULL OR lower(code) LIKE $4 ESCAPE '!' OR lower(name) LIKE $4 ESCAPE '!')",
        company.0,
        filter.status.as_deref(),
        filter.category.as_deref(),
        search.as_deref()
    )?;
    let rows = sql_all!(
        conn,
        DefinitionRow,
        "SELECT * FROM wf_definition WHERE company_id = $1
            AND CASE WHEN CAST($2 AS TEXT) IS NULL THEN status <> 'retired' ELSE status = $2 END
            AND (CAST($3 AS TEXT) IS NULL OR category = $3)
            AND (CAST($4 AS TEXT) IS NULL OR lower(code) LIKE $4 ESCAPE '!' OR lower(name) LIKE $4 ESCAPE '!')
          ORDER BY code, number DESC LIMIT $5 OFFSET $6",
        company.0,
        filter.status.as_deref(),
        filter.category.as_deref(),
        search.as_deref(),
        page.limit(),
        page.offset()
    )?;
    Ok((count, rows))
}

/// Answers the highest number of a code; 0: there is no version.
pub async fn last_number(conn: &mut Conn, company: CompanyId, code: &str) -> Result<i64, DbError> {
    let (last,) = sql_one!(
        conn,
        (i64,),
        "SELECT coalesce(max(number), 0) FROM wf_definition WHERE company_id = $1 AND code = $2",
        company.0,
        code
    )?;
    Ok(last)
}

/// The place of a version.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// Whose it is.
    pub company: CompanyId,
    /// Of which code.
    pub code: &'a str,
    /// Which version.
    pub number: i64,
}

/// Inserts a draft; [`DbError::Duplicate`] where there is one already.
pub async fn insert(
    conn: &mut Conn,
    place: Place<'_>,
    content: &Content,
    by: AccountId,
    now: i64,
) -> Result<i64, DbError> {
    let (id,) = sql_one!(
        conn,
        (i64,),
        "INSERT INTO wf_definition (company_id, code, number, name, category, status, starters, managers, settings, form,
            graph, created_by, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, 'draft', $6, $7, $8, $9, $10, $11, $12, $12) RETURNING id",
        place.company.0,
        place.code,
        place.number,
        &content.name,
        &content.category,
        Json(&content.starters),
        Json(&content.managers),
        Json(&content.settings),
        Json(&content.form),
        Json(&content.graph),
        by.0,
        now
    )?;
    Ok(id)
}

/// Changes a draft where its version still is the given one; 0 rows: somebody else was first, or published it.
pub async fn update(
    conn: &mut Conn,
    id: i64,
    content: &Content,
    version: i64,
    now: i64,
) -> Result<u64, DbError> {
    sql_exec!(
        conn,
        "UPDATE wf_definition SET name = $3, category = $4, starters = $5, managers = $6, settings = $7, form = $8,
                graph = $9, version = version + 1, updated_at = $10
          WHERE id = $1 AND version = $2 AND status = 'draft'",
        id,
        version,
        &content.name,
        &content.category,
        Json(&content.starters),
        Json(&content.managers),
        Json(&content.settings),
        Json(&content.form),
        Json(&content.graph),
        now
    )
}

/// Retires the version of a code that takes instances, or would.
pub async fn retire_live(conn: &mut Conn, company: CompanyId, code: &str, now: i64) -> Result<u64, DbError> {
    sql_exec!(
        conn,
        "UPDATE wf_definition SET status = 'retired', version = version + 1, updated_at = $3
          WHERE company_id = $1 AND code = $2 AND status IN ('published', 'suspended')",
        company.0,
        code,
        now
    )
}

/// Sets the status of a version where its version still is the given one.
pub async fn set_status(
    conn: &mut Conn,
    id: i64,
    status: &str,
    version: i64,
    now: i64,
) -> Result<u64, DbError> {
    sql_exec!(
        conn,
        "UPDATE wf_definition SET status = $3, version = version + 1, updated_at = $4,
                published_at = CASE WHEN $3 = 'published' THEN coalesce(published_at, $4) ELSE published_at END
          WHERE id = $1 AND version = $2",
        id,
        version,
        status,
        now
    )
}
