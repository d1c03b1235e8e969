//! Frames, encoded once and shared by every tab that gets them.
//!
//! A frame is the finished bytes of one WebSocket message. Encoding is `actix_http::ws`'s; this
//! file adds what the outbox must know to choose between frames.

use actix_http::ws::{CloseCode, CloseReason as WsCloseReason, OpCode, Parser};
use bytes::{Bytes, BytesMut};
use serde_json::value::RawValue;

use super::close::CloseReason;
use super::envelope::{Envelope, MessageType};

/// Longest text in a close frame: a control frame holds 125 bytes, two are the code (RFC 6455 5.5).
const CLOSE_TEXT_MAX: usize = 123;

/// What may be done with a frame when its tab cannot keep up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Part of the permission state: superseded by a snapshot.
    Permission,
    /// Can be fetched again: may be dropped.
    Notice,
    /// Pings, pongs: may be dropped.
    Control,
    /// Forced logout and close: never dropped.
    Final,
}

/// One encoded WebSocket message.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub bytes: Bytes,
    pub class: Class,
}

impl Frame {
    /// Encodes a message's envelope.
    pub fn message(envelope: &Envelope<'_>) -> Self {
        let class = match envelope.kind {
            MessageType::PermissionUpdate | MessageType::RoleChange => Class::Permission,
            MessageType::SystemNotice => Class::Notice,
            MessageType::ForceLogout => Class::Final,
        };
        let json =
            serde_json::to_vec(envelope).expect("an envelope has string keys and no failing serializer");
        Self { bytes: encode(OpCode::Text, &json), class }
    }

    /// Encodes the answer to a client's `ping` message.
    pub fn json_pong(now_ms: i64) -> Self {
        let json = format!(r#"{{"type":"pong","timestamp":{now_ms}}}"#);
        Self { bytes: encode(OpCode::Text, json.as_bytes()), class: Class::Control }
    }

    /// Encodes a WebSocket ping.
    pub fn ping() -> Self {
        Self { bytes: Bytes::from_static(&[0x89, 0x00]), class: Class::Control }
    }

    /// Encodes a WebSocket pong that returns a ping's payload.
    pub fn pong(payload: &[u8]) -> Self {
        Self { bytes: encode(OpCode::Pong, payload), class: Class::Control }
    }

    /// Encodes a close with its code and text.
    pub fn close(reason: CloseReason, text: &str) -> Self {
        let mut end = text.len().min(CLOSE_TEXT_MAX);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let mut bytes = BytesMut::new();
        let code = CloseCode::from(reason.code());
        let reason = WsCloseReason { code, description: Some(text[..end].to_owned()) };
        Parser::write_close(&mut bytes, Some(reason), false);
        Self { bytes: bytes.freeze(), class: Class::Final }
    }
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

    #[test]
    fn a_close_carries_its_code_and_a_text_cut_at_a_character() {
        let frame = Frame::close(CloseReason::SessionEnded, &"é".repeat(100));
        assert_eq!(&frame.bytes[..2], &[0x88, 124]);
        assert_eq!(&frame.bytes[2..4], &4501_u16.to_be_bytes());
        assert!(std::str::from_utf8(&frame.bytes[4..]).is_ok());
    }
}
