//! The SQL of tasks.

use crate::db::{Conn, DbError};
use crate::{sql_all, sql_exec, sql_one, sql_opt};
use livegrant_actors::{AccountId, CompanyId};
use sqlx::types::Json;

/// A row of `wf_task`, with the run's number.
#[derive(Debug, Clone, sqlx::FromRow)]
#[expect(missing_docs, reason = "the columns are described in the migration")]
pub struct TaskRow {
    pub id: i64,
    pub guid: String,
    pub run: i64,
    pub number: i64,
    pub assignee_id: i64,
    pub owner_id: Option<i64>,
    pub origin: String,
    pub parent: Option<i64>,
    pub place: i64,
    pub state: String,
    pub reason: String,
    pub comment: String,
    pub signature: String,
    pub attachments: Json<Vec<String>>,
    pub decided_by: Option<i64>,
    pub decided_at: Option<i64>,
    pub due_at: Option<i64>,
    pub reminded_at: Option<i64>,
    pub version: i64,
    pub created_at: i64,
}

/// Lists the tasks of an instance, by number.
pub async fn of_instance(conn: &mut Conn, instance: i64) -> Result<Vec<TaskRow>, DbError> {
    sql_all!(
        conn,
        TaskRow,
        "SELECT task.id, task.guid, run.number AS run, task.number, task.assignee_id, task.owner_id, task.origin,
                task.parent, task.place, task.state, task.reason, task.comment, task.signature, task.attachments,
                task.decided_by, task.decided_at, task.due_at, task.reminded_at, task.version, task.created_at
           FROM wf_task AS task JOIN wf_node_run AS run ON run.id = task.node_run_id
          WHERE task.instance_id = $1 ORDER BY task.number",
        instance
    )
}

/// What of a task moves.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "the columns are described in the migration")]
pub struct TaskColumns<'a> {
    pub number: i64,
    pub assignee: AccountId,
    pub owner: Option<AccountId>,
    pub origin: &'a str,
    pub parent: Option<i64>,
    pub place: i64,
    pub state: &'a str,
    pub reason: &'a str,
    pub decided_by: Option<AccountId>,
    pub decided_at: Option<i64>,
    pub due_at: Option<i64>,
}

/// Inserts a task.
pub async fn insert(
    conn: &mut Conn,
    instance: i64,
    run: i64,
    guid: &str,
    task: &TaskColumns<'_>,
    now: i64,
) -> Result<i64, DbError> {
    let (id,) = sql_one!(
        conn,
        (i64,),
        "INSERT INTO wf_task (guid, instance_id, node_run_id, number, assignee_id, owner_id, origin, parent, place, state,
            reason, attachments, decided_by, decided_at, due_at, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) RETURNING id",
        guid,
        instance,
        run,
        task.number,
        task.assignee.0,
        task.owner.map(|owner| owner.0),
        task.origin,
        task.parent,
        task.place,
        task.state,
        task.reason,
        Json(Vec::<String>::new()),
        task.decided_by.map(|by| by.0),
        task.decided_at,
        task.due_at,
        now
    )?;
    Ok(id)
}

/// Stores where a task stands now, if it is still the one that was read. 0: it is not.
pub async fn store(conn: &mut Conn, id: i64, version: i64, task: &TaskColumns<'_>) -> Result<u64, DbError> {
    sql_exec!(
        conn,
        "UPDATE wf_task SET parent = $3, state = $4, reason = $5, decided_by = $6, decided_at = $7, due_at = $8,
                version = version + 1
          WHERE id = $1 AND version = $2",
        id,
        version,
        task.parent,
        task.state,
        task.reason,
        task.decided_by.map(|by| by.0),
        task.decided_at,
        task.due_at
    )
}

/// Stores what a decision brought along.
pub async fn store_words(
    conn: &mut Conn,
    id: i64,
    comment: &str,
    signature: &str,
    attachments: &[String],
) -> Result<u64, DbError> {
    sql_exec!(
        conn,
        "UPDATE wf_task SET comment = $2, signature = $3, attachments = $4 WHERE id = $1",
        id,
        comment,
        signature,
        Json(attachments)
    )
}

/// Notes that an assignee was told again.
pub async fn remind(conn: &mut Conn, id: i64, now: i64) -> Result<u64, DbError> {
    sql_exec!(conn, "UPDATE wf_task SET reminded_at = $2 WHERE id = $1", id, now)
}

/// Finds the instance of a task of a company, with the task's number.
pub async fn place_of(
    conn: &mut Conn,
    company: CompanyId,
    guid: &str,
) -> Result<Option<(i64, i64)>, DbError> {
    sql_opt!(
        conn,
        (i64, i64),
        "SELECT task.instance_id, task.number
           FROM wf_task AS task JOIN wf_instance AS instance ON instance.id = task.instance_id
          WHERE instance.company_id = $1 AND task.guid = $2",
        company.0,
        guid
    )
}

/// Lists the open tasks of somebody, oldest first: instance, its guid and the task's number.
pub async fn open_of(
    conn: &mut Conn,
    company: CompanyId,
    account: AccountId,
    after: i64,
    limit: i64,
) -> Result<Vec<(i64, i64, i64, String)>, DbError> {
    sql_all!(
        conn,
        (i64, i64, i64, String),
        "SELECT task.id, task.instance_id, task.number, task.guid
           FROM wf_task AS task JOIN wf_instance AS instance ON instance.id = task.instance_id
          WHERE instance.company_id = $1 AND task.assignee_id = $2 AND task.state IN ('pending', 'waiting') AND task.id > $3
          ORDER BY task.id LIMIT $4",
        company.0,
        account.0,
        after,
        limit
    )
}

/// Counts what somebody has to do in a company.
pub async fn count_pending(conn: &mut Conn, company: CompanyId, account: AccountId) -> Result<i64, DbError> {
    let (count,) = sql_one!(
        conn,
        (i64,),
        "SELECT count(*) FROM wf_task AS task JOIN wf_instance AS instance ON instance.id = task.instance_id
          WHERE task.assignee_id = $1 AND task.state = 'pending' AND instance.company_id = $2",
        account.0,
        company.0
    )?;
    Ok(count)
}
