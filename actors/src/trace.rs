//! One message followed to each tab (S3-135).
//!
//! Each shard remembers the messages of late in a bounded ring; what became of them at a tab is asked
//! from the tab. Heartbeats and other control messages are not followed.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;

use actix::MessageResponse;
use serde::{Deserialize, Serialize};

use crate::protocol::envelope::MessageType;
use crate::protocol::frame::{Letter, Transport};
use crate::protocol::ids::{AccountId, ConnectionId, Rev};
use crate::session::{Fate, Pushed, Tab};

/// Messages looked back for the one that is being told. 4: roles, permissions, and a sibling view's.
const LOOK_BACK: usize = 4;

/// A message on its way.
#[derive(Clone, Debug)]
pub(crate) struct Trace {
    pub message_id: Arc<str>,
    pub account: AccountId,
    pub kind: MessageType,
    pub rev: Option<Rev>,
    pub at: i64,
    pub tabs: Vec<Told>,
}

/// A message at one tab.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub connection: ConnectionId,
    pub transport: Transport,
    pub pushed: Pushed,
    pub number: u32,
}

/// The messages of late of a shard.
pub(crate) struct Traces {
    ring: VecDeque<Trace>,
    kept: usize,
}

impl Traces {
    pub fn new(kept: usize) -> Self {
        Self { ring: VecDeque::new(), kept: kept.max(1) }
    }

    /// Notes a message at a tab.
    pub fn note(
        &mut self,
        letter: &Letter,
        account: AccountId,
        rev: Option<Rev>,
        at: i64,
        tab: &Tab,
        pushed: Pushed,
    ) {
        let told = Told {
            connection: tab.id.clone(),
            transport: tab.link.transport(),
            pushed,
            number: tab.outbox.last_number(),
        };
        let known = self.ring.iter_mut().rev().take(LOOK_BACK);
        for trace in known {
            if trace.account == account && Arc::ptr_eq(&trace.message_id, &letter.message_id) {
                trace.tabs.push(told);
                return;
            }
        }
        let mut tabs = if self.ring.len() < self.kept {
            Vec::new()
        } else {
            // The oldest makes room, and its memory is used again.
            self.ring.pop_front().map(|trace| trace.tabs).unwrap_or_default()
        };
        tabs.clear();
        tabs.push(told);
        let message_id = Arc::clone(&letter.message_id);
        self.ring.push_back(Trace { message_id, account, kind: letter.kind, rev, at, tabs });
    }

    pub fn find(&self, message_id: &str) -> Option<Arc<Trace>> {
        self.ring.iter().rev().find(|trace| *trace.message_id == *message_id).cloned().map(Arc::new)
    }
}

/// What became of a message at an account's tabs.
#[derive(MessageResponse)]
pub(crate) struct Followed(pub Vec<TracedTab>);

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TracedMessage {
    /// The message.
    pub message_id: Arc<str>,
    /// Whom it was for.
    pub account: AccountId,
    /// Its type.
    pub kind: MessageType,
    /// The revision that it told.
    pub rev: Option<Rev>,
    /// When it was made, UTC ms.
    pub at: i64,
    /// The tabs that it was for.
    pub tabs: Vec<TracedTab>,
}

/// What became of a message at one tab.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TracedTab {
    /// The tab.
    pub connection: ConnectionId,
    /// How it is held.
    pub transport: Transport,
    /// `written`, `waiting`, `coalesced` (a snapshot told it), `dropped` or `closed` (the tab is gone).
    pub state: Cow<'static, str>,
    /// The tab said that it applied the message's revision, or a later one.
    pub acknowledged: bool,
}

impl TracedTab {
    pub(crate) fn new(told: &Told, rev: Option<Rev>, tab: Option<&Tab>) -> Self {
        let state = match (told.pushed, tab.map(|tab| tab.outbox.fate(told.number))) {
            (Pushed::Coalesced, _) | (_, Some(Fate::GivenUp)) => "coalesced",
            (Pushed::Dropped, _) => "dropped",
            (Pushed::Queued, None) => "closed",
            (Pushed::Queued, Some(Fate::Waiting)) => "waiting",
            (Pushed::Queued, Some(Fate::Written)) => "written",
        };
        let acked = tab.and_then(|tab| tab.acked);
        let acknowledged = rev.zip(acked).is_some_and(|(rev, acked)| acked >= rev);
        Self {
            connection: told.connection.clone(),
            transport: told.transport,
            state: state.into(),
            acknowledged,
        }
    }
}
