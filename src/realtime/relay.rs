//! The relay: follows the policy log, first enforcing, then telling (I8). Woken by the doorbell after a commit here, by
//! the bus after a commit elsewhere, and by the tail poll when both were missed (I6).
//! Enforcing never waits for telling: rows go to the teller through a bounded queue; if that overflows, everyone is
//! compared with the policy again, which tells permissions and ended sessions all the same; notices of that moment are
//! lost to the tabs that are open (they stay in the log).

use super::effects;
use super::tasks::Tasks;
use crate::cluster::jobs::Job;
use crate::core::Core;
use crate::policy::{LogRow, timed};
use bytes::Bytes;
use livegrant_actors::bus::Channel;
use livegrant_actors::{Audience, Change, Effect, EngineHandle, Rev};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// Rows that wait to be told: a second of the fastest possible changes.
const ROWS_WAITING: usize = 1024;
/// The gauge of rows that wait to be told.
const WAITING: &str = "livegrant_relay_waiting";
/// Pause between two writes of permission versions (S3-99): many changes of one account become one write.
const VERSIONS_EVERY: Duration = Duration::from_secs(1);

/// The relay's tasks and its queue.
#[derive(Debug)]
pub struct Relay {
    /// The tasks.
    pub tasks: Tasks,
    rows: mpsc::WeakSender<LogRow>,
}

impl Relay {
    /// Makes what tells how many rows wait to be told.
    pub fn waiting(&self) -> impl Fn() -> usize + Send + Sync + use<> {
        let rows = self.rows.clone();
        move || rows.upgrade().map_or(0, |rows| rows.max_capacity() - rows.capacity())
    }
}

/// Starts following the log.
pub fn start(core: &Core, applied: watch::Sender<Rev>) -> Relay {
    let (rows, waiting) = mpsc::channel(ROWS_WAITING);
    let overflown = Arc::new(AtomicBool::new(false));
    let weak = rows.downgrade();
    let mut tasks = Tasks::default();
    tasks.run("tell", tell(core.engine.clone(), waiting, Arc::clone(&overflown)));
    tasks.run("follow", follow(core.clone(), applied, rows, overflown));
    tasks.run("time limits", time_limits(core.clone()));
    tasks.run("versions", versions(core.clone()));
    Relay { tasks, rows: weak }
}

async fn follow(
    core: Core,
    applied: watch::Sender<Rev>,
    rows: mpsc::Sender<LogRow>,
    overflown: Arc<AtomicBool>,
) {
    let bus = Arc::clone(core.engine.bus());
    let mut elsewhere = bus.line("policy");
    if let Err(error) = elsewhere.ears().listen(vec![Channel::Nodes]).await {
        tracing::warn!(%error, "no doorbells from other nodes yet; the tail poll follows the log");
    }
    let doorbell = core.db.doorbell();
    let mut tail = tokio::time::interval(Duration::from_millis(core.settings.policy.tail_poll_ms));
    loop {
        let rung_here = tokio::select! {
            () = doorbell.notified() => true,
            // A ring that was missed or cannot be read is a reason to look, like one that can.
            _ = elsewhere.recv() => false,
            _ = tail.tick() => false,
        };
        catch_up(&core, &applied, &rows, &overflown).await;
        if rung_here && !bus.is_alone() {
            let rev = applied.borrow().0.to_string();
            if let Err(error) = bus.publish(Channel::Nodes, Bytes::from(rev)).await {
                tracing::warn!(%error, "doorbell not rung elsewhere");
            }
        }
    }
}

async fn catch_up(
    core: &Core,
    applied: &watch::Sender<Rev>,
    rows: &mpsc::Sender<LogRow>,
    overflown: &AtomicBool,
) {
    let caught_up = core.policy.catch_up(|row| {
        let (rev, behind) = (row.rev, core.clock.now_ms() - row.at);
        metrics::histogram!("livegrant_enforced_seconds").record(behind as f64 / 1000.0);
        tracing::info!(rev = rev.0, request_id = row.request_id, milliseconds = behind, "policy applied");
        if rows.try_send(row).is_err() {
            overflown.store(true, Ordering::Release);
        }
        metrics::gauge!(WAITING).set((rows.max_capacity() - rows.capacity()) as f64);
        applied.send_replace(rev);
    });
    if let Err(error) = caught_up.await {
        // The lease runs out if this goes on: then this node refuses rather than guess (I7).
        tracing::error!(%error, "the policy log cannot be read");
    }
}

async fn tell(engine: EngineHandle, mut waiting: mpsc::Receiver<LogRow>, overflown: Arc<AtomicBool>) {
    while let Some(row) = waiting.recv().await {
        metrics::gauge!(WAITING).set(waiting.len() as f64);
        for change in effects::of(&row) {
            if let Err(error) = engine.apply(change).await {
                tracing::error!(rev = row.rev.0, %error, "tabs not told");
            }
        }
        if overflown.swap(false, Ordering::AcqRel) {
            tracing::warn!(
                rev = row.rev.0,
                "more changes than tabs could be told one by one; comparing everyone"
            );
            metrics::counter!("livegrant_relay_overflows_total").increment(1);
            let (effect, audience) = (Effect::Refresh { always: false }, Audience::Everyone);
            let change = Change {
                rev: row.rev,
                accepted_at: row.at,
                operator: None,
                reason: "resync".into(),
                effect,
                audience,
            };
            if let Err(error) = engine.apply(change).await {
                tracing::error!(%error, "tabs not told");
            }
        }
    }
}

/// Starts and ends timed grants at their instant, one node for all; looks again at least every
/// `policy.timed_grant_poll_ms`.
async fn time_limits(core: Core) {
    let longest = core.settings.policy.timed_grant_poll_ms as i64;
    let mut job = Job::new(core.clone(), "timed grants", Duration::from_millis(longest as u64));
    loop {
        let wait = match job.work(timed::turn(&core.db)).await {
            Some(Ok(wait)) => wait.map_or(longest, |wait| wait.clamp(1, longest)),
            Some(Err(error)) => {
                tracing::error!(%error, "timed grants not looked at");
                longest
            }
            None => longest,
        };
        tokio::time::sleep(Duration::from_millis(wait as u64)).await;
    }
}

async fn versions(core: Core) {
    let mut every = tokio::time::interval(VERSIONS_EVERY);
    loop {
        every.tick().await;
        if let Err(error) = core.policy.store_versions().await {
            tracing::warn!(%error, "permission versions not stored");
        }
    }
}
