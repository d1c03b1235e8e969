//! What a check costs: a permission in a handler, and what a session actor asks for every second. No SQL in either.
//!
//!   `cargo bench --bench check [-- --json FILE]`
//!
//! Nanoseconds a call, the median of many turns; and bytes an account in use, from the growth of the process.

#[path = "../tests/support/mod.rs"]
mod support;

#[allow(dead_code, clippy::allow_attributes, reason = "a part of it is used")]
#[path = "../tests/storage/house.rs"]
mod house;

use house::{COMPANY, FAR, House, principal};
use livegrant::policy::{Member, PolicyTable, Principal, SessionEntry};
use livegrant::{sql_all, sql_exec};
use livegrant_actors::{RoleId, SessionId, State};
use std::hint::black_box;
use std::io::Write;
use std::sync::Arc;
use std::time::Instant;

const ACCOUNTS: i64 = 10_000;
const TURNS: usize = 101;
const CALLS: usize = 10_000;

type Online = (Arc<Member>, Arc<SessionEntry>, Arc<State>);

fn main() {
    let mut arguments = std::env::args();
    let json = arguments.find(|argument| argument == "--json").and_then(|_| arguments.next());
    let mut rows = Vec::new();
    support::run_on_sqlite(async |database| {
        let house = House::build(&database).await;
        rows = measure(&house).await;
    });
    println!("| what | median |");
    println!("|---|---|");
    for (what, number, unit) in &rows {
        println!("| {what} | {number:.1} {unit} |");
    }
    if let Some(path) = json {
        let mut file =
            std::fs::OpenOptions::new().create(true).append(true).open(&path).expect("the file opens");
        for (what, number, unit) in &rows {
            let line = serde_json::json!({"bench": "check", "what": what, "median": number, "unit": unit});
            writeln!(file, "{line}").expect("the file takes a line");
        }
    }
}

async fn measure(house: &House) -> Vec<(&'static str, f64, &'static str)> {
    let (role, people) = crowd(house).await;
    let table = house.table().await;
    let before = resident();
    let mut online: Vec<Online> = Vec::with_capacity(people.len());
    for sid in &people {
        online.push(open(&table, sid).await);
    }
    let bytes = (resident() - before) as f64 / online.len() as f64;
    let by = principal(&table, &people[0], "request").await;
    let statements = house.db.statements();
    let mut rows = vec![
        ("`Principal::holds`, held", each(|| black_box(&by).holds(black_box("org:view"))), "ns"),
        ("`Principal::require`, held", each(|| black_box(&by).require(black_box("org:view")).is_ok()), "ns"),
        ("`Principal::holds`, unknown code", each(|| black_box(&by).holds(black_box("no:such"))), "ns"),
        ("`Principal::renew`: the whole caller again", each(|| renewed(&by, &table)), "ns"),
        ("`published`, unchanged", walk(&table, &online), "ns"),
    ];
    assert_eq!(house.db.statements(), statements, "checks read no database");
    change(house, &table, RoleId(1)).await;
    rows.push(("`published`, first look after somebody else's change", once(&table, &online), "ns"));
    change(house, &table, role).await;
    rows.push(("`published`, first look after the role of all 10,000 changed", once(&table, &online), "ns"));
    rows.push(("resident memory an account in use (account, session, state)", bytes, "bytes"));
    rows
}

/// Ten thousand accounts with one role of forty permissions, each with a session.
async fn crowd(house: &House) -> (RoleId, Vec<SessionId>) {
    let role = house.role("crowd", &["org:view", "staff:view"]).await;
    let mut work = house.work().await;
    sql_exec!(
        work.conn(),
        "INSERT INTO sys_role_menu (role_id, permission_id, granted_by, update_time)
         SELECT $1, id, 0, 1 FROM sys_permission
          WHERE code NOT IN ('system:admin', 'org:view', 'staff:view') ORDER BY id LIMIT 40",
        role.0
    )
    .expect("they are granted");
    sql_exec!(
        work.conn(),
        "INSERT INTO sys_login_user (user_id, guid, company_id, username, display_name, password_hash, created_at, updated_at)
         WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < $2)
         SELECT 1000 + n, '6f9619ff-8b86-4d01-b42d-' || (100000000000 + n), CAST($1 AS BIGINT), 'somebody-' || n,
                'Somebody ' || n, '', 1, 1 FROM n",
        COMPANY.0,
        ACCOUNTS
    )
    .expect("they are stored");
    sql_exec!(
        work.conn(),
        "INSERT INTO sys_user_role (account_id, role_id, granted_by, created_at)
         SELECT user_id, $1, 0, 1 FROM sys_login_user WHERE user_id > 1000",
        role.0
    )
    .expect("they are given");
    sql_exec!(
        work.conn(),
        "INSERT INTO sys_session (sid, account_id, application_id, company_id, refresh_hash, rotated_at, issued_at,
            last_seen_at, expires_at)
         SELECT guid, user_id, 1, company_id, '', 1, 1, 1, $1 FROM sys_login_user WHERE user_id > 1000",
        FAR
    )
    .expect("they sign in");
    house::commit(work).await;
    let sids = sql_all!(&mut house.read().await, (String,), "SELECT sid FROM sys_session ORDER BY sid");
    (role, sids.expect("they are read").into_iter().map(|(sid,)| SessionId::from(sid)).collect())
}

async fn open(table: &PolicyTable, sid: &SessionId) -> Online {
    let session = table.session(sid).await.expect("it is read").expect("it is there");
    let member = table.member(session.account).await.expect("it is read").expect("it is there");
    // As the gateway does: a caller first, whose session is then told.
    let _ = table.snapshot(&member, &session);
    let state = table.published(&member, session.view);
    (member, session, state)
}

fn renewed(by: &Principal, table: &PolicyTable) -> bool {
    black_box(by).renew(table).is_ok()
}

/// Raises the role's epoch and moves the log on by one.
async fn change(house: &House, table: &PolicyTable, role: RoleId) {
    let mut work = house.work().await;
    sql_exec!(
        work.conn(),
        "DELETE FROM sys_role_menu WHERE role_id = $1 AND permission_id = (
            SELECT max(permission_id) FROM sys_role_menu WHERE role_id = $1)",
        role.0
    )
    .expect("it is taken");
    let (added, removed) = (Vec::new(), Vec::new());
    work.change(livegrant::policy::PolicyChange::RolePermissions { role, added, removed });
    house::commit(work).await;
    table.catch_up(drop).await.expect("the log is read");
}

/// Nanoseconds a call.
fn each(call: impl Fn() -> bool) -> f64 {
    let mut turns: Vec<f64> = (0..TURNS)
        .map(|_| {
            let begun = Instant::now();
            for _ in 0..CALLS {
                black_box(call());
            }
            begun.elapsed().as_nanos() as f64 / CALLS as f64
        })
        .collect();
    turns.sort_by(f64::total_cmp);
    turns[TURNS / 2]
}

/// The same over all accounts, one after the other, as a sweep goes.
fn walk(table: &PolicyTable, online: &[Online]) -> f64 {
    let mut turns: Vec<f64> = (0..TURNS).map(|_| once(table, online)).collect();
    turns.sort_by(f64::total_cmp);
    turns[TURNS / 2]
}

fn once(table: &PolicyTable, online: &[Online]) -> f64 {
    let begun = Instant::now();
    for (member, session, _) in online {
        black_box(table.published(member, session.view));
    }
    begun.elapsed().as_nanos() as f64 / online.len() as f64
}

/// Resident memory of this process, in bytes.
fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    pages.split_whitespace().nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or(0) * 4096
}
