//! The SQL that reads the change log and the audit log, newest first.

use crate::db::listing::{Conditions, Filter, Kind, List, Wanted};
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
    pub client: String,
    pub request_id: String,
    pub diff: Option<Json<Value>>,
}

/// The list of audit lines.
pub const AUDIT: List = List {
    columns:
        "a.id, a.at, a.actor_id, coalesce(u.username, '') AS actor_name, a.action, a.resource, a.resource_id,
        a.permission_code, a.result, a.ip, a.client, a.request_id, a.diff",
    from: "sys_audit_log a LEFT JOIN sys_login_user u ON u.user_id = a.actor_id",
    search: &["a.action", "a.resource_id", "u.username"],
    filters: &[
        Filter::new("actor", "a.actor_id", Kind::Number),
        Filter::new("action", "a.action", Kind::Text),
        Filter::new("resource", "a.resource", Kind::Text),
        Filter::new("resource_id", "a.resource_id", Kind::Text),
        Filter::new("permission", "a.permission_code", Kind::Text),
        Filter::new("result", "a.result", Kind::Text),
        Filter::new("client", "a.client", Kind::Text),
        Filter::new("request_id", "a.request_id", Kind::Text),
        Filter::new("at", "a.at", Kind::Instant),
    ],
    orders: &[
        ("id", "a.id"),
        ("at", "a.at"),
        ("actor", "a.actor_id"),
        ("action", "a.action"),
        ("resource", "a.resource"),
        ("result", "a.result"),
    ],
    order: "a.id DESC",
    unique: "a.id DESC",
};

/// The lines of a company, or of all with the system's own; from one UTC millisecond, before another, and below an id.
pub fn audit_of(
    company: Option<CompanyId>,
    since: Option<i64>,
    until: Option<i64>,
    below: Option<i64>,
) -> Conditions {
    let mut own = Conditions::default();
    let limits = [
        ("a.company_id = ?", company.map(|company| company.0)),
        ("a.at >= ?", since),
        ("a.at < ?", until),
        ("a.id < ?", below),
    ];
    for (text, value) in limits {
        if let Some(value) = value {
            own.push(text, [value.into()]);
        }
    }
    own
}

/// Lists audit lines.
pub async fn audit(
    conn: &mut Conn,
    own: Conditions,
    wanted: &Wanted,
) -> Result<(i64, Vec<AuditRow>), DbError> {
    AUDIT.page(conn, own, wanted).await
}

/// Lists the first of the audit lines that are wanted, newest first, whatever page and order that says.
pub async fn newest_audit(
    conn: &mut Conn,
    own: Conditions,
    wanted: &Wanted,
    rows: i64,
) -> Result<Vec<AuditRow>, DbError> {
    AUDIT.first(conn, wanted.narrowed(own), rows).await
}
