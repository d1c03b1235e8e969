//! An account's session actor: it owns its tabs' sockets and tells them what changed.
//!
//! `actor.rs` receives and polls, `deliver.rs` carries changes to the tabs, `tend.rs` looks after
//! them, `desk.rs` deals with one tab, `compose.rs` makes bodies; `state.rs`, `outbox.rs` and
//! `sweep.rs` decide without IO.

mod actor;
mod compose;
mod deliver;
mod desk;
mod outbox;
mod state;
mod sweep;
mod tab;
mod tend;

pub(crate) use actor::SessionActor;
pub(crate) use compose::Bodies;
pub use tab::{OnlineAccount, TabInfo};

use std::sync::Arc;

use actix::Message;
use bytes::Bytes;

use crate::change::Change;
use crate::counters::Seat;
use crate::handle::AttachError;
use crate::protocol::close::CloseReason;
use crate::protocol::ids::{ConnectionId, SessionId};
use crate::subject::Admission;

/// Take this socket as a tab.
#[derive(Message)]
#[rtype(result = "Result<(), AttachError>")]
pub(crate) struct Adopt {
    pub stream: std::net::TcpStream,
    pub leftover: Bytes,
    pub admission: Admission,
    pub seat: Seat,
}

/// Carry a change to the tabs.
#[derive(Clone, Message)]
#[rtype(result = "()")]
pub(crate) struct Deliver(pub Arc<Change>);

/// Look after the tabs: heartbeats, expiry, ended sessions, stuck sockets, repair.
#[derive(Clone, Copy, Message)]
#[rtype(result = "()")]
pub(crate) struct Sweep;

/// Tell the tabs to go elsewhere.
#[derive(Clone, Copy, Message)]
#[rtype(result = "()")]
pub(crate) struct SendAway;

/// Describe the tabs; `None` when none is open.
#[derive(Clone, Copy, Message)]
#[rtype(result = "Option<OnlineAccount>")]
pub(crate) struct Describe;

/// Close one tab; answers whether it was open.
#[derive(Clone, Message)]
#[rtype(result = "bool")]
pub(crate) struct CloseTab {
    pub connection: ConnectionId,
    pub reason: CloseReason,
}

/// Note that a session's token was refreshed.
#[derive(Clone, Message)]
#[rtype(result = "()")]
pub(crate) struct Extend {
    pub session: SessionId,
    pub expires_at: i64,
}
