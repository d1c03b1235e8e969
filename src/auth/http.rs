//! The routes of sign-in, accounts and sessions: parse, call one use case, answer.

use super::change_password::{change_own, reset};
use super::end_sessions::{Ended, end_own, kick};
use super::login::{Attempt, login};
use super::model::{AccountPatch, AccountView, NewAccount, SessionView};
use super::refresh::refresh;
use super::store::{AccountFilter, SessionFilter};
use super::{Keys, accounts, store, ticket, update_account};
use crate::core::Core;
use crate::db::paging::{Listing, Page, PageQuery};
use crate::refusal::Refusal;
use crate::web::cookies::{self, REFRESH_COOKIE, Secure};
use crate::web::extract::{Body, Caller, Client, same_site};
use crate::web::problem::{Problem, ProblemBody};
use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post, web};
use livegrant_actors::{AccountId, SessionId};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

type Answer = Result<HttpResponse, Problem>;

/// Names and secrets of a sign-in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LoginIn {
    /// Login name.
    username: String,
    /// Password.
    password: String,
    /// True: the tokens come as `HttpOnly` cookies only.
    #[serde(default)]
    cookie: bool,
}

/// A new session.
#[derive(Debug, Serialize, ToSchema)]
pub struct LoginOut {
    /// JWT for `Authorization: Bearer`; absent with cookies.
    #[serde(skip_serializing_if = "Option::is_none")]
    access: Option<String>,
    /// One use each; absent with cookies.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh: Option<String>,
    /// Life of the access token, in seconds.
    expires_in: i64,
    /// The session.
    sid: String,
    /// The account.
    user: AccountView,
    /// Revision of the permission state.
    permission_version: i64,
}

/// Signs in (S2-27).
#[utoipa::path(tag = "auth", request_body = LoginIn, responses(
    (status = 200, body = LoginOut), (status = 401, body = ProblemBody), (status = 429, body = ProblemBody)))]
#[post("/api/auth/login/")]
pub async fn post_login(
    core: web::Data<Core>,
    keys: web::Data<Keys>,
    client: Client,
    Body(body): Body<LoginIn>,
) -> Answer {
    let by_cookie = body.cookie;
    let attempt = Arc::new(Attempt {
        username: body.username,
        password: body.password,
        device: client.device,
        origin: client.origin,
    });
    let signing = keys.clone();
    let signed_in = core
        .write_unguarded(move |core| {
            let (keys, attempt) = (signing.clone(), Arc::clone(&attempt));
            async move { login(&core, &keys, &attempt).await }
        })
        .await?;
    let permission_version = version_of(&core, &signed_in.sid).await?;
    let (expires_in, sid) = (keys.tokens.ttl_seconds(), signed_in.sid.as_str().to_owned());
    let mut answer = HttpResponse::Ok();
    let mut tokens = (Some(signed_in.access), Some(signed_in.refresh));
    if by_cookie && let (Some(access), Some(refresh)) = (tokens.0.take(), tokens.1.take()) {
        set_cookies(&core, &mut answer, access, expires_in, refresh);
    }
    let user = signed_in.account.into();
    Ok(answer.json(LoginOut {
        access: tokens.0,
        refresh: tokens.1,
        expires_in,
        sid,
        user,
        permission_version,
    }))
}

fn set_cookies(
    core: &Core,
    answer: &mut actix_web::HttpResponseBuilder,
    access: String,
    seconds: i64,
    refresh: String,
) {
    let auth = &core.settings.auth;
    let lasting = auth.refresh_ttl_seconds as i64;
    for cookie in cookies::session(access, seconds, refresh, lasting, Secure::from(auth.cookie_secure)) {
        answer.cookie(cookie);
    }
}

async fn version_of(core: &Core, sid: &SessionId) -> Result<i64, Refusal> {
    let Some(session) = core.policy.session(sid).await? else { return Err(Refusal::session_ended()) };
    let Some(member) = core.policy.member(session.account).await? else {
        return Err(Refusal::session_ended());
    };
    Ok(core.policy.published(&member, session.view).rev.0)
}

/// A refresh token; absent when it comes as a cookie.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefreshIn {
    /// The refresh token.
    #[serde(default)]
    refresh: Option<String>,
}

/// The next pair of tokens.
#[derive(Debug, Serialize, ToSchema)]
pub struct RefreshOut {
    /// JWT; absent with cookies.
    #[serde(skip_serializing_if = "Option::is_none")]
    access: Option<String>,
    /// One use each; absent with cookies.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh: Option<String>,
    /// Life of the access token, in seconds.
    expires_in: i64,
    /// Revision of the permission state.
    permission_version: i64,
}

/// Refreshes a session's tokens (S2-28).
#[utoipa::path(tag = "auth", request_body = RefreshIn, responses(
    (status = 200, body = RefreshOut), (status = 401, body = ProblemBody)))]
#[post("/api/auth/refresh/")]
pub async fn post_refresh(
    core: web::Data<Core>,
    keys: web::Data<Keys>,
    request: HttpRequest,
    client: Client,
    Body(body): Body<RefreshIn>,
) -> Answer {
    let by_cookie = body.refresh.is_none();
    let text = match body.refresh {
        Some(text) => text,
        None => refresh_cookie(&request)?,
    };
    let (refreshing, origin) = (keys.clone(), client.origin);
    let refreshed = core
        .write_unguarded(move |core| {
            let (keys, text, origin) = (refreshing.clone(), text.clone(), origin.clone());
            async move { refresh(&core, &keys, &text, &origin).await }
        })
        .await?;
    let sid = keys.tokens.open(&refreshed.refresh)?.sid;
    let permission_version = version_of(&core, &sid).await?;
    let expires_in = keys.tokens.ttl_seconds();
    let mut answer = HttpResponse::Ok();
    let mut tokens = (Some(refreshed.access), Some(refreshed.refresh));
    if by_cookie && let (Some(access), Some(refresh)) = (tokens.0.take(), tokens.1.take()) {
        set_cookies(&core, &mut answer, access, expires_in, refresh);
    }
    Ok(answer.json(RefreshOut { access: tokens.0, refresh: tokens.1, expires_in, permission_version }))
}

fn refresh_cookie(request: &HttpRequest) -> Result<String, Refusal> {
    let cookie = request.cookie(REFRESH_COOKIE).ok_or_else(crate::web::extract::token_missing)?;
    if !same_site(request.headers(), request.uri()) {
        let detail = "a cookie came with a request from another site".to_owned();
        return Err(Refusal::Forbidden { code: "cross_site", detail });
    }
    Ok(cookie.value().to_owned())
}

/// Signs out: ends this session and closes its tabs.
#[utoipa::path(tag = "auth", responses((status = 204), (status = 401, body = ProblemBody)))]
#[post("/api/auth/logout/")]
pub async fn post_logout(core: web::Data<Core>, Caller(by): Caller) -> Answer {
    core.write(by, |core, by| async move { end_own(&core, &by, by.sid()).await }).await?;
    let mut answer = HttpResponse::NoContent();
    for cookie in cookies::removed(Secure::from(core.settings.auth.cookie_secure)) {
        answer.cookie(cookie);
    }
    Ok(answer.insert_header(("clear-site-data", "\"storage\"")).finish())
}

/// A one-time ticket.
#[derive(Debug, Serialize, ToSchema)]
pub struct TicketOut {
    /// For `GET /ws/permission?ticket=`; works once.
    ticket: String,
    /// Its life, in seconds.
    expires_in: u64,
}

/// Makes a one-time ticket for a socket (C1).
#[utoipa::path(tag = "auth", responses((status = 200, body = TicketOut), (status = 401, body = ProblemBody)))]
#[post("/api/auth/stream-ticket/")]
pub async fn post_stream_ticket(core: web::Data<Core>, Caller(by): Caller) -> Answer {
    let ticket = core.write(by, |core, by| async move { ticket::issue(&core, &by).await }).await?;
    Ok(HttpResponse::Ok().json(TicketOut { ticket, expires_in: core.settings.auth.ticket_ttl_seconds }))
}

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

/// Which accounts to list.
#[derive(Debug, Deserialize, IntoParams)]
pub struct AccountQuery {
    /// `user`, `admin`, `manager` or `employee`.
    role: Option<String>,
    /// Exactly this department.
    department: Option<String>,
    /// 1 enabled, 0 disabled.
    status: Option<i64>,
    /// Part of the login name, display name or telephone number.
    search: Option<String>,
}

/// Lists accounts (S2-29).
#[utoipa::path(tag = "accounts", params(AccountQuery, PageQuery), responses(
    (status = 200, body = Listing<AccountView>), (status = 403, body = ProblemBody)))]
#[get("/api/accounts/users/")]
pub async fn get_accounts(
    core: web::Data<Core>,
    request: HttpRequest,
    Caller(by): Caller,
    query: web::Query<AccountQuery>,
    page: web::Query<PageQuery>,
) -> Answer {
    let AccountQuery { role, department, status, search } = query.into_inner();
    let (filter, page) = (AccountFilter { role, department, status, search }, Page::from(*page));
    let (count, rows) = accounts::list(&core, &by, &filter, page).await?;
    let rows: Vec<AccountView> = rows.into_iter().map(Into::into).collect();
    Ok(HttpResponse::Ok().json(Listing::new(count, rows, page, request.path(), request.query_string())))
}

/// The caller's own account with everything that a client starts with.
#[derive(Debug, Serialize, ToSchema)]
pub struct MeOut {
    #[serde(flatten)]
    user: AccountView,
    /// Roles that count now.
    #[schema(value_type = Vec<Object>)]
    roles: Arc<[livegrant_actors::RoleView]>,
    /// Positions that count now.
    #[schema(value_type = Vec<Object>)]
    positions: Arc<[livegrant_actors::PositionView]>,
    /// All codes, sorted.
    #[schema(value_type = Vec<String>)]
    permissions: Arc<[Arc<str>]>,
    /// Revision of this state.
    permission_version: i64,
    /// Hash of this state.
    #[schema(value_type = String)]
    hash: Arc<str>,
    /// The company that the session works in.
    company: Named,
    /// The application that the session works in.
    application: Named,
}

/// An id.
#[derive(Debug, Serialize, ToSchema)]
pub struct Named {
    /// Integer id.
    id: i64,
}

/// Reads the caller's own account (S2-30).
#[utoipa::path(tag = "accounts", responses((status = 200, body = MeOut), (status = 401, body = ProblemBody)))]
#[get("/api/accounts/users/me/")]
pub async fn get_me(core: web::Data<Core>, Caller(by): Caller) -> Answer {
    let user = accounts::me(&core, &by).await?.into();
    let view = by.session().view;
    let state = core.policy.published(by.member(), view);
    Ok(HttpResponse::Ok().json(MeOut {
        user,
        roles: Arc::clone(&state.roles),
        positions: Arc::clone(&state.positions),
        permissions: Arc::clone(&state.permissions),
        permission_version: state.rev.0,
        hash: Arc::clone(&state.hash),
        company: Named { id: view.company.0 },
        application: Named { id: view.application.0 },
    }))
}

/// Creates an account (S2-31).
#[utoipa::path(tag = "accounts", request_body = NewAccount, responses(
    (status = 201, body = AccountView), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody),
    (status = 409, body = ProblemBody)))]
#[post("/api/accounts/users/")]
pub async fn post_account(
    core: web::Data<Core>,
    keys: web::Data<Keys>,
    Caller(by): Caller,
    Body(new): Body<NewAccount>,
) -> Answer {
    let row = core
        .write(by, move |core, by| {
            let (keys, new) = (keys.clone(), new.clone());
            async move { accounts::create(&core, &keys, &by, &new).await }
        })
        .await?;
    Ok(HttpResponse::Created().json(AccountView::from(row)))
}

/// Changes an account (S2-32).
#[utoipa::path(tag = "accounts", params(("id" = i64, Path)), request_body = AccountPatch, responses(
    (status = 200, body = AccountView), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody),
    (status = 412, body = ProblemBody)))]
#[patch("/api/accounts/users/{id}/")]
pub async fn patch_account(
    core: web::Data<Core>,
    Caller(by): Caller,
    id: web::Path<i64>,
    Body(patch): Body<AccountPatch>,
) -> Answer {
    let id = AccountId(id.into_inner());
    let (row, _) = core
        .write(by, move |core, by| {
            let patch = patch.clone();
            async move { update_account::update(&core, &by, id, &patch).await }
        })
        .await?;
    Ok(HttpResponse::Ok().json(AccountView::from(row)))
}

/// The old and the new password.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordIn {
    /// The present password.
    old_password: String,
    /// The next one.
    new_password: String,
}

/// The revision that a change took; null when nothing had to change.
#[derive(Debug, Serialize, ToSchema)]
pub struct Saved {
    /// Its place in the policy log.
    pub rev: Option<i64>,
    /// False: it already was so.
    pub changed: bool,
}

impl From<Option<livegrant_actors::Rev>> for Saved {
    fn from(rev: Option<livegrant_actors::Rev>) -> Self {
        Self { rev: rev.map(|rev| rev.0), changed: rev.is_some() }
    }
}

/// Changes the caller's password (S2-33); his other sessions end.
#[utoipa::path(tag = "accounts", request_body = PasswordIn, responses(
    (status = 200, body = Saved), (status = 400, body = ProblemBody)))]
#[post("/api/accounts/users/change_password/")]
pub async fn post_change_password(
    core: web::Data<Core>,
    keys: web::Data<Keys>,
    Caller(by): Caller,
    Body(body): Body<PasswordIn>,
) -> Answer {
    let rev = core
        .write(by, move |core, by| {
            let (keys, body) = (keys.clone(), body.clone());
            async move { change_own(&core, &keys, &by, &body.old_password, &body.new_password).await }
        })
        .await?;
    Ok(HttpResponse::Ok().json(Saved::from(rev)))
}

/// A password set by an administrator.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResetIn {
    /// The next password; the owner is asked to change it.
    new_password: String,
}

/// Sets somebody's password; all of his sessions end.
#[utoipa::path(tag = "accounts", params(("id" = i64, Path)), request_body = ResetIn, responses(
    (status = 200, body = Saved), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody)))]
#[post("/api/v1/accounts/{id}/reset-password")]
pub async fn post_reset_password(
    core: web::Data<Core>,
    keys: web::Data<Keys>,
    Caller(by): Caller,
    id: web::Path<i64>,
    Body(body): Body<ResetIn>,
) -> Answer {
    let id = AccountId(id.into_inner());
    let rev = core
        .write(by, move |core, by| {
            let (keys, body) = (keys.clone(), body.clone());
            async move { reset(&core, &keys, &by, id, &body.new_password).await }
        })
        .await?;
    Ok(HttpResponse::Ok().json(Saved::from(rev)))
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

async fn end(
    core: &Core,
    by: crate::policy::Principal,
    filter: SessionFilter,
    reason: Option<String>,
) -> Answer {
    let reason = reason.filter(|text| !text.trim().is_empty()).unwrap_or_else(|| REASON.to_owned());
    super::model::check_text("reason", &reason)?;
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
    let account = AccountId(id.into_inner());
    by.require("session:kick")?;
    accounts::in_company(&core, &by, account).await?;
    end(&core, by, SessionFilter { account: Some(account), ..SessionFilter::default() }, body.reason).await
}
