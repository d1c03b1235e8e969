//! What the tests' own databases promise: each test has one, and it is empty.

#[path = "support/mod.rs"]
mod support;

use livegrant::settings::DatabaseKind;
use sqlx::{Connection, Executor, PgConnection, SqliteConnection};

use support::both_databases;

async fn make_a_table(url: &str) {
    let sql = "CREATE TABLE seen (id INTEGER)";
    if url.starts_with("sqlite") {
        let mut connection = SqliteConnection::connect(&format!("{url}?mode=rwc")).await.unwrap();
        connection.execute(sql).await.unwrap();
    } else {
        let mut connection = PgConnection::connect(url).await.unwrap();
        connection.execute(sql).await.unwrap();
    }
}

both_databases! {
    /// Fails when a second test meets the table of the first.
    async fn a_database_is_empty(database: TestDatabase) {
        make_a_table(&database.url).await;
    }

    async fn another_database_is_empty_too(database: TestDatabase) {
        make_a_table(&database.url).await;
    }

    async fn the_settings_name_the_database(database: TestDatabase) {
        let settings = database.settings();
        settings.validate().unwrap();
        let kind = if database.kind == "SQLite" { DatabaseKind::Sqlite } else { DatabaseKind::Postgres };
        assert_eq!(settings.database.url.kind(), Some(kind));
    }
}

#[test]
fn a_failing_body_fails_the_test() {
    let failing = |_| async { panic!("as asked") };
    assert!(std::panic::catch_unwind(|| support::run_on_sqlite(failing)).is_err());
    assert!(std::panic::catch_unwind(|| support::run_on_postgres(failing)).is_err());
}
