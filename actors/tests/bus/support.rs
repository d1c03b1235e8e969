//! What the tests of the bus share.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use livegrant_actors::bus::redis::{RedisBus, RedisConfig, Topology};
use livegrant_actors::bus::{Bus, Channel, Heard, Line};
use livegrant_actors::{AccountId, NodeId};
use tokio::time::{Instant, timeout};

use crate::server::Server;

/// Longest wait for what must come.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Signs the messages of all nodes of a test.
pub const SECRET: &[u8] = b"the secret of the nodes of a test";

/// Starts a node's bus.
pub fn bus(topology: Topology, node: i64) -> Arc<RedisBus> {
    let (node, secret, prefix) = (NodeId(node), SECRET.to_vec(), "t".to_owned());
    RedisBus::start(RedisConfig { topology, node, secret, prefix })
}

/// The buses of two nodes of one server.
pub fn two(server: &Server) -> (Arc<RedisBus>, Arc<RedisBus>) {
    let topology = || Topology::Standalone { url: server.url() };
    (bus(topology(), 1), bus(topology(), 2))
}

/// An account's channel.
pub fn account(id: i64) -> Channel {
    Channel::Account(AccountId(id))
}

/// Opens a line that hears a channel.
pub async fn listening(bus: &dyn Bus, channel: Channel) -> Line {
    let line = bus.line("test");
    line.ears().listen(vec![channel]).await.expect("listens");
    line
}

/// Waits for the next thing that a line hears.
pub async fn hear(line: &mut Line) -> Heard {
    timeout(PATIENCE, line.recv()).await.expect("something comes in time").expect("the bus is there")
}

/// Sends until a line hears it; gives whether the line was told that it missed something before.
pub async fn send_until_heard(from: &dyn Bus, channel: Channel, line: &mut Line) -> bool {
    let deadline = Instant::now() + PATIENCE;
    let text = Bytes::from(format!("{:?}", Instant::now()));
    let mut missed = false;
    loop {
        let sent = from.publish(channel, text.clone()).await;
        let give_up = Instant::now() + Duration::from_millis(100);
        while let Ok(heard) = tokio::time::timeout_at(give_up, line.recv()).await {
            match heard.expect("the bus is there") {
                Heard::Missed => missed = true,
                Heard::Message(message) if message.payload == text => return missed,
                Heard::Message(_) => {}
            }
        }
        assert!(Instant::now() < deadline, "never heard; the last publish: {sent:?}; {:?}", from.health());
    }
}

/// Waits until a condition holds.
pub async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    let mut look = tokio::time::interval(Duration::from_millis(20));
    while !is_so() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        look.tick().await;
    }
}

/// Waits until a bus says that nothing is wrong, which takes a canary through every line.
pub async fn healthy(bus: &dyn Bus) {
    until("the bus is well", || bus.health().trouble.is_none() && bus.health().lag_ms.is_some()).await;
}
