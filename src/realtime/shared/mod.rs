//! The view of all sessions that the nodes share in Redis (S3-14, S3-15, S3-16, S3-121): who is online, wherever his tabs hang.
//!
//! Key `websocket:user:{userId}`, value `{"connections":[{"sessionId","connectTime","lastHeartbeat","browser","ip"}]}`, times
//! in epoch ms, `sessionId` the connection's id. One script keeps it in one step a node and account (`place.lua`), and finds
//! the tabs beyond the limit over all nodes. It expires by itself: a node that dies is forgotten after [`TTL`].
//! A view, never the truth (I6): which tabs are open the nodes' engines alone know. While Redis is away nothing waits for
//! it, each node's own limit holds, and everything is told again when it is back.

mod cluster;
mod keeper;
mod pool;

use std::collections::HashMap;
use std::time::Duration;

use futures_util::future::try_join_all;
use livegrant_actors::bus::redis::Topology;
use livegrant_actors::{AccountId, ConnectionId, NodeId, TabInfo};
use redis::{Cmd, Script};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

pub use self::keeper::{Beyond, Keeper, feed};
use self::pool::{Handle, Pool, Taken};

/// How long what a node told is believed: three refreshes, so that a slow one is not a death.
pub const TTL: Duration = Duration::from_secs(90);

/// Accounts in one step; their commands travel together. A script takes 40 µs: 20 ms of Redis's time, far
/// within a deadline.
const STEP: usize = 500;

/// The script.
const PLACE: &str = include_str!("place.lua");

/// Why the view could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum SharedError {
    /// Redis is away, or too slow.
    #[error("the shared view is away: {0}")]
    Away(String),
    /// Redis refused, or broke off.
    #[error("the shared view failed: {0}")]
    Redis(#[from] redis::RedisError),
}

/// One open connection, as every node sees it (S3-16).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SharedConnection {
    /// The connection's id.
    pub session_id: String,
    /// When it was opened, epoch ms.
    pub connect_time: i64,
    /// When it was last heard, epoch ms; up to half a minute old.
    pub last_heartbeat: i64,
    /// The client's browser.
    pub browser: String,
    /// The client's address.
    pub ip: String,
}

#[derive(Default, Deserialize)]
struct Value {
    connections: Vec<SharedConnection>,
}

/// What became of one account's entry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Placed {
    /// Whether what this node told before was still there.
    pub known: bool,
    /// Connections beyond the limit, the one that was silent longest first; on whichever node they hang.
    pub beyond: Vec<ConnectionId>,
}

/// One account's tabs on this node, as they are told.
#[derive(Debug, Clone)]
pub struct Telling<'a> {
    /// Whose tabs.
    pub account: AccountId,
    /// All of them; none removes the node's part.
    pub tabs: Vec<&'a TabInfo>,
    /// The one that must stay, because it has just come.
    pub stays: Option<&'a ConnectionId>,
}

/// Gives the nodes that live; none: not known.
type Lives = Box<dyn Fn() -> Vec<NodeId> + Send + Sync>;

/// Reads and writes the shared view.
pub struct SharedView {
    pool: Pool,
    place: Script,
    node: String,
    most: usize,
    deadline: Duration,
    ttl: Duration,
    lives: Lives,
}

impl SharedView {
    /// Prepares the view; connects when it is first used. `most` is the limit of one account's connections over all nodes,
    /// `deadline` the longest that one step may take.
    ///
    /// # Errors
    /// When an address cannot be read.
    pub fn new(
        topology: &Topology,
        node: NodeId,
        most: usize,
        pool_size: usize,
        deadline: Duration,
    ) -> Result<Self, SharedError> {
        Ok(Self {
            pool: Pool::new(topology, pool_size, deadline)?,
            place: Script::new(PLACE),
            node: node.to_string(),
            most,
            deadline,
            ttl: TTL,
            lives: Box::new(Vec::new),
        })
    }

    /// Lets what is told be believed for another time than [`TTL`].
    #[must_use]
    pub fn believed_for(self, ttl: Duration) -> Self {
        Self { ttl, ..self }
    }

    /// Asks which nodes live: of an account with too many tabs those of dead nodes go first.
    #[must_use]
    pub fn asking(self, lives: impl Fn() -> Vec<NodeId> + Send + Sync + 'static) -> Self {
        Self { lives: Box::new(lives), ..self }
    }

    /// Tells what this node holds of some accounts; answers in their order.
    ///
    /// # Errors
    /// When Redis is away; some may have been told then.
    pub async fn tell(&self, tellings: Vec<Telling<'_>>) -> Result<Vec<Placed>, SharedError> {
        let lives: Vec<String> = (self.lives)().iter().map(NodeId::to_string).collect();
        let lives = serde_json::to_string(&lives).expect("texts are JSON");
        let mut placed = Vec::with_capacity(tellings.len());
        for step in tellings.chunks(STEP) {
            let taken = self.take().await?;
            let told: Vec<_> =
                step.iter().map(|telling| place(taken.open(), self.command(telling, &lives))).collect();
            placed.extend(self.finish(taken, try_join_all(told)).await?);
        }
        Ok(placed)
    }

    /// The script's call, by the script's hash.
    fn command(&self, telling: &Telling<'_>, lives: &str) -> Cmd {
        let key = key(telling.account);
        let tabs: Vec<_> = telling
            .tabs
            .iter()
            .map(|tab| {
                (&tab.connection_id, tab.connected_at, tab.last_heartbeat, &*tab.browser, tab.ip.to_string())
            })
            .collect();
        let tabs = serde_json::to_string(&tabs).expect("texts and numbers are JSON");
        let stays = telling.stays.map_or("", ConnectionId::as_str);
        let mut command = redis::cmd("EVALSHA");
        command.arg(self.place.get_hash()).arg(2).arg(&key).arg(format!("{{{key}}}:nodes"));
        command.arg(&self.node).arg(self.ttl.as_millis() as u64).arg(self.most).arg(stays).arg(&tabs);
        command.arg(lives);
        command
    }

    /// Reads what all nodes hold of some accounts; who is offline is not in the answer.
    ///
    /// # Errors
    /// When Redis is away.
    pub async fn read(
        &self,
        accounts: &[AccountId],
    ) -> Result<HashMap<AccountId, Vec<SharedConnection>>, SharedError> {
        let mut online = HashMap::new();
        for step in accounts.chunks(STEP) {
            let taken = self.take().await?;
            let read: Vec<_> = step.iter().map(|account| get(taken.open(), *account)).collect();
            online.extend(self.finish(taken, try_join_all(read)).await?.into_iter().flatten());
        }
        Ok(online)
    }

    /// Keeps a mark alive that a flush takes away; answers whether it was still there.
    ///
    /// # Errors
    /// When Redis is away.
    pub async fn mark(&self) -> Result<bool, SharedError> {
        let taken = self.take().await?;
        let mut handle = taken.open();
        let mut set = redis::cmd("SET");
        set.arg(format!("websocket:node:{}", self.node)).arg(1).arg("PX");
        set.arg(self.ttl.as_millis() as u64).arg("GET");
        let before = async { Ok(handle.run::<Option<String>>(&set).await?) };
        Ok(self.finish(taken, before).await?.is_some())
    }

    async fn take(&self) -> Result<Taken, SharedError> {
        timeout(self.deadline, self.pool.take()).await.map_err(|_| self.late())?
    }

    /// Ends a step within its deadline; a connection on which it failed is not used again.
    async fn finish<T>(
        &self,
        taken: Taken,
        work: impl Future<Output = Result<T, SharedError>> + Send,
    ) -> Result<T, SharedError> {
        let result = timeout(self.deadline, work).await.unwrap_or_else(|_| Err(self.late()));
        if result.is_err() {
            taken.discard();
        }
        result
    }

    fn late(&self) -> SharedError {
        SharedError::Away(format!("no answer within {} ms", self.deadline.as_millis()))
    }
}

async fn place(mut handle: Handle, command: Cmd) -> Result<Placed, SharedError> {
    let (known, beyond) = match handle.run::<(bool, Vec<String>)>(&command).await {
        Err(error) if error.code() == Some("NOSCRIPT") => handle.run(&with_text(&command)).await?,
        answer => answer?,
    };
    Ok(Placed { known, beyond: beyond.into_iter().map(ConnectionId::from).collect() })
}

/// The same call with the script's text: each server of a cluster has to learn it, and forgets it when it restarts.
fn with_text(command: &Cmd) -> Cmd {
    let mut whole = redis::cmd("EVAL");
    whole.arg(PLACE);
    for argument in command.args_iter().skip(2) {
        if let redis::Arg::Simple(bytes) = argument {
            whole.arg(bytes);
        }
    }
    whole
}

fn key(account: AccountId) -> String {
    format!("websocket:user:{account}")
}

async fn get(
    mut handle: Handle,
    account: AccountId,
) -> Result<Option<(AccountId, Vec<SharedConnection>)>, SharedError> {
    let text: Option<String> = handle.run(redis::cmd("GET").arg(key(account))).await?;
    // What is not of this shape was put there by somebody else.
    let value = text.and_then(|text| serde_json::from_str::<Value>(&text).ok());
    Ok(value.map(|value| (account, value.connections)))
}
