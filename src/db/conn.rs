//! One connection to either database, and the four macros that run one SQL text on both.
//! A statement is written once with `$1` placeholders; `tests/storage` prepares every one of them on SQLite and on
//! PostgreSQL. Rows are plain structs that derive `sqlx::FromRow`. Nothing here knows what a statement means.

use super::DbError;
use sqlx::pool::PoolConnection;
use sqlx::{PgConnection, Postgres, Sqlite, SqliteConnection, Transaction};
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A connection that store functions take: reading from a pool, or inside a unit of work.
#[derive(Debug)]
pub struct Conn {
    link: Link,
    statements: Arc<Statements>,
    patience: Option<Duration>,
}

#[derive(Debug)]
pub(super) enum Link {
    /// A pooled SQLite connection of the read-only pool.
    SqliteRead(PoolConnection<Sqlite>),
    /// The SQLite writer inside `BEGIN IMMEDIATE`; rolls back when dropped.
    SqliteWork(Transaction<'static, Sqlite>),
    /// A pooled PostgreSQL connection outside a transaction.
    PgRead(PoolConnection<Postgres>),
    /// A PostgreSQL transaction (READ COMMITTED); rolls back when dropped.
    PgWork(Transaction<'static, Postgres>),
}

/// Counts statements: every one that goes through a [`Conn`], and every BEGIN and COMMIT.
#[derive(Debug, Default)]
pub(super) struct Statements(AtomicU64);

impl Statements {
    pub fn count(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
        metrics::counter!("livegrant_sql_statements_total").increment(1);
    }

    pub fn so_far(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The driver's own connection, for the macros' two arms.
#[derive(Debug)]
pub enum Raw<'c> {
    /// SQLite.
    Sqlite(&'c mut SqliteConnection),
    /// PostgreSQL.
    Pg(&'c mut PgConnection),
}

impl Conn {
    pub(super) fn new(link: Link, statements: Arc<Statements>, patience: Option<Duration>) -> Self {
        if let Link::SqliteWork(_) | Link::PgWork(_) = link {
            statements.count();
        }
        Self { link, statements, patience }
    }

    /// Lends the driver's connection for one statement, which is counted.
    pub fn raw(&mut self) -> Raw<'_> {
        self.statements.count();
        match &mut self.link {
            Link::SqliteRead(c) => Raw::Sqlite(c),
            Link::SqliteWork(t) => Raw::Sqlite(t),
            Link::PgRead(c) => Raw::Pg(c),
            Link::PgWork(t) => Raw::Pg(t),
        }
    }

    /// Answers how long a statement on this connection may go unanswered; `None`: for ever, in this process.
    pub fn patience(&self) -> Option<Duration> {
        self.patience
    }

    /// Makes it shorter, where the statements travel.
    pub(super) fn hurry(&mut self, patience: Duration) {
        self.patience = self.patience.map(|before| before.min(patience));
    }

    /// True on SQLite, for the few places in `db/` where the two databases differ.
    pub fn is_sqlite(&self) -> bool {
        matches!(self.link, Link::SqliteRead(_) | Link::SqliteWork(_))
    }

    /// Commits the transaction of a unit of work.
    pub(super) async fn commit(self) -> Result<(), DbError> {
        self.statements.count();
        match self.link {
            Link::SqliteWork(transaction) => transaction.commit().await?,
            Link::PgWork(transaction) => in_time(self.patience, Box::pin(transaction.commit())).await?,
            Link::SqliteRead(_) | Link::PgRead(_) => {}
        }
        Ok(())
    }
}

/// Waits for an answer of the database, if need be only so long: a network that swallows everything must not hold who asks
/// for ever. What was asked may have been done all the same.
///
/// # Errors
/// What the database says, or [`DbError::Unavailable`] when it says nothing.
pub async fn in_time<T>(
    patience: Option<Duration>,
    answer: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, DbError> {
    let Some(patience) = patience else { return answer.await.map_err(DbError::from) };
    match tokio::time::timeout(patience, answer).await {
        Ok(answer) => answer.map_err(DbError::from),
        Err(_) => Err(DbError::Unavailable(format!("no answer within {} ms", patience.as_millis()))),
    }
}

/// Runs a statement and answers how many rows it touched. What waits is boxed, here and below: it is large, and would make
/// every future larger that has a statement in it.
#[macro_export]
macro_rules! sql_exec {
    ($conn:expr, $sql:literal $(, $arg:expr)* $(,)?) => {
        $crate::db::in_time($crate::db::Conn::patience($conn), Box::pin(async { match $crate::db::Conn::raw($conn) {
            $crate::db::Raw::Sqlite(c) => sqlx::query($sql)$(.bind($arg))*.execute(c).await.map(|r| r.rows_affected()),
            $crate::db::Raw::Pg(c) => sqlx::query($sql)$(.bind($arg))*.execute(c).await.map(|r| r.rows_affected()),
        } })).await
    };
}

/// Runs a query and answers all rows as the given type.
#[macro_export]
macro_rules! sql_all {
    ($conn:expr, $row:ty, $sql:literal $(, $arg:expr)* $(,)?) => {
        $crate::db::in_time($crate::db::Conn::patience($conn), Box::pin(async { match $crate::db::Conn::raw($conn) {
            $crate::db::Raw::Sqlite(c) => sqlx::query_as::<_, $row>($sql)$(.bind($arg))*.fetch_all(c).await,
            $crate::db::Raw::Pg(c) => sqlx::query_as::<_, $row>($sql)$(.bind($arg))*.fetch_all(c).await,
        } })).await
    };
}

/// Runs a query and answers at most one row.
#[macro_export]
macro_rules! sql_opt {
    ($conn:expr, $row:ty, $sql:literal $(, $arg:expr)* $(,)?) => {
        $crate::db::in_time($crate::db::Conn::patience($conn), Box::pin(async { match $crate::db::Conn::raw($conn) {
            $crate::db::Raw::Sqlite(c) => sqlx::query_as::<_, $row>($sql)$(.bind($arg))*.fetch_optional(c).await,
            $crate::db::Raw::Pg(c) => sqlx::query_as::<_, $row>($sql)$(.bind($arg))*.fetch_optional(c).await,
        } })).await
    };
}

/// Runs a query that always has exactly one row (`RETURNING`, aggregates).
#[macro_export]
macro_rules! sql_one {
    ($conn:expr, $row:ty, $sql:literal $(, $arg:expr)* $(,)?) => {
        $crate::db::in_time($crate::db::Conn::patience($conn), Box::pin(async { match $crate::db::Conn::raw($conn) {
            $crate::db::Raw::Sqlite(c) => sqlx::query_as::<_, $row>($sql)$(.bind($arg))*.fetch_one(c).await,
            $crate::db::Raw::Pg(c) => sqlx::query_as::<_, $row>($sql)$(.bind($arg))*.fetch_one(c).await,
        } })).await
    };
}
