//! The SQL of nodes and of jobs. Every time in it is the database's (`database_clock`): nodes' clocks differ.

use crate::db::{Conn, DbError};
use crate::{sql_all, sql_exec, sql_one};
use livegrant_actors::{NodeId, Rev};
use std::fmt;

/// What a node says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beat {
    /// Which node.
    pub node: NodeId,
    /// Its name, for people.
    pub name: String,
    /// Its version of Livegrant.
    pub version: String,
    /// Where it serves.
    pub address: String,
    /// For how long from now it answers guarded reads without hearing anything new, ms; 0: it has no lease.
    pub lease_ms: i64,
    /// The revision that it enforces.
    pub applied: Rev,
    /// Whether it takes new tabs.
    pub state: NodeState,
}

/// Whether a node takes new tabs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NodeState {
    /// It does.
    Up,
    /// It is stopping.
    Draining,
}

impl NodeState {
    /// Gives the word in the database and in answers.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Draining => "draining",
        }
    }
}

impl fmt::Display for NodeState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What is known of a node; times are the database's, in UTC milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeRow {
    /// Which node.
    pub node: NodeId,
    /// Its name, for people.
    pub name: String,
    /// Its version of Livegrant.
    pub version: String,
    /// Where it serves.
    pub address: String,
    /// When it was first seen.
    pub started_at: i64,
    /// When it was last seen.
    pub seen_at: i64,
    /// Until when it answers guarded reads without hearing anything new.
    pub lease_until: i64,
    /// The revision that it enforced when it was last seen.
    pub applied: Rev,
    /// Whether it takes new tabs.
    pub state: NodeState,
}

/// Reads the database's clock, in UTC milliseconds.
pub async fn database_now(conn: &mut Conn) -> Result<i64, DbError> {
    Ok(sql_one!(conn, (i64,), "SELECT now_ms FROM database_clock")?.0)
}

/// Writes down that a node lives, and answers the database's time of it.
pub async fn beat(conn: &mut Conn, beat: &Beat) -> Result<i64, DbError> {
    let (now,) = sql_one!(
        conn,
        (i64,),
        "INSERT INTO sys_node (node_id, name, version, address, started_at, seen_at, lease_until, applied_rev, state)
         SELECT CAST($1 AS BIGINT), CAST($2 AS TEXT), CAST($3 AS TEXT), CAST($4 AS TEXT), clock.now_ms, clock.now_ms,
                clock.now_ms + CAST($5 AS BIGINT), CAST($6 AS BIGINT), CAST($7 AS TEXT)
           FROM database_clock AS clock WHERE TRUE
         ON CONFLICT (node_id) DO UPDATE SET name = excluded.name, version = excluded.version,
            address = excluded.address, seen_at = excluded.seen_at, lease_until = excluded.lease_until,
            applied_rev = excluded.applied_rev, state = excluded.state
         RETURNING seen_at",
        beat.node.0,
        &beat.name,
        &beat.version,
        &beat.address,
        beat.lease_ms,
        beat.applied.0,
        beat.state.word()
    )?;
    Ok(now)
}

type NodeColumns = (i64, String, String, String, i64, i64, i64, i64, String, i64);

/// Lists the nodes that have not been forgotten, oldest first, with the database's time of the answer.
pub async fn nodes(conn: &mut Conn) -> Result<(i64, Vec<NodeRow>), DbError> {
    let rows = sql_all!(
        conn,
        NodeColumns,
        "SELECT node.node_id, node.name, node.version, node.address, node.started_at, node.seen_at, node.lease_until,
                node.applied_rev, node.state, clock.now_ms
           FROM sys_node AS node, database_clock AS clock ORDER BY node.started_at, node.node_id"
    )?;
    let now = match rows.first() {
        Some(row) => row.9,
        None => database_now(conn).await?,
    };
    Ok((now, rows.into_iter().map(node_row).collect()))
}

fn node_row(row: NodeColumns) -> NodeRow {
    let (node, name, version, address, started_at, seen_at, lease_until, applied, state, _) = row;
    NodeRow {
        node: NodeId(node),
        name,
        version,
        address,
        started_at,
        seen_at,
        lease_until,
        applied: Rev(applied),
        state: if state == NodeState::Draining.word() { NodeState::Draining } else { NodeState::Up },
    }
}

/// Removes a node that has stopped in order.
pub async fn leave(conn: &mut Conn, node: NodeId) -> Result<u64, DbError> {
    sql_exec!(conn, "DELETE FROM sys_node WHERE node_id = $1", node.0)
}

/// Removes nodes that were last seen before an instant of the database's clock.
pub async fn forget(conn: &mut Conn, before: i64) -> Result<u64, DbError> {
    sql_exec!(conn, "DELETE FROM sys_node WHERE seen_at < $1", before)
}

/// Takes a job for so many milliseconds from now, or keeps it; `false`: another node has it.
pub async fn take_job(conn: &mut Conn, name: &str, node: NodeId, ttl_ms: i64) -> Result<bool, DbError> {
    let taken = sql_exec!(
        conn,
        "INSERT INTO sys_job (name, node_id, until)
         SELECT CAST($1 AS TEXT), CAST($2 AS BIGINT), clock.now_ms + CAST($3 AS BIGINT)
           FROM database_clock AS clock WHERE TRUE
         ON CONFLICT (name) DO UPDATE SET node_id = excluded.node_id, until = excluded.until
          WHERE sys_job.node_id = excluded.node_id OR sys_job.until <= excluded.until - CAST($3 AS BIGINT)",
        name,
        node.0,
        ttl_ms
    )?;
    Ok(taken == 1)
}

/// Gives back all jobs that the node has: the next one that looks has them.
pub async fn give_jobs(conn: &mut Conn, node: NodeId) -> Result<u64, DbError> {
    sql_exec!(conn, "DELETE FROM sys_job WHERE node_id = $1", node.0)
}
