//! Statements over a list of rows, one text for each database: neither has what the other takes a list by.
//! One statement, however long the list is.

use super::{Conn, DbError, Raw, in_time};
use sqlx::types::Json;

/// Stores accounts' permission versions and hashes, `(account, version, hash)`; a version never goes back. Answers how
/// many accounts took theirs. The rows are locked in the order of the accounts, as everybody locks them.
pub(crate) async fn store_versions(conn: &mut Conn, notes: &[(i64, i64, &str)]) -> Result<u64, DbError> {
    let patience = conn.patience();
    let stored = match conn.raw() {
        Raw::Pg(pg) => {
            let accounts: Vec<i64> = notes.iter().map(|(account, ..)| *account).collect();
            let versions: Vec<i64> = notes.iter().map(|(_, version, _)| *version).collect();
            let hashes: Vec<&str> = notes.iter().map(|(.., hash)| *hash).collect();
            let stored = sqlx::query(
                "WITH locked AS MATERIALIZED (
                    SELECT user_id FROM sys_login_user WHERE user_id = ANY($1::bigint[]) ORDER BY user_id FOR UPDATE)
                 UPDATE sys_login_user SET permission_version = noted.version, permission_hash = noted.hash
                   FROM locked JOIN unnest($1::bigint[], $2::bigint[], $3::text[]) AS noted (account, version, hash)
                     ON noted.account = locked.user_id
                  WHERE sys_login_user.user_id = locked.user_id AND permission_version <= noted.version",
            )
            .bind(accounts)
            .bind(versions)
            .bind(hashes)
            .execute(pg);
            in_time(patience, Box::pin(stored)).await?.rows_affected()
        }
        Raw::Sqlite(sqlite) => sqlx::query(
            "UPDATE sys_login_user SET permission_version = noted.value ->> 1, permission_hash = noted.value ->> 2
               FROM json_each($1) AS noted
              WHERE user_id = noted.value ->> 0 AND permission_version <= noted.value ->> 1",
        )
        .bind(Json(notes))
        .execute(sqlite)
        .await?
        .rows_affected(),
    };
    Ok(stored)
}

/// Makes the accounts' inbox rows where they are missing and locks them, in the order of the accounts.
pub(crate) async fn lock_inboxes(conn: &mut Conn, accounts: &[i64], now: i64) -> Result<(), DbError> {
    let patience = conn.patience();
    match conn.raw() {
        Raw::Pg(pg) => {
            let made = sqlx::query(
                "INSERT INTO sys_inbox (account_id, rev, changed_at)
                 SELECT account, 0, $2 FROM unnest($1::bigint[]) AS account ORDER BY account
                 ON CONFLICT (account_id) DO NOTHING",
            )
            .bind(accounts)
            .bind(now)
            .execute(&mut *pg);
            in_time(patience, Box::pin(made)).await?;
            let locked = sqlx::query(
                "SELECT FROM sys_inbox WHERE account_id = ANY($1::bigint[]) ORDER BY account_id FOR UPDATE",
            )
            .bind(accounts)
            .execute(pg);
            in_time(patience, Box::pin(locked)).await?;
        }
        Raw::Sqlite(sqlite) => {
            sqlx::query(
                "INSERT INTO sys_inbox (account_id, rev, changed_at)
                 SELECT value, 0, $2 FROM json_each($1) WHERE true ON CONFLICT (account_id) DO NOTHING",
            )
            .bind(Json(accounts))
            .bind(now)
            .execute(sqlite)
            .await?;
        }
    }
    Ok(())
}

/// Account, login name, display name, company.
pub(crate) type Person = (i64, String, String, i64);

/// Reads who these accounts are; those that are not there are left out.
pub(crate) async fn people(conn: &mut Conn, accounts: &[i64]) -> Result<Vec<Person>, DbError> {
    let patience = conn.patience();
    let people = match conn.raw() {
        Raw::Pg(pg) => {
            let found = sqlx::query_as(
                "SELECT user_id, username, display_name, company_id FROM sys_login_user
                  WHERE user_id = ANY($1::bigint[]) ORDER BY user_id",
            )
            .bind(accounts)
            .fetch_all(pg);
            in_time(patience, Box::pin(found)).await?
        }
        Raw::Sqlite(sqlite) => {
            sqlx::query_as(
                "SELECT user_id, username, display_name, company_id FROM sys_login_user
                  WHERE user_id IN (SELECT value FROM json_each($1)) ORDER BY user_id",
            )
            .bind(Json(accounts))
            .fetch_all(sqlite)
            .await?
        }
    };
    Ok(people)
}

/// Finds the accounts that account or staff guids mean, `(guid, account)`: enabled, of the company, and no staff record of
/// theirs away or left.
pub(crate) async fn accounts_of_guids(
    conn: &mut Conn,
    company: i64,
    guids: &[String],
) -> Result<Vec<(String, i64)>, DbError> {
    let patience = conn.patience();
    let rows = match conn.raw() {
        Raw::Pg(pg) => {
            let found = sqlx::query_as(
                "SELECT asked.guid, u.user_id FROM unnest($2::text[]) AS asked (guid)
                   JOIN sys_login_user u ON u.company_id = $1 AND u.status = 1 AND u.user_id = coalesce(
                        (SELECT s.account_id FROM hr_staff s WHERE s.guid = asked.guid AND s.company_id = $1),
                        (SELECT a.user_id FROM sys_login_user a WHERE a.guid = asked.guid))
                  WHERE NOT EXISTS (SELECT 1 FROM hr_staff s WHERE s.account_id = u.user_id AND s.company_id = $1
                                       AND s.status <> 'active')",
            )
            .bind(company)
            .bind(guids)
            .fetch_all(pg);
            in_time(patience, Box::pin(found)).await?
        }
        Raw::Sqlite(sqlite) => {
            sqlx::query_as(
                "SELECT asked.value, u.user_id FROM json_each($2) AS asked
                   JOIN sys_login_user u ON u.company_id = $1 AND u.status = 1 AND u.user_id = coalesce(
                        (SELECT s.account_id FROM hr_staff s WHERE s.guid = asked.value AND s.company_id = $1),
                        (SELECT a.user_id FROM sys_login_user a WHERE a.guid = asked.value))
                  WHERE NOT EXISTS (SELECT 1 FROM hr_staff s WHERE s.account_id = u.user_id AND s.company_id = $1
                                       AND s.status <> 'active')",
            )
            .bind(company)
            .bind(Json(guids))
            .fetch_all(sqlite)
            .await?
        }
    };
    Ok(rows)
}

/// Keeps the accounts of the company that are enabled and whose staff record, if they have one, is neither away nor left.
pub(crate) async fn able_accounts(
    conn: &mut Conn,
    company: i64,
    accounts: &[i64],
) -> Result<Vec<i64>, DbError> {
    let patience = conn.patience();
    let rows: Vec<(i64,)> = match conn.raw() {
        Raw::Pg(pg) => {
            let found = sqlx::query_as(
                "SELECT u.user_id FROM sys_login_user u
                  WHERE u.user_id = ANY($2::bigint[]) AND u.company_id = $1 AND u.status = 1
                    AND NOT EXISTS (SELECT 1 FROM hr_staff s WHERE s.account_id = u.user_id AND s.company_id = $1
                                       AND s.status <> 'active')",
            )
            .bind(company)
            .bind(accounts)
            .fetch_all(pg);
            in_time(patience, Box::pin(found)).await?
        }
        Raw::Sqlite(sqlite) => {
            sqlx::query_as(
                "SELECT u.user_id FROM sys_login_user u
                  WHERE u.user_id IN (SELECT value FROM json_each($2)) AND u.company_id = $1 AND u.status = 1
                    AND NOT EXISTS (SELECT 1 FROM hr_staff s WHERE s.account_id = u.user_id AND s.company_id = $1
                                       AND s.status <> 'active')",
            )
            .bind(company)
            .bind(Json(accounts))
            .fetch_all(sqlite)
            .await?
        }
    };
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// Account, its guid, its name for people: the staff record's, else the account's.
pub(crate) type Card = (i64, String, String);

/// Reads the names of accounts; those that are not there are left out.
pub(crate) async fn cards(conn: &mut Conn, accounts: &[i64]) -> Result<Vec<Card>, DbError> {
    let patience = conn.patience();
    let cards = match conn.raw() {
        Raw::Pg(pg) => {
            let found = sqlx::query_as(
                "SELECT u.user_id, u.guid, coalesce(s.name, nullif(u.display_name, ''), u.username)
                   FROM sys_login_user u
                   LEFT JOIN hr_staff s ON s.account_id = u.user_id AND s.company_id = u.company_id
                  WHERE u.user_id = ANY($1::bigint[]) ORDER BY u.user_id",
            )
            .bind(accounts)
            .fetch_all(pg);
            in_time(patience, Box::pin(found)).await?
        }
        Raw::Sqlite(sqlite) => {
            sqlx::query_as(
                "SELECT u.user_id, u.guid, coalesce(s.name, nullif(u.display_name, ''), u.username)
                   FROM sys_login_user u
                   LEFT JOIN hr_staff s ON s.account_id = u.user_id AND s.company_id = u.company_id
                  WHERE u.user_id IN (SELECT value FROM json_each($1)) ORDER BY u.user_id",
            )
            .bind(Json(accounts))
            .fetch_all(sqlite)
            .await?
        }
    };
    Ok(cards)
}
