//! The bus over Redis: plain pub/sub, one channel an account, one a node, one for all.
//!
//! Redis stores nothing for it and may be away for as long as it likes (I6): publishes fail at once, lines keep what they
//! want to hear, and everything comes back by itself. Everything that waits has a bound (I11). Once a second the bus
//! sends itself a canary through every connection: what is deaf or hangs is found, told by [`Health`] and replaced,
//! also where Redis answers every command and delivers nothing.
//! Connections are made by hand (see [`Topology`]); publishing and every line have one of their own, because commands
//! behind a flood of messages wait for it.
//!
//! It does not use Redis's sharded pub/sub, streams or keyspace events: a hint needs none of them.

mod backoff;
mod ear;
mod hearing;
mod line;
mod meter;
mod names;
mod publisher;
mod seal;
mod shared;
mod topology;
mod window;
mod wishes;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;
use futures_util::future::join_all;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval};

use self::ear::Ear;
use self::hearing::Hearing;
pub use self::hearing::QUEUE;
use self::publisher::Publisher;
use self::shared::Shared;
pub use self::topology::Topology;
use super::{Answer, Bus, BusError, Channel, Health, Line, PAYLOAD_MAX};
use crate::protocol::ids::NodeId;

/// What a bus over Redis needs to know.
pub struct RedisConfig {
    /// Where Redis is.
    pub topology: Topology,
    /// Which node this is; drawn at random at the start.
    pub node: NodeId,
    /// What only this cluster's nodes know; signs every message.
    pub secret: Vec<u8>,
    /// Begins every channel's name.
    pub prefix: String,
}

/// A bus over Redis.
pub struct RedisBus {
    shared: Arc<Shared>,
    publisher: Arc<Publisher>,
    ears: Arc<Mutex<Vec<Weak<Ear>>>>,
    lines: AtomicU64,
    /// Where all tasks run, whoever opens a line.
    runtime: Handle,
    /// Dropped with the bus: all tasks end.
    alive: watch::Sender<()>,
}

impl RedisBus {
    /// Starts the bus; it connects by itself, now or when Redis is there.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn start(config: RedisConfig) -> Arc<Self> {
        let shared = Arc::new(Shared::new(config));
        let (publisher, keeper) = Publisher::new(&shared);
        let bus = Self {
            shared,
            publisher: Arc::new(publisher),
            ears: Arc::default(),
            lines: AtomicU64::new(0),
            runtime: Handle::current(),
            alive: watch::Sender::new(()),
        };
        bus.spawn(keeper.run());
        bus.spawn(send_canaries(Arc::clone(&bus.shared), Arc::clone(&bus.publisher), Arc::clone(&bus.ears)));
        if matches!(bus.shared.topology, Topology::Sentinel { .. }) {
            bus.spawn(watch_master(Arc::clone(&bus.shared)));
        }
        Arc::new(bus)
    }

    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let mut alive = self.alive.subscribe();
        self.runtime.spawn(async move {
            tokio::select! {
                _ = alive.changed() => {}
                () = work => {}
            }
        });
    }

    async fn send(&self, channel: Channel, payload: Bytes) -> Result<(), BusError> {
        if payload.len() > PAYLOAD_MAX {
            return Err(BusError::TooLarge(payload.len()));
        }
        let name = self.shared.names.of(channel);
        let envelope = self.shared.close(&name, &payload);
        self.publisher.publish(&name, &envelope).await?;
        self.shared.meter.published(envelope.len());
        Ok(())
    }
}

impl Bus for RedisBus {
    fn node(&self) -> NodeId {
        self.shared.node
    }

    fn is_alone(&self) -> bool {
        false
    }

    fn publish(&self, channel: Channel, payload: Bytes) -> Answer<'_, ()> {
        Box::pin(self.send(channel, payload))
    }

    fn line(&self, name: &str) -> Line {
        let (sender, queue) = mpsc::channel(QUEUE);
        let canary = self.shared.names.canary(self.shared.node, self.lines.fetch_add(1, Ordering::Relaxed));
        let hearing = Arc::new(Hearing::new(Arc::clone(&self.shared), sender, canary));
        let ear = Arc::new(Ear::new(name, Arc::downgrade(&hearing)));
        let (shared, publisher) = (Arc::clone(&self.shared), Arc::clone(&self.publisher));
        self.ears.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(&ear));
        self.spawn(line::Keeper { shared, ear: Arc::clone(&ear), hearing, publisher }.run());
        Line::new(ear, queue)
    }

    fn health(&self) -> Health {
        health(&self.shared, &self.publisher, &live(&self.ears))
    }
}

/// The lines that are there; those that are gone are forgotten.
fn live(ears: &Mutex<Vec<Weak<Ear>>>) -> Vec<Arc<Ear>> {
    let mut ears = ears.lock().unwrap_or_else(PoisonError::into_inner);
    ears.retain(|ear| ear.strong_count() > 0);
    // A line whose reader is gone ends by itself, a moment later.
    ears.iter().filter_map(Weak::upgrade).filter(|ear| ear.hearing.strong_count() > 0).collect()
}

fn health(shared: &Shared, publisher: &Publisher, ears: &[Arc<Ear>]) -> Health {
    let troubles: Vec<_> =
        publisher.trouble().into_iter().chain(ears.iter().filter_map(|ear| ear.trouble())).collect();
    Health {
        trouble: (!troubles.is_empty()).then(|| troubles.join("; ")),
        lag_ms: ears.iter().filter_map(|ear| ear.hearing.upgrade()?.lag_ms()).max(),
        reconnects: shared.meter.reconnects(),
        rejected: shared.meter.rejected(),
    }
}

/// Sends every line its canary, once a second.
async fn send_canaries(shared: Arc<Shared>, publisher: Arc<Publisher>, ears: Arc<Mutex<Vec<Weak<Ear>>>>) {
    let mut beat = interval(line::LOOK);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        beat.tick().await;
        let live = live(&ears);
        let canaries = live.iter().filter_map(|ear| ear.hearing.upgrade()).map(|hearing| {
            let (shared, publisher) = (&shared, &publisher);
            async move {
                let envelope = shared.close(hearing.canary(), &hearing.canary_payload());
                // That it fails shows by its absence.
                let _shows = publisher.publish(hearing.canary(), &envelope).await;
            }
        });
        join_all(canaries).await;
        let health = health(&shared, &publisher, &live);
        shared.meter.state(health.trouble.is_some(), health.lag_ms);
    }
}

/// Asks the sentinels for the master, once a second: a connection to one that was replaced can look perfectly well.
async fn watch_master(shared: Arc<Shared>) {
    let mut beat = interval(line::LOOK);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        beat.tick().await;
        if let Some(master) = shared.topology.master().await {
            shared.moved.send_if_modified(|known| {
                let is_news = master.epoch > known.epoch;
                if is_news {
                    *known = master;
                }
                is_news
            });
        }
    }
}
