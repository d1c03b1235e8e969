//! The SQL that moves what one account has. Who calls it holds the account's row of `sys_inbox`.

use super::lists::FeedFilter;
use crate::db::{Conn, DbError};
use crate::inbox::model::{State, Turns};
use crate::{sql_all, sql_exec, sql_opt};
use livegrant_actors::{AccountId, CompanyId};

/// Reads the state of a row, and whose feed it is in.
pub async fn state(
    conn: &mut Conn,
    account: AccountId,
    company: CompanyId,
    id: i64,
) -> Result<Option<(State, i64)>, DbError> {
    type Columns = (Option<i64>, Option<i64>, Option<i64>, Option<i64>, Option<i64>, i64);
    let row = sql_opt!(
        conn,
        Columns,
        "SELECT seen_at, read_at, archived_at, snoozed_until, deleted_at, company_id FROM sys_notification_recipient
          WHERE account_id = $1 AND notification_id = $3 AND company_id IN (0, $2)",
        account.0,
        company.0,
        id
    )?;
    Ok(row.map(|(seen_at, read_at, archived_at, snoozed_until, deleted_at, feed)| {
        (State { seen_at, read_at, archived_at, snoozed_until, deleted_at }, feed)
    }))
}

/// Sets the state of a row.
pub async fn set_state(conn: &mut Conn, account: AccountId, id: i64, to: &State) -> Result<u64, DbError> {
    sql_exec!(
        conn,
        "UPDATE sys_notification_recipient
            SET seen_at = $3, read_at = $4, archived_at = $5, snoozed_until = $6, deleted_at = $7
          WHERE account_id = $1 AND notification_id = $2",
        account.0,
        id,
        to.seen_at,
        to.read_at,
        to.archived_at,
        to.snoozed_until,
        to.deleted_at
    )
}

/// Lets a row come again: at a revision, now.
pub async fn come_again(
    conn: &mut Conn,
    account: AccountId,
    id: i64,
    rev: i64,
    now: i64,
) -> Result<u64, DbError> {
    sql_exec!(
        conn,
        "UPDATE sys_notification_recipient SET rev = $3, at = $4, delivered_at = NULL
          WHERE account_id = $1 AND notification_id = $2",
        account.0,
        id,
        rev,
        now
    )
}

/// Makes the rows of broadcasts that the filter finds and that have none yet, in the state that the marks say; `id`: of
/// that one alone. Rows made so did not come: their revision is 0.
pub async fn adopt(conn: &mut Conn, filter: &FeedFilter, id: Option<i64>) -> Result<u64, DbError> {
    let FeedFilter { account, company, unread, unseen, kind, category, tag, search, only, .. } = filter;
    let made = sql_exec!(
        conn,
        "INSERT INTO sys_notification_recipient (account_id, notification_id, latest_id, company_id, rev, at, seen_at,
            read_at)
         SELECT b.account_id, b.notification_id, b.notification_id, b.company_id, 0, b.created_at,
                CASE WHEN b.rev <= coalesce(m.seen_up_to, 0) THEN m.marked_at END,
                CASE WHEN b.rev <= coalesce(m.read_up_to, 0) THEN m.marked_at END
           FROM sys_broadcast_reach b
           LEFT JOIN sys_notification_counter m ON m.account_id = b.account_id AND m.company_id = b.company_id
          WHERE b.account_id = $1 AND b.company_id IN (0, $2)
            AND (CAST($3 AS BIGINT) IS NULL OR b.notification_id = $3)
            AND (CAST($10 AS BIGINT) IS NULL OR b.company_id = $10)
            AND (CAST($4 AS BOOLEAN) IS NULL OR (b.rev > coalesce(m.read_up_to, 0)) = $4)
            AND (CAST($5 AS BOOLEAN) IS NULL OR (b.rev > coalesce(m.seen_up_to, 0)) = $5)
            AND NOT EXISTS (SELECT 1 FROM sys_notification_recipient r
                 WHERE r.account_id = b.account_id AND r.notification_id = b.notification_id)
            AND EXISTS (SELECT 1 FROM sys_notification f WHERE f.id = b.notification_id
                 AND (CAST($6 AS TEXT) IS NULL OR f.type = $6)
                 AND (CAST($7 AS TEXT) IS NULL OR f.category = $7)
                 AND (CAST($8 AS TEXT) IS NULL OR f.tag = $8)
                 AND (CAST($9 AS TEXT) IS NULL OR lower(f.title) LIKE $9 ESCAPE '!'
                      OR lower(f.content) LIKE $9 ESCAPE '!'))",
        account.0,
        company.0,
        id,
        unread,
        unseen,
        kind.as_deref(),
        category.as_deref(),
        tag.as_deref(),
        search.as_deref(),
        only
    )?;
    if made > 0 {
        // Counted with the next count anew; a counter must be there to count into.
        sql_exec!(
            conn,
            "INSERT INTO sys_notification_counter (account_id, company_id)
             SELECT DISTINCT r.account_id, r.company_id FROM sys_notification_recipient r
              WHERE r.account_id = $1 AND r.rev = 0
             ON CONFLICT (account_id, company_id) DO NOTHING",
            account.0
        )?;
        sql_exec!(
            conn,
            "UPDATE sys_inbox SET held = held + $2 WHERE account_id = $1",
            account.0,
            made as i64
        )?;
    }
    Ok(made)
}

/// Moves all rows that the filter finds in its place and that would be another afterwards; answers how many.
pub async fn move_found(
    conn: &mut Conn,
    filter: &FeedFilter,
    turns: Turns,
    now: i64,
) -> Result<u64, DbError> {
    let FeedFilter { account, company, place, unread, unseen, kind, category, tag, search, only } = filter;
    let [seen, read, archived, snoozed, deleted] = turns.map(super::super::model::Turn::bind);
    sql_exec!(
        conn,
        "UPDATE sys_notification_recipient
            SET seen_at = CASE $11 WHEN 0 THEN seen_at WHEN 1 THEN coalesce(seen_at, $18) END,
                read_at = CASE $12 WHEN 0 THEN read_at WHEN 1 THEN coalesce(read_at, $18) END,
                archived_at = CASE $13 WHEN 0 THEN archived_at WHEN 1 THEN coalesce(archived_at, $18) END,
                snoozed_until = CASE $14 WHEN 0 THEN snoozed_until WHEN 2 THEN $15 END,
                deleted_at = CASE $16 WHEN 0 THEN deleted_at ELSE coalesce(deleted_at, $18) END
          WHERE account_id = $1 AND place = $3 AND company_id IN (0, $2)
            AND (($11 = 1 AND seen_at IS NULL) OR ($11 = 2 AND seen_at IS NOT NULL)
                 OR ($12 = 1 AND read_at IS NULL) OR ($12 = 2 AND read_at IS NOT NULL)
                 OR ($13 = 1 AND archived_at IS NULL) OR ($13 = 2 AND archived_at IS NOT NULL)
                 OR ($14 = 2 AND coalesce(snoozed_until, 0) <> coalesce($15, 0)) OR $16 = 1)
            AND (CAST($10 AS BIGINT) IS NULL OR company_id = $10)
            AND (CAST($4 AS BOOLEAN) IS NULL OR (read_at IS NULL) = $4)
            AND (CAST($5 AS BOOLEAN) IS NULL OR (seen_at IS NULL) = $5)
            AND (CAST($17 AS BOOLEAN) OR EXISTS (SELECT 1 FROM sys_notification f WHERE f.id = latest_id
                 AND (CAST($6 AS TEXT) IS NULL OR f.type = $6)
                 AND (CAST($7 AS TEXT) IS NULL OR f.category = $7)
                 AND (CAST($8 AS TEXT) IS NULL OR f.tag = $8)
                 AND (CAST($9 AS TEXT) IS NULL OR lower(f.title) LIKE $9 ESCAPE '!'
                      OR lower(f.content) LIKE $9 ESCAPE '!')))",
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
        seen.0,
        read.0,
        archived.0,
        snoozed.0,
        snoozed.1,
        deleted.0,
        kind.is_none() && category.is_none() && tag.is_none() && search.is_none(),
        now
    )
}

/// Marks everything in the inbox seen, by the index of what is unread.
pub async fn see_all(
    conn: &mut Conn,
    account: AccountId,
    company: CompanyId,
    now: i64,
) -> Result<u64, DbError> {
    sql_exec!(
        conn,
        "UPDATE sys_notification_recipient SET seen_at = $3
          WHERE account_id = $1 AND place = 0 AND read_at IS NULL AND seen_at IS NULL AND company_id IN (0, $2)",
        account.0,
        company.0,
        now
    )
}

/// Marks everything in the inbox read, by the index of what is unread.
pub async fn read_all(
    conn: &mut Conn,
    account: AccountId,
    company: CompanyId,
    now: i64,
) -> Result<u64, DbError> {
    sql_exec!(
        conn,
        "UPDATE sys_notification_recipient SET seen_at = coalesce(seen_at, $3), read_at = $3
          WHERE account_id = $1 AND place = 0 AND read_at IS NULL AND company_id IN (0, $2)",
        account.0,
        company.0,
        now
    )
}

/// What of the broadcasts without a row a mark would change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct Unmarked {
    /// Whose feed.
    pub company_id: i64,
    /// The newest one's revision.
    pub newest: i64,
    /// How many.
    pub count: i64,
}

/// Finds the broadcasts without a row that are not yet `seen` or `read`, by feed.
pub async fn unmarked(
    conn: &mut Conn,
    account: AccountId,
    company: CompanyId,
    what: &str,
) -> Result<Vec<Unmarked>, DbError> {
    sql_all!(
        conn,
        Unmarked,
        "SELECT b.company_id, max(b.rev) AS newest, count(*) AS count
           FROM sys_broadcast_reach b
           LEFT JOIN sys_notification_counter m ON m.account_id = b.account_id AND m.company_id = b.company_id
          WHERE b.account_id = $1 AND b.company_id IN (0, $2)
            AND b.rev > CASE CAST($3 AS TEXT) WHEN 'seen' THEN coalesce(m.seen_up_to, 0)
                                              ELSE coalesce(m.read_up_to, 0) END
            AND NOT EXISTS (SELECT 1 FROM sys_notification_recipient r
                 WHERE r.account_id = b.account_id AND r.notification_id = b.notification_id)
          GROUP BY b.company_id ORDER BY b.company_id",
        account.0,
        company.0,
        what
    )
}

/// Marks all broadcasts of a feed up to a revision seen, and with `read_up_to` above 0 read as well.
pub async fn mark(
    conn: &mut Conn,
    account: AccountId,
    feed: i64,
    [seen_up_to, read_up_to]: [i64; 2],
    now: i64,
) -> Result<u64, DbError> {
    sql_exec!(
        conn,
        "INSERT INTO sys_notification_counter AS c (account_id, company_id, seen_up_to, read_up_to, marked_at)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (account_id, company_id) DO UPDATE SET
            seen_up_to = CASE WHEN c.seen_up_to < excluded.seen_up_to THEN excluded.seen_up_to ELSE c.seen_up_to END,
            read_up_to = CASE WHEN c.read_up_to < excluded.read_up_to THEN excluded.read_up_to ELSE c.read_up_to END,
            marked_at = excluded.marked_at",
        account.0,
        feed,
        seen_up_to,
        read_up_to,
        now
    )
}

/// Lists the broadcasts that reach an account and that it has no row of.
pub async fn without_row(
    conn: &mut Conn,
    account: AccountId,
    company: CompanyId,
) -> Result<Vec<i64>, DbError> {
    let rows = sql_all!(
        conn,
        (i64,),
        "SELECT b.notification_id FROM sys_broadcast_reach b
          WHERE b.account_id = $1 AND b.company_id IN (0, $2)
            AND NOT EXISTS (SELECT 1 FROM sys_notification_recipient r
                 WHERE r.account_id = b.account_id AND r.notification_id = b.notification_id)
          ORDER BY b.notification_id",
        account.0,
        company.0
    )?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Tells whose feed a row is in.
pub async fn feed_of(conn: &mut Conn, account: AccountId, id: i64) -> Result<Option<i64>, DbError> {
    let row = sql_opt!(
        conn,
        (i64,),
        "SELECT company_id FROM sys_notification_recipient WHERE account_id = $1 AND notification_id = $2",
        account.0,
        id
    )?;
    Ok(row.map(|(company,)| company))
}
