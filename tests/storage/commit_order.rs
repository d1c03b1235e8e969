//! The order in which transactions committed, written by the database itself.
//!
//! Every audit line and every policy log row gets a place in the table `commit_order`, under its request id.
//! On PostgreSQL a deferred constraint trigger gives the place: it runs inside COMMIT, after everything that the client
//! sent, and takes it from a counter row whose lock is held until the transaction is visible. So the order of places is
//! the order of commits, without a clock. On SQLite there is one writing transaction at a time, and an ordinary trigger
//! is enough. A transaction that rolls back leaves no place.
//! A clock would not do: two commits of one microsecond have no order, and a sequence number that a client draws before
//! or after its COMMIT only finds the races that it lost by a whole round trip.

use livegrant::db::Db;
use livegrant::sql_all;
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};

use crate::support::TestDatabase;

const SQLITE: &str = "
CREATE TABLE commit_order (place INTEGER PRIMARY KEY AUTOINCREMENT, what TEXT NOT NULL);
CREATE TRIGGER audit_place AFTER INSERT ON sys_audit_log WHEN NEW.result = 'allowed'
  BEGIN INSERT INTO commit_order (what) VALUES (NEW.request_id); END;
CREATE TRIGGER log_place AFTER INSERT ON policy_log
  BEGIN INSERT INTO commit_order (what) VALUES ('rev ' || NEW.rev); END;";

const POSTGRES: &str = include_str!("../support/commit_order.sql");

/// Begins to note the order of commits; the schema must be there.
pub async fn note(database: &TestDatabase) {
    if database.kind == "SQLite" {
        execute(database, SQLITE).await;
    } else {
        execute(database, POSTGRES).await;
    }
}

/// Runs statements past the application, on a connection of their own.
pub async fn execute(database: &TestDatabase, sql: &str) {
    let sql = sqlx::raw_sql(AssertSqlSafe(sql));
    if database.kind == "SQLite" {
        let mut connection = SqliteConnection::connect(&database.url).await.unwrap();
        sql.execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    } else {
        let mut connection = PgConnection::connect(&database.url).await.unwrap();
        sql.execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }
}

/// Answers what was committed, in order: request ids, and `rev N` for log rows.
pub async fn read(db: &Db) -> Vec<String> {
    let mut conn = db.read().await.unwrap();
    let rows = sql_all!(&mut conn, (String,), "SELECT what FROM commit_order ORDER BY place").unwrap();
    rows.into_iter().map(|row| row.0).collect()
}
