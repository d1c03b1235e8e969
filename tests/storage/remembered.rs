//! The fence never trusts an epoch that is not the committed one, whatever became of the transaction that raised it:
//! committed, refused by the database, or given up in the middle with its task. On SQLite this is about the epochs that the
//! process remembers; on PostgreSQL the same must hold of the database's own.

use livegrant::db::{Author, CommitError, Db, SystemTask};
use livegrant::policy::{PolicyChange, Principal, Scope, store};
use livegrant::sql_exec;
use livegrant_actors::RoleId;
use std::sync::Arc;

use crate::commit_order::execute;
use crate::house::{House, on_threads, principal};
use crate::steps::Dice;
use crate::support::{TestDatabase, both_databases};

const ROUNDS: u64 = 250;

const REFUSE_SQLITE: &str = "CREATE TRIGGER refuse BEFORE INSERT ON policy_log WHEN NEW.reason = 'refuse'
  BEGIN SELECT RAISE(ABORT, 'as asked'); END;
CREATE TABLE parent (id INTEGER PRIMARY KEY);
CREATE TABLE child (id INTEGER REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED);
CREATE TRIGGER refuse_at_commit AFTER INSERT ON policy_log WHEN NEW.reason = 'refuse at commit'
  BEGIN INSERT INTO child VALUES (1); END;";
const REFUSE_POSTGRES: &str = "
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'as asked'; END $$;
CREATE TRIGGER refuse BEFORE INSERT ON policy_log FOR EACH ROW WHEN (NEW.reason = 'refuse')
  EXECUTE FUNCTION refuse();
CREATE CONSTRAINT TRIGGER refuse_at_commit AFTER INSERT ON policy_log DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.reason = 'refuse at commit') EXECUTE FUNCTION refuse();";

both_databases! {
    async fn a_change_that_did_not_commit_makes_nothing_stale_and_nothing_current(database: TestDatabase) {
        let (house, by, role) = set_up(&database).await;
        let refuse = if database.kind == "SQLite" { REFUSE_SQLITE } else { REFUSE_POSTGRES };
        execute(&database, refuse).await;
        for _ in 0..3 {
            let epoch = epoch(&house.db, role).await;
            assert!(rests_on(&house.db, &by, role, epoch).await, "now it is remembered");
            for reason in ["refuse", "refuse at commit"] {
                assert!(raise(house.db.clone(), role, reason).await.is_err());
                assert!(rests_on(&house.db, &by, role, epoch).await, "nothing was raised: {reason}");
                assert!(!rests_on(&house.db, &by, role, epoch + 1).await, "{reason}");
            }
            raise(house.db.clone(), role, "").await.unwrap();
            assert!(!rests_on(&house.db, &by, role, epoch).await, "stale at once");
            assert!(rests_on(&house.db, &by, role, epoch + 1).await);
        }
    }

    async fn a_change_that_is_given_up_in_the_middle_is_never_half_known(database: TestDatabase) {
        let kind = database.kind;
        on_threads(async move {
            let (house, by, role) = set_up(&database).await;
            let mut dice = Dice::of(7);
            let (mut given_up, mut committed) = (0, 0);
            for round in 0..ROUNDS {
                let before = epoch(&house.db, role).await;
                assert!(rests_on(&house.db, &by, role, before).await);
                let change = tokio::spawn(raise(house.db.clone(), role, ""));
                if round % 4 != 0 {
                    for _ in 0..dice.below(400) {
                        tokio::task::yield_now().await;
                    }
                    change.abort();
                }
                given_up += usize::from(change.await.is_err());
                // A commit may be under way still; the writes below wait for it, and so does this look.
                raise(house.db.clone(), RoleId(role.0 + 1), "").await.unwrap();
                let holds = rests_on(&house.db, &by, role, before).await;
                let after = epoch(&house.db, role).await;
                committed += usize::from(after != before);
                assert_eq!(holds, after == before, "round {round}: {before} and then {after}");
                assert!(rests_on(&house.db, &by, role, after).await, "round {round}");
            }
            println!("{kind}: of {ROUNDS} changes {given_up} were given up, {committed} are committed");
            assert!(given_up > 0 && committed > 0, "one kind did not come up: this proves little");
        })
        .await;
    }
}

async fn set_up(database: &TestDatabase) -> (House, Principal, RoleId) {
    let house = House::build(database).await;
    let person = house.person("writer", &["org:update"]).await;
    let (role, _next) = (house.role("judged", &[]).await, house.role("another", &[]).await);
    let table = house.table().await;
    let by = principal(&Arc::clone(&table), &person.sid, "r").await;
    (house, by, role)
}

async fn epoch(db: &Db, role: RoleId) -> i64 {
    store::epoch(&mut db.read().await.unwrap(), &Scope::Role(role)).await.unwrap()
}

async fn raise(db: Db, role: RoleId, reason: &'static str) -> Result<(), CommitError> {
    let mut work = db.begin(&Author::system("raise")).await?;
    work.change(PolicyChange::RolePermissions { role, added: Vec::new(), removed: Vec::new() });
    work.because(reason);
    work.commit(SystemTask::Bootstrap).await.map(drop)
}

/// Answers whether a write that rests on the role's epoch commits.
async fn rests_on(db: &Db, by: &Principal, role: RoleId, epoch: i64) -> bool {
    let mut work = db.begin(&by.author()).await.unwrap();
    sql_exec!(work.conn(), "UPDATE company SET name = 'renamed' WHERE id = 1").unwrap();
    work.rests_on(Scope::Role(role), epoch);
    match work.commit(&by.stamp()).await {
        Ok(_) => true,
        Err(CommitError::Stale) => false,
        Err(other) => panic!("{other:?}"),
    }
}
