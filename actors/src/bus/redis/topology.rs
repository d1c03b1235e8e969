//! Where Redis is: asked anew for every connection, because the answer changes with every failover.
//!
//! Sentinel: all sentinels are asked, the answer of the newest epoch counts (a sentinel that was cut off tells yesterday's
//! master), and a server that does not call itself master is not taken. Cluster: any node will do, a plain PUBLISH is heard
//! by the subscribers of all nodes; the nodes are taken in turns, so that a canary usually crosses the cluster's own bus.
//! The library's own managers are not used: they give up, stay with a dead master, or lose subscriptions for good.
//!
//! It knows no other servers than the ones it was told of.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, ProtocolVersion,
    RedisConnectionInfo,
};
use tokio::time::timeout;

/// Longest time for a connection to one server, its greeting included. A healthy server takes one millisecond, one on the
/// other side of the world 300.
pub(super) const CONNECT: Duration = Duration::from_secs(1);

/// Longest time for one sentinel's answer. They are asked at once, so the slowest decides.
const ASK: Duration = Duration::from_millis(500);

/// How Redis is made fail-safe, and where it is.
#[derive(Clone, PartialEq, Eq)]
pub enum Topology {
    /// One server.
    Standalone {
        /// `redis://[user:password@]host[:port][/database]`.
        url: String,
    },
    /// A server with replicas, watched by sentinels.
    Sentinel {
        /// The sentinels; user, password and database are those of the servers that they watch.
        urls: Vec<String>,
        /// The name that the sentinels know the server by.
        master: String,
        /// The sentinels' own password.
        password: Option<String>,
    },
    /// Redis Cluster.
    Cluster {
        /// Some of its nodes.
        urls: Vec<String>,
    },
}

/// A way to a server, what it is called (`host:port`), and the sentinels' epoch that led to it.
pub(super) struct Found {
    pub connection: MultiplexedConnection,
    pub address: String,
    pub epoch: u64,
}

/// Whom the sentinels call the master, and since which epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Master {
    pub epoch: u64,
    pub address: String,
}

impl Topology {
    /// Checks an address without using it.
    ///
    /// # Errors
    /// What is wrong with it; never quotes a password.
    pub fn check(url: &str) -> Result<(), String> {
        info(url).map(|_| ())
    }

    /// Connects to a server that may be spoken to now; the `settings` say what happens to what it pushes.
    pub(super) async fn connect(
        &self,
        settings: &AsyncConnectionConfig,
        turn: &AtomicUsize,
    ) -> Result<Found, String> {
        match self {
            Self::Standalone { url } => open(info(url)?, settings).await,
            Self::Sentinel { urls, .. } => {
                let (epoch, address) = self.ask_all().await.ok_or("no sentinel knows the master")?;
                let server = info(urls.first().ok_or("there is no sentinel")?)?;
                let mut found = open(server.set_addr(address), settings).await?;
                let role = redis::cmd("ROLE").query_async::<redis::Value>(&mut found.connection).await;
                match first_text(role.map_err(|error| error.to_string())?).as_deref() {
                    Some("master") => Ok(Found { epoch, ..found }),
                    role => {
                        Err(format!("{} is not the master, it is {}", found.address, role.unwrap_or("?")))
                    }
                }
            }
            Self::Cluster { urls } => {
                let start = turn.fetch_add(1, Ordering::Relaxed);
                let mut problem = "there is no node of the cluster".to_owned();
                let mut second_best = None;
                for index in 0..urls.len() {
                    match open(info(&urls[(start + index) % urls.len()])?, settings).await {
                        Ok(mut found) => {
                            if is_whole(&mut found.connection).await {
                                return Ok(found);
                            }
                            // During a failover all nodes are like this for seconds, and messages travel all the same.
                            second_best = second_best.or(Some(found));
                        }
                        Err(error) => problem = error,
                    }
                }
                second_best.ok_or(problem)
            }
        }
    }

    /// Whom the sentinels call the master; `None`: there are no sentinels, or none answers.
    pub(super) async fn master(&self) -> Option<Master> {
        self.ask_all().await.map(|(epoch, address)| Master { epoch, address: address.to_string() })
    }

    async fn ask_all(&self) -> Option<(u64, ConnectionAddr)> {
        let Self::Sentinel { urls, master, password } = self else { return None };
        let asked = urls.iter().map(|url| ask(url, master, password.as_deref()));
        let answers = join_all(asked).await.into_iter().flatten();
        answers.max_by_key(|(epoch, _)| *epoch)
    }
}

/// Parses an address; the user, password and database in it are for the server.
fn info(url: &str) -> Result<ConnectionInfo, String> {
    let info = url.into_connection_info().map_err(|_| "is not an address of Redis".to_owned())?;
    // RESP3, because its messages are handed over one by one where RESP2's stream has a queue without a bound.
    let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3).set_skip_set_lib_name();
    let tcp = info.tcp_settings().clone().set_nodelay(true);
    Ok(info.set_redis_settings(settings).set_tcp_settings(tcp))
}

async fn open(info: ConnectionInfo, settings: &AsyncConnectionConfig) -> Result<Found, String> {
    let address = info.addr().to_string();
    let client = Client::open(info).map_err(|error| error.to_string())?;
    let connecting = client.get_multiplexed_async_connection_with_config(settings);
    match timeout(CONNECT, connecting).await {
        Ok(Ok(connection)) => Ok(Found { connection, address, epoch: 0 }),
        Ok(Err(error)) => Err(format!("{address}: {error}")),
        Err(_) => Err(format!("{address} did not answer within {} ms", CONNECT.as_millis())),
    }
}

/// Asks one sentinel for the master and the epoch in which it became that.
async fn ask(url: &str, master: &str, password: Option<&str>) -> Option<(u64, ConnectionAddr)> {
    let mut login = RedisConnectionInfo::default().set_skip_set_lib_name();
    if let Some(password) = password {
        login = login.set_password(password);
    }
    let client = Client::open(url.into_connection_info().ok()?.set_redis_settings(login)).ok()?;
    let settings =
        AsyncConnectionConfig::new().set_connection_timeout(Some(ASK)).set_response_timeout(Some(ASK));
    let answer = async {
        let mut connection = client.get_multiplexed_async_connection_with_config(&settings).await.ok()?;
        let mut question = redis::cmd("SENTINEL");
        let question = question.arg("MASTER").arg(master);
        question.query_async::<HashMap<String, String>>(&mut connection).await.ok()
    };
    let answer = timeout(ASK, answer).await.ok()??;
    let port = answer.get("port")?.parse().ok()?;
    let epoch = answer.get("config-epoch")?.parse().ok()?;
    Some((epoch, ConnectionAddr::Tcp(answer.get("ip")?.clone(), port)))
}

/// Tells whether a node of a cluster sees all of it. One that was cut off hears nobody and does not know it otherwise.
async fn is_whole(connection: &mut MultiplexedConnection) -> bool {
    let answer = redis::cmd("CLUSTER").arg("INFO").query_async::<String>(connection).await;
    answer.is_ok_and(|text| text.contains("cluster_state:ok"))
}

fn first_text(value: redis::Value) -> Option<String> {
    match value {
        redis::Value::Array(values) => match values.into_iter().next()? {
            redis::Value::BulkString(text) => String::from_utf8(text).ok(),
            redis::Value::SimpleString(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_checked_without_being_used() {
        for good in ["redis://h", "redis://u:p@h:6380/2", "redis://:p@[::1]:1"] {
            assert_eq!(Topology::check(good), Ok(()), "{good}");
        }
        for bad in ["", "h", "http://h", "redis://h:hunter2"] {
            assert_eq!(Topology::check(bad), Err("is not an address of Redis".to_owned()), "{bad}");
        }
    }
}
