//! The SQL of what time does to inboxes: snoozes that are over, notices that are over, rows that are too old or too many.

use crate::db::{Conn, DbError};
use crate::{sql_all, sql_exec};

/// A row: account and notice.
pub type Pair = (i64, i64);

/// Finds snoozes that are over, the longest first.
pub async fn snoozes_over(conn: &mut Conn, now: i64, limit: i64) -> Result<Vec<Pair>, DbError> {
    sql_all!(
        conn,
        Pair,
        "SELECT account_id, notification_id FROM sys_notification_recipient
          WHERE snoozed_until IS NOT NULL AND deleted_at IS NULL AND snoozed_until <= $1 AND place = 2
          ORDER BY snoozed_until LIMIT $2",
        now,
        limit
    )
}

/// Finds notices whose time is over: id, and whether everybody of an audience has it.
pub async fn notices_over(conn: &mut Conn, now: i64, limit: i64) -> Result<Vec<(i64, bool)>, DbError> {
    sql_all!(
        conn,
        (i64, bool),
        "SELECT id, rev IS NOT NULL FROM sys_notification
          WHERE expires_at IS NOT NULL AND over_at IS NULL AND expires_at <= $1
          ORDER BY expires_at LIMIT $2",
        now,
        limit
    )
}

/// Finds broadcasts from before an instant that still reach people.
pub async fn broadcasts_before(conn: &mut Conn, before: i64, limit: i64) -> Result<Vec<i64>, DbError> {
    let rows = sql_all!(
        conn,
        (i64,),
        "SELECT id FROM sys_notification WHERE created_at < $1 AND rev IS NOT NULL AND over_at IS NULL
          ORDER BY created_at LIMIT $2",
        before,
        limit
    )?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Finds the rows that show a notice and lie in the inbox or in another place (0: none other).
pub async fn rows_showing(
    conn: &mut Conn,
    id: i64,
    other_place: i64,
    limit: i64,
) -> Result<Vec<Pair>, DbError> {
    sql_all!(
        conn,
        Pair,
        "SELECT account_id, notification_id FROM sys_notification_recipient
          WHERE latest_id = $1 AND place IN (0, $2) ORDER BY account_id LIMIT $3",
        id,
        other_place,
        limit
    )
}

/// Finds the rows that still show a notice which has ended since an instant, although they came before its end: whoever
/// marked it in that moment made his row of what was still there. What was put off is left, unless its time is over.
pub async fn rows_left(conn: &mut Conn, since: i64, limit: i64) -> Result<Vec<Pair>, DbError> {
    sql_all!(
        conn,
        Pair,
        "SELECT r.account_id, r.notification_id FROM sys_notification n
           JOIN sys_notification_recipient r ON r.latest_id = n.id
          WHERE n.over_at IS NOT NULL AND n.over_at >= $1 AND r.at <= n.over_at
            AND (r.place = 0 OR (r.place = 2 AND n.expires_at IS NOT NULL AND n.expires_at <= n.over_at))
          ORDER BY r.account_id, r.notification_id LIMIT $2",
        since,
        limit
    )
}

/// Ends a notice: it reaches nobody any more.
pub async fn end_notice(conn: &mut Conn, id: i64, now: i64) -> Result<u64, DbError> {
    sql_exec!(conn, "UPDATE sys_notification SET over_at = $2 WHERE id = $1 AND over_at IS NULL", id, now)
}

/// Finds rows that came before an instant and are neither put away nor put off, the oldest first; not of broadcasts that
/// still reach their accounts: without its row one that was read would be new.
pub async fn rows_before(conn: &mut Conn, before: i64, limit: i64) -> Result<Vec<Pair>, DbError> {
    sql_all!(
        conn,
        Pair,
        "SELECT account_id, notification_id FROM sys_notification_recipient r
          WHERE at < $1 AND archived_at IS NULL AND place <> 2
            AND NOT EXISTS (SELECT 1 FROM sys_notification n
                WHERE n.id = r.notification_id AND n.rev IS NOT NULL AND n.over_at IS NULL)
          ORDER BY at LIMIT $2",
        before,
        limit
    )
}

/// Finds accounts that hold more rows than they may, and how many.
pub async fn overfull(conn: &mut Conn, max: i64, limit: i64) -> Result<Vec<(i64, i64)>, DbError> {
    sql_all!(
        conn,
        (i64, i64),
        "SELECT account_id, held FROM sys_inbox WHERE held > $1 ORDER BY held DESC LIMIT $2",
        max,
        limit
    )
}

/// Finds the oldest rows of an account, those that it deleted first, then what it has not put away, then the archive; not of
/// broadcasts that still reach it: without their row they would be new.
pub async fn oldest_rows(conn: &mut Conn, account: i64, limit: i64) -> Result<Vec<Pair>, DbError> {
    sql_all!(
        conn,
        Pair,
        "SELECT account_id, notification_id FROM sys_notification_recipient r
          WHERE account_id = $1 AND NOT EXISTS (SELECT 1 FROM sys_notification n
                WHERE n.id = r.notification_id AND n.rev IS NOT NULL AND n.over_at IS NULL)
          ORDER BY CASE place WHEN 3 THEN 0 WHEN 1 THEN 2 ELSE 1 END, at, notification_id LIMIT $2",
        account,
        limit
    )
}

/// Deletes notices from before an instant that nobody has and that reach nobody.
pub async fn delete_unused(conn: &mut Conn, before: i64, limit: i64) -> Result<u64, DbError> {
    sql_exec!(
        conn,
        "DELETE FROM sys_notification WHERE id IN (
            SELECT n.id FROM sys_notification n
             WHERE n.created_at < $1 AND (n.rev IS NULL OR n.over_at IS NOT NULL)
               AND NOT EXISTS (SELECT 1 FROM sys_notification_recipient r WHERE r.notification_id = n.id)
               AND NOT EXISTS (SELECT 1 FROM sys_notification_recipient r WHERE r.latest_id = n.id)
             ORDER BY n.created_at LIMIT $2)",
        before,
        limit
    )
}
