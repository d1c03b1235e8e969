//! The SQL of the log. It is only ever added to: there is no statement here, or anywhere, that changes or deletes a row.

use crate::db::{Conn, DbError};
use crate::{sql_all, sql_one, sql_opt};
use livegrant_actors::{AccountId, CompanyId};
use serde_json::Value;
use sqlx::types::Json;

/// What is added to the log.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "the columns are described in the migration")]
pub struct NewLine<'a> {
    pub instance: i64,
    pub task: Option<i64>,
    pub actor: AccountId,
    pub actor_name: &'a str,
    pub action: &'a str,
    pub from_state: &'a str,
    pub to_state: &'a str,
    pub node_code: &'a str,
    pub comment: &'a str,
    pub detail: &'a Value,
}

/// Adds a line.
pub async fn add(conn: &mut Conn, line: &NewLine<'_>, now: i64) -> Result<i64, DbError> {
    let (id,) = sql_one!(
        conn,
        (i64,),
        "INSERT INTO wf_log (instance_id, task, actor_id, actor_name, action, from_state, to_state, node_code, comment,
            detail, at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) RETURNING id",
        line.instance,
        line.task,
        line.actor.0,
        line.actor_name,
        line.action,
        line.from_state,
        line.to_state,
        line.node_code,
        line.comment,
        Json(line.detail),
        now
    )?;
    Ok(id)
}

/// A row of `wf_log`, with what it belongs to.
#[derive(Debug, Clone, sqlx::FromRow)]
#[expect(missing_docs, reason = "the columns are described in the migration")]
pub struct LineRow {
    pub id: i64,
    pub instance_guid: String,
    pub approval_no: String,
    pub task: Option<i64>,
    pub task_guid: Option<String>,
    pub actor_id: i64,
    pub actor_name: String,
    pub action: String,
    pub from_state: String,
    pub to_state: String,
    pub node_code: String,
    pub comment: String,
    pub detail: Json<Value>,
    pub at: i64,
}

/// Which line to find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sought {
    /// What was done, three or four words; none: whatever gave the instance another status.
    pub actions: &'static [&'static str],
    /// Only about this task.
    pub task: Option<i64>,
    /// Not after this, in UTC milliseconds.
    pub until: Option<i64>,
}

/// Finds who did something last, and when.
pub async fn newest(conn: &mut Conn, instance: i64, sought: &Sought) -> Result<Option<(i64, i64)>, DbError> {
    let word = |place: usize| sought.actions.get(place).copied();
    sql_opt!(
        conn,
        (i64, i64),
        "SELECT actor_id, at FROM wf_log
          WHERE instance_id = $1 AND (CAST($2 AS BIGINT) IS NULL OR task = $2)
            AND (CAST($7 AS BIGINT) IS NULL OR at <= $7)
            AND (action IN ($3, $4, $5, $6) OR (CAST($3 AS TEXT) IS NULL AND from_state <> to_state AND from_state <> ''))
          ORDER BY id DESC LIMIT 1",
        instance,
        sought.task,
        word(0),
        word(1),
        word(2),
        word(3),
        sought.until
    )
}

/// Lists the log of an instance, oldest first, from behind a row of it.
pub async fn of_instance(
    conn: &mut Conn,
    instance: i64,
    after: i64,
    limit: i64,
) -> Result<Vec<LineRow>, DbError> {
    sql_all!(
        conn,
        LineRow,
        "SELECT line.id, instance.guid AS instance_guid, instance.approval_no, line.task, task.guid AS task_guid,
                line.actor_id, line.actor_name, line.action, line.from_state, line.to_state, line.node_code, line.comment,
                line.detail, line.at
           FROM wf_log AS line JOIN wf_instance AS instance ON instance.id = line.instance_id
           LEFT JOIN wf_task AS task ON task.instance_id = line.instance_id AND task.number = line.task
          WHERE line.instance_id = $1 AND line.id > $2 ORDER BY line.id LIMIT $3",
        instance,
        after,
        limit
    )
}

/// What to look for in the logs of a company.
#[derive(Debug, Clone, Copy, Default)]
pub struct LineFilter<'a> {
    /// Only lines of instances that this account may see as initiator, assignee or informed; `None`: all.
    pub viewer: Option<AccountId>,
    /// Guid of an instance.
    pub instance: Option<&'a str>,
    /// Guid of a task.
    pub task: Option<&'a str>,
    /// Who did it.
    pub actor: Option<AccountId>,
    /// What was done.
    pub action: Option<&'a str>,
    /// From, in UTC milliseconds.
    pub since: Option<i64>,
    /// Until, exclusive.
    pub until: Option<i64>,
    /// Only rows before this one.
    pub before: Option<i64>,
}

/// Lists the logs of a company, newest first.
pub async fn search(
    conn: &mut Conn,
    company: CompanyId,
    filter: &LineFilter<'_>,
    limit: i64,
) -> Result<Vec<LineRow>, DbError> {
    sql_all!(
        conn,
        LineRow,
        "SELECT line.id, instance.guid AS instance_guid, instance.approval_no, line.task, task.guid AS task_guid,
                line.actor_id, line.actor_name, line.action, line.from_state, line.to_state, line.node_code, line.comment,
                line.detail, line.at
           FROM wf_log AS line JOIN wf_instance AS instance ON instance.id = line.instance_id
           LEFT JOIN wf_task AS task ON task.instance_id = line.instance_id AND task.number = line.task
          WHERE instance.company_id = $1
            AND (CAST($2 AS BIGINT) IS NULL OR instance.initiator_id = $2
                 OR EXISTS (SELECT 1 FROM wf_task AS mine WHERE mine.instance_id = instance.id AND mine.assignee_id = $2
                               AND mine.state <> 'transferred')
                 OR EXISTS (SELECT 1 FROM wf_copy AS copy WHERE copy.instance_id = instance.id AND copy.account_id = $2))
            AND (CAST($3 AS TEXT) IS NULL OR instance.guid = $3)
            AND (CAST($4 AS TEXT) IS NULL OR task.guid = $4)
            AND (CAST($5 AS BIGINT) IS NULL OR line.actor_id = $5)
            AND (CAST($6 AS TEXT) IS NULL OR line.action = $6)
            AND (CAST($7 AS BIGINT) IS NULL OR line.at >= $7)
            AND (CAST($8 AS BIGINT) IS NULL OR line.at < $8)
            AND (CAST($9 AS BIGINT) IS NULL OR line.id < $9)
          ORDER BY line.id DESC LIMIT $10",
        company.0,
        filter.viewer.map(|account| account.0),
        filter.instance,
        filter.task,
        filter.actor.map(|account| account.0),
        filter.action,
        filter.since,
        filter.until,
        filter.before,
        limit
    )
}
