//! Posting: a notice to named people, written in the transaction that it tells about.
//!
//! The rows are written last, after the scope locks, under the accounts' inbox rows in order (`db/errand.rs`); the tabs are
//! told after the commit. Whoever does something is not told of it himself.

use crate::db::{Closing, DbError, Errand, LastWrite, Mail, MailEvent, Work, Writing};
use crate::{sql_exec, sql_one};
use livegrant_actors::{AccountId, CompanyId, MessageType, Operator};
use serde_json::value::to_raw_value;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use uuid::Uuid;

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

/// Leaves a notice to be posted when the work commits. Accounts that are named twice are told once.
pub fn post(work: &mut Work, to: &[AccountId], notice: Notice) {
    let author = work.author().account;
    let mut accounts: Vec<AccountId> = to.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
    if notice.to_author == ToAuthor::No {
        accounts.retain(|account| *account != author);
    }
    if !accounts.is_empty() {
        work.write_last(Posting { accounts, notice });
    }
}

#[derive(Debug)]
struct Posting {
    accounts: Vec<AccountId>,
    notice: Notice,
}

impl LastWrite for Posting {
    fn accounts(&self) -> &[AccountId] {
        &self.accounts
    }

    fn write<'a>(self: Box<Self>, closing: Closing<'a>) -> Writing<'a> {
        Box::pin(write(*self, closing))
    }
}

async fn write(posting: Posting, closing: Closing<'_>) -> Result<(), DbError> {
    let Posting { accounts, notice } = posting;
    let Closing { conn, now, author, errands } = closing;
    let message_id: Arc<str> = Uuid::now_v7().to_string().into();
    let (id,) = sql_one!(
        conn,
        (i64,),
        "INSERT INTO sys_notification (message_id, type, severity, title, content, payload, link, actions, sender_id,
            sender_name, company_id, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING id",
        &*message_id,
        notice.kind.event(),
        notice.severity,
        &notice.title,
        &notice.content,
        sqlx::types::Json(&notice.data),
        notice.link.as_deref(),
        sqlx::types::Json(&notice.actions),
        author.account.0,
        &author.name,
        notice.company.0,
        now
    )?;
    let mut to = Vec::with_capacity(accounts.len());
    for account in accounts {
        let (rev,) = sql_one!(
            conn,
            (i64,),
            "UPDATE sys_inbox SET rev = rev + 1, changed_at = $2 WHERE account_id = $1 RETURNING rev",
            account.0,
            now
        )?;
        sql_exec!(
            conn,
            "INSERT INTO sys_notification_recipient (account_id, notification_id, company_id, rev, at)
             VALUES ($1, $2, $3, $4, $5)",
            account.0,
            id,
            notice.company.0,
            rev,
            now
        )?;
        sql_exec!(
            conn,
            "INSERT INTO sys_notification_counter (account_id, company_id, unseen, unread) VALUES ($1, $2, 1, 1)
             ON CONFLICT (account_id, company_id) DO UPDATE SET unseen = sys_notification_counter.unseen + 1,
                unread = sys_notification_counter.unread + 1",
            account.0,
            notice.company.0
        )?;
        to.push((account, rev));
    }
    let operator =
        (author.account.0 != 0).then(|| Operator { id: author.account, name: author.name.as_str().into() });
    let event =
        MailEvent { notification: id, kind: notice.kind, data: data(id, &notice)?, operator, message_id };
    errands.push(Errand::Mail(Arc::new(Mail { to, event: Some(event) })));
    Ok(())
}

/// The event's `data`: title and content on top, then the fields of its kind.
fn data(id: i64, notice: &Notice) -> Result<Arc<serde_json::value::RawValue>, DbError> {
    let mut data = notice.data.clone();
    data.insert("title".to_owned(), json!(notice.title));
    data.insert("content".to_owned(), json!(notice.content));
    data.insert("id".to_owned(), json!(id));
    if let Some(link) = &notice.link {
        data.insert("link".to_owned(), json!(link));
    }
    let raw = to_raw_value(&data).map_err(|error| DbError::Defect(sqlx::Error::Encode(error.into())))?;
    Ok(Arc::from(raw))
}
