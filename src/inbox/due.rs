//! What time does to inboxes, by one node for all: a snooze that is over brings its notice back as new (FN13), a notice that
//! is over leaves lists and counts. Until this has looked, nothing is different: no statement that reads asks for the time.

use super::marks::event_of;
use super::model::{Move, Place};
use super::store::{due as store, lists as list_store, moves};
use crate::core::Core;
use crate::db::bulk_moves::{self, Take};
use crate::db::{Author, Errand, Mail, StateChange, SystemTask, Work, bulk, bulk_inbox};
use crate::policy::PolicyChange;
use crate::refusal::Refusal;
use livegrant_actors::{AccountId, CompanyId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Rows of one transaction: SQLite's only writer is soon free again.
const ROWS_AT_ONCE: i64 = 500;
/// Transactions a look; what is left waits for the next one.
const TURNS: usize = 100;
/// How long a notice that has ended is looked for in inboxes once more. No transaction that marks it takes longer.
const LATE_MS: i64 = 60_000;

/// What an ended notice is taken out of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    /// The inbox, and what was put off: its time is over.
    InboxAndSnoozed,
    /// The inbox alone: it is only old, and who has put it off wants it later.
    Inbox,
}

impl Sight {
    /// The place beside the inbox.
    const fn place(self) -> i64 {
        match self {
            Self::InboxAndSnoozed => Place::Snoozed as i64,
            Self::Inbox => Place::Inbox as i64,
        }
    }
}

/// Looks once.
pub async fn look(core: &Core) -> Result<(), Refusal> {
    for _ in 0..TURNS {
        if wake(core).await? < ROWS_AT_ONCE as usize {
            break;
        }
    }
    for _ in 0..TURNS {
        if end(core).await? == 0 {
            break;
        }
    }
    for _ in 0..TURNS {
        if take_what_is_left(core).await? < ROWS_AT_ONCE as usize {
            break;
        }
    }
    Ok(())
}

/// Wakes snoozes; answers how many were found.
async fn wake(core: &Core) -> Result<usize, Refusal> {
    let now = core.clock.now_ms();
    let found = store::snoozes_over(&mut core.db.read().await?, now, ROWS_AT_ONCE).await?;
    if found.is_empty() {
        return Ok(0);
    }
    let mut work = locked(core, found.iter().map(|pair| pair.0)).await?;
    for (account, id) in found.iter().copied() {
        wake_one(&mut work, AccountId(account), id).await?;
    }
    work.commit(SystemTask::Upkeep).await?;
    Ok(found.len())
}

async fn wake_one(work: &mut Work, account: AccountId, id: i64) -> Result<(), Refusal> {
    let now = work.now();
    // Any company: whose feed it is in, the row itself says.
    let Some((state, feed)) = state_of(work, account, id).await? else { return Ok(()) };
    if state.snoozed_until.is_none_or(|until| until > now) {
        return Ok(()); // its account was quicker
    }
    let Some(next) = Move::Unsnooze.apply(state, now)? else { return Ok(()) };
    moves::set_state(work.conn(), account, id, &next).await?;
    bulk_inbox::count(work.conn(), feed.0, &[(account.0, 1, 1)]).await?;
    let raised = bulk_inbox::raise(work.conn(), &[account.0], now).await?;
    let rev = raised.first().map_or(0, |(_, rev)| *rev);
    moves::come_again(work.conn(), account, id, rev, now).await?;
    let row = list_store::one(work.conn(), account, feed, id).await?;
    let event = row.map(|row| event_of(&row)).transpose()?;
    let change = StateChange { state: Move::Unsnooze.word(), ids: Some(vec![id]), filter: None };
    work.errand(Errand::Mail(Arc::new(Mail { to: vec![(account, rev)], event, change: Some(change) })));
    Ok(())
}

async fn state_of(
    work: &mut Work,
    account: AccountId,
    id: i64,
) -> Result<Option<(super::model::State, CompanyId)>, Refusal> {
    let feed = moves::feed_of(work.conn(), account, id).await?;
    let Some(feed) = feed.map(CompanyId) else { return Ok(None) };
    let found = moves::state(work.conn(), account, feed, id).await?;
    Ok(found.map(|(state, _)| (state, feed)))
}

/// Ends notices that are over; answers how much was found to do.
async fn end(core: &Core) -> Result<usize, Refusal> {
    let now = core.clock.now_ms();
    let over = store::notices_over(&mut core.db.read().await?, now, ROWS_AT_ONCE).await?;
    for (id, told_to_all) in over.iter().copied() {
        while take_from_sight(core, id, Sight::InboxAndSnoozed).await? {}
        let mut work = core.db.begin(&Author::system("inbox")).await?;
        store::end_notice(work.conn(), id, now).await?;
        if told_to_all {
            // Takes a revision: the counts of everybody whom it reached are others now.
            work.change(PolicyChange::NoticesOver { ids: vec![id] });
        }
        work.commit(SystemTask::Upkeep).await?;
    }
    Ok(over.len())
}

/// Takes some of the rows that show a notice out of their inboxes; answers whether there may be more.
pub(super) async fn take_from_sight(core: &Core, id: i64, from: Sight) -> Result<bool, Refusal> {
    let found = store::rows_showing(&mut core.db.read().await?, id, from.place(), ROWS_AT_ONCE).await?;
    take(core, &found, from).await?;
    Ok(found.len() as i64 == ROWS_AT_ONCE)
}

/// Takes away what was marked in the moment in which its notice ended, also if whoever ended it died then; answers how much
/// was found.
async fn take_what_is_left(core: &Core) -> Result<usize, Refusal> {
    let since = core.clock.now_ms() - LATE_MS;
    let found = store::rows_left(&mut core.db.read().await?, since, ROWS_AT_ONCE).await?;
    take(core, &found, Sight::InboxAndSnoozed).await?;
    Ok(found.len())
}

async fn take(core: &Core, found: &[store::Pair], from: Sight) -> Result<(), Refusal> {
    if found.is_empty() {
        return Ok(());
    }
    let mut work = locked(core, found.iter().map(|pair| pair.0)).await?;
    let how = Take::FromSight { at: work.now(), place: from.place() };
    let taken = bulk_moves::take(work.conn(), found, how).await?;
    tell_taken(&mut work, &taken).await?;
    work.commit(SystemTask::Upkeep).await?;
    Ok(())
}

/// Begins with the inboxes' rows locked, in order.
pub(super) async fn locked(core: &Core, accounts: impl Iterator<Item = i64>) -> Result<Work, Refusal> {
    let accounts: Vec<i64> = accounts.collect::<BTreeSet<_>>().into_iter().collect();
    let mut work = core.db.begin(&Author::system("inbox")).await?;
    let now = work.now();
    bulk::lock_inboxes(work.conn(), &accounts, now).await?;
    Ok(work)
}

/// Counts anew, and tells the accounts whose rows were taken.
pub(super) async fn tell_taken(work: &mut Work, taken: &[(i64, i64)]) -> Result<(), Refusal> {
    if taken.is_empty() {
        return Ok(());
    }
    let mut ids: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for (account, id) in taken {
        ids.entry(*account).or_default().push(*id);
    }
    let accounts: Vec<i64> = ids.keys().copied().collect();
    let now = work.now();
    bulk_moves::recount(work.conn(), &accounts).await?;
    for (account, rev) in bulk_inbox::raise(work.conn(), &accounts, now).await? {
        let change = StateChange { state: Move::Delete.word(), ids: ids.remove(&account), filter: None };
        let mail = Mail { to: vec![(AccountId(account), rev)], event: None, change: Some(change) };
        work.errand(Errand::Mail(Arc::new(mail)));
    }
    Ok(())
}
