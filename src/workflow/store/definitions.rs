//! The SQL of definitions.

use crate::db::{Conn, DbError};
use crate::sql_opt;
use crate::workflow::definitions::ProcessSettings;
use crate::workflow::form::Form;
use crate::workflow::graph::Graph;
use crate::workflow::people::People;
use livegrant_actors::CompanyId;
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
