//! The relay: follows the policy log, first enforcing, then telling (I8). Woken by the doorbell after a commit here, by
//! the bus after a commit elsewhere, and by the tail poll when both were missed (I6).
//! Enforcing never waits for telling: rows go to the teller through a bounded queue; if that overflows, everyone is
//! compared with the policy again, which tells permissions and ended sessions all the same; notices of that moment are
//! lost to the tabs that are open (they stay in the log).

use super::effects;
use super::nodes::Rung;
use super::nodes::news::{self, News};
use super::postman::{Letterbox, Recount};
use super::tasks::Tasks;
use crate::cluster::jobs::Job;
use crate::core::Core;
use crate::hr::position_notices::TellPositions;
use crate::policy::{LogRow, PolicyChange, timed};
use livegrant_actors::{Audience, Change, Effect, EngineHandle, MessageType, Publication, Rev};
use serde_json::value::RawValue;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

/// Rows that wait to be told: a second of the fastest possible changes.
const ROWS_WAITING: usize = 1024;
/// Doorbells that wait to be rung at the other nodes. 16: each is newer than the one before, and a lost one costs a poll.
const RINGS_WAITING: usize = 16;
/// Time between two looks at the log's tail while the bus is in trouble.
const HARDER: Duration = Duration::from_millis(50);
/// `data` of the `RESYNC` of a node that has lost its lease.
const UNPROVEN: &str = r#"{"from":null,"to":null,"reason":"unproven"}"#;
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

/// Starts following the log; `elsewhere` brings the doorbells of other nodes.
pub fn start(
    core: &Core,
    applied: watch::Sender<Rev>,
    elsewhere: mpsc::Receiver<Rung>,
    letterbox: Letterbox,
) -> Relay {
    let (rows, waiting) = mpsc::channel(ROWS_WAITING);
    let (rings, to_ring) = mpsc::channel(RINGS_WAITING);
    let overflown = Arc::new(AtomicBool::new(false));
    let weak = rows.downgrade();
    let follower = Follower { core: core.clone(), applied, rows, overflown: Arc::clone(&overflown), rings };
    let mut tasks = Tasks::default();
    tasks.run("tell", tell(core.engine.clone(), waiting, overflown, letterbox));
    tasks.run("follow", follower.run(elsewhere));
    tasks.run("ring", ring(core.clone(), to_ring));
    tasks.run("time limits", time_limits(core.clone()));
    tasks.run("versions", versions(core.clone()));
    Relay { tasks, rows: weak }
}

struct Follower {
    core: Core,
    applied: watch::Sender<Rev>,
    rows: mpsc::Sender<LogRow>,
    overflown: Arc<AtomicBool>,
    rings: mpsc::Sender<News>,
}

impl Follower {
    async fn run(self, mut elsewhere: mpsc::Receiver<Rung>) {
        let doorbell = self.core.db.doorbell();
        let (mut looked_at, mut is_sure) = (Instant::now(), true);
        loop {
            let mut rung_here = false;
            let tail = looked_at + self.patience();
            tokio::select! {
                () = doorbell.notified() => rung_here = true,
                Some(rung) = elsewhere.recv() => {
                    if self.follow(rung).await {
                        continue;
                    }
                }
                () = tokio::time::sleep_until(tail) => {}
            }
            let asked_at = Instant::now();
            let (applied, at_its_end) = self.catch_up().await;
            looked_at = asked_at;
            // A process that was paused and has just read the log lacks nothing.
            let was_sure = std::mem::replace(&mut is_sure, at_its_end || self.core.policy.has_lease());
            if was_sure != is_sure {
                self.say_whether_sure(is_sure);
            }
            if rung_here && !self.core.engine.bus().is_alone() {
                // A ring that is lost is made good by the others' tail poll.
                let _ = self.rings.try_send(news::log(&self.core.policy, &applied));
            }
        }
    }

    /// Tells this node's tabs that it cannot prove any more that it is current (I7): what they show may be out of date, and
    /// another node may know better. When it can again, the log has been read, and what they missed is on its way.
    fn say_whether_sure(&self, is_sure: bool) {
        if is_sure {
            return tracing::info!("the policy is proven current again");
        }
        tracing::error!(
            "the policy cannot be proven current; guarded requests are refused, and tabs told so"
        );
        metrics::counter!("livegrant_lease_lost_total").increment(1);
        let data = RawValue::from_string(UNPROVEN.to_owned()).map(Arc::from);
        let Ok(data) = data else { return tracing::error!("tabs not told") };
        let (kind, audience) = (MessageType::Resync, Audience::Everyone);
        let told = Publication { kind, topic: None, audience, data, operator: None, message_id: None };
        // Whoever waits for a busy shard, it is not the one that reads the log.
        let engine = self.core.engine.clone();
        tokio::spawn(async move {
            if let Err(error) = engine.publish_here(told).await {
                tracing::error!(%error, "tabs not told");
            }
        });
    }

    /// Answers how long to wait for a doorbell before looking at the log's tail: less while the bus is in trouble.
    fn patience(&self) -> Duration {
        let usual = Duration::from_millis(self.core.settings.policy.tail_poll_ms);
        let bus = self.core.engine.bus();
        if !bus.is_alone() && bus.health().trouble.is_some() { usual.min(HARDER) } else { usual }
    }

    /// Takes a doorbell of another node: rows that are next are applied at once. Answers whether nothing is left to do;
    /// anything else is a reason to look at the log.
    async fn follow(&self, rung: Rung) -> bool {
        let Rung::Log { log, rev, rows } = rung else { return false };
        let policy = &self.core.policy;
        if let Err(error) = policy.follow(&log, rows, |row| self.enforced(row)).await {
            tracing::warn!(%error, "rows of another node were not applied; the log is read");
            return false;
        }
        *policy.log() == *log && policy.applied() >= rev
    }

    /// Reads the log to its end; answers what was new, and whether the end was reached.
    async fn catch_up(&self) -> (Vec<LogRow>, bool) {
        let core = &self.core;
        let (mut applied, others) = (Vec::new(), !core.engine.bus().is_alone());
        let caught_up = core.policy.catch_up(|row| {
            self.enforced(row.clone());
            if others {
                applied.push(row);
            }
        });
        let caught_up = caught_up.await;
        if let Err(error) = &caught_up {
            // The lease runs out if this goes on: then this node refuses rather than guess (I7).
            tracing::error!(%error, "the policy log cannot be read");
        }
        (applied, caught_up.is_ok())
    }

    fn enforced(&self, row: LogRow) {
        let (rev, behind) = (row.rev, self.core.clock.now_ms() - row.at);
        metrics::histogram!("livegrant_enforced_seconds").record(behind as f64 / 1000.0);
        tracing::info!(rev = rev.0, request_id = row.request_id, milliseconds = behind, "policy applied");
        if self.rows.try_send(row).is_err() {
            self.overflown.store(true, Ordering::Release);
        }
        metrics::gauge!(WAITING).set((self.rows.max_capacity() - self.rows.capacity()) as f64);
        self.applied.send_replace(rev);
    }
}

/// Rings at the other nodes: a bus that hangs does not hold up what is enforced here.
async fn ring(core: Core, mut rings: mpsc::Receiver<News>) {
    while let Some(news) = rings.recv().await {
        news::say(&core, &news).await;
    }
}

async fn tell(
    engine: EngineHandle,
    mut waiting: mpsc::Receiver<LogRow>,
    overflown: Arc<AtomicBool>,
    letterbox: Letterbox,
) {
    while let Some(row) = waiting.recv().await {
        metrics::gauge!(WAITING).set(waiting.len() as f64);
        if row.changes.iter().any(|change| matches!(change, PolicyChange::NoticesOver { .. })) {
            // Whom a broadcast reached that is over now nobody has written down: everybody online is counted again.
            letterbox.recount(Recount::Of(Audience::Everyone));
        }
        for change in effects::of(&row) {
            let counted = matches!(change.effect, Effect::Notice(_)).then(|| change.audience.clone());
            if let Err(error) = engine.apply(change).await {
                tracing::error!(rev = row.rev.0, %error, "tabs not told");
            }
            // Everybody whom a broadcast is for has one more in his inbox.
            if let Some(audience) = counted {
                letterbox.recount(Recount::Of(audience));
            }
        }
        if let Some(audience) = effects::moved(&row) {
            letterbox.recount(Recount::Moved(audience));
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
            // Broadcasts may have been among them.
            letterbox.recount(Recount::Of(Audience::Everyone));
        }
    }
}

/// Starts and ends timed grants at their instant, one node for all; looks again at least every
/// `policy.timed_grant_poll_ms`.
async fn time_limits(core: Core) {
    let longest = core.settings.policy.timed_grant_poll_ms as i64;
    let mut job = Job::new(core.clone(), "timed grants", Duration::from_millis(longest as u64));
    loop {
        let wait = match job.work(Box::pin(timed::turn(&core.db, &TellPositions))).await {
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
