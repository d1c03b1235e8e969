//! The SQL of what is to happen by itself.

use crate::db::{Conn, DbError};
use crate::{sql_all, sql_exec, sql_opt};
use serde_json::Value;
use sqlx::types::Json;

/// A row of `wf_timer` that is due.
#[derive(Debug, Clone, sqlx::FromRow)]
#[expect(missing_docs, reason = "the columns are described in the migration")]
pub struct TimerRow {
    pub id: i64,
    pub instance_id: i64,
    pub number: i64,
    pub kind: String,
    pub payload: Json<Value>,
    pub attempts: i64,
    pub fire_at: i64,
}

/// Adds a timer.
pub async fn add(
    conn: &mut Conn,
    instance: i64,
    number: i64,
    kind: &str,
    payload: &Value,
    fire_at: i64,
) -> Result<u64, DbError> {
    sql_exec!(
        conn,
        "INSERT INTO wf_timer (instance_id, number, kind, payload, fire_at) VALUES ($1, $2, $3, $4, $5)",
        instance,
        number,
        kind,
        Json(payload),
        fire_at
    )
}

/// Takes back the time limits of a task that have not been fired: it is not the turn of theirs any more.
pub async fn forget(conn: &mut Conn, instance: i64, task: i64) -> Result<u64, DbError> {
    sql_exec!(
        conn,
        "DELETE FROM wf_timer
          WHERE instance_id = $1 AND number = $2 AND kind = 'timeout' AND fired_at IS NULL",
        instance,
        task
    )
}

/// Lists what is due but calls, the longest overdue first.
pub async fn due(conn: &mut Conn, now: i64, limit: i64) -> Result<Vec<TimerRow>, DbError> {
    sql_all!(
        conn,
        TimerRow,
        "SELECT id, instance_id, number, kind, payload, attempts, fire_at FROM wf_timer
          WHERE fired_at IS NULL AND kind <> 'call' AND fire_at <= $1 ORDER BY fire_at, id LIMIT $2",
        now,
        limit
    )
}

/// Lists the calls that are due, the longest overdue first.
pub async fn due_calls(conn: &mut Conn, now: i64, limit: i64) -> Result<Vec<TimerRow>, DbError> {
    sql_all!(
        conn,
        TimerRow,
        "SELECT id, instance_id, number, kind, payload, attempts, fire_at FROM wf_timer
          WHERE fired_at IS NULL AND kind = 'call' AND fire_at <= $1 ORDER BY fire_at, id LIMIT $2",
        now,
        limit
    )
}

/// Takes a timer for good. 0: somebody else has fired it.
pub async fn fire(conn: &mut Conn, id: i64, now: i64) -> Result<u64, DbError> {
    sql_exec!(conn, "UPDATE wf_timer SET fired_at = $2 WHERE id = $1 AND fired_at IS NULL", id, now)
}

/// Takes a call for a while: whoever dies with it leaves it to the next one. `None`: somebody else has it.
pub async fn claim(conn: &mut Conn, id: i64, now: i64, until: i64) -> Result<Option<i64>, DbError> {
    let row = sql_opt!(
        conn,
        (i64,),
        "UPDATE wf_timer SET fire_at = $3, attempts = attempts + 1
          WHERE id = $1 AND fired_at IS NULL AND fire_at <= $2 RETURNING attempts",
        id,
        now,
        until
    )?;
    Ok(row.map(|row| row.0))
}

/// Tries a call again later.
pub async fn postpone(conn: &mut Conn, id: i64, fire_at: i64) -> Result<u64, DbError> {
    sql_exec!(conn, "UPDATE wf_timer SET fire_at = $2 WHERE id = $1 AND fired_at IS NULL", id, fire_at)
}
