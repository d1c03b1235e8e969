//! The gateway: answers a WebSocket upgrade at `/ws/permission`. Middleware does not run for upgrade requests, so it
//! counts, logs and refuses by itself, with the same problem as any route; who may come in the [`Door`] decides. What
//! happens on the socket is the engine's affair.

use super::door::{Door, SUB_PROTOCOL, offers_sub_protocol};
use crate::policy::Origin;
use crate::refusal::Refusal;
use crate::web::connection::Connection;
use crate::web::problem::Problem;
use crate::web::request::{client_address, request_id, secure};
use actix_codec::Framed;
use actix_http::{Request, RequestHead, h1};
use actix_web::body::to_bytes;
use bytes::Bytes;
use livegrant_actors::{Admission, Transport, transport::ws};
use std::fmt::Write;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::io::AsyncWriteExt;

/// Where the socket is (S3-36).
pub const PATH: &str = "/ws/permission";

type Upgraded = Framed<Connection, h1::Codec>;

/// See the head of this file.
#[derive(Debug)]
pub struct Gateway {
    door: Arc<Door>,
}

impl Gateway {
    /// Takes the door.
    pub fn new(door: Arc<Door>) -> Self {
        Self { door }
    }

    /// Answers one upgrade request, whatever comes of it.
    pub async fn upgrade(&self, request: Request, framed: Upgraded) {
        let head = request.head();
        let peer = request.peer_addr().map(|peer| peer.ip());
        let ip = client_address(peer, head.headers(), &self.door.core().settings.server.trusted_proxies);
        let origin = Origin { request_id: request_id(head.headers()), ip: ip.to_string(), client: "web" };
        let path = head.uri.path().to_owned();
        match self.decide(head, ip, &origin).await {
            Ok((answer, admission)) => {
                // Frees the dispatcher: see the transport's documentation.
                drop(request);
                self.attach(framed, answer, admission, &origin).await;
            }
            Err(refusal) => {
                self.door.refused(&refusal);
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
        self.door.count(ip)?;
        let sub_protocol = offers_sub_protocol(head.headers()).then_some(SUB_PROTOCOL);
        let answer = ws::handshake(head, sub_protocol)
            .map_err(|error| Refusal::invalid("handshake", "handshake_invalid", error.to_string()))?;
        let admission = self.door.admit(head, ip, origin, Transport::WebSocket).await?;
        Ok((answer, admission))
    }

    async fn attach(&self, framed: Upgraded, answer: Bytes, admission: Admission, origin: &Origin) {
        let account = admission.subject.account().0;
        let parts = framed.into_parts();
        let Some(stream) = parts.io.into_stream() else { return };
        let attached = match ws::accept(stream, answer).await {
            Ok(stream) => {
                let leftover = parts.read_buf.freeze();
                let engine = &self.door.core().engine;
                engine.attach(stream, leftover, admission).await.map_err(|error| error.to_string())
            }
            Err(error) => Err(error.to_string()),
        };
        match attached {
            Ok(connection) => {
                tracing::info!(request_id = origin.request_id, account, connection_id = %connection, "connection accepted");
            }
            Err(error) => {
                tracing::warn!(request_id = origin.request_id, account, error, "connection lost at once");
            }
        }
    }
}

/// Writes the problem as a plain HTTP answer and closes.
async fn refuse(framed: Upgraded, problem: &Problem, path: &str, request_id: &str) {
    let answer = problem.answer(path, request_id);
    let (mut answer, body) = answer.into_parts();
    secure(answer.headers_mut(), path, request_id);
    let body = to_bytes(body).await.unwrap_or_default();
    let mut text = head_text(&answer);
    // Writing to a String cannot fail.
    let _ = write!(text, "content-length: {}\r\n\r\n", body.len());
    let mut io = framed.into_parts().io;
    // A client that is gone does not need the answer.
    let _ = io.write_all(text.as_bytes()).await;
    let _ = io.write_all(&body).await;
    let _ = io.shutdown().await;
}

/// Writes the head of an answer after which the connection is closed, without its last empty line.
pub fn head_text<B>(answer: &actix_web::HttpResponse<B>) -> String {
    let status = answer.status();
    let reason = status.canonical_reason().unwrap_or_default();
    let mut text = format!("HTTP/1.1 {} {reason}\r\nconnection: close\r\n", status.as_u16());
    for (name, value) in answer.headers() {
        // Writing to a String cannot fail.
        let _ = write!(text, "{name}: {}\r\n", value.to_str().unwrap_or_default());
    }
    text
}
