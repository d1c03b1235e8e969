//! The routes of sessions: one's own, and those that an administrator sees and ends.

use crate::auth::end_sessions::{Ended, end_own, kick};
use crate::auth::model::{SessionFilter, SessionView};
use crate::auth::store;
use crate::core::Core;
use crate::db::paging::{Listing, Page, PageQuery};
use crate::policy::Principal;
use crate::text::check_text;
use crate::web::extract::{Body, Caller};
use crate::web::problem::{Answer, ProblemBody};
use actix_web::{HttpRequest, HttpResponse, delete, get, post, web};
use livegrant_actors::{AccountId, SessionId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Lists the caller's own live sessions.
#[utoipa::path(tag = "auth", params(PageQuery), responses(
    (status = 200, body = Listing<SessionView>), (status = 401, body = ProblemBody)))]
#[get("/api/auth/sessions/")]
pub async fn get_own_sessions(
    core: web::Data<Core>,
    request: HttpRequest,
    Caller(by): Caller,
    page: web::Query<PageQuery>,
) -> Answer {
    let filter = SessionFilter { account: Some(by.account()), ..SessionFilter::default() };
    list_sessions(&core, &request, by.sid(), &filter, Page::from(*page)).await
}

async fn list_sessions(
    core: &Core,
    request: &HttpRequest,
    own: &SessionId,
    filter: &SessionFilter,
    page: Page,
) -> Answer {
    let mut conn = core.db.read().await?;
    let (count, rows) = store::sessions(&mut conn, filter, core.clock.now_ms(), page).await?;
    let rows = rows.into_iter().map(|row| SessionView::of(row, own.as_str())).collect();
    Ok(HttpResponse::Ok().json(Listing::new(count, rows, page, request.path(), request.query_string())))
}

/// Ends one of the caller's own sessions.
#[utoipa::path(tag = "auth", params(("sid" = String, Path)), responses(
    (status = 204), (status = 404, body = ProblemBody)))]
#[delete("/api/auth/sessions/{sid}/")]
pub async fn delete_own_session(core: web::Data<Core>, Caller(by): Caller, sid: web::Path<String>) -> Answer {
    let sid = SessionId::from(sid.into_inner());
    core.write(by, move |core, by| {
        let sid = sid.clone();
        async move { end_own(&core, &by, &sid).await }
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Which sessions to list or end.
#[derive(Debug, Clone, Default, Deserialize, IntoParams, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionQuery {
    /// All of this account.
    #[serde(default)]
    account: Option<i64>,
    /// Part of the login name or display name.
    #[serde(default)]
    search: Option<String>,
    /// Why; the frames carry it. Only used when ending.
    #[serde(default)]
    reason: Option<String>,
    /// From 1. Only used when listing.
    #[serde(default)]
    page: Option<i64>,
    /// 1 to 100. Only used when listing.
    #[serde(default)]
    page_size: Option<i64>,
}

impl SessionQuery {
    fn filter(&self) -> SessionFilter {
        SessionFilter {
            account: self.account.map(AccountId),
            search: self.search.clone().filter(|text| !text.is_empty()),
            ..SessionFilter::default()
        }
    }
}

/// Lists live sessions of the company.
#[utoipa::path(tag = "sessions", params(SessionQuery), responses(
    (status = 200, body = Listing<SessionView>), (status = 403, body = ProblemBody)))]
#[get("/api/v1/sessions")]
pub async fn get_sessions(
    core: web::Data<Core>,
    request: HttpRequest,
    Caller(by): Caller,
    query: web::Query<SessionQuery>,
) -> Answer {
    by.require("session:view")?;
    let company = if by.is_platform() { None } else { Some(by.company()) };
    let filter = SessionFilter { company, ..query.filter() };
    let page = Page::from(PageQuery { page: query.page, page_size: query.page_size });
    // Administrators observe through routes like this one, and each time it is written down (S3-82).
    tracing::info!(event = "authz_admin", account = by.account().0, "sessions listed");
    list_sessions(&core, &request, by.sid(), &filter, page).await
}

/// What ending sessions answers.
#[derive(Debug, Serialize, ToSchema)]
pub struct EndedOut {
    /// The revision.
    rev: Option<i64>,
    /// How many sessions ended.
    ended: usize,
}

impl From<Ended> for EndedOut {
    fn from(ended: Ended) -> Self {
        Self { rev: ended.rev.map(|rev| rev.0), ended: ended.ended }
    }
}

/// Why sessions end.
#[derive(Debug, Default, Deserialize, IntoParams, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReasonIn {
    /// For people; `FORCE_LOGOUT` carries it.
    #[serde(default)]
    reason: Option<String>,
}

const REASON: &str = "ended by an administrator";

async fn end(core: &Core, by: Principal, filter: SessionFilter, reason: Option<String>) -> Answer {
    let reason = reason.filter(|text| !text.trim().is_empty()).unwrap_or_else(|| REASON.to_owned());
    check_text("reason", &reason)?;
    let ended = core
        .write(by, move |core, by| {
            let (filter, reason) = (filter.clone(), reason.clone());
            async move { kick(&core, &by, filter, &reason).await }
        })
        .await?;
    Ok(HttpResponse::Ok().json(EndedOut::from(ended)))
}

/// Kicks one session (E7).
#[utoipa::path(tag = "sessions", params(("sid" = String, Path), ReasonIn), responses(
    (status = 200, body = EndedOut), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody)))]
#[delete("/api/v1/sessions/{sid}")]
pub async fn delete_session(
    core: web::Data<Core>,
    Caller(by): Caller,
    sid: web::Path<String>,
    query: web::Query<ReasonIn>,
) -> Answer {
    let filter = SessionFilter { sid: Some(SessionId::from(sid.into_inner())), ..SessionFilter::default() };
    end(&core, by, filter, query.into_inner().reason).await
}

/// Ends all sessions that the list shows with the same filter; the caller's own stays.
#[utoipa::path(tag = "sessions", request_body = SessionQuery, responses(
    (status = 200, body = EndedOut), (status = 403, body = ProblemBody)))]
#[post("/api/v1/sessions/end")]
pub async fn post_end_sessions(
    core: web::Data<Core>,
    Caller(by): Caller,
    Body(query): Body<SessionQuery>,
) -> Answer {
    end(&core, by, query.filter(), query.reason).await
}

/// Ends all sessions of an account.
#[utoipa::path(tag = "sessions", params(("id" = i64, Path)), request_body = ReasonIn, responses(
    (status = 200, body = EndedOut), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody)))]
#[post("/api/v1/accounts/{id}/logout-all")]
pub async fn post_logout_all(
    core: web::Data<Core>,
    Caller(by): Caller,
    id: web::Path<i64>,
    Body(body): Body<ReasonIn>,
) -> Answer {
    end_all_of(&core, by, AccountId(id.into_inner()), body.reason).await
}

async fn end_all_of(core: &Core, by: Principal, account: AccountId, reason: Option<String>) -> Answer {
    end(core, by, SessionFilter { account: Some(account), ..SessionFilter::default() }, reason).await
}

/// Whose sessions to end.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ForceLogoutIn {
    /// The account.
    user_id: i64,
    /// For people; `FORCE_LOGOUT` carries it.
    #[serde(default)]
    reason: Option<String>,
}

/// `forceUserLogout` (S3-42): ends all sessions of an account; the reason reaches its tabs.
#[utoipa::path(tag = "sessions", request_body = ForceLogoutIn, responses(
    (status = 200, body = EndedOut), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody)))]
#[post("/api/v1/push/force-logout")]
pub async fn post_push_force_logout(
    core: web::Data<Core>,
    Caller(by): Caller,
    Body(body): Body<ForceLogoutIn>,
) -> Answer {
    end_all_of(&core, by, AccountId(body.user_id), body.reason).await
}
