//! The SQL that reads the change log and the audit log, newest first.

use crate::db::listing::{Conditions, Filter, Kind, List, Wanted};
use crate::db::{Conn, DbError};
use livegrant_actors::CompanyId;
use serde_json::Value;
use sqlx::types::Json;

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

/// The list of changes.
pub const CHANGES: List = List {
    columns:
        "c.id, c.rev, c.change_type, c.target_user_id, c.target_role_id, c.target_position_id, c.operator_id,
        coalesce(l.operator_name, '') AS operator_name, c.change_detail, c.create_time, c.request_id",
    from: "sys_permission_change_log c
        LEFT JOIN policy_log l ON l.rev = c.rev
        LEFT JOIN sys_login_user u ON u.user_id = c.target_user_id
        LEFT JOIN sys_role r ON r.id = c.target_role_id
        LEFT JOIN hr_position o ON o.id = c.target_position_id",
    search: &["l.operator_name", "u.username", "u.display_name", "r.code", "r.name", "o.code", "o.name"],
    filters: &[
        Filter::new("id", "c.id", Kind::Number),
        Filter::new("rev", "c.rev", Kind::Number),
        Filter::new("account", "c.target_user_id", Kind::Number),
        Filter::new("role", "c.target_role_id", Kind::Number),
        Filter::new("position", "o.guid", Kind::Guid),
        Filter::new("change_type", "c.change_type", Kind::Text),
        Filter::new("operator", "c.operator_id", Kind::Number),
        Filter::new("request_id", "c.request_id", Kind::Text),
        Filter::new("create_time", "c.create_time", Kind::Instant),
    ],
    orders: &[
        ("id", "c.id"),
        ("rev", "c.rev"),
        ("change_type", "c.change_type"),
        ("operator", "c.operator_id"),
        ("create_time", "c.create_time"),
    ],
    order: "c.id DESC",
    unique: "c.id DESC",
};

/// The changes of a company, or of all; from one UTC millisecond, and before another. A change belongs to the company of its
/// account, role or position; when these are gone, of whoever ordered it. What concerns everybody belongs to every company.
pub fn changes_of(company: Option<CompanyId>, since: Option<i64>, until: Option<i64>) -> Conditions {
    let its_company = "coalesce(u.company_id, r.company_id, o.company_id, c.company_id) IN (?, 0)";
    let limits = [
        (its_company, company.map(|company| company.0)),
        ("c.create_time >= ?", since),
        ("c.create_time < ?", until),
    ];
    those_that_are_set(limits)
}

/// Lists changes.
pub async fn changes(
    conn: &mut Conn,
    own: Conditions,
    wanted: &Wanted,
) -> Result<(i64, Vec<ChangeRow>), DbError> {
    CHANGES.page(conn, own, wanted).await
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
    those_that_are_set([
        ("a.company_id = ?", company.map(|company| company.0)),
        ("a.at >= ?", since),
        ("a.at < ?", until),
        ("a.id < ?", below),
    ])
}

fn those_that_are_set<const N: usize>(limits: [(&str, Option<i64>); N]) -> Conditions {
    let mut own = Conditions::default();
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
