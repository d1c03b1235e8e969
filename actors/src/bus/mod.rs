//! The bus carries doorbells between nodes.
//!
//! A doorbell is a hint: it may be lost, doubled or late, and losing every one of them loses
//! nothing (I6). So a bus promises only order within a channel between one publisher and one
//! subscriber, a bounded queue, and to say so when a subscriber lagged. It stores nothing.

#[cfg(any(test, feature = "contract"))]
pub mod contract;
pub mod memory;

use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use tokio::sync::broadcast;

use crate::protocol::ids::AccountId;

/// Where a doorbell rings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Channel {
    /// Every node: the policy log has grown.
    Policy,
    /// The nodes on which the account has a tab.
    Account(AccountId),
}

/// Why a bus could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// The other end is not reachable now.
    #[error("the bus is not reachable: {0}")]
    Unreachable(String),
}

/// Why a subscriber got no doorbell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Missed {
    /// This many doorbells were dropped because the subscriber was slow: read the database.
    #[error("{0} doorbells were missed")]
    Lagged(u64),
    /// The bus is gone.
    #[error("the bus is closed")]
    Closed,
}

/// A boxed future, so that `Bus` stays usable as `dyn Bus`.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, BusError>> + Send + 'a>>;

/// Carries doorbells between nodes.
pub trait Bus: Send + Sync + 'static {
    /// Rings a channel. Nobody listening is not an error.
    fn publish(&self, channel: Channel, payload: Bytes) -> Answer<'_, ()>;
    /// Listens to a channel; doorbells rung after the answer are heard.
    fn subscribe(&self, channel: Channel) -> Answer<'_, Subscription>;
}

/// A bounded queue of doorbells.
pub struct Subscription {
    queue: broadcast::Receiver<Bytes>,
}

impl Subscription {
    /// Wraps the receiving end of an implementation's queue.
    pub fn new(queue: broadcast::Receiver<Bytes>) -> Self {
        Self { queue }
    }

    /// Waits for the next doorbell.
    pub async fn recv(&mut self) -> Result<Bytes, Missed> {
        self.queue.recv().await.map_err(|error| match error {
            broadcast::error::RecvError::Lagged(missed) => Missed::Lagged(missed),
            broadcast::error::RecvError::Closed => Missed::Closed,
        })
    }
}
