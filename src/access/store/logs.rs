//! The SQL that reads the change log and the audit log, newest first.

use crate::db::paging::Page;
use crate::db::{Conn, DbError};
use crate::{sql_all, sql_one};
use livegrant_actors::CompanyId;
use serde_json::Value;
use sqlx::types::Json;

/// Which changes to list.
#[derive(Debug, Clone, Default)]
pub struct ChangeFilter {
    /// Only what concerns this company, or everybody; `None`: everything.
    pub company: Option<CompanyId>,
    /// Of this account.
    pub account: Option<i64>,
    /// Of this role.
    pub role: Option<i64>,
    /// Of the position of this guid.
    pub position: Option<String>,
    /// Of this `change_type`.
    pub change_type: Option<String>,
    /// From this UTC millisecond.
    pub since: Option<i64>,
    /// Before this UTC millisecond.
    pub until: Option<i64>,
}

/// A row of `sys_permission_change_log` with the name of who ordered it.
#[expect(missing_docs, reason = "the fields are the columns of the same name")]
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ChangeRow {
    pub id: i64,
    pub rev: i64,
    pub change_type: String,
    pub target_user_id: Option<i64>,
    pub target_role_id: Option<i64>,
    pub target_position_id: Option<i64>,
    pub operator_id: i64,
    pub operator_name: String,
    pub change_detail: Json<Value>,
    pub create_time: i64,
    pub request_id: String,
}

/// Lists changes. A change belongs to the company of its account, role or position; while these exist, whoever ordered it.
pub async fn changes(
    conn: &mut Conn,
    filter: &ChangeFilter,
    page: Page,
) -> Result<(i64, Vec<ChangeRow>), DbError> {
    let company = filter.company.map(|company| company.0);
    let (position, change_type) = (filter.position.as_deref(), filter.change_type.as_deref());
    let (count,) = sql_one!(
        conn,
        (i64,),
        "SELECT count(*) FROM sys_permission_change_log c
           LEFT JOIN sys_login_user u ON u.user_id = c.target_user_id
           LEFT JOIN sys_role r ON r.id = c.target_role_id
           LEFT JOIN hr_position o ON o.id = c.target_position_id
          WHERE (CAST($1 AS BIGINT) IS NULL
                 OR coalesce(u.company_id, r.company_id, o.company_id, c.company_id) IN ($1, 0))
            AND (CAST($2 AS BIGINT) IS NULL OR c.target_user_id = $2)
            AND (CAST($3 AS BIGINT) IS NULL OR c.target_role_id = $3)
            AND (CAST($4 AS TEXT) IS NULL OR o.guid = $4)
            AND (CAST($5 AS TEXT) IS NULL OR c.change_type = $5)
            AND (CAST($6 AS BIGINT) IS NULL OR c.create_time >= $6)
            AND (CAST($7 AS BIGINT) IS NULL OR c.create_time < $7)",
        company,
        filter.account,
        filter.role,
        position,
        change_type,
        filter.since,
        filter.until
    )?;
    let rows = sql_all!(
        conn,
        ChangeRow,
        "SELECT c.id, c.rev, c.change_type, c.target_user_id, c.target_role_id, c.target_position_id, c.operator_id,
                coalesce(l.operator_name, '') AS operator_name, c.change_detail, c.create_time, c.request_id
           FROM sys_permission_change_log c
           LEFT JOIN policy_log l ON l.rev = c.rev
           LEFT JOIN sys_login_user u ON u.user_id = c.target_user_id
           LEFT JOIN sys_role r ON r.id = c.target_role_id
           LEFT JOIN hr_position o ON o.id = c.target_position_id
          WHERE (CAST($1 AS BIGINT) IS NULL
                 OR coalesce(u.company_id, r.company_id, o.company_id, c.company_id) IN ($1, 0))
            AND (CAST($2 AS BIGINT) IS NULL OR c.target_user_id = $2)
            AND (CAST($3 AS BIGINT) IS NULL OR c.target_role_id = $3)
            AND (CAST($4 AS TEXT) IS NULL OR o.guid = $4)
            AND (CAST($5 AS TEXT) IS NULL OR c.change_type = $5)
            AND (CAST($6 AS BIGINT) IS NULL OR c.create_time >= $6)
            AND (CAST($7 AS BIGINT) IS NULL OR c.create_time < $7)
          ORDER BY c.id DESC LIMIT $8 OFFSET $9",
        company,
        filter.account,
        filter.role,
        position,
        change_type,
        filter.since,
        filter.until,
        page.limit(),
        page.offset()
    )?;
    Ok((count, rows))
}

/// Which audit lines to list.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Only of this company; `None`: of all, and the system's own.
    pub company: Option<CompanyId>,
    /// By this account.
    pub actor: Option<i64>,
    /// Exactly this action.
    pub action: Option<String>,
    /// Exactly this kind of thing.
    pub resource: Option<String>,
    /// Through this permission.
    pub permission: Option<String>,
    /// `allowed` or `denied`.
    pub result: Option<String>,
    /// From this UTC millisecond.
    pub since: Option<i64>,
    /// Before this UTC millisecond.
    pub until: Option<i64>,
}

/// A row of `sys_audit_log` with the actor's login name.
#[expect(missing_docs, reason = "the fields are the columns of the same name")]
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct AuditRow {
    pub id: i64,
    pub at: i64,
    pub actor_id: i64,
    pub actor_name: String,
    pub action: String,
    pub resource: String,
    pub resource_id: String,
    pub permission_code: String,
    pub result: String,
    pub ip: String,
    pub request_id: String,
}

/// Lists audit lines.
pub async fn audit(
    conn: &mut Conn,
    filter: &AuditFilter,
    page: Page,
) -> Result<(i64, Vec<AuditRow>), DbError> {
    let company = filter.company.map(|company| company.0);
    let (action, resource) = (filter.action.as_deref(), filter.resource.as_deref());
    let (permission, result) = (filter.permission.as_deref(), filter.result.as_deref());
    let (count,) = sql_one!(
        conn,
        (i64,),
        "SELECT count(*) FROM sys_audit_log a
          WHERE (CAST($1 AS BIGINT) IS NULL OR a.company_id = $1)
            AND (CAST($2 AS BIGINT) IS NULL OR a.actor_id = $2)
            AND (CAST($3 AS TEXT) IS NULL OR a.action = $3)
            AND (CAST($4 AS TEXT) IS NULL OR a.resource = $4)
            AND (CAST($5 AS TEXT) IS NULL OR a.permission_code = $5)
            AND (CAST($6 AS TEXT) IS NULL OR a.result = $6)
            AND (CAST($7 AS BIGINT) IS NULL OR a.at >= $7)
            AND (CAST($8 AS BIGINT) IS NULL OR a.at < $8)",
        company,
        filter.actor,
        action,
        resource,
        permission,
        result,
        filter.since,
        filter.until
    )?;
    let rows = sql_all!(
        conn,
        AuditRow,
        "SELECT a.id, a.at, a.actor_id, coalesce(u.username, '') AS actor_name, a.action, a.resource, a.resource_id,
                a.permission_code, a.result, a.ip, a.request_id
           FROM sys_audit_log a LEFT JOIN sys_login_user u ON u.user_id = a.actor_id
          WHERE (CAST($1 AS BIGINT) IS NULL OR a.company_id = $1)
            AND (CAST($2 AS BIGINT) IS NULL OR a.actor_id = $2)
            AND (CAST($3 AS TEXT) IS NULL OR a.action = $3)
            AND (CAST($4 AS TEXT) IS NULL OR a.resource = $4)
            AND (CAST($5 AS TEXT) IS NULL OR a.permission_code = $5)
            AND (CAST($6 AS TEXT) IS NULL OR a.result = $6)
            AND (CAST($7 AS BIGINT) IS NULL OR a.at >= $7)
            AND (CAST($8 AS BIGINT) IS NULL OR a.at < $8)
          ORDER BY a.id DESC LIMIT $9 OFFSET $10",
        company,
        filter.actor,
        action,
        resource,
        permission,
        result,
        filter.since,
        filter.until,
        page.limit(),
        page.offset()
    )?;
    Ok((count, rows))
}
