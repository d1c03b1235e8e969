//! Takes in what other nodes say and ask.

use super::news::{NEWS, News};
use super::questions::{self, POLL, QUESTION, Question};
use crate::core::Core;
use crate::policy::LogRow;
use crate::realtime::dismissed::Dismissed;
use crate::realtime::presence::Listeners;
use livegrant_actors::cluster::{Correspondent, Pieces};
use livegrant_actors::{Change, Effect, NodeId, Rev};
use serde_json::value::RawValue;
use std::collections::BTreeSet;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Notify, Semaphore, mpsc};

/// Doorbells that wait for the relay. 64: it takes them all at its next turn, and past it the log is read.
pub const DOORBELLS: usize = 64;
/// Receipts of other nodes that wait to be looked at. 256: as many as are kept.
const RECEIPTS: usize = 256;
/// Lists that are made for others at one time. 32: each may hold all tabs for a moment.
const LISTS: usize = 32;
/// Polls of other nodes that wait here at one time; a client whose poll is not answered comes again. 2,000: a fifth of a
/// node's tabs.
const POLLS: usize = 2_000;
/// Repushes by hand that are under way. 16: somebody presses a button.
const REPUSHES: usize = 16;

/// A doorbell from another node.
#[derive(Debug)]
pub enum Rung {
    /// The log of this incarnation has grown up to this revision; its rows, when they came along.
    Log {
        /// The incarnation.
        log: String,
        /// The revision.
        rev: Rev,
        /// The rows, in order.
        rows: Vec<LogRow>,
    },
    /// Doorbells may have been missed.
    Missed,
}

/// Whom the clerk hands things on to.
#[derive(Debug)]
pub struct Desk {
    /// The relay.
    pub doorbell: mpsc::Sender<Rung>,
    /// Who listens to who comes and goes.
    pub presence: Arc<Listeners>,
    /// The streams that are kept away.
    pub dismissed: Arc<Dismissed>,
    /// Who tells receipts.
    pub receipts: Arc<Filled>,
    /// The shared view: rung when something may have been lost.
    pub again: Arc<Notify>,
}

/// See the head of this file.
pub struct Clerk {
    core: Core,
    desk: Desk,
    repushes: mpsc::Sender<Change>,
    lists: Arc<Semaphore>,
    polls: Arc<Semaphore>,
}

impl fmt::Debug for Clerk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clerk").finish_non_exhaustive()
    }
}

/// Receipts that have filled on other nodes since somebody looked.
#[derive(Debug, Default)]
pub struct Filled(Mutex<BTreeSet<Rev>>);

impl Filled {
    /// Takes them.
    pub fn take(&self) -> BTreeSet<Rev> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn add(&self, revs: Vec<Rev>) {
        let mut filled = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        filled.extend(revs);
        while filled.len() > RECEIPTS {
            filled.pop_first();
        }
    }
}

impl Clerk {
    /// Makes the clerk; the future tells what others pushed by hand, and runs as long as the process.
    pub fn new(core: Core, desk: Desk) -> (Self, impl Future<Output = ()> + Send + use<>) {
        let (repushes, waiting) = mpsc::channel(REPUSHES);
        let telling = tell_again(core.clone(), waiting);
        let (lists, polls) = (Arc::new(Semaphore::new(LISTS)), Arc::new(Semaphore::new(POLLS)));
        (Self { core, desk, repushes, lists, polls }, telling)
    }

    fn take(&self, news: News) {
        match news {
            News::Log { log, rev, rows } => {
                let rows = rows.and_then(|rows| serde_json::from_str(rows.get()).ok()).unwrap_or_default();
                // A full queue means that the relay is about to look anyway.
                let _ = self.desk.doorbell.try_send(Rung::Log { log, rev, rows });
            }
            News::Receipts(revs) => self.desk.receipts.add(revs),
            News::PresenceWanted => self.desk.presence.wanted_elsewhere(),
            News::Presence(moved) => self.desk.presence.feed_from_elsewhere(moved),
            News::Dismissed { stream, at } => self.desk.dismissed.note(&stream, at),
            News::Repush { rev, at, operator, reason, kind, audience } => {
                // A receipt of what this node has not applied would say that it has.
                let rev = rev.min(self.core.policy.applied());
                let effect = Effect::Repush(kind);
                let change =
                    Change { rev, accepted_at: at, operator, reason: reason.into(), effect, audience };
                if self.repushes.try_send(change).is_err() {
                    tracing::warn!("too many pushes by hand at once");
                }
            }
        }
    }
}

async fn tell_again(core: Core, mut waiting: mpsc::Receiver<Change>) {
    while let Some(change) = waiting.recv().await {
        if let Err(error) = core.engine.apply(change).await {
            tracing::error!(%error, "tabs not told");
        }
    }
    std::future::pending::<()>().await;
}

impl Correspondent for Clerk {
    fn news(&self, _from: NodeId, about: &str, body: &RawValue) {
        if about != NEWS {
            return;
        }
        match serde_json::from_str(body.get()) {
            Ok(news) => self.take(news),
            // A newer version knows more.
            Err(error) => tracing::debug!(%error, "news that are not known here"),
        }
    }

    fn bound(&self, about: &str) -> Option<Arc<Semaphore>> {
        match about {
            QUESTION => Some(Arc::clone(&self.lists)),
            POLL => Some(Arc::clone(&self.polls)),
            _ => None,
        }
    }

    fn answer(
        self: Arc<Self>,
        _from: NodeId,
        _about: String,
        body: Box<RawValue>,
    ) -> Pin<Box<dyn Future<Output = Option<Pieces>> + Send>> {
        Box::pin(async move {
            let question: Question = serde_json::from_str(body.get()).ok()?;
            questions::answer(&self.core, question).await
        })
    }

    fn missed(&self) {
        metrics::counter!("livegrant_bus_missed_total").increment(1);
        self.desk.presence.compare();
        self.desk.again.notify_one();
        // Rows may have been among it.
        let _ = self.desk.doorbell.try_send(Rung::Missed);
    }
}
