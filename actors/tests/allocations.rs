//! What the hot path asks of the allocator, counted: a change delivered to an account's tabs, and an acknowledgement. A
//! guard against regressions that needs no clock: one more vector a tab shows, on every machine alike.
//!
//! The counter counts the whole process, so this binary has one test, and the test's own part allocates nothing while it
//! counts: it reads into a buffer that it has already.

#[path = "engine/support.rs"]
#[expect(dead_code, reason = "the engine's tests use the rest")]
mod support;

use std::alloc::System;
use std::sync::Arc;
use std::time::Duration;

use actix_http::ws::OpCode;
use livegrant_actors::{Change, Effect, Rev};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use support::{PATIENCE, Tab, World, accounts, frame};

#[global_allocator]
static COUNTING: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Rounds of each kind; the least of them counts, so that a table that grows in one of them does not.
const ROUNDS: usize = 30;
/// For each further tab: the queue of its outbox, and a slot for the receipt.
const A_TAB: usize = 2;
/// For a change of one account, whatever the number of its tabs: its way through the registry, the new state's
/// comparison, the message's body and its envelope, the receipt.
const A_CHANGE: usize = 60;
/// For an acknowledgement: nothing is kept of it.
const AN_ACK: usize = 1;
/// Acknowledgements in one go.
const ACKS: usize = 50;

#[test]
fn the_hot_path_asks_little_of_the_allocator() {
    actix_rt::System::new().block_on(async {
        let one = a_change(1).await;
        let three = a_change(3).await;
        let five = a_change(5).await;
        println!("allocations of a change: {one} for one tab, {three} for three, {five} for five");
        assert!(five >= one, "a tab that costs less than nothing: the counting is broken");
        assert!(five - one <= 4 * A_TAB, "a further tab costs {} / 4, more than {A_TAB}", five - one);
        assert!(three - one <= 2 * A_TAB, "a further tab costs {} / 2, more than {A_TAB}", three - one);
        assert!(one <= A_CHANGE, "a change of an account with one tab costs {one}, more than {A_CHANGE}");

        let acks = acks().await;
        println!("allocations of {ACKS} acknowledgements: {acks}");
        assert!(acks <= ACKS * AN_ACK, "{ACKS} acknowledgements cost {acks}, more than {AN_ACK} each");

        // The counter itself: it must see what the hot path might come to do.
        let region = Region::new(COUNTING);
        drop(std::hint::black_box(vec![0_u8; 100]));
        assert_eq!(asked(&region), 1);
    });
}

fn asked(region: &Region<'_, System>) -> usize {
    let stats = region.change();
    stats.allocations + stats.reallocations
}

fn world() -> World {
    World::with(|config| {
        config.shards = 1;
        config.sweep_interval = Duration::from_hours(1);
        config.client_messages_per_minute = 1_000_000;
    })
}

/// The least that a change of an account with so many tabs asked for.
async fn a_change(tabs: usize) -> usize {
    let world = world();
    let codes = [&["a:view", "b:view"][..], &["a:view"][..]];
    world.policy.set(1, 1, codes[1], &[7]);
    let login = world.login(1, "s");
    let mut open = Vec::new();
    for _ in 0..tabs {
        open.push(world.open(&login).await);
    }
    let mut buffer = vec![0; 64 * 1024];
    let mut least = usize::MAX;
    for round in 0..ROUNDS {
        let rev = Rev(round as i64 + 2);
        world.policy.set(1, rev.0, codes[round % 2], &[7]);
        // Far from the last change: this one is told at once.
        world.pass(Duration::from_mins(1));
        let change = Change {
            rev,
            accepted_at: world.now(),
            operator: None,
            reason: Arc::from("saved"),
            effect: Effect::Refresh { always: false },
            audience: accounts(&[1]),
        };
        let region = Region::new(COUNTING);
        world.engine.apply(change).await.expect("the shard lives");
        for tab in &mut open {
            one_frame(tab, 0x81, &mut buffer).await;
        }
        least = least.min(asked(&region));
    }
    least
}

/// The least that many acknowledgements asked for, above what none of them ask for.
async fn acks() -> usize {
    let world = world();
    world.policy.set(1, 1, &["a:view"], &[7]);
    let login = world.login(1, "s");
    let mut tab = world.open(&login).await;
    let ping = frame(true, OpCode::Ping, b"done?");
    let ack = frame(true, OpCode::Text, b"{\"type\":\"ack\",\"permissionVersion\":1}");
    let mut burst = ack.repeat(ACKS);
    burst.extend_from_slice(&ping);
    let mut buffer = vec![0; 64 * 1024];
    let (mut least, mut nothing) = (usize::MAX, usize::MAX);
    for _ in 0..ROUNDS {
        for (bytes, least) in [(&burst[..], &mut least), (&ping[..], &mut nothing)] {
            let region = Region::new(COUNTING);
            assert_eq!(tab.socket.try_write(bytes).expect("the socket is there"), bytes.len());
            one_frame(&mut tab, 0x8a, &mut buffer).await;
            *least = asked(&region).min(*least);
        }
    }
    least.saturating_sub(nothing)
}

/// Reads exactly one frame that begins like this, without allocating.
async fn one_frame(tab: &mut Tab, head: u8, buffer: &mut [u8]) {
    let mut held = 0;
    let read = async {
        loop {
            tab.socket.readable().await.expect("the socket is there");
            match tab.socket.try_read(&mut buffer[held..]) {
                Ok(0) => panic!("the tab was closed"),
                Ok(length) => held += length,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
                Err(error) => panic!("{error}"),
            }
            let length = match buffer[..held] {
                [_, length @ 0..=125, ..] => 2 + usize::from(length),
                [_, 126, high, low, ..] => 4 + usize::from(u16::from_be_bytes([high, low])),
                _ => continue,
            };
            assert_eq!(buffer[0], head, "another frame");
            assert!(held <= length, "more than one frame");
            if held == length {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, read).await.expect("the frame comes");
}
