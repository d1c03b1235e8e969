//! Statements of delivery over many inboxes at once, one text for each database (see `bulk.rs`). They change nothing that
//! anybody sees in his inbox, and hold no lock that anybody waits for.

use super::{Conn, DbError, Raw, in_time};
use sqlx::types::Json;

/// Account, revision of its inbox.
pub(crate) type InboxAt = (i64, i64);

/// Reads at which revisions these accounts' inboxes are; those that were never used are left out.
pub(crate) async fn inboxes_at(conn: &mut Conn, accounts: &[i64]) -> Result<Vec<InboxAt>, DbError> {
    let patience = conn.patience();
    let found = match conn.raw() {
        Raw::Pg(pg) => {
            let found =
                sqlx::query_as("SELECT account_id, rev FROM sys_inbox WHERE account_id = ANY($1::bigint[])")
                    .bind(accounts)
                    .fetch_all(pg);
            in_time(patience, Box::pin(found)).await?
        }
        Raw::Sqlite(sqlite) => {
            sqlx::query_as(
                "SELECT account_id, rev FROM sys_inbox WHERE account_id IN (SELECT value FROM json_each($1))",
            )
            .bind(Json(accounts))
            .fetch_all(sqlite)
            .await?
        }
    };
    Ok(found)
}

/// Reads what came to each of these accounts after a revision, `(account, revision)`, and is in its inbox unseen: the newest
/// `limit` of each, by account and revision. What was seen, put away or put off since is not told again (FN6).
pub(crate) async fn came_after_each<T>(
    conn: &mut Conn,
    asked: &[InboxAt],
    limit: i64,
) -> Result<Vec<T>, DbError>
where
    T: Send + Unpin,
    T: for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow> + for<'r> sqlx::FromRow<'r, sqlx::sqlite::SqliteRow>,
{
    let patience = conn.patience();
    let came = match conn.raw() {
        Raw::Pg(pg) => {
            let accounts: Vec<i64> = asked.iter().map(|(account, _)| *account).collect();
            let revisions: Vec<i64> = asked.iter().map(|(_, rev)| *rev).collect();
            let came = sqlx::query_as(
                "SELECT newest.account_id, newest.rev, newest.at, newest.notification_id AS id,
                        newest.group_count AS count, newest.company_id, told.severity, told.type, told.message_id, told.created_at, told.title,
                        told.content, told.payload, told.link, told.actions, told.sender_id, told.sender_name
                   FROM (SELECT came.account_id, came.rev, came.at, came.notification_id, came.latest_id,
                                came.group_count, came.company_id,
                                row_number() OVER (PARTITION BY came.account_id ORDER BY came.rev DESC) AS nth
                           FROM unnest($1::bigint[], $2::bigint[]) AS asked (account, rev)
                           JOIN sys_notification_recipient AS came
                             ON came.account_id = asked.account AND came.rev > asked.rev
                          WHERE came.place = 0 AND came.seen_at IS NULL) AS newest
                   JOIN sys_notification AS told ON told.id = newest.latest_id
                  WHERE newest.nth <= $3 ORDER BY newest.account_id, newest.rev",
            )
            .bind(accounts)
            .bind(revisions)
            .bind(limit)
            .fetch_all(pg);
            in_time(patience, Box::pin(came)).await?
        }
        Raw::Sqlite(sqlite) => {
            sqlx::query_as(
                "SELECT newest.account_id, newest.rev, newest.at, newest.notification_id AS id,
                        newest.group_count AS count, newest.company_id, told.severity, told.type, told.message_id, told.created_at, told.title,
                        told.content, told.payload, told.link, told.actions, told.sender_id, told.sender_name
                   FROM (SELECT came.account_id, came.rev, came.at, came.notification_id, came.latest_id,
                                came.group_count, came.company_id,
                                row_number() OVER (PARTITION BY came.account_id ORDER BY came.rev DESC) AS nth
                           FROM json_each($1) AS asked
                           JOIN sys_notification_recipient AS came
                             ON came.account_id = asked.value ->> 0 AND came.rev > asked.value ->> 1
                          WHERE came.place = 0 AND came.seen_at IS NULL) AS newest
                   JOIN sys_notification AS told ON told.id = newest.latest_id
                  WHERE newest.nth <= $2 ORDER BY newest.account_id, newest.rev",
            )
            .bind(Json(asked))
            .bind(limit)
            .fetch_all(sqlite)
            .await?
        }
    };
    Ok(came)
}

/// Reads notices as these accounts have them, `(account, notice)`, by account and notice; what was deleted is left out.
pub(crate) async fn items<T>(conn: &mut Conn, asked: &[InboxAt]) -> Result<Vec<T>, DbError>
where
    T: Send + Unpin,
    T: for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow> + for<'r> sqlx::FromRow<'r, sqlx::sqlite::SqliteRow>,
{
    let patience = conn.patience();
    let items = match conn.raw() {
        Raw::Pg(pg) => {
            let accounts: Vec<i64> = asked.iter().map(|(account, _)| *account).collect();
            let notices: Vec<i64> = asked.iter().map(|(_, notice)| *notice).collect();
            let items = sqlx::query_as(
                "SELECT has.account_id, has.notification_id AS id, told.message_id, told.type, told.category,
                        told.severity, told.title, told.content, told.payload, told.link, told.actions, told.tag,
                        told.sender_id, told.sender_name, has.company_id, has.group_count AS count, has.at,
                        told.created_at, told.expires_at, has.seen_at, has.read_at, has.archived_at, has.snoozed_until,
                        FALSE AS broadcast
                   FROM unnest($1::bigint[], $2::bigint[]) AS asked (account, notice)
                   JOIN sys_notification_recipient AS has
                     ON has.account_id = asked.account AND has.notification_id = asked.notice
                   JOIN sys_notification AS told ON told.id = has.latest_id
                  WHERE has.deleted_at IS NULL ORDER BY has.account_id, has.notification_id",
            )
            .bind(accounts)
            .bind(notices)
            .fetch_all(pg);
            in_time(patience, Box::pin(items)).await?
        }
        Raw::Sqlite(sqlite) => {
            sqlx::query_as(
                "SELECT has.account_id, has.notification_id AS id, told.message_id, told.type, told.category,
                        told.severity, told.title, told.content, told.payload, told.link, told.actions, told.tag,
                        told.sender_id, told.sender_name, has.company_id, has.group_count AS count, has.at,
                        told.created_at, told.expires_at, has.seen_at, has.read_at, has.archived_at, has.snoozed_until,
                        FALSE AS broadcast
                   FROM json_each($1) AS asked
                   JOIN sys_notification_recipient AS has
                     ON has.account_id = asked.value ->> 0 AND has.notification_id = asked.value ->> 1
                   JOIN sys_notification AS told ON told.id = has.latest_id
                  WHERE has.deleted_at IS NULL ORDER BY has.account_id, has.notification_id",
            )
            .bind(Json(asked))
            .fetch_all(sqlite)
            .await?
        }
    };
    Ok(items)
}

/// Notes at `now` that what came to these accounts at these revisions has reached a tab. Who holds one of the rows now
/// (somebody marks it) is not waited for; answers how many were noted.
pub(crate) async fn note_delivered(conn: &mut Conn, told: &[InboxAt], now: i64) -> Result<u64, DbError> {
    let patience = conn.patience();
    let noted = match conn.raw() {
        Raw::Pg(pg) => {
            let accounts: Vec<i64> = told.iter().map(|(account, _)| *account).collect();
            let revisions: Vec<i64> = told.iter().map(|(_, rev)| *rev).collect();
            let noted = sqlx::query(
                "WITH free AS MATERIALIZED (
                    SELECT came.account_id, came.notification_id
                      FROM unnest($1::bigint[], $2::bigint[]) AS told (account, rev)
                      JOIN sys_notification_recipient AS came ON came.account_id = told.account AND came.rev = told.rev
                     WHERE came.delivered_at IS NULL
                     ORDER BY came.account_id, came.notification_id FOR UPDATE OF came SKIP LOCKED)
                 UPDATE sys_notification_recipient AS came SET delivered_at = $3 FROM free
                  WHERE came.account_id = free.account_id AND came.notification_id = free.notification_id",
            )
            .bind(accounts)
            .bind(revisions)
            .bind(now)
            .execute(pg);
            in_time(patience, Box::pin(noted)).await?.rows_affected()
        }
        Raw::Sqlite(sqlite) => sqlx::query(
            "UPDATE sys_notification_recipient SET delivered_at = $2 FROM json_each($1) AS told
              WHERE account_id = told.value ->> 0 AND sys_notification_recipient.rev = told.value ->> 1
                AND delivered_at IS NULL",
        )
        .bind(Json(told))
        .bind(now)
        .execute(sqlite)
        .await?
        .rows_affected(),
    };
    Ok(noted)
}

/// Deletes rows of `sys_outbox`.
pub(crate) async fn delete_signals(conn: &mut Conn, rows: &[i64]) -> Result<(), DbError> {
    let patience = conn.patience();
    match conn.raw() {
        Raw::Pg(pg) => {
            let deleted =
                sqlx::query("DELETE FROM sys_outbox WHERE id = ANY($1::bigint[])").bind(rows).execute(pg);
            in_time(patience, Box::pin(deleted)).await?;
        }
        Raw::Sqlite(sqlite) => {
            sqlx::query("DELETE FROM sys_outbox WHERE id IN (SELECT value FROM json_each($1))")
                .bind(Json(rows))
                .execute(sqlite)
                .await?;
        }
    }
    Ok(())
}
