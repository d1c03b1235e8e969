//! One registry actor a shard: which accounts are online here, and by what they are found.
//!
//! Registry and session actors of a shard live on one arbiter thread and share [`Shard`]. The
//! index is written by the session actor in the same turn in which it reads its states: a change
//! that comes later finds the account, one that came earlier is already in what it read.

mod actor;
mod directory;

pub(crate) use actor::{Attach, Carry, Census, DrainTabs, OneTab, Prolong, Registry, Seed};
pub(crate) use directory::{Directory, Generation};

use std::cell::RefCell;
use std::sync::Arc;

use crate::config::EngineConfig;
use crate::counters::Counters;
use crate::receipts::Receipts;
use crate::session::Bodies;
use crate::subject::{Ids, Time};

/// What the actors of one shard share; never leaves its thread.
pub(crate) struct Shard {
    pub config: Arc<EngineConfig>,
    pub time: Arc<dyn Time>,
    pub ids: Arc<dyn Ids>,
    pub counters: Arc<Counters>,
    pub receipts: Arc<Receipts>,
    pub directory: RefCell<Directory>,
    pub bodies: RefCell<Bodies>,
    pub snapshot_reason: Arc<str>,
    pub repair_reason: Arc<str>,
}
