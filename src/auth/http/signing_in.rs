//! The routes of signing in and out, of refreshing tokens and of tickets for sockets.

use crate::auth::login::{Attempt, login};
use crate::auth::model::AccountView;
use crate::auth::refresh::refresh;
use crate::auth::{Keys, end_sessions::end_own, ticket};
use crate::core::Core;
use crate::refusal::Refusal;
use crate::web::cookies::{self, REFRESH_COOKIE, Secure};
use crate::web::extract::{Body, Caller, Client, from_elsewhere, same_site};
use crate::web::problem::{Answer, ProblemBody};
use actix_web::{HttpRequest, HttpResponse, post, web};
use livegrant_actors::SessionId;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

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
    request: HttpRequest,
    client: Client,
    Body(body): Body<LoginIn>,
) -> Answer {
    let by_cookie = body.cookie;
    let secure = Secure::from(core.settings.auth.cookie_secure);
    if by_cookie && from_elsewhere(request.headers(), request.uri(), secure) {
        let detail = "another site's page cannot sign in here".to_owned();
        return Err(Refusal::Forbidden { code: "cross_site", detail }.into());
    }
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
        None => refresh_cookie(&core, &request)?,
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

fn refresh_cookie(core: &Core, request: &HttpRequest) -> Result<String, Refusal> {
    let cookie = request.cookie(REFRESH_COOKIE).ok_or_else(crate::web::extract::token_missing)?;
    let secure = Secure::from(core.settings.auth.cookie_secure);
    if !same_site(request.headers(), request.uri(), secure) {
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
