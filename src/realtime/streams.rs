//! The streams that are ordinary requests: server-sent events and long polls, for clients and networks that have no
//! WebSocket (S0-11 to S0-22, S3-127). The same door, the same session actor, the same messages.

use super::dismissed::Dismissed;
use super::door::Door;
use super::gateway::head_text;
use super::nodes::questions;
use crate::refusal::Refusal;
use crate::web::connection::Taker;
use crate::web::extract::{Body, Caller, origin_of, session_of};
use crate::web::problem::{Answer, ProblemBody};
use crate::web::request::{ClientAddress, RequestId, secure};
use actix_web::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HeaderMap};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, get, post, web};
use bytes::Bytes;
use livegrant_actors::{Admission, AttachError, ConnectionId, Refused, Rev, Transport};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;
use utoipa::{IntoParams, ToSchema};

async fn admit(request: &HttpRequest, door: &Door, transport: Transport) -> Result<Admission, Refusal> {
    let address = request.extensions().get::<ClientAddress>().map(|address| address.0);
    let ip = address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    let admitted = async {
        door.count(ip)?;
        door.admit(request.head(), ip, &origin_of(request), transport).await
    };
    admitted.await.inspect_err(|refusal| door.refused(refusal))
}

fn not_attached(error: AttachError) -> Refusal {
    match error {
        AttachError::Refused(refused @ Refused::Full) => {
            Refusal::Unavailable { code: "full", detail: refused.to_string() }
        }
        AttachError::Refused(refused @ Refused::Draining) => {
            Refusal::Unavailable { code: "draining", detail: refused.to_string() }
        }
        AttachError::ShardGone | AttachError::Socket(_) => Refusal::Defect(anyhow::Error::new(error)),
    }
}

/// What the address of a stream may say.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what the door reads")]
pub struct StreamQuery {
    /// Must be the caller's own, his account's or his staff record's.
    #[serde(rename = "userGuid")]
    user_guid: Option<String>,
    /// A one-time ticket from `POST /api/auth/stream-ticket/`.
    ticket: Option<String>,
    /// Topics to hear as well, separated by commas.
    topics: Option<String>,
    /// Where the stream is to go on: `<epoch>:<rev>:<hash>:<inboxSeq>`; the header `Last-Event-ID` goes before it.
    resume: Option<String>,
    /// `hmac`: a hash in every message.
    integrity: Option<String>,
}

/// A stream of server-sent events, for the browser's `EventSource`: with cookie, ticket or header. `docs/protocol.md`
/// describes its events. Who must not come back by itself is answered with 204, so that a browser stays away.
#[utoipa::path(tag = "realtime", params(StreamQuery), responses(
    (status = 200, content_type = "text/event-stream", body = String), (status = 204),
    (status = 400, body = ProblemBody), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
    (status = 429, body = ProblemBody), (status = 503, body = ProblemBody)))]
#[get("/api/v1/events")]
pub async fn get_events(
    request: HttpRequest,
    door: web::Data<Door>,
    dismissed: web::Data<Dismissed>,
) -> Answer {
    let admission = match admit(&request, &door, Transport::Sse).await {
        Ok(admission) => admission,
        Err(Refusal::Unauthenticated { code: "session_revoked", .. }) if wants_events(request.headers()) => {
            return Ok(HttpResponse::NoContent().finish());
        }
        Err(refusal) => return Err(refusal.into()),
    };
    let stream = admission.wishes.resume.as_ref().and_then(|place| place.stream.as_deref());
    if stream.is_some_and(|stream| dismissed.take(stream, door.core().clock.now_ms())) {
        return Ok(HttpResponse::NoContent().finish());
    }
    let taken = request.conn_data::<Taker>().and_then(Taker::take);
    let stream = taken.ok_or_else(|| Refusal::Defect(anyhow::anyhow!("the connection was taken before")))?;
    let stream = stream.into_std().map_err(|error| Refusal::Defect(error.into()))?;
    let account = admission.subject.account().0;
    let retry = door.core().settings.realtime.event_retry_ms;
    let head = events_head(&request, retry);
    match door.core().engine.attach_events(stream, head, admission).await {
        Ok(connection) => tracing::info!(account, connection_id = %connection, "connection accepted"),
        // The connection went with it; the client comes back.
        Err(error) => tracing::warn!(account, %error, "connection lost at once"),
    }
    // Into nothing: the connection is the engine's now.
    Ok(HttpResponse::Ok().finish())
}

fn wants_events(headers: &HeaderMap) -> bool {
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accept.contains("text/event-stream")
}

/// The head of the answer and the first line of the stream. The body ends with the connection: every proxy knows that,
/// old ones included.
fn events_head(request: &HttpRequest, retry_ms: u64) -> Bytes {
    let mut answer = HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/event-stream; charset=utf-8"))
        .insert_header((CACHE_CONTROL, "no-store, no-transform"))
        .insert_header(("x-accel-buffering", "no"))
        .finish();
    let id = request.extensions().get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default();
    secure(answer.headers_mut(), request.path(), &id);
    Bytes::from(format!("{}\r\nretry: {retry_ms}\n\n", head_text(&answer)))
}

/// What a poll may ask.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PollQuery {
    /// The tab; without it a new one is opened, for which the parameters of `/api/v1/events` hold.
    connection: Option<String>,
    /// The cursor of the last answer that arrived: what came with it is not given again.
    #[serde(default)]
    cursor: u64,
    /// The `permissionVersion` that was applied.
    ack: Option<i64>,
    /// Longest wait in seconds; `realtime.poll_seconds` at most.
    wait: Option<u64>,
}

/// What a poll is answered.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PollOut {
    /// The tab, for the next poll.
    connection_id: String,
    /// For the next poll: says that this answer has arrived.
    cursor: u64,
    /// Envelopes, as on a WebSocket.
    #[schema(value_type = Vec<Object>)]
    messages: Vec<Box<RawValue>>,
    /// Why there will be no more; absent while there will.
    #[serde(skip_serializing_if = "Option::is_none")]
    closed: Option<ClosedOut>,
}

/// Why a tab was closed.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClosedOut {
    /// The close code of a WebSocket.
    code: u16,
    /// The same for programs.
    reason: String,
    /// The same for people.
    text: String,
    /// Whether to come back.
    reconnect: bool,
}

/// A long poll: waits for messages of a tab, or opens one. For networks that let nothing else through (S3-127).
#[utoipa::path(tag = "realtime", params(StreamQuery, PollQuery), responses(
    (status = 200, body = PollOut), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody),
    (status = 403, body = ProblemBody), (status = 404, body = ProblemBody), (status = 429, body = ProblemBody),
    (status = 503, body = ProblemBody)))]
#[get("/api/v1/poll")]
pub async fn get_poll(request: HttpRequest, door: web::Data<Door>, asked: web::Query<PollQuery>) -> Answer {
    let core = door.core();
    let (session, connection) = if let Some(connection) = &asked.connection {
        (session_of(&request).await?, ConnectionId::from(connection.as_str()))
    } else {
        let admission = admit(&request, &door, Transport::Poll).await?;
        let sid = admission.subject.session().clone();
        let opened = core.engine.open_poll(admission).await.map_err(not_attached)?;
        (core.policy.session(&sid).await?.ok_or_else(Refusal::session_ended)?, opened)
    };
    let longest = core.settings.realtime.poll_seconds;
    let wait = Duration::from_secs(asked.wait.unwrap_or(longest).min(longest));
    let place = (asked.cursor, asked.ack.map(Rev));
    let polled = questions::poll(core, session.account, &session.sid, &connection, place, wait).await;
    let polled = polled.ok_or_else(|| {
        if session.is_active() { Refusal::NotFound { what: "connection" } } else { Refusal::session_ended() }
    })?;
    let messages = polled.messages.iter().map(|text| serde_json::from_slice(text));
    let messages = messages.collect::<Result<_, _>>().map_err(|error| Refusal::Defect(error.into()))?;
    let closed = polled.closed.map(|(reason, text)| ClosedOut {
        code: reason.code(),
        reason: reason.label().to_owned(),
        text,
        reconnect: reason.reconnects(),
    });
    let (connection_id, cursor) = (connection.to_string(), polled.cursor);
    Ok(HttpResponse::Ok().json(PollOut { connection_id, cursor, messages, closed }))
}

/// What a tab says that it has applied.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AckIn {
    /// The tab: `connectionId` of its `connected` event.
    connection_id: String,
    /// The `permissionVersion` that was applied.
    permission_version: i64,
}

/// Acknowledges what a stream of events has told: the stream itself carries nothing back (S0-14).
#[utoipa::path(tag = "realtime", request_body = AckIn, responses(
    (status = 204), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody),
    (status = 404, body = ProblemBody)))]
#[post("/api/v1/events/ack")]
pub async fn post_ack(door: web::Data<Door>, Caller(by): Caller, Body(said): Body<AckIn>) -> Answer {
    let connection = ConnectionId::from(said.connection_id);
    let rev = Rev(said.permission_version);
    if questions::acknowledge(door.core(), by.account(), by.sid(), &connection, rev).await {
        Ok(HttpResponse::NoContent().finish())
    } else {
        Err(Refusal::NotFound { what: "connection" }.into())
    }
}
