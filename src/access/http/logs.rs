//! The routes of the change log and the audit log.

use crate::access::logs::{self, AuditOut, ChangeOut, Span};
use crate::core::Core;
use crate::db::listing::ListParams;
use crate::db::paging::Listing;
use crate::refusal::Refusal;
use crate::web::extract::Caller;
use crate::web::problem::{Answer, ProblemBody};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, get, web};
use futures_util::{StreamExt, stream};
use serde::Deserialize;
use utoipa::IntoParams;

/// Which time of a log.
#[derive(Debug, Deserialize, IntoParams)]
pub struct SpanQuery {
    /// ISO 8601, inclusive.
    since: Option<String>,
    /// ISO 8601, exclusive.
    until: Option<String>,
}

impl SpanQuery {
    fn of_audit(&self, request: &HttpRequest) -> Result<Span, Refusal> {
        Span::of_audit(request.query_string(), self.since.as_deref(), self.until.as_deref())
    }
}

/// Lists what was changed in the policy, newest first (S3-30); `search` looks into the names of who ordered it and of the
/// account, role or position. Filters: `id`, `rev`, `account`, `role`, `position` (its guid), `change_type` (`USER_ROLE`,
/// `ROLE_PERMISSION`, `MENU_PERMISSION`, `USER_STATUS`, `USER_POSITION` or `POSITION_PERMISSION`), `operator`, `request_id`,
/// `create_time`, each also with `__in`; numbers and `create_time` with `__gte` and `__lte`. Ordering: `id`, `rev`,
/// `change_type`, `operator`, `create_time`.
#[utoipa::path(tag = "logs", params(SpanQuery, ListParams), responses(
    (status = 200, body = Listing<ChangeOut>), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody)))]
#[get("/api/v1/permission-changes")]
pub async fn get_permission_changes(
    core: web::Data<Core>,
    request: HttpRequest,
    Caller(by): Caller,
    query: web::Query<SpanQuery>,
) -> Answer {
    let span = Span::of_changes(request.query_string(), query.since.as_deref(), query.until.as_deref())?;
    let (count, rows) = logs::changes(&core, &by, &span).await?;
    tracing::info!(event = "authz_admin", account = by.account().0, "changes listed");
    let page = span.wanted.page;
    Ok(HttpResponse::Ok().json(Listing::new(count, rows, page, request.path(), request.query_string())))
}

/// Lists who did what through which permission, and who was refused, newest first (S1-46). Filters: `actor`, `action`,
/// `resource`, `resource_id`, `permission`, `result` (`allowed` or `denied`), `client`, `request_id`, `at`, each also with
/// `__in`; `actor` and `at` with `__gte` and `__lte`. Ordering: `id`, `at`, `actor`, `action`, `resource`, `result`.
#[utoipa::path(tag = "logs", params(SpanQuery, ListParams), responses(
    (status = 200, body = Listing<AuditOut>), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody)))]
#[get("/api/v1/audit")]
pub async fn get_audit(
    core: web::Data<Core>,
    request: HttpRequest,
    Caller(by): Caller,
    query: web::Query<SpanQuery>,
) -> Answer {
    let span = query.of_audit(&request)?;
    let (count, rows) = logs::audit(&core, &by, &span).await?;
    tracing::info!(event = "authz_admin", account = by.account().0, "audit log listed");
    let page = span.wanted.page;
    Ok(HttpResponse::Ok().json(Listing::new(count, rows, page, request.path(), request.query_string())))
}

/// Answers the audit log as comma-separated values, newest first, with the filters of the list; a spreadsheet runs nothing
/// of it.
#[utoipa::path(tag = "logs", params(SpanQuery, ListParams), responses(
    (status = 200, content_type = "text/csv"), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody)))]
#[get("/api/v1/audit/export")]
pub async fn get_audit_export(
    core: web::Data<Core>,
    request: HttpRequest,
    Caller(by): Caller,
    query: web::Query<SpanQuery>,
) -> Answer {
    let span = query.of_audit(&request)?;
    // The first part before the answer begins: a refusal is still a refusal then.
    let first = logs::export(&core, &by, &span, None).await?;
    tracing::info!(event = "authz_admin", account = by.account().0, "audit log exported");
    let head = stream::once(async { Ok::<_, Refusal>(Bytes::from(logs::export_head())) });
    let rest = stream::unfold(Some((first, span)), move |state| {
        let (core, by) = (core.clone(), by.clone());
        async move {
            let (part, span) = state?;
            let (last, lines) = part?;
            // A failure half way cuts the answer off, so that nobody takes a part for the whole.
            match logs::export(&core, &by, &span, Some(last)).await {
                Ok(next) => Some((Ok(Bytes::from(lines)), Some((next, span)))),
                Err(error) => {
                    tracing::error!(%error, "audit export cut off");
                    Some((Err(error), None))
                }
            }
        }
    });
    Ok(HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header(("content-disposition", "attachment; filename=\"audit.csv\""))
        .streaming(Box::pin(head.chain(rest))))
}
