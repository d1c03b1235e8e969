//! Somebody with `system:admin` is always left (FC8): the last two administrators take it from each other at the same
//! time, again and again, in every way that there is. With the fence on, the loser's permission is gone before he
//! commits; with it off, the rule alone, which counts in a row under its own lock, has to hold.

use livegrant::access::role_permissions::{self, Mode, Order};
use livegrant::access::store as access_store;
use livegrant::access::{account_roles, model::RolePatch, roles};
use livegrant::auth::model::AccountPatch;
use livegrant::auth::update_account;
use livegrant::core::Core;
use livegrant::db::{Committed, Fence};
use livegrant::policy::{HolderId, PolicyChange, Principal, SYSTEM_ADMIN};
use livegrant::refusal::Refusal;
use livegrant::{sql_exec, sql_one};
use livegrant_actors::AccountId;

use crate::house::{House, Person, engine, on_threads, permission_id};
use crate::support::{TestDatabase, both_databases};

const ROUNDS: usize = 80;

/// How one takes the other's administration away.
#[derive(Debug, Clone, Copy)]
enum Way {
    TakeRole,
    TakePermission,
    SwitchRoleOff,
    DeleteRole,
    Disable,
}

const WAYS: [Way; 5] =
    [Way::TakeRole, Way::TakePermission, Way::SwitchRoleOff, Way::DeleteRole, Way::Disable];

both_databases! {
    async fn two_administrators_cannot_remove_each_other(database: TestDatabase) {
        duel(&database, Fence::On).await;
    }

    async fn the_rule_holds_even_without_the_fence(database: TestDatabase) {
        duel(&database, Fence::Off).await;
    }
}

async fn duel(database: &TestDatabase, fence: Fence) {
    let (database, engine) = (database.clone(), engine());
    on_threads(async move {
        let house = House::build(&database).await;
        let core = house.core(engine, fence).await;
        let mut removed = 0;
        for round in 0..ROUNDS {
            let way = WAYS[round % WAYS.len()];
            let first = house.person(&format!("first-{round}"), &[SYSTEM_ADMIN]).await;
            let second = house.person(&format!("second-{round}"), &[SYSTEM_ADMIN]).await;
            settle(&house, &core).await;
            let callers = [first.calls(&core, "duel").await, second.calls(&core, "duel").await];
            let running = callers.into_iter().zip([second.clone(), first.clone()]).map(|(by, other)| {
                let attack = move |core: Core, by: Principal| {
                    let other = other.clone();
                    async move { remove(way, &core, &by, &other).await }
                };
                let core = core.clone();
                tokio::spawn(async move { core.write(by, attack).await })
            });
            let running: Vec<_> = running.collect();
            let mut won = 0;
            for attack in running {
                match attack.await.unwrap() {
                    Ok(()) => won += 1,
                    Err(
                        Refusal::Denied { .. }
                        | Refusal::Unauthenticated { .. }
                        | Refusal::NotFound { .. }
                        | Refusal::Forbidden { code: "last_administrator", .. },
                    ) => {}
                    Err(other) => panic!("round {round}, {way:?}: {other:?}"),
                }
            }
            let left = administrators(&house, [first.account, second.account]).await;
            assert_eq!((won, left), (1, 1), "round {round}, {way:?}: one wins, one is left");
            removed += won;
            // Both leave the stage, past the rule.
            retire(&house, &first).await;
            retire(&house, &second).await;
        }
        assert_eq!(removed, ROUNDS);
    })
    .await;
}

async fn remove(way: Way, core: &Core, by: &Principal, other: &Person) -> Result<(), Refusal> {
    match way {
        Way::TakeRole => account_roles::take(core, by, other.account, other.role).await.map(drop),
        Way::TakePermission => {
            let codes = vec![SYSTEM_ADMIN.to_owned()];
            let order = Order { mode: Mode::Remove, codes, confirmed: true, reason: String::new() };
            role_permissions::change(core, by, HolderId::Role(other.role), &order).await.map(drop)
        }
        Way::SwitchRoleOff => {
            let patch = RolePatch { name: None, status: Some(0), version: None, ..RolePatch::default() };
            roles::update(core, by, other.role, &patch).await.map(drop)
        }
        Way::DeleteRole => roles::delete(core, by, other.role, roles::Holders::Take).await.map(drop),
        Way::Disable => {
            let patch = AccountPatch { status: Some(0), ..AccountPatch::default() };
            update_account::update(core, by, other.account, &patch).await.map(drop)
        }
    }
}

async fn settle(house: &House, core: &Core) {
    let last = livegrant::policy::store::revision(&mut house.read().await).await.unwrap();
    core.settle(Committed { rev: Some(last) }).await;
}

/// Counts who is left, by a statement of its own.
async fn administrators(house: &House, among: [AccountId; 2]) -> i64 {
    let mut conn = house.read().await;
    let admin = permission_id(&mut conn, SYSTEM_ADMIN).await;
    let (left,) = sql_one!(
        &mut conn,
        (i64,),
        "SELECT count(DISTINCT u.user_id) FROM sys_login_user u, sys_user_role g, sys_role r, sys_role_menu m
          WHERE u.user_id IN ($1, $2) AND u.status = 1 AND g.account_id = u.user_id AND r.id = g.role_id
            AND r.status = 1 AND m.role_id = r.id AND m.permission_id = $3",
        among[0].0,
        among[1].0,
        admin
    )
    .unwrap();
    left
}

async fn retire(house: &House, person: &Person) {
    let mut work = house.work().await;
    access_store::take_role(work.conn(), person.account, person.role).await.unwrap();
    let sql =
        sql_exec!(work.conn(), "UPDATE sys_login_user SET status = 0 WHERE user_id = $1", person.account.0);
    sql.unwrap();
    work.change(PolicyChange::UserStatus { account: person.account, enabled: false });
    crate::house::commit(work).await;
}
