//! Looks whether inboxes have changed that nobody here was told of: a lost bus message, a full queue, a process that died
//! between its commit and its round (I6). The engine compares the revisions with what each tab has; who is behind asks.
//!
//! Two looks, both one statement for all tabs. The short one reads what changed within a window, never past a remembered
//! place: commits become visible in another order than their times. The window is wide because a change carries the clock
//! of the node that made it, and because its transaction may have run for a while. The long one compares every account that
//! is online, whatever any clock says.

use crate::core::Core;
use crate::inbox::mailbox;
use crate::refusal::Refusal;
use livegrant_actors::{AccountId, Audience};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Time between two short looks while the bus is well (or alone). 2 s: a badge that is wrong for longer is noticed.
const EVERY: Duration = Duration::from_secs(2);
/// How far a short look goes back. 30 s: the longest transaction, and clocks that differ by many seconds.
const WINDOW_MS: i64 = 30_000;
/// Inboxes of one short look. 20,000: past that everybody online is compared.
const CHANGED_MAX: i64 = 20_000;
/// Time between two long looks.
const ALL_EVERY: Duration = Duration::from_mins(1);
/// Accounts of one statement of a long look.
const ACCOUNTS_AT_ONCE: usize = 1_000;

/// See the head of this file.
pub async fn run(core: Core) {
    let mut all_at = Instant::now() + ALL_EVERY;
    loop {
        sleep(patience(&core)).await;
        let looked = if Instant::now() >= all_at {
            all_at = Instant::now() + ALL_EVERY;
            at_all(&core).await
        } else {
            at_changed(&core).await
        };
        if let Err(error) = looked {
            tracing::warn!(%error, "inboxes not compared; the next look does");
        }
    }
}

/// Answers how long to wait: less while the bus is in trouble.
fn patience(core: &Core) -> Duration {
    let bus = core.engine.bus();
    let in_trouble = !bus.is_alone() && bus.health().trouble.is_some();
    if in_trouble { Duration::from_millis(core.settings.policy.tail_poll_ms).min(EVERY) } else { EVERY }
}

async fn at_changed(core: &Core) -> Result<(), Refusal> {
    if core.engine.stats().tabs == 0 {
        return Ok(());
    }
    let since = core.clock.now_ms() - WINDOW_MS;
    let changed = mailbox::changed_since(&mut core.db.read().await?, since, CHANGED_MAX).await?;
    if changed.len() as i64 >= CHANGED_MAX {
        return at_all(core).await;
    }
    compare(core, &changed).await
}

async fn at_all(core: &Core) -> Result<(), Refusal> {
    let mut accounts: Vec<AccountId> =
        core.engine.views(&Audience::Everyone).await.into_iter().map(|(account, _)| account).collect();
    accounts.dedup();
    for part in accounts.chunks(ACCOUNTS_AT_ONCE) {
        let at = mailbox::revisions(&mut core.db.read().await?, part).await?;
        compare(core, &at).await?;
    }
    Ok(())
}

async fn compare(core: &Core, at: &[(AccountId, i64)]) -> Result<(), Refusal> {
    core.engine.compare_mail(at).await.map_err(|error| Refusal::Defect(anyhow::Error::new(error)))
}
