//! The route of nodes: who is there, and how well they hear each other.

use super::store::NodeRow;
use crate::clock::iso;
use crate::core::Core;
use crate::web::extract::Caller;
use crate::web::problem::{Answer, ProblemBody};
use actix_web::{HttpResponse, get, web};
use livegrant_actors::bus::Health;
use serde::Serialize;
use utoipa::ToSchema;

/// How well a node's bus carries.
#[derive(Debug, Serialize, ToSchema)]
pub struct BusOut {
    /// `alone` (one node, no bus), `ok` or `degraded`.
    pub state: &'static str,
    /// What is wrong, in words; changes are then found by looking at the database.
    pub trouble: Option<String>,
    /// How long the last canary of the slowest connection took, ms.
    pub lag_ms: Option<u64>,
    /// Connections made again since the start.
    pub reconnects: u64,
    /// Payloads that were thrown away: forged, foreign, too large, repeated.
    pub rejected: u64,
}

impl BusOut {
    /// Looks at this node's bus.
    pub fn of(core: &Core) -> Self {
        let bus = core.engine.bus();
        let Health { trouble, lag_ms, reconnects, rejected } = bus.health();
        let state = match &trouble {
            _ if bus.is_alone() => "alone",
            Some(_) => "degraded",
            None => "ok",
        };
        Self { state, trouble, lag_ms, reconnects, rejected }
    }
}

/// A node.
#[derive(Debug, Serialize, ToSchema)]
pub struct NodeOut {
    /// Its number, drawn at its start.
    node: i64,
    /// Its name.
    name: String,
    version: String,
    /// Where it listens; empty for tenants.
    address: String,
    /// `up` or `draining`.
    state: &'static str,
    /// ISO 8601.
    started_at: String,
    /// ISO 8601.
    seen_at: String,
    /// The revision that it enforced when it was last seen.
    applied_rev: i64,
    /// It is the one that answers.
    is_this: bool,
}

/// The nodes that live, as the one that answers sees them.
#[derive(Debug, Serialize, ToSchema)]
pub struct NodesOut {
    /// Oldest first.
    nodes: Vec<NodeOut>,
    /// The bus of the one that answers.
    bus: BusOut,
}

/// Lists the nodes that live; needs `session:view`. Where they are, and what is wrong with the bus, is told to platform
/// administrators alone.
#[utoipa::path(tag = "operations", responses((status = 200, body = NodesOut), (status = 403, body = ProblemBody)))]
#[get("/api/v1/nodes")]
pub async fn get_nodes(core: web::Data<Core>, Caller(by): Caller) -> Answer {
    by.require("session:view")?;
    let nodes = core.members.all().iter().map(|row| out(&core, row, by.is_platform())).collect();
    let mut bus = BusOut::of(&core);
    bus.trouble = bus.trouble.filter(|_| by.is_platform());
    Ok(HttpResponse::Ok().json(NodesOut { nodes, bus }))
}

fn out(core: &Core, row: &NodeRow, is_platform: bool) -> NodeOut {
    let is_this = row.node == core.node;
    // What it knows of itself is newer than what it wrote down.
    let applied = if is_this { core.policy.applied() } else { row.applied };
    NodeOut {
        node: row.node.0,
        name: row.name.clone(),
        version: row.version.clone(),
        address: if is_platform { row.address.clone() } else { String::new() },
        state: row.state.word(),
        started_at: iso(row.started_at),
        seen_at: iso(row.seen_at),
        applied_rev: applied.0,
        is_this,
    }
}
