//! What delivery reads and notes of many inboxes at once: what came to them, where they
//! stand now, what has reached a tab.
//! A handful of statements, however many tabs ask. It changes no state that anybody sees in his inbox.

use super::lists::Item;
use super::model::told_again;
use super::store::lists::FeedRow;
use crate::db::{Conn, DbError, bulk_mail};
use crate::sql_all;
use livegrant_actors::AccountId;
use serde_json::{Map, Value};
use sqlx::types::Json;
use std::collections::BTreeMap;

/// A notice that came to an account.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct CameTo {
    /// To whom.
    pub account_id: i64,
    /// The inbox's revision that it took.
    pub rev: i64,
    /// When it came, UTC ms.
    pub at: i64,
    /// The notice's name for this account.
    pub id: i64,
    /// How often it was told: more than once where notices were merged.
    pub count: i64,
    /// Whose feed; 0: every company's.
    pub company_id: i64,
    /// `info`, `warning` or `critical`.
    pub severity: String,
    /// The name of its event.
    #[sqlx(rename = "type")]
    pub kind: String,
    /// The id that every copy of it carries.
    pub message_id: String,
    /// When it was made, UTC ms; before `at`: it was put off, and came again.
    pub created_at: i64,
    /// One line.
    pub title: String,
    /// The text.
    pub content: String,
    /// The fields of its kind.
    pub payload: Json<Map<String, Value>>,
    /// Where a click leads.
    pub link: Option<String>,
    /// Buttons.
    pub actions: Json<Vec<Value>>,
    /// Who sent it.
    pub sender_id: i64,
    /// His login name.
    pub sender_name: String,
}

impl CameTo {
    /// The id that it is told under, as it was at once.
    pub fn told_as(&self) -> String {
        if self.at == self.created_at {
            self.message_id.clone()
        } else {
            told_again(&self.message_id, self.at)
        }
    }
}

/// Lists what came to accounts after a revision each and is in their inboxes unseen: the newest `limit` of each account, by
/// account and revision.
pub async fn came_after_each(
    conn: &mut Conn,
    asked: &[(AccountId, i64)],
    limit: i64,
) -> Result<Vec<CameTo>, DbError> {
    bulk_mail::came_after_each(conn, &plain(asked), limit).await
}

#[derive(sqlx::FromRow)]
struct ItemOf {
    account_id: i64,
    #[sqlx(flatten)]
    row: FeedRow,
}

/// Reads notices as lists show them, `(account, notice)`; what an account has deleted is left out.
pub async fn items(
    conn: &mut Conn,
    asked: &[(AccountId, i64)],
) -> Result<BTreeMap<(AccountId, i64), Item>, DbError> {
    let found: Vec<ItemOf> = bulk_mail::items(conn, &plain(asked)).await?;
    let named = |ItemOf { account_id, row }: ItemOf| ((AccountId(account_id), row.id), Item::from(row));
    Ok(found.into_iter().map(named).collect())
}

/// Lists inboxes that changed at or after a time, by any node's clock, with their revisions; `limit` of them at most.
pub async fn changed_since(
    conn: &mut Conn,
    since: i64,
    limit: i64,
) -> Result<Vec<(AccountId, i64)>, DbError> {
    let changed: Vec<(i64, i64)> = sql_all!(
        conn,
        (i64, i64),
        "SELECT account_id, rev FROM sys_inbox WHERE changed_at >= $1 ORDER BY changed_at DESC LIMIT $2",
        since,
        limit
    )?;
    Ok(named(changed))
}

/// Answers at which revisions inboxes are; those that were never used are left out.
pub async fn revisions(conn: &mut Conn, accounts: &[AccountId]) -> Result<Vec<(AccountId, i64)>, DbError> {
    let accounts: Vec<i64> = accounts.iter().map(|account| account.0).collect();
    Ok(named(bulk_mail::inboxes_at(conn, &accounts).await?))
}

/// Notes that what came to accounts at these revisions has reached a tab; answers how many of them were noted now.
pub async fn note_delivered(conn: &mut Conn, told: &[(AccountId, i64)], now: i64) -> Result<u64, DbError> {
    bulk_mail::note_delivered(conn, &plain(told), now).await
}

fn plain(pairs: &[(AccountId, i64)]) -> Vec<(i64, i64)> {
    pairs.iter().map(|(account, rev)| (account.0, *rev)).collect()
}

fn named(pairs: Vec<(i64, i64)>) -> Vec<(AccountId, i64)> {
    pairs.into_iter().map(|(account, rev)| (AccountId(account), rev)).collect()
}
