//! What all connections of one bus share.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tokio::sync::watch;

use super::meter::Meter;
use super::names::Names;
use super::seal::Seal;
use super::topology::{Master, Topology};
use crate::protocol::ids::NodeId;

/// What all connections of one bus share.
pub(super) struct Shared {
    pub node: NodeId,
    pub topology: Topology,
    /// Whose turn it is among a cluster's nodes.
    pub turn: AtomicUsize,
    pub names: Names,
    pub seal: Seal,
    pub meter: Meter,
    /// Whom the sentinels call the master now; its epoch only grows.
    pub moved: watch::Sender<Master>,
    number: AtomicU64,
}

impl Shared {
    pub fn new(config: super::RedisConfig) -> Self {
        Self {
            node: config.node,
            topology: config.topology,
            turn: AtomicUsize::new(0),
            names: Names::new(&config.prefix),
            seal: Seal::new(&config.secret),
            meter: Meter::default(),
            moved: watch::Sender::new(Master::default()),
            number: AtomicU64::new(0),
        }
    }

    /// Wraps a payload, with this node's next number.
    pub fn close(&self, channel: &str, payload: &[u8]) -> Vec<u8> {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        self.seal.close(channel, self.node, number, payload)
    }
}

/// Notes that a numbered connection is not to be trusted any more; who keeps it waits for that.
pub(super) fn distrust(broken: &watch::Sender<u64>, generation: u64) {
    broken.send_if_modified(|newest| {
        let is_news = generation > *newest;
        *newest = generation.max(*newest);
        is_news
    });
}

/// Waits until a watched value is as wanted.
pub(super) async fn until<T>(value: &mut watch::Receiver<T>, wanted: impl FnMut(&T) -> bool) {
    // The guard ends here, or the caller could not be sent to another thread. That the sender is gone cannot happen while
    // one who waits holds it.
    let _guard = value.wait_for(wanted).await;
}
