//! The SQL that finds the objects of access questions, and what data scopes reach.

use crate::db::{Conn, DbError};
use crate::policy::{DataScope, HolderId};
use crate::{sql_all, sql_exec, sql_opt};
use livegrant_actors::{CompanyId, PositionId, RoleId};

/// Answers whether an organisation lies at or below one of those that a scope reaches with all below them.
pub async fn lies_below(conn: &mut Conn, organization: i64, scope: &DataScope) -> Result<bool, DbError> {
    let rows: Vec<i64> = scope.below.iter().copied().collect();
    let found = sql_opt!(
        conn,
        (i64,),
        "SELECT o.id FROM hr_organization o JOIN hr_organization root ON root.company_id = o.company_id
            AND o.path LIKE root.path || '%'
          WHERE o.id = $1 AND $2 LIKE '%,' || CAST(root.id AS TEXT) || ',%' LIMIT 1",
        organization,
        listed(&rows)
    )?;
    Ok(found.is_some())
}

/// Reads the guids of organisations.
pub async fn organization_guids(conn: &mut Conn, rows: &[i64]) -> Result<Vec<(i64, String)>, DbError> {
    sql_all!(
        conn,
        (i64, String),
        "SELECT id, guid FROM hr_organization WHERE $1 LIKE '%,' || CAST(id AS TEXT) || ',%' ORDER BY id",
        listed(rows)
    )
}

/// Finds the row of an organisation of a company.
pub async fn organization_row(
    conn: &mut Conn,
    company: CompanyId,
    guid: &str,
) -> Result<Option<i64>, DbError> {
    let row = sql_opt!(
        conn,
        (i64,),
        "SELECT id FROM hr_organization WHERE company_id = $1 AND guid = $2",
        company.0,
        guid
    )?;
    Ok(row.map(|row| row.0))
}

/// Finds a position's row and the organisation that it belongs to.
pub async fn position_place(
    conn: &mut Conn,
    company: CompanyId,
    guid: &str,
) -> Result<Option<(i64, Option<i64>)>, DbError> {
    sql_opt!(
        conn,
        (i64, Option<i64>),
        "SELECT id, org_id FROM hr_position WHERE company_id = $1 AND guid = $2",
        company.0,
        guid
    )
}

/// Reads the organisation and the account of a staff record.
pub async fn staff_place(
    conn: &mut Conn,
    company: CompanyId,
    staff: i64,
) -> Result<Option<(Option<i64>, Option<i64>)>, DbError> {
    sql_opt!(
        conn,
        (Option<i64>, Option<i64>),
        "SELECT org_id, account_id FROM hr_staff WHERE company_id = $1 AND id = $2",
        company.0,
        staff
    )
}

/// Reads the organisations that a role or position reaches by choice.
pub async fn chosen(conn: &mut Conn, holder: HolderId) -> Result<Vec<String>, DbError> {
    let (kind, id) = holder.parts();
    let rows = sql_all!(
        conn,
        (String,),
        "SELECT o.guid FROM sys_data_scope_org s JOIN hr_organization o ON o.id = s.org_id
          WHERE s.holder_kind = $1 AND s.holder_id = $2 ORDER BY o.id",
        kind,
        id
    )?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// Gives a role or position exactly these organisations to reach by choice.
pub async fn choose(conn: &mut Conn, holder: HolderId, organizations: &[i64]) -> Result<(), DbError> {
    let (kind, id) = holder.parts();
    sql_exec!(conn, "DELETE FROM sys_data_scope_org WHERE holder_kind = $1 AND holder_id = $2", kind, id)?;
    for organization in organizations {
        sql_exec!(
            conn,
            "INSERT INTO sys_data_scope_org (holder_kind, holder_id, org_id) VALUES ($1, $2, $3)",
            kind,
            id,
            organization
        )?;
    }
    Ok(())
}

/// Lists the roles and positions that reach an organisation by choice.
pub async fn choosers(conn: &mut Conn, organization: i64) -> Result<Vec<HolderId>, DbError> {
    let rows = sql_all!(
        conn,
        (String, i64),
        "SELECT holder_kind, holder_id FROM sys_data_scope_org WHERE org_id = $1 ORDER BY holder_kind, holder_id",
        organization
    )?;
    let holder = |(kind, id): (String, i64)| {
        if kind == "role" { HolderId::Role(RoleId(id)) } else { HolderId::Position(PositionId(id)) }
    };
    Ok(rows.into_iter().map(holder).collect())
}

/// Lets nobody reach an organisation by choice any more.
pub async fn unchoose(conn: &mut Conn, organization: i64) -> Result<u64, DbError> {
    sql_exec!(conn, "DELETE FROM sys_data_scope_org WHERE org_id = $1", organization)
}

/// Rows as a text that `LIKE '%,7,%'` finds one in: one text for both databases.
fn listed(rows: &[i64]) -> String {
    let mut text = String::from(",");
    for row in rows {
        text.push_str(&row.to_string());
        text.push(',');
    }
    text
}
