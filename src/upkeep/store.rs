//! The SQL that deletes what is over, at most so many rows at a time. Where rows lie in the order of time, only the oldest
//! ones are looked at, so that a look that finds nothing costs nothing.

use crate::db::{Conn, DbError};
use crate::sql_exec;
use livegrant_actors::Rev;

/// Deletes records of connections that ended before an instant.
pub async fn purge_connections(conn: &mut Conn, before: i64, rows: i64) -> Result<u64, DbError> {
    sql_exec!(
        conn,
        "DELETE FROM sys_websocket_session WHERE id IN (
            SELECT id FROM sys_websocket_session WHERE status = 0 AND disconnect_time < $1
             ORDER BY disconnect_time LIMIT $2)",
        before,
        rows
    )
}

/// Deletes sessions whose time was over before an instant, ended or not; not those with an open tab.
pub async fn purge_sessions(conn: &mut Conn, before: i64, rows: i64) -> Result<u64, DbError> {
    sql_exec!(
        conn,
        "DELETE FROM sys_session WHERE sid IN (
            SELECT s.sid FROM sys_session s
             WHERE s.state IN ('active', 'ended') AND s.expires_at < $1
               AND NOT EXISTS (SELECT 1 FROM sys_websocket_session w WHERE w.sid = s.sid AND w.status = 1)
             LIMIT $2)",
        before,
        rows
    )
}

/// Deletes tickets that are over.
pub async fn purge_tickets(conn: &mut Conn, now: i64, rows: i64) -> Result<u64, DbError> {
    sql_exec!(
        conn,
        "DELETE FROM sys_stream_ticket WHERE ticket_hash IN (
            SELECT ticket_hash FROM sys_stream_ticket WHERE expires_at <= $1 LIMIT $2)",
        now,
        rows
    )
}

/// Deletes keys of repeated requests: answered ones from before one instant, others from before another, later one.
pub async fn purge_keys(conn: &mut Conn, answered: i64, unanswered: i64, rows: i64) -> Result<u64, DbError> {
    sql_exec!(
        conn,
        "DELETE FROM sys_idempotency WHERE (account_id, key) IN (
            SELECT account_id, key FROM sys_idempotency
             WHERE created_at < $1 OR (created_at < $2 AND status IS NULL) LIMIT $3)",
        answered,
        unanswered,
        rows
    )
}

/// Deletes lines of the audit log from before an instant.
pub async fn purge_audit(conn: &mut Conn, before: i64, rows: i64) -> Result<u64, DbError> {
    sql_exec!(
        conn,
        "DELETE FROM sys_audit_log WHERE id IN (
            SELECT oldest.id FROM (SELECT id, at FROM sys_audit_log ORDER BY id LIMIT $2) oldest WHERE oldest.at < $1)",
        before,
        rows
    )
}

/// Deletes rows of the log of permission changes from before an instant.
pub async fn purge_changes(conn: &mut Conn, before: i64, rows: i64) -> Result<u64, DbError> {
    sql_exec!(
        conn,
        "DELETE FROM sys_permission_change_log WHERE id IN (
            SELECT oldest.id FROM (SELECT id, create_time FROM sys_permission_change_log ORDER BY id LIMIT $2) oldest
             WHERE oldest.create_time < $1)",
        before,
        rows
    )
}

/// Deletes rows of the policy log up to a revision and from before an instant, that no row of the changes refers to.
pub async fn purge_policy_log(conn: &mut Conn, up_to: Rev, before: i64, rows: i64) -> Result<u64, DbError> {
    sql_exec!(
        conn,
        "DELETE FROM policy_log WHERE rev IN (
            SELECT oldest.rev FROM policy_log oldest
             WHERE oldest.rev <= $1 AND oldest.at < $2
               AND NOT EXISTS (SELECT 1 FROM sys_permission_change_log c WHERE c.rev = oldest.rev)
             ORDER BY oldest.rev LIMIT $3)",
        up_to.0,
        before,
        rows
    )
}
