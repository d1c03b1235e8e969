//! The databases: SQLite (embedded, one file, one writer) and PostgreSQL (clusters) behind one door.
//! One SQL text serves both; what differs lives in this folder alone. Why an enum of two native pools and not
//! `sqlx::Any`: `docs/adr/0002-one-sql-text-for-two-databases.md`. The unit of work with the fence is in `work.rs`.

mod audit;
pub(crate) mod bulk;
pub(crate) mod bulk_inbox;
pub(crate) mod bulk_mail;
pub(crate) mod bulk_moves;
mod conn;
mod epochs;
mod errand;
mod error;
mod fence;
pub mod listing;
mod migrate;
pub mod paging;
mod postgres;
mod work;

pub(crate) use audit::write_audit;
pub use conn::{Conn, Raw, in_time};
use conn::{Link, Statements};
pub use errand::{
    Closing, ERRANDS_WAITING, Errand, LastWrite, Mail, MailEvent, Signal, StateChange, Writing,
};
pub use error::DbError;
pub use work::{Author, Authority, CommitError, Committed, SystemTask, Work};

use crate::clock::Clock;
use crate::settings::{Database as DatabaseSettings, DatabaseKind, Synchronous};
use crate::sql_one;
use epochs::Epochs;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{PgPool, SqlitePool};
use std::fs::File;
use std::path::Path;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, mpsc};

/// Prepared statements that a connection keeps. 512: several times as many as there are, for a statement that has dropped
/// out costs two more round trips.
const STATEMENTS_KEPT: usize = 512;

/// The database of this node. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Db {
    pools: Arc<Pools>,
    clock: Clock,
    doorbell: Arc<Notify>,
    errands: Errands,
    fence: Fence,
    rehearsal: bool,
    statements: Arc<Statements>,
    /// How long a statement may go unanswered; `None` on SQLite, which is in this process.
    patience: Option<Duration>,
}

/// The way of errands from commits to whoever runs them.
#[derive(Debug, Clone)]
struct Errands {
    sender: mpsc::Sender<Errand>,
    /// Taken by the one that runs them.
    receiver: Arc<Mutex<Option<mpsc::Receiver<Errand>>>>,
}

impl Default for Errands {
    fn default() -> Self {
        let (sender, receiver) = mpsc::channel(ERRANDS_WAITING);
        Self { sender, receiver: Arc::new(Mutex::new(Some(receiver))) }
    }
}

/// What a statement may take on the way beyond the time that the server allows it.
const ON_THE_WAY: Duration = Duration::from_secs(2);

/// Whether guarded writes are compared with their stamp at commit. Off exists only so that the race test can show
/// that its checker finds violations without the fence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fence {
    /// Always, in every running server.
    On,
    /// Only in the negative control of the race test.
    Off,
}

#[derive(Debug)]
enum Pools {
    Sqlite { writer: SqlitePool, reader: SqlitePool, owned: Option<Owned> },
    Pg(PgPool),
}

/// A file that no other process uses.
#[derive(Debug)]
struct Owned {
    epochs: Arc<Epochs>,
    /// Holds the file's lock.
    lock: File,
}

impl Db {
    /// Opens the database that the URL's scheme names. A SQLite file is created when missing and locked for this process.
    ///
    /// # Errors
    /// [`DbError::Unavailable`] when it cannot be reached or another process uses the file, [`DbError::Schema`] when the
    /// file is damaged. The text says what to do.
    pub async fn open(settings: &DatabaseSettings, clock: Clock) -> Result<Self, DbError> {
        let pools = match settings.url.kind() {
            Some(DatabaseKind::Sqlite) => open_sqlite(settings).await?,
            Some(DatabaseKind::Postgres) => Pools::Pg(postgres::open(settings).await?),
            None => {
                let detail = "database.url must start with sqlite:// or postgres://";
                return Err(DbError::Unavailable(detail.to_owned()));
            }
        };
        let (pools, doorbell, statements) = (Arc::new(pools), Arc::default(), Arc::default());
        let patience = match *pools {
            Pools::Sqlite { .. } => None,
            Pools::Pg(_) => Some(Duration::from_millis(settings.statement_timeout_ms) + ON_THE_WAY),
        };
        let errands = Errands::default();
        Ok(Self { pools, clock, doorbell, errands, fence: Fence::On, rehearsal: false, statements, patience })
    }

    /// Answers the same database with the fence switched; for the negative control only.
    #[doc(hidden)]
    #[must_use]
    pub fn with_fence(mut self, fence: Fence) -> Self {
        self.fence = fence;
        self
    }

    /// Answers the same database for a rehearsal: its units of work go all the way through the fence and are then rolled
    /// back, so that a write's answer and its refusals are the real ones and nothing is changed.
    #[must_use]
    pub fn rehearsing(mut self) -> Self {
        self.rehearsal = true;
        self
    }

    /// Answers whether nothing is committed here.
    pub fn is_rehearsing(&self) -> bool {
        self.rehearsal
    }

    /// Brings the schema to this version.
    pub async fn migrate(&self) -> Result<(), DbError> {
        migrate::fits(&mut self.read().await?).await?;
        migrate::run(&self.pools).await
    }

    /// Refuses a schema that is missing, older, newer or edited by hand, saying what to do.
    pub async fn check_schema(&self) -> Result<(), DbError> {
        migrate::check(&mut self.read().await?).await
    }

    /// Lends a connection for reading.
    pub async fn read(&self) -> Result<Conn, DbError> {
        let link = match &*self.pools {
            Pools::Sqlite { reader, .. } => Link::SqliteRead(reader.acquire().await?),
            Pools::Pg(pool) => Link::PgRead(pool.acquire().await?),
        };
        Ok(Conn::new(link, Arc::clone(&self.statements), self.patience))
    }

    /// Lends a connection for reading to whom a late answer is none: neither the connection nor any statement on it takes
    /// longer than that.
    ///
    /// # Errors
    /// [`DbError::Unavailable`] when the time is over.
    pub async fn read_within(&self, patience: Duration) -> Result<Conn, DbError> {
        let silent = || DbError::Unavailable(format!("no connection within {} ms", patience.as_millis()));
        let mut conn = tokio::time::timeout(patience, self.read()).await.map_err(|_| silent())??;
        conn.hurry(patience);
        Ok(conn)
    }

    /// Begins a unit of work in the author's name. It rolls back when dropped.
    pub async fn begin(&self, author: &Author) -> Result<Work, DbError> {
        let (link, epochs) = match &*self.pools {
            Pools::Sqlite { writer, owned, .. } => {
                let epochs = owned.as_ref().map(|owned| Arc::clone(&owned.epochs));
                (Link::SqliteWork(writer.begin_with("BEGIN IMMEDIATE").await?), epochs)
            }
            Pools::Pg(pool) => (Link::PgWork(in_time(self.patience, Box::pin(pool.begin())).await?), None),
        };
        let conn = Conn::new(link, Arc::clone(&self.statements), self.patience);
        Ok(Work::new(conn, author.clone(), self, epochs))
    }

    /// Is rung after every commit that took a revision (the in-process doorbell, I6).
    pub fn doorbell(&self) -> Arc<Notify> {
        Arc::clone(&self.doorbell)
    }

    /// Gives what was left to be done after commits, to the one that does it; `None` to everybody who asks later.
    pub fn errands(&self) -> Option<mpsc::Receiver<Errand>> {
        self.errands.receiver.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Answers how many statements were run so far, with BEGIN and COMMIT and without migrations: a difference says what
    /// something cost.
    pub fn statements(&self) -> u64 {
        self.statements.so_far()
    }

    /// Answers whether no other process can use this database: a SQLite file with its lock.
    pub fn is_own(&self) -> bool {
        matches!(*self.pools, Pools::Sqlite { .. })
    }

    /// Answers what time it is for all nodes, in UTC milliseconds: the database's clock, unless a test turns this node's.
    pub async fn now(&self, conn: &mut Conn) -> Result<i64, DbError> {
        if self.clock.is_manual() {
            return Ok(self.clock.now_ms());
        }
        Ok(sql_one!(conn, (i64,), "SELECT now_ms FROM database_clock")?.0)
    }

    /// Answers the clock that stamps rows.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Closes all connections; SQLite folds its write-ahead log back into the file, which another process may then take.
    pub async fn close(&self) {
        match &*self.pools {
            Pools::Sqlite { writer, reader, owned } => {
                reader.close().await;
                writer.close().await;
                if let Some(owned) = owned {
                    // A lock that cannot be given back goes with the process.
                    let _ = owned.lock.unlock();
                }
            }
            Pools::Pg(pool) => pool.close().await,
        }
    }
}

async fn open_sqlite(settings: &DatabaseSettings) -> Result<Pools, DbError> {
    let path = settings.url.expose().trim_start_matches("sqlite:").trim_start_matches("//");
    let path = path.split('?').next().unwrap_or(path);
    let lock = lock_file(path)?;
    let synchronous = match settings.synchronous {
        Synchronous::Normal => SqliteSynchronous::Normal,
        Synchronous::Full => SqliteSynchronous::Full,
    };
    let options = SqliteConnectOptions::from_str(settings.url.expose())?
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(synchronous)
        .statement_cache_capacity(STATEMENTS_KEPT)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(5));
    let timeout = Duration::from_secs(settings.acquire_timeout_seconds);
    // One writer: a pool of writers sleep-polls for the file lock, unfairly (p99 104 ms against 13 ms).
    let writer = SqlitePoolOptions::new()
        .max_connections(1)
        .acquire_timeout(timeout)
        .connect_with(options.clone())
        .await
        .map_err(|e| unreachable_file(path, e))?;
    let reader = SqlitePoolOptions::new()
        .max_connections(settings.read_connections)
        .acquire_timeout(timeout)
        .connect_with(options.create_if_missing(false).read_only(true))
        .await
        .map_err(|e| unreachable_file(path, e))?;
    let owned = lock.map(|lock| Owned { epochs: Arc::default(), lock });
    Ok(Pools::Sqlite { writer, reader, owned })
}

/// Takes the file for this process: two processes migrating or writing one file corrupt each other's assumptions.
fn lock_file(path: &str) -> Result<Option<File>, DbError> {
    if path.is_empty() || path.contains(":memory:") {
        return Ok(None);
    }
    let unavailable = |cause: std::io::Error| DbError::Unavailable(format!("{path}: {cause}"));
    if let Some(folder) = Path::new(path).parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(unavailable)?;
    }
    let file = File::create(format!("{path}.lock")).map_err(unavailable)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(std::fs::TryLockError::WouldBlock) => Err(DbError::Unavailable(format!(
            "{path} is in use by another livegrant process; stop it first, or use PostgreSQL for several"
        ))),
        Err(std::fs::TryLockError::Error(cause)) => Err(unavailable(cause)),
    }
}

fn unreachable_file(path: &str, error: sqlx::Error) -> DbError {
    match DbError::from(error) {
        DbError::Defect(cause) => DbError::Unavailable(format!("{path}: {cause}")),
        DbError::Schema(problem) => DbError::Schema(format!("{path}: {problem}")),
        other => other,
    }
}
