//! Statements over many inboxes at once, one text for each database (see `bulk.rs`): a message to a thousand people is a
//! handful of statements. Who calls them has locked the accounts' rows of `sys_inbox`, in order; nothing here decides.

use super::{Conn, DbError, Raw, in_time};
use sqlx::types::Json;

/// Raises the revisions of locked inboxes by one each; answers `(account, revision)` in the order of the accounts.
pub(crate) async fn raise(conn: &mut Conn, accounts: &[i64], now: i64) -> Result<Vec<(i64, i64)>, DbError> {
    let patience = conn.patience();
    let mut raised: Vec<(i64, i64)> = match conn.raw() {
        Raw::Pg(pg) => {
            let raised = sqlx::query_as(
                "UPDATE sys_inbox SET rev = rev + 1, changed_at = $2 WHERE account_id = ANY($1::bigint[])
                 RETURNING account_id, rev",
            )
            .bind(accounts)
            .bind(now)
            .fetch_all(pg);
            in_time(patience, Box::pin(raised)).await?
        }
        Raw::Sqlite(sqlite) => {
            sqlx::query_as(
                "UPDATE sys_inbox SET rev = rev + 1, changed_at = $2
                  WHERE account_id IN (SELECT value FROM json_each($1)) RETURNING account_id, rev",
            )
            .bind(Json(accounts))
            .bind(now)
            .fetch_all(sqlite)
            .await?
        }
    };
    raised.sort_unstable();
    Ok(raised)
}

/// The unread row that a notice of a key is added to: account, notice, times told so far, whether it was seen.
pub(crate) type Mergeable = (i64, i64, i64, bool);

/// Finds for each account the newest unread row of a key in its inbox that came after an instant.
pub(crate) async fn mergeable(
    conn: &mut Conn,
    accounts: &[i64],
    company: i64,
    key: &str,
    since: i64,
) -> Result<Vec<Mergeable>, DbError> {
    let patience = conn.patience();
    let found = match conn.raw() {
        Raw::Pg(pg) => {
            let found = sqlx::query_as(
                "SELECT DISTINCT ON (r.account_id) r.account_id, r.notification_id, r.group_count, r.seen_at IS NOT NULL
                   FROM sys_notification_recipient r
                  WHERE r.account_id = ANY($1::bigint[]) AND r.group_key = $2 AND r.company_id = $3 AND r.at >= $4
                    AND r.read_at IS NULL AND r.place = 0
                  ORDER BY r.account_id, r.at DESC, r.notification_id DESC",
            )
            .bind(accounts)
            .bind(key)
            .bind(company)
            .bind(since)
            .fetch_all(pg);
            in_time(patience, Box::pin(found)).await?
        }
        Raw::Sqlite(sqlite) => {
            sqlx::query_as(
                "SELECT r.account_id, r.notification_id, r.group_count, r.seen_at IS NOT NULL
                   FROM json_each($1) AS asked
                   JOIN sys_notification_recipient r ON r.account_id = asked.value AND r.notification_id = (
                        SELECT n.notification_id FROM sys_notification_recipient n
                         WHERE n.account_id = asked.value AND n.group_key = $2 AND n.company_id = $3 AND n.at >= $4
                           AND n.read_at IS NULL AND n.place = 0
                         ORDER BY n.at DESC, n.notification_id DESC LIMIT 1)",
            )
            .bind(Json(accounts))
            .bind(key)
            .bind(company)
            .bind(since)
            .fetch_all(sqlite)
            .await?
        }
    };
    Ok(found)
}

/// What is the same for all rows of one notice.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Told<'a> {
    /// The notice.
    pub id: i64,
    /// Whose feed.
    pub company: i64,
    /// What merges it with others.
    pub key: Option<&'a str>,
    /// When.
    pub at: i64,
}

/// Gives a notice to accounts, `(account, revision, seen)`: seen at once where its kind is muted.
pub(crate) async fn give(conn: &mut Conn, told: Told<'_>, to: &[(i64, i64, bool)]) -> Result<u64, DbError> {
    let patience = conn.patience();
    let given = match conn.raw() {
        Raw::Pg(pg) => {
            let accounts: Vec<i64> = to.iter().map(|row| row.0).collect();
            let revs: Vec<i64> = to.iter().map(|row| row.1).collect();
            let seen: Vec<bool> = to.iter().map(|row| row.2).collect();
            let given = sqlx::query(
                "WITH held AS (UPDATE sys_inbox SET held = held + 1 WHERE account_id = ANY($5::bigint[]))
                 INSERT INTO sys_notification_recipient (account_id, notification_id, latest_id, company_id, group_key, rev,
                    at, seen_at)
                 SELECT given.account, $1, $1, $2, $3, given.rev, $4, CASE WHEN given.seen THEN CAST($4 AS BIGINT) END
                   FROM unnest($5::bigint[], $6::bigint[], $7::boolean[]) AS given (account, rev, seen)",
            )
            .bind(told.id)
            .bind(told.company)
            .bind(told.key)
            .bind(told.at)
            .bind(accounts)
            .bind(revs)
            .bind(seen)
            .execute(pg);
            in_time(patience, Box::pin(given)).await?.rows_affected()
        }
        Raw::Sqlite(sqlite) => {
            sqlx::query(
                "UPDATE sys_inbox SET held = held + 1
                  WHERE account_id IN (SELECT given.value ->> 0 FROM json_each($1) AS given)",
            )
            .bind(Json(to))
            .execute(&mut *sqlite)
            .await?;
            sqlx::query(
                "INSERT INTO sys_notification_recipient (account_id, notification_id, latest_id, company_id, group_key, rev,
                    at, seen_at)
                 SELECT given.value ->> 0, $1, $1, $2, $3, given.value ->> 1, $4, CASE WHEN given.value ->> 2 THEN $4 END
                   FROM json_each($5) AS given",
            )
            .bind(told.id)
            .bind(told.company)
            .bind(told.key)
            .bind(told.at)
            .bind(Json(to))
            .execute(sqlite)
            .await?
            .rows_affected()
        }
    };
    Ok(given)
}

/// Adds a notice to rows that are there, `(account, notice there, revision, seen)`: each comes again, told once more.
pub(crate) async fn merge(
    conn: &mut Conn,
    latest: i64,
    at: i64,
    to: &[(i64, i64, i64, bool)],
) -> Result<u64, DbError> {
    let patience = conn.patience();
    let merged = match conn.raw() {
        Raw::Pg(pg) => {
            let accounts: Vec<i64> = to.iter().map(|row| row.0).collect();
            let notices: Vec<i64> = to.iter().map(|row| row.1).collect();
            let revs: Vec<i64> = to.iter().map(|row| row.2).collect();
            let seen: Vec<bool> = to.iter().map(|row| row.3).collect();
            let merged = sqlx::query(
                "UPDATE sys_notification_recipient AS r
                    SET latest_id = $1, at = $2, rev = come.rev, group_count = r.group_count + 1,
                        seen_at = CASE WHEN come.seen THEN CAST($2 AS BIGINT) END, delivered_at = NULL
                   FROM unnest($3::bigint[], $4::bigint[], $5::bigint[], $6::boolean[]) AS come (account, notice, rev, seen)
                  WHERE r.account_id = come.account AND r.notification_id = come.notice",
            )
            .bind(latest)
            .bind(at)
            .bind(accounts)
            .bind(notices)
            .bind(revs)
            .bind(seen)
            .execute(pg);
            in_time(patience, Box::pin(merged)).await?.rows_affected()
        }
        Raw::Sqlite(sqlite) => sqlx::query(
            "UPDATE sys_notification_recipient
                SET latest_id = $1, at = $2, rev = come.value ->> 2,
                    group_count = sys_notification_recipient.group_count + 1,
                    seen_at = CASE WHEN come.value ->> 3 THEN $2 END, delivered_at = NULL
               FROM json_each($3) AS come
              WHERE account_id = come.value ->> 0 AND notification_id = come.value ->> 1",
        )
        .bind(latest)
        .bind(at)
        .bind(Json(to))
        .execute(sqlite)
        .await?
        .rows_affected(),
    };
    Ok(merged)
}

/// Adds to the counters of a company's feed: `(account, unseen, unread)`.
pub(crate) async fn count(conn: &mut Conn, company: i64, more: &[(i64, i64, i64)]) -> Result<u64, DbError> {
    let patience = conn.patience();
    let counted = match conn.raw() {
        Raw::Pg(pg) => {
            let accounts: Vec<i64> = more.iter().map(|row| row.0).collect();
            let unseen: Vec<i64> = more.iter().map(|row| row.1).collect();
            let unread: Vec<i64> = more.iter().map(|row| row.2).collect();
            let counted = sqlx::query(
                "INSERT INTO sys_notification_counter AS c (account_id, company_id, unseen, unread)
                 SELECT account, $1, unseen, unread
                   FROM unnest($2::bigint[], $3::bigint[], $4::bigint[]) AS more (account, unseen, unread)
                 ON CONFLICT (account_id, company_id) DO UPDATE
                    SET unseen = c.unseen + excluded.unseen, unread = c.unread + excluded.unread",
            )
            .bind(company)
            .bind(accounts)
            .bind(unseen)
            .bind(unread)
            .execute(pg);
            in_time(patience, Box::pin(counted)).await?.rows_affected()
        }
        Raw::Sqlite(sqlite) => sqlx::query(
            "INSERT INTO sys_notification_counter AS c (account_id, company_id, unseen, unread)
             SELECT value ->> 0, $1, value ->> 1, value ->> 2 FROM json_each($2) WHERE TRUE
             ON CONFLICT (account_id, company_id) DO UPDATE
                SET unseen = c.unseen + excluded.unseen, unread = c.unread + excluded.unread",
        )
        .bind(company)
        .bind(Json(more))
        .execute(sqlite)
        .await?
        .rows_affected(),
    };
    Ok(counted)
}

/// Where an inbox stands: account, company, its revision, the policy's, unseen, unread.
pub(crate) type Standing = (i64, i64, i64, i64, i64, i64);

/// Answers where inboxes stand, `(account, company)` each, in one snapshot: rows by their counters, broadcasts without a
/// row by the marks.
pub(crate) async fn standings(conn: &mut Conn, of: &[(i64, i64)]) -> Result<Vec<Standing>, DbError> {
    let patience = conn.patience();
    let found = match conn.raw() {
        Raw::Pg(pg) => {
            let (accounts, companies): (Vec<i64>, Vec<i64>) = of.iter().copied().unzip();
            let found = sqlx::query_as(
                "SELECT asked.account, asked.company, coalesce(inbox.rev, 0), head.rev,
                        CAST(coalesce(own.unseen, 0) + told.unseen AS BIGINT),
                        CAST(coalesce(own.unread, 0) + told.unread AS BIGINT)
                   FROM unnest($1::bigint[], $2::bigint[]) WITH ORDINALITY AS asked (account, company, place)
                   JOIN policy_revision AS head ON head.id = 1
                   LEFT JOIN sys_inbox AS inbox ON inbox.account_id = asked.account
                   LEFT JOIN LATERAL (
                        SELECT sum(c.unseen) AS unseen, sum(c.unread) AS unread FROM sys_notification_counter c
                         WHERE c.account_id = asked.account AND c.company_id IN (0, asked.company)) AS own ON TRUE
                   LEFT JOIN LATERAL (
                        SELECT count(*) FILTER (WHERE b.rev > coalesce(m.seen_up_to, 0)) AS unseen,
                               count(*) FILTER (WHERE b.rev > coalesce(m.read_up_to, 0)) AS unread
                          FROM sys_broadcast_reach b
                          LEFT JOIN sys_notification_counter m
                            ON m.account_id = asked.account AND m.company_id = b.company_id
                         WHERE b.account_id = asked.account AND b.company_id IN (0, asked.company)
                           AND b.rev > LEAST(coalesce(m.seen_up_to, 0), coalesce(m.read_up_to, 0))
                           AND NOT EXISTS (SELECT 1 FROM sys_notification_recipient r
                                            WHERE r.account_id = asked.account AND r.notification_id = b.notification_id)
                        ) AS told ON TRUE
                  ORDER BY asked.place",
            )
            .bind(accounts)
            .bind(companies)
            .fetch_all(pg);
            in_time(patience, Box::pin(found)).await?
        }
        Raw::Sqlite(sqlite) => {
            sqlx::query_as(
                "SELECT account, company, rev, head,
                        own_unseen + (told & 0xFFFFFFFF), own_unread + (told >> 32)
                   FROM (
                    SELECT asked.value ->> 0 AS account, asked.value ->> 1 AS company, asked.key AS place,
                        coalesce(inbox.rev, 0) AS rev, (SELECT rev FROM policy_revision WHERE id = 1) AS head,
                        coalesce((SELECT sum(c.unseen) FROM sys_notification_counter c
                           WHERE c.account_id = asked.value ->> 0 AND c.company_id IN (0, asked.value ->> 1)), 0)
                           AS own_unseen,
                        coalesce((SELECT sum(c.unread) FROM sys_notification_counter c
                           WHERE c.account_id = asked.value ->> 0 AND c.company_id IN (0, asked.value ->> 1)), 0)
                           AS own_unread,
                        -- One walk for both counts: unread in the upper half of the number.
                        (SELECT coalesce(sum((b.rev > coalesce(m.seen_up_to, 0))
                                + ((b.rev > coalesce(m.read_up_to, 0)) << 32)), 0)
                           FROM sys_broadcast_reach b
                           LEFT JOIN sys_notification_counter m
                             ON m.account_id = b.account_id AND m.company_id = b.company_id
                          WHERE b.account_id = asked.value ->> 0 AND b.company_id IN (0, asked.value ->> 1)
                             AND b.rev > min(coalesce(m.seen_up_to, 0), coalesce(m.read_up_to, 0))
                            AND NOT EXISTS (SELECT 1 FROM sys_notification_recipient r
                                 WHERE r.account_id = b.account_id AND r.notification_id = b.notification_id)) AS told
                      FROM json_each($1) AS asked LEFT JOIN sys_inbox AS inbox ON inbox.account_id = asked.value ->> 0)
                  ORDER BY place",
            )
            .bind(Json(of))
            .fetch_all(sqlite)
            .await?
        }
    };
    Ok(found)
}

/// Of these accounts, those for whom a kind of notice is muted in the application: the company's locked word first, then
/// the account's own, then the company's.
pub(crate) async fn muting(
    conn: &mut Conn,
    accounts: &[i64],
    company: i64,
    kind: &str,
) -> Result<Vec<i64>, DbError> {
    let patience = conn.patience();
    let muting: Vec<(i64,)> = match conn.raw() {
        Raw::Pg(pg) => {
            let muting = sqlx::query_as(
                "SELECT person.user_id
                   FROM sys_login_user person
                   LEFT JOIN sys_notification_preference own ON own.account_id = person.user_id
                    AND own.company_id = person.company_id AND own.type = $2 AND own.channel = 'in_app'
                   LEFT JOIN sys_notification_preference tenant ON tenant.account_id = 0
                    AND tenant.company_id = person.company_id AND tenant.type = $2 AND tenant.channel = 'in_app'
                  WHERE person.user_id = ANY($1::bigint[]) AND $3::bigint IN (0, person.company_id)
                    AND NOT CASE WHEN tenant.locked THEN tenant.enabled
                                 ELSE coalesce(own.enabled, tenant.enabled, TRUE) END",
            )
            .bind(accounts)
            .bind(kind)
            .bind(company)
            .fetch_all(pg);
            in_time(patience, Box::pin(muting)).await?
        }
        Raw::Sqlite(sqlite) => {
            sqlx::query_as(
                "SELECT person.user_id
                   FROM json_each($1) AS asked JOIN sys_login_user person ON person.user_id = asked.value
                   LEFT JOIN sys_notification_preference own ON own.account_id = person.user_id
                    AND own.company_id = person.company_id AND own.type = $2 AND own.channel = 'in_app'
                   LEFT JOIN sys_notification_preference tenant ON tenant.account_id = 0
                    AND tenant.company_id = person.company_id AND tenant.type = $2 AND tenant.channel = 'in_app'
                  WHERE $3 IN (0, person.company_id)
                    AND NOT CASE WHEN tenant.locked THEN tenant.enabled
                                 ELSE coalesce(own.enabled, tenant.enabled, TRUE) END",
            )
            .bind(Json(accounts))
            .bind(kind)
            .bind(company)
            .fetch_all(sqlite)
            .await?
        }
    };
    Ok(muting.into_iter().map(|(account,)| account).collect())
}
