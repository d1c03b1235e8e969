//! Tabs come, are listed, and go (S3-113 to S3-115).

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use actix_http::ws::OpCode;
use livegrant_actors::{AccountId, AttachError, CloseReason, Refused, Rev, SessionId};

use crate::support::{Broken, Got, PATIENCE, World, accounts, until};

#[actix_rt::test]
async fn a_tab_connects_receives_leaves_and_connects_again() {
    let world = World::new();
    world.policy.set(7, 3, &["a", "b"], &[1]);
    let login = world.login(7, "s1");
    let mut tab = world.connect(&login).await;
    let snapshot = tab.message().await;
    assert_eq!(snapshot["type"], "PERMISSION_UPDATE");
    assert_eq!((&snapshot["userId"], &snapshot["userGuid"]), (&7.into(), &"guid-7".into()));
    assert_eq!(snapshot["timestamp"], world.now());
    let data = &snapshot["data"];
    assert_eq!(data["permissions"], serde_json::json!(["a", "b"]));
    assert_eq!(data["updateType"], "REPLACE");
    assert_eq!(
        (&data["rev"], &data["permissionVersion"], &data["prevRev"]),
        (&3.into(), &3.into(), &().into())
    );
    assert_eq!(data["roles"], serde_json::json!([{"id": 1, "code": "role-1", "name": "Role"}]));

    tab.send(OpCode::Close, &1000_u16.to_be_bytes()).await;
    assert!(matches!(tab.next().await, Got::Close(1000, _)));
    assert_eq!(tab.next().await, Got::End);
    until("the account is gone", || world.engine.stats().accounts == 0).await;
    assert_eq!((world.engine.stats().tabs, world.closed("client_left")), (0, 1));

    let mut again = world.open(&login).await;
    again.hears_nothing().await;
    drop(again);
    until("the lost tab is noticed", || world.closed("lost") == 1).await;
}

#[actix_rt::test]
async fn tabs_that_come_and_go_at_once_are_never_lost() {
    let world = World::new();
    world.policy.set(7, 1, &[], &[]);
    let login = world.login(7, "s1");
    for _ in 0..200 {
        let mut tab = world.open(&login).await;
        tab.send(OpCode::Close, &1000_u16.to_be_bytes()).await;
        // The next one races with the actor that stops.
    }
    let mut last = world.open(&login).await;
    last.hears_nothing().await;
    until("only the last is held", || world.engine.stats().tabs == 1).await;
    assert_eq!(world.engine.stats().accounts, 1);
}

#[actix_rt::test]
async fn a_tab_on_its_way_keeps_a_busy_actor_from_stopping() {
    let world = World::with(|config| {
        config.session_mailbox = 1;
        config.shards = 1;
    });
    world.policy.set(7, 1, &[], &[]);
    let login = world.login(7, "s1");
    let mut tab = world.open(&login).await;
    for rev in 0..300 {
        let bursts = (0..6).map(|_| world.refresh(rev, accounts(&[7])));
        let (_, ((), (next, result))) = tokio::join!(futures_util::future::join_all(bursts), async {
            tokio::join!(tab.send(OpCode::Close, b""), world.try_attach(&login, &[]))
        });
        result.unwrap();
        tab = next;
        tab.message().await;
    }
    tab.hears_nothing().await;
}

/// S3-88.
#[actix_rt::test]
async fn online_lists_open_tabs_with_their_revision() {
    let world = World::new();
    world.policy.set(7, 3, &["a"], &[]);
    world.policy.set(8, 4, &["a"], &[]);
    let (one, two, other) = (world.login(7, "s1"), world.login(7, "s2"), world.login(8, "s3"));
    let mut tabs = [world.open(&one).await, world.open(&two).await, world.open(&other).await];
    tabs[0].say(r#"{"type":"ack","permissionVersion":2}"#).await;
    tabs[0].hears_nothing().await;
    let online = world.engine.online().await;
    assert_eq!(
        online.iter().map(|online| (online.account.0, online.tabs.len())).collect::<Vec<_>>(),
        [(7, 2), (8, 1)]
    );
    let tab = &online[0].tabs[0];
    assert_eq!(
        (tab.sid.as_str(), tab.transport.label(), tab.rev, &*tab.browser),
        ("s1", "websocket", Rev(2), "test")
    );
    assert_eq!(online[0].tabs[1].rev, Rev(3), "not acknowledged: as sent");
    assert_eq!(&*online[0].guid, "guid-7");
}

/// S3-85.
#[actix_rt::test]
async fn a_sixth_tab_replaces_the_oldest() {
    let world = World::new();
    world.policy.set(7, 1, &[], &[]);
    let login = world.login(7, "s1");
    let mut tabs = Vec::new();
    for _ in 0..6 {
        tabs.push(world.open(&login).await);
    }
    assert_eq!(tabs[0].close_code().await, CloseReason::Replaced.code());
    for tab in &mut tabs[1..] {
        tab.hears_nothing().await;
    }
    assert_eq!(world.engine.online().await[0].tabs.len(), 5);
}

#[actix_rt::test]
async fn closing_sockets_of_a_restless_client_do_not_pile_up() {
    let world = World::new();
    world.policy.set(7, 1, &[], &[]);
    let login = world.login(7, "s1");
    let mut tabs = Vec::new();
    for _ in 0..40 {
        tabs.push(world.connect(&login).await);
    }
    assert!(world.engine.stats().tabs <= 5 + 10 + 1, "{:?}", world.engine.stats());
}

#[actix_rt::test]
async fn a_full_node_refuses_before_and_after_the_handshake() {
    let world = World::with(|config| config.max_tabs = 1);
    world.policy.set(7, 1, &[], &[]);
    let login = world.login(7, "s1");
    let ip = IpAddr::V4(Ipv4Addr::LOCALHOST);
    assert_eq!(world.engine.admit(AccountId(7), ip), Ok(()));
    let _tab = world.open(&login).await;
    assert_eq!(world.engine.admit(AccountId(7), ip), Err(Refused::Full));
    let (mut late, result) = world.try_attach(&login, &[]).await;
    assert!(matches!(result, Err(AttachError::Refused(Refused::Full))));
    assert_eq!(late.close_code().await, 1013);
}

#[actix_rt::test]
async fn one_tab_can_be_closed_by_its_connection() {
    let world = World::new();
    world.policy.set(7, 1, &[], &[]);
    let login = world.login(7, "s1");
    let (mut first, mut second) = (world.open(&login).await, world.open(&login).await);
    let id = world.engine.online().await[0].tabs[0].connection_id.clone();
    assert!(world.engine.close_tab(AccountId(7), &id, CloseReason::Disconnected).await);
    assert_eq!(first.close_code().await, 4000);
    assert!(!world.engine.close_tab(AccountId(7), &id, CloseReason::Disconnected).await, "already closed");
    assert!(!world.engine.close_tab(AccountId(9), &id, CloseReason::Disconnected).await, "nobody");
    second.hears_nothing().await;
}

#[actix_rt::test]
async fn a_drain_sends_every_tab_away_and_lets_none_in() {
    let world = World::swept();
    let mut tabs = Vec::new();
    for account in 1..=8 {
        world.policy.set(account, 1, &[], &[]);
        tabs.push(world.open(&world.login(account, "s")).await);
    }
    let engine = world.engine.clone();
    let drain = actix_rt::spawn(async move { engine.drain(Duration::from_millis(60)).await });
    for tab in &mut tabs {
        assert_eq!(tab.close_code().await, 1012);
    }
    drop(tabs);
    drain.await.unwrap();
    assert_eq!(world.engine.stats().tabs, 0);
    let (mut late, result) = world.try_attach(&world.login(1, "s"), &[]).await;
    assert!(matches!(result, Err(AttachError::Refused(Refused::Draining))));
    assert_eq!(late.close_code().await, 1012);
}

#[actix_rt::test]
async fn a_refreshed_session_lives_longer() {
    let world = World::swept();
    world.policy.set(7, 1, &[], &[]);
    let expires_at = world.now() + 1_000;
    let (mut one, _) = world.try_attach_until(&world.login(7, "s1"), &[], expires_at).await;
    let (mut two, _) = world.try_attach_until(&world.login(7, "s2"), &[], expires_at).await;
    world.engine.extend(AccountId(7), &SessionId::from("s2"), expires_at + 5_000).await;
    world.pass(Duration::from_secs(1));
    assert_eq!(one.close_code().await, CloseReason::TokenExpired.code());
    two.message().await;
    two.hears_nothing().await;
}

#[actix_rt::test]
async fn a_dead_shard_is_reported_and_makes_the_engine_unhealthy() {
    let world = World::new();
    assert_eq!(world.engine.healthy(), Ok(()));
    world.policy.set(7, 1, &[], &[]);
    let login = world.login(7, "s1");
    *login.broken.lock().unwrap() = Some(Broken::Guid);
    let (mut tab, result) = world.try_attach(&login, &[]).await;
    assert!(matches!(result, Err(AttachError::ShardGone)));
    assert_eq!(tab.next().await, Got::End);
    let failure = tokio::time::timeout(PATIENCE, world.engine.failed()).await.unwrap();
    assert!(failure.starts_with("registry shard"), "{failure}");
    assert_eq!(world.engine.healthy(), Err(failure));
}

#[actix_rt::test]
async fn a_session_actor_that_panics_takes_only_its_own_tabs() {
    let world = World::new();
    world.policy.set(7, 1, &["a"], &[]);
    world.policy.set(8, 1, &["a"], &[]);
    let (broken, sound) = (world.login(7, "s1"), world.login(8, "s2"));
    let (mut lost, mut other) = (world.open(&broken).await, world.open(&sound).await);
    *broken.broken.lock().unwrap() = Some(Broken::State);
    world.refresh(2, accounts(&[7])).await;
    assert_eq!(lost.next().await, Got::End);
    other.hears_nothing().await;
    assert_eq!(world.engine.healthy(), Ok(()));
    *broken.broken.lock().unwrap() = None;
    let mut again = world.open(&broken).await;
    again.hears_nothing().await;
    assert_eq!((world.engine.stats().accounts, world.engine.stats().tabs), (2, 2));
}

#[actix_rt::test]
async fn a_stopped_engine_cuts_its_tabs_and_is_unhealthy_without_an_alarm() {
    let world = World::new();
    world.policy.set(7, 1, &[], &[]);
    let mut tab = world.open(&world.login(7, "s1")).await;
    world.engine.stop();
    assert_eq!(tab.next().await, Got::End);
    until("the engine is unhealthy", || world.engine.healthy().is_err()).await;
    let (_, result) = world.try_attach(&world.login(7, "s1"), &[]).await;
    assert!(result.is_err());
}

#[actix_rt::test]
async fn a_change_reaches_nobody_when_nobody_is_there() {
    let world = World::new();
    world.refresh(1, accounts(&[7])).await;
    assert!(world.engine.receipt(Rev(1)).unwrap().accounts.is_empty());
}
