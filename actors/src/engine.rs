//! Starts the engine's arbiters and gives the handle.
//!
//! One arbiter thread a shard. It needs a running `actix` system; it stops with that system or by
//! [`EngineHandle::stop`].

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use actix::Actor;
use actix_rt::Arbiter;
use tokio::sync::watch;

use crate::bus::Bus;
use crate::cluster::Post;
use crate::config::EngineConfig;
use crate::counters::Counters;
use crate::handle::{EngineHandle, Parts, ShardRef};
use crate::notices::Notices;
use crate::receipts::Receipts;
use crate::registry::{Registry, Seed};
use crate::subject::{Ids, Observer, Time};

/// What the engine takes from the application.
pub struct Outside {
    /// Carries doorbells.
    pub bus: Arc<dyn Bus>,
    /// The clock.
    pub time: Arc<dyn Time>,
    /// The source of ids and keys.
    pub ids: Arc<dyn Ids>,
    /// Is told of tabs that come and go; [`Nobody`](crate::Nobody) does not look.
    pub observer: Arc<dyn Observer>,
}

/// The engine.
pub struct Engine;

impl Engine {
    /// Starts one arbiter a shard, each with its registry.
    ///
    /// # Panics
    /// Outside an `actix` system, or when the operating system gives no thread.
    pub fn start(config: EngineConfig, outside: Outside) -> EngineHandle {
        let Outside { bus, time, ids, observer } = outside;
        let config = Arc::new(config);
        let counters = Arc::new(Counters::default());
        let receipts = Arc::new(Receipts::new(&config, Arc::clone(&counters)));
        let notices = Arc::new(Notices::new(config.notices_kept));
        let (failure, failed) = watch::channel(None);
        let stopping = Arc::new(AtomicBool::new(false));
        let shards = (0..config.shards.max(1))
            .map(|index| {
                let arbiter = Arbiter::new();
                let seed = Seed {
                    index,
                    bus: Arc::clone(&bus),
                    config: Arc::clone(&config),
                    time: Arc::clone(&time),
                    ids: Arc::clone(&ids),
                    counters: Arc::clone(&counters),
                    receipts: Arc::clone(&receipts),
                    notices: Arc::clone(&notices),
                    observer: Arc::clone(&observer),
                    failure: failure.clone(),
                    stopping: Arc::clone(&stopping),
                };
                let addr = Registry::start_in_arbiter(&arbiter.handle(), |_| Registry::new(seed));
                ShardRef::new(addr, arbiter.handle(), config.registry_mailbox)
            })
            .collect();
        EngineHandle::new(Parts {
            config,
            shards,
            counters,
            receipts,
            notices,
            post: Post::new(Arc::clone(&bus)),
            bus,
            time,
            failure,
            failed,
            stopping,
        })
    }
}
