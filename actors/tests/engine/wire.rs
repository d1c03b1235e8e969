//! What a tab may put on the wire, and what it gets for the rest (RFC 6455).

use actix_http::ws::OpCode;

use crate::support::{Got, Tab, World, frame};

async fn tab(world: &World) -> Tab {
    world.policy.set(7, 1, &["a"], &[]);
    world.open(&world.login(7, "s1")).await
}

async fn closes_with(bytes: &[u8], code: u16) {
    let world = World::new();
    let mut tab = tab(&world).await;
    tab.send_raw(bytes).await;
    assert_eq!(tab.close_code().await, code, "{:?}", &bytes[..bytes.len().min(16)]);
}

#[actix_rt::test]
async fn pings_of_both_kinds_are_answered() {
    let world = World::new();
    let mut tab = tab(&world).await;
    tab.send(OpCode::Ping, b"abc").await;
    assert_eq!(tab.next().await, Got::Pong(b"abc".to_vec()));
    tab.say(r#"{"type":"ping"}"#).await;
    let pong = tab.message().await;
    assert_eq!((&pong["type"], &pong["timestamp"]), (&"pong".into(), &world.now().into()));
}

#[actix_rt::test]
async fn a_snapshot_comes_when_asked_also_in_fragments() {
    let world = World::new();
    let mut tab = tab(&world).await;
    world.policy.set(7, 2, &["b"], &[]);
    tab.send_raw(&frame(false, OpCode::Text, br#"{"type":"#)).await;
    tab.send(OpCode::Ping, b"between").await;
    tab.send_raw(&frame(true, OpCode::Continue, br#""snapshot"}"#)).await;
    assert_eq!(tab.next().await, Got::Pong(b"between".to_vec()));
    let data = tab.message().await["data"].take();
    assert_eq!((&data["reason"], &data["rev"]), (&"snapshot".into(), &2.into()));
}

#[actix_rt::test]
async fn what_came_with_the_handshake_is_heard() {
    let world = World::new();
    world.policy.set(7, 1, &[], &[]);
    let early = frame(true, OpCode::Ping, b"early");
    let (mut tab, result) = world.try_attach(&world.login(7, "s1"), &early[..5]).await;
    result.unwrap();
    tab.send_raw(&early[5..]).await;
    tab.message().await;
    assert_eq!(tab.next().await, Got::Pong(b"early".to_vec()));
}

#[actix_rt::test]
async fn an_oversized_frame_is_refused_from_its_header() {
    let mut header = vec![0x81, 0xFF];
    header.extend_from_slice(&(1_u64 << 30).to_be_bytes());
    closes_with(&header, 4513).await;
}

#[actix_rt::test]
async fn the_largest_frame_is_still_taken() {
    let world = World::new();
    let mut tab = tab(&world).await;
    let mut text = r#"{"type":"snapshot","pad":""#.to_owned();
    text.push_str(&"x".repeat(65_536 - text.len() - 2));
    text.push_str("\"}");
    tab.say(&text).await;
    assert_eq!(tab.message().await["data"]["reason"], "snapshot");
}

#[actix_rt::test]
async fn breaches_close_with_4500() {
    closes_with(&frame(true, OpCode::Text, br#"{"type":"subscribe"}"#), 4500).await;
    closes_with(&frame(true, OpCode::Text, b"hello"), 4500).await;
    closes_with(&frame(true, OpCode::Text, &[0xFF, 0xFE]), 4500).await;
    closes_with(&frame(true, OpCode::Binary, b"x"), 4500).await;
    closes_with(&[0x81, 0x02, b'h', b'i'], 4500).await;
    closes_with(&[0xC1, 0x80, 0, 0, 0, 0], 4500).await;
}

#[actix_rt::test]
async fn a_talkative_tab_is_closed() {
    let world = World::with(|config| config.client_messages_per_minute = 3);
    let mut tab = tab(&world).await;
    for _ in 0..4 {
        tab.say(r#"{"type":"ping"}"#).await;
    }
    assert_eq!(tab.close_code().await, 4029);
}
