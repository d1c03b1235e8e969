//! An account's session actor: it owns its tabs' sockets and tells them what changed.
//!
//! `actor.rs` receives and polls, `welcome.rs` takes a tab in, `deliver.rs` carries changes to the
//! tabs, `mail.rs` what comes to the inbox, `topics.rs` what they listen to, `tend.rs` looks after them; `desk.rs` tells one tab,
//! `hear.rs` hears it, `flush.rs` writes to it, `compose.rs` makes bodies; `state.rs`, `merge.rs`,
//! `outbox.rs` and `sweep.rs` decide without IO.

mod actor;
mod compose;
mod deliver;
mod desk;
mod flush;
mod hear;
mod link;
mod mail;
mod merge;
pub(crate) mod outbox;
mod state;
mod sweep;
mod tab;
mod tend;
mod topics;
mod welcome;

pub(crate) use actor::SessionActor;
pub(crate) use compose::Bodies;
pub use link::Polled;
pub(crate) use outbox::{Fate, Pushed};
pub(crate) use tab::Tab;
pub use tab::{OnlineAccount, TabInfo};
pub(crate) use welcome::Arrival;

use std::sync::Arc;

use actix::Message;
use tokio::sync::oneshot;

use crate::change::{Audience, Change, Publication};
use crate::counters::Seat;
use crate::handle::AttachError;
use crate::mail::{Answer, Parcel};
use crate::protocol::close::CloseReason;
use crate::protocol::ids::{CompanyId, ConnectionId, Rev, SessionId};
use crate::receipts::Way;
use crate::subject::Admission;
use crate::trace::{Followed, Trace};

/// Take this as a tab.
#[derive(Message)]
#[rtype(result = "Result<ConnectionId, AttachError>")]
pub(crate) struct Adopt {
    pub arrival: Arrival,
    pub admission: Admission,
    pub seat: Seat,
    /// The last notice that was on its way when the tab came; filled in by the registry.
    pub since: i64,
}

/// Carry a change to the tabs.
#[derive(Clone, Message)]
#[rtype(result = "()")]
pub(crate) struct Deliver(pub Arc<Change>, pub Arc<Way>);

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

/// Tell what waited for the end of the window.
#[derive(Clone, Copy, Message)]
#[rtype(result = "()")]
pub(crate) struct TellMerged;

/// Carry a publication to the tabs that listen.
#[derive(Clone, Message)]
#[rtype(result = "()")]
pub(crate) struct Publish(pub Arc<Publication>);

/// Take a change of the inbox to the tabs.
#[derive(Clone, Message)]
#[rtype(result = "()")]
pub(crate) struct Receive(pub Parcel);

/// Tell what the database has answered.
#[derive(Clone, Message)]
#[rtype(result = "()")]
pub(crate) struct Learn(pub Arc<Answer>);

/// Name the companies of the open tabs that an audience means.
#[derive(Clone, Message)]
#[rtype(result = "Vec<CompanyId>")]
pub(crate) struct CompaniesOf(pub Audience);

/// Wait for messages of a polling tab of this session; `None` when there is no such tab.
#[derive(Clone, Message)]
#[rtype(result = "Option<oneshot::Receiver<Polled>>")]
pub(crate) struct Poll {
    pub connection: ConnectionId,
    pub session: SessionId,
    /// The last batch that arrived.
    pub cursor: u64,
    pub ack: Option<Rev>,
}

/// Note what a tab says that it has applied, when it can only say so elsewhere; answers whether there is such a tab.
#[derive(Clone, Message)]
#[rtype(result = "bool")]
pub(crate) struct Acknowledge {
    pub connection: ConnectionId,
    pub session: SessionId,
    pub rev: Rev,
}

/// Tell what became of a message at each tab.
#[derive(Clone, Message)]
#[rtype(result = "Followed")]
pub(crate) struct Follow(pub Arc<Trace>);
