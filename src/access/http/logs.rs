//! The routes of the change log and the audit log.

use crate::access::logs::{self, AuditOut, ChangeOut, instant};
use crate::access::store::logs::{AuditFilter, ChangeFilter};
use crate::core::Core;
use crate::db::paging::{Listing, Page, PageQuery};
use crate::web::extract::Caller;
use crate::web::problem::{Answer, ProblemBody};
use actix_web::{HttpRequest, HttpResponse, get, web};
use serde::Deserialize;
use utoipa::IntoParams;

/// Which changes to list.
#[derive(Debug, Deserialize, IntoParams)]
pub struct ChangeQuery {
    /// Of this account.
    account: Option<i64>,
    /// Of this role.
    role: Option<i64>,
    /// Of the position of this guid.
    position: Option<String>,
    /// `USER_ROLE`, `ROLE_PERMISSION`, `MENU_PERMISSION`, `USER_STATUS`, `USER_POSITION` or `POSITION_PERMISSION`.
    change_type: Option<String>,
    /// ISO 8601, inclusive.
    since: Option<String>,
    /// ISO 8601, exclusive.
    until: Option<String>,
}

/// Lists what was changed in the policy, newest first (S3-30).
#[utoipa::path(tag = "logs", params(ChangeQuery, PageQuery), responses(
    (status = 200, body = Listing<ChangeOut>), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody)))]
#[get("/api/v1/permission-changes")]
pub async fn get_permission_changes(
    core: web::Data<Core>,
    request: HttpRequest,
    Caller(by): Caller,
    query: web::Query<ChangeQuery>,
    page: web::Query<PageQuery>,
) -> Answer {
    let (query, page) = (query.into_inner(), Page::from(*page));
    let filter = ChangeFilter {
        company: None,
        account: query.account,
        role: query.role,
        position: query.position,
        change_type: query.change_type,
        since: instant("since", query.since.as_deref())?,
        until: instant("until", query.until.as_deref())?,
    };
    let (count, rows) = logs::changes(&core, &by, filter, page).await?;
    tracing::info!(event = "authz_admin", account = by.account().0, "changes listed");
    Ok(HttpResponse::Ok().json(Listing::new(count, rows, page, request.path(), request.query_string())))
}

/// Which audit lines to list.
#[derive(Debug, Deserialize, IntoParams)]
pub struct AuditQuery {
    /// By this account.
    actor: Option<i64>,
    /// Exactly this action.
    action: Option<String>,
    /// Exactly this kind of thing, for example `role`.
    resource: Option<String>,
    /// Through this permission.
    permission: Option<String>,
    /// `allowed` or `denied`.
    result: Option<String>,
    /// ISO 8601, inclusive.
    since: Option<String>,
    /// ISO 8601, exclusive.
    until: Option<String>,
}

/// Lists who did what through which permission, and who was refused, newest first (S1-46).
#[utoipa::path(tag = "logs", params(AuditQuery, PageQuery), responses(
    (status = 200, body = Listing<AuditOut>), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody)))]
#[get("/api/v1/audit")]
pub async fn get_audit(
    core: web::Data<Core>,
    request: HttpRequest,
    Caller(by): Caller,
    query: web::Query<AuditQuery>,
    page: web::Query<PageQuery>,
) -> Answer {
    let (query, page) = (query.into_inner(), Page::from(*page));
    let filter = AuditFilter {
        company: None,
        actor: query.actor,
        action: query.action,
        resource: query.resource,
        permission: query.permission,
        result: query.result,
        since: instant("since", query.since.as_deref())?,
        until: instant("until", query.until.as_deref())?,
    };
    let (count, rows) = logs::audit(&core, &by, filter, page).await?;
    tracing::info!(event = "authz_admin", account = by.account().0, "audit log listed");
    Ok(HttpResponse::Ok().json(Listing::new(count, rows, page, request.path(), request.query_string())))
}
