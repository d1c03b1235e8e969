//! Changes in quick succession are told as one; what must not wait does not.

use std::time::Duration;

use livegrant_actors::{Audience, Rev};
use serde_json::json;

use crate::support::{Got, World, accounts, until};

fn world() -> World {
    World::with(|config| {
        config.sweep_interval = Duration::from_millis(20);
        config.merge_window = Duration::from_secs(1);
    })
}

#[actix_rt::test]
async fn the_first_of_a_burst_is_told_at_once_and_the_rest_as_one() {
    let world = world();
    world.policy.set(7, 1, &["a"], &[]);
    let mut tab = world.open(&world.login(7, "s1")).await;
    world.policy.set(7, 2, &["a", "b"], &[]);
    world.refresh(2, accounts(&[7])).await;
    assert_eq!(tab.message().await["data"]["rev"], 2, "nobody waits for a window that nothing opened");
    for (rev, codes) in [(3, &["a", "b", "c"][..]), (4, &["b", "c"]), (5, &["b", "c", "d"])] {
        world.policy.set(7, rev, codes, &[]);
        world.refresh(rev, accounts(&[7])).await;
    }
    assert_eq!(world.engine.receipt(Rev(3)).unwrap().waiting, 1);
    tab.hears_nothing().await;
    world.pass(Duration::from_secs(1));
    let update = tab.message().await["data"].clone();
    assert_eq!(
        (&update["rev"], &update["prevRev"], &update["updateType"]),
        (&json!(5), &json!(null), &json!("REPLACE"))
    );
    assert_eq!((&update["added"], &update["removed"]), (&json!(["c", "d"]), &json!(["a"])));
    tab.say(r#"{"type":"ack","permissionVersion":5}"#).await;
    for rev in 3..=5 {
        until("every merged change is acknowledged", || {
            world.engine.receipt(Rev(rev)).is_some_and(|receipt| {
                receipt.waiting == 0
                    && receipt
                        .accounts
                        .first()
                        .is_some_and(|line| (line.tabs_sent, line.tabs_acked) == (1, 1))
            })
        })
        .await;
    }
}

#[actix_rt::test]
async fn a_burst_that_changes_nothing_in_the_end_is_not_told() {
    let world = world();
    world.policy.set(7, 1, &["a"], &[]);
    let mut tab = world.open(&world.login(7, "s1")).await;
    world.policy.set(7, 2, &["a", "b"], &[]);
    world.refresh(2, accounts(&[7])).await;
    tab.message().await;
    world.policy.set(7, 3, &["a"], &[]);
    world.refresh(3, accounts(&[7])).await;
    world.policy.set(7, 2, &["a", "b"], &[]);
    world.refresh(4, accounts(&[7])).await;
    world.pass(Duration::from_secs(1));
    until("nothing waits", || world.engine.receipt(Rev(4)).is_some_and(|receipt| receipt.waiting == 0)).await;
    tab.hears_nothing().await;
}

#[actix_rt::test]
async fn a_forced_logout_overtakes_what_waits() {
    let world = world();
    world.policy.set(7, 1, &["a"], &[]);
    let mut tab = world.open(&world.login(7, "s1")).await;
    for rev in [2, 3] {
        world.policy.set(7, rev, &[&*format!("code{rev}")], &[]);
        world.refresh(rev, accounts(&[7])).await;
    }
    assert_eq!(tab.message().await["data"]["rev"], 2);
    world.end(4, 7, None, None).await;
    assert_eq!(tab.message().await["type"], "FORCE_LOGOUT");
    assert!(matches!(tab.next().await, Got::Close(4501, _)));
}

#[actix_rt::test]
async fn each_account_has_a_window_of_its_own() {
    let world = world();
    for account in [7, 8] {
        world.policy.set(account, 1, &["a"], &[]);
    }
    let (mut one, mut other) =
        (world.open(&world.login(7, "s1")).await, world.open(&world.login(8, "s2")).await);
    world.policy.set(7, 2, &[], &[]);
    world.refresh(2, Audience::Everyone).await;
    assert_eq!(one.message().await["data"]["rev"], 2);
    world.policy.set(8, 3, &[], &[]);
    world.refresh(3, Audience::Everyone).await;
    assert_eq!(other.message().await["data"]["rev"], 3, "its window was never opened");
}

#[actix_rt::test]
async fn a_tab_that_comes_while_changes_wait_has_them_already() {
    let world = world();
    world.policy.set(7, 1, &["a"], &[]);
    let login = world.login(7, "s1");
    let mut first = world.open(&login).await;
    for rev in [2, 3] {
        world.policy.set(7, rev, &[&*format!("code{rev}")], &[]);
        world.refresh(rev, accounts(&[7])).await;
    }
    first.message().await;
    let mut second = world.open(&login).await;
    world.pass(Duration::from_secs(1));
    assert_eq!(first.message().await["data"]["rev"], 3);
    second.hears_nothing().await;
    assert_eq!(world.engine.receipt(Rev(3)).unwrap().accounts[0].tabs_sent, 2, "both know it");
}
