//! What the engine counts: for its own limits, for `stats()`, and for the `metrics` facade.
//!
//! Atomics shared by all shards. A [`Seat`] is a tab's place on the node: it is taken before the
//! socket is handed over and given back when the tab is dropped, however that happens.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use metrics::{Counter, Histogram};
use tokio::sync::Notify;

use crate::protocol::close::CloseReason;
use crate::protocol::envelope::MessageType;
use crate::session::Pushed;

/// What the engine has done since it started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineStats {
    /// Sockets held now, closing ones included.
    pub tabs: usize,
    /// Accounts with a tab now.
    pub accounts: usize,
    /// Messages queued for a tab.
    pub frames_sent: u64,
    /// Notices that a full tab did not get.
    pub dropped: u64,
    /// Permission messages that a full tab got as one snapshot instead.
    pub coalesced: u64,
    /// Closed tabs by reason.
    pub closed: BTreeMap<&'static str, u64>,
}

pub(crate) struct Counters {
    tabs: AtomicUsize,
    pub accounts: AtomicUsize,
    pub frames_sent: AtomicU64,
    dropped: AtomicU64,
    coalesced: AtomicU64,
    closed: [AtomicU64; CloseReason::ALL.len()],
    /// No new tabs: the node drains.
    pub draining: AtomicBool,
    /// Rings when the last tab has gone.
    pub empty: Notify,
    /// By type and result: looked up once, not once a message.
    messages: Vec<[Counter; 3]>,
    /// From commit until a tab said that it applied it.
    delivered: Histogram,
}

impl Default for Counters {
    fn default() -> Self {
        let message = |kind: MessageType, result: &'static str| metrics::counter!("websocket_messages_total", "type" => kind.label(), "result" => result);
        Self {
            tabs: AtomicUsize::default(),
            accounts: AtomicUsize::default(),
            frames_sent: AtomicU64::default(),
            dropped: AtomicU64::default(),
            coalesced: AtomicU64::default(),
            closed: Default::default(),
            draining: AtomicBool::default(),
            empty: Notify::default(),
            messages: MessageType::ALL
                .map(|kind| ["sent", "coalesced", "dropped"].map(|result| message(kind, result)))
                .into(),
            delivered: metrics::histogram!("livegrant_delivered_seconds"),
        }
    }
}

impl Counters {
    pub fn tabs(&self) -> usize {
        self.tabs.load(Ordering::Acquire)
    }

    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    pub fn count_closed(&self, reason: CloseReason) {
        self.closed[reason.index()].fetch_add(1, Ordering::Relaxed);
        metrics::counter!("livegrant_disconnects_total", "reason" => reason.label()).increment(1);
    }

    pub fn count_coalesced(&self) {
        self.coalesced.fetch_add(1, Ordering::Relaxed);
        metrics::counter!("livegrant_coalesced_total").increment(1);
    }

    pub fn count_dropped(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
        metrics::counter!("livegrant_dropped_total").increment(1);
    }

    /// Notes how long a change took to a tab that said so.
    pub fn delivered(&self, took_ms: i64) {
        self.delivered.record(took_ms as f64 / 1000.0);
    }

    /// Counts a message (S3-108).
    pub fn count_message(&self, kind: MessageType, pushed: Pushed) {
        self.messages[kind as usize][pushed as usize].increment(1);
    }

    pub fn stats(&self) -> EngineStats {
        EngineStats {
            tabs: self.tabs(),
            accounts: self.accounts.load(Ordering::Relaxed),
            frames_sent: self.frames_sent.load(Ordering::Relaxed),
            dropped: self.dropped.load(Ordering::Relaxed),
            coalesced: self.coalesced.load(Ordering::Relaxed),
            closed: CloseReason::ALL
                .into_iter()
                .map(|reason| (reason.label(), self.closed[reason.index()].load(Ordering::Relaxed)))
                .collect(),
        }
    }
}

/// A tab's place on the node.
pub(crate) struct Seat(Arc<Counters>);

impl Seat {
    /// Takes a place unless all `max` are taken.
    pub fn take(counters: &Arc<Counters>, max: usize) -> Option<Self> {
        counters
            .tabs
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |taken| (taken < max).then_some(taken + 1))
            .ok()?;
        metrics::gauge!("livegrant_tabs").increment(1.0);
        Some(Self(Arc::clone(counters)))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        metrics::gauge!("livegrant_tabs").decrement(1.0);
        if self.0.tabs.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.empty.notify_waiters();
        }
    }
}
