//! Measures the bus on a Redis that runs: from publish to hear, at two rates, on one account's channel.
//!
//! `cargo run --release -p livegrant-actors --example bus_rate -- redis://127.0.0.1:6379`. It prints and judges nothing.

use std::time::Duration;

use bytes::Bytes;
use livegrant_actors::bus::redis::{RedisBus, RedisConfig, Topology};
use livegrant_actors::bus::{Bus, Channel, Heard};
use livegrant_actors::{AccountId, NodeId};
use tokio::time::{Instant, MissedTickBehavior, interval};

/// Of a small signal: what a tab is told about a change of its permissions.
const PAYLOAD: usize = 300;

#[actix_rt::main]
async fn main() {
    let url = std::env::args().nth(1).expect("the address of a Redis");
    let start = |node| {
        let (topology, secret) = (Topology::Standalone { url: url.clone() }, vec![7; 32]);
        RedisBus::start(RedisConfig { topology, node: NodeId(node), secret, prefix: "rate".to_owned() })
    };
    let (here, there) = (start(1), start(2));
    let channel = Channel::Account(AccountId(1));
    let mut line = there.line("rate");
    line.ears().listen(vec![channel]).await.expect("Redis is there");
    let began = Instant::now();
    for (rate, messages) in [(200, 2_000), (2_000, 20_000)] {
        let publisher = std::sync::Arc::clone(&here);
        let sending = tokio::spawn(async move {
            let mut tick = interval(Duration::from_secs(1) / rate);
            tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
            for _ in 0..messages {
                tick.tick().await;
                let mut payload = vec![0; PAYLOAD];
                payload[..8].copy_from_slice(&(began.elapsed().as_micros() as u64).to_be_bytes());
                publisher.publish(channel, Bytes::from(payload)).await.expect("sends");
            }
        });
        let mut took = Vec::with_capacity(messages);
        while took.len() < messages {
            let Some(Heard::Message(message)) = line.recv().await else { panic!("missed") };
            let left = u64::from_be_bytes(message.payload[..8].try_into().expect("eight bytes"));
            took.push(began.elapsed().as_micros() as u64 - left);
        }
        sending.await.expect("all are sent");
        took.sort_unstable();
        let (p50, p99) = (took[messages / 2], took[messages * 99 / 100]);
        println!("{rate}/s: p50 {p50} us, p99 {p99} us, slowest {} us", took[messages - 1]);
    }
}
