//! One empty database for one test, and the runtime that the test's body needs.
//!
//! The database is removed when the body is over, however it ended.

use std::future::Future;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::FutureExt;
use livegrant::settings::{Database, DatabaseUrl, Settings};

use super::postgres;

/// An empty database of one test.
#[derive(Clone)]
pub struct TestDatabase {
    /// `SQLite` or `PostgreSQL`, for messages.
    pub kind: &'static str,
    /// Its URL, as `database.url` takes it.
    pub url: String,
}

impl TestDatabase {
    /// Settings for the whole application on this database: cheap password hashes, a port of the system's choice.
    pub fn settings(&self) -> Settings {
        let mut settings = Settings {
            database: Database {
                url: DatabaseUrl::new(&self.url),
                max_connections: 4, // a hundred tests at one time must fit on one server
                read_connections: 2,
                ..Database::default()
            },
            ..Settings::default()
        };
        settings.server.port = 0;
        settings.server.workers = 1;
        settings.auth.hash_memory_kib = 8;
        settings.auth.hash_iterations = 1;
        settings
    }
}

/// Runs a body on SQLite.
pub fn run_on_sqlite<F: Future<Output = ()>>(body: impl FnOnce(TestDatabase) -> F) {
    let folder = tempfile::Builder::new().prefix("livegrant-test-").tempdir().expect("a temporary folder");
    let url = format!("sqlite://{}", folder.path().join("livegrant.db").display());
    run(attempt(TestDatabase { kind: "SQLite", url }, body)).unwrap_or_else(|panic| resume_unwind(panic));
}

/// Runs a body on PostgreSQL; what it leaves open is cut off.
pub fn run_on_postgres<F: Future<Output = ()>>(body: impl FnOnce(TestDatabase) -> F) {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("livegrant_test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let outcome = run(async {
        let url = postgres::create(&name).await;
        let outcome = attempt(TestDatabase { kind: "PostgreSQL", url }, body).await;
        postgres::remove(&name).await;
        outcome
    });
    outcome.unwrap_or_else(|panic| resume_unwind(panic));
}

/// Runs a future as the application does: on an actix system.
pub fn run<T>(future: impl Future<Output = T>) -> T {
    actix::System::new().block_on(future)
}

/// Catches a body's failure, so that its database can be removed first, and says which database it was.
async fn attempt<F: Future<Output = ()>>(
    database: TestDatabase,
    body: impl FnOnce(TestDatabase) -> F,
) -> std::thread::Result<()> {
    let shown = format!("{} ({})", database.kind, DatabaseUrl::new(&database.url));
    let outcome = AssertUnwindSafe(async { body(database).await }).catch_unwind().await;
    if outcome.is_err() {
        eprintln!("failed on {shown}");
    }
    outcome
}
