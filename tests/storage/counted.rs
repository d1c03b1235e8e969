//! What a change costs in statements, counted: a role's change is the same few for three holders in use as for three
//! hundred, from the administrator's write to what every tab is to be told and to the stored versions; a tab that comes
//! back to what it knows costs none.

use futures_util::FutureExt;
use livegrant::access::role_permissions::{self, Mode, Order};
use livegrant::cluster::members::Members;
use livegrant::core::Core;
use livegrant::policy::{HolderId, Member, SessionEntry};
use livegrant_actors::{AccountId, Rev, State};
use std::sync::Arc;
use tokio::sync::watch;

use crate::house::{House, Person, commit, engine, insert_account, insert_session};
use crate::support::both_databases;

const FEW: usize = 3;
const MANY: usize = 300;
const RIGHT: &str = "org:view";

/// Somebody whose tab is open.
struct Online {
    session: Arc<SessionEntry>,
    member: Arc<Member>,
    told: Arc<State>,
}

both_databases! {
    async fn a_role_change_costs_the_same_for_few_holders_and_for_many(database: TestDatabase) {
        let house = House::build(&database).await;
        let admin = house.person("admin", &[RIGHT, "permission:assign", "role:update", "role:grant"]).await;
        house.person("root", &["system:admin"]).await;
        let (role, other) = (house.role("crowd", &[RIGHT]).await, house.role("handful", &[RIGHT]).await);
        let crowd = sign_in(&house, MANY, role).await;
        let handful = sign_in(&house, FEW, other).await;
        let core = core(&house).await;
        // On SQLite a caller's first write reads the epochs that the process then remembers.
        let first = house.role("first", &[RIGHT]).await;
        take_right(&core, &admin, HolderId::Role(first), &[]).await;
        let mut costs = Vec::new();
        for (role, people) in [(role, crowd), (other, handful)] {
            let mut online = Vec::new();
            for person in &people {
                online.push(open(&core, person).await);
            }
            core.policy.store_versions().await.unwrap();
            costs.push(take_right(&core, &admin, HolderId::Role(role), &online).await);
            comes_back(&core, &online);
        }
        println!("{}: a role change costs {} statements, storing the versions {}", database.kind, costs[0].0, costs[0].1);
        assert_eq!(costs[0], costs[1], "for {MANY} and for {FEW} holders");
        assert!(costs[0].0 > 5 && costs[0].1 > 0, "counted at all: {costs:?}");
    }
}

both_databases! {
    /// Who asks, and whether he may, is answered from memory (S3-138).
    async fn a_check_costs_no_statement(database: TestDatabase) {
        let house = House::build(&database).await;
        let person = house.person("alice", &[RIGHT]).await;
        let core = core(&house).await;
        // The first request of a session reads it.
        person.calls(&core, "first").await;
        let before = core.db.statements();
        for _ in 0..10 {
            let by = person.calls(&core, "next").await;
            by.require(RIGHT).unwrap();
            by.require("org:delete").unwrap_err();
        }
        assert_eq!(core.db.statements(), before);
        assert!(before > 0, "counted at all");
    }
}

async fn sign_in(house: &House, number: usize, role: livegrant_actors::RoleId) -> Vec<Person> {
    let mut work = house.work().await;
    let mut people = Vec::new();
    for person in 0..number {
        let account = insert_account(work.conn(), &format!("{role}-{person}")).await;
        livegrant::access::store::give_role(work.conn(), account, role, None, None, AccountId(0), 1)
            .await
            .unwrap();
        let sid = insert_session(work.conn(), account).await;
        people.push(Person { account, role, sid });
    }
    commit(work).await;
    people
}

/// The use cases' rooms with a relay that looks only when the doorbell rings: what else looks would be counted, too.
async fn core(house: &House) -> Core {
    let (db, policy) = (house.db.clone(), house.table().await);
    let (applied, receiver) = watch::channel(policy.applied());
    let (doorbell, follower) = (db.doorbell(), Arc::clone(&policy));
    // What rang while the house was built is in the table already.
    let _ = doorbell.notified().now_or_never();
    tokio::spawn(async move {
        loop {
            doorbell.notified().await;
            follower.catch_up(|row| _ = applied.send_replace(row.rev)).await.unwrap();
        }
    });
    let settings = Arc::new(house.settings.clone());
    let engine = engine();
    let node = engine.bus().node();
    let members = Arc::new(Members::new(node, &settings.cluster, ""));
    Core { clock: db.clock().clone(), db, policy, settings, engine, node, members, applied: receiver }
}

async fn open(core: &Core, person: &Person) -> Online {
    let session = core.policy.session(&person.sid).await.unwrap().unwrap();
    let member = core.policy.member(person.account).await.unwrap().unwrap();
    let told = core.policy.published(&member, session.view);
    Online { session, member, told }
}

/// Takes the right from the role; answers the statements until everyone's new state is known, and those that store it.
async fn take_right(core: &Core, admin: &Person, role: HolderId, online: &[Online]) -> (u64, u64) {
    core.policy.catch_up(drop).await.unwrap();
    let by = admin.calls(core, "take").await;
    let before = core.db.statements();
    let order =
        Order { mode: Mode::Remove, codes: vec![RIGHT.to_owned()], confirmed: false, reason: String::new() };
    let rev = role_permissions::change(core, &by, role, &order).await.unwrap().expect("it changed");
    for tab in online {
        let state = core.policy.published(&tab.member, tab.session.view);
        assert_eq!((state.rev, state.permissions.len()), (rev, 0));
    }
    let changed = core.db.statements();
    assert_eq!(core.policy.store_versions().await.unwrap(), online.len());
    (changed - before, core.db.statements() - changed)
}

/// Every tab comes back, with what it was told before the change or with what holds now.
fn comes_back(core: &Core, online: &[Online]) {
    let before = core.db.statements();
    for tab in online {
        let view = tab.session.view;
        let present = core.policy.published(&tab.member, view);
        for known in [&tab.told, &present] {
            let found = core.policy.published_at(&tab.member, view, &known.epoch, known.rev, &known.hash);
            assert!(found.is_some_and(|found| Arc::ptr_eq(&found, known)));
        }
        assert!(core.policy.published_at(&tab.member, view, "another log", Rev(1), "").is_none());
    }
    assert_eq!(core.db.statements(), before, "coming back costs no SQL");
}
