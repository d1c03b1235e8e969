//! The lists and counts of workflows go by an index, however many instances a company has. SQLite is asked: it decides by
//! the indexes alone, so that no rows are needed; the indexes are the same on both databases.

use sqlx::{AssertSqlSafe, Connection, Row, SqliteConnection};
use std::path::Path;

use crate::house::House;
use crate::sql_literals::of_file;
use crate::support::both_databases;

/// Says what of a plan reads a whole table that grows with the instances.
async fn scans(conn: &mut SqliteConnection, sql: &str) -> Vec<String> {
    let mut text = sql.to_owned();
    for (at, value) in ["1", "'done'", "3", "',1,'", "NULL", "NULL", "NULL", "20", "0"].iter().enumerate() {
        text = text.replace(&format!("${}", at + 1), value);
    }
    let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {text}"));
    let rows = sqlx::query(explain).fetch_all(conn).await.unwrap();
    let tables = ["wf_instance", "instance", "wf_task", "task", "wf_copy", "copy", "run"];
    let whole = |line: &String| {
        let scanned = line.strip_prefix("SCAN ").and_then(|rest| rest.split(' ').next());
        scanned.is_some_and(|table| tables.contains(&table))
    };
    rows.iter().map(|row| row.get::<String, _>("detail")).filter(whole).collect()
}

both_databases! {
    // FW34
    async fn lists_of_instances_go_by_an_index(database: TestDatabase) {
        let _house = House::build(&database).await;
        if !database.url.starts_with("sqlite") {
            return;
        }
        let mut conn = SqliteConnection::connect(&database.url).await.unwrap();
        let name = "src/workflow/store/lists.rs";
        let source = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap();
        for found in of_file(name, &source).unwrap().into_iter().take(4) {
            let scans = scans(&mut conn, &found.sql).await;
            assert!(scans.is_empty(), "{scans:?}: {}", found.sql);
        }
        // The control: what has no index is seen.
        assert!(!scans(&mut conn, "SELECT * FROM wf_task WHERE reason = 'x'").await.is_empty());
    }
}
