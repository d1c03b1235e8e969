//! The SQL of lists of requests, and of who is away.

use super::leaves::LeaveRow;
use crate::db::paging::Page;
use crate::db::{Conn, DbError};
use crate::{sql_all, sql_one};
use livegrant_actors::{AccountId, CompanyId};

/// What a permission reaches of others' leave (FC7): rows of organisations, as `,1,2,`, which both databases read without a
/// statement of their own. At most a few hundred: `policy::reach` bounds them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reach {
    /// Everybody's.
    pub all: bool,
    /// Of these organisations alone.
    pub exact: String,
    /// Of these and everything below them.
    pub below: String,
}

/// Which requests are listed; what is `None` is not asked for.
#[derive(Debug, Clone, Copy)]
pub struct Filter<'a> {
    /// Whose besides the caller's own and those that he wrote.
    pub others: &'a Reach,
    /// Where they stand.
    pub status: Option<&'a str>,
    /// Code of the type.
    pub leave_type: Option<&'a str>,
    /// Whose.
    pub staff: Option<i64>,
    /// They end after this, in UTC milliseconds.
    pub from: Option<i64>,
    /// They begin before this.
    pub to: Option<i64>,
    /// `start_at` or `-start_at`; by default the newest come first.
    pub ordering: Option<&'a str>,
}

/// Lists requests that an account may read.
pub async fn leaves(
    conn: &mut Conn,
    company: CompanyId,
    account: AccountId,
    filter: &Filter<'_>,
    page: Page,
) -> Result<(i64, Vec<LeaveRow>), DbError> {
    let (count,) = sql_one!(
        conn,
        (i64,),
        "SELECT count(*) FROM hr_leave l JOIN hr_staff s ON s.id = l.staff_id JOIN hr_leave_type t ON t.id = l.type_id
          WHERE l.company_id = $1 AND (CAST($3 AS BOOLEAN) OR s.account_id = $2 OR l.created_by = $2 OR CAST($9 AS TEXT) LIKE '%,' || CAST(s.org_id AS TEXT) || ',%'
              OR s.org_id IN (SELECT scoped.id FROM hr_organization root JOIN hr_organization scoped
                    ON scoped.company_id = root.company_id AND scoped.path LIKE root.path || '%'
                 WHERE root.company_id = $1 AND CAST($10 AS TEXT) LIKE '%,' || CAST(root.id AS TEXT) || ',%'))
            AND (CAST($4 AS TEXT) IS NULL OR l.status = $4) AND (CAST($5 AS TEXT) IS NULL OR t.code = $5)
            AND (CAST($6 AS BIGINT) IS NULL OR l.staff_id = $6) AND (CAST($7 AS BIGINT) IS NULL OR l.end_at > $7)
            AND (CAST($8 AS BIGINT) IS NULL OR l.start_at < $8)",
        company.0,
        account.0,
        filter.others.all,
        filter.status,
        filter.leave_type,
        filter.staff,
        filter.from,
        filter.to,
        filter.others.exact.as_str(),
        filter.others.below.as_str()
    )?;
    let rows = sql_all!(
        conn,
        LeaveRow,
        "SELECT l.id, l.guid, l.staff_id, s.guid AS staff_guid, s.name AS staff_name, s.account_id, s.org_id, l.type_id,
                t.code AS type_code, t.name AS type_name, t.unit AS type_unit, l.unit, l.start_at, l.end_at, l.amount,
                l.reason, l.attachments, l.status, l.instance_id, i.guid AS instance_guid, i.approval_no, d.code AS definition_code, l.created_by,
                l.version, l.created_at, l.updated_at
           FROM hr_leave l JOIN hr_staff s ON s.id = l.staff_id JOIN hr_leave_type t ON t.id = l.type_id
           LEFT JOIN wf_instance i ON i.id = l.instance_id LEFT JOIN wf_definition d ON d.id = i.definition_id
          WHERE l.company_id = $1 AND (CAST($3 AS BOOLEAN) OR s.account_id = $2 OR l.created_by = $2 OR CAST($12 AS TEXT) LIKE '%,' || CAST(s.org_id AS TEXT) || ',%'
              OR s.org_id IN (SELECT scoped.id FROM hr_organization root JOIN hr_organization scoped
                    ON scoped.company_id = root.company_id AND scoped.path LIKE root.path || '%'
                 WHERE root.company_id = $1 AND CAST($13 AS TEXT) LIKE '%,' || CAST(root.id AS TEXT) || ',%'))
            AND (CAST($4 AS TEXT) IS NULL OR l.status = $4) AND (CAST($5 AS TEXT) IS NULL OR t.code = $5)
            AND (CAST($6 AS BIGINT) IS NULL OR l.staff_id = $6) AND (CAST($7 AS BIGINT) IS NULL OR l.end_at > $7)
            AND (CAST($8 AS BIGINT) IS NULL OR l.start_at < $8)
          ORDER BY CASE WHEN $9 = 'start_at' THEN l.start_at END, CASE WHEN $9 = '-start_at' THEN l.start_at END DESC,
                l.id DESC
          LIMIT $10 OFFSET $11",
        company.0,
        account.0,
        filter.others.all,
        filter.status,
        filter.leave_type,
        filter.staff,
        filter.from,
        filter.to,
        filter.ordering.unwrap_or(""),
        page.limit(),
        page.offset(),
        filter.others.exact.as_str(),
        filter.others.below.as_str()
    )?;
    Ok((count, rows))
}

/// Somebody who is away.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct AwayRow {
    /// The request.
    pub guid: String,
    /// The staff record.
    pub staff_guid: String,
    /// The person's name.
    pub staff_name: String,
    /// The person's login.
    pub account_id: Option<i64>,
    /// The person's organisation.
    pub org_id: Option<i64>,
    /// The type's code.
    pub type_code: String,
    /// The type's name.
    pub type_name: String,
    /// In what it is taken.
    pub unit: String,
    /// UTC milliseconds.
    pub start_at: i64,
    /// UTC milliseconds, exclusive.
    pub end_at: i64,
    /// `approved` or `running`.
    pub status: String,
    /// The account may read the request.
    pub readable: bool,
}

/// Lists who is away in `[from, to)`: given leave of an organisation, and what an account may read (its own, and of whom
/// it reaches), also while it is being decided on.
pub async fn away(
    conn: &mut Conn,
    company: CompanyId,
    (account, others, org): (AccountId, &Reach, Option<i64>),
    (from, to): (i64, i64),
    limit: i64,
) -> Result<Vec<AwayRow>, DbError> {
    sql_all!(
        conn,
        AwayRow,
        "SELECT a.guid, a.staff_guid, a.staff_name, a.account_id, a.org_id, a.type_code, a.type_name, a.unit, a.start_at,
                a.end_at, a.status, a.readable
           FROM (SELECT l.id, l.guid, s.guid AS staff_guid, s.name AS staff_name, s.account_id, s.org_id, t.code AS type_code,
                t.name AS type_name, l.unit, l.start_at, l.end_at, l.status,
                coalesce(CAST($3 AS BOOLEAN) OR coalesce(s.account_id = $2, FALSE) OR CAST($8 AS TEXT) LIKE '%,' || CAST(s.org_id AS TEXT) || ',%'
              OR s.org_id IN (SELECT scoped.id FROM hr_organization root JOIN hr_organization scoped
                    ON scoped.company_id = root.company_id AND scoped.path LIKE root.path || '%'
                 WHERE root.company_id = $1 AND CAST($9 AS TEXT) LIKE '%,' || CAST(root.id AS TEXT) || ',%'), FALSE) AS readable
           FROM hr_leave l JOIN hr_staff s ON s.id = l.staff_id JOIN hr_leave_type t ON t.id = l.type_id
          WHERE l.company_id = $1 AND l.end_at > $5 AND l.start_at < $6 AND l.status IN ('approved', 'running')) a
          WHERE a.readable OR (a.status = 'approved' AND a.org_id = CAST($4 AS BIGINT))
          ORDER BY a.start_at, a.id LIMIT $7",
        company.0,
        account.0,
        others.all,
        org,
        from,
        to,
        limit,
        others.exact.as_str(),
        others.below.as_str()
    )
}
