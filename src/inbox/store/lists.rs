//! The SQL that lists and counts what one account has: its rows, and the broadcasts that it has no row of, whose state the
//! marks say. Both halves of every statement say the same of either kind, so that list and counts never differ (FN5).

use crate::db::{Conn, DbError};
use crate::{sql_all, sql_one, sql_opt};
use livegrant_actors::{AccountId, CompanyId};
use serde_json::{Map, Value};
use sqlx::types::Json;

/// What to list of one account's inbox.
#[derive(Debug, Clone)]
pub struct FeedFilter {
    /// Whose.
    pub account: AccountId,
    /// The company that his session works in.
    pub company: CompanyId,
    /// 0 inbox, 1 archive, 2 snoozed.
    pub place: i64,
    /// Only read ones, or only unread ones.
    pub unread: Option<bool>,
    /// Only seen ones, or only unseen ones.
    pub unseen: Option<bool>,
    /// Of this kind.
    pub kind: Option<String>,
    /// Of this category.
    pub category: Option<String>,
    /// With this tag.
    pub tag: Option<String>,
    /// A `LIKE` pattern for title and content, in lower case.
    pub search: Option<String>,
    /// Only of this feed: 0 is what belongs to no company.
    pub only: Option<i64>,
}

impl FeedFilter {
    /// All that lies in the inbox.
    pub fn of(account: AccountId, company: CompanyId) -> Self {
        Self {
            account,
            company,
            place: 0,
            unread: None,
            unseen: None,
            kind: None,
            category: None,
            tag: None,
            search: None,
            only: None,
        }
    }
}

/// One notice as its account has it.
#[derive(Debug, Clone, sqlx::FromRow)]
#[expect(missing_docs, reason = "the fields are the columns of the same name")]
pub struct FeedRow {
    pub id: i64,
    pub message_id: String,
    #[sqlx(rename = "type")]
    pub kind: String,
    pub category: String,
    pub severity: String,
    pub title: String,
    pub content: String,
    pub payload: Json<Map<String, Value>>,
    pub link: Option<String>,
    pub actions: Json<Vec<Value>>,
    pub tag: String,
    pub sender_id: i64,
    pub sender_name: String,
    pub company_id: i64,
    /// How often it was told.
    pub count: i64,
    /// When it last came.
    pub at: i64,
    pub created_at: i64,
    pub expires_at: Option<i64>,
    pub seen_at: Option<i64>,
    pub read_at: Option<i64>,
    pub archived_at: Option<i64>,
    pub snoozed_until: Option<i64>,
    /// It was told to everybody of an audience.
    pub broadcast: bool,
}

/// Before which notice a page begins: when it came and its id.
pub type Before = (i64, i64);

/// Before everything.
pub const NEWEST: Before = (i64::MAX, i64::MAX);

/// Lists a page, newest first; of unread ones by an index of their own.
pub async fn page(
    conn: &mut Conn,
    filter: &FeedFilter,
    before: Before,
    limit: i64,
    offset: i64,
) -> Result<Vec<FeedRow>, DbError> {
    if filter.unread == Some(true) {
        return unread_page(conn, filter, before, limit, offset).await;
    }
    let FeedFilter { account, company, place, unread, unseen, kind, category, tag, search, only } = filter;
    sql_all!(
        conn,
        FeedRow,
        "SELECT feed.id, n.message_id, n.type, n.category, n.severity, n.title, n.content, n.payload, n.link, n.actions,
                n.tag, n.sender_id, n.sender_name, feed.company_id, feed.count, feed.at, n.created_at, n.expires_at,
                feed.seen_at, feed.read_at, feed.archived_at, feed.snoozed_until, n.audience <> 'accounts' AS broadcast
           FROM (
            SELECT * FROM (
                SELECT r.notification_id AS id, r.latest_id, r.company_id, r.group_count AS count, r.at, r.seen_at, r.read_at,
                       r.archived_at, r.snoozed_until
                  FROM sys_notification_recipient r
                 WHERE r.account_id = $1 AND r.place = $3 AND r.company_id IN (0, $2)
                   AND (r.at, r.notification_id) < ($11, $12)
                   AND (CAST($10 AS BIGINT) IS NULL OR r.company_id = $10)
                   AND (CAST($4 AS BOOLEAN) IS NULL OR (r.read_at IS NULL) = $4)
                   AND (CAST($5 AS BOOLEAN) IS NULL OR (r.seen_at IS NULL) = $5)
                   AND ((CAST($6 AS TEXT) IS NULL AND CAST($7 AS TEXT) IS NULL AND CAST($8 AS TEXT) IS NULL
                         AND CAST($9 AS TEXT) IS NULL)
                        OR EXISTS (SELECT 1 FROM sys_notification f WHERE f.id = r.latest_id
                            AND (CAST($6 AS TEXT) IS NULL OR f.type = $6)
                            AND (CAST($7 AS TEXT) IS NULL OR f.category = $7)
                            AND (CAST($8 AS TEXT) IS NULL OR f.tag = $8)
                            AND (CAST($9 AS TEXT) IS NULL OR lower(f.title) LIKE $9 ESCAPE '!'
                                 OR lower(f.content) LIKE $9 ESCAPE '!')))
                 ORDER BY r.at DESC, r.notification_id DESC LIMIT $13) AS own
            UNION ALL
            SELECT * FROM (
                SELECT b.notification_id AS id, b.notification_id AS latest_id, b.company_id, 1 AS count, b.created_at AS at,
                       CASE WHEN b.rev <= coalesce(m.seen_up_to, 0) THEN m.marked_at END AS seen_at,
                       CASE WHEN b.rev <= coalesce(m.read_up_to, 0) THEN m.marked_at END AS read_at,
                       CAST(NULL AS BIGINT) AS archived_at,
                       CAST(NULL AS BIGINT) AS snoozed_until
                  FROM sys_broadcast_reach b
                  LEFT JOIN sys_notification_counter m ON m.account_id = b.account_id AND m.company_id = b.company_id
                 WHERE b.account_id = $1 AND b.company_id IN (0, $2)
                   AND $3 = 0
                   AND (b.created_at, b.notification_id) < ($11, $12)
                   AND (CAST($10 AS BIGINT) IS NULL OR b.company_id = $10)
                   AND (CAST($4 AS BOOLEAN) IS NULL OR (b.rev > coalesce(m.read_up_to, 0)) = $4)
                   AND (CAST($5 AS BOOLEAN) IS NULL OR (b.rev > coalesce(m.seen_up_to, 0)) = $5)
                   AND NOT EXISTS (SELECT 1 FROM sys_notification_recipient r
                        WHERE r.account_id = b.account_id AND r.notification_id = b.notification_id)
                   AND ((CAST($6 AS TEXT) IS NULL AND CAST($7 AS TEXT) IS NULL AND CAST($8 AS TEXT) IS NULL
                         AND CAST($9 AS TEXT) IS NULL)
                        OR EXISTS (SELECT 1 FROM sys_notification f WHERE f.id = b.notification_id
                            AND (CAST($6 AS TEXT) IS NULL OR f.type = $6)
                            AND (CAST($7 AS TEXT) IS NULL OR f.category = $7)
                            AND (CAST($8 AS TEXT) IS NULL OR f.tag = $8)
                            AND (CAST($9 AS TEXT) IS NULL OR lower(f.title) LIKE $9 ESCAPE '!'
                                 OR lower(f.content) LIKE $9 ESCAPE '!')))
                 ORDER BY b.created_at DESC, b.notification_id DESC LIMIT $13) AS told
            ) AS feed
           JOIN sys_notification n ON n.id = feed.latest_id
          ORDER BY feed.at DESC, feed.id DESC LIMIT $14 OFFSET $15",
        account.0,
        company.0,
        place,
        unread,
        unseen,
        kind.as_deref(),
        category.as_deref(),
        tag.as_deref(),
        search.as_deref(),
        only,
        before.0,
        before.1,
        limit + offset,
        limit,
        offset
    )
}

/// The same statement where only what is unread is asked for, with the words that its index needs.
async fn unread_page(
    conn: &mut Conn,
    filter: &FeedFilter,
    before: Before,
    limit: i64,
    offset: i64,
) -> Result<Vec<FeedRow>, DbError> {
    let FeedFilter { account, company, place, unread: _, unseen, kind, category, tag, search, only } = filter;
    sql_all!(
        conn,
        FeedRow,
        "SELECT feed.id, n.message_id, n.type, n.category, n.severity, n.title, n.content, n.payload, n.link, n.actions,
                n.tag, n.sender_id, n.sender_name, feed.company_id, feed.count, feed.at, n.created_at, n.expires_at,
                feed.seen_at, CAST(NULL AS BIGINT) AS read_at, feed.archived_at, feed.snoozed_until,
                n.audience <> 'accounts' AS broadcast
           FROM (
            SELECT * FROM (
                SELECT r.notification_id AS id, r.latest_id, r.company_id, r.group_count AS count, r.at, r.seen_at,
                       r.archived_at, r.snoozed_until
                  FROM sys_notification_recipient r
                 WHERE r.account_id = $1 AND r.place = $3 AND r.read_at IS NULL AND r.company_id IN (0, $2)
                   AND (r.at, r.notification_id) < ($10, $11)
                   AND (CAST($9 AS BIGINT) IS NULL OR r.company_id = $9)
                   AND (CAST($4 AS BOOLEAN) IS NULL OR (r.seen_at IS NULL) = $4)
                   AND ((CAST($5 AS TEXT) IS NULL AND CAST($6 AS TEXT) IS NULL AND CAST($7 AS TEXT) IS NULL
                         AND CAST($8 AS TEXT) IS NULL)
                        OR EXISTS (SELECT 1 FROM sys_notification f WHERE f.id = r.latest_id
                            AND (CAST($5 AS TEXT) IS NULL OR f.type = $5)
                            AND (CAST($6 AS TEXT) IS NULL OR f.category = $6)
                            AND (CAST($7 AS TEXT) IS NULL OR f.tag = $7)
                            AND (CAST($8 AS TEXT) IS NULL OR lower(f.title) LIKE $8 ESCAPE '!'
                                 OR lower(f.content) LIKE $8 ESCAPE '!')))
                 ORDER BY r.at DESC, r.notification_id DESC LIMIT $12) AS own
            UNION ALL
            SELECT * FROM (
                SELECT b.notification_id AS id, b.notification_id AS latest_id, b.company_id, 1 AS count, b.created_at AS at,
                       CASE WHEN b.rev <= coalesce(m.seen_up_to, 0) THEN m.marked_at END AS seen_at,
                       CAST(NULL AS BIGINT) AS archived_at,
                       CAST(NULL AS BIGINT) AS snoozed_until
                  FROM sys_broadcast_reach b
                  LEFT JOIN sys_notification_counter m ON m.account_id = b.account_id AND m.company_id = b.company_id
                 WHERE b.account_id = $1 AND b.company_id IN (0, $2)
                    AND b.rev > coalesce(m.read_up_to, 0)
                   AND $3 = 0
                   AND (b.created_at, b.notification_id) < ($10, $11)
                   AND (CAST($9 AS BIGINT) IS NULL OR b.company_id = $9)
                   AND (CAST($4 AS BOOLEAN) IS NULL OR (b.rev > coalesce(m.seen_up_to, 0)) = $4)
                   AND NOT EXISTS (SELECT 1 FROM sys_notification_recipient r
                        WHERE r.account_id = b.account_id AND r.notification_id = b.notification_id)
                   AND ((CAST($5 AS TEXT) IS NULL AND CAST($6 AS TEXT) IS NULL AND CAST($7 AS TEXT) IS NULL
                         AND CAST($8 AS TEXT) IS NULL)
                        OR EXISTS (SELECT 1 FROM sys_notification f WHERE f.id = b.notification_id
                            AND (CAST($5 AS TEXT) IS NULL OR f.type = $5)
                            AND (CAST($6 AS TEXT) IS NULL OR f.category = $6)
                            AND (CAST($7 AS TEXT) IS NULL OR f.tag = $7)
                            AND (CAST($8 AS TEXT) IS NULL OR lower(f.title) LIKE $8 ESCAPE '!'
                                 OR lower(f.content) LIKE $8 ESCAPE '!')))
                 ORDER BY b.created_at DESC, b.notification_id DESC LIMIT $12) AS told
            ) AS feed
           JOIN sys_notification n ON n.id = feed.latest_id
          ORDER BY feed.at DESC, feed.id DESC LIMIT $13 OFFSET $14",
        account.0,
        company.0,
        place,
        unseen,
        kind.as_deref(),
        category.as_deref(),
        tag.as_deref(),
        search.as_deref(),
        only,
        before.0,
        before.1,
        limit + offset,
        limit,
        offset
    )
}

/// Counts all that the filter finds.
pub async fn total(conn: &mut Conn, filter: &FeedFilter) -> Result<i64, DbError> {
    let FeedFilter { account, company, place, unread, unseen, kind, category, tag, search, only } = filter;
    let (count,) = sql_one!(
        conn,
        (i64,),
        "SELECT (SELECT count(*) FROM sys_notification_recipient r
                 WHERE r.account_id = $1 AND r.place = $3 AND r.company_id IN (0, $2)
                   AND (CAST($10 AS BIGINT) IS NULL OR r.company_id = $10)
                   AND (CAST($4 AS BOOLEAN) IS NULL OR (r.read_at IS NULL) = $4)
                   AND (CAST($5 AS BOOLEAN) IS NULL OR (r.seen_at IS NULL) = $5)
                   AND ((CAST($6 AS TEXT) IS NULL AND CAST($7 AS TEXT) IS NULL AND CAST($8 AS TEXT) IS NULL
                         AND CAST($9 AS TEXT) IS NULL)
                        OR EXISTS (SELECT 1 FROM sys_notification f WHERE f.id = r.latest_id
                            AND (CAST($6 AS TEXT) IS NULL OR f.type = $6)
                            AND (CAST($7 AS TEXT) IS NULL OR f.category = $7)
                            AND (CAST($8 AS TEXT) IS NULL OR f.tag = $8)
                            AND (CAST($9 AS TEXT) IS NULL OR lower(f.title) LIKE $9 ESCAPE '!'
                                 OR lower(f.content) LIKE $9 ESCAPE '!'))))
              + (SELECT count(*)
                  FROM sys_broadcast_reach b
                  LEFT JOIN sys_notification_counter m ON m.account_id = b.account_id AND m.company_id = b.company_id
                 WHERE b.account_id = $1 AND b.company_id IN (0, $2)
                   AND $3 = 0
                   AND (CAST($10 AS BIGINT) IS NULL OR b.company_id = $10)
                   AND (CAST($4 AS BOOLEAN) IS NULL OR (b.rev > coalesce(m.read_up_to, 0)) = $4)
                   AND (CAST($5 AS BOOLEAN) IS NULL OR (b.rev > coalesce(m.seen_up_to, 0)) = $5)
                   AND NOT EXISTS (SELECT 1 FROM sys_notification_recipient r
                        WHERE r.account_id = b.account_id AND r.notification_id = b.notification_id)
                   AND ((CAST($6 AS TEXT) IS NULL AND CAST($7 AS TEXT) IS NULL AND CAST($8 AS TEXT) IS NULL
                         AND CAST($9 AS TEXT) IS NULL)
                        OR EXISTS (SELECT 1 FROM sys_notification f WHERE f.id = b.notification_id
                            AND (CAST($6 AS TEXT) IS NULL OR f.type = $6)
                            AND (CAST($7 AS TEXT) IS NULL OR f.category = $7)
                            AND (CAST($8 AS TEXT) IS NULL OR f.tag = $8)
                            AND (CAST($9 AS TEXT) IS NULL OR lower(f.title) LIKE $9 ESCAPE '!'
                                 OR lower(f.content) LIKE $9 ESCAPE '!'))))",
        account.0,
        company.0,
        place,
        unread,
        unseen,
        kind.as_deref(),
        category.as_deref(),
        tag.as_deref(),
        search.as_deref(),
        only
    )?;
    Ok(count)
}

/// Counts what is unseen and unread of what the filter finds, by the index of what is unread.
pub async fn counts(conn: &mut Conn, filter: &FeedFilter) -> Result<(i64, i64), DbError> {
    let FeedFilter { account, company, place, kind, category, tag, search, only, .. } = filter;
    sql_one!(
        conn,
        (i64, i64),
        "SELECT CAST(coalesce(sum(CASE WHEN feed.seen THEN 0 ELSE 1 END), 0) AS BIGINT), count(*)
           FROM (
            SELECT r.seen_at IS NOT NULL AS seen
              FROM sys_notification_recipient r
             WHERE r.account_id = $1 AND r.place = $3 AND r.read_at IS NULL AND r.company_id IN (0, $2)
               AND (CAST($8 AS BIGINT) IS NULL OR r.company_id = $8)
               AND ((CAST($4 AS TEXT) IS NULL AND CAST($5 AS TEXT) IS NULL AND CAST($6 AS TEXT) IS NULL
                     AND CAST($7 AS TEXT) IS NULL)
                    OR EXISTS (SELECT 1 FROM sys_notification f WHERE f.id = r.latest_id
                        AND (CAST($4 AS TEXT) IS NULL OR f.type = $4)
                        AND (CAST($5 AS TEXT) IS NULL OR f.category = $5)
                        AND (CAST($6 AS TEXT) IS NULL OR f.tag = $6)
                        AND (CAST($7 AS TEXT) IS NULL OR lower(f.title) LIKE $7 ESCAPE '!'
                             OR lower(f.content) LIKE $7 ESCAPE '!')))
            UNION ALL
            SELECT b.rev <= coalesce(m.seen_up_to, 0) AS seen
              FROM sys_broadcast_reach b
              LEFT JOIN sys_notification_counter m ON m.account_id = b.account_id AND m.company_id = b.company_id
             WHERE b.account_id = $1 AND b.company_id IN (0, $2)
                AND b.rev > coalesce(m.read_up_to, 0)
               AND $3 = 0
               AND (CAST($8 AS BIGINT) IS NULL OR b.company_id = $8)
               AND NOT EXISTS (SELECT 1 FROM sys_notification_recipient r
                    WHERE r.account_id = b.account_id AND r.notification_id = b.notification_id)
               AND ((CAST($4 AS TEXT) IS NULL AND CAST($5 AS TEXT) IS NULL AND CAST($6 AS TEXT) IS NULL
                     AND CAST($7 AS TEXT) IS NULL)
                    OR EXISTS (SELECT 1 FROM sys_notification f WHERE f.id = b.notification_id
                        AND (CAST($4 AS TEXT) IS NULL OR f.type = $4)
                        AND (CAST($5 AS TEXT) IS NULL OR f.category = $5)
                        AND (CAST($6 AS TEXT) IS NULL OR f.tag = $6)
                        AND (CAST($7 AS TEXT) IS NULL OR lower(f.title) LIKE $7 ESCAPE '!'
                             OR lower(f.content) LIKE $7 ESCAPE '!')))
            ) AS feed",
        account.0,
        company.0,
        place,
        kind.as_deref(),
        category.as_deref(),
        tag.as_deref(),
        search.as_deref(),
        only
    )
}

/// Finds one notice of an account, wherever it lies; not one that he deleted.
pub async fn one(
    conn: &mut Conn,
    account: AccountId,
    company: CompanyId,
    id: i64,
) -> Result<Option<FeedRow>, DbError> {
    sql_opt!(
        conn,
        FeedRow,
        "SELECT feed.id, n.message_id, n.type, n.category, n.severity, n.title, n.content, n.payload, n.link, n.actions,
                n.tag, n.sender_id, n.sender_name, feed.company_id, feed.count, feed.at, n.created_at, n.expires_at,
                feed.seen_at, feed.read_at, feed.archived_at, feed.snoozed_until, n.audience <> 'accounts' AS broadcast
           FROM (
            SELECT r.notification_id AS id, r.latest_id, r.company_id, r.group_count AS count, r.at, r.seen_at, r.read_at,
                   r.archived_at, r.snoozed_until
              FROM sys_notification_recipient r
             WHERE r.account_id = $1 AND r.notification_id = $3 AND r.company_id IN (0, $2) AND r.deleted_at IS NULL
            UNION ALL
            SELECT b.notification_id, b.notification_id, b.company_id, 1, b.created_at,
                   CASE WHEN b.rev <= coalesce(m.seen_up_to, 0) THEN m.marked_at END,
                   CASE WHEN b.rev <= coalesce(m.read_up_to, 0) THEN m.marked_at END,
                   CAST(NULL AS BIGINT), CAST(NULL AS BIGINT)
              FROM sys_broadcast_reach b
              LEFT JOIN sys_notification_counter m ON m.account_id = b.account_id AND m.company_id = b.company_id
             WHERE b.account_id = $1 AND b.notification_id = $3 AND b.company_id IN (0, $2)
               AND NOT EXISTS (SELECT 1 FROM sys_notification_recipient r
                    WHERE r.account_id = b.account_id AND r.notification_id = b.notification_id)
            ) AS feed
           JOIN sys_notification n ON n.id = feed.latest_id",
        account.0,
        company.0,
        id
    )
}
