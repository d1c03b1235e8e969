//! The SQL of connection records (S3-33).

use crate::db::{Conn, DbError};
use crate::realtime::watch::Event;
use crate::{sql_all, sql_exec};
use serde_json::json;
use sqlx::types::Json;

/// Ends all records that are still open: at the start of the only node none can be.
pub async fn close_left_over(conn: &mut Conn, now: i64) -> Result<u64, DbError> {
    sql_exec!(
        conn,
        "UPDATE sys_websocket_session SET status = 0, disconnect_time = $1, close_reason = 'restart' WHERE status = 1",
        now
    )
}

/// Writes what a tab has become: open, or ended whether it was recorded before or not. An ended record does not change.
pub async fn record(conn: &mut Conn, event: &Event) -> Result<u64, DbError> {
    let Event { account, tab, closed } = event;
    let client = Json(json!({"ip": tab.ip.to_string(), "browser": &*tab.browser}));
    match closed {
        None => sql_exec!(
            conn,
            "INSERT INTO sys_websocket_session (user_id, session_id, connect_time, client_info, sid, transport)
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (session_id) DO NOTHING",
            account.0,
            tab.connection_id.as_str(),
            tab.connected_at,
            client,
            tab.sid.as_str(),
            tab.transport.label()
        ),
        Some((at, reason)) => sql_exec!(
            conn,
            "INSERT INTO sys_websocket_session (user_id, session_id, connect_time, client_info, sid, transport, status,
                disconnect_time, close_reason, ack_version)
             VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $8, $9)
             ON CONFLICT (session_id) DO UPDATE SET status = 0, disconnect_time = excluded.disconnect_time,
                close_reason = excluded.close_reason, ack_version = excluded.ack_version
              WHERE sys_websocket_session.status = 1",
            account.0,
            tab.connection_id.as_str(),
            tab.connected_at,
            client,
            tab.sid.as_str(),
            tab.transport.label(),
            at,
            reason.label(),
            tab.acked.map(|rev| rev.0)
        ),
    }
}

/// Lists the connections that are recorded as open.
pub async fn recorded_open(conn: &mut Conn) -> Result<Vec<String>, DbError> {
    let rows = sql_all!(conn, (String,), "SELECT session_id FROM sys_websocket_session WHERE status = 1")?;
    Ok(rows.into_iter().map(|row| row.0).collect())
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
