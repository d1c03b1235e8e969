//! What the sweep does, with a clock that the test moves.

use std::time::Duration;

use crate::support::{Got, World, until};

/// S3-88.
#[actix_rt::test]
async fn a_silent_tab_is_pinged_then_closed_as_idle() {
    let world = World::swept();
    world.policy.set(7, 1, &[], &[]);
    let mut tab = world.open(&world.login(7, "s1")).await;
    world.pass(Duration::from_secs(25));
    assert_eq!(tab.next().await, Got::Ping);
    world.pass(Duration::from_secs(35));
    assert_eq!(tab.close_code().await, 4008);
}

#[actix_rt::test]
async fn a_tab_that_answers_lives_on() {
    let world = World::swept();
    world.policy.set(7, 1, &[], &[]);
    let mut tab = world.open(&world.login(7, "s1")).await;
    for _ in 0..5 {
        world.pass(Duration::from_secs(25));
        assert_eq!(tab.next().await, Got::Ping);
        tab.send(actix_http::ws::OpCode::Pong, &[]).await;
        tab.hears_nothing().await;
    }
    assert_eq!(world.closed("idle"), 0);
    assert_eq!(world.engine.online().await[0].tabs[0].last_heartbeat, world.now());
}

#[actix_rt::test]
async fn an_expired_token_closes_its_tab() {
    let world = World::swept();
    world.policy.set(7, 1, &[], &[]);
    let (mut tab, _) = world.try_attach_until(&world.login(7, "s1"), &[], world.now() + 5_000).await;
    tab.message().await;
    world.pass(Duration::from_secs(5));
    assert_eq!(tab.close_code().await, 4001);
}

#[actix_rt::test]
async fn a_change_that_nobody_told_is_repaired() {
    let world = World::swept();
    world.policy.set(7, 1, &["a"], &[]);
    let mut tab = world.open(&world.login(7, "s1")).await;
    world.policy.set(7, 2, &["a", "b"], &[]);
    let data = tab.message().await["data"].take();
    assert_eq!((&data["reason"], &data["prevRev"], &data["rev"]), (&"resync".into(), &1.into(), &2.into()));
}

#[actix_rt::test]
async fn a_vanished_client_leaves_nothing_behind() {
    let world = World::swept();
    world.policy.set(7, 1, &[], &[]);
    for _ in 0..3 {
        drop(world.open(&world.login(7, "s1")).await);
    }
    until("all is given back", || {
        let stats = world.engine.stats();
        stats.tabs == 0 && stats.accounts == 0
    })
    .await;
    assert!(world.engine.online().await.is_empty());
}
