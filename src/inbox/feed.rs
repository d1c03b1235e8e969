//! What delivery reads of inboxes: where they stand, and what came after a revision. Nothing here changes anything.

use crate::db::{Conn, DbError};
use crate::{sql_all, sql_opt};
use livegrant_actors::{AccountId, CompanyId};
use sqlx::types::Json;

/// Where an account's inbox stands: absolute counts and the revision that they are of (FN5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The inbox's revision; 0: it was never used.
    pub rev: i64,
    /// Not yet shown in an opened list.
    pub unseen: i64,
    /// Not yet read.
    pub unread: i64,
}

/// Answers where an inbox stands, as a session of a company sees it.
pub async fn standing(conn: &mut Conn, account: AccountId, company: CompanyId) -> Result<Standing, DbError> {
    let row = sql_opt!(
        conn,
        (i64, i64, i64),
        "SELECT inbox.rev, CAST(coalesce(sum(counter.unseen), 0) AS BIGINT), CAST(coalesce(sum(counter.unread), 0) AS BIGINT)
           FROM sys_inbox AS inbox
           LEFT JOIN sys_notification_counter AS counter
             ON counter.account_id = inbox.account_id AND counter.company_id IN (0, $2)
          WHERE inbox.account_id = $1 GROUP BY inbox.rev",
        account.0,
        company.0
    )?;
    let (rev, unseen, unread) = row.unwrap_or_default();
    Ok(Standing { rev, unseen, unread })
}

/// A notice that came.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Came {
    /// The inbox's revision that it took.
    pub rev: i64,
    /// The notice's row.
    pub id: i64,
    /// The name of its event.
    #[sqlx(rename = "type")]
    pub kind: String,
    /// The id that every copy of it carries.
    pub message_id: String,
    /// One line.
    pub title: String,
    /// The text.
    pub content: String,
    /// The fields of its kind.
    pub payload: Json<serde_json::Map<String, serde_json::Value>>,
    /// Where a click leads.
    pub link: Option<String>,
    /// Who sent it.
    pub sender_id: i64,
    /// His login name.
    pub sender_name: String,
}

/// Lists what came to an account after a revision, oldest first, `limit` at most.
pub async fn came_after(
    conn: &mut Conn,
    account: AccountId,
    rev: i64,
    limit: i64,
) -> Result<Vec<Came>, DbError> {
    sql_all!(
        conn,
        Came,
        "SELECT recipient.rev, notification.id, notification.type, notification.message_id, notification.title,
                notification.content, notification.payload, notification.link, notification.sender_id,
                notification.sender_name
           FROM sys_notification_recipient AS recipient
           JOIN sys_notification AS notification ON notification.id = recipient.notification_id
          WHERE recipient.account_id = $1 AND recipient.rev > $2 AND recipient.deleted_at IS NULL
          ORDER BY recipient.rev LIMIT $3",
        account.0,
        rev,
        limit
    )
}
