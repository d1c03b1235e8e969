//! Which nodes there are: each says so in the database every `cluster.beat_ms` and reads the others. Who has not been
//! seen for `cluster.node_lease_ms`, by the database's clock, counts as gone.
//!
//! It decides about lists, questions and receipts alone. That a revoked permission is not used rests on each node's own
//! lease (I7), never on what another believes of it.

use super::store::{self, Beat, NodeRow, NodeState};
use crate::core::Core;
use crate::db::{Author, SystemTask};
use crate::refusal::Refusal;
use crate::settings;
use livegrant_actors::NodeId;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior};

/// Time between two looks for nodes that are long gone.
const FORGET_EVERY: Duration = Duration::from_mins(10);
/// How long a node that is gone stays in the table, for whoever looks into it: a day.
const KEPT_MS: i64 = 24 * 3600 * 1000;

/// The nodes of the cluster, as this one last saw them.
#[derive(Debug)]
pub struct Members {
    /// This node.
    pub node: NodeId,
    /// Its name, for people.
    pub name: Arc<str>,
    address: Arc<str>,
    draining: AtomicBool,
    rows: RwLock<Arc<[NodeRow]>>,
}

impl Members {
    /// Names this node.
    pub fn new(node: NodeId, settings: &settings::Cluster, address: &str) -> Self {
        Self {
            node,
            name: settings.node_name().into(),
            address: address.into(),
            draining: AtomicBool::new(false),
            rows: RwLock::new(Arc::new([])),
        }
    }

    /// Answers every node that lives, this one included once it has been written down.
    pub fn all(&self) -> Arc<[NodeRow]> {
        Arc::clone(&self.rows.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Answers the other nodes that live.
    pub fn others(&self) -> Vec<NodeId> {
        self.all().iter().map(|row| row.node).filter(|node| *node != self.node).collect()
    }

    /// Answers a node's name; its number when it is not known any more.
    pub fn name_of(&self, node: NodeId) -> String {
        if node == self.node {
            return self.name.to_string();
        }
        let known = self.all().iter().find(|row| row.node == node).map(|row| row.name.clone());
        known.unwrap_or_else(|| node.to_string())
    }

    /// Makes the row of a node that has its database for itself.
    fn alone(&self, core: &Core) -> NodeRow {
        let now = core.clock.now_ms();
        NodeRow {
            node: self.node,
            name: self.name.to_string(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            address: self.address.to_string(),
            started_at: now,
            seen_at: now,
            lease_until: now,
            applied: core.policy.applied(),
            state: NodeState::Up,
        }
    }

    /// Says from now on that this node is stopping.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Release);
    }

    /// Keeps who lives; answers whether that is somebody else than before.
    fn keep(&self, rows: Vec<NodeRow>) -> bool {
        let nodes = |rows: &[NodeRow]| rows.iter().map(|row| row.node).collect::<BTreeSet<_>>();
        let mut kept = self.rows.write().unwrap_or_else(PoisonError::into_inner);
        let is_new = nodes(&kept) != nodes(&rows);
        *kept = rows.into();
        is_new
    }
}

/// Writes this node down once and reads the others; answers whether they have changed.
pub async fn beat(core: &Core) -> Result<bool, Refusal> {
    let (members, cluster) = (&core.members, &core.settings.cluster);
    let beat = Beat {
        node: members.node,
        name: members.name.to_string(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        address: members.address.to_string(),
        lease_ms: if core.policy.has_lease() { core.settings.policy.lease_ms as i64 } else { 0 },
        applied: core.policy.applied(),
        state: if members.draining.load(Ordering::Acquire) { NodeState::Draining } else { NodeState::Up },
    };
    let mut work = core.db.begin(&Author::system("node")).await?;
    store::beat(work.conn(), &beat).await?;
    work.commit(SystemTask::Upkeep).await?;
    let (now, mut rows) = store::nodes(&mut core.db.read().await?).await?;
    // Also who may still act on what it knows, should its beats have been lost.
    rows.retain(|row| now - row.seen_at <= cluster.node_lease_ms as i64 || now <= row.lease_until);
    Ok(members.keep(rows))
}

/// Beats for as long as the process lives; `changed` is called when nodes have come or gone.
pub async fn run(core: Core, changed: impl Fn() + Send + 'static) {
    if core.db.is_own() {
        // Nobody else can be there, and the disk is spared.
        core.members.keep(vec![core.members.alone(&core)]);
        return std::future::pending().await;
    }
    let mut forgotten_at = Instant::now();
    let mut every = tokio::time::interval(Duration::from_millis(core.settings.cluster.beat_ms));
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        match beat(&core).await {
            Ok(true) => {
                let nodes = core.members.all();
                tracing::info!(nodes = nodes.len(), "nodes have come or gone");
                metrics::gauge!("livegrant_nodes").set(nodes.len() as f64);
                changed();
            }
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "this node is not written down"),
        }
        if forgotten_at.elapsed() >= FORGET_EVERY {
            forgotten_at = Instant::now();
            if let Err(error) = forget(&core).await {
                tracing::warn!(%error, "nodes that are long gone stay on the list");
            }
        }
    }
}

async fn forget(core: &Core) -> Result<(), Refusal> {
    let mut work = core.db.begin(&Author::system("node")).await?;
    let before = store::database_now(work.conn()).await? - KEPT_MS;
    store::forget(work.conn(), before).await?;
    work.commit(SystemTask::Upkeep).await?;
    Ok(())
}

/// Takes this node off the list: it stops.
pub async fn leave(core: &Core) -> Result<(), Refusal> {
    let mut work = core.db.begin(&Author::system("node")).await?;
    store::leave(work.conn(), core.members.node).await?;
    work.commit(SystemTask::Upkeep).await?;
    Ok(())
}
