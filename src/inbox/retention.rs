//! What becomes of old notices (FN17): after `inbox.retention_days` they go, except what somebody has put away, which stays;
//! and an inbox that is over its bound loses its oldest. Part of the upkeep, one node for all, in small transactions.

use super::due::{locked, take_from_sight, tell_taken};
use super::store::due as store;
use crate::core::Core;
use crate::db::{Author, SystemTask, bulk_moves};
use crate::policy::PolicyChange;
use crate::refusal::Refusal;
use std::time::Duration;

/// Rows of one transaction.
const ROWS_AT_ONCE: i64 = 1_000;
/// Transactions a turn; what is left waits for the next turn.
const TURNS: usize = 100;
/// Inboxes over their bound that one turn looks at.
const INBOXES_AT_ONCE: i64 = 100;
/// Pause between two transactions: whoever waits for the writer has it first.
const PAUSE: Duration = Duration::from_millis(10);
const DAY_MS: i64 = 24 * 3600 * 1000;

/// Deletes once what is too old or too much; answers how many rows and notices went.
pub async fn purge(core: &Core) -> Result<u64, Refusal> {
    let mut gone = 0;
    let days = core.settings.inbox.retention_days;
    if days > 0 {
        let before = core.clock.now_ms() - i64::from(days) * DAY_MS;
        end_old_broadcasts(core, before).await?;
        for _ in 0..TURNS {
            let found = store::rows_before(&mut core.db.read().await?, before, ROWS_AT_ONCE).await?;
            gone += take_away(core, &found).await?;
            if (found.len() as i64) < ROWS_AT_ONCE {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
        for _ in 0..TURNS {
            let mut work = core.db.begin(&Author::system("inbox")).await?;
            let deleted = store::delete_unused(work.conn(), before, ROWS_AT_ONCE).await?;
            work.commit(SystemTask::Upkeep).await?;
            gone += deleted;
            if deleted < ROWS_AT_ONCE as u64 {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
    gone += shrink(core).await?;
    metrics::counter!("livegrant_purged_rows_total", "table" => "sys_notification_recipient").increment(gone);
    Ok(gone)
}

/// An old broadcast reaches nobody any more; whoever has put it away keeps it.
async fn end_old_broadcasts(core: &Core, before: i64) -> Result<(), Refusal> {
    let ids = store::broadcasts_before(&mut core.db.read().await?, before, ROWS_AT_ONCE).await?;
    if ids.is_empty() {
        return Ok(());
    }
    for id in ids.iter().copied() {
        while take_from_sight(core, id).await? {}
    }
    let mut work = core.db.begin(&Author::system("inbox")).await?;
    let now = work.now();
    for id in ids.iter().copied() {
        store::end_notice(work.conn(), id, now).await?;
    }
    work.change(PolicyChange::NoticesOver { ids });
    work.commit(SystemTask::Upkeep).await?;
    Ok(())
}

/// Brings inboxes back to their bound.
async fn shrink(core: &Core) -> Result<u64, Refusal> {
    let max = i64::from(core.settings.inbox.max_per_account);
    let mut gone = 0;
    for (account, held) in store::overfull(&mut core.db.read().await?, max, INBOXES_AT_ONCE).await? {
        let mut over = held - max;
        while over > 0 {
            let limit = over.min(ROWS_AT_ONCE);
            let found = store::oldest_rows(&mut core.db.read().await?, account, limit).await?;
            let taken = take_away(core, &found).await?;
            if taken == 0 {
                break;
            }
            gone += taken;
            over -= taken as i64;
        }
    }
    Ok(gone)
}

async fn take_away(core: &Core, found: &[store::Pair]) -> Result<u64, Refusal> {
    if found.is_empty() {
        return Ok(0);
    }
    let mut work = locked(core, found.iter().map(|pair| pair.0)).await?;
    let taken = bulk_moves::take(work.conn(), found, bulk_moves::Take::Away).await?;
    tell_taken(&mut work, &taken).await?;
    work.commit(SystemTask::Upkeep).await?;
    Ok(taken.len() as u64)
}
