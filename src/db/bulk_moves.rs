//! Statements that move and take away many rows of inboxes, one text for each database (see `bulk.rs`), and that find whom
//! a list of guids means. Who calls them has locked the accounts' rows of `sys_inbox`, in order; nothing here decides.

use super::{Conn, DbError, Raw, in_time};
use sqlx::types::Json;

/// Counts anew what is unseen and unread in locked inboxes, and the rows that they hold.
pub(crate) async fn recount(conn: &mut Conn, accounts: &[i64]) -> Result<(), DbError> {
    let patience = conn.patience();
    match conn.raw() {
        Raw::Pg(pg) => {
            let counted = sqlx::query(
                "UPDATE sys_notification_counter AS c
                    SET unread = (SELECT count(*) FROM sys_notification_recipient r
                                   WHERE r.account_id = c.account_id AND r.place = 0 AND r.read_at IS NULL
                                     AND r.company_id = c.company_id),
                        unseen = (SELECT count(*) FROM sys_notification_recipient r
                                   WHERE r.account_id = c.account_id AND r.place = 0 AND r.read_at IS NULL
                                     AND r.seen_at IS NULL AND r.company_id = c.company_id)
                  WHERE c.account_id = ANY($1::bigint[])",
            )
            .bind(accounts)
            .execute(pg);
            in_time(patience, Box::pin(counted)).await?;
        }
        Raw::Sqlite(sqlite) => {
            sqlx::query(
                "UPDATE sys_notification_counter AS c
                    SET unread = (SELECT count(*) FROM sys_notification_recipient r
                                   WHERE r.account_id = c.account_id AND r.place = 0 AND r.read_at IS NULL
                                     AND r.company_id = c.company_id),
                        unseen = (SELECT count(*) FROM sys_notification_recipient r
                                   WHERE r.account_id = c.account_id AND r.place = 0 AND r.read_at IS NULL
                                     AND r.seen_at IS NULL AND r.company_id = c.company_id)
                  WHERE c.account_id IN (SELECT value FROM json_each($1))",
            )
            .bind(Json(accounts))
            .execute(sqlite)
            .await?;
        }
    }
    Ok(())
}

/// Moves rows of one account by their ids, out of any place but the deleted, each that would be another afterwards;
/// `turns` as `inbox::model` makes them (what unsees comes back from a snooze, and moves nothing else). Answers the ids that were changed.
pub(crate) async fn move_ids(
    conn: &mut Conn,
    account: i64,
    company: i64,
    ids: &[i64],
    turns: [(i64, Option<i64>); 5],
    now: i64,
) -> Result<Vec<i64>, DbError> {
    let [seen, read, archived, snoozed, deleted] = turns;
    let patience = conn.patience();
    let mut moved: Vec<(i64,)> = match conn.raw() {
        Raw::Pg(pg) => {
            let moved = sqlx::query_as(
                "UPDATE sys_notification_recipient
                    SET seen_at = CASE $4::bigint WHEN 0 THEN seen_at WHEN 1 THEN coalesce(seen_at, $10) END,
                        read_at = CASE $5::bigint WHEN 0 THEN read_at WHEN 1 THEN coalesce(read_at, $10) END,
                        archived_at = CASE $6::bigint WHEN 0 THEN archived_at WHEN 1 THEN coalesce(archived_at, $10) END,
                        snoozed_until = CASE $7::bigint WHEN 0 THEN snoozed_until WHEN 2 THEN $8::bigint END,
                        deleted_at = CASE $9::bigint WHEN 0 THEN deleted_at ELSE coalesce(deleted_at, $10) END
                  WHERE account_id = $1 AND company_id IN (0, $2) AND notification_id = ANY($3::bigint[])
                    AND deleted_at IS NULL AND ($8::bigint IS NULL OR archived_at IS NULL)
                    AND ($4 <> 2 OR snoozed_until IS NOT NULL)
                    AND (($4 = 1 AND seen_at IS NULL) OR ($4 = 2 AND seen_at IS NOT NULL)
                         OR ($5 = 1 AND read_at IS NULL) OR ($5 = 2 AND read_at IS NOT NULL)
                         OR ($6 = 1 AND archived_at IS NULL) OR ($6 = 2 AND archived_at IS NOT NULL)
                         OR ($7 = 2 AND coalesce(snoozed_until, 0) <> coalesce($8, 0)) OR $9 = 1)
                  RETURNING notification_id",
            )
            .bind(account)
            .bind(company)
            .bind(ids)
            .bind(seen.0)
            .bind(read.0)
            .bind(archived.0)
            .bind(snoozed.0)
            .bind(snoozed.1)
            .bind(deleted.0)
            .bind(now)
            .fetch_all(pg);
            in_time(patience, Box::pin(moved)).await?
        }
        Raw::Sqlite(sqlite) => {
            sqlx::query_as(
                "UPDATE sys_notification_recipient
                    SET seen_at = CASE $4 WHEN 0 THEN seen_at WHEN 1 THEN coalesce(seen_at, $10) END,
                        read_at = CASE $5 WHEN 0 THEN read_at WHEN 1 THEN coalesce(read_at, $10) END,
                        archived_at = CASE $6 WHEN 0 THEN archived_at WHEN 1 THEN coalesce(archived_at, $10) END,
                        snoozed_until = CASE $7 WHEN 0 THEN snoozed_until WHEN 2 THEN $8 END,
                        deleted_at = CASE $9 WHEN 0 THEN deleted_at ELSE coalesce(deleted_at, $10) END
                  WHERE account_id = $1 AND company_id IN (0, $2)
                    AND notification_id IN (SELECT value FROM json_each($3))
                    AND deleted_at IS NULL AND ($8 IS NULL OR archived_at IS NULL)
                    AND ($4 <> 2 OR snoozed_until IS NOT NULL)
                    AND (($4 = 1 AND seen_at IS NULL) OR ($4 = 2 AND seen_at IS NOT NULL)
                         OR ($5 = 1 AND read_at IS NULL) OR ($5 = 2 AND read_at IS NOT NULL)
                         OR ($6 = 1 AND archived_at IS NULL) OR ($6 = 2 AND archived_at IS NOT NULL)
                         OR ($7 = 2 AND coalesce(snoozed_until, 0) <> coalesce($8, 0)) OR $9 = 1)
                  RETURNING notification_id",
            )
            .bind(account)
            .bind(company)
            .bind(Json(ids))
            .bind(seen.0)
            .bind(read.0)
            .bind(archived.0)
            .bind(snoozed.0)
            .bind(snoozed.1)
            .bind(deleted.0)
            .bind(now)
            .fetch_all(sqlite)
            .await?
        }
    };
    moved.sort_unstable();
    Ok(moved.into_iter().map(|(id,)| id).collect())
}

/// Takes rows away, `(account, notice)`: for good, or as if their accounts had deleted them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Take {
    /// The rows are deleted, and no longer held.
    Away,
    /// The same, of those that still are from before this instant and neither put away nor put off.
    Old(i64),
    /// They stay until they are too old, deleted at `at`; not those that were put away meanwhile, and of those that were put
    /// off only if `place` is 2 (0: none).
    FromSight {
        /// UTC ms.
        at: i64,
        /// The place beside the inbox.
        place: i64,
    },
}

/// Takes rows of locked inboxes away; answers the pairs that were taken.
pub(crate) async fn take(
    conn: &mut Conn,
    pairs: &[(i64, i64)],
    take: Take,
) -> Result<Vec<(i64, i64)>, DbError> {
    let patience = conn.patience();
    let accounts: Vec<i64> = pairs.iter().map(|pair| pair.0).collect();
    let notices: Vec<i64> = pairs.iter().map(|pair| pair.1).collect();
    let before = if let Take::Old(before) = take { Some(before) } else { None };
    let mut taken: Vec<(i64, i64)> = match (conn.raw(), take) {
        (Raw::Pg(pg), Take::Away | Take::Old(_)) => {
            let taken = sqlx::query_as(
                "WITH gone AS (
                    DELETE FROM sys_notification_recipient AS r USING unnest($1::bigint[], $2::bigint[]) AS p (account, notice)
                     WHERE r.account_id = p.account AND r.notification_id = p.notice
                       AND ($3::bigint IS NULL OR (r.at < $3 AND r.archived_at IS NULL AND r.place <> 2))
                     RETURNING r.account_id, r.notification_id),
                 held AS (
                    UPDATE sys_inbox AS i SET held = i.held - less.rows
                      FROM (SELECT account_id, count(*) AS rows FROM gone GROUP BY account_id) AS less
                     WHERE i.account_id = less.account_id)
                 SELECT account_id, notification_id FROM gone",
            )
            .bind(accounts)
            .bind(notices)
            .bind(before)
            .fetch_all(pg);
            in_time(patience, Box::pin(taken)).await?
        }
        (Raw::Pg(pg), Take::FromSight { at, place }) => {
            let taken = sqlx::query_as(
                "UPDATE sys_notification_recipient AS r SET deleted_at = $3
                   FROM unnest($1::bigint[], $2::bigint[]) AS p (account, notice)
                  WHERE r.account_id = p.account AND r.notification_id = p.notice AND r.place IN (0, $4)
                  RETURNING r.account_id, r.notification_id",
            )
            .bind(accounts)
            .bind(notices)
            .bind(at)
            .bind(place)
            .fetch_all(pg);
            in_time(patience, Box::pin(taken)).await?
        }
        (Raw::Sqlite(sqlite), Take::Away | Take::Old(_)) => {
            let taken: Vec<(i64, i64)> = sqlx::query_as(
                "DELETE FROM sys_notification_recipient
                  WHERE (account_id, notification_id) IN (SELECT p.value ->> 0, p.value ->> 1 FROM json_each($1) AS p)
                    AND ($2 IS NULL OR (at < $2 AND archived_at IS NULL AND place <> 2))
                  RETURNING account_id, notification_id",
            )
            .bind(Json(pairs))
            .bind(before)
            .fetch_all(&mut *sqlite)
            .await?;
            sqlx::query(
                "UPDATE sys_inbox SET held = held - (
                    SELECT count(*) FROM json_each($1) AS p WHERE p.value ->> 0 = sys_inbox.account_id)
                  WHERE account_id IN (SELECT p.value ->> 0 FROM json_each($1) AS p)",
            )
            .bind(Json(&taken))
            .execute(sqlite)
            .await?;
            taken
        }
        (Raw::Sqlite(sqlite), Take::FromSight { at, place }) => {
            sqlx::query_as(
                "UPDATE sys_notification_recipient SET deleted_at = $2
                  WHERE (account_id, notification_id) IN (SELECT p.value ->> 0, p.value ->> 1 FROM json_each($1) AS p)
                    AND place IN (0, $3)
                  RETURNING account_id, notification_id",
            )
            .bind(Json(pairs))
            .bind(at)
            .bind(place)
            .fetch_all(sqlite)
            .await?
        }
    };
    taken.sort_unstable();
    Ok(taken)
}

/// Finds whom guids of accounts or staff records mean in a company (C12), in their order: whether anybody, his account, his
/// organisation.
pub(crate) async fn people_of_guids(
    conn: &mut Conn,
    company: i64,
    guids: &[String],
) -> Result<Vec<(bool, Option<i64>, Option<i64>)>, DbError> {
    let patience = conn.patience();
    let found = match conn.raw() {
        Raw::Pg(pg) => {
            let found = sqlx::query_as(
                "SELECT staff.id IS NOT NULL OR person.user_id IS NOT NULL, coalesce(staff.account_id, person.user_id),
                        coalesce(staff.org_id, own.org_id)
                   FROM unnest($1::text[]) WITH ORDINALITY AS asked (guid, place)
                   LEFT JOIN hr_staff staff ON staff.guid = asked.guid AND staff.company_id = $2
                   LEFT JOIN sys_login_user person ON person.guid = asked.guid AND person.company_id = $2
                   LEFT JOIN hr_staff own ON own.account_id = person.user_id AND own.company_id = $2
                  ORDER BY asked.place",
            )
            .bind(guids)
            .bind(company)
            .fetch_all(pg);
            in_time(patience, Box::pin(found)).await?
        }
        Raw::Sqlite(sqlite) => {
            sqlx::query_as(
                "SELECT staff.id IS NOT NULL OR person.user_id IS NOT NULL, coalesce(staff.account_id, person.user_id),
                        coalesce(staff.org_id, own.org_id)
                   FROM json_each($1) AS asked
                   LEFT JOIN hr_staff staff ON staff.guid = asked.value AND staff.company_id = $2
                   LEFT JOIN sys_login_user person ON person.guid = asked.value AND person.company_id = $2
                   LEFT JOIN hr_staff own ON own.account_id = person.user_id AND own.company_id = $2
                  ORDER BY asked.key",
            )
            .bind(Json(guids))
            .bind(company)
            .fetch_all(sqlite)
            .await?
        }
    };
    Ok(found)
}
