//! The relay: follows the policy log, first enforcing, then telling (I8). Woken by the doorbell after a commit here, by
//! the bus after a commit elsewhere, and by the tail poll when both were missed (I6).
//! Enforcing never waits for telling: rows go to the teller through a bounded queue; if that overflows, everyone is
//! compared with the policy again, which tells permissions and ended sessions all the same; notices of that moment are
//! lost to the tabs that are open (they stay in the log).

use super::{effects, recorder};
use crate::core::Core;
use crate::policy::{LogRow, timed};
use bytes::Bytes;
use livegrant_actors::bus::Channel;
use livegrant_actors::{Audience, Change, Effect, EngineHandle, Rev};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

/// Rows that wait to be told: a second of the fastest possible changes.
const ROWS_WAITING: usize = 1024;
/// Pause between two writes of permission versions (S3-99): many changes of one account become one write.
const VERSIONS_EVERY: Duration = Duration::from_secs(1);

/// The relay's tasks, until they are stopped. None of them ends by itself: one that does has crashed, and the process
/// must not go on as if changes were still enforced and told.
#[derive(Debug)]
pub struct Relay {
    tasks: Vec<JoinHandle<()>>,
    crashed: watch::Receiver<Option<&'static str>>,
}

impl Relay {
    /// Ends all tasks: before the database is closed under them.
    pub fn stop(&self) {
        for task in &self.tasks {
            task.abort();
        }
    }

    /// Names the task that has crashed, if one has.
    pub fn crashed(&self) -> Option<&'static str> {
        *self.crashed.borrow()
    }

    /// Waits until a task crashes, and names it.
    pub async fn failed(&self) -> &'static str {
        let mut crashed = self.crashed.clone();
        let name = crashed.wait_for(Option::is_some).await.map(|name| name.unwrap_or("relay"));
        match name {
            Ok(name) => name,
            // All tasks were stopped on purpose.
            Err(_) => std::future::pending().await,
        }
    }
}

/// Says that a task has crashed, when it panics.
struct Alarm(&'static str, Arc<watch::Sender<Option<&'static str>>>);

impl Drop for Alarm {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!(task = self.0, "a task of the relay has crashed");
            self.1.send_replace(Some(self.0));
        }
    }
}

/// Starts following the log.
pub fn start(core: &Core, applied: watch::Sender<Rev>) -> Relay {
    let (rows, waiting) = mpsc::channel(ROWS_WAITING);
    let overflown = Arc::new(AtomicBool::new(false));
    let (sender, crashed) = watch::channel(None);
    let sender = Arc::new(sender);
    let run = |name, task: Pin<Box<dyn Future<Output = ()> + Send>>| {
        let alarm = Alarm(name, Arc::clone(&sender));
        tokio::spawn(async move {
            let _alarm = alarm;
            task.await;
        })
    };
    let tasks = vec![
        run("tell", Box::pin(tell(core.engine.clone(), waiting, Arc::clone(&overflown)))),
        run("follow", Box::pin(follow(core.clone(), applied, rows, overflown))),
        run("time limits", Box::pin(time_limits(core.clone()))),
        run("versions", Box::pin(versions(core.clone()))),
        run("records", Box::pin(recorder::run(core.clone()))),
    ];
    Relay { tasks, crashed }
}

async fn follow(
    core: Core,
    applied: watch::Sender<Rev>,
    rows: mpsc::Sender<LogRow>,
    overflown: Arc<AtomicBool>,
) {
    let bus = Arc::clone(core.engine.bus());
    let mut elsewhere = match bus.subscribe(Channel::Policy).await {
        Ok(subscription) => subscription,
        Err(error) => {
            tracing::error!(%error, "no subscription to the policy channel; the tail poll alone follows the log");
            return poll_only(&core, &applied, &rows, &overflown).await;
        }
    };
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
        if rung_here {
            let rev = applied.borrow().0.to_string();
            if let Err(error) = bus.publish(Channel::Policy, Bytes::from(rev)).await {
                tracing::warn!(%error, "doorbell not rung elsewhere");
            }
        }
    }
}

async fn poll_only(
    core: &Core,
    applied: &watch::Sender<Rev>,
    rows: &mpsc::Sender<LogRow>,
    overflown: &AtomicBool,
) {
    let mut tail = tokio::time::interval(Duration::from_millis(core.settings.policy.tail_poll_ms));
    loop {
        tail.tick().await;
        catch_up(core, applied, rows, overflown).await;
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
        applied.send_replace(rev);
    });
    if let Err(error) = caught_up.await {
        // The lease runs out if this goes on: then this node refuses rather than guess (I7).
        tracing::error!(%error, "the policy log cannot be read");
    }
}

async fn tell(engine: EngineHandle, mut waiting: mpsc::Receiver<LogRow>, overflown: Arc<AtomicBool>) {
    while let Some(row) = waiting.recv().await {
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

/// Starts and ends timed grants at their instant; looks again at least every `policy.timed_grant_poll_ms`.
async fn time_limits(core: Core) {
    let longest = core.settings.policy.timed_grant_poll_ms as i64;
    loop {
        let now = core.clock.now_ms();
        let next = timed::turn(&core.db, now).await.unwrap_or_else(|error| {
            tracing::error!(%error, "timed grants not looked at");
            None
        });
        let wait = next.map_or(longest, |next| (next - now).clamp(1, longest));
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
