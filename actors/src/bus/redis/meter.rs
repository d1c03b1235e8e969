//! What the bus counts: for its health, and for the `metrics` facade.

use std::sync::atomic::{AtomicU64, Ordering};

use metrics::{Counter, Gauge, counter, gauge};

use super::super::Channel;
use super::seal::Rejected;

/// Counters that all lines share, looked up once and not once a message.
pub(super) struct Meter {
    reconnects: AtomicU64,
    rejected: AtomicU64,
    published: Counter,
    /// By kind of channel: all nodes, one node, an account.
    received: [Counter; 3],
    bytes_in: Counter,
    bytes_out: Counter,
    overflows: Counter,
    trouble: Gauge,
    lag: Gauge,
}

impl Default for Meter {
    fn default() -> Self {
        Self {
            reconnects: AtomicU64::new(0),
            rejected: AtomicU64::new(0),
            published: counter!("livegrant_bus_published_total"),
            received: ["nodes", "node", "account"]
                .map(|kind| counter!("livegrant_bus_received_total", "channel" => kind)),
            bytes_in: counter!("livegrant_bus_bytes_total", "direction" => "in"),
            bytes_out: counter!("livegrant_bus_bytes_total", "direction" => "out"),
            overflows: counter!("livegrant_bus_overflows_total"),
            trouble: gauge!("livegrant_bus_trouble"),
            lag: gauge!("livegrant_bus_lag_seconds"),
        }
    }
}

impl Meter {
    pub fn reconnects(&self) -> u64 {
        self.reconnects.load(Ordering::Relaxed)
    }

    pub fn rejected(&self) -> u64 {
        self.rejected.load(Ordering::Relaxed)
    }

    /// A connection was made again.
    pub fn reconnected(&self, line: &str) {
        self.reconnects.fetch_add(1, Ordering::Relaxed);
        counter!("livegrant_bus_reconnects_total", "line" => line.to_owned()).increment(1);
    }

    /// A message was thrown away.
    pub fn reject(&self, why: Rejected) {
        self.rejected.fetch_add(1, Ordering::Relaxed);
        counter!("livegrant_bus_rejected_total", "reason" => why.label()).increment(1);
    }

    /// A message of another node came.
    pub fn received(&self, channel: Channel, bytes: usize) {
        let kind = match channel {
            Channel::Nodes => 0,
            Channel::Node(_) => 1,
            Channel::Account(_) => 2,
        };
        self.received[kind].increment(1);
        self.bytes_in.increment(bytes as u64);
    }

    /// A message was handed to Redis.
    pub fn published(&self, bytes: usize) {
        self.published.increment(1);
        self.bytes_out.increment(bytes as u64);
    }

    /// A line's queue was full.
    pub fn overflowed(&self) {
        self.overflows.increment(1);
    }

    /// What the canaries say, once a second.
    pub fn state(&self, trouble: bool, lag_ms: Option<u64>) {
        self.trouble.set(f64::from(u8::from(trouble)));
        if let Some(lag) = lag_ms {
            self.lag.set(lag as f64 / 1000.0);
        }
    }
}
