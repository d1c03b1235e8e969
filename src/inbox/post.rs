//! Posting: a notice to named people, written in the transaction that it tells about.
//!
//! The rows are written last, after the scope locks, under the accounts' inbox rows in order (`db/errand.rs`); the tabs are
//! told after the commit. Whoever does something is not told of it himself. However many people it is for, it is a handful
//! of statements. Notices of one key that come while the one before is unread become one (FN12); of a kind that somebody
//! has muted he finds the notice in the inbox, marked seen, and no event is told (FN10).

use super::model::{NoticeKind, event_data};
use crate::db::{Closing, DbError, Errand, LastWrite, Mail, MailEvent, Work, Writing, bulk_inbox};
use crate::sql_one;
use livegrant_actors::{AccountId, CompanyId, MessageType, Operator};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// How long a notice that nobody has read takes others of its key in: what happens to one thing within minutes is one
/// story (FN12, E23).
const MERGE_WINDOW: Duration = Duration::from_mins(5);

/// What is told, in the words of whoever tells it.
#[derive(Debug, Clone)]
pub struct Notice {
    /// `PositionChange`, `ApprovalNotice`, `MessageNotification` or `SystemNotice`.
    pub kind: MessageType,
    /// One line.
    pub title: String,
    /// The text.
    pub content: String,
    /// What the event's `data` carries beside title and content, by its names there (`oldPosition`, `approvalId` …).
    pub data: Map<String, Value>,
    /// `info`, `warning` or `critical`.
    pub severity: &'static str,
    /// Where a click leads, a path of the console.
    pub link: Option<String>,
    /// The company whose feed shows it; 0: every one.
    pub company: CompanyId,
    /// Notices of one key that come while the one before is unread become one, with a count (FN12).
    pub merge_key: Option<String>,
    /// How long the key merges; 5 minutes.
    pub merge_window: Duration,
    /// For people: `维护` …; empty: none.
    pub category: String,
    /// Filters the list (FN8); empty: none.
    pub tag: String,
    /// A second notice of the same sender and key is not made (FN18).
    pub idempotency_key: Option<String>,
    /// UTC milliseconds; leaves lists and counts then.
    pub expires_at: Option<i64>,
    /// Buttons: `{"code","label","method","path","body"}` each (FW35).
    pub actions: Vec<Value>,
    /// Told to the acting account as well; by default nobody is told what he did himself (FT21).
    pub to_author: ToAuthor,
}

/// Whether the acting account is told too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToAuthor {
    /// Left out.
    No,
    /// Told like everybody else.
    Yes,
}

impl Notice {
    /// A notice with nothing but words; set further fields as needed.
    pub fn new(
        kind: MessageType,
        title: impl Into<String>,
        content: impl Into<String>,
        company: CompanyId,
    ) -> Self {
        Self {
            kind,
            title: title.into(),
            content: content.into(),
            data: Map::new(),
            severity: "info",
            link: None,
            company,
            merge_key: None,
            merge_window: MERGE_WINDOW,
            category: String::new(),
            tag: String::new(),
            idempotency_key: None,
            expires_at: None,
            actions: Vec::new(),
            to_author: ToAuthor::No,
        }
    }

    /// Adds a field to the event's `data`.
    #[must_use]
    pub fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.data.insert(field.to_owned(), value.into());
        self
    }
}

/// Leaves a notice to be posted when the work commits; answers its message id. Accounts that are named twice are told once.
pub fn post(work: &mut Work, to: &[AccountId], notice: Notice) -> Arc<str> {
    let author = work.author().account;
    let mut accounts: Vec<AccountId> = to.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
    if notice.to_author == ToAuthor::No {
        accounts.retain(|account| *account != author);
    }
    let message_id = work.message_id();
    if !accounts.is_empty() {
        work.write_last(Posting { accounts, notice, message_id: Arc::clone(&message_id) });
    }
    message_id
}

#[derive(Debug)]
struct Posting {
    accounts: Vec<AccountId>,
    notice: Notice,
    message_id: Arc<str>,
}

impl LastWrite for Posting {
    fn accounts(&self) -> &[AccountId] {
        &self.accounts
    }

    fn write(self: Box<Self>, closing: Closing<'_>) -> Writing<'_> {
        Box::pin(async move { self.insert(closing).await })
    }
}

/// Whom the notice comes to how.
#[derive(Debug, Default)]
struct Split {
    /// Account, revision, seen.
    fresh: Vec<(i64, i64, bool)>,
    /// Account, notice there, revision, seen.
    again: Vec<(i64, i64, i64, bool)>,
    /// Account, unseen, unread.
    counts: Vec<(i64, i64, i64)>,
    /// Who is told an event, by notice and times told.
    told: BTreeMap<(i64, i64), Vec<(AccountId, i64)>>,
    /// Who is told only that something is there.
    quiet: Vec<(AccountId, i64)>,
}

impl Posting {
    async fn insert(&self, closing: Closing<'_>) -> Result<(), DbError> {
        let Closing { conn, now, author, errands } = closing;
        let notice = &self.notice;
        let id = insert_notice(conn, self, author, now).await?;
        let accounts: Vec<i64> = self.accounts.iter().map(|account| account.0).collect();
        let revs = bulk_inbox::raise(conn, &accounts, now).await?;
        let company = notice.company.0;
        let mut muting = BTreeSet::new();
        if NoticeKind::of(notice.kind).is_some_and(NoticeKind::can_be_muted) && notice.severity != "critical"
        {
            muting.extend(bulk_inbox::muting(conn, &accounts, company, notice.kind.event()).await?);
        }
        let mut there = BTreeMap::new();
        if let Some(key) = &notice.merge_key {
            let since = now - notice.merge_window.as_millis() as i64;
            for (account, first, count, was_seen) in
                bulk_inbox::mergeable(conn, &accounts, company, key, since).await?
            {
                there.insert(account, (first, count, was_seen));
            }
        }
        let split = split(id, &revs, &muting, &there);
        if !split.fresh.is_empty() {
            let key = notice.merge_key.as_deref();
            let told = bulk_inbox::Told { id, company, key, at: now };
            bulk_inbox::give(conn, told, &split.fresh).await?;
        }
        if !split.again.is_empty() {
            bulk_inbox::merge(conn, id, now, &split.again).await?;
        }
        bulk_inbox::count(conn, company, &split.counts).await?;
        let operator = (author.account.0 != 0)
            .then(|| Operator { id: author.account, name: author.name.as_str().into() });
        for ((shown, count), to) in split.told {
            let data = event_data(notice, shown, count).map_err(encoding)?;
            let (message_id, operator) = (Arc::clone(&self.message_id), operator.clone());
            let event = MailEvent { notification: shown, kind: notice.kind, data, operator, message_id };
            errands.push(Errand::Mail(Arc::new(Mail { to, event: Some(event), change: None })));
        }
        if !split.quiet.is_empty() {
            errands.push(Errand::Mail(Arc::new(Mail { to: split.quiet, event: None, change: None })));
        }
        Ok(())
    }
}

fn split(
    id: i64,
    revs: &[(i64, i64)],
    muting: &BTreeSet<i64>,
    there: &BTreeMap<i64, (i64, i64, bool)>,
) -> Split {
    let mut split = Split::default();
    for (account, rev) in revs.iter().copied() {
        let muted = muting.contains(&account);
        let unseen = i64::from(!muted);
        let (shown, count) = if let Some((first, count, was_seen)) = there.get(&account) {
            split.again.push((account, *first, rev, muted));
            split.counts.push((account, unseen - i64::from(!was_seen), 0));
            (*first, count + 1)
        } else {
            split.fresh.push((account, rev, muted));
            split.counts.push((account, unseen, 1));
            (id, 1)
        };
        if muted {
            split.quiet.push((AccountId(account), rev));
        } else {
            split.told.entry((shown, count)).or_default().push((AccountId(account), rev));
        }
    }
    split
}

async fn insert_notice(
    conn: &mut crate::db::Conn,
    posting: &Posting,
    author: &crate::db::Author,
    now: i64,
) -> Result<i64, DbError> {
    let notice = &posting.notice;
    let made: Result<(i64,), DbError> = sql_one!(
        conn,
        (i64,),
        "INSERT INTO sys_notification (message_id, type, category, severity, title, content, payload, link, actions, tag,
            sender_id, sender_name, company_id, group_key, idempotency_key, expires_at, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) RETURNING id",
        &*posting.message_id,
        notice.kind.event(),
        &notice.category,
        notice.severity,
        &notice.title,
        &notice.content,
        sqlx::types::Json(&notice.data),
        notice.link.as_deref(),
        sqlx::types::Json(&notice.actions),
        &notice.tag,
        author.account.0,
        &author.name,
        notice.company.0,
        notice.merge_key.as_deref(),
        notice.idempotency_key.as_deref(),
        notice.expires_at,
        now
    );
    match made {
        Ok((id,)) => Ok(id),
        // Somebody with the same key was quicker: the next run finds what he made.
        Err(DbError::Duplicate) if notice.idempotency_key.is_some() => Err(DbError::Again),
        Err(error) => Err(error),
    }
}

fn encoding(error: serde_json::Error) -> DbError {
    DbError::Defect(sqlx::Error::Encode(error.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_merges_is_told_once_more_and_counted_once() {
        let there = BTreeMap::from([(1, (5, 2, true)), (2, (5, 2, false))]);
        let split = split(9, &[(1, 11), (2, 21), (3, 31), (4, 41)], &BTreeSet::from([4]), &there);
        assert_eq!(split.again, [(1, 5, 11, false), (2, 5, 21, false)]);
        assert_eq!(split.fresh, [(3, 31, false), (4, 41, true)]);
        // Seen before: unseen again. Unseen before: still. New. New and muted.
        assert_eq!(split.counts, [(1, 1, 0), (2, 0, 0), (3, 1, 1), (4, 0, 1)]);
        assert_eq!(split.told[&(5, 3)], [(AccountId(1), 11), (AccountId(2), 21)]);
        assert_eq!(split.told[&(9, 1)], [(AccountId(3), 31)]);
        assert_eq!(split.quiet, [(AccountId(4), 41)]);
    }
}
