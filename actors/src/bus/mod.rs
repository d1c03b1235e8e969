//! The bus carries hints between nodes: that the policy log has grown, that an account is to be told something, questions
//! and their answers.
//!
//! A hint may be lost, doubled or late, and losing every one of them loses nothing (I6): the database is the truth. So a
//! bus promises only order within a channel between one node and one line, bounded queues, and to say so when a line may
//! have missed something. It stores nothing. What it brings is signed by a node that knows the cluster's key, or it is not
//! brought at all. A node does not hear itself.

pub mod contract;
pub mod memory;
pub mod redis;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc;

use crate::protocol::ids::{AccountId, NodeId};

/// Largest payload, bytes. 1 MiB: a thousand connection records, or the log rows of a large change; more is a mistake, and
/// would delay what waits behind it by 10 ms and more.
pub const PAYLOAD_MAX: usize = 1024 * 1024;

/// Who is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Channel {
    /// Every node: doorbells of the policy log, and what nodes say to all.
    Nodes,
    /// One node: questions to it, and answers to what it asked.
    Node(NodeId),
    /// The nodes on which the account has a tab.
    Account(AccountId),
}

/// What came through a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The channel.
    pub channel: Channel,
    /// Who sent it; never this node.
    pub from: NodeId,
    /// What it sent.
    pub payload: Bytes,
}

/// What a line hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A message.
    Message(Message),
    /// The connection was away or the queue was full: whatever was sent meanwhile may be lost. Read the database.
    Missed,
}

/// Why a bus could not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BusError {
    /// The other end is not reachable now.
    #[error("the bus is not reachable: {0}")]
    Unreachable(String),
    /// More than [`PAYLOAD_MAX`].
    #[error("{0} bytes are too many for one message")]
    TooLarge(usize),
}

/// How well the bus carries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// What is wrong, in words; `None`: nothing.
    pub trouble: Option<String>,
    /// How long the last canary of the slowest line took, ms; `None`: there are no canaries on one node.
    pub lag_ms: Option<u64>,
    /// Connections made again since the start.
    pub reconnects: u64,
    /// Payloads that were thrown away: forged, foreign, too large, repeated.
    pub rejected: u64,
}

/// A boxed future, so that `Bus` stays usable as `dyn Bus`.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, BusError>> + Send + 'a>>;

/// Carries hints between nodes.
pub trait Bus: Send + Sync + 'static {
    /// Which node this is.
    fn node(&self) -> NodeId;
    /// Tells whether there can be no other node: then nothing needs to be encoded.
    fn is_alone(&self) -> bool;
    /// Sends to a channel; answers when it is handed over. Nobody listening is not an error. One try, and never longer
    /// than a second: who sends decides what a failure means.
    fn publish(&self, channel: Channel, payload: Bytes) -> Answer<'_, ()>;
    /// Opens a line: one connection with a queue of its own. It hears nothing until it listens to a channel.
    fn line(&self, name: &str) -> Line;
    /// Tells how well the bus carries, all lines together.
    fn health(&self) -> Health;
}

/// Decides what a line hears; an implementation's part of it.
pub trait Ears: Send + Sync + 'static {
    /// Listens to more channels; what is sent after the answer is heard. When the bus is away the wish is kept: the
    /// channels are heard once it is back, which is said by [`Heard::Missed`].
    fn listen(&self, channels: Vec<Channel>) -> Answer<'_, ()>;
    /// Stops listening to channels, at once or a little later.
    fn leave(&self, channels: Vec<Channel>);
}

/// One connection's queue; see [`Bus::line`]. It is closed when it is dropped.
pub struct Line {
    ears: Arc<dyn Ears>,
    queue: mpsc::Receiver<Heard>,
}

impl Line {
    /// Puts an implementation's parts together.
    pub fn new(ears: Arc<dyn Ears>, queue: mpsc::Receiver<Heard>) -> Self {
        Self { ears, queue }
    }

    /// Gives what decides about its channels, also while somebody waits for messages.
    pub fn ears(&self) -> Arc<dyn Ears> {
        Arc::clone(&self.ears)
    }

    /// Waits for the next message; `None`: the bus is gone, there will be no more.
    pub async fn recv(&mut self) -> Option<Heard> {
        self.queue.recv().await
    }

    /// Takes the next message, if there is one.
    pub fn try_recv(&mut self) -> Option<Heard> {
        self.queue.try_recv().ok()
    }
}
