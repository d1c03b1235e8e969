//! The SQL that finds the objects of access questions.

use crate::db::{Conn, DbError};
use crate::sql_opt;
use livegrant_actors::CompanyId;

/// Answers whether the company has an organisation of this guid.
pub async fn organization_exists(conn: &mut Conn, company: CompanyId, guid: &str) -> Result<bool, DbError> {
    let row = sql_opt!(
        conn,
        (i64,),
        "SELECT id FROM hr_organization WHERE company_id = $1 AND guid = $2",
        company.0,
        guid
    )?;
    Ok(row.is_some())
}

/// Answers whether the company has a position of this guid.
pub async fn position_exists(conn: &mut Conn, company: CompanyId, guid: &str) -> Result<bool, DbError> {
    let row = sql_opt!(
        conn,
        (i64,),
        "SELECT id FROM hr_position WHERE company_id = $1 AND guid = $2",
        company.0,
        guid
    )?;
    Ok(row.is_some())
}
