//! `permission_version` outlives the process (S3-99): a set that did not change keeps its revision, after any number of
//! other changes and after a restart. And the lease (I7): a node that cannot prove that it has read the log to its end
//! refuses guarded reads.

use livegrant::clock::Clock;
use livegrant::policy::{PolicyTable, Principal};
use livegrant::refusal::Refusal;
use livegrant::sql_one;
use livegrant_actors::{Rev, State};
use std::sync::Arc;
use std::time::Duration;

use crate::commit_order::execute;
use crate::house::{House, Person, principal};
use crate::support::both_databases;

async fn told(table: &PolicyTable, person: &Person) -> Arc<State> {
    let entry = table.session(&person.sid).await.unwrap().unwrap();
    let member = table.member(person.account).await.unwrap().unwrap();
    table.published(&member, entry.view)
}

async fn stored(house: &House, person: &Person) -> (i64, String) {
    sql_one!(
        &mut house.read().await,
        (i64, String),
        "SELECT permission_version, permission_hash FROM sys_login_user WHERE user_id = $1",
        person.account.0
    )
    .unwrap()
}

both_databases! {
    async fn a_set_that_did_not_change_keeps_its_revision(database: TestDatabase) {
        let house = House::build(&database).await;
        let person = house.person("p", &["org:view"]).await;
        let table = house.table().await;
        let first = told(&table, &person).await;
        assert_eq!(first.rev, table.applied());
        assert_eq!(stored(&house, &person).await, (1, String::new()), "not stored by looking");
        assert_eq!(table.store_versions().await.unwrap(), 1);
        assert_eq!(stored(&house, &person).await, (first.rev.0, first.hash.to_string()));

        house.role("unrelated", &["org:view"]).await;
        table.catch_up(drop).await.unwrap();
        assert!(told(&table, &person).await.rev == first.rev && table.applied() > first.rev);
        assert_eq!(table.store_versions().await.unwrap(), 0, "there is nothing to store");

        let restarted = house.table().await;
        let again = told(&restarted, &person).await;
        assert_eq!((again.rev, &again.hash), (first.rev, &first.hash), "a restart changes nobody's set");
        assert_eq!(restarted.store_versions().await.unwrap(), 0);

        let more = house.role("more", &["staff:view"]).await;
        house.give(person.account, more, None).await;
        restarted.catch_up(drop).await.unwrap();
        let changed = told(&restarted, &person).await;
        assert!(changed.rev == restarted.applied() && changed.hash != first.hash);
        assert_eq!(restarted.store_versions().await.unwrap(), 1);
        let restarted = house.table().await;
        assert_eq!(told(&restarted, &person).await.rev, changed.rev);
    }

    async fn the_last_few_states_are_found_again_by_their_names(database: TestDatabase) {
        let house = House::build(&database).await;
        let person = house.person("p", &["org:view"]).await;
        let table = house.table().await;
        let entry = table.session(&person.sid).await.unwrap().unwrap();
        let member = table.member(person.account).await.unwrap().unwrap();
        let find = |state: &State| table.published_at(&member, entry.view, &state.epoch, state.rev, &state.hash);
        let first = told(&table, &person).await;
        assert!(Arc::ptr_eq(&find(&first).unwrap(), &first), "the present one");

        let mut states = vec![first];
        for change in 0..10 {
            let role = house.role(&format!("more-{change}"), &["staff:view"]).await;
            house.give(person.account, role, None).await;
            table.catch_up(drop).await.unwrap();
            // Nobody looks at the eighth: no tab can come back with it.
            if change != 7 {
                states.push(told(&table, &person).await);
            }
        }
        let (lost, kept) = states.split_at(states.len() - 9);
        assert!(!lost.is_empty() && lost.iter().all(|state| find(state).is_none()), "bounded");
        assert!(kept.iter().all(|state| Arc::ptr_eq(&find(state).unwrap(), state)));

        // A change that nobody has looked at yet: the name is that of a past state by then.
        let last = kept.last().unwrap();
        let role = house.role("last", &["org:update"]).await;
        house.give(person.account, role, None).await;
        table.catch_up(drop).await.unwrap();
        assert!(Arc::ptr_eq(&find(last).unwrap(), last));
        assert_ne!(told(&table, &person).await.hash, last.hash);

        let wrong = [
            State { rev: Rev(last.rev.0 + 1), ..State::clone(last) },
            State { hash: "0000000000000000".into(), ..State::clone(last) },
            State { epoch: "another log".into(), ..State::clone(last) },
        ];
        assert!(wrong.iter().all(|state| find(state).is_none()), "every part of the name counts");
        let elsewhere = livegrant::policy::View { company: livegrant_actors::CompanyId(99), ..entry.view };
        assert!(table.published_at(&member, elsewhere, &last.epoch, last.rev, &last.hash).is_none());
    }

    async fn a_version_that_could_not_be_stored_is_stored_later(database: TestDatabase) {
        let house = House::build(&database).await;
        let person = house.person("p", &["org:view"]).await;
        let table = house.table().await;
        let rev = told(&table, &person).await.rev;
        let (refuse, allow) = if database.kind == "SQLite" {
            (
                "CREATE TRIGGER refuse BEFORE UPDATE ON sys_login_user BEGIN SELECT RAISE(ABORT, 'as asked'); END",
                "DROP TRIGGER refuse",
            )
        } else {
            (
                "ALTER TABLE sys_login_user ADD CONSTRAINT refuse CHECK (permission_version < 0) NOT VALID",
                "ALTER TABLE sys_login_user DROP CONSTRAINT refuse",
            )
        };
        execute(&database, refuse).await;
        table.store_versions().await.unwrap_err();
        execute(&database, allow).await;
        assert_eq!(table.store_versions().await.unwrap(), 1);
        assert_eq!(Rev(stored(&house, &person).await.0), rev);
    }

    async fn past_the_lease_guarded_reads_are_refused(database: TestDatabase) {
        let clock = Clock::manual(1_795_255_200_000);
        let house = House::with(database.settings(), clock.clone()).await;
        let person = house.person("p", &["org:view"]).await;
        let table = house.table().await;
        let lease = Duration::from_millis(house.settings.policy.lease_ms);
        let by = principal(&table, &person.sid, "r").await;
        clock.advance(lease);
        assert!(table.has_lease() && by.renew(&table).is_ok(), "the lease's last millisecond");
        clock.advance(Duration::from_millis(1));
        assert!(!table.has_lease());
        let refused = |outcome: Result<Principal, Refusal>| {
            matches!(outcome, Err(Refusal::Unavailable { code: "policy_unproven", .. }))
        };
        assert!(refused(by.renew(&table)));
        let origin = livegrant::policy::Origin::default();
        assert!(refused(Principal::of_session(&table, &person.sid, origin).await));
        table.catch_up(drop).await.unwrap();
        assert!(by.renew(&table).is_ok(), "the log was read to its end: the node is current");

        house.db.close().await;
        clock.advance(lease);
        table.catch_up(drop).await.unwrap_err();
        clock.advance(Duration::from_millis(1));
        assert!(refused(by.renew(&table)), "a log that cannot be read proves nothing");
    }
}
