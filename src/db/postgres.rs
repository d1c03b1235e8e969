//! The pool of PostgreSQL connections: how they are opened, and which are not used (again).
//!
//! Invariants: every connection belongs to a server that takes writes, when it is opened, when it is lent after it has
//! lain idle, and when it is given back; so those to a server that was demoted go. None of these looks waits longer than
//! [`LOOK`], so a server that is silent costs a connection, not its place in the pool.
//! There is no TCP keepalive: the driver offers none. Silence is found by the time that a statement may take (`conn.rs`).

use super::{DbError, STATEMENTS_KEPT};
use crate::settings::Database as DatabaseSettings;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use sqlx::{ConnectOptions, PgPool};
use std::str::FromStr;
use std::time::Duration;

/// How long a look at a connection may take. A second: a round trip in a data centre takes a thousandth of it.
const LOOK: Duration = Duration::from_secs(1);
/// A connection that was idle for less is not looked at before it is lent: it was looked at when it was given back.
const FRESH: Duration = Duration::from_millis(200);

/// Opens the pool; the first connection is made at once.
pub(super) async fn open(settings: &DatabaseSettings) -> Result<PgPool, DbError> {
    let options = PgConnectOptions::from_str(settings.url.expose())
        .map_err(|e| DbError::Unavailable(format!("database.url is not a PostgreSQL address: {e}")))?
        .statement_cache_capacity(STATEMENTS_KEPT)
        .application_name("livegrant");
    let place = format!("{}:{}", options.get_host(), options.get_port());
    let timeout = Duration::from_secs(settings.acquire_timeout_seconds);
    let limits = Limits::of(settings);
    let pool = PgPoolOptions::new()
        .max_connections(settings.max_connections)
        .acquire_timeout(timeout)
        .max_lifetime(Duration::from_secs(settings.max_lifetime_seconds))
        .idle_timeout(Duration::from_secs(settings.idle_timeout_seconds))
        .test_before_acquire(false)
        .after_connect(move |conn, _| Box::pin(limits.set(conn)))
        .before_acquire(|conn, about| {
            Box::pin(async move { if about.idle_for < FRESH { Ok(true) } else { takes_writes(conn).await } })
        })
        .after_release(|conn, _| Box::pin(takes_writes(conn)))
        .connect_with(options.clone())
        .await;
    match pool {
        Ok(pool) => Ok(pool),
        Err(error) => {
            let cause = cause_of(error, &options, timeout).await;
            Err(DbError::Unavailable(format!(
                "PostgreSQL at {place} cannot be used: {cause}; check that it runs and that database.url is right"
            )))
        }
    }
}

/// What the server is told to allow on each connection, as it takes it: milliseconds in words.
#[derive(Debug, Clone, Copy)]
struct Limits {
    statement: u64,
    lock: u64,
    idle_in_transaction: u64,
}

impl Limits {
    fn of(settings: &DatabaseSettings) -> Self {
        Self {
            statement: settings.statement_timeout_ms,
            lock: settings.lock_timeout_ms,
            idle_in_transaction: settings.idle_in_transaction_timeout_ms,
        }
    }

    /// Sets the limits on a new connection, and refuses one to a server that only follows another. By statement, not as a
    /// parameter of the start: a pooler in between refuses parameters that it does not know.
    async fn set(self, conn: &mut PgConnection) -> Result<(), sqlx::Error> {
        let (follows, ..): (bool, String, String, String) = sqlx::query_as(
            "SELECT pg_is_in_recovery(), set_config('statement_timeout', $1, FALSE),
                    set_config('lock_timeout', $2, FALSE),
                    set_config('idle_in_transaction_session_timeout', $3, FALSE)",
        )
        .bind(self.statement.to_string())
        .bind(self.lock.to_string())
        .bind(self.idle_in_transaction.to_string())
        .fetch_one(conn)
        .await?;
        if follows { Err(refusal()) } else { Ok(()) }
    }
}

fn refusal() -> sqlx::Error {
    let cause =
        "this server is a replica (in recovery) and takes no writes: name the primary in database.url";
    sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::ReadOnlyFilesystem, cause))
}

/// Answers `true` for a connection that answers in time and whose server takes writes. An error, which closes it at once, for
/// one that is silent: it would not even say goodbye.
async fn takes_writes(conn: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let look = sqlx::query_as::<_, (bool,)>("SELECT pg_is_in_recovery()").fetch_one(conn);
    match tokio::time::timeout(LOOK, look).await {
        Ok(Ok((follows,))) => Ok(!follows),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())),
    }
}

/// Answers why there is no connection: a pool tries until its time is over and then says only that; one try says why.
async fn cause_of(error: sqlx::Error, options: &PgConnectOptions, timeout: Duration) -> sqlx::Error {
    if !matches!(error, sqlx::Error::PoolTimedOut) {
        return error;
    }
    match tokio::time::timeout(timeout, options.connect()).await {
        Ok(Err(cause)) => cause,
        Ok(Ok(mut conn)) => match takes_writes(&mut conn).await {
            Ok(false) => refusal(),
            Ok(true) | Err(_) => error,
        },
        Err(_) => error,
    }
}
