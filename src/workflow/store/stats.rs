//! The SQL of how processes do.

use crate::db::{Conn, DbError};
use crate::sql_all;
use livegrant_actors::CompanyId;

/// Definitions that are counted at most.
const DEFINITIONS_MAX: i64 = 200;
/// Nodes that are counted at most, over all definitions.
const NODES_MAX: i64 = 2_000;

/// When instances started, in UTC milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// Then or later.
    pub from: i64,
    /// Before.
    pub to: i64,
}

/// Instances of one definition and status.
#[expect(missing_docs, reason = "the fields are the columns of the same name")]
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct InstancesRow {
    pub code: String,
    pub status: String,
    pub count: i64,
}

/// Counts the instances.
pub async fn instances(
    conn: &mut Conn,
    company: CompanyId,
    period: Period,
    definition: Option<&str>,
) -> Result<Vec<InstancesRow>, DbError> {
    sql_all!(
        conn,
        InstancesRow,
        "SELECT d.code, i.status, count(*) AS count FROM wf_instance i JOIN wf_definition d ON d.id = i.definition_id
          WHERE i.company_id = $1 AND i.started_at >= $2 AND i.started_at < $3
            AND (CAST($4 AS TEXT) IS NULL OR d.code = $4)
          GROUP BY d.code, i.status ORDER BY d.code, i.status LIMIT $5",
        company.0,
        period.from,
        period.to,
        definition,
        DEFINITIONS_MAX * 6
    )
}

/// Answers how long instances took that were approved or rejected: the median by definition, in milliseconds.
pub async fn medians(
    conn: &mut Conn,
    company: CompanyId,
    period: Period,
    definition: Option<&str>,
) -> Result<Vec<(String, i64)>, DbError> {
    sql_all!(
        conn,
        (String, i64),
        "SELECT code, CAST(avg(took) AS BIGINT) FROM (
            SELECT d.code, i.ended_at - i.started_at AS took,
                   row_number() OVER (PARTITION BY d.code ORDER BY i.ended_at - i.started_at, i.id) AS place,
                   count(*) OVER (PARTITION BY d.code) AS runs
              FROM wf_instance i JOIN wf_definition d ON d.id = i.definition_id
             WHERE i.company_id = $1 AND i.started_at >= $2 AND i.started_at < $3
               AND i.status IN ('approved', 'rejected') AND i.ended_at IS NOT NULL
               AND (CAST($4 AS TEXT) IS NULL OR d.code = $4)) AS spans
          WHERE place IN ((runs + 1) / 2, (runs + 2) / 2) GROUP BY code ORDER BY code LIMIT $5",
        company.0,
        period.from,
        period.to,
        definition,
        DEFINITIONS_MAX
    )
}

/// Counts the tasks that somebody has to do now, and those whose time is over, by definition.
pub async fn tasks(
    conn: &mut Conn,
    company: CompanyId,
    period: Period,
    definition: Option<&str>,
    now: i64,
) -> Result<Vec<(String, i64, i64)>, DbError> {
    sql_all!(
        conn,
        (String, i64, i64),
        "SELECT d.code, count(*), count(CASE WHEN t.due_at <= $5 THEN 1 END)
           FROM wf_task t JOIN wf_instance i ON i.id = t.instance_id JOIN wf_definition d ON d.id = i.definition_id
          WHERE t.state = 'pending' AND i.company_id = $1 AND i.started_at >= $2 AND i.started_at < $3
            AND (CAST($4 AS TEXT) IS NULL OR d.code = $4)
          GROUP BY d.code ORDER BY d.code LIMIT $6",
        company.0,
        period.from,
        period.to,
        definition,
        now,
        DEFINITIONS_MAX
    )
}

/// How long a node took.
#[expect(missing_docs, reason = "the fields are the columns of the same name")]
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct NodeRow {
    pub code: String,
    pub node_code: String,
    pub runs: i64,
    pub median_ms: i64,
}

/// Answers how long nodes took at which people had something to do: the median by definition and node, in milliseconds.
pub async fn nodes(
    conn: &mut Conn,
    company: CompanyId,
    period: Period,
    definition: Option<&str>,
) -> Result<Vec<NodeRow>, DbError> {
    sql_all!(
        conn,
        NodeRow,
        "SELECT code, node_code, runs, CAST(avg(took) AS BIGINT) AS median_ms FROM (
            SELECT d.code, r.node_code, r.left_at - r.entered_at AS took,
                   row_number() OVER (PARTITION BY d.code, r.node_code ORDER BY r.left_at - r.entered_at, r.id) AS place,
                   count(*) OVER (PARTITION BY d.code, r.node_code) AS runs
              FROM wf_node_run r JOIN wf_instance i ON i.id = r.instance_id JOIN wf_definition d ON d.id = i.definition_id
             WHERE i.company_id = $1 AND i.started_at >= $2 AND i.started_at < $3 AND r.left_at IS NOT NULL
               AND EXISTS (SELECT 1 FROM wf_task t WHERE t.node_run_id = r.id)
               AND (CAST($4 AS TEXT) IS NULL OR d.code = $4)) AS spans
          WHERE place IN ((runs + 1) / 2, (runs + 2) / 2) GROUP BY code, node_code, runs ORDER BY code, node_code LIMIT $5",
        company.0,
        period.from,
        period.to,
        definition,
        NODES_MAX
    )
}
