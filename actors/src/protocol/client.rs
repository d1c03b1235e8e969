//! What a tab may say.
//!
//! Five words; anything else closes the tab with 4500. Size and rate are checked before this. No
//! word grants, impersonates or widens anything (S3-71): a topic is asked for, the application decides.

use std::borrow::Cow;

use serde::Deserialize;

use super::ids::Rev;

/// Topics in one message, and of one tab. 16: every topic that a console shows at once, twice.
pub const TOPICS_MAX: usize = 16;

/// A text message from a tab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The client's own count of its messages: one that does not grow is a replay and is passed over (S3-75).
    pub n: Option<u64>,
    /// What it says.
    pub message: ClientMessage,
}

/// The words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientMessage {
    /// Asks for a `pong`; for clients that cannot see WebSocket pings.
    Ping,
    /// Says that the tab has applied the state of this revision.
    Ack {
        /// The `permissionVersion` of the frame that was applied.
        permission_version: Rev,
    },
    /// Asks for the whole state.
    Snapshot,
    /// Asks to hear these topics as well.
    Subscribe {
        /// The topics.
        topics: Vec<String>,
    },
    /// Asks not to hear these topics any more.
    Unsubscribe {
        /// The topics.
        topics: Vec<String>,
    },
}

/// All fields of all words: read at once, an acknowledgement needs no memory.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields<'a> {
    #[serde(rename = "type", borrow)]
    word: Cow<'a, str>,
    n: Option<u64>,
    permission_version: Option<Rev>,
    topics: Option<Vec<String>>,
}

impl Said {
    /// Reads a tab's text; `None` for anything that it may not say.
    pub fn parse(text: &str) -> Option<Self> {
        let Fields { word, n, permission_version, topics } = serde_json::from_str(text).ok()?;
        let topics = || topics.filter(|topics| topics.len() <= TOPICS_MAX);
        let message = match &*word {
            "ping" => ClientMessage::Ping,
            "ack" => ClientMessage::Ack { permission_version: permission_version? },
            "snapshot" => ClientMessage::Snapshot,
            "subscribe" => ClientMessage::Subscribe { topics: topics()? },
            "unsubscribe" => ClientMessage::Unsubscribe { topics: topics()? },
            _ => return None,
        };
        Some(Self { n, message })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> Option<ClientMessage> {
        Said::parse(text).map(|said| said.message)
    }

    #[test]
    fn the_words_are_understood() {
        assert_eq!(message(r#"{"type":"ping"}"#), Some(ClientMessage::Ping));
        assert_eq!(message(r#"{"type":"snapshot"}"#), Some(ClientMessage::Snapshot));
        let ack = message(r#"{"type":"ack","permissionVersion":7}"#);
        assert_eq!(ack, Some(ClientMessage::Ack { permission_version: Rev(7) }));
        let subscribe = message(r#"{"type":"subscribe","topics":["receipts"]}"#);
        assert_eq!(subscribe, Some(ClientMessage::Subscribe { topics: vec!["receipts".into()] }));
        assert_eq!(Said::parse(r#"{"n":3,"type":"ping"}"#).unwrap().n, Some(3));
    }

    #[test]
    fn anything_else_is_not() {
        let many = format!(r#"{{"type":"subscribe","topics":{:?}}}"#, vec!["x"; TOPICS_MAX + 1]);
        for text in
            ["", "hello", "{}", r#"{"type":"ack"}"#, r#"{"type":"grant"}"#, "[]", r#"{"type":1}"#, &many]
        {
            assert_eq!(Said::parse(text), None, "{text}");
        }
    }
}
