//! How a tab hangs on its account: by a socket that the actor owns, or by a client that asks again and again.
//!
//! Plain data; `hear.rs` reads from it, `flush.rs` writes to it.

use bytes::Bytes;
use tokio::sync::oneshot;

use crate::protocol::close::CloseReason;
use crate::protocol::frame::Transport;
use crate::transport::inbound::Inbound;
use crate::transport::socket::Socket;

pub(crate) enum Link {
    WebSocket {
        socket: Socket,
        inbound: Inbound,
    },
    /// Server-sent events: nothing is heard on it but its end.
    Events(Socket),
    /// Boxed: few tabs poll, and all others would carry its room.
    Poll(Box<Line>),
}

impl Link {
    pub const fn transport(&self) -> Transport {
        match self {
            Self::WebSocket { .. } => Transport::WebSocket,
            Self::Events(_) => Transport::Sse,
            Self::Poll(_) => Transport::Poll,
        }
    }
}

/// A polling client's side.
#[derive(Default)]
pub(crate) struct Line {
    /// The poll that waits for messages.
    pub waiter: Option<oneshot::Sender<Polled>>,
    /// Names the last batch.
    pub cursor: u64,
    /// The last batch, until the client asks for the next: then it has it.
    pub held: Vec<Bytes>,
    /// Why the tab is closing.
    pub closed: Option<(CloseReason, String)>,
}

/// What a poll is answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Polled {
    /// To be given with the next poll: says that this batch has arrived.
    pub cursor: u64,
    /// Envelopes, JSON text.
    pub messages: Vec<Bytes>,
    /// Why there will be no more.
    pub closed: Option<(CloseReason, String)>,
}
