//! What becomes of old notices (FN17): after `inbox.retention_days` they go, except what somebody has put away, which stays,
//! and what he has put off, which counts from when it comes again; and an inbox that is over its bound loses its oldest. Part
//! of the upkeep, one node for all, in small transactions. Under the inbox's lock it is looked again whether a row is to go.

use super::due::{Sight, locked, take_from_sight, tell_taken};
use super::store::due as store;
use crate::core::Core;
use crate::db::bulk_moves::{self, Take};
use crate::db::{Author, SystemTask, Work};
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
        for _ in 0..TURNS {
            if end_old_broadcasts(core, before).await? < ROWS_AT_ONCE as usize {
                break;
            }
        }
        for _ in 0..TURNS {
            let found = store::rows_before(&mut core.db.read().await?, before, ROWS_AT_ONCE).await?;
            gone += take_old(core, &found, before).await?;
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

/// An old broadcast reaches nobody any more; whoever has put it away or off keeps it. Answers how many were found.
async fn end_old_broadcasts(core: &Core, before: i64) -> Result<usize, Refusal> {
    let ids = store::broadcasts_before(&mut core.db.read().await?, before, ROWS_AT_ONCE).await?;
    if ids.is_empty() {
        return Ok(0);
    }
    for id in ids.iter().copied() {
        while take_from_sight(core, id, Sight::Inbox).await? {}
    }
    let mut work = core.db.begin(&Author::system("inbox")).await?;
    let now = work.now();
    for id in ids.iter().copied() {
        store::end_notice(work.conn(), id, now).await?;
    }
    let found = ids.len();
    work.change(PolicyChange::NoticesOver { ids });
    work.commit(SystemTask::Upkeep).await?;
    Ok(found)
}

/// Brings inboxes back to their bound.
async fn shrink(core: &Core) -> Result<u64, Refusal> {
    let max = i64::from(core.settings.inbox.max_per_account);
    let mut gone = 0;
    for (account, held) in store::overfull(&mut core.db.read().await?, max, INBOXES_AT_ONCE).await? {
        let mut over = held - max;
        while over > 0 {
            let limit = over.min(ROWS_AT_ONCE);
            let taken = take_oldest(core, account, limit).await?;
            if taken == 0 {
                break;
            }
            gone += taken;
            over -= taken as i64;
        }
    }
    Ok(gone)
}

async fn take_old(core: &Core, found: &[store::Pair], before: i64) -> Result<u64, Refusal> {
    if found.is_empty() {
        return Ok(0);
    }
    let work = locked(core, found.iter().map(|pair| pair.0)).await?;
    take(work, found, Take::Old(before)).await
}

/// Which are the oldest is asked under the lock: what is put away meanwhile is the last to go.
async fn take_oldest(core: &Core, account: i64, limit: i64) -> Result<u64, Refusal> {
    let mut work = locked(core, std::iter::once(account)).await?;
    let found = store::oldest_rows(work.conn(), account, limit).await?;
    take(work, &found, Take::Away).await
}

async fn take(mut work: Work, found: &[store::Pair], how: Take) -> Result<u64, Refusal> {
    let taken = bulk_moves::take(work.conn(), found, how).await?;
    tell_taken(&mut work, &taken).await?;
    work.commit(SystemTask::Upkeep).await?;
    Ok(taken.len() as u64)
}
