//! The gateway: answers a WebSocket upgrade at `/ws/permission`. Middleware does not run for upgrade requests, so it
//! counts, checks the origin, authenticates, admits and logs itself, and refuses with the same problem as any route.
//! Nothing is allocated for a tab before it is authenticated. What happens on the socket is the engine's affair.

use super::handshakes::Handshakes;
use super::subject::SessionSubject;
use crate::auth::{Keys, ticket};
use crate::core::Core;
use crate::policy::{Origin, Principal};
use crate::refusal::Refusal;
use crate::web::cookies::{ACCESS_COOKIE, Secure};
use crate::web::extract::{bearer, device_of, same_site, token_missing};
use crate::web::problem::Problem;
use crate::web::request::{client_address, network_of, request_id, secure};
use actix_codec::Framed;
use actix_http::header::{COOKIE, HeaderMap, ORIGIN};
use actix_http::{Request, RequestHead, h1};
use actix_web::body::to_bytes;
use actix_web::cookie::Cookie;
use bytes::Bytes;
use livegrant_actors::{Admission, ClientInfo, Refused, SessionId, transport::ws};
use std::fmt::Write;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// Where the socket is (S3-36).
pub const PATH: &str = "/ws/permission";

/// See the head of this file.
#[derive(Debug)]
pub struct Gateway {
    core: Core,
    keys: Arc<Keys>,
    handshakes: Handshakes,
}

impl Gateway {
    /// Takes the rooms.
    pub fn new(core: Core, keys: Arc<Keys>) -> Self {
        let handshakes = Handshakes::new(core.settings.realtime.handshakes_per_minute_per_address);
        Self { core, keys, handshakes }
    }

    /// Answers one upgrade request, whatever comes of it.
    pub async fn upgrade(&self, request: Request, framed: Framed<TcpStream, h1::Codec>) {
        let head = request.head();
        let peer = request.peer_addr().map(|peer| peer.ip());
        let ip = client_address(peer, head.headers(), &self.core.settings.server.trusted_proxies);
        let origin = Origin { request_id: request_id(head.headers()), ip: ip.to_string() };
        let path = head.uri.path().to_owned();
        match self.decide(head, ip, &origin).await {
            Ok((answer, admission)) => {
                // Frees the dispatcher: see the transport's documentation.
                drop(request);
                self.attach(framed, answer, admission, &origin).await;
            }
            Err(refusal) => {
                // What the engine refuses it has counted itself.
                if !matches!(&refusal, Refusal::Unavailable { code: "full" | "draining", .. }) {
                    metrics::counter!("websocket_connections_total", "result" => "refused").increment(1);
                }
                tracing::warn!(request_id = origin.request_id, path, %ip, %refusal, "connection refused");
                refuse(framed, &Problem::from(refusal), &path, &origin.request_id).await;
            }
        }
    }

    async fn decide(
        &self,
        head: &RequestHead,
        ip: IpAddr,
        origin: &Origin,
    ) -> Result<(Bytes, Admission), Refusal> {
        if head.uri.path() != PATH {
            return Err(Refusal::NotFound { what: "socket" });
        }
        let now = self.core.clock.now_ms();
        if !self.handshakes.allows(&network_of(&ip.to_string()), now) {
            return Err(Refusal::Throttled { retry_after_seconds: 60 });
        }
        let answer = ws::handshake(head)
            .map_err(|error| Refusal::invalid("handshake", "handshake_invalid", error.to_string()))?;
        let (by, expires_at) = self.authenticate(head, origin).await?;
        self.core.engine.admit(by.account(), ip).map_err(|refused| match refused {
            Refused::Full => Refusal::Unavailable { code: "full", detail: refused.to_string() },
            Refused::Draining => Refusal::Unavailable { code: "draining", detail: refused.to_string() },
        })?;
        let subject = Arc::new(SessionSubject::of(&self.core.policy, &by));
        let client = ClientInfo { ip, browser: device_of(head.headers()).into() };
        Ok((answer, Admission { subject, expires_at, client }))
    }

    /// Bearer header, ticket, or cookie with an allowed origin (C1, C2); answers the caller and when his token ends.
    async fn authenticate(&self, head: &RequestHead, origin: &Origin) -> Result<(Principal, i64), Refusal> {
        let realtime = &self.core.settings.realtime;
        let sent = head.headers().get(ORIGIN).map(|value| value.to_str().unwrap_or_default());
        let ours = sent.is_some()
            && same_site(head.headers(), &head.uri, Secure::from(self.core.settings.auth.cookie_secure));
        let listed = sent.is_some_and(|sent| realtime.allowed_origins.iter().any(|allowed| allowed == sent));
        if sent.is_some() && !ours && !listed && !realtime.allows_any_origin() {
            return Err(origin_refused("this origin may not open a socket"));
        }
        if let Some(token) = bearer(head.headers()) {
            return self.by_token(token, origin).await;
        }
        if let Some(ticket) = ticket_of(head) {
            let now = self.core.clock.now_ms();
            let by = ticket::redeem(&self.core, ticket, origin.clone()).await?;
            return Ok((by, now + self.keys.tokens.ttl_seconds() * 1000));
        }
        let Some(token) = cookie_of(head.headers()) else { return Err(token_missing()) };
        if realtime.allows_any_origin() {
            return Err(origin_refused("with every origin allowed a cookie opens no socket; use a ticket"));
        }
        if !(ours || listed) {
            return Err(origin_refused(
                "a cookie without an origin opens no socket; use a header or a ticket",
            ));
        }
        self.by_token(&token, origin).await
    }

    async fn by_token(&self, token: &str, origin: &Origin) -> Result<(Principal, i64), Refusal> {
        let claims = self.keys.tokens.verify(token, self.core.clock.now_ms())?;
        let by =
            Principal::of_session(&self.core.policy, &SessionId::from(claims.sid), origin.clone()).await?;
        Ok((by, claims.exp * 1000))
    }

    async fn attach(
        &self,
        framed: Framed<TcpStream, h1::Codec>,
        answer: Bytes,
        admission: Admission,
        origin: &Origin,
    ) {
        let account = admission.subject.account().0;
        let attached = match ws::accept(framed, answer).await {
            Ok((stream, leftover)) => {
                self.core.engine.attach(stream, leftover, admission).await.map_err(|error| error.to_string())
            }
            Err(error) => Err(error.to_string()),
        };
        match attached {
            Ok(()) => tracing::info!(request_id = origin.request_id, account, "connection accepted"),
            Err(error) => {
                tracing::warn!(request_id = origin.request_id, account, error, "connection lost at once");
            }
        }
    }
}

fn origin_refused(detail: &str) -> Refusal {
    Refusal::Forbidden { code: "origin_refused", detail: detail.to_owned() }
}

fn ticket_of(head: &RequestHead) -> Option<&str> {
    let query = head.uri.query()?;
    query.split('&').find_map(|pair| pair.strip_prefix("ticket="))
}

fn cookie_of(headers: &HeaderMap) -> Option<String> {
    let texts = headers.get_all(COOKIE).filter_map(|value| value.to_str().ok());
    texts
        .flat_map(|text| text.split(';'))
        .filter_map(|pair| Cookie::parse(pair.trim().to_owned()).ok())
        .find(|cookie| cookie.name() == ACCESS_COOKIE)
        .map(|cookie| cookie.value().to_owned())
}

/// Writes the problem as a plain HTTP answer and closes.
async fn refuse(framed: Framed<TcpStream, h1::Codec>, problem: &Problem, path: &str, request_id: &str) {
    let answer = problem.answer(path, request_id);
    let status = answer.status();
    let mut text = format!(
        "HTTP/1.1 {} {}\r\nconnection: close\r\n",
        status.as_u16(),
        status.canonical_reason().unwrap_or_default()
    );
    let (mut answer, body) = answer.into_parts();
    secure(answer.headers_mut(), path, request_id);
    for (name, value) in answer.headers() {
        // Writing to a String cannot fail.
        let _ = write!(text, "{name}: {}\r\n", value.to_str().unwrap_or_default());
    }
    let body = to_bytes(body).await.unwrap_or_default();
    let _ = write!(text, "content-length: {}\r\n\r\n", body.len());
    let mut io = framed.into_parts().io;
    // A client that is gone does not need the answer.
    let _ = io.write_all(text.as_bytes()).await;
    let _ = io.write_all(&body).await;
    let _ = io.shutdown().await;
}
