//! The bus within a process: alone, for one node, or a hub that joins the nodes of a test.
//!
//! It cannot fail and keeps nothing.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bytes::Bytes;
use tokio::sync::mpsc;

use super::{Answer, Bus, BusError, Channel, Ears, Health, Heard, Line, Message, PAYLOAD_MAX};
use crate::protocol::ids::NodeId;

/// Messages that wait for one line. 256: a second of changes at the highest measured rate would overflow, and overflowing
/// is safe.
pub const QUEUE: usize = 256;

/// What joins nodes within one process.
#[derive(Clone, Default)]
pub struct MemoryHub(Arc<Mutex<Vec<Weak<Ear>>>>);

/// An in-process bus.
pub struct MemoryBus {
    node: NodeId,
    hub: Option<MemoryHub>,
}

struct Ear {
    node: NodeId,
    channels: Mutex<HashSet<Channel>>,
    queue: mpsc::Sender<Heard>,
    missed: AtomicBool,
}

impl MemoryHub {
    /// Joins a node.
    pub fn join(&self, node: NodeId) -> MemoryBus {
        MemoryBus { node, hub: Some(self.clone()) }
    }

    /// Counts the lines that hear a channel now.
    pub fn lines_on(&self, channel: Channel) -> usize {
        let hears = |ear: &Weak<Ear>| ear.upgrade().is_some_and(|ear| ear.channels().contains(&channel));
        self.ears().iter().filter(|ear| hears(ear)).count()
    }

    fn ears(&self) -> MutexGuard<'_, Vec<Weak<Ear>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MemoryBus {
    /// The bus of the only node.
    pub fn alone(node: NodeId) -> Self {
        Self { node, hub: None }
    }

    fn send(&self, channel: Channel, payload: &Bytes) -> Result<(), BusError> {
        if payload.len() > PAYLOAD_MAX {
            return Err(BusError::TooLarge(payload.len()));
        }
        let Some(hub) = &self.hub else { return Ok(()) };
        let mut ears = hub.ears();
        ears.retain(|ear| ear.strong_count() > 0);
        for ear in ears.iter().filter_map(Weak::upgrade).filter(|ear| ear.node != self.node) {
            if ear.channels().contains(&channel) {
                ear.hear(Message { channel, from: self.node, payload: payload.clone() });
            }
        }
        Ok(())
    }
}

impl Bus for MemoryBus {
    fn node(&self) -> NodeId {
        self.node
    }

    fn is_alone(&self) -> bool {
        self.hub.is_none()
    }

    fn publish(&self, channel: Channel, payload: Bytes) -> Answer<'_, ()> {
        Box::pin(std::future::ready(self.send(channel, &payload)))
    }

    fn line(&self, _name: &str) -> Line {
        let (sender, queue) = mpsc::channel(QUEUE);
        let ear = Arc::new(Ear {
            node: self.node,
            channels: Mutex::default(),
            queue: sender,
            missed: AtomicBool::new(false),
        });
        if let Some(hub) = &self.hub {
            hub.ears().push(Arc::downgrade(&ear));
        }
        Line::new(ear, queue)
    }

    fn health(&self) -> Health {
        Health::default()
    }
}

impl Ear {
    fn channels(&self) -> MutexGuard<'_, HashSet<Channel>> {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hear(&self, message: Message) {
        // What was missed is said first, or the reader would take the next message for the next one sent.
        if self.missed.load(Ordering::Acquire) && self.queue.try_send(Heard::Missed).is_ok() {
            self.missed.store(false, Ordering::Release);
        }
        if self.missed.load(Ordering::Acquire) || self.queue.try_send(Heard::Message(message)).is_err() {
            self.missed.store(true, Ordering::Release);
        }
    }
}

impl Ears for Ear {
    fn listen(&self, channels: Vec<Channel>) -> Answer<'_, ()> {
        self.channels().extend(channels);
        Box::pin(std::future::ready(Ok(())))
    }

    fn leave(&self, channels: Vec<Channel>) {
        let mut heard = self.channels();
        for channel in channels {
            heard.remove(&channel);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_rt::test]
    async fn keeps_the_contract_of_a_bus() {
        let hub = MemoryHub::default();
        super::super::contract::check(&hub.join(NodeId(1)), &hub.join(NodeId(2)), QUEUE).await;
    }

    #[actix_rt::test]
    async fn a_node_alone_hears_nothing() {
        let bus = MemoryBus::alone(NodeId(1));
        let mut line = bus.line("test");
        line.ears().listen(vec![Channel::Nodes]).await.unwrap();
        bus.publish(Channel::Nodes, Bytes::from_static(b"x")).await.unwrap();
        assert_eq!(line.try_recv(), None);
        assert!(bus.is_alone());
    }
}
