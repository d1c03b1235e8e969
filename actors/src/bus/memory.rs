//! The bus of one node: doorbells stay in the process.
//!
//! Channels exist while somebody listens. It cannot fail and keeps nothing.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::broadcast;

use super::{Answer, Bus, Channel, Subscription};

/// Doorbells that wait for one subscriber. 256: a second of changes at the highest measured rate would lag, and lagging is safe.
pub const QUEUE: usize = 256;

/// An in-process bus.
#[derive(Default)]
pub struct MemoryBus {
    channels: Mutex<HashMap<Channel, broadcast::Sender<Bytes>>>,
}

impl Bus for MemoryBus {
    fn publish(&self, channel: Channel, payload: Bytes) -> Answer<'_, ()> {
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        let heard = channels.get(&channel).is_some_and(|sender| sender.send(payload).is_ok());
        if !heard {
            channels.remove(&channel);
        }
        Box::pin(std::future::ready(Ok(())))
    }

    fn subscribe(&self, channel: Channel) -> Answer<'_, Subscription> {
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        let sender = channels.entry(channel).or_insert_with(|| broadcast::channel(QUEUE).0);
        Box::pin(std::future::ready(Ok(Subscription::new(sender.subscribe()))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_rt::test]
    async fn keeps_the_contract_of_a_bus() {
        super::super::contract::check(&MemoryBus::default(), QUEUE).await;
    }
}
