//! The SQL of connection records (S3-33).

use crate::db::{Conn, DbError};
use crate::realtime::watch::Event;
use crate::{sql_all, sql_exec, sql_opt};
use livegrant_actors::NodeId;
use serde_json::json;
use sqlx::types::Json;

/// Why a record was ended by a node that did not have the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeftOver {
    /// Its node was started again.
    Restart,
    /// Its node has not been seen for long. Should it come back, its connections are open again.
    NodeLost,
}

/// Ends the records that are open on other nodes than this one and than those that were seen after an instant of the
/// database's clock. Records from before nodes had ids are ended when no other node lives.
pub async fn close_left_over(
    conn: &mut Conn,
    node: NodeId,
    seen_after: i64,
    now: i64,
    why: LeftOver,
) -> Result<u64, DbError> {
    let reason = match why {
        LeftOver::Restart => "restart",
        LeftOver::NodeLost => "node_lost",
    };
    sql_exec!(
        conn,
        "UPDATE sys_websocket_session SET status = 0, disconnect_time = $1, close_reason = $2
          WHERE status = 1 AND (node_id IS NULL OR node_id <> $3)
            AND NOT EXISTS (
                SELECT 1 FROM sys_node AS node
                 WHERE node.seen_at > $4 AND node.node_id <> $3
                   AND (sys_websocket_session.node_id IS NULL OR sys_websocket_session.node_id = node.node_id))",
        now,
        reason,
        node.0,
        seen_after
    )
}

/// Writes what a tab of a node has become: open, or ended whether it was recorded before or not. A record that its own
/// node has ended does not change.
pub async fn record(conn: &mut Conn, node: NodeId, event: &Event) -> Result<u64, DbError> {
    let Event { account, tab, closed } = event;
    let client = Json(json!({"ip": tab.ip.to_string(), "browser": &*tab.browser}));
    match closed {
        None => sql_exec!(
            conn,
            "INSERT INTO sys_websocket_session (user_id, session_id, connect_time, client_info, sid, transport, node_id)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (session_id) DO UPDATE SET status = 1, disconnect_time = NULL, close_reason = NULL
              WHERE sys_websocket_session.close_reason = 'node_lost'",
            account.0,
            tab.connection_id.as_str(),
            tab.connected_at,
            client,
            tab.sid.as_str(),
            tab.transport.label(),
            node.0
        ),
        Some((at, reason)) => sql_exec!(
            conn,
            "INSERT INTO sys_websocket_session (user_id, session_id, connect_time, client_info, sid, transport, status,
                disconnect_time, close_reason, ack_version, node_id)
             VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $8, $9, $10)
             ON CONFLICT (session_id) DO UPDATE SET status = 0, disconnect_time = excluded.disconnect_time,
                close_reason = excluded.close_reason, ack_version = excluded.ack_version
              WHERE sys_websocket_session.status = 1 OR sys_websocket_session.close_reason = 'node_lost'",
            account.0,
            tab.connection_id.as_str(),
            tab.connected_at,
            client,
            tab.sid.as_str(),
            tab.transport.label(),
            at,
            reason.label(),
            tab.acked.map(|rev| rev.0),
            node.0
        ),
    }
}

/// Lists the connections of a node that are recorded as open.
pub async fn recorded_open(conn: &mut Conn, node: NodeId) -> Result<Vec<String>, DbError> {
    let rows = sql_all!(
        conn,
        (String,),
        "SELECT session_id FROM sys_websocket_session WHERE status = 1 AND node_id = $1",
        node.0
    )?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// Answers whether another node, which thought this one dead, has ended records of its connections.
pub async fn was_thought_dead(conn: &mut Conn, node: NodeId) -> Result<bool, DbError> {
    let found = sql_opt!(
        conn,
        (i64,),
        "SELECT id FROM sys_websocket_session WHERE close_reason = 'node_lost' AND node_id = $1 LIMIT 1",
        node.0
    )?;
    Ok(found.is_some())
}

/// Ends a record whose end nobody saw.
pub async fn record_lost(conn: &mut Conn, connection: &str, now: i64) -> Result<u64, DbError> {
    sql_exec!(
        conn,
        "UPDATE sys_websocket_session SET status = 0, disconnect_time = $2, close_reason = 'lost'
          WHERE session_id = $1 AND status = 1",
        connection,
        now
    )
}
