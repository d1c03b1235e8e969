//! The pool of connections that the shared view's commands use: one kind for each way of making Redis fail-safe.
//!
//! Every step has one deadline, from taking a connection to the last answer. A connection on which something failed is not
//! given back: after a failover the libraries' connections can stay with a server that is no longer the right one.

use std::time::Duration;

use deadpool::managed::{self, PoolConfig};
use deadpool_redis::sentinel;
use livegrant_actors::bus::redis::Topology;
use redis::aio::MultiplexedConnection;
use redis::cluster_async::ClusterConnection;
use redis::{Cmd, FromRedisValue, IntoConnectionInfo, RedisError};

use super::SharedError;
use super::cluster::Cluster;

/// Makes connections.
pub(super) enum Pool {
    Standalone(deadpool_redis::Pool),
    Sentinel(sentinel::Pool),
    Cluster(managed::Pool<Cluster>),
}

/// A connection for one step, taken out of its pool; [`Taken::open`] gives handles that commands share.
pub(super) enum Taken {
    Standalone(deadpool_redis::Connection),
    Sentinel(sentinel::Connection),
    Cluster(managed::Object<Cluster>),
}

/// What commands are sent through; clones share the connection, and their commands travel together.
#[derive(Clone)]
pub(super) enum Handle {
    Server(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Pool {
    /// Prepares a pool of at most `size` connections; connects to nothing yet.
    pub fn new(topology: &Topology, size: usize, deadline: Duration) -> Result<Self, SharedError> {
        let pool = Some(PoolConfig::new(size));
        let built = match topology {
            Topology::Standalone { url } => {
                let config = deadpool_redis::Config { pool, ..deadpool_redis::Config::from_url(url) };
                config.create_pool(None).map(Self::Standalone)
            }
            Topology::Sentinel { urls, master, password } => {
                let mut servers = None;
                let mut sentinels = Vec::new();
                for url in urls {
                    let info = url.as_str().into_connection_info()?;
                    let mut sentinel = deadpool_redis::ConnectionInfo::from(info);
                    let login = std::mem::take(&mut sentinel.redis);
                    sentinel.redis.password.clone_from(password);
                    servers.get_or_insert(login);
                    sentinels.push(sentinel);
                }
                let config = sentinel::Config {
                    urls: None,
                    connections: Some(sentinels),
                    server_type: sentinel::SentinelServerType::Master,
                    master_name: master.clone(),
                    node_connection_info: Some(sentinel::SentinelNodeConnectionInfo {
                        tls_mode: None,
                        redis_connection_info: servers,
                    }),
                    pool,
                };
                config.create_pool(None).map(Self::Sentinel)
            }
            Topology::Cluster { urls } => {
                let pool = managed::Pool::builder(Cluster::new(urls, deadline)?).max_size(size).build();
                return pool.map(Self::Cluster).map_err(|error| SharedError::Away(error.to_string()));
            }
        };
        built.map_err(|error| SharedError::Away(error.to_string()))
    }

    /// Takes a connection.
    pub async fn take(&self) -> Result<Taken, SharedError> {
        let away = |error: deadpool_redis::PoolError| SharedError::Away(error.to_string());
        match self {
            Self::Standalone(pool) => pool.get().await.map(Taken::Standalone).map_err(away),
            Self::Sentinel(pool) => pool.get().await.map(Taken::Sentinel).map_err(away),
            Self::Cluster(pool) => pool.get().await.map(Taken::Cluster).map_err(away),
        }
    }
}

impl Taken {
    /// Gives a handle.
    pub fn open(&self) -> Handle {
        match self {
            Self::Standalone(connection) => Handle::Server(MultiplexedConnection::clone(connection)),
            Self::Sentinel(connection) => Handle::Server(MultiplexedConnection::clone(connection)),
            Self::Cluster(connection) => Handle::Cluster(ClusterConnection::clone(connection)),
        }
    }

    /// Closes the connection instead of giving it back.
    pub fn discard(self) {
        match self {
            Self::Standalone(connection) => drop(deadpool_redis::Connection::take(connection)),
            Self::Sentinel(connection) => drop(sentinel::Connection::take(connection)),
            Self::Cluster(connection) => drop(managed::Object::take(connection)),
        }
    }
}

impl Handle {
    /// Runs one command.
    pub async fn run<T: FromRedisValue>(&mut self, command: &Cmd) -> Result<T, RedisError> {
        match self {
            Self::Server(connection) => command.query_async(connection).await,
            Self::Cluster(connection) => command.query_async(connection).await,
        }
    }
}
