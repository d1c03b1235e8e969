//! What comes to an account's inbox, and what a tab needs to know of it (I10).
//!
//! The database counts an inbox's changes without gaps; a tab is told them in that order, each once. What is pushed is a
//! hint: a tab that sees a gap, comes new, comes back or did not read asks ([`Want`]) and is answered ([`Answer`]) from
//! the database. The engine keeps no notice.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::protocol::envelope::{MessageType, Operator};
use crate::protocol::ids::{AccountId, CompanyId, ConnectionId};

/// One change of one inbox.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Parcel {
    /// Whose inbox.
    pub account: AccountId,
    /// The revision that the change took there: the one before it is one less.
    pub rev: i64,
    /// What happened; `None`: whoever holds the tabs has to look.
    pub content: Option<Arc<Content>>,
}

/// What happened in inboxes, the same for everybody whom it concerns.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Content {
    /// The notice that came; 0: only states have changed.
    pub notification: i64,
    /// What is told of it at once.
    pub event: Option<InboxEvent>,
    /// What has become of what, a JSON object: goes into the `NOTIFICATION_STATE` that follows.
    pub change: Option<Arc<RawValue>>,
    /// When it was committed, UTC ms.
    pub accepted_at: i64,
}

/// A notice as tabs are told it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InboxEvent {
    /// Its type.
    pub kind: MessageType,
    /// `data`, a JSON object.
    pub data: Arc<RawValue>,
    /// Who sent it.
    pub operator: Option<Operator>,
    /// The id that every copy of it carries (S3-116).
    pub message_id: Arc<str>,
}

/// Something that tabs need to be told from the database.
#[derive(Clone, Debug)]
pub struct Want {
    /// Whose inbox.
    pub account: AccountId,
    /// The company of the session: counts are a company's (FN19).
    pub company: CompanyId,
    /// What for.
    pub wanted: Wanted,
}

/// What for something is wanted.
#[derive(Clone, Debug)]
pub enum Wanted {
    /// A tab has to be placed: what came after what it has, and how the inbox stands.
    Place {
        /// The tab.
        connection: ConnectionId,
        /// The revision up to which it has everything; `None`: it has nothing and is told only how the inbox stands.
        has: Option<i64>,
    },
    /// Tabs have taken a change: how the inbox stands now.
    Counts {
        /// The revision of the change.
        rev: i64,
        /// The change.
        content: Arc<Content>,
        /// How many tabs were told of it at once.
        tabs: u32,
    },
}

/// What tabs are told from the database.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Whose inbox.
    pub account: AccountId,
    /// The company whose sessions it is for.
    pub company: CompanyId,
    /// One tab that is placed by it; `None`: all that have come to `rev` by themselves.
    pub to: Option<ConnectionId>,
    /// What the tab said it has; `None`: nothing, and what it missed was not looked up.
    pub has: Option<i64>,
    /// The inbox's revision that a tab has which was told this.
    pub rev: i64,
    /// The notices that a tab missed, with their revisions, in order.
    pub missed: Arc<[(i64, InboxEvent)]>,
    /// The revision up to which further ones came that are not among them.
    pub forgotten: Option<i64>,
    /// How it stands: messages with their `data`.
    pub state: Arc<[(MessageType, Arc<RawValue>)]>,
}
