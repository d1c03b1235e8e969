//! The SQL of messages of topics that were committed and may not have been published.

use crate::db::{Conn, DbError, bulk_mail};
use crate::{sql_all, sql_exec};
use livegrant_actors::{Audience, Operator};
use serde_json::value::RawValue;
use sqlx::types::Json;

/// A message that was left.
#[derive(Debug, sqlx::FromRow)]
pub struct Left {
    /// Its row.
    pub id: i64,
    /// Its type.
    pub kind: String,
    /// Who listens.
    pub topic: Option<String>,
    /// Whom it may concern.
    pub audience: Json<Audience>,
    /// `data`.
    pub data: Json<Box<RawValue>>,
    /// Who did it.
    pub operator: Option<Json<Operator>>,
}

/// Lists messages that were written before a time, oldest first, `limit` at most.
pub async fn left_before(conn: &mut Conn, before: i64, limit: i64) -> Result<Vec<Left>, DbError> {
    sql_all!(
        conn,
        Left,
        "SELECT id, kind, topic, audience, data, operator FROM sys_outbox
          WHERE created_at < $1 ORDER BY created_at, id LIMIT $2",
        before,
        limit
    )
}

/// Deletes messages that were published.
pub async fn delete(conn: &mut Conn, rows: &[i64]) -> Result<(), DbError> {
    bulk_mail::delete_signals(conn, rows).await
}

/// Deletes messages that were written before a time: they are about what was then.
pub async fn forget_before(conn: &mut Conn, before: i64) -> Result<u64, DbError> {
    Ok(sql_exec!(conn, "DELETE FROM sys_outbox WHERE created_at < $1", before)?)
}
