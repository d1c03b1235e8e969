//! What happens to every HTTP request: an id, the client's address, one log line, security headers, the caller's
//! permission version on the answer (S3-137), and problems completed with path and id. Upgrade requests do not come
//! through here; `realtime/gateway.rs` does the same for them.

use super::denials::Denials;
use super::in_flight::{CountedBody, InFlight};
use super::operations::Stopping;
use super::problem::Problem;
use super::unread;
use crate::core::Core;
use crate::policy::Principal;
use crate::settings::{Network, Server};
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::ConnectionType;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest, web};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const PERMISSION_VERSION: HeaderName = HeaderName::from_static("x-permission-version");

/// Only what the page itself brings: no inline script, no foreign source, no frame around it.
const CONTENT_SECURITY_POLICY: &str =
    "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";
/// The API browser puts its own styles and its start script into its page.
const DOCS_CONTENT_SECURITY_POLICY: &str = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; \
     script-src 'self' 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'";

/// The request's id; ours, or the caller's when it is short and plain.
#[derive(Debug, Clone)]
pub struct RequestId(pub String);

/// The client's address, behind trusted proxies the one that they saw.
#[derive(Debug, Clone, Copy)]
pub struct ClientAddress(pub IpAddr);

/// The revision of the caller's permission state, for the answer's header.
#[derive(Debug, Clone, Copy)]
pub struct AnsweredVersion(pub i64);

/// The middleware; see the head of this file.
pub async fn around<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let started = Instant::now();
    let running = request.app_data::<web::Data<InFlight>>().map(|requests| requests.enter());
    let id = request_id(request.headers());
    let trusted = request.app_data::<web::Data<Server>>().map(|server| server.trusted_proxies.clone());
    let ip = client_address(
        request.peer_addr().map(|peer| peer.ip()),
        request.headers(),
        &trusted.unwrap_or_default(),
    );
    request.extensions_mut().insert(RequestId(id.clone()));
    request.extensions_mut().insert(ClientAddress(ip));
    let path = request.path().to_owned();
    let stopping = request.app_data::<web::Data<Stopping>>().cloned();
    let unread = unread::hold(&mut request);
    // No clone of the request is kept: matching a route needs it for itself alone.
    let answer = next.call(request).await?.map_into_boxed_body();
    let problem = answer.response().error().and_then(|error| error.as_error::<Problem>());
    if let Some(permission) = problem.and_then(Problem::denied) {
        audit(answer.request(), permission).await;
    }
    let mut answer = match problem.map(|problem| problem.answer(&path, &id)) {
        Some(completed) => answer.into_response(completed),
        None => answer,
    };
    let version = answer.request().extensions().get::<AnsweredVersion>().copied();
    let headers = answer.headers_mut();
    if let Some(AnsweredVersion(rev)) = version {
        headers.insert(PERMISSION_VERSION, HeaderValue::from(rev));
    }
    secure(headers, &path, &id);
    // A node that leaves takes no further request on a connection that a proxy keeps: it might be closed under it.
    if stopping.is_some_and(|stopping| stopping.has_begun()) {
        answer.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    let milliseconds = started.elapsed().as_millis() as u64;
    let status = answer.status().as_u16();
    tracing::info!(request_id = id, method = %answer.request().method(), path, status, milliseconds, %ip, "request answered");
    Ok(answer.map_body(|_, body| BoxBody::new(CountedBody { body, running, unread })))
}

/// Notes a refused use of a permission (S1-46), reads and writes alike.
async fn audit(request: &HttpRequest, permission: &str) {
    let by = request.extensions().get::<Principal>().cloned();
    let rooms = (request.app_data::<web::Data<Core>>(), request.app_data::<web::Data<Denials>>());
    if let (Some(by), (Some(core), Some(denials))) = (by, rooms)
        && denials.is_noted(&by.author(), core.clock.now_ms())
    {
        core.audit_denial(&by, permission).await;
    }
}

/// Puts the security headers and the request's id on an answer.
pub fn secure(headers: &mut HeaderMap, path: &str, id: &str) {
    let policy =
        if path.starts_with("/docs") { DOCS_CONTENT_SECURITY_POLICY } else { CONTENT_SECURITY_POLICY };
    for (name, value) in [
        ("content-security-policy", policy),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    if !headers.contains_key("cache-control") {
        // What one caller may see must not be shown to the next one on the same machine.
        headers.insert(HeaderName::from_static("cache-control"), HeaderValue::from_static("no-store"));
    }
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, id);
    }
}

/// Answers the caller's own request id when it is short and plain, else a new one.
pub fn request_id(headers: &HeaderMap) -> String {
    let plain = |text: &&str| {
        (8..=64).contains(&text.len())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
    };
    let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok()).filter(plain);
    given.map_or_else(crate::clock::guid, str::to_owned)
}

/// Answers the client's address: the peer, or, when the peer is a trusted proxy, the nearest address in
/// `X-Forwarded-For` that is not one.
///
/// A proxy may add a line of its own instead of lengthening the client's: all lines are one list, in their order
/// (RFC 9110, 5.3).
pub fn client_address(peer: Option<IpAddr>, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let mut address = peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    let lines: Vec<_> = headers.get_all("x-forwarded-for").map(|line| line.to_str().unwrap_or("?")).collect();
    for hop in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
        if !trusted.iter().any(|proxy| proxy.contains(address)) {
            break;
        }
        let Ok(next) = hop.trim().parse() else { break };
        address = next;
    }
    address
}

/// Answers what counts as one address when tries are counted: an IPv4 address, or an IPv6 network of 64 bits, which is
/// what one customer has.
pub fn network_of(ip: &str) -> String {
    // A socket that takes both families shows an IPv4 client as an IPv6 address: all of them would be one network.
    match ip.parse().map(|address: IpAddr| address.to_canonical()) {
        Ok(IpAddr::V4(address)) => address.to_string(),
        Ok(IpAddr::V6(address)) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        Err(_) => ip.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        let (proxy, client): (IpAddr, IpAddr) = ([10, 0, 0, 1].into(), [7, 7, 7, 7].into());
        let mut headers = HeaderMap::new();
        headers
            .insert(HeaderName::from_static("x-forwarded-for"), HeaderValue::from_static("6.6.6.6, 7.7.7.7"));
        assert_eq!(client_address(Some(proxy), &headers, &[proxy.into()]), client);
        assert_eq!(client_address(Some(proxy), &headers, &["10.0.0.0/8".parse().unwrap()]), client);
        assert_eq!(client_address(Some(proxy), &headers, &[]), proxy);
    }

    #[test]
    fn a_line_that_a_proxy_adds_counts_before_the_clients_own() {
        let (proxy, client): (IpAddr, IpAddr) = ([10, 0, 0, 1].into(), [7, 7, 7, 7].into());
        let name = HeaderName::from_static("x-forwarded-for");
        let mut headers = HeaderMap::new();
        headers.append(name.clone(), HeaderValue::from_static("6.6.6.6"));
        headers.append(name.clone(), HeaderValue::from_static("7.7.7.7"));
        assert_eq!(client_address(Some(proxy), &headers, &[proxy.into()]), client);
        headers.append(name, HeaderValue::from_static("10.0.0.1"));
        assert_eq!(client_address(Some(proxy), &headers, &[proxy.into()]), client);
    }

    #[test]
    fn an_ipv6_network_is_one_address_and_an_ipv4_client_is_one_whatever_the_socket() {
        assert_eq!(network_of("2001:db8::1"), network_of("2001:db8::ffff:2"));
        assert_ne!(network_of("2001:db8:0:1::1"), network_of("2001:db8:0:2::1"));
        assert_eq!(network_of("::ffff:192.0.2.7"), "192.0.2.7");
        assert_ne!(network_of("::ffff:192.0.2.7"), network_of("::ffff:192.0.2.8"));
    }

    #[test]
    fn a_strange_request_id_is_replaced() {
        let mut headers = HeaderMap::new();
        headers.insert(REQUEST_ID, HeaderValue::from_static("my-request-1"));
        assert_eq!(request_id(&headers), "my-request-1");
        headers.insert(REQUEST_ID, HeaderValue::from_static("x\ty z and more of it"));
        assert_eq!(request_id(&headers).len(), 36);
    }
}
