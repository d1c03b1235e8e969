//! The SQL of requests, one at a time.

use crate::db::{Conn, DbError};
use crate::{sql_all, sql_exec, sql_one, sql_opt};
use livegrant_actors::{AccountId, CompanyId};
use sqlx::types::Json;

/// A request with whose it is, its type and its instance.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct LeaveRow {
    /// Its row.
    pub id: i64,
    /// 36-character id.
    pub guid: String,
    /// Whose it is.
    pub staff_id: i64,
    /// The staff record's guid.
    pub staff_guid: String,
    /// The person's name.
    pub staff_name: String,
    /// The person's login.
    pub account_id: Option<i64>,
    /// The person's organisation.
    pub org_id: Option<i64>,
    /// Its type.
    pub type_id: i64,
    /// The type's code.
    pub type_code: String,
    /// The type's name.
    pub type_name: String,
    /// The type's unit.
    pub type_unit: String,
    /// In what it is taken.
    pub unit: String,
    /// UTC milliseconds.
    pub start_at: i64,
    /// UTC milliseconds, exclusive.
    pub end_at: i64,
    /// Minutes of working time.
    pub amount: i64,
    /// Why.
    pub reason: String,
    /// What is attached.
    pub attachments: Json<Vec<String>>,
    /// Where it stands.
    pub status: String,
    /// Its instance.
    pub instance_id: Option<i64>,
    /// The instance's guid.
    pub instance_guid: Option<String>,
    /// The instance's number.
    pub approval_no: Option<String>,
    /// Code of the definition that the instance follows.
    pub definition_code: Option<String>,
    /// Who wrote it.
    pub created_by: i64,
    /// For optimistic locking.
    pub version: i64,
    /// UTC milliseconds.
    pub created_at: i64,
    /// UTC milliseconds.
    pub updated_at: i64,
}

/// Finds a request of a company.
pub async fn leave(conn: &mut Conn, company: CompanyId, guid: &str) -> Result<Option<LeaveRow>, DbError> {
    sql_opt!(
        conn,
        LeaveRow,
        "SELECT l.id, l.guid, l.staff_id, s.guid AS staff_guid, s.name AS staff_name, s.account_id, s.org_id, l.type_id,
                t.code AS type_code, t.name AS type_name, t.unit AS type_unit, l.unit, l.start_at, l.end_at, l.amount,
                l.reason, l.attachments, l.status, l.instance_id, i.guid AS instance_guid, i.approval_no, d.code AS definition_code, l.created_by,
                l.version, l.created_at, l.updated_at
           FROM hr_leave l JOIN hr_staff s ON s.id = l.staff_id JOIN hr_leave_type t ON t.id = l.type_id
           LEFT JOIN wf_instance i ON i.id = l.instance_id LEFT JOIN wf_definition d ON d.id = i.definition_id
          WHERE l.company_id = $1 AND l.guid = $2",
        company.0,
        guid
    )
}

/// What a request holds besides its keys and where it stands.
#[derive(Debug, Clone, Copy)]
pub struct LeaveColumns<'a> {
    /// Its type.
    pub type_id: i64,
    /// `day`, `half_day` or `hour`.
    pub unit: &'a str,
    /// UTC milliseconds.
    pub start_at: i64,
    /// UTC milliseconds, exclusive.
    pub end_at: i64,
    /// Minutes of working time.
    pub amount: i64,
    /// Why.
    pub reason: &'a str,
    /// What is attached.
    pub attachments: &'a [String],
}

/// Inserts a draft.
pub async fn insert(
    conn: &mut Conn,
    (company, staff, guid): (CompanyId, i64, &str),
    new: &LeaveColumns<'_>,
    by: AccountId,
    now: i64,
) -> Result<i64, DbError> {
    let (id,) = sql_one!(
        conn,
        (i64,),
        "INSERT INTO hr_leave (guid, company_id, staff_id, type_id, unit, start_at, end_at, amount, reason, attachments,
            status, created_by, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'draft', $11, $12, $12) RETURNING id",
        guid,
        company.0,
        staff,
        new.type_id,
        new.unit,
        new.start_at,
        new.end_at,
        new.amount,
        new.reason,
        Json(new.attachments),
        by.0,
        now
    )?;
    Ok(id)
}

/// Changes a request that can be changed, where its version still is the given one; 0 rows: it no longer is.
pub async fn update(
    conn: &mut Conn,
    id: i64,
    version: i64,
    new: &LeaveColumns<'_>,
    now: i64,
) -> Result<u64, DbError> {
    sql_exec!(
        conn,
        "UPDATE hr_leave
            SET type_id = $3, unit = $4, start_at = $5, end_at = $6, amount = $7, reason = $8, attachments = $9,
                version = version + 1, updated_at = $10
          WHERE id = $1 AND version = $2 AND status IN ('draft', 'returned')",
        id,
        version,
        new.type_id,
        new.unit,
        new.start_at,
        new.end_at,
        new.amount,
        new.reason,
        Json(new.attachments),
        now
    )
}

/// Writes how much of a request falls into a year.
pub async fn insert_share(conn: &mut Conn, leave: i64, year: i64, amount: i64) -> Result<u64, DbError> {
    sql_exec!(
        conn,
        "INSERT INTO hr_leave_share (leave_id, year, amount) VALUES ($1, $2, $3)",
        leave,
        year,
        amount
    )
}

/// Forgets how much of a request falls into which year.
pub async fn delete_shares(conn: &mut Conn, leave: i64) -> Result<u64, DbError> {
    sql_exec!(conn, "DELETE FROM hr_leave_share WHERE leave_id = $1", leave)
}

/// Lets a request stand where its instance stands; 0 rows: there is no such request.
pub async fn follow(
    conn: &mut Conn,
    company: CompanyId,
    guid: &str,
    instance: &str,
    status: &str,
    now: i64,
) -> Result<u64, DbError> {
    sql_exec!(
        conn,
        "UPDATE hr_leave
            SET status = $4, version = version + 1, updated_at = $5,
                instance_id = (SELECT i.id FROM wf_instance i WHERE i.guid = $3 AND i.company_id = $1)
          WHERE company_id = $1 AND guid = $2
            AND (instance_id IS NULL OR instance_id = (SELECT i.id FROM wf_instance i WHERE i.guid = $3))",
        company.0,
        guid,
        instance,
        status,
        now
    )
}

/// Deletes a draft; its shares first. 0 rows: it is none, or its version is another one.
pub async fn delete_draft(conn: &mut Conn, id: i64, version: i64) -> Result<u64, DbError> {
    sql_exec!(conn, "DELETE FROM hr_leave WHERE id = $1 AND version = $2 AND status = 'draft'", id, version)
}

/// A request that is in the way of another one.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct InTheWay {
    /// Its guid.
    pub guid: String,
    /// The type's name.
    pub type_name: String,
    /// UTC milliseconds.
    pub start_at: i64,
    /// UTC milliseconds, exclusive.
    pub end_at: i64,
    /// Where it stands.
    pub status: String,
}

/// Finds somebody's first request other than one that has time in common with `[start, end)` and has not come to nothing.
pub async fn in_the_way(
    conn: &mut Conn,
    staff: i64,
    (start, end): (i64, i64),
    without: i64,
) -> Result<Option<InTheWay>, DbError> {
    sql_opt!(
        conn,
        InTheWay,
        "SELECT l.guid, t.name AS type_name, l.start_at, l.end_at, l.status
           FROM hr_leave l JOIN hr_leave_type t ON t.id = l.type_id
          WHERE l.staff_id = $1 AND l.end_at > $2 AND l.start_at < $3 AND l.id <> $4
            AND l.status IN ('draft', 'running', 'returned', 'approved')
          ORDER BY l.start_at, l.id LIMIT 1",
        staff,
        start,
        end,
        without
    )
}

/// Counts somebody's drafts.
pub async fn draft_count(conn: &mut Conn, staff: i64) -> Result<i64, DbError> {
    let (count,) = sql_one!(
        conn,
        (i64,),
        "SELECT count(*) FROM hr_leave WHERE staff_id = $1 AND status = 'draft'",
        staff
    )?;
    Ok(count)
}

/// Lists the accounts that have or had something to decide in an instance.
pub async fn approvers(conn: &mut Conn, instance: i64) -> Result<Vec<i64>, DbError> {
    let rows = sql_all!(
        conn,
        (i64,),
        "SELECT DISTINCT assignee_id FROM wf_task WHERE instance_id = $1 ORDER BY assignee_id",
        instance
    )?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}
