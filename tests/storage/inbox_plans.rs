//! The lists and counts of a large inbox go by an index on both databases: the plans are read, not timed.

use sqlx::{AssertSqlSafe, Connection, PgConnection, Row, SqliteConnection};
use std::path::Path;

use crate::house::House;
use crate::sql_literals::of_file;
use crate::support::both_databases;

/// The statements of the lists and counts, in the order of the file: page, unread page, total, counts, one.
fn statements() -> Vec<String> {
    let name = "src/inbox/store/lists.rs";
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let source = std::fs::read_to_string(root.join(name)).unwrap();
    let found: Vec<String> = of_file(name, &source).unwrap().into_iter().map(|found| found.sql).collect();
    assert_eq!(found.len(), 5);
    found
}

/// What the placeholders of each statement stand for.
const VALUES: [&[&str]; 5] = [
    &[
        "1",
        "1",
        "0",
        "NULL",
        "NULL",
        "NULL",
        "NULL",
        "NULL",
        "NULL",
        "NULL",
        "9000000000000",
        "9000000000000",
        "20",
        "20",
        "0",
    ],
    &[
        "1",
        "1",
        "0",
        "NULL",
        "NULL",
        "NULL",
        "NULL",
        "NULL",
        "NULL",
        "9000000000000",
        "9000000000000",
        "20",
        "20",
        "0",
    ],
    &["1", "1", "0", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL"],
    &["1", "1", "0", "NULL", "NULL", "NULL", "NULL", "NULL"],
    &["1", "1", "7"],
];

fn filled(sql: &str, values: &[&str]) -> String {
    let mut text = sql.to_owned();
    for (at, value) in values.iter().enumerate().rev() {
        text = text.replace(&format!("${}", at + 1), value);
    }
    text
}

const NOTICES: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40000)
     INSERT INTO sys_notification (message_id, type, title, content, sender_id, company_id, created_at)
     SELECT 'm' || i, 'message_notification', 't', 'c', 0, 1, i FROM n";
/// Of twenty accounts: where one has all rows, reading all is the right plan.
const ROWS: &str = "INSERT INTO sys_notification_recipient (account_id, notification_id, latest_id, company_id, rev, at,
        seen_at, read_at)
     SELECT 1 + id % 20, id, id, 1, id, created_at, CASE WHEN id % 50 > 0 THEN 5 END, CASE WHEN id % 50 > 0 THEN 5 END
       FROM sys_notification";

/// Says what of the plan reads a whole table that grows with the inboxes.
async fn scans(url: &str, sql: &str) -> (Vec<String>, String) {
    if url.starts_with("sqlite") {
        let mut conn = SqliteConnection::connect(url).await.unwrap();
        let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
        let lines: Vec<String> = sqlx::query(explain)
            .fetch_all(&mut conn)
            .await
            .unwrap()
            .iter()
            .map(|row| row.get("detail"))
            .collect();
        let bad = |line: &&String| {
            let table = ["SCAN r", "SCAN n", "SCAN f"];
            table.iter().any(|scan| line.as_str() == *scan || line.starts_with(&format!("{scan} ")))
                && !line.contains("USING")
        };
        return (lines.iter().filter(bad).cloned().collect(), lines.join("\n"));
    }
    let mut conn = PgConnection::connect(url).await.unwrap();
    let explain = AssertSqlSafe(format!("EXPLAIN {sql}"));
    let lines: Vec<String> =
        sqlx::query(explain).fetch_all(&mut conn).await.unwrap().iter().map(|row| row.get(0)).collect();
    let bad = |line: &&String| {
        line.contains("Seq Scan on sys_notification_recipient")
            || line.contains("Seq Scan on sys_notification ")
    };
    (lines.iter().filter(bad).cloned().collect(), lines.join("\n"))
}

both_databases! {
    async fn lists_and_counts_of_a_large_inbox_go_by_an_index(database: TestDatabase) {
        let house = House::build(&database).await;
        house.account("ann").await;
        if database.url.starts_with("sqlite") {
            let mut conn = SqliteConnection::connect(&database.url).await.unwrap();
            for sql in [NOTICES, ROWS] {
                sqlx::query(AssertSqlSafe(sql)).execute(&mut conn).await.unwrap();
            }
        } else {
            let mut conn = PgConnection::connect(&database.url).await.unwrap();
            for sql in [NOTICES, ROWS, "ANALYZE"] {
                sqlx::query(AssertSqlSafe(sql)).execute(&mut conn).await.unwrap();
            }
        }
        for (at, (sql, values)) in statements().iter().zip(VALUES).enumerate() {
            let (scans, plan) = scans(&database.url, &filled(sql, values)).await;
            assert!(scans.is_empty(), "statement {at} on {}: {scans:?}\n{plan}", database.kind);
        }
        // The control: what has no index is seen.
        let all = "SELECT * FROM sys_notification_recipient r WHERE r.group_count = 5";
        assert!(!scans(&database.url, all).await.0.is_empty());
    }
}

/// The statements that find whom an audience has, and the reach of one account.
fn of_audiences() -> [String; 3] {
    let name = "src/inbox/store/broadcasts.rs";
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let source = std::fs::read_to_string(root.join(name)).unwrap();
    let found = of_file(name, &source).unwrap().into_iter().map(|found| found.sql);
    let found: Vec<String> = found.filter(|sql| sql.contains("hr_organization root")).collect();
    let [people, size]: [String; 2] = found.try_into().expect("two statements");
    let values = ["'organization'", "1", "1", "10000"];
    let reach = "SELECT b.rev FROM sys_broadcast_reach b WHERE b.account_id = 1".to_owned();
    [filled(&people, &values), filled(&size, &values), reach]
}

async fn explained(url: &str, sql: &str) -> String {
    if url.starts_with("sqlite") {
        let mut conn = SqliteConnection::connect(url).await.unwrap();
        let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
        let lines = sqlx::query(explain).fetch_all(&mut conn).await.unwrap();
        return lines.iter().map(|row| row.get::<String, _>("detail") + "\n").collect();
    }
    let mut conn = PgConnection::connect(url).await.unwrap();
    let lines = sqlx::query(AssertSqlSafe(format!("EXPLAIN {sql}"))).fetch_all(&mut conn).await.unwrap();
    lines.iter().map(|row| row.get::<String, _>(0) + "\n").collect()
}

both_databases! {
    // People times organisations would be seconds for 5,000 people in 300 organisations.
    async fn an_audience_is_found_once_and_not_for_each_person(database: TestDatabase) {
        House::build(&database).await;
        let [people, size, reach] = of_audiences();
        for sql in [people, size] {
            let plan = explained(&database.url, &sql).await;
            if database.url.starts_with("sqlite") {
                // The organisations are looked up in a list that is made once, which no person's row has a part in.
                let lists = plan.split_once("LIST SUBQUERY").expect("a list").1;
                assert!(lists.contains("own USING") && !lists.contains("CORRELATED"), "{plan}");
                assert!(!plan.contains("CORRELATED LIST"), "{plan}");
            } else {
                assert!(plan.contains("hashed SubPlan"), "{plan}");
            }
        }
        let plan = explained(&database.url, &reach).await;
        if database.url.starts_with("sqlite") {
            assert!(plan.contains("own USING INTEGER PRIMARY KEY"), "{plan}");
            assert!(!plan.contains("SCAN own") && !plan.contains("idx_organization_path"), "{plan}");
        }
    }
}
