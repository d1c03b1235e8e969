//! A timed grant that ends between the check and the commit takes the write with it (I3): the limit is compared once
//! more at commit, with the database's clock where nodes' clocks may differ.

use livegrant::clock::Clock;
use livegrant::db::{CommitError, Db, SystemTask};
use livegrant::policy::Principal;
use livegrant::{sql_exec, sql_one};
use std::time::Duration;

use crate::house::{House, principal};
use crate::support::{TestDatabase, both_databases};

const HOUR: i64 = 3_600_000;
const RIGHT: &str = "org:update";

both_databases! {
    async fn a_grant_that_ends_before_the_commit_writes_nothing(database: TestDatabase) {
        // The node's clock stands, or lags behind by a day: by its own reckoning the grant holds on.
        let real = Clock::system().now_ms();
        let (clock, grant_ends) = if database.kind == "SQLite" {
            (Clock::manual(real), real + HOUR)
        } else {
            (Clock::manual(real - 24 * HOUR), real - HOUR)
        };
        let (house, by) = timed_caller(&database, clock.clone(), grant_ends).await;
        by.require(RIGHT).unwrap();
        assert_eq!(by.stamp().until(), Some(grant_ends));
        if database.kind == "SQLite" {
            clock.advance(Duration::from_millis((HOUR - 1) as u64));
            assert!(rename(&house.db, &by).await.is_ok(), "a millisecond is left");
            clock.advance(Duration::from_millis(1));
        }
        assert!(matches!(rename(&house.db, &by).await, Err(CommitError::Stale)));
        assert_eq!(name(&house.db).await, if database.kind == "SQLite" { "renamed" } else { "默认公司" });
    }

    async fn a_grant_that_has_not_ended_writes(database: TestDatabase) {
        let real = Clock::system().now_ms();
        let (house, by) = timed_caller(&database, Clock::manual(real - 24 * HOUR), real + HOUR).await;
        assert!(rename(&house.db, &by).await.is_ok());
        assert_eq!(name(&house.db).await, "renamed");
    }

    async fn a_grant_that_begins_makes_the_decision_before_it_stale(database: TestDatabase) {
        let real = Clock::system().now_ms();
        let clock = Clock::manual(real - 24 * HOUR);
        let house = House::with(database.settings(), clock.clone()).await;
        let person = house.person("present", &[RIGHT]).await;
        let later = house.role("later", &["org:delete"]).await;
        let begins = real - HOUR;
        let mut work = house.work().await;
        let sql = sql_exec!(
            work.conn(),
            "INSERT INTO sys_user_role (account_id, role_id, valid_from, started, granted_by, created_at)
             VALUES ($1, $2, $3, FALSE, 0, 1)",
            person.account.0,
            later.0,
            begins
        );
        sql.unwrap();
        work.commit(SystemTask::Bootstrap).await.unwrap();
        let table = house.table().await;
        let by = principal(&table, &person.sid, "r").await;
        assert_eq!((by.holds(RIGHT), by.holds("org:delete"), by.stamp().until()), (true, false, Some(begins)));
        clock.advance(Duration::from_millis((23 * HOUR) as u64));
        assert!(matches!(rename(&house.db, &by).await, Err(CommitError::Stale)));
        table.catch_up(drop).await.unwrap();
        let by = by.renew(&table).unwrap();
        assert!(by.holds("org:delete"), "the instant has come, whatever the log says");
        assert!(rename(&house.db, &by).await.is_ok());
    }
}

async fn timed_caller(database: &TestDatabase, clock: Clock, grant_ends: i64) -> (House, Principal) {
    let house = House::with(database.settings(), clock).await;
    let account = house.account("timed").await;
    let role = house.role("timed", &[RIGHT]).await;
    house.give(account, role, Some(grant_ends)).await;
    let sid = house.sign_in(account).await;
    let by = principal(&house.table().await.clone(), &sid, "timed").await;
    (house, by)
}

async fn rename(db: &Db, by: &Principal) -> Result<(), CommitError> {
    let mut work = db.begin(&by.author()).await.unwrap();
    sql_exec!(work.conn(), "UPDATE company SET name = 'renamed' WHERE id = 1").unwrap();
    work.commit(&by.stamp()).await.map(drop)
}

async fn name(db: &Db) -> String {
    sql_one!(&mut db.read().await.unwrap(), (String,), "SELECT name FROM company WHERE id = 1").unwrap().0
}
