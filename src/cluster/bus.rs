//! Which bus the settings ask for.

use crate::clock::random_number;
use crate::settings::Settings;
use livegrant_actors::NodeId;
use livegrant_actors::bus::Bus;
use livegrant_actors::bus::memory::MemoryBus;
use livegrant_actors::bus::redis::{RedisBus, RedisConfig};
use std::sync::Arc;

/// Starts the bus: over Redis where one is set, else within the process. It never fails: a Redis that is away is waited for.
pub fn bus(settings: &Settings) -> Arc<dyn Bus> {
    let node = NodeId(random_number());
    let Some(topology) = settings.redis.topology() else {
        return Arc::new(MemoryBus::alone(node));
    };
    let secret = settings.cluster.secret.expose().as_bytes().to_vec();
    let prefix = settings.redis.prefix.clone();
    RedisBus::start(RedisConfig { topology, node, secret, prefix })
}
