//! What handlers are handed: the caller, the body, where the request came from. Parsed or refused with the field's name.

use super::cookies::{ACCESS_COOKIE, Secure};
use super::problem::Problem;
use super::request::{AnsweredVersion, ClientAddress, RequestId};
use crate::auth::Keys;
use crate::core::Core;
use crate::policy::{Origin, Principal, SessionEntry};
use crate::refusal::Refusal;
use crate::settings::Server;
use actix_web::dev::Payload;
use actix_web::http::Uri;
use actix_web::http::header::{self, HeaderMap};
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use livegrant_actors::SessionId;
use serde::de::DeserializeOwned;
use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

type Boxed<T> = Pin<Box<dyn Future<Output = Result<T, Problem>>>>;

/// The signed-in caller.
#[derive(Debug)]
pub struct Caller(pub Principal);

impl FromRequest for Caller {
    type Error = Problem;
    type Future = Boxed<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { Ok(Self(authenticate(&request).await?)) })
    }
}

/// Finds the caller of a request by bearer token or cookie.
pub async fn authenticate(request: &HttpRequest) -> Result<Principal, Refusal> {
    let (core, keys) = rooms(request)?;
    let (token, by_cookie) = token_of(request)?;
    let secure = Secure::from(core.settings.auth.cookie_secure);
    if by_cookie && !request.method().is_safe() && !same_site(request.headers(), request.uri(), secure) {
        let detail = "a cookie came with a request from another site".to_owned();
        return Err(Refusal::Forbidden { code: "cross_site", detail });
    }
    let claims = keys.tokens.verify(&token, core.clock.now_ms())?;
    let principal =
        Principal::of_session(&core.policy, &SessionId::from(claims.sid), origin_of(request)).await?;
    admitted(&core, request, &principal);
    Ok(principal)
}

/// Notes who asks, for the answer's headers and the audit log.
pub fn admitted(core: &Core, request: &HttpRequest, by: &Principal) {
    let state = core.policy.published(by.member(), by.session().view);
    request.extensions_mut().insert(AnsweredVersion(state.rev.0));
    request.extensions_mut().insert(by.clone());
}

/// Finds the session of a request's token, also one that has ended: its tab still has last words to be asked for.
pub async fn session_of(request: &HttpRequest) -> Result<Arc<SessionEntry>, Refusal> {
    let (core, keys) = rooms(request)?;
    let (token, _) = token_of(request)?;
    let claims = keys.tokens.verify(&token, core.clock.now_ms())?;
    let session = core.policy.session(&SessionId::from(claims.sid)).await?;
    session.ok_or_else(Refusal::session_ended)
}

fn rooms(request: &HttpRequest) -> Result<(web::Data<Core>, web::Data<Keys>), Refusal> {
    match (request.app_data::<web::Data<Core>>(), request.app_data::<web::Data<Keys>>()) {
        (Some(core), Some(keys)) => Ok((core.clone(), keys.clone())),
        _ => Err(Refusal::Defect(anyhow::anyhow!("the app was built without its rooms"))),
    }
}

fn token_of(request: &HttpRequest) -> Result<(String, bool), Refusal> {
    if let Some(token) = bearer(request.headers()) {
        return Ok((token.to_owned(), false));
    }
    request.cookie(ACCESS_COOKIE).map(|cookie| (cookie.value().to_owned(), true)).ok_or_else(token_missing)
}

/// Nobody is signed in.
pub fn token_missing() -> Refusal {
    Refusal::Unauthenticated { code: "token_missing", detail: "sign in first".to_owned() }
}

/// Answers the token of an `Authorization: Bearer` header.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Answers whether a request with a cookie was made by a page of this site: by its `Origin`, or, where a browser sends
/// none, by `Sec-Fetch-Site`. Where cookies travel over HTTPS alone, the page must have come over HTTPS too. The cookie
/// is `SameSite=Strict` as well; this is the second wall.
pub fn same_site(headers: &HeaderMap, uri: &Uri, secure: Secure) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(origin) = text("origin") {
        let host = text("host").or_else(|| uri.authority().map(actix_http::uri::Authority::as_str));
        let Some((scheme, at)) = origin.split_once("://") else { return false };
        return host == Some(at) && (secure == Secure::Any || scheme == "https");
    }
    text("sec-fetch-site").is_some_and(|site| site == "same-origin")
}

/// Answers whether a browser says that another site's page made the request; programs say nothing.
pub fn from_elsewhere(headers: &HeaderMap, uri: &Uri, secure: Secure) -> bool {
    let told = headers.contains_key("origin") || headers.contains_key("sec-fetch-site");
    told && !same_site(headers, uri, secure)
}

/// Answers where a request came from.
pub fn origin_of(request: &HttpRequest) -> Origin {
    let extensions = request.extensions();
    Origin {
        request_id: extensions.get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default(),
        ip: extensions.get::<ClientAddress>().map(|address| address.0.to_string()).unwrap_or_default(),
        client: "web",
    }
}

/// Where a request came from and with what browser.
#[derive(Debug)]
pub struct Client {
    /// Request id and address.
    pub origin: Origin,
    /// The browser's name.
    pub device: String,
}

impl FromRequest for Client {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self { origin: origin_of(request), device: device_of(request.headers()) }))
    }
}

/// Answers the browser's name for people.
pub fn device_of(headers: &HeaderMap) -> String {
    let agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    super::browser::name(agent)
}

/// A JSON body, parsed into what the route takes or refused with the field's name.
#[derive(Debug)]
pub struct Body<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Body<T> {
    type Error = Problem;
    type Future = Boxed<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bytes = body_bytes(request, payload);
        Box::pin(async move {
            let bytes = bytes.await?;
            let bytes = if bytes.is_empty() { web::Bytes::from_static(b"{}") } else { bytes };
            Ok(Self(parse(&bytes)?))
        })
    }
}

/// Reads the whole body, up to `server.body_limit_bytes` and for as long as `server.request_timeout_seconds`.
pub fn body_bytes(
    request: &HttpRequest,
    payload: &mut Payload,
) -> impl Future<Output = Result<web::Bytes, Refusal>> + use<> {
    let seconds = request.app_data::<web::Data<Server>>().map_or(30, |server| server.request_timeout_seconds);
    let bytes = web::Bytes::from_request(request, payload);
    async move {
        match tokio::time::timeout(Duration::from_secs(seconds), bytes).await {
            Ok(Ok(bytes)) => Ok(bytes),
            Ok(Err(_)) => {
                Err(Refusal::invalid("body", "too_large", "the body is larger than this server takes"))
            }
            Err(_) => Err(Refusal::invalid("body", "too_slow", "the body did not arrive in time")),
        }
    }
}

/// Reads an object, or refuses it with the field's name.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Refusal> {
    // A list would be taken as the fields in their order.
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') {
        return Err(Refusal::invalid("body", "invalid", "expected an object"));
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let cause = error.inner().to_string();
        let quoted = cause.split('`').nth(1).unwrap_or_default();
        // For a missing field the path ends at its parent, and the message names it.
        let names = cause.starts_with("missing field");
        let path = error.path().to_string();
        let field = match (names, path.as_str()) {
            (true, ".") => quoted.to_owned(),
            (true, parent) => format!("{parent}.{quoted}"),
            // Broken text has no path to speak of.
            (false, "." | "?") => "body".to_owned(),
            (false, path) => path.to_owned(),
        };
        let code = if error.inner().is_data() { "invalid" } else { "malformed_json" };
        Refusal::invalid(field, code, cause)
    })?;
    reader.end().map_err(|error| Refusal::invalid("body", "malformed_json", error.to_string()))?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        #[expect(dead_code, reason = "only its parsing is looked at")]
        roles: Vec<Inner>,
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        #[expect(dead_code, reason = "only its parsing is looked at")]
        id: i64,
    }

    #[test]
    fn only_a_page_of_this_very_site_may_use_the_cookie() {
        let judge = |name: &'static str, value: &'static str, secure| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, header::HeaderValue::from_static("app.example:8443"));
            headers.insert(header::HeaderName::from_static(name), header::HeaderValue::from_static(value));
            same_site(&headers, &Uri::from_static("/"), secure)
        };
        assert!(judge("origin", "https://app.example:8443", Secure::Https));
        assert!(judge("origin", "http://app.example:8443", Secure::Any));
        assert!(!judge("origin", "http://app.example:8443", Secure::Https));
        assert!(!judge("origin", "https://app.example", Secure::Any));
        assert!(!judge("origin", "https://app.example:8443.evil.example", Secure::Any));
        assert!(!judge("origin", "null", Secure::Any));
        assert!(judge("sec-fetch-site", "same-origin", Secure::Https));
        assert!(!judge("sec-fetch-site", "same-site", Secure::Https));
        assert!(!judge("accept", "*/*", Secure::Https));
    }

    fn refused(body: &str) -> (&'static str, String) {
        match parse::<Sample>(body.as_bytes()) {
            Err(Refusal::Invalid { code, field, .. }) => (code, field),
            other => panic!("not refused: {other:?}"),
        }
    }

    #[test]
    fn a_wrong_body_is_refused_by_the_name_of_its_field() {
        assert_eq!(refused("{"), ("malformed_json", "body".to_owned()));
        assert_eq!(refused("{}"), ("invalid", "roles".to_owned()));
        assert_eq!(refused("[[]]"), ("invalid", "body".to_owned()));
        assert_eq!(refused(r#"{"roles":[],"x":1}"#), ("invalid", "x".to_owned()));
        assert_eq!(refused(r#"{"roles":[{"id":"7"}]}"#), ("invalid", "roles[0].id".to_owned()));
        assert_eq!(refused(r#"{"roles":[{}]}"#), ("invalid", "roles[0].id".to_owned()));
        assert_eq!(refused(r#"{"roles":[]} x"#), ("malformed_json", "body".to_owned()));
    }
}
