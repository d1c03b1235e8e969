//! The fence (I3): scope locks, the comparison of a stamp with the epochs as they are now, and raising epochs.
//! On PostgreSQL the lock and the comparison are two statements on purpose: in one statement the comparison would use
//! the snapshot from before the wait (1,366 violations in 4,000 races; in two: 0). On SQLite `BEGIN IMMEDIATE` is the lock.

use super::{Conn, DbError, Raw};
use crate::policy::{Scope, Stamp};
use sqlx::types::Json;
use std::collections::BTreeMap;

/// Scopes that a change locks one by one. A PostgreSQL server has room for 64 locks a connection that it allows, so the
/// end of some ten thousand sessions did not fit ("out of shared memory").
pub(super) const LOCKS_MAX: usize = 500;

/// Takes the locks of the scopes, in the order of their keys: shared for what is read, exclusive for what is raised.
/// For more than [`LOCKS_MAX`] to be raised it takes the catalogue's in their place: every stamp has it.
pub(super) async fn lock(conn: &mut Conn, read: &[(Scope, i64)], raise: &[Scope]) -> Result<(), DbError> {
    let Raw::Pg(pg) = conn.raw() else { return Ok(()) };
    let mut keys: BTreeMap<i64, bool> = read.iter().map(|(scope, _)| (scope.lock_key(), false)).collect();
    let raise = if raise.len() > LOCKS_MAX { &[Scope::Catalogue] } else { raise };
    keys.extend(raise.iter().map(|scope| (scope.lock_key(), true)));
    if keys.is_empty() {
        return Ok(());
    }
    let (keys, exclusive): (Vec<i64>, Vec<bool>) = keys.into_iter().unzip();
    sqlx::query(
        "SELECT CASE WHEN exclusive THEN pg_advisory_xact_lock(key)::text
                ELSE pg_advisory_xact_lock_shared(key)::text END
           FROM unnest($1::bigint[], $2::bool[]) AS wanted(key, exclusive)",
    )
    .bind(keys)
    .bind(exclusive)
    .execute(pg)
    .await?;
    Ok(())
}

/// Takes one exclusive lock that is not a scope, for a rule over several rows (the last administrator stays).
pub(super) async fn lock_rule(conn: &mut Conn, key: i64) -> Result<(), DbError> {
    if let Raw::Pg(pg) = conn.raw() {
        sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(key).execute(pg).await?;
    }
    Ok(())
}

/// Answers whether the stamp still holds: every epoch unchanged and no timed grant in it over.
pub(super) async fn holds(conn: &mut Conn, stamp: &Stamp, now: i64) -> Result<bool, DbError> {
    let (changed, over): (i64, bool) = match conn.raw() {
        Raw::Pg(pg) => {
            let (scopes, epochs): (Vec<String>, Vec<i64>) =
                stamp.epochs().iter().map(|(scope, epoch)| (scope.to_string(), *epoch)).unzip();
            // The database's clock decides about time limits: nodes' clocks differ.
            sqlx::query_as(
                "SELECT count(*),
                        coalesce($3::bigint <= (extract(epoch FROM clock_timestamp()) * 1000)::bigint, FALSE)
                   FROM unnest($1::text[], $2::bigint[]) AS seen(scope, epoch)
                   LEFT JOIN policy_epoch AS present ON present.scope = seen.scope
                  WHERE coalesce(present.epoch, 0) <> seen.epoch",
            )
            .bind(scopes)
            .bind(epochs)
            .bind(stamp.until())
            .fetch_one(pg)
            .await?
        }
        Raw::Sqlite(sqlite) => {
            sqlx::query_as(
                "SELECT count(*), coalesce($2 <= $3, FALSE)
                   FROM json_each($1) AS seen
                   LEFT JOIN policy_epoch AS present ON present.scope = seen.value ->> 0
                  WHERE coalesce(present.epoch, 0) <> seen.value ->> 1",
            )
            .bind(Json(stamp.epochs()))
            .bind(stamp.until())
            .bind(now)
            .fetch_one(sqlite)
            .await?
        }
    };
    Ok(changed == 0 && !over)
}

/// Raises the scopes' epochs by one and answers the new ones.
pub(super) async fn raise(conn: &mut Conn, scopes: &[Scope]) -> Result<Vec<(Scope, i64)>, DbError> {
    if scopes.is_empty() {
        return Ok(Vec::new());
    }
    let texts: Vec<String> = scopes.iter().map(Scope::to_string).collect();
    let rows: Vec<(String, i64)> = match conn.raw() {
        Raw::Pg(pg) => sqlx::query_as(
            "INSERT INTO policy_epoch (scope, epoch) SELECT scope, 1 FROM unnest($1::text[]) AS raised(scope)
                 ON CONFLICT (scope) DO UPDATE SET epoch = policy_epoch.epoch + 1 RETURNING scope, epoch",
        )
        .bind(texts)
        .fetch_all(pg)
        .await?,
        Raw::Sqlite(sqlite) => {
            sqlx::query_as(
                "INSERT INTO policy_epoch (scope, epoch) SELECT value, 1 FROM json_each($1) WHERE TRUE
                 ON CONFLICT (scope) DO UPDATE SET epoch = policy_epoch.epoch + 1 RETURNING scope, epoch",
            )
            .bind(Json(texts))
            .fetch_all(sqlite)
            .await?
        }
    };
    rows.into_iter()
        .map(|(text, epoch)| Ok((Scope::try_from(text).map_err(DbError::Schema)?, epoch)))
        .collect()
}
