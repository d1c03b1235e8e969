//! The words of the bus, as JSON. A node of another version may say what this one does not know: that is skipped.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::change::Publication;
use crate::mail::{Content, Parcel};
use crate::protocol::close::CloseReason;
use crate::protocol::ids::{AccountId, ConnectionId, SessionId};

/// What a node says to all nodes or to one.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Said {
    /// Something the application knows the meaning of.
    News { about: String, body: Box<RawValue> },
    /// Answer this, in pieces.
    Question { number: u64, about: String, body: Box<RawValue> },
    /// A piece of an answer, by its place in it.
    Answer { number: u64, place: usize, piece: Option<Box<RawValue>>, more: bool },
    /// Carry this to the tabs here.
    Publish(Publication),
    /// The inboxes of these accounts came to these revisions; `None`: look what it was.
    Mail { to: Vec<(AccountId, i64)>, content: Option<Content> },
}

/// What a node says to those on which an account has a tab.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Signal {
    /// Carry this to its tabs.
    Publish(Publication),
    /// Its inbox has changed.
    Mail(Parcel),
    /// Close this tab, if it is there.
    Close { connection: ConnectionId, reason: CloseReason },
    /// The session's token was refreshed.
    Extend { session: SessionId, expires_at: i64 },
}

/// Writes something down for the bus; `None` (logged) when it cannot be written, which is a defect.
pub(crate) fn write<T: Serialize>(said: &T) -> Option<Bytes> {
    match serde_json::to_vec(said) {
        Ok(text) => Some(text.into()),
        Err(error) => {
            tracing::error!(%error, "a message to other nodes cannot be written");
            None
        }
    }
}

/// Reads what came; `None` when this version does not know it.
pub(crate) fn read<T: for<'de> Deserialize<'de>>(payload: &[u8]) -> Option<T> {
    match serde_json::from_slice(payload) {
        Ok(said) => Some(said),
        Err(error) => {
            metrics::counter!("livegrant_bus_unknown_total").increment(1);
            tracing::debug!(%error, "another node said what is not known here");
            None
        }
    }
}
