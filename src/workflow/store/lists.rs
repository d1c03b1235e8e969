//! The SQL of lists: what somebody started, has to do, has done, is informed of, looks after.

use crate::db::paging::Page;
use crate::db::{Conn, DbError};
use crate::workflow::people::People;
use crate::{sql_all, sql_one};
use livegrant_actors::{AccountId, CompanyId};
use sqlx::types::Json;

/// Which list, and what to look for in it.
#[derive(Debug, Clone, Copy)]
pub struct ListFilter<'a> {
    /// `started`, `todo`, `done`, `copied` or `managed`.
    pub view: &'a str,
    /// Whose.
    pub account: AccountId,
    /// Of `managed`: the rows of the definitions, as `,1,2,`; `None`: all of them.
    pub definitions: Option<&'a str>,
    /// Where they stand.
    pub status: Option<&'a str>,
    /// Code of the definition.
    pub definition: Option<&'a str>,
    /// Pattern for number, title and summary.
    pub search: Option<&'a str>,
}

/// A line of a list.
#[derive(Debug, Clone, sqlx::FromRow)]
#[expect(missing_docs, reason = "the columns are described in the migration")]
pub struct ItemRow {
    pub guid: String,
    pub approval_no: String,
    pub definition: String,
    pub definition_name: String,
    pub business_type: String,
    pub business_id: String,
    pub initiator_id: i64,
    pub title: String,
    pub summary: String,
    pub status: String,
    pub revision: i64,
    pub started_at: i64,
    pub ended_at: Option<i64>,
}

/// Lists instances, the newest first. The views are told apart inside the list of ids, so that only one of them is read.
pub async fn instances(
    conn: &mut Conn,
    company: CompanyId,
    filter: &ListFilter<'_>,
    page: Page,
) -> Result<(i64, Vec<ItemRow>), DbError> {
    let (count,) = sql_one!(
        conn,
        (i64,),
        "SELECT count(*) FROM wf_instance AS instance JOIN wf_definition AS definition ON definition.id = instance.definition_id
          WHERE instance.company_id = $1 AND instance.id IN (
                SELECT id FROM wf_instance WHERE $2 = 'started' AND initiator_id = $3
                UNION ALL SELECT instance_id FROM wf_task WHERE $2 = 'todo' AND assignee_id = $3 AND state = 'pending'
                UNION ALL SELECT instance_id FROM wf_task WHERE $2 = 'done' AND decided_by = $3
                UNION ALL SELECT instance_id FROM wf_copy WHERE $2 = 'copied' AND account_id = $3
                UNION ALL SELECT id FROM wf_instance WHERE $2 = 'managed' AND company_id = $1
                   AND (CAST($4 AS TEXT) IS NULL OR $4 LIKE '%,' || CAST(definition_id AS TEXT) || ',%'))
            AND (CAST($5 AS TEXT) IS NULL OR instance.status = $5)
            AND (CAST($6 AS TEXT) IS NULL OR definition.code = $6)
            AND (CAST($7 AS TEXT) IS NULL OR lower(instance.approval_no) LIKE $7 ESCAPE '!'
                 OR lower(instance.title) LIKE $7 ESCAPE '!' OR lower(instance.summary) LIKE $7 ESCAPE '!')",
        company.0,
        filter.view,
        filter.account.0,
        filter.definitions,
        filter.status,
        filter.definition,
        filter.search
    )?;
    let rows = sql_all!(
        conn,
        ItemRow,
        "SELECT instance.guid, instance.approval_no, definition.code AS definition, definition.name AS definition_name,
                instance.business_type, instance.business_id, instance.initiator_id, instance.title, instance.summary,
                instance.status, instance.revision, instance.started_at, instance.ended_at
           FROM wf_instance AS instance JOIN wf_definition AS definition ON definition.id = instance.definition_id
          WHERE instance.company_id = $1 AND instance.id IN (
                SELECT id FROM wf_instance WHERE $2 = 'started' AND initiator_id = $3
                UNION ALL SELECT instance_id FROM wf_task WHERE $2 = 'todo' AND assignee_id = $3 AND state = 'pending'
                UNION ALL SELECT instance_id FROM wf_task WHERE $2 = 'done' AND decided_by = $3
                UNION ALL SELECT instance_id FROM wf_copy WHERE $2 = 'copied' AND account_id = $3
                UNION ALL SELECT id FROM wf_instance WHERE $2 = 'managed' AND company_id = $1
                   AND (CAST($4 AS TEXT) IS NULL OR $4 LIKE '%,' || CAST(definition_id AS TEXT) || ',%'))
            AND (CAST($5 AS TEXT) IS NULL OR instance.status = $5)
            AND (CAST($6 AS TEXT) IS NULL OR definition.code = $6)
            AND (CAST($7 AS TEXT) IS NULL OR lower(instance.approval_no) LIKE $7 ESCAPE '!'
                 OR lower(instance.title) LIKE $7 ESCAPE '!' OR lower(instance.summary) LIKE $7 ESCAPE '!')
          ORDER BY instance.id DESC LIMIT $8 OFFSET $9",
        company.0,
        filter.view,
        filter.account.0,
        filter.definitions,
        filter.status,
        filter.definition,
        filter.search,
        page.limit(),
        page.offset()
    )?;
    Ok((count, rows))
}

/// A line of somebody's to-do list.
#[derive(Debug, Clone, sqlx::FromRow)]
#[expect(missing_docs, reason = "the columns are described in the migration")]
pub struct TodoRow {
    pub guid: String,
    pub node_code: String,
    pub origin: String,
    pub owner_id: Option<i64>,
    pub due_at: Option<i64>,
    pub created_at: i64,
    pub definition_id: i64,
    pub instance_guid: String,
    pub approval_no: String,
    pub title: String,
    pub summary: String,
    pub initiator_id: i64,
    pub started_at: i64,
}

/// Lists what somebody has to do, the oldest first.
pub async fn todo(
    conn: &mut Conn,
    company: CompanyId,
    account: AccountId,
    page: Page,
) -> Result<Vec<TodoRow>, DbError> {
    sql_all!(
        conn,
        TodoRow,
        "SELECT task.guid, run.node_code, task.origin, task.owner_id, task.due_at, task.created_at, instance.definition_id,
                instance.guid AS instance_guid, instance.approval_no, instance.title, instance.summary,
                instance.initiator_id, instance.started_at
           FROM wf_task AS task JOIN wf_node_run AS run ON run.id = task.node_run_id
           JOIN wf_instance AS instance ON instance.id = task.instance_id
          WHERE task.assignee_id = $1 AND task.state = 'pending' AND instance.company_id = $2
          ORDER BY task.id LIMIT $3 OFFSET $4",
        account.0,
        company.0,
        page.limit(),
        page.offset()
    )
}

/// How much is in each of somebody's lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "named as the lists are")]
pub struct CountsRow {
    pub todo: i64,
    pub started: i64,
    pub done: i64,
    pub copied: i64,
    pub unread_copied: i64,
}

/// Counts somebody's lists: tasks to do, instances of every other.
pub async fn counts(conn: &mut Conn, company: CompanyId, account: AccountId) -> Result<CountsRow, DbError> {
    sql_one!(
        conn,
        CountsRow,
        "SELECT (SELECT count(*) FROM wf_task AS task JOIN wf_instance AS instance ON instance.id = task.instance_id
                  WHERE task.assignee_id = $1 AND task.state = 'pending' AND instance.company_id = $2) AS todo,
                (SELECT count(*) FROM wf_instance WHERE initiator_id = $1 AND company_id = $2) AS started,
                (SELECT count(DISTINCT task.instance_id) FROM wf_task AS task
                   JOIN wf_instance AS instance ON instance.id = task.instance_id
                  WHERE task.decided_by = $1 AND instance.company_id = $2) AS done,
                (SELECT count(*) FROM wf_copy AS copy JOIN wf_instance AS instance ON instance.id = copy.instance_id
                  WHERE copy.account_id = $1 AND instance.company_id = $2) AS copied,
                (SELECT count(*) FROM wf_copy AS copy JOIN wf_instance AS instance ON instance.id = copy.instance_id
                  WHERE copy.account_id = $1 AND copy.read_at IS NULL AND instance.company_id = $2) AS unread_copied",
        account.0,
        company.0
    )
}

/// Lists who manages which definitions of a company; 1,000 of them at most.
pub async fn managers(conn: &mut Conn, company: CompanyId) -> Result<Vec<(i64, Json<People>)>, DbError> {
    sql_all!(
        conn,
        (i64, Json<People>),
        "SELECT id, managers FROM wf_definition WHERE company_id = $1 AND status <> 'draft' ORDER BY id DESC LIMIT 1000",
        company.0
    )
}

/// Notes that somebody has looked at what he is informed of.
pub async fn read_copy(conn: &mut Conn, instance: i64, account: AccountId, now: i64) -> Result<u64, DbError> {
    crate::sql_exec!(
        conn,
        "UPDATE wf_copy SET read_at = $3 WHERE instance_id = $1 AND account_id = $2 AND read_at IS NULL",
        instance,
        account.0,
        now
    )
}
