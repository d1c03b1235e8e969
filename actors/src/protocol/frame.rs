//! Messages and frames, encoded once and shared by every tab that gets them.
//!
//! A [`Letter`] is one message of an account; a [`Frame`] is the bytes that go to one tab: a finished
//! WebSocket message, a finished SSE event, or the JSON that a poll collects. WebSocket encoding is
//! `actix_http::ws`'s; this file adds what the outbox must know to choose between frames.

use std::cell::OnceCell;
use std::sync::Arc;

use actix_http::ws::{CloseCode, CloseReason as WsCloseReason, OpCode, Parser};
use bytes::{Bytes, BytesMut};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::close::CloseReason;
use super::envelope::{Envelope, Group, MessageType};
use super::position::At;
use super::seal::Seal;

/// Longest text in a close frame: a control frame holds 125 bytes, two are the code (RFC 6455 5.5).
const CLOSE_TEXT_MAX: usize = 123;
/// Room for an envelope without its data: its names, two numbers, two ids, a short name.
const ENVELOPE: usize = 320;
/// What stands between an envelope's other fields and its data.
const DATA: &[u8] = br#""data":"#;

/// How a tab is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// A WebSocket at `/ws/permission`.
    WebSocket,
    /// A stream of server-sent events.
    Sse,
    /// Long polls.
    Poll,
}

impl Transport {
    /// Gives the word used in lists, records, logs and metrics.
    pub const fn label(self) -> &'static str {
        match self {
            Self::WebSocket => "websocket",
            Self::Sse => "sse",
            Self::Poll => "poll",
        }
    }
}

/// What may be done with a frame when its tab cannot keep up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// The head of an HTTP answer: never dropped, before everything.
    Head,
    /// Part of the permission state: superseded by a snapshot.
    Permission,
    /// Can be fetched or told again: may be dropped.
    Notice,
    /// Of the account's own inbox: asked for again when it was dropped.
    Mail,
    /// Pings, pongs, checkpoints: may be dropped.
    Control,
    /// Forced logout and close: never dropped.
    Final,
}

/// Bytes for one tab.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub bytes: Bytes,
    pub class: Class,
    /// The broadcast's place, or the inbox's revision; 0 for everything else.
    pub seq: i64,
}

impl Frame {
    /// The same as a part of the account's inbox at a revision.
    pub fn of_inbox(self, rev: i64) -> Self {
        Self { class: Class::Mail, seq: rev, ..self }
    }

    fn control(bytes: Bytes) -> Self {
        Self { bytes, class: Class::Control, seq: 0 }
    }

    /// Encodes the answer to a client's `ping` message.
    pub fn json_pong(now_ms: i64) -> Self {
        let json = format!(r#"{{"type":"pong","timestamp":{now_ms}}}"#);
        Self::control(encode(OpCode::Text, json.as_bytes()))
    }

    /// Encodes a heartbeat; a poll needs none.
    pub fn ping(transport: Transport) -> Option<Self> {
        match transport {
            Transport::WebSocket => Some(Self::control(Bytes::from_static(&[0x89, 0x00]))),
            Transport::Sse => Some(Self::control(Bytes::from_static(b":\n\n"))),
            Transport::Poll => None,
        }
    }

    /// Encodes a WebSocket pong that returns a ping's payload.
    pub fn pong(payload: &[u8]) -> Self {
        Self::control(encode(OpCode::Pong, payload))
    }

    /// The head of an HTTP answer, whose body the frames are.
    pub fn head(bytes: Bytes) -> Self {
        Self { bytes, class: Class::Head, seq: 0 }
    }

    /// Encodes a close with its code and text; a poll's answer carries it by itself.
    pub fn close(transport: Transport, reason: CloseReason, text: &str) -> Option<Self> {
        let bytes = match transport {
            Transport::WebSocket => {
                let mut end = text.len().min(CLOSE_TEXT_MAX);
                while !text.is_char_boundary(end) {
                    end -= 1;
                }
                let mut bytes = BytesMut::new();
                let code = CloseCode::from(reason.code());
                let description = Some(text[..end].to_owned());
                Parser::write_close(&mut bytes, Some(WsCloseReason { code, description }), false);
                bytes.freeze()
            }
            Transport::Sse => {
                let told = serde_json::json!({
                    "code": reason.code(), "reason": reason.label(), "text": text, "reconnect": reason.reconnects(),
                });
                Bytes::from(format!("event: close\ndata: {told}\n\n"))
            }
            Transport::Poll => return None,
        };
        Some(Self { bytes, class: Class::Final, seq: 0 })
    }
}

/// A message ready for every tab of the account.
pub(crate) struct Letter {
    pub kind: MessageType,
    pub message_id: Arc<str>,
    /// When it was made, UTC ms.
    pub at: i64,
    /// The notice's place in the inbox; 0 for everything else.
    pub seq: i64,
    frame: Bytes,
    json: Bytes,
    /// Where `data` begins in the JSON.
    data_at: usize,
    event: OnceCell<Bytes>,
}

impl Letter {
    /// Encodes a message.
    pub fn new(envelope: &Envelope<'_>, message_id: Arc<str>, seq: i64) -> Self {
        let mut json = Vec::with_capacity(envelope.data.get().len() + ENVELOPE);
        serde_json::to_writer(&mut json, envelope)
            .expect("an envelope has string keys and no failing serializer");
        let data_at = json.len() - 1 - envelope.data.get().len();
        let frame = encode(OpCode::Text, &json);
        let json = frame.slice(frame.len() - json.len()..);
        Self {
            kind: envelope.kind,
            message_id,
            at: envelope.timestamp,
            seq,
            frame,
            json,
            data_at,
            event: OnceCell::new(),
        }
    }

    fn class(&self) -> Class {
        match (self.kind, self.kind.group()) {
            (MessageType::ForceLogout, _) => Class::Final,
            (MessageType::PermissionUpdate | MessageType::RoleChange, _) => Class::Permission,
            (MessageType::SystemNotice, _) | (_, Group::Inbox) => Class::Notice,
            (_, Group::Plain | Group::Control | Group::Topic) => Class::Control,
        }
    }

    /// Gives the bytes for one tab; `id` is what the tab has once it has read this.
    pub fn frame(&self, transport: Transport, id: Option<&At<'_>>, seal: Option<&mut Seal>) -> Frame {
        let bytes = match (transport, seal) {
            (Transport::WebSocket, None) => self.frame.clone(),
            (Transport::Poll, None) => self.json.clone(),
            (Transport::Sse, None) => {
                let event = self.event.get_or_init(|| Bytes::from(lifted(&self.json, self.data_at)));
                self.event(event, id)
            }
            (transport, Some(seal)) => self.sealed(transport, id, seal),
        };
        Frame { bytes, class: self.class(), seq: self.seq }
    }

    fn sealed(&self, transport: Transport, id: Option<&At<'_>>, seal: &mut Seal) -> Bytes {
        let data = &self.json[self.data_at..self.json.len() - 1];
        let mut json = self.json[..self.data_at].to_vec();
        match seal.encrypt(data, self.message_id.as_bytes()) {
            Some(encrypted) => json.extend_from_slice(encrypted.as_bytes()),
            None => json.extend_from_slice(data),
        }
        json.push(b'}');
        if transport == Transport::Sse {
            json = lifted(&json, self.data_at);
            seal.sign(&mut json, "envelopeHash");
            return self.event(&json, id);
        }
        seal.sign(&mut json, "hash");
        if transport == Transport::WebSocket { encode(OpCode::Text, &json) } else { Bytes::from(json) }
    }

    fn event(&self, json: &[u8], id: Option<&At<'_>>) -> Bytes {
        let mut text = format!("event: {}\n", self.kind.event());
        if let Some(id) = id {
            use std::fmt::Write;
            // Writing to a String cannot fail.
            let _ = writeln!(text, "id: {id}");
        }
        let mut bytes = BytesMut::with_capacity(text.len() + json.len() + 8);
        for part in [text.as_bytes(), b"data: ", json, b"\n\n"] {
            bytes.extend_from_slice(part);
        }
        bytes.freeze()
    }
}

/// Lifts the fields of `data` into the envelope: S0's handlers read `title` and `content` at the top.
/// JSON text holds no line break, so an event's data is one line.
fn lifted(json: &[u8], data_at: usize) -> Vec<u8> {
    let (head, data) = json.split_at(data_at);
    let head = &head[..head.len() - DATA.len()];
    // `{` of data, and the envelope's own `}` at the end.
    let fields = &data[1..data.len() - 1];
    let head = if fields == b"}" { head.strip_suffix(b",").unwrap_or(head) } else { head };
    [head, fields].concat()
}

/// Encodes `data` on its own, to be shared between envelopes.
pub(crate) fn raw(data: &impl serde::Serialize) -> Box<RawValue> {
    serde_json::value::to_raw_value(data).expect("message data has string keys and no failing serializer")
}

fn encode(op: OpCode, payload: &[u8]) -> Bytes {
    let mut bytes = BytesMut::with_capacity(payload.len() + 10);
    Parser::write_message(&mut bytes, payload, op, true, false);
    bytes.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::ids::AccountId;
    use serde_json::{Value, json};

    fn letter(data: &Value) -> Letter {
        let envelope = Envelope {
            kind: MessageType::SystemNotice,
            user_id: AccountId(7),
            user_guid: "guid",
            timestamp: 5,
            data: &raw(data),
            message_id: "m",
            operator: None,
        };
        Letter::new(&envelope, "m".into(), 3)
    }

    fn text(frame: &Frame) -> &str {
        std::str::from_utf8(&frame.bytes).unwrap()
    }

    #[test]
    fn a_close_carries_its_code_and_a_text_cut_at_a_character() {
        let frame = Frame::close(Transport::WebSocket, CloseReason::SessionEnded, &"é".repeat(100)).unwrap();
        assert_eq!(&frame.bytes[..2], &[0x88, 124]);
        assert_eq!(&frame.bytes[2..4], &4501_u16.to_be_bytes());
        assert!(std::str::from_utf8(&frame.bytes[4..]).is_ok());
        let event = Frame::close(Transport::Sse, CloseReason::Slow, "slow").unwrap();
        assert!(text(&event).starts_with("event: close\ndata: {"), "{}", text(&event));
    }

    #[test]
    fn an_event_lifts_the_data_into_the_envelope() {
        let frame = letter(&json!({"title": "标题", "content": "a\nb"})).frame(Transport::Sse, None, None);
        let data = text(&frame).strip_prefix("event: system_notification\ndata: ").unwrap();
        let data: Value = serde_json::from_str(data.strip_suffix("\n\n").unwrap()).unwrap();
        assert_eq!((&data["title"], &data["content"]), (&json!("标题"), &json!("a\nb")));
        assert_eq!(
            (&data["messageId"], &data["userId"], &data["data"]),
            (&json!("m"), &json!(7), &Value::Null)
        );
    }

    #[test]
    fn an_event_of_empty_data_is_json_too() {
        let frame = letter(&json!({})).frame(Transport::Sse, None, None);
        let data = text(&frame).split("data: ").nth(1).unwrap();
        assert_eq!(serde_json::from_str::<Value>(data).unwrap()["messageId"], "m");
    }

    #[test]
    fn a_poll_gets_the_envelope_as_it_is() {
        let frame = letter(&json!({"title": "t"})).frame(Transport::Poll, None, None);
        assert_eq!(serde_json::from_str::<Value>(text(&frame)).unwrap()["data"]["title"], "t");
        assert_eq!((frame.class, frame.seq), (Class::Notice, 3));
    }
}
