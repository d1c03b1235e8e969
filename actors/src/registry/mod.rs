//! One registry actor a shard: which accounts are online here, and by what they are found.
//!
//! Registry and session actors of a shard live on one arbiter thread and share [`Shard`]. The
//! index is written by the session actor in the same turn in which it reads its states: a change
//! that comes later finds the account, one that came earlier is already in what it read.

mod actor;
mod directory;
mod line;
mod mail;

pub(crate) use actor::{
    Absent, Attach, Carry, Census, DrainTabs, FindTrace, Listeners, Registry, Seed, Spread, ToAccount,
};
pub(crate) use directory::{Directory, Generation};

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::rc::Rc;
use std::sync::Arc;

use crate::config::EngineConfig;
use crate::counters::Counters;
use crate::notices::Notices;
use crate::protocol::ids::AccountId;
use crate::receipts::Receipts;
use crate::session::Bodies;
use crate::subject::{Ids, Observer, Time};
use crate::trace::Traces;
use line::Wishes;
pub(crate) use mail::{Answers, Parcels, Views};

/// What the actors of one shard share; never leaves its thread.
pub(crate) struct Shard {
    pub config: Arc<EngineConfig>,
    pub time: Arc<dyn Time>,
    pub ids: Arc<dyn Ids>,
    pub counters: Arc<Counters>,
    pub receipts: Arc<Receipts>,
    pub directory: RefCell<Directory>,
    pub bodies: RefCell<Bodies>,
    pub notices: Arc<Notices>,
    pub observer: Arc<dyn Observer>,
    pub traces: RefCell<Traces>,
    /// Accounts whose merged changes are to be told, and when; an account stands here once.
    pub due: RefCell<BinaryHeap<Reverse<(i64, AccountId)>>>,
    /// Whose channels the shard's line is to hear; nobody looks on one node.
    pub wishes: Rc<Wishes>,
    /// The last notice that went through this shard.
    pub noticed: Cell<i64>,
    pub snapshot_reason: Arc<str>,
    pub repair_reason: Arc<str>,
    pub resume_reason: Arc<str>,
}
