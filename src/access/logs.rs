//! Reading what was changed and what was done: the change log (S3-30) and the audit log (S1-46), for holders of
//! `audit:view` and inside their company; a platform administrator sees all companies.

use super::csv;
use super::store::logs::{self as store, AuditRow, ChangeRow};
use crate::clock::{iso, parse_iso};
use crate::core::Core;
use crate::db::listing::{List, Wanted};
use crate::policy::Principal;
use crate::refusal::Refusal;
use livegrant_actors::CompanyId;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// One change of the policy.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ChangeOut {
    /// Its place in the change log.
    pub id: i64,
    /// Its place in the policy log; changes of one request share it.
    pub rev: i64,
    /// `USER_ROLE`, `ROLE_PERMISSION`, `MENU_PERMISSION`, `USER_STATUS`, `USER_POSITION` or `POSITION_PERMISSION`.
    pub change_type: String,
    /// The account that it concerns.
    pub target_user_id: Option<i64>,
    /// The role that it concerns.
    pub target_role_id: Option<i64>,
    /// The position that it concerns.
    pub target_position_id: Option<i64>,
    /// Who ordered it; 0 is the system itself.
    pub operator_id: i64,
    /// His login name then.
    pub operator_name: String,
    /// What was added, removed or edited.
    #[schema(value_type = Object)]
    pub change_detail: Value,
    /// ISO 8601.
    pub create_time: String,
    /// The request that it belongs to.
    pub request_id: String,
}

impl From<ChangeRow> for ChangeOut {
    fn from(row: ChangeRow) -> Self {
        Self {
            id: row.id,
            rev: row.rev,
            change_type: row.change_type,
            target_user_id: row.target_user_id,
            target_role_id: row.target_role_id,
            target_position_id: row.target_position_id,
            operator_id: row.operator_id,
            operator_name: row.operator_name,
            change_detail: row.change_detail.0,
            create_time: iso(row.create_time),
            request_id: row.request_id,
        }
    }
}

/// One use, or refused use, of a permission.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AuditOut {
    /// Its place in the audit log.
    pub id: i64,
    /// ISO 8601.
    pub at: String,
    /// Who; 0 is the system itself.
    pub actor_id: i64,
    /// His login name.
    pub actor_name: String,
    /// What was done.
    pub action: String,
    /// With what kind of thing.
    pub resource: String,
    /// With which one.
    pub resource_id: String,
    /// Through which permission.
    pub permission_code: String,
    /// `allowed` or `denied`.
    pub result: String,
    /// From where.
    pub ip: String,
    /// With what: `web`, `mcp`, `system` …
    pub client: String,
    /// The request that it belongs to.
    pub request_id: String,
    /// `{"before": {…}, "after": {…}}` with the fields that differ; null where nothing is shown.
    #[schema(value_type = Option<Object>)]
    pub diff: Option<Value>,
}

impl From<AuditRow> for AuditOut {
    fn from(row: AuditRow) -> Self {
        Self {
            id: row.id,
            at: iso(row.at),
            actor_id: row.actor_id,
            actor_name: row.actor_name,
            action: row.action,
            resource: row.resource,
            resource_id: row.resource_id,
            permission_code: row.permission_code,
            result: row.result,
            ip: row.ip,
            client: row.client,
            request_id: row.request_id,
            diff: row.diff.map(|diff| diff.0),
        }
    }
}

/// Lists changes, newest first unless an order is asked for.
pub async fn changes(core: &Core, by: &Principal, span: &Span) -> Result<(i64, Vec<ChangeOut>), Refusal> {
    by.require("audit:view")?;
    let own = store::changes_of(company(by), span.since, span.until);
    let (count, rows) = store::changes(&mut core.db.read().await?, own, &span.wanted).await?;
    Ok((count, rows.into_iter().map(Into::into).collect()))
}

/// What of a log is asked for.
#[derive(Debug, Clone, Default)]
pub struct Span {
    /// Filters, order and page.
    pub wanted: Wanted,
    /// From this UTC millisecond.
    pub since: Option<i64>,
    /// Before this UTC millisecond.
    pub until: Option<i64>,
}

impl Span {
    /// Reads a query of the audit log.
    pub fn of_audit(query: &str, since: Option<&str>, until: Option<&str>) -> Result<Self, Refusal> {
        Self::read(&store::AUDIT, query, since, until)
    }

    /// Reads a query of the change log.
    pub fn of_changes(query: &str, since: Option<&str>, until: Option<&str>) -> Result<Self, Refusal> {
        Self::read(&store::CHANGES, query, since, until)
    }

    fn read(list: &List, query: &str, since: Option<&str>, until: Option<&str>) -> Result<Self, Refusal> {
        let wanted = list.read(query, &["since", "until"])?;
        Ok(Self { wanted, since: instant("since", since)?, until: instant("until", until)? })
    }
}

/// Lists audit lines, newest first unless an order is asked for.
pub async fn audit(core: &Core, by: &Principal, span: &Span) -> Result<(i64, Vec<AuditOut>), Refusal> {
    by.require("audit:view")?;
    let own = store::audit_of(company(by), span.since, span.until, None);
    let (count, rows) = store::audit(&mut core.db.read().await?, own, &span.wanted).await?;
    Ok((count, rows.into_iter().map(Into::into).collect()))
}

/// Lines that one statement of an export reads. 500: about 200 KB in memory.
const EXPORTED_AT_ONCE: i64 = 500;

/// Reads the next part of an export, newest first; `below` is the id that the last part ended with. `None`: that was all.
pub async fn export(
    core: &Core,
    by: &Principal,
    span: &Span,
    below: Option<i64>,
) -> Result<Option<(i64, String)>, Refusal> {
    by.require("audit:view")?;
    let own = store::audit_of(company(by), span.since, span.until, below);
    let mut conn = core.db.read().await?;
    let rows = store::newest_audit(&mut conn, own, &span.wanted, EXPORTED_AT_ONCE).await?;
    let Some(last) = rows.last().map(|row| row.id) else { return Ok(None) };
    Ok(Some((last, rows.iter().map(line).collect())))
}

/// The first line of an export.
pub fn export_head() -> String {
    let names = [
        "id",
        "at",
        "actor_id",
        "actor_name",
        "action",
        "resource",
        "resource_id",
        "permission",
        "result",
        "ip",
        "client",
        "request_id",
        "diff",
    ];
    format!("{}{}", csv::BYTE_ORDER_MARK, csv::line(&names))
}

fn line(row: &AuditRow) -> String {
    let (id, at, actor) = (row.id.to_string(), iso(row.at), row.actor_id.to_string());
    let diff = row.diff.as_ref().map(|diff| diff.0.to_string()).unwrap_or_default();
    csv::line(&[
        &id,
        &at,
        &actor,
        &row.actor_name,
        &row.action,
        &row.resource,
        &row.resource_id,
        &row.permission_code,
        &row.result,
        &row.ip,
        &row.client,
        &row.request_id,
        &diff,
    ])
}

fn company(by: &Principal) -> Option<CompanyId> {
    (!by.is_platform()).then(|| by.company())
}

/// Reads one end of a time span.
///
/// # Errors
/// The refusal names the field.
pub fn instant(field: &str, text: Option<&str>) -> Result<Option<i64>, Refusal> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let refused = || Refusal::invalid(field, "invalid", "not an ISO 8601 time with an offset");
    parse_iso(text).map(Some).ok_or_else(refused)
}
