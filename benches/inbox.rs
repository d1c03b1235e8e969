//! What an inbox of 100,000 notices costs: list, counts and marks of one account that has so many, and a broadcast to
//! 100,000 accounts, on SQLite as shipped and on PostgreSQL without durability.
//!
//!   `cargo bench --bench inbox`
//!
//! It prints a Markdown table. One caller, one request after another, through the use cases; no HTTP.

#[path = "../tests/support/mod.rs"]
mod support;

#[allow(dead_code, clippy::allow_attributes, reason = "a part of it is used")]
#[path = "../tests/storage/house.rs"]
mod house;

use house::{House, Person, engine};
use livegrant::core::Core;
use livegrant::db::Fence;
use livegrant::db::paging::{Page, PageQuery};
use livegrant::inbox::broadcast::{BroadcastIn, broadcast};
use livegrant::inbox::lists::{self, Filter};
use livegrant::inbox::marks::{self, Which};
use livegrant::inbox::model::Move;
use livegrant::inbox::once::RequestKey;
use livegrant::policy::Principal;
use livegrant::sql_one;
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};
use std::future::Future;
use std::time::Instant;

const NOTICES: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
     INSERT INTO sys_notification (message_id, type, title, content, sender_id, company_id, created_at)
     SELECT 'm' || i, 'message_notification', 'title ' || i, 'some content', 0, 1, i FROM n";
/// One in fifty is unread.
const ROWS: &str =
    "INSERT INTO sys_notification_recipient (account_id, notification_id, latest_id, company_id, rev, at,
        seen_at, read_at)
     SELECT 1, id, id, 1, id, created_at, CASE WHEN id % 50 > 0 THEN 5 END, CASE WHEN id % 50 > 0 THEN 5 END
       FROM sys_notification";
const INBOX: &str = "INSERT INTO sys_inbox (account_id, rev, changed_at, held) VALUES (1, 100000, 0, 100000)";
const COUNTER: &str =
    "INSERT INTO sys_notification_counter (account_id, company_id, unseen, unread) VALUES (1, 1, 2000, 2000)";
const PEOPLE: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
     INSERT INTO sys_login_user (guid, company_id, username, password_hash, created_at, updated_at)
     SELECT 'g' || i, 1, 'u' || i, '', 1, 1 FROM n";

fn main() {
    println!("| database | what | p50 ms | p99 ms |");
    println!("|---|---|---|---|");
    support::run_on_sqlite(measure);
    support::run_on_postgres(measure);
}

async fn measure(database: support::TestDatabase) {
    let house = House::build(&database).await;
    let ann = house.person("ann", &["notification:broadcast"]).await;
    fill(&database.url).await;
    let core = house.core(engine(), Fence::On).await;
    let (name, unread) = (database.kind, Filter { unread: Some(true), ..Filter::default() });
    let all = Filter::default();
    let deep = "50000-50000";
    each(name, "list, first page", 200, || async {
        lists::feed(&core, &by(&core, &ann).await, &all, None, 20).await
    })
    .await;
    each(name, "list, in the middle", 200, || async {
        lists::feed(&core, &by(&core, &ann).await, &all, Some(deep), 20).await
    })
    .await;
    each(name, "list, unread ones", 200, || async {
        lists::feed(&core, &by(&core, &ann).await, &unread, None, 20).await
    })
    .await;
    let found = Filter { search: Some("title 7".to_owned()), ..Filter::default() };
    each(name, "list, searched, first page", 50, || async {
        lists::feed(&core, &by(&core, &ann).await, &found, None, 20).await
    })
    .await;
    let page = Page::from(PageQuery { page: Some(1), page_size: Some(20) });
    each(name, "list with the count of all", 100, || async {
        lists::page(&core, &by(&core, &ann).await, &all, page).await
    })
    .await;
    each(name, "counts", 200, || async { lists::counts(&core, &by(&core, &ann).await, &[]).await }).await;
    let kind = Filter { kind: Some("message_notification".to_owned()), ..Filter::default() };
    let four = [all.clone(), kind.clone(), all.clone(), kind];
    each(name, "counts of four filters", 100, || async {
        lists::counts(&core, &by(&core, &ann).await, &four).await
    })
    .await;
    let mut turn = 0;
    each(name, "mark one", 200, || {
        turn += 1;
        let what = if turn % 2 == 0 { Move::Unread } else { Move::Read };
        let (core, ann) = (&core, &ann);
        async move { marks::one(core, &by(core, ann).await, 50, what).await }
    })
    .await;
    let before = rows(&core).await;
    each(name, "broadcast to 100,000 accounts", 20, || async {
        let new = serde_json::from_value::<BroadcastIn>(serde_json::json!({
            "title": "t", "content": "c", "category": "x", "severity": "info"
        }));
        broadcast(&core, &by(&core, &ann).await, &new.expect("a broadcast"), &RequestKey::default()).await
    })
    .await;
    println!("| {name} | rows written by a broadcast | {} | |", (rows(&core).await - before) / 20);
    each(name, "mark all read (2,000 rows)", 1, || async {
        marks::many(&core, &by(&core, &ann).await, &Which::Found(Filter::default()), Move::Read).await
    })
    .await;
    let read = Filter { is_read: Some(true), ..Filter::default() };
    each(name, "archive all read (100,000 rows)", 1, || async {
        marks::many(&core, &by(&core, &ann).await, &Which::Found(read.clone()), Move::Archive).await
    })
    .await;
}

async fn by(core: &Core, who: &Person) -> Principal {
    who.calls(core, "bench").await
}

async fn rows(core: &Core) -> i64 {
    let mut conn = core.db.read().await.expect("the database answers");
    let count = sql_one!(
        &mut conn,
        (i64,),
        "SELECT (SELECT count(*) FROM sys_notification) + (SELECT count(*) FROM sys_notification_recipient)"
    );
    count.expect("the tables are there").0
}

async fn fill(url: &str) {
    let all = [NOTICES, ROWS, INBOX, COUNTER, PEOPLE, "ANALYZE"];
    if url.starts_with("sqlite") {
        let mut conn = SqliteConnection::connect(url).await.expect("the file opens");
        for sql in all {
            sqlx::query(AssertSqlSafe(sql)).execute(&mut conn).await.expect("it is filled");
        }
        return;
    }
    let mut conn = PgConnection::connect(url).await.expect("the server answers");
    for sql in all {
        sqlx::query(AssertSqlSafe(sql)).execute(&mut conn).await.expect("it is filled");
    }
}

/// Does something so many times and prints how long it took.
async fn each<T, E: std::fmt::Debug, R>(name: &str, what: &str, times: usize, mut act: impl FnMut() -> R)
where
    R: Future<Output = Result<T, E>>,
{
    let mut took = Vec::with_capacity(times);
    for _ in 0..times {
        let start = Instant::now();
        act().await.expect("it is done");
        took.push(start.elapsed().as_secs_f64() * 1000.0);
    }
    took.sort_by(f64::total_cmp);
    let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize];
    println!("| {name} | {what} | {:.2} | {:.2} |", at(0.5), at(0.99));
}
