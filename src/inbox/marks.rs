//! What somebody does in his own inbox, with one notice or with many: the rows, their counts and the inbox's revision in one
//! transaction under the inbox's row, and one state event for all of the account's tabs, also the acting one (FN3, FN7, C28).
//! What is so already takes no revision and tells nobody. A broadcast gets a row of its own when somebody does something
//! with it alone; "everything seen" and "everything read" only move the account's marks (FN16).

use super::feed::{self, Standing};
use super::lists::Filter;
use super::model::{Move, Place, State, Turn, told_again};
use super::store::lists::{self as list_store, FeedFilter, FeedRow};
use super::store::moves as store;
use crate::core::Core;
use crate::db::{
    DbError, Errand, Mail, MailEvent, StateChange, SystemTask, Work, bulk, bulk_inbox, bulk_moves,
};
use crate::policy::Principal;
use crate::refusal::Refusal;
use livegrant_actors::{AccountId, Operator};
use serde_json::json;
use serde_json::value::to_raw_value;
use std::sync::Arc;

/// Most ids of one call; a page has at most 100, and a client may have marked a few.
pub const IDS_MAX: usize = 500;
/// Most notices that come back from their snooze by one call: each comes at a revision of its own.
const UNSNOOZED_MAX: i64 = 1_000;

/// What many are.
#[derive(Debug, Clone)]
pub enum Which {
    /// These.
    Ids(Vec<i64>),
    /// All that the filter finds, in the place that the move looks at unless the filter names one.
    Found(Filter),
}

/// Moves one notice; answers how it is now and where the inbox stands.
pub async fn one(core: &Core, by: &Principal, id: i64, what: Move) -> Result<(FeedRow, Standing), Refusal> {
    let (account, company) = (by.account(), by.company());
    let missing = || Refusal::NotFound { what: "notification" };
    let mut work = begin(core, by).await?;
    let now = work.now();
    let found = store::state(work.conn(), account, company, id).await?;
    let (state, feed, before) = if let Some((state, feed)) = found {
        (state, feed, state.counts())
    } else {
        let all = FeedFilter::of(account, company);
        store::adopt(work.conn(), &all, Some(id)).await?;
        let made = store::state(work.conn(), account, company, id).await?.ok_or_else(missing)?;
        // Its row was counted nowhere so far.
        (made.0, made.1, (0, 0))
    };
    let last_words = list_store::one(work.conn(), account, company, id).await?;
    let Some(next) = what.apply(state, now)? else {
        // It is so already: what was begun is undone.
        drop(work);
        let row = list_store::one(&mut core.db.read().await?, account, company, id).await?;
        return Ok((row.ok_or_else(missing)?, standing(core, by).await?));
    };
    store::set_state(work.conn(), account, id, &next).await?;
    let (unseen, unread) = next.counts();
    bulk_inbox::count(work.conn(), feed, &[(account.0, unseen - before.0, unread - before.1)]).await?;
    let rev = raise(&mut work, account).await?;
    let mut event = None;
    if what == Move::Unsnooze {
        store::come_again(work.conn(), account, id, rev, now).await?;
        event = list_store::one(work.conn(), account, company, id)
            .await?
            .map(|row| event_of(&row))
            .transpose()?;
    }
    let change = StateChange { state: what.word(), ids: Some(vec![id]), filter: None };
    work.errand(Errand::Mail(Arc::new(Mail { to: vec![(account, rev)], event, change: Some(change) })));
    work.commit(SystemTask::OwnInbox).await?;
    let row = list_store::one(&mut core.db.read().await?, account, company, id).await?;
    // What is deleted is answered as it was.
    let row = row.or(last_words.map(|row| with(row, next))).ok_or_else(missing)?;
    Ok((row, standing(core, by).await?))
}

fn with(row: FeedRow, state: State) -> FeedRow {
    let State { seen_at, read_at, archived_at, snoozed_until, .. } = state;
    FeedRow { seen_at, read_at, archived_at, snoozed_until, ..row }
}

/// Moves many; answers how many were changed and where the inbox stands. Ids that are nobody's or another's are passed over.
pub async fn many(
    core: &Core,
    by: &Principal,
    which: &Which,
    what: Move,
) -> Result<(i64, Standing), Refusal> {
    let (account, company) = (by.account(), by.company());
    let mut work = begin(core, by).await?;
    let now = work.now();
    let (changed, moved) = match which {
        Which::Ids(ids) => {
            if ids.len() > IDS_MAX {
                return Err(Refusal::invalid("ids", "too_many", format!("at most {IDS_MAX} ids")));
            }
            let moved = move_ids(&mut work, by, ids, what).await?;
            (moved.len() as i64, Some(moved))
        }
        Which::Found(filter) => {
            let found = filter.parse(by, what.from_place())?;
            check_place(&found, what)?;
            if what == Move::Unsnooze {
                let rows =
                    list_store::page(work.conn(), &found, list_store::NEWEST, UNSNOOZED_MAX, 0).await?;
                let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
                let moved = move_ids(&mut work, by, &ids, what).await?;
                (moved.len() as i64, Some(moved))
            } else if matches!(what, Move::Seen | Move::Read) && *filter == Filter::default() {
                (everything(&mut work, by, what).await?, None)
            } else {
                store::adopt(work.conn(), &found, None).await?;
                (store::move_found(work.conn(), &found, what.turns(), now).await? as i64, None)
            }
        }
    };
    if changed == 0 {
        drop(work);
        return Ok((0, standing(core, by).await?));
    }
    bulk_moves::recount(work.conn(), &[account.0]).await?;
    let change = match (which, &moved) {
        (Which::Found(filter), None) => {
            let filter = Some(Arc::from(to_raw_value(filter).map_err(encoding)?));
            StateChange { state: what.word(), ids: None, filter }
        }
        _ => StateChange { state: what.word(), ids: moved.clone(), filter: None },
    };
    if what == Move::Unsnooze {
        for id in moved.unwrap_or_default() {
            let rev = raise(&mut work, account).await?;
            store::come_again(work.conn(), account, id, rev, now).await?;
            let row = list_store::one(work.conn(), account, company, id).await?;
            let event = row.map(|row| event_of(&row)).transpose()?;
            work.errand(Errand::Mail(Arc::new(Mail { to: vec![(account, rev)], event, change: None })));
        }
    }
    let rev = raise(&mut work, account).await?;
    let mail = Mail { to: vec![(account, rev)], event: None, change: Some(change) };
    work.errand(Errand::Mail(Arc::new(mail)));
    work.commit(SystemTask::OwnInbox).await?;
    Ok((changed, standing(core, by).await?))
}

fn check_place(found: &FeedFilter, what: Move) -> Result<(), Refusal> {
    let place = found.place;
    let fits = match what {
        Move::Unarchive => place == Place::Archive as i64,
        Move::Unsnooze => place == Place::Snoozed as i64,
        Move::Snooze(_) => place != Place::Archive as i64,
        _ => true,
    };
    if fits {
        return Ok(());
    }
    Err(Refusal::invalid("filter", "invalid", "what the filter finds cannot be moved so"))
}

/// Begins with the inbox's row locked.
async fn begin(core: &Core, by: &Principal) -> Result<Work, Refusal> {
    let mut work = core.db.begin(&by.author()).await?;
    let now = work.now();
    bulk::lock_inboxes(work.conn(), &[by.account().0], now).await?;
    Ok(work)
}

async fn raise(work: &mut Work, account: AccountId) -> Result<i64, Refusal> {
    let now = work.now();
    let raised = bulk_inbox::raise(work.conn(), &[account.0], now).await?;
    let missing = || DbError::Schema("a locked inbox is gone".to_owned());
    Ok(raised.first().map(|(_, rev)| *rev).ok_or_else(missing)?)
}

async fn move_ids(work: &mut Work, by: &Principal, ids: &[i64], what: Move) -> Result<Vec<i64>, Refusal> {
    let (account, company, now) = (by.account(), by.company(), work.now());
    let without_row = store::without_row(work.conn(), account, company).await?;
    let all = FeedFilter::of(account, company);
    for id in ids.iter().filter(|id| without_row.binary_search(id).is_ok()) {
        store::adopt(work.conn(), &all, Some(*id)).await?;
    }
    let turns = what.turns().map(Turn::bind);
    Ok(bulk_moves::move_ids(work.conn(), account.0, company.0, ids, turns, now).await?)
}

/// Marks all of the inbox seen or read: its rows, and the broadcasts by the account's marks.
async fn everything(work: &mut Work, by: &Principal, what: Move) -> Result<i64, Refusal> {
    let (account, company, now) = (by.account(), by.company(), work.now());
    let rows = if what == Move::Read {
        store::read_all(work.conn(), account, company, now).await?
    } else {
        store::see_all(work.conn(), account, company, now).await?
    };
    let mut changed = rows as i64;
    for feed in store::unmarked(work.conn(), account, company, what.word()).await? {
        let read_up_to = if what == Move::Read { feed.newest } else { 0 };
        let marks = [feed.newest, read_up_to];
        store::mark(work.conn(), account, feed.company_id, marks, now).await?;
        changed += feed.count;
    }
    Ok(changed)
}

async fn standing(core: &Core, by: &Principal) -> Result<Standing, Refusal> {
    Ok(feed::standing(&mut core.db.read().await?, by.account(), by.company()).await?)
}

/// Makes the event of a notice that comes again.
pub(super) fn event_of(row: &FeedRow) -> Result<MailEvent, Refusal> {
    let kind = super::model::NoticeKind::named(&row.kind)
        .ok_or_else(|| DbError::Schema(format!("a notice of the kind {}", row.kind)))?;
    let mut data = row.payload.0.clone();
    data.insert("title".to_owned(), json!(row.title));
    data.insert("content".to_owned(), json!(row.content));
    data.insert("id".to_owned(), json!(row.id));
    if let Some(link) = &row.link {
        data.insert("link".to_owned(), json!(link));
    }
    if row.count > 1 {
        data.insert("count".to_owned(), json!(row.count));
    }
    if !row.actions.0.is_empty() {
        data.insert("actions".to_owned(), json!(row.actions.0));
    }
    let operator = (row.sender_id != 0)
        .then(|| Operator { id: AccountId(row.sender_id), name: row.sender_name.as_str().into() });
    Ok(MailEvent {
        notification: row.id,
        kind: kind.message(),
        data: Arc::from(to_raw_value(&data).map_err(encoding)?),
        operator,
        message_id: told_again(&row.message_id, row.at).into(),
    })
}

fn encoding(error: serde_json::Error) -> Refusal {
    DbError::Defect(sqlx::Error::Encode(error.into())).into()
}
