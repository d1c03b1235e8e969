//! What delivery reads of inboxes: where they stand, and what came after a revision. Nothing here changes anything.

use crate::db::{Conn, DbError, bulk_inbox};
use crate::{sql_all, sql_one};
use livegrant_actors::{AccountId, CompanyId};
use serde::Serialize;
use sqlx::types::Json;
use utoipa::ToSchema;

/// Where an account's inbox stands: absolute counts and the revision that they are of (FN5).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Standing {
    /// The inbox's own revision: dense, one a change of what the account has; 0: it was never used.
    pub rev: i64,
    /// Grows with everything that changes the counts, broadcasts and lost audiences too: the inbox's revision plus the
    /// policy's, of one snapshot. A client keeps the counts of the greatest one that it was told.
    pub state_rev: i64,
    /// Not yet shown in an opened list.
    pub unseen: i64,
    /// Not yet read.
    pub unread: i64,
}

/// Answers where an inbox stands, as a session of a company sees it.
pub async fn standing(conn: &mut Conn, account: AccountId, company: CompanyId) -> Result<Standing, DbError> {
    Ok(standings(conn, &[(account, company)]).await?.into_iter().next().unwrap_or_default())
}

/// The same for many at once, in the order asked for. One statement, so that all are of one snapshot.
pub async fn standings(conn: &mut Conn, of: &[(AccountId, CompanyId)]) -> Result<Vec<Standing>, DbError> {
    let of: Vec<(i64, i64)> = of.iter().map(|(account, company)| (account.0, company.0)).collect();
    let rows = bulk_inbox::standings(conn, &of).await?;
    let standing =
        |(_, _, rev, policy, unseen, unread)| Standing { rev, state_rev: rev + policy, unseen, unread };
    Ok(rows.into_iter().map(standing).collect())
}

/// Answers whether a broadcast is there that reaches who is in a role, a position or an organisation, and not everybody.
pub async fn is_any_addressed(conn: &mut Conn) -> Result<bool, DbError> {
    let (found,) = sql_one!(
        conn,
        (i64,),
        "SELECT count(*) FROM (SELECT 1 FROM sys_notification
          WHERE rev IS NOT NULL AND over_at IS NULL AND audience IN ('role', 'position', 'organization') LIMIT 1) AS told"
    )?;
    Ok(found > 0)
}

/// A notice that came.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Came {
    /// The inbox's revision that it took.
    pub rev: i64,
    /// The notice's row, for this account: notices that were merged keep the first one's.
    pub id: i64,
    /// How often it was told: more than once where notices were merged.
    pub count: i64,
    /// Whose feed; 0: every company's.
    pub company_id: i64,
    /// `info`, `warning` or `critical`.
    pub severity: String,
    /// When it came, UTC milliseconds.
    pub at: i64,
    /// Already seen: its kind is muted, or another tab was quicker. No event is told then, only the state.
    pub is_seen: bool,
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

/// Lists what came to an account after a revision and is still in its inbox, oldest first, `limit` at most.
pub async fn came_after(
    conn: &mut Conn,
    account: AccountId,
    rev: i64,
    limit: i64,
) -> Result<Vec<Came>, DbError> {
    sql_all!(
        conn,
        Came,
        "SELECT recipient.rev, recipient.notification_id AS id, recipient.group_count AS count, recipient.company_id,
                notification.severity, recipient.at, recipient.seen_at IS NOT NULL AS is_seen,
                notification.type, notification.message_id, notification.title, notification.content, notification.payload, notification.link, notification.sender_id,
                notification.sender_name
           FROM sys_notification_recipient AS recipient
           JOIN sys_notification AS notification ON notification.id = recipient.latest_id
          WHERE recipient.account_id = $1 AND recipient.rev > $2 AND recipient.place = 0
          ORDER BY recipient.rev LIMIT $3",
        account.0,
        rev,
        limit
    )
}
