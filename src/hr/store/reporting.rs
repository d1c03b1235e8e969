//! The SQL of who reports to whom.

use crate::db::{Conn, DbError};
use crate::hr::reporting::PEOPLE_MAX;
use crate::{sql_all, sql_opt};
use livegrant_actors::{AccountId, CompanyId};

/// An organisation on the way up from somebody's own.
#[expect(missing_docs, reason = "the fields are the columns of the same name")]
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Level {
    pub id: i64,
    pub guid: String,
    pub code: String,
    pub name: String,
}

fn accounts(rows: Vec<(i64,)>) -> Vec<AccountId> {
    rows.into_iter().map(|row| AccountId(row.0)).collect()
}

/// Answers guid and name of an account of the company.
pub async fn card(
    conn: &mut Conn,
    company: CompanyId,
    account: AccountId,
) -> Result<Option<(String, String, Option<String>)>, DbError> {
    sql_opt!(
        conn,
        (String, String, Option<String>),
        "SELECT u.guid, coalesce(s.name, nullif(u.display_name, ''), u.username), s.guid
           FROM sys_login_user u LEFT JOIN hr_staff s ON s.account_id = u.user_id AND s.company_id = u.company_id
          WHERE u.user_id = $1 AND u.company_id = $2",
        account.0,
        company.0
    )
}

/// Lists somebody's organisation and those above it.
pub async fn chain(conn: &mut Conn, company: CompanyId, account: AccountId) -> Result<Vec<Level>, DbError> {
    sql_all!(
        conn,
        Level,
        "WITH RECURSIVE up (id, parent_id, guid, code, name, depth) AS (
            SELECT o.id, o.parent_id, o.guid, o.code, o.name, CAST(0 AS BIGINT)
              FROM hr_staff s JOIN hr_organization o ON o.id = s.org_id
             WHERE s.account_id = $1 AND s.company_id = $2
            UNION ALL
            SELECT o.id, o.parent_id, o.guid, o.code, o.name, up.depth + 1
              FROM up JOIN hr_organization o ON o.id = up.parent_id WHERE up.depth < 31)
         SELECT id, guid, code, name FROM up ORDER BY depth",
        account.0,
        company.0
    )
}

/// Finds the row of an organisation.
pub async fn organization_id(
    conn: &mut Conn,
    company: CompanyId,
    guid: &str,
) -> Result<Option<i64>, DbError> {
    let row = sql_opt!(
        conn,
        (i64,),
        "SELECT id FROM hr_organization WHERE company_id = $1 AND guid = $2",
        company.0,
        guid
    )?;
    Ok(row.map(|row| row.0))
}

/// Answers the leader of an organisation, if he can act.
pub async fn leader(
    conn: &mut Conn,
    company: CompanyId,
    organization: i64,
) -> Result<Vec<AccountId>, DbError> {
    let rows = sql_all!(
        conn,
        (i64,),
        "SELECT u.user_id FROM hr_organization o
           JOIN hr_staff s ON s.id = o.leader_staff_id AND s.status = 'active'
           JOIN sys_login_user u ON u.user_id = s.account_id AND u.status = 1
          WHERE o.id = $1 AND u.company_id = $2",
        organization,
        company.0
    )?;
    Ok(accounts(rows))
}

/// Lists who is in a position of an organisation that leads.
pub async fn managers(
    conn: &mut Conn,
    company: CompanyId,
    organization: i64,
    now: i64,
) -> Result<Vec<AccountId>, DbError> {
    let rows = sql_all!(
        conn,
        (i64,),
        "SELECT DISTINCT u.user_id FROM hr_position p
           JOIN hr_r_staff_position held ON held.position_id = p.id
           JOIN hr_staff s ON s.id = held.staff_id AND s.status = 'active'
           JOIN sys_login_user u ON u.user_id = s.account_id AND u.status = 1
          WHERE p.org_id = $1 AND u.company_id = $2 AND p.is_manager AND p.status = 1
            AND (held.valid_from IS NULL OR held.valid_from <= $3) AND (held.valid_to IS NULL OR held.valid_to > $3)
          ORDER BY u.user_id LIMIT $4",
        organization,
        company.0,
        now,
        PEOPLE_MAX
    )?;
    Ok(accounts(rows))
}

/// Lists everybody of an organisation and of those below it.
pub async fn members(conn: &mut Conn, company: CompanyId, guid: &str) -> Result<Vec<AccountId>, DbError> {
    let rows = sql_all!(
        conn,
        (i64,),
        "WITH RECURSIVE below (id, depth) AS (
            SELECT o.id, CAST(0 AS BIGINT) FROM hr_organization o WHERE o.company_id = $1 AND o.guid = $2
            UNION ALL
            SELECT o.id, below.depth + 1 FROM below JOIN hr_organization o ON o.parent_id = below.id
             WHERE below.depth < 31)
         SELECT DISTINCT u.user_id FROM below
           JOIN hr_staff s ON s.org_id = below.id AND s.status = 'active'
           JOIN sys_login_user u ON u.user_id = s.account_id AND u.status = 1
          WHERE u.company_id = $1 ORDER BY u.user_id LIMIT $3",
        company.0,
        guid,
        PEOPLE_MAX
    )?;
    Ok(accounts(rows))
}

/// Lists everybody who is in a position now.
pub async fn in_position(
    conn: &mut Conn,
    company: CompanyId,
    code: &str,
    now: i64,
) -> Result<Vec<AccountId>, DbError> {
    let rows = sql_all!(
        conn,
        (i64,),
        "SELECT u.user_id FROM hr_position p
           JOIN hr_r_staff_position held ON held.position_id = p.id
           JOIN hr_staff s ON s.id = held.staff_id AND s.status = 'active'
           JOIN sys_login_user u ON u.user_id = s.account_id AND u.status = 1
          WHERE p.company_id = $1 AND p.code = $2 AND p.status = 1 AND u.company_id = $1
            AND (held.valid_from IS NULL OR held.valid_from <= $3) AND (held.valid_to IS NULL OR held.valid_to > $3)
          ORDER BY u.user_id LIMIT $4",
        company.0,
        code,
        now,
        PEOPLE_MAX
    )?;
    Ok(accounts(rows))
}

/// Lists the codes of the positions that somebody is in now.
pub async fn positions_of(
    conn: &mut Conn,
    company: CompanyId,
    account: AccountId,
    now: i64,
) -> Result<Vec<String>, DbError> {
    let rows = sql_all!(
        conn,
        (String,),
        "SELECT p.code FROM hr_staff s
           JOIN hr_r_staff_position held ON held.staff_id = s.id
           JOIN hr_position p ON p.id = held.position_id AND p.status = 1
          WHERE s.account_id = $1 AND s.company_id = $2 AND s.status = 'active'
            AND (held.valid_from IS NULL OR held.valid_from <= $3) AND (held.valid_to IS NULL OR held.valid_to > $3)
          ORDER BY p.code LIMIT $4",
        account.0,
        company.0,
        now,
        PEOPLE_MAX
    )?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// Answers whether the company has an enabled position of this code.
pub async fn position_exists(conn: &mut Conn, company: CompanyId, code: &str) -> Result<bool, DbError> {
    let row = sql_opt!(
        conn,
        (i64,),
        "SELECT id FROM hr_position WHERE company_id = $1 AND code = $2 AND status = 1",
        company.0,
        code
    )?;
    Ok(row.is_some())
}
