//! Connections to a Redis Cluster for the pool.
//!
//! Not those of deadpool-redis: they cannot be told how long to try. The library's own sixteen tries, 1.3 s and more apart,
//! outlast every deadline after a master's death; and its check before a reuse asks all masters, the dead one too.

use std::time::Duration;

use deadpool::managed::{Manager, Metrics, RecycleResult};
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::{RedisError, RedisResult};

/// Waits between tries within one command, ms: three of them fit into a quarter of a second.
const WAIT_MS: (u64, u64) = (20, 100);
const TRIES: u32 = 3;

/// Longest time for a connection to one node: a node that is gone refuses at once, one that hangs must not hold up the rest.
const CONNECT: Duration = Duration::from_millis(300);

/// Makes connections to a cluster.
pub(super) struct Cluster(ClusterClient);

impl Cluster {
    /// Takes some of its nodes and the longest time for one command.
    pub fn new(urls: &[String], deadline: Duration) -> RedisResult<Self> {
        let builder = ClusterClient::builder(urls.iter().map(String::as_str))
            .retries(TRIES)
            .min_retry_wait(WAIT_MS.0)
            .max_retry_wait(WAIT_MS.1)
            .connection_timeout(CONNECT)
            .response_timeout(deadline);
        Ok(Self(builder.build()?))
    }
}

impl Manager for Cluster {
    type Type = ClusterConnection;
    type Error = RedisError;

    async fn create(&self) -> RedisResult<ClusterConnection> {
        self.0.get_async_connection().await
    }

    /// One that has failed was not given back, so there is nothing to find out.
    async fn recycle(&self, _: &mut ClusterConnection, _: &Metrics) -> RecycleResult<RedisError> {
        Ok(())
    }
}
