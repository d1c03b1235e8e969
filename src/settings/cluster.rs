//! The section `cluster`: how this node is called, what lets nodes trust each other, and how long they wait for each other.
//!
//! The secret signs what travels over Redis, which is untrusted (I6): all nodes have the same one, nobody else has it.

use std::fs;

use serde::{Deserialize, Serialize};

use super::{Redis, Secret, SettingError};

/// Shortest secret, bytes: as much as the hash that it keys.
pub const CLUSTER_SECRET_MIN_BYTES: usize = 32;

/// Where Linux keeps the host's name.
const HOST_NAME: &str = "/proc/sys/kernel/hostname";

/// How nodes know, trust and wait for each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cluster {
    /// What this node is called in answers, logs and on the page; empty: the host's name.
    pub name: String,
    /// Key that signs what nodes say to each other; needed when `redis` is set.
    pub secret: Secret,
    /// Time that a question to other nodes waits for their answers, in milliseconds.
    pub request_timeout_ms: u64,
    /// Time between two signs of life of this node in the database, in milliseconds.
    pub beat_ms: u64,
    /// Time without a sign of life after which a node counts as gone, in milliseconds (I7).
    pub node_lease_ms: u64,
    /// Whether a node whose bus is in trouble says that it is not ready.
    pub ready_needs_bus: bool,
}

impl Default for Cluster {
    fn default() -> Self {
        Self {
            name: String::new(),
            secret: Secret::default(),
            request_timeout_ms: 500,
            beat_ms: 500,
            node_lease_ms: 3000,
            ready_needs_bus: false,
        }
    }
}

impl Cluster {
    /// Gives the node's name: the one that was set, or the host's.
    pub fn node_name(&self) -> String {
        if !self.name.is_empty() {
            return self.name.clone();
        }
        let host = fs::read_to_string(HOST_NAME).unwrap_or_default();
        let host = host.trim();
        if host.is_empty() { "node".to_owned() } else { host.to_owned() }
    }

    /// Checks the values, also against what `redis` says.
    ///
    /// # Errors
    /// The first key with a bad value.
    pub fn validate(&self, redis: &Redis) -> Result<(), SettingError> {
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
        if self.name.len() > 64 || !self.name.bytes().all(is_word) {
            let problem = "must be at most 64 letters, digits, -, _, . and :";
            return Err(SettingError::new("cluster.name", problem));
        }
        let too_short = self.secret.expose().len() < CLUSTER_SECRET_MIN_BYTES;
        if too_short && (redis.is_set() || !self.secret.is_empty()) {
            let when = if redis.is_set() { "when redis is set, the same on all nodes" } else { "or empty" };
            let problem = format!("must be at least {CLUSTER_SECRET_MIN_BYTES} bytes long {when}");
            return Err(SettingError::new("cluster.secret", problem));
        }
        SettingError::unless_within("cluster.request_timeout_ms", self.request_timeout_ms, 10..=30_000)?;
        SettingError::unless_within("cluster.beat_ms", self.beat_ms, 50..=60_000)?;
        SettingError::unless_within("cluster.node_lease_ms", self.node_lease_ms, 200..=300_000)?;
        // One beat that comes late must not cost the node its place.
        if self.node_lease_ms < 3 * self.beat_ms {
            let problem = format!("must be at least three times cluster.beat_ms, {}", self.beat_ms);
            return Err(SettingError::new("cluster.node_lease_ms", problem));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::RedisUrl;
    use super::*;

    #[test]
    fn redis_needs_a_secret() {
        let redis = Redis { url: RedisUrl::new("redis://h"), ..Redis::default() };
        let mut cluster = Cluster::default();
        assert!(cluster.validate(&Redis::default()).is_ok());
        let error = cluster.validate(&redis).unwrap_err().to_string();
        let expected =
            "setting cluster.secret: must be at least 32 bytes long when redis is set, the same on all nodes";
        assert_eq!(error, expected);
        cluster.secret = Secret::new("x".repeat(31));
        assert!(cluster.validate(&redis).is_err() && cluster.validate(&Redis::default()).is_err());
        cluster.secret = Secret::new("x".repeat(32));
        assert!(cluster.validate(&redis).is_ok() && cluster.validate(&Redis::default()).is_ok());
    }

    #[test]
    fn a_node_without_a_name_is_called_like_its_host() {
        let named = Cluster { name: "eu-1".to_owned(), ..Cluster::default() };
        assert_eq!(named.node_name(), "eu-1");
        assert!(!Cluster::default().node_name().is_empty());
    }

    #[test]
    fn a_lease_outlives_two_lost_beats() {
        let cluster = Cluster { beat_ms: 1001, ..Cluster::default() };
        assert_eq!(cluster.validate(&Redis::default()).unwrap_err().key, "cluster.node_lease_ms");
    }
}
