//! What a tab may say.
//!
//! Three words; anything else closes the tab with 4500. Size and rate are checked before this.

use serde::Deserialize;

use super::ids::Rev;

/// A text message from a tab.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum ClientMessage {
    /// Asks for a `pong`; for clients that cannot see WebSocket pings.
    Ping,
    /// Says that the tab has applied the state of this revision.
    Ack {
        /// The `permissionVersion` of the frame that was applied.
        #[serde(rename = "permissionVersion")]
        permission_version: Rev,
    },
    /// Asks for the whole state.
    Snapshot,
}

impl ClientMessage {
    /// Reads a tab's text; `None` for anything that it may not say.
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_words_are_understood() {
        assert_eq!(ClientMessage::parse(r#"{"type":"ping"}"#), Some(ClientMessage::Ping));
        assert_eq!(ClientMessage::parse(r#"{"type":"snapshot"}"#), Some(ClientMessage::Snapshot));
        let ack = ClientMessage::parse(r#"{"type":"ack","permissionVersion":7}"#);
        assert_eq!(ack, Some(ClientMessage::Ack { permission_version: Rev(7) }));
    }

    #[test]
    fn anything_else_is_not() {
        for text in ["", "hello", "{}", r#"{"type":"ack"}"#, r#"{"type":"subscribe"}"#, "[]", r#"{"type":1}"#]
        {
            assert_eq!(ClientMessage::parse(text), None, "{text}");
        }
    }
}
