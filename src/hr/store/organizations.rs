//! The SQL of organisations.

use crate::db::paging::Page;
use crate::db::{Conn, DbError};
use crate::hr::model::{Organization, OrganizationPatch};
use crate::{sql_all, sql_exec, sql_one, sql_opt};
use livegrant_actors::CompanyId;

/// Lists the organisations of a company.
pub async fn organizations(
    conn: &mut Conn,
    company: CompanyId,
    search: Option<&str>,
    page: Page,
) -> Result<(i64, Vec<Organization>), DbError> {
    let like = search.map(crate::db::paging::like);
    let (count,) = sql_one!(
        conn,
        (i64,),
        "SELECT count(*) FROM hr_organization WHERE company_id = $1
            AND (CAST($2 AS TEXT) IS NULL OR lower(code) LIKE $2 ESCAPE '!' OR lower(name) LIKE $2 ESCAPE '!')",
        company.0,
        like.as_deref()
    )?;
    let rows = sql_all!(
        conn,
        Organization,
        "SELECT id, guid, code, name, version FROM hr_organization WHERE company_id = $1
            AND (CAST($2 AS TEXT) IS NULL OR lower(code) LIKE $2 ESCAPE '!' OR lower(name) LIKE $2 ESCAPE '!')
          ORDER BY id LIMIT $3 OFFSET $4",
        company.0,
        like.as_deref(),
        page.limit(),
        page.offset()
    )?;
    Ok((count, rows))
}

/// Finds an organisation of a company.
pub async fn organization(
    conn: &mut Conn,
    company: CompanyId,
    guid: &str,
) -> Result<Option<Organization>, DbError> {
    sql_opt!(
        conn,
        Organization,
        "SELECT id, guid, code, name, version FROM hr_organization WHERE company_id = $1 AND guid = $2",
        company.0,
        guid
    )
}

/// Finds the row of an organisation by its code.
pub async fn organization_coded(
    conn: &mut Conn,
    company: CompanyId,
    code: &str,
) -> Result<Option<i64>, DbError> {
    let row = sql_opt!(
        conn,
        (i64,),
        "SELECT id FROM hr_organization WHERE company_id = $1 AND code = $2",
        company.0,
        code
    )?;
    Ok(row.map(|row| row.0))
}

/// Inserts an organisation.
pub async fn insert_organization(
    conn: &mut Conn,
    company: CompanyId,
    guid: &str,
    code: &str,
    name: &str,
    now: i64,
) -> Result<i64, DbError> {
    let (id,) = sql_one!(
        conn,
        (i64,),
        "INSERT INTO hr_organization (guid, company_id, code, name, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $5) RETURNING id",
        guid,
        company.0,
        code,
        name,
        now
    )?;
    Ok(id)
}

/// Changes an organisation where its version still is the given one; 0 rows: somebody else was first.
pub async fn update_organization(
    conn: &mut Conn,
    id: i64,
    patch: &OrganizationPatch,
    version: i64,
    now: i64,
) -> Result<u64, DbError> {
    sql_exec!(
        conn,
        "UPDATE hr_organization SET code = coalesce($3, code), name = coalesce($4, name), version = version + 1,
                updated_at = $5
          WHERE id = $1 AND version = $2",
        id,
        version,
        patch.code.as_deref(),
        patch.name.as_deref(),
        now
    )
}

/// Deletes an organisation; refused as a reference while positions or staff belong to it.
pub async fn delete_organization(conn: &mut Conn, id: i64) -> Result<u64, DbError> {
    sql_exec!(conn, "DELETE FROM hr_organization WHERE id = $1", id)
}
