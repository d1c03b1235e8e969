//! The fence (I3): scope locks, the comparison of a stamp with the epochs as they are now, and raising epochs.
//! On PostgreSQL the function `livegrant_fence` does it in one round trip, unless the policy has moved on since the decision:
//! then the epochs are compared in another. Never in the statement that locks: it would use the snapshot from before the
//! wait (1,366 violations in 4,000 races; in two: 0). On SQLite `BEGIN IMMEDIATE` is the lock, and most epochs are remembered (`epochs.rs`).
//! A stamp of another log than the present one never holds, whatever its numbers (`docs/adr/0012`).
//! Why so: `docs/adr/0008-the-fence-in-one-round-trip.md`.

use super::audit::Line;
use super::epochs::Epochs;
use super::{Author, Conn, DbError, Raw, in_time};
use crate::policy::{Scope, Stamp};
use sqlx::types::Json;
use std::collections::BTreeMap;

/// Scopes that a change locks one by one. A PostgreSQL server has room for 64 locks a connection that it allows, so the
/// end of some ten thousand sessions did not fit ("out of shared memory").
pub(super) const LOCKS_MAX: usize = 500;

/// What a transaction has to pass before it may commit.
#[derive(Debug, Default)]
pub(super) struct Gate<'a> {
    /// The decision that it rests on.
    pub stamp: Option<&'a Stamp>,
    /// The scopes that it is about to raise.
    pub raise: &'a [Scope],
    /// The audit line that was held back, with its author.
    pub line: Option<(&'a Line, &'a Author)>,
    /// What is remembered of a SQLite file.
    pub epochs: Option<&'a Epochs>,
}

/// Writes the line, takes the locks of the scopes (shared for what is read, exclusive for what is raised) and answers
/// whether the stamp still holds: every epoch unchanged and no timed grant in it over.
pub(super) async fn pass(conn: &mut Conn, gate: &Gate<'_>, now: i64) -> Result<bool, DbError> {
    if conn.is_sqlite() || (gate.stamp.is_none() && gate.raise.is_empty()) {
        if let Some((line, author)) = gate.line {
            line.write(conn, author).await?;
        }
        let Some(stamp) = gate.stamp else { return Ok(true) };
        return holds_here(conn, stamp, gate.epochs, now).await;
    }
    let (keys, exclusive) = locks(gate);
    let (line, author) = gate.line.unzip();
    let patience = conn.patience();
    let Raw::Pg(pg) = conn.raw() else { return Ok(false) };
    let asked = sqlx::query_as("SELECT livegrant_fence($1, $2, $3, $4, $5, $6, $7, $8, $9)")
        .bind(keys)
        .bind(exclusive)
        .bind(gate.stamp.and_then(Stamp::at).map(|rev| rev.0))
        .bind(gate.stamp.and_then(Stamp::until))
        .bind(line.map(|line| line.at))
        .bind(author.map(|author| author.account.0))
        .bind(author.map(|author| author.company.0))
        .bind(line.map(Line::texts_and_diff))
        .bind(gate.stamp.and_then(Stamp::log))
        .fetch_one(pg);
    let (verdict,): (Option<bool>,) = in_time(patience, Box::pin(asked)).await?;
    match (verdict, gate.stamp) {
        (Some(holds), _) => Ok(holds),
        (None, Some(stamp)) => compare(conn, stamp).await,
        (None, None) => Ok(true),
    }
}

/// Compares every epoch of the stamp, on PostgreSQL: a statement of its own, after the locks.
async fn compare(conn: &mut Conn, stamp: &Stamp) -> Result<bool, DbError> {
    let (scopes, epochs): (Vec<String>, Vec<i64>) =
        stamp.epochs().iter().map(|(scope, epoch)| (scope.to_string(), *epoch)).unzip();
    let patience = conn.patience();
    let Raw::Pg(pg) = conn.raw() else { return Ok(false) };
    // One look into the index a scope, whatever the planner believes of the table.
    let asked = sqlx::query_as(
        "SELECT EXISTS (
            SELECT FROM unnest($1::text[], $2::bigint[]) AS seen (scope, epoch)
             WHERE coalesce((SELECT present.epoch FROM policy_epoch AS present WHERE present.scope = seen.scope), 0)
                   <> seen.epoch)",
    )
    .bind(scopes)
    .bind(epochs)
    .fetch_one(pg);
    let (changed,): (bool,) = in_time(patience, Box::pin(asked)).await?;
    Ok(!changed)
}

/// The keys to be locked, sorted, and which of them exclusively, if any is. For more than [`LOCKS_MAX`] to be raised it is the catalogue's
/// in their place: every stamp has it.
fn locks(gate: &Gate<'_>) -> (Vec<i64>, Option<Vec<bool>>) {
    let read = gate.stamp.map_or(&[][..], Stamp::epochs);
    let mut keys: BTreeMap<i64, bool> = read.iter().map(|(scope, _)| (scope.lock_key(), false)).collect();
    let raise = if gate.raise.len() > LOCKS_MAX { &[Scope::Catalogue] } else { gate.raise };
    keys.extend(raise.iter().map(|scope| (scope.lock_key(), true)));
    let (keys, exclusive) = keys.into_iter().unzip();
    (keys, (!raise.is_empty()).then_some(exclusive))
}

/// Takes one exclusive lock that is not a scope, for a rule over several rows (the last administrator stays).
pub(super) async fn lock_rule(conn: &mut Conn, key: i64) -> Result<(), DbError> {
    let patience = conn.patience();
    if !conn.is_sqlite()
        && let Raw::Pg(pg) = conn.raw()
    {
        let locked = sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(key).execute(pg);
        in_time(patience, Box::pin(locked)).await?;
    }
    Ok(())
}

/// The comparison inside `BEGIN IMMEDIATE`.
async fn holds_here(
    conn: &mut Conn,
    stamp: &Stamp,
    remembered: Option<&Epochs>,
    now: i64,
) -> Result<bool, DbError> {
    if stamp.until().is_some_and(|until| until <= now) {
        return Ok(false);
    }
    let unknown = match remembered {
        Some(epochs) => epochs.unknown(stamp.epochs()),
        None => Some(stamp.epochs().iter().collect()),
    };
    let Some(unknown) = unknown else { return Ok(false) };
    if unknown.is_empty() {
        return Ok(true);
    }
    let Raw::Sqlite(sqlite) = conn.raw() else { return Ok(false) };
    let texts: Vec<String> = unknown.iter().map(|(scope, _)| scope.to_string()).collect();
    // In the order of the list: a join on a table-valued function keeps it, and the key says so.
    let present: Vec<(i64,)> = sqlx::query_as(
        "SELECT coalesce((SELECT epoch FROM policy_epoch WHERE scope = seen.value), 0)
           FROM json_each($1) AS seen ORDER BY seen.key",
    )
    .bind(Json(texts))
    .fetch_all(sqlite)
    .await?;
    let same = unknown.len() == present.len()
        && unknown.iter().zip(&present).all(|((_, seen), (present,))| seen == present);
    if let Some(epochs) = remembered {
        epochs.learn(unknown.iter().zip(&present).map(|((scope, _), (epoch,))| (scope.clone(), *epoch)));
    }
    Ok(same)
}

/// Raises the scopes' epochs by one and answers the new ones.
pub(super) async fn raise(conn: &mut Conn, scopes: &[Scope]) -> Result<Vec<(Scope, i64)>, DbError> {
    if scopes.is_empty() {
        return Ok(Vec::new());
    }
    let texts: Vec<String> = scopes.iter().map(Scope::to_string).collect();
    let patience = conn.patience();
    let rows: Vec<(String, i64)> = match conn.raw() {
        Raw::Pg(pg) => {
            let raised = sqlx::query_as(
                "INSERT INTO policy_epoch (scope, epoch) SELECT scope, 1 FROM unnest($1::text[]) AS raised(scope)
                     ON CONFLICT (scope) DO UPDATE SET epoch = policy_epoch.epoch + 1 RETURNING scope, epoch",
            )
            .bind(texts)
            .fetch_all(pg);
            in_time(patience, Box::pin(raised)).await?
        }
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
