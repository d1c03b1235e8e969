//! What the bus counts: for its health, and for the `metrics` facade.

use std::sync::atomic::{AtomicU64, Ordering};

use super::super::Channel;
use super::seal::Rejected;

/// Counters that all lines share.
#[derive(Default)]
pub(super) struct Meter {
    reconnects: AtomicU64,
    rejected: AtomicU64,
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
        metrics::counter!("livegrant_bus_reconnects_total", "line" => line.to_owned()).increment(1);
    }

    /// A message was thrown away.
    pub fn reject(&self, why: Rejected) {
        self.rejected.fetch_add(1, Ordering::Relaxed);
        metrics::counter!("livegrant_bus_rejected_total", "reason" => why.label()).increment(1);
    }

    /// A message of another node came.
    pub fn received(&self, channel: Channel, bytes: usize) {
        let kind = match channel {
            Channel::Nodes => "nodes",
            Channel::Node(_) => "node",
            Channel::Account(_) => "account",
        };
        metrics::counter!("livegrant_bus_received_total", "channel" => kind).increment(1);
        metrics::counter!("livegrant_bus_bytes_total", "direction" => "in").increment(bytes as u64);
    }

    /// A message was handed to Redis.
    pub fn published(&self, bytes: usize) {
        metrics::counter!("livegrant_bus_published_total").increment(1);
        metrics::counter!("livegrant_bus_bytes_total", "direction" => "out").increment(bytes as u64);
    }

    /// A line's queue was full.
    pub fn overflowed(&self) {
        metrics::counter!("livegrant_bus_overflows_total").increment(1);
    }

    /// What the canaries say, once a second.
    pub fn state(&self, trouble: bool, lag_ms: Option<u64>) {
        metrics::gauge!("livegrant_bus_trouble").set(f64::from(u8::from(trouble)));
        if let Some(lag) = lag_ms {
            metrics::gauge!("livegrant_bus_lag_seconds").set(lag as f64 / 1000.0);
        }
    }
}
