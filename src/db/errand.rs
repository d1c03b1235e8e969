//! What a unit of work leaves to be done around its commit.
//!
//! *Last writes* are rows that many wait for (the accounts' inboxes): written after the scope locks and before the
//! revision row, all accounts locked in one sorted turn, so that the order of locks is the same for everybody
//! (business rows → scopes → accounts → revision). *Errands* are done after the commit, and only then (I8): they are
//! hints that may be lost, because what they tell is in the database.

use super::{Author, Conn, DbError};
use livegrant_actors::{AccountId, Audience, MessageType, Operator};
use serde::Serialize;
use serde_json::value::RawValue;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// Errands that wait to be run. 4,096: the sends of a second of the fastest possible commits; what finds no place is
/// found in the database a moment later.
pub const ERRANDS_WAITING: usize = 4_096;

/// Something to be told after a commit.
#[derive(Debug, Clone)]
pub enum Errand {
    /// Inboxes have come to new revisions.
    Mail(Arc<Mail>),
    /// A message of a topic; its row in `sys_outbox` is deleted once it was published.
    Signal(Arc<Signal>),
}

/// A change of inboxes: one event for all of them, or none where only states changed.
#[derive(Debug)]
pub struct Mail {
    /// Whose inbox, and the revision that this change took there.
    pub to: Vec<(AccountId, i64)>,
    /// What came.
    pub event: Option<MailEvent>,
    /// What the account itself did, or a timer for it; `None`: only what came.
    pub change: Option<StateChange>,
}

/// A change of states in one inbox, as `NOTIFICATION_STATE` tells it (E26), beside the absolute counts.
#[derive(Debug, Clone, Serialize)]
pub struct StateChange {
    /// What was done: `seen`, `read`, `unread`, `archived`, `unarchived`, `snoozed`, `unsnoozed`, `deleted`.
    pub state: &'static str,
    /// To which notices; absent when a filter says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ids: Option<Vec<i64>>,
    /// To all that the filter finds: the members are those of the list's query.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<Arc<RawValue>>,
}

/// A notice on its way to the tabs of whoever has it.
#[derive(Debug, Clone)]
pub struct MailEvent {
    /// The notice's row.
    pub notification: i64,
    /// `position_change`, `approval_notice`, `message_notification` or `system_notification`.
    pub kind: MessageType,
    /// `data`, with `title` and `content` on top (S0-29).
    pub data: Arc<RawValue>,
    /// Who sent it.
    pub operator: Option<Operator>,
    /// The id that every copy of it carries (S3-116).
    pub message_id: Arc<str>,
}

/// A message of a topic.
#[derive(Debug)]
pub struct Signal {
    /// Its row in `sys_outbox`.
    pub row: i64,
    /// Its type.
    pub kind: MessageType,
    /// Who listens.
    pub topic: Option<Arc<str>>,
    /// Whom it may concern.
    pub audience: Audience,
    /// `data`.
    pub data: Arc<RawValue>,
    /// Who did it.
    pub operator: Option<Operator>,
}

/// What a last write is handed.
#[derive(Debug)]
pub struct Closing<'a> {
    /// The transaction.
    pub conn: &'a mut Conn,
    /// The time that the rows are stamped with.
    pub now: i64,
    /// In whose name.
    pub author: &'a Author,
    /// To be done after the commit.
    pub errands: &'a mut Vec<Errand>,
}

/// A write in progress.
pub type Writing<'a> = Pin<Box<dyn Future<Output = Result<(), DbError>> + Send + 'a>>;

/// Rows that are written last; see the head of this file.
pub trait LastWrite: fmt::Debug + Send {
    /// The accounts whose inbox rows are locked for it.
    fn accounts(&self) -> &[AccountId];
    /// Writes. The accounts' rows of `sys_inbox` exist and are locked.
    fn write(self: Box<Self>, closing: Closing<'_>) -> Writing<'_>;
}
