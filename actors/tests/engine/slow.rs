//! A tab that does not read: bounded, without harm to its siblings (I11).

use std::time::Duration;

use livegrant_actors::{Effect, NoticeView};

use crate::support::{Got, World, accounts, until};

fn notice(id: i64) -> Effect {
    Effect::Notice(NoticeView {
        id,
        title: "t".into(),
        content: "x".repeat(16_000).into(),
        category: "system".into(),
        severity: "info".into(),
    })
}

fn world(sweep: Duration) -> World {
    let world = World::with(|config| {
        config.sweep_interval = sweep;
        config.so_sndbuf = 4_096;
        config.heartbeat_interval = Duration::from_hours(1_000);
        config.heartbeat_timeout = Duration::from_hours(1_000);
        config.outbox_bytes = 256 * 1024;
    });
    world.policy.set(7, 0, &["a"], &[]);
    world
}

/// Fills the slow tab until the engine drops for it, reading everything at the sibling.
async fn fill(world: &World, sibling: &mut crate::support::Tab) -> i64 {
    for id in 1..10_000 {
        world.apply(id, notice(id), accounts(&[7])).await;
        assert_eq!(sibling.message().await["data"]["id"], id);
        if world.engine.stats().dropped > 3 {
            return id;
        }
    }
    panic!("the slow tab took everything");
}

#[actix_rt::test]
async fn its_permission_frames_become_one_snapshot_and_its_sibling_misses_nothing() {
    let world = world(Duration::from_hours(1));
    let login = world.login(7, "s1");
    let (mut slow, mut sibling) = (world.open_narrow(&login).await, world.open(&login).await);
    let last = fill(&world, &mut sibling).await;
    for rev in last + 1..last + 40 {
        let codes: Vec<String> = (0..200).map(|code| format!("long-permission-code-{rev}-{code}")).collect();
        world.policy.set(7, rev, &codes.iter().map(String::as_str).collect::<Vec<_>>(), &[]);
        world.refresh(rev, accounts(&[7])).await;
        assert_eq!(sibling.message().await["data"]["rev"], rev);
    }
    assert!(world.engine.stats().coalesced >= 30, "{:?}", world.engine.stats());
    // It reads again: what was on the wire, perhaps a first difference, the newest state, and then every
    // notice that had given way.
    let (mut updates, mut newest, mut notices) = (0, 0, Vec::new());
    while newest < last + 39 || notices.last() != Some(&last) {
        let message = slow.message().await;
        if message["type"] == "PERMISSION_UPDATE" {
            updates += 1;
            newest = message["data"]["rev"].as_i64().unwrap();
        } else {
            notices.push(message["data"]["id"].as_i64().unwrap());
        }
    }
    assert_eq!(notices, (1..=last).collect::<Vec<_>>(), "each once, in order");
    assert!(updates < 10, "{updates} updates");
    slow.hears_nothing().await;
}

#[actix_rt::test]
async fn a_kick_overtakes_what_waits() {
    let world = world(Duration::from_hours(1));
    let login = world.login(7, "s1");
    let (mut slow, mut sibling) = (world.open_narrow(&login).await, world.open(&login).await);
    let last = fill(&world, &mut sibling).await;
    world.end(last + 1, 7, None, None).await;
    let mut notices = 0;
    loop {
        match slow.message().await {
            message if message["type"] == "FORCE_LOGOUT" => break,
            _ => notices += 1,
        }
    }
    assert!(notices < last - 4, "what waited was not sent: {notices} of {last}");
    assert!(matches!(slow.next().await, Got::Close(4501, _)));
}

#[actix_rt::test]
async fn a_stuck_tab_is_closed_as_slow_then_cut() {
    let world = world(Duration::from_millis(20));
    let login = world.login(7, "s1");
    let (_stuck, mut sibling) = (world.open_narrow(&login).await, world.open(&login).await);
    fill(&world, &mut sibling).await;
    until("it is closed", || {
        // The kernel may still take a little at first, which starts the time anew.
        world.pass(Duration::from_secs(15));
        world.closed("slow") == 1
    })
    .await;
    world.pass(Duration::from_secs(3));
    until("it is cut", || world.engine.stats().tabs == 1).await;
    sibling.hears_nothing().await;
}
