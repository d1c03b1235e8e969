//! Ended sessions: told, closed, never missed (I12).

use std::sync::atomic::Ordering;
use std::time::Duration;

use livegrant_actors::Rev;
use serde_json::json;

use crate::support::{Got, World, until};

#[actix_rt::test]
async fn the_ended_session_gets_its_last_words_then_4501() {
    let world = World::new();
    world.policy.set(7, 1, &[], &[]);
    let (kicked, kept) = (world.login(7, "s1"), world.login(7, "s2"));
    let (mut one, mut other) = (world.open(&kicked).await, world.open(&kept).await);
    world.end(2, 7, Some(&["s1"]), None).await;
    let logout = one.message().await;
    assert_eq!(logout["type"], "FORCE_LOGOUT");
    assert_eq!(
        logout["data"],
        json!({"reason": "kicked", "code": "session_kicked", "at": world.now(), "sid": "s1"})
    );
    assert!(matches!(one.next().await, Got::Close(4501, _)));
    other.hears_nothing().await;
    assert_eq!(world.engine.online().await[0].tabs.len(), 1);
    assert_eq!(world.engine.receipt(Rev(2)).unwrap().accounts[0].tabs_acked, 0);
    drop(one);
    until("the answer to the close is the receipt", || {
        world.engine.receipt(Rev(2)).unwrap().accounts[0].tabs_acked == 1
    })
    .await;
}

#[actix_rt::test]
async fn all_sessions_end_but_the_kept_one() {
    let world = World::new();
    world.policy.set(7, 1, &[], &[]);
    let mut tabs = Vec::new();
    for sid in ["s1", "s2", "s3"] {
        tabs.push(world.open(&world.login(7, sid)).await);
    }
    world.end(2, 7, None, Some("s2")).await;
    assert_eq!(tabs[0].close_code().await, 4501);
    assert_eq!(tabs[2].close_code().await, 4501);
    tabs[1].hears_nothing().await;
}

#[actix_rt::test]
async fn a_tab_of_an_already_ended_session_is_closed_on_adoption() {
    let world = World::new();
    world.policy.set(7, 1, &[], &[]);
    let login = world.login(7, "s1");
    login.active.store(false, Ordering::SeqCst);
    let mut tab = world.connect(&login).await;
    assert_eq!(tab.message().await["type"], "FORCE_LOGOUT", "not even a snapshot");
    assert!(matches!(tab.next().await, Got::Close(4501, _)));
}

#[actix_rt::test]
async fn the_sweep_finds_a_session_that_ended_without_a_word() {
    let world = World::swept();
    world.policy.set(7, 1, &[], &[]);
    let login = world.login(7, "s1");
    let mut tab = world.open(&login).await;
    login.active.store(false, Ordering::SeqCst);
    assert_eq!(tab.message().await["type"], "FORCE_LOGOUT");
    assert_eq!(tab.close_code().await, 4501);
}

#[actix_rt::test]
async fn kicks_racing_with_new_tabs_leave_no_survivor() {
    let world = World::new();
    world.policy.set(7, 1, &[], &[]);
    for round in 0..60 {
        let login = world.login(7, &format!("s{round}"));
        let sid = format!("s{round}");
        let kick = async {
            if round % 3 == 0 {
                tokio::task::yield_now().await;
            }
            login.active.store(false, Ordering::SeqCst);
            world.end(round, 7, Some(&[&sid]), None).await;
        };
        let ((mut tab, _), ()) = tokio::join!(world.try_attach(&login, &[]), kick);
        assert_eq!(tab.close_code().await, 4501);
    }
}

#[actix_rt::test]
async fn a_kicked_tab_that_never_answers_is_cut() {
    let world = World::swept();
    world.policy.set(7, 1, &[], &[]);
    let mut tab = world.open(&world.login(7, "s1")).await;
    world.end(2, 7, None, None).await;
    assert_eq!(tab.close_code().await, 4501);
    assert_eq!(world.engine.stats().tabs, 1, "waits for the answer");
    world.pass(Duration::from_secs(3));
    until("the socket is cut", || world.engine.stats().tabs == 0).await;
    assert_eq!(tab.next().await, Got::End);
}
