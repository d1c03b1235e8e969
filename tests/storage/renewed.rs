//! The policy log becomes another one: a backup is restored, a replica takes over. Each node notices, has everyone told
//! under a new name, and what was decided by the log before does not commit, whatever its numbers are.
//!
//! Another server is played by what tells it: the timeline that the log was written under, and rows that are not there any
//! more. `tests/failover` has real servers.

use livegrant::access::store::revoke;
use livegrant::db::CommitError;
use livegrant::policy::store::{self as policy_store, LogRow};
use livegrant::policy::{HolderId, PolicyChange, PolicyTable, Principal};
use livegrant::sql_exec;
use livegrant_actors::{AccountId, Rev, State};
use std::sync::Arc;

use crate::commit_order::execute;
use crate::house::{House, Person, commit, insert_session, principal};
use crate::support::{TestDatabase, both_databases};

const RIGHT: &str = "org:update";
const MORE: &str = "org:view";

async fn told(table: &PolicyTable, person: &Person) -> Arc<State> {
    let session = table.session(&person.sid).await.unwrap().unwrap();
    let member = table.member(person.account).await.unwrap().unwrap();
    table.published(&member, session.view)
}

async fn follow(table: &PolicyTable) -> Vec<LogRow> {
    let mut rows = Vec::new();
    table.catch_up(|row| rows.push(row)).await.unwrap();
    rows
}

/// A guarded write of this caller.
async fn write(house: &House, by: &Principal) -> Result<(), CommitError> {
    let mut work = house.db.begin(&by.author()).await.unwrap();
    sql_exec!(work.conn(), "UPDATE company SET name = name WHERE id = 1").unwrap();
    work.commit(&by.stamp()).await.map(drop)
}

fn is_everyone(row: &LogRow) -> bool {
    row.changes == [PolicyChange::SystemAdjusted]
}

/// The last `rows` revisions were not in the backup, or did not reach the replica; `undo` takes back what they changed.
async fn lose(database: &TestDatabase, rows: i64, undo: &str) {
    execute(database, &format!("UPDATE policy_revision SET rev = rev - {rows}")).await;
    execute(database, "DELETE FROM sys_permission_change_log WHERE rev > (SELECT rev FROM policy_revision)")
        .await;
    execute(database, "DELETE FROM policy_log WHERE rev > (SELECT rev FROM policy_revision)").await;
    execute(database, undo).await;
}

/// As on the first moment of a promoted replica.
async fn promote(database: &TestDatabase) {
    execute(database, "UPDATE sys_meta SET value = 'before' WHERE name = 'log_timeline'").await;
}

async fn take(house: &House, person: &Person, code: &str) {
    let mut work = house.work().await;
    let id = crate::house::permission_id(work.conn(), code).await;
    revoke(work.conn(), HolderId::Role(person.role), id).await.unwrap();
    let removed = vec![code.to_owned()];
    work.change(PolicyChange::RolePermissions { role: person.role, added: Vec::new(), removed });
    commit(work).await;
}

both_databases! {
    async fn after_a_failover_that_lost_nothing_all_is_named_anew_once(database: TestDatabase) {
        let house = House::build(&database).await;
        let person = house.person("p", &[RIGHT, MORE]).await;
        let (one, other) = (house.table().await, house.table().await);
        let (before, rev) = (told(&one, &person).await, one.applied());
        told(&other, &person).await;
        let member = one.member(person.account).await.unwrap().unwrap();
        promote(&database).await;

        // A change comes before anybody has noticed.
        take(&house, &person, MORE).await;
        let (of_one, of_other) = tokio::join!(follow(&one), follow(&other));
        for (table, rows) in [(&one, of_one), (&other, of_other)] {
            assert_eq!(rows.len(), 2, "{rows:?}");
            assert!(is_everyone(&rows[0]) && rows[0].rev == rev, "{rows:?}");
            assert_eq!((rows[1].rev, is_everyone(&rows[1])), (Rev(rev.0 + 1), false), "nothing is passed over");
            let after = told(table, &person).await;
            assert_ne!(after.epoch, before.epoch);
            assert_eq!((after.permissions.len(), after.rev), (1, Rev(rev.0 + 1)));
            assert!(follow(table).await.is_empty(), "once");
        }
        assert_eq!(one.log(), other.log(), "the log has one name");
        assert_ne!(*one.log(), *before.epoch);
        assert!(Arc::ptr_eq(&member, &one.member(person.account).await.unwrap().unwrap()), "what tabs hold is kept");
        assert!(one.published_at(&member, one.session(&person.sid).await.unwrap().unwrap().view,
            &before.epoch, before.rev, &before.hash).is_none(), "no difference is made between two logs");
        let fresh = house.table().await;
        assert_eq!(fresh.log(), one.log(), "who starts now changes nothing");
    }

    async fn what_was_lost_with_the_log_is_read_again(database: TestDatabase) {
        let house = House::build(&database).await;
        let person = house.person("p", &[RIGHT]).await;
        let idle = house.person("idle", &[RIGHT]).await;
        let mut work = house.work().await;
        let second = insert_session(work.conn(), person.account).await;
        commit(work).await;
        let role = house.role("lost", &[MORE]).await;
        let table = house.table().await;
        told(&table, &idle).await;
        let member = table.member(person.account).await.unwrap().unwrap();
        let session = table.session(&person.sid).await.unwrap().unwrap();
        let gone = table.session(&second).await.unwrap().unwrap();
        let before = table.published(&member, session.view);
        house.give(person.account, role, None).await;
        assert_eq!(follow(&table).await.len(), 1);
        let by = principal(&table, &person.sid, "r").await;
        assert!(by.holds(MORE));
        let lost = table.published(&member, session.view);

        // The gift is lost, and so is that the second session was ever opened; a revision comes in the gift's place.
        let undo = format!(
            "DELETE FROM sys_user_role WHERE account_id = {} AND role_id = {}; \
             UPDATE policy_epoch SET epoch = epoch - 1 WHERE scope = 'account:{}'; DELETE FROM sys_session WHERE sid = '{second}'",
            person.account, role, person.account
        );
        for part in undo.split(';') {
            lose(&database, i64::from(part.starts_with("DELETE FROM sys_user")), part).await;
        }
        promote(&database).await;
        let mut work = house.work().await;
        work.change(PolicyChange::AccountEdited { account: person.account });
        commit(work).await;
        assert_eq!(policy_store::revision(&mut house.read().await).await.unwrap(), lost.rev);
        assert_eq!(by.stamp().at(), Some(lost.rev), "the same numbers");

        let rows = follow(&table).await;
        assert!(rows.len() == 1 && is_everyone(&rows[0]), "{rows:?}");
        assert!(!gone.is_active() && session.is_active());
        let after = table.published(&member, session.view);
        assert_eq!(after.permissions, before.permissions);
        assert_ne!(after.epoch, before.epoch);
        assert!(after.rev <= table.applied());
        let by = by.renew(&table).unwrap();
        assert!(by.holds(RIGHT) && !by.holds(MORE));
        write(&house, &by).await.unwrap();
        told(&table, &idle).await;
    }

    /// The server is the same, its log ends earlier.
    async fn a_backup_that_is_restored_under_a_running_node_is_noticed(database: TestDatabase) {
        let house = House::build(&database).await;
        let person = house.person("p", &[RIGHT]).await;
        let role = house.role("lost", &[MORE]).await;
        let (one, other) = (house.table().await, house.table().await);
        house.give(person.account, role, None).await;
        follow(&one).await;
        follow(&other).await;
        let before = told(&one, &person).await;
        let undo = format!("DELETE FROM sys_user_role WHERE role_id = {role}");
        lose(&database, 1, &undo).await;
        for table in [&one, &other] {
            let rows = follow(table).await;
            assert!(rows.len() == 1 && is_everyone(&rows[0]), "{rows:?}");
            assert_eq!(table.applied(), Rev(before.rev.0 - 1));
            assert_eq!(told(table, &person).await.permissions.len(), 1);
        }
        assert_ne!(*one.log(), *before.epoch);
        assert_eq!(one.log(), other.log());
        assert!(one.has_lease());
    }

    async fn rows_of_a_doorbell_are_followed_as_far_as_they_are_next(database: TestDatabase) {
        let house = House::build(&database).await;
        let person = house.person("p", &[RIGHT]).await;
        let [table, late, foreign] = [house.table().await, house.table().await, house.table().await];
        let (start, log) = (table.applied(), table.log());
        let roles = [house.role("a", &[MORE]).await, house.role("b", &[MORE]).await];
        for role in roles {
            house.give(person.account, role, None).await;
        }
        let rows = policy_store::log_after(&mut house.read().await, start).await.unwrap();
        assert_eq!(rows.len(), 4);
        // As they travel.
        let json = serde_json::to_string(&rows).unwrap();
        let rows: Vec<LogRow> = serde_json::from_str(&json).unwrap();
        let mut enforced = Vec::new();
        table.follow(&log, rows[..2].to_vec(), |row| enforced.push(row)).await.unwrap();
        assert_eq!(enforced, rows[..2]);
        table.follow(&log, rows[..3].to_vec(), |row| enforced.push(row)).await.unwrap();
        assert_eq!(enforced, rows[..3], "what is known is passed over");
        assert_eq!(table.applied(), rows[2].rev);
        table.follow(&log, rows[3..].to_vec(), |row| enforced.push(row)).await.unwrap();
        assert_eq!(enforced, rows);
        let by = principal(&table, &person.sid, "r").await;
        assert!(by.holds(MORE));
        write(&house, &by).await.unwrap();

        let mut enforced = Vec::new();
        late.follow(&log, rows[3..].to_vec(), |row| enforced.push(row)).await.unwrap();
        assert_eq!(enforced, rows, "a gap is read from the log");

        let mut enforced = Vec::new();
        let forged = LogRow { changes: vec![PolicyChange::SystemAdjusted], ..rows[0].clone() };
        foreign.follow("another log", vec![forged], |row| enforced.push(row)).await.unwrap();
        assert_eq!(enforced, rows, "rows of another log are not taken");
    }

    async fn a_clock_that_is_set_neither_ends_the_lease_nor_lengthens_it(database: TestDatabase) {
        let clock = livegrant::clock::Clock::manual(1_795_255_200_000);
        let house = House::with(database.settings(), clock.clone()).await;
        let table = house.table().await;
        let lease = house.settings.policy.lease_ms;
        for jump in [3_600_000, -7_200_000] {
            clock.jump(jump);
            assert!(table.has_lease());
            assert_eq!(table.lease_left_ms(), lease as i64);
        }
        clock.advance(std::time::Duration::from_millis(lease + 1));
        assert!(!table.has_lease(), "although the clock was set back by two hours");
        // Rows from a doorbell say nothing about what came after them.
        table.follow(&table.log(), Vec::new(), drop).await.unwrap();
        assert!(!table.has_lease());
        table.catch_up(drop).await.unwrap();
        assert!(table.has_lease());
    }
}

/// On SQLite a process has the file alone: nobody else can put another log in its place while it writes.
#[test]
fn a_stamp_of_a_lost_log_does_not_commit_with_the_same_numbers() {
    crate::support::run_on_postgres(async |database| {
        let house = House::build(&database).await;
        let person = house.person("p", &[RIGHT]).await;
        let table = house.table().await;
        let by = principal(&table, &person.sid, "r").await;
        write(&house, &by).await.unwrap();
        let credentials = || {
            let view = by.session().view;
            table.credential_stamp(&by.member().facts(), view)
        };
        let old = credentials();
        promote(&database).await;
        assert!(matches!(write(&house, &by).await, Err(CommitError::Stale)), "nobody has noticed yet");
        follow(&table).await;
        assert!(matches!(write(&house, &by).await, Err(CommitError::Stale)), "the log has another name");
        let work = house.work().await;
        assert!(matches!(work.commit(&old).await, Err(CommitError::Stale)), "a password check, too");
        house.work().await.commit(&credentials()).await.unwrap();
        let by = by.renew(&table).unwrap();
        write(&house, &by).await.unwrap();
        // What a rule looked at besides does not make the stamp forget its log.
        promote(&database).await;
        let mut work = house.db.begin(&by.author()).await.unwrap();
        work.rests_on(livegrant::policy::Scope::Account(AccountId(-1)), 0);
        assert!(matches!(work.commit(&by.stamp()).await, Err(CommitError::Stale)));
    });
}
