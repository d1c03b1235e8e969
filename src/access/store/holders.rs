//! The SQL of who holds a role or a permission.

use crate::access::holders::PEOPLE_MAX;
use crate::db::{Conn, DbError};
use crate::{sql_all, sql_opt};
use livegrant_actors::{AccountId, CompanyId};

fn accounts(rows: Vec<(i64,)>) -> Vec<AccountId> {
    rows.into_iter().map(|row| AccountId(row.0)).collect()
}

/// Lists who holds a role now.
pub async fn of_role(
    conn: &mut Conn,
    company: CompanyId,
    code: &str,
    now: i64,
) -> Result<Vec<AccountId>, DbError> {
    let rows = sql_all!(
        conn,
        (i64,),
        "SELECT DISTINCT u.user_id FROM sys_role r
           JOIN sys_user_role held ON held.role_id = r.id
           JOIN sys_login_user u ON u.user_id = held.account_id AND u.status = 1
          WHERE r.company_id = $1 AND r.code = $2 AND r.status = 1 AND u.company_id = $1
            AND (held.valid_from IS NULL OR held.valid_from <= $3) AND (held.valid_to IS NULL OR held.valid_to > $3)
            AND NOT EXISTS (SELECT 1 FROM hr_staff s WHERE s.account_id = u.user_id AND s.company_id = $1
                                AND s.status <> 'active')
          ORDER BY u.user_id LIMIT $4",
        company.0,
        code,
        now,
        PEOPLE_MAX
    )?;
    Ok(accounts(rows))
}

/// Lists the codes of the roles that somebody holds now.
pub async fn roles_of(
    conn: &mut Conn,
    company: CompanyId,
    account: AccountId,
    now: i64,
) -> Result<Vec<String>, DbError> {
    let rows = sql_all!(
        conn,
        (String,),
        "SELECT DISTINCT r.code FROM sys_user_role held JOIN sys_role r ON r.id = held.role_id AND r.status = 1
          WHERE held.account_id = $1 AND r.company_id = $2
            AND (held.valid_from IS NULL OR held.valid_from <= $3) AND (held.valid_to IS NULL OR held.valid_to > $3)
          ORDER BY r.code LIMIT $4",
        account.0,
        company.0,
        now,
        PEOPLE_MAX
    )?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// Lists who holds a permission now, over a role or a position.
pub async fn of_permission(
    conn: &mut Conn,
    company: CompanyId,
    code: &str,
    now: i64,
) -> Result<Vec<AccountId>, DbError> {
    let rows = sql_all!(
        conn,
        (i64,),
        "SELECT u.user_id FROM sys_login_user u
          WHERE u.company_id = $1 AND u.status = 1
            AND NOT EXISTS (SELECT 1 FROM hr_staff s WHERE s.account_id = u.user_id AND s.company_id = $1
                                AND s.status <> 'active')
            AND u.user_id IN (
                SELECT held.account_id FROM sys_permission p
                  JOIN sys_role_menu m ON m.permission_id = p.id
                  JOIN sys_role r ON r.id = m.role_id AND r.status = 1
                  JOIN sys_user_role held ON held.role_id = r.id
                 WHERE p.code = $2 AND p.status = 1 AND (held.valid_from IS NULL OR held.valid_from <= $3)
                   AND (held.valid_to IS NULL OR held.valid_to > $3)
                UNION
                SELECT s.account_id FROM sys_permission p
                  JOIN hr_r_position_permission m ON m.permission_id = p.id
                  JOIN hr_position o ON o.id = m.position_id AND o.status = 1
                  JOIN hr_r_staff_position held ON held.position_id = o.id
                  JOIN hr_staff s ON s.id = held.staff_id
                 WHERE p.code = $2 AND p.status = 1 AND s.account_id IS NOT NULL
                   AND (held.valid_from IS NULL OR held.valid_from <= $3)
                   AND (held.valid_to IS NULL OR held.valid_to > $3))
          ORDER BY u.user_id LIMIT $4",
        company.0,
        code,
        now,
        PEOPLE_MAX
    )?;
    Ok(accounts(rows))
}

/// Lists the platform administrators of a company who can act.
pub async fn platform(conn: &mut Conn, company: CompanyId) -> Result<Vec<AccountId>, DbError> {
    let rows = sql_all!(
        conn,
        (i64,),
        "SELECT user_id FROM sys_login_user WHERE is_platform AND company_id = $1 AND status = 1
          ORDER BY user_id LIMIT $2",
        company.0,
        PEOPLE_MAX
    )?;
    Ok(accounts(rows))
}

/// Answers whether the company has an enabled role of this code.
pub async fn role_exists(conn: &mut Conn, company: CompanyId, code: &str) -> Result<bool, DbError> {
    let row = sql_opt!(
        conn,
        (i64,),
        "SELECT id FROM sys_role WHERE company_id = $1 AND code = $2 AND status = 1 LIMIT 1",
        company.0,
        code
    )?;
    Ok(row.is_some())
}

/// Lists who reaches an organisation by a permission now (FC7): holders whose role or position gives it, or `system:admin`,
/// over the organisation, and platform administrators. `None`: what belongs to no organisation is reached by everything.
pub async fn reaching(
    conn: &mut Conn,
    company: CompanyId,
    code: &str,
    organization: Option<i64>,
    now: i64,
) -> Result<Vec<AccountId>, DbError> {
    let rows = sql_all!(
        conn,
        (i64,),
        "SELECT u.user_id FROM sys_login_user u
          WHERE u.company_id = $1 AND u.status = 1 AND (u.is_platform OR u.user_id IN (
                SELECT held.account_id FROM sys_permission p
                  JOIN sys_role_menu m ON m.permission_id = p.id
                  JOIN sys_role r ON r.id = m.role_id AND r.status = 1
                  JOIN sys_user_role held ON held.role_id = r.id
                  LEFT JOIN hr_staff own ON own.account_id = held.account_id AND own.company_id = $1
                 WHERE p.code IN ($2, 'system:admin') AND p.status = 1
                   AND (held.valid_from IS NULL OR held.valid_from <= $3)
                   AND (held.valid_to IS NULL OR held.valid_to > $3)
                   AND (r.data_scope = 'all' OR (r.data_scope = 'own' AND own.org_id = CAST($5 AS BIGINT))
                     OR (r.data_scope = 'chosen' AND EXISTS (SELECT 1 FROM sys_data_scope_org c
                          WHERE c.holder_kind = 'role' AND c.holder_id = r.id AND c.org_id = CAST($5 AS BIGINT)))
                     OR (r.data_scope = 'own_and_below' AND EXISTS (SELECT 1 FROM hr_organization root
                          JOIN hr_organization scoped ON scoped.path LIKE root.path || '%'
                         WHERE root.id = own.org_id AND scoped.id = CAST($5 AS BIGINT))))
                UNION
                SELECT s.account_id FROM sys_permission p
                  JOIN hr_r_position_permission m ON m.permission_id = p.id
                  JOIN hr_position o ON o.id = m.position_id AND o.status = 1
                  JOIN hr_r_staff_position held ON held.position_id = o.id
                  JOIN hr_staff s ON s.id = held.staff_id
                 WHERE p.code IN ($2, 'system:admin') AND p.status = 1 AND s.account_id IS NOT NULL
                   AND (held.valid_from IS NULL OR held.valid_from <= $3)
                   AND (held.valid_to IS NULL OR held.valid_to > $3)
                   AND (o.data_scope = 'all'
                     OR (o.data_scope = 'own' AND coalesce(o.org_id, s.org_id) = CAST($5 AS BIGINT))
                     OR (o.data_scope = 'chosen' AND EXISTS (SELECT 1 FROM sys_data_scope_org c
                          WHERE c.holder_kind = 'position' AND c.holder_id = o.id AND c.org_id = CAST($5 AS BIGINT)))
                     OR (o.data_scope = 'own_and_below' AND EXISTS (SELECT 1 FROM hr_organization root
                          JOIN hr_organization scoped ON scoped.path LIKE root.path || '%'
                         WHERE root.id = coalesce(o.org_id, s.org_id) AND scoped.id = CAST($5 AS BIGINT))))))
          ORDER BY u.user_id LIMIT $4",
        company.0,
        code,
        now,
        PEOPLE_MAX,
        organization
    )?;
    Ok(accounts(rows))
}
