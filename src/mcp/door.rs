//! Who comes in (FM4, FM5): the request's host and page first, then its bearer token, then whether its scopes have the tool
//! that it calls. A session's access token acts as its person; a service token as its account, narrowed by its scopes.
//! Cookies do not count here, and neither does anything in the query.
//!
//! The SDK could look at host and origin itself; it would do so after the token, and answer without the request's id.

use super::call::Guest;
use super::clients;
use super::model::PREFIX;
use super::scope::Scope;
use super::tool::Tool;
use super::tools::tool;
use crate::core::Core;
use crate::policy::{Origin, Principal};
use crate::refusal::Refusal;
use crate::settings::Mcp as Settings;
use crate::web::extract::{admitted, authenticate, bearer, origin_of, token_missing};
use actix_web::HttpRequest;
use actix_web::http::header::HeaderMap;
use livegrant_actors::SessionId;
use serde_json::Value;

/// Longest `User-Agent` and key that are looked at.
const HEADER_MAX: usize = 256;

/// Lets a request in, or says why not.
pub async fn admit(core: &Core, request: &HttpRequest) -> Result<Guest, Refusal> {
    let settings = &core.settings.mcp;
    host_is_ours(settings, request)?;
    page_is_allowed(settings, request.headers())?;
    let token = bearer(request.headers()).ok_or_else(token_missing)?;
    let text = |name: &str| {
        let value = request.headers().get(name).and_then(|value| value.to_str().ok());
        value.filter(|value| value.len() <= HEADER_MAX).map(str::to_owned)
    };
    let (agent, key) = (text("user-agent").unwrap_or_default(), text("idempotency-key"));
    if token.starts_with(PREFIX) {
        let client = clients::of_token(core, token).await?.ok_or_else(|| Refusal::Unauthenticated {
            code: "token_invalid",
            detail: "the service token is not valid".to_owned(),
        })?;
        let sid = SessionId::from(client.sid.clone());
        let by =
            Principal::of_session(&core.policy, &sid, Origin { client: "mcp", ..origin_of(request) }).await?;
        admitted(core, request, &by);
        let (scopes, on_behalf) = (client.scopes(), client.on_behalf);
        return Ok(Guest { by, scopes, on_behalf, client: Some(client.name), agent, key });
    }
    let by = authenticate(request).await?.calling_with("mcp");
    Ok(Guest { by, scopes: super::scope::Scopes::default(), on_behalf: false, client: None, agent, key })
}

/// The tool that a body calls, if it calls one that there is.
pub fn called(body: &[u8]) -> Option<&'static Tool> {
    let message: Value = serde_json::from_slice(body).ok()?;
    (message.get("method")? == "tools/call")
        .then(|| tool(message.get("params")?.get("name")?.as_str()?))
        .flatten()
}

/// Goes on when the token's scopes have the tool.
///
/// # Errors
/// The scope that would have it.
pub fn has_scope(guest: &Guest, tool: &Tool) -> Result<(), Scope> {
    if guest.scopes.have(tool.scope, tool.kind.reads()) { Ok(()) } else { Err(tool.scope) }
}

/// What a call outside the token's scopes is refused with.
pub fn outside(scope: Scope) -> Refusal {
    Refusal::Forbidden {
        code: "insufficient_scope",
        detail: format!("this token does not have the scope {scope}, which this tool needs"),
    }
}

fn host_is_ours(settings: &Settings, request: &HttpRequest) -> Result<(), Refusal> {
    let said = request.headers().get("host").and_then(|value| value.to_str().ok());
    let host = said.or_else(|| request.uri().authority().map(actix_web::http::uri::Authority::as_str));
    if host.is_some_and(|host| settings.allowed_hosts.iter().any(|allowed| host_fits(allowed, host))) {
        return Ok(());
    }
    let detail = "this server does not answer under this name; mcp.allowed_hosts lists its names".to_owned();
    Err(Refusal::Forbidden { code: "host_refused", detail })
}

/// An entry with a port wants that port, one without takes any.
fn host_fits(allowed: &str, host: &str) -> bool {
    allowed.eq_ignore_ascii_case(host) || allowed.eq_ignore_ascii_case(without_port(host))
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

fn page_is_allowed(settings: &Settings, headers: &HeaderMap) -> Result<(), Refusal> {
    let Some(origin) = headers.get("origin") else { return Ok(()) };
    let origin = origin.to_str().unwrap_or_default();
    if settings.allowed_origins.iter().any(|allowed| origin_fits(allowed, origin)) {
        return Ok(());
    }
    let detail = "pages of this origin may not call; mcp.allowed_origins lists those that may".to_owned();
    Err(Refusal::Forbidden { code: "origin_refused", detail })
}

fn origin_fits(allowed: &str, origin: &str) -> bool {
    match allowed.strip_suffix(":*") {
        Some(any_port) => {
            let (scheme, at) = origin.split_once("://").unwrap_or_default();
            any_port.eq_ignore_ascii_case(&format!("{scheme}://{}", without_port(at)))
        }
        None => allowed.eq_ignore_ascii_case(origin),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // FM4
    #[test]
    fn names_and_pages_are_compared_whole() {
        assert!(host_fits("localhost", "LOCALHOST:8080") && host_fits("[::1]", "[::1]:8080"));
        assert!(host_fits("a.example:443", "a.example:443") && host_fits("[::1]", "[::1]"));
        for other in ["localhost.evil.example", "evil.example:80", "localhost:80.evil.example", ""] {
            assert!(!host_fits("localhost", other), "{other}");
        }
        assert!(!host_fits("a.example:443", "a.example:80") && !host_fits("a.example:443", "a.example"));
        assert!(origin_fits("http://localhost:*", "http://localhost:5173"));
        assert!(origin_fits("http://localhost:*", "http://localhost"));
        assert!(origin_fits("https://a.example", "https://a.example"));
        for other in
            ["null", "https://localhost:1", "http://localhost.evil.example", "http://localhost:1.evil", ""]
        {
            assert!(!origin_fits("http://localhost:*", other), "{other}");
        }
        assert!(!origin_fits("https://a.example", "https://a.example:8443"));
    }
}
