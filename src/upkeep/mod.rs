//! What keeps the house in order: deletes what is over (`purge.rs`; one node for all), says once a while how the process does (S3-112), and
//! writes down how many refusals the audit log left out. It changes nobody's rights.

pub mod purge;
pub mod store;

use crate::cluster::jobs::Job;
use crate::core::Core;
use crate::db::{Author, SystemTask, write_audit};
use crate::refusal::Refusal;
use crate::web::denials::Denials;
use std::sync::Arc;
use std::time::Duration;

/// Time between two looks at the refusals that were left out.
const DENIALS_EVERY: Duration = Duration::from_secs(20);

/// Cleans up and reports for as long as the process lives; the queues' depths come from who has them.
pub async fn run(core: Core, depths: Depths) {
    let interval = Duration::from_secs(core.settings.realtime.cleanup_interval_seconds);
    let mut every = tokio::time::interval(interval);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut last = Figures::default();
    let mut job = Job::new(core.clone(), "purge", interval);
    loop {
        every.tick().await;
        match job.work(Box::pin(purge::purge(&core))).await {
            // Another node does it, or it was cut off: the next turn goes on.
            None => {}
            Some(Ok(purged)) if purged == purge::Purged::default() => {}
            Some(Ok(purged)) => tracing::info!(
                connections = purged.connections,
                sessions = purged.sessions,
                tickets = purged.tickets,
                keys = purged.keys,
                audit = purged.audit,
                changes = purged.changes,
                policy_log = purged.policy_log,
                "rows that were over deleted"
            ),
            Some(Err(error)) => tracing::warn!(%error, "clean-up not finished; the next one goes on"),
        }
        match job.work(Box::pin(crate::inbox::retention::purge(&core))).await {
            None | Some(Ok(0)) => {}
            Some(Ok(notices)) => tracing::info!(notices, "notices that were too old or too many deleted"),
            Some(Err(error)) => tracing::warn!(%error, "old notices not all deleted; the next turn goes on"),
        }
        last = report(&core, &depths, last);
    }
}

/// Tells how long queues are.
pub struct Depths {
    /// Rows of the policy log that wait to be told.
    pub relay: Box<dyn Fn() -> usize + Send + Sync>,
    /// Connections that wait to be recorded.
    pub records: Box<dyn Fn() -> usize + Send + Sync>,
}

/// What the engine had counted at the last report.
#[derive(Debug, Clone, Copy, Default)]
struct Figures {
    frames: u64,
    coalesced: u64,
    dropped: u64,
    slow: u64,
}

/// One line: what is now, and what happened since the last line.
fn report(core: &Core, depths: &Depths, last: Figures) -> Figures {
    let stats = core.engine.stats();
    let now = Figures {
        frames: stats.frames_sent,
        coalesced: stats.coalesced,
        dropped: stats.dropped,
        slow: stats.closed.get("slow").copied().unwrap_or_default(),
    };
    tracing::info!(
        event = "figures",
        connections = stats.tabs,
        accounts = stats.accounts,
        frames = now.frames - last.frames,
        coalesced = now.coalesced - last.coalesced,
        dropped = now.dropped - last.dropped,
        slow = now.slow - last.slow,
        relay_waiting = (depths.relay)(),
        records_waiting = (depths.records)(),
        rev = core.policy.applied().0,
        "performance"
    );
    now
}

/// Writes down the refusals that were left out, minute by minute, for as long as the process lives.
pub async fn count_denials(core: Core, denials: Arc<Denials>) {
    let mut every = tokio::time::interval(DENIALS_EVERY);
    loop {
        every.tick().await;
        write_denials(&core, denials.finished(core.clock.now_ms())).await;
    }
}

/// Writes one line an account: how many refusals of a minute have no line of their own.
pub async fn write_denials(core: &Core, left_out: Vec<(Author, u32)>) {
    for (author, refusals) in left_out {
        tracing::warn!(
            event = "authz_fail",
            account = author.account.0,
            refusals,
            "refusals left out of the audit log"
        );
        if let Err(error) = write_denial(core, &author, refusals).await {
            tracing::warn!(%error, account = author.account.0, refusals, "refusals not audited");
        }
    }
}

async fn write_denial(core: &Core, author: &Author, refusals: u32) -> Result<(), Refusal> {
    let mut work = core.db.begin(author).await?;
    let now = work.now();
    let what = ["authz_fail", "more", &refusals.to_string(), "", "denied"];
    write_audit(work.conn(), now, author, what).await?;
    work.commit(SystemTask::Upkeep).await?;
    Ok(())
}
