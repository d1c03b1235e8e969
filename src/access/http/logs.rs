//! The routes of the change log and the audit log.

use crate::access::logs::{self, AuditOut, AuditSpan, ChangeOut, instant};
use crate::access::store::logs::ChangeFilter;
use crate::core::Core;
use crate::db::listing::ListParams;
use crate::db::paging::{Listing, Page, PageQuery};
use crate::refusal::Refusal;
use crate::web::extract::Caller;
use crate::web::problem::{Answer, ProblemBody};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, get, web};
use futures_util::{StreamExt, stream};
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

/// Which time of the audit log.
#[derive(Debug, Deserialize, IntoParams)]
pub struct SpanQuery {
    /// ISO 8601, inclusive.
    since: Option<String>,
    /// ISO 8601, exclusive.
    until: Option<String>,
}

impl SpanQuery {
    fn read(&self, request: &HttpRequest) -> Result<AuditSpan, Refusal> {
        AuditSpan::read(request.query_string(), self.since.as_deref(), self.until.as_deref())
    }
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
    let span = query.read(&request)?;
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
    let span = query.read(&request)?;
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
