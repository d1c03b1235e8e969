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
        ..NoticeView::default()
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

/// S3-90.
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

/// S3-128.
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

/// What an event's `id` says that the tab has, it has: else a tab that is cut off there would miss the rest for good (I9).
#[actix_rt::test]
async fn a_place_never_claims_a_notice_that_is_still_owed() {
    let world = world(Duration::from_hours(1));
    let login = world.login(7, "s1");
    let listener = std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).unwrap();
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut client = socket.connect(listener.local_addr().unwrap()).await.unwrap();
    let server = listener.accept().unwrap().0;
    let admission = crate::support::admission(&login, livegrant_actors::Wishes::default(), i64::MAX);
    world.engine.attach_events(server, bytes::Bytes::from_static(b"head\n\n"), admission).await.unwrap();
    let mut sibling = world.open(&login).await;
    let last = fill(&world, &mut sibling).await;
    for rev in last + 1..last + 40 {
        let codes: Vec<String> = (0..200).map(|code| format!("long-permission-code-{rev}-{code}")).collect();
        world.policy.set(7, rev, &codes.iter().map(String::as_str).collect::<Vec<_>>(), &[]);
        world.refresh(rev, accounts(&[7])).await;
        sibling.message().await;
    }
    assert!(world.engine.stats().coalesced > 0, "{:?}", world.engine.stats());
    let (mut text, mut seen, mut placed) = (String::new(), 0, 0);
    while seen < last {
        let mut chunk = vec![0; 65_536];
        let read = tokio::io::AsyncReadExt::read(&mut client, &mut chunk).await.unwrap();
        assert!(read > 0, "cut off before notice {last}");
        text.push_str(std::str::from_utf8(&chunk[..read]).unwrap());
        while let Some((event, rest)) = text.split_once("\n\n") {
            let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name));
            if field("event: ") == Some("system_notification") {
                let data: serde_json::Value = serde_json::from_str(field("data: ").unwrap()).unwrap();
                seen = data["id"].as_i64().unwrap();
            }
            if let Some(id) = field("id: ") {
                // The hash of this world's states has colons of its own; the last two parts are place and stream.
                let place: i64 = id.rsplit(':').nth(1).unwrap().parse().unwrap();
                assert!(place <= seen, "the tab has {seen}, and is told that it has {place}");
                placed += 1;
            }
            text = rest.to_owned();
        }
    }
    assert!(placed > 2, "only {placed} places were told");
}
