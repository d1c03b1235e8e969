//! The SQL of instances and of the runs of their nodes.

use crate::db::{Conn, DbError};
use crate::workflow::instance::model::Fork;
use crate::workflow::variables::Initiator;
use crate::{sql_all, sql_exec, sql_one, sql_opt};
use livegrant_actors::{AccountId, CompanyId};
use serde_json::{Map, Value};
use sqlx::types::Json;
use std::collections::BTreeMap;

/// A row of `wf_instance`.
#[derive(Debug, Clone, sqlx::FromRow)]
#[expect(missing_docs, reason = "the columns are described in the migration")]
pub struct InstanceRow {
    pub id: i64,
    pub guid: String,
    pub approval_no: String,
    pub company_id: i64,
    pub definition_id: i64,
    pub business_type: String,
    pub business_id: String,
    pub initiator_id: i64,
    pub title: String,
    pub summary: String,
    pub form_data: Json<Map<String, Value>>,
    pub facts: Json<Initiator>,
    pub chosen: Json<BTreeMap<String, Vec<AccountId>>>,
    pub chose: Json<Vec<AccountId>>,
    pub status: String,
    pub revision: i64,
    pub round: i64,
    pub resume_node: Option<String>,
    pub parent_run_id: Option<i64>,
    pub version: i64,
    pub started_at: i64,
    pub ended_at: Option<i64>,
}

/// A row of `wf_node_run`.
#[derive(Debug, Clone, sqlx::FromRow)]
#[expect(missing_docs, reason = "the columns are described in the migration")]
pub struct RunRow {
    pub id: i64,
    pub number: i64,
    pub node_code: String,
    pub revision: i64,
    pub round: i64,
    pub state: String,
    pub branches: Json<Vec<Fork>>,
    pub reason: String,
    pub entered_at: i64,
    pub left_at: Option<i64>,
}

/// What a new instance is made of; it stands at nothing yet.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the columns are described in the migration")]
pub struct NewInstance<'a> {
    pub guid: &'a str,
    pub approval_no: &'a str,
    pub company: CompanyId,
    pub definition: i64,
    pub business_type: &'a str,
    pub business_id: &'a str,
    pub initiator: AccountId,
    pub title: &'a str,
    pub summary: &'a str,
    pub parent_run: Option<i64>,
}

/// Inserts an instance that has not begun.
pub async fn insert(conn: &mut Conn, new: &NewInstance<'_>, now: i64) -> Result<i64, DbError> {
    let (empty, nobody) = (Json(Map::<String, Value>::new()), Json(Vec::<AccountId>::new()));
    let facts = Json(Initiator::default());
    let (id,) = sql_one!(
        conn,
        (i64,),
        "INSERT INTO wf_instance (guid, approval_no, company_id, definition_id, business_type, business_id, initiator_id,
            title, summary, form_data, facts, chosen, chose, status, revision, round, parent_run_id, started_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $10, $12, 'running', 0, 1, $13, $14) RETURNING id",
        new.guid,
        new.approval_no,
        new.company.0,
        new.definition,
        new.business_type,
        new.business_id,
        new.initiator.0,
        new.title,
        new.summary,
        &empty,
        &facts,
        &nobody,
        new.parent_run,
        now
    )?;
    Ok(id)
}

/// Finds an instance of a company.
pub async fn find(conn: &mut Conn, company: CompanyId, guid: &str) -> Result<Option<InstanceRow>, DbError> {
    sql_opt!(
        conn,
        InstanceRow,
        "SELECT id, guid, approval_no, company_id, definition_id, business_type, business_id, initiator_id, title, summary,
                form_data, facts, chosen, chose, status, revision, round, resume_node, parent_run_id, version, started_at,
                ended_at
           FROM wf_instance WHERE company_id = $1 AND guid = $2",
        company.0,
        guid
    )
}

/// Finds an instance by its row.
pub async fn by_id(conn: &mut Conn, id: i64) -> Result<Option<InstanceRow>, DbError> {
    sql_opt!(
        conn,
        InstanceRow,
        "SELECT id, guid, approval_no, company_id, definition_id, business_type, business_id, initiator_id, title, summary,
                form_data, facts, chosen, chose, status, revision, round, resume_node, parent_run_id, version, started_at,
                ended_at
           FROM wf_instance WHERE id = $1",
        id
    )
}

/// Finds the instance of a business row.
pub async fn of_business(
    conn: &mut Conn,
    company: CompanyId,
    kind: &str,
    id: &str,
) -> Result<Option<String>, DbError> {
    let row = sql_opt!(
        conn,
        (String,),
        "SELECT guid FROM wf_instance WHERE company_id = $1 AND business_type = $2 AND business_id = $3
          ORDER BY id DESC LIMIT 1",
        company.0,
        kind,
        id
    )?;
    Ok(row.map(|row| row.0))
}

/// Locks an instance until the end of the transaction: everything that moves it goes through here, one after the other.
/// `None`: there is none.
pub async fn lock(conn: &mut Conn, id: i64) -> Result<Option<InstanceRow>, DbError> {
    sql_opt!(
        conn,
        InstanceRow,
        "UPDATE wf_instance SET version = version + 1 WHERE id = $1
         RETURNING id, guid, approval_no, company_id, definition_id, business_type, business_id, initiator_id, title,
                summary, form_data, facts, chosen, chose, status, revision, round, resume_node, parent_run_id, version,
                started_at, ended_at",
        id
    )
}

/// What of an instance moves.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "the columns are described in the migration")]
pub struct Moved<'a> {
    pub approval_no: &'a str,
    pub title: &'a str,
    pub summary: &'a str,
    pub form: &'a Map<String, Value>,
    pub facts: &'a Initiator,
    pub chosen: &'a BTreeMap<String, Vec<AccountId>>,
    pub chose: &'a [AccountId],
    pub status: &'a str,
    pub revision: i64,
    pub round: i64,
    pub resume_node: Option<&'a str>,
    pub ended_at: Option<i64>,
}

/// Stores where a locked instance stands now.
pub async fn store(conn: &mut Conn, id: i64, moved: &Moved<'_>) -> Result<u64, DbError> {
    sql_exec!(
        conn,
        "UPDATE wf_instance SET title = $2, summary = $3, form_data = $4, facts = $5, chosen = $6, chose = $7, status = $8,
                revision = $9, round = $10, resume_node = $11, ended_at = $12, approval_no = $13
          WHERE id = $1",
        id,
        moved.title,
        moved.summary,
        Json(moved.form),
        Json(moved.facts),
        Json(moved.chosen),
        Json(moved.chose),
        moved.status,
        moved.revision,
        moved.round,
        moved.resume_node,
        moved.ended_at,
        moved.approval_no
    )
}

/// Lists the runs of an instance, by number.
pub async fn runs(conn: &mut Conn, instance: i64) -> Result<Vec<RunRow>, DbError> {
    sql_all!(
        conn,
        RunRow,
        "SELECT id, number, node_code, revision, round, state, branches, reason, entered_at, left_at
           FROM wf_node_run WHERE instance_id = $1 ORDER BY number",
        instance
    )
}

/// What a run is made of.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "the columns are described in the migration")]
pub struct RunColumns<'a> {
    pub number: i64,
    pub node_code: &'a str,
    pub revision: i64,
    pub round: i64,
    pub state: &'a str,
    pub branches: &'a [Fork],
    pub reason: &'a str,
    pub left_at: Option<i64>,
}

/// Inserts a run.
pub async fn insert_run(
    conn: &mut Conn,
    instance: i64,
    run: &RunColumns<'_>,
    now: i64,
) -> Result<i64, DbError> {
    let (id,) = sql_one!(
        conn,
        (i64,),
        "INSERT INTO wf_node_run (instance_id, number, node_code, revision, round, state, branches, reason, entered_at,
            left_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING id",
        instance,
        run.number,
        run.node_code,
        run.revision,
        run.round,
        run.state,
        Json(run.branches),
        run.reason,
        now,
        run.left_at
    )?;
    Ok(id)
}

/// Stores where a run stands now.
pub async fn store_run(conn: &mut Conn, id: i64, run: &RunColumns<'_>) -> Result<u64, DbError> {
    sql_exec!(
        conn,
        "UPDATE wf_node_run SET state = $2, branches = $3, reason = $4, left_at = $5 WHERE id = $1",
        id,
        run.state,
        Json(run.branches),
        run.reason,
        run.left_at
    )
}

/// Finds the instance that a run belongs to, with the run's number.
pub async fn of_run(conn: &mut Conn, run: i64) -> Result<Option<(i64, i64)>, DbError> {
    sql_opt!(conn, (i64, i64), "SELECT instance_id, number FROM wf_node_run WHERE id = $1", run)
}

/// Finds the instance that a run waits for.
pub async fn child_of_run(conn: &mut Conn, run: i64) -> Result<Option<i64>, DbError> {
    let row = sql_opt!(
        conn,
        (i64,),
        "SELECT id FROM wf_instance WHERE parent_run_id = $1 ORDER BY id DESC LIMIT 1",
        run
    )?;
    Ok(row.map(|row| row.0))
}
