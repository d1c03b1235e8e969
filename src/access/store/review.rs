//! The SQL of the access review: who was granted what, and over which role or position.

use crate::db::paging::Page;
use crate::db::{Conn, DbError};
use crate::sql_all;
use livegrant_actors::{AccountId, CompanyId};

/// One way of one permission to one account. `path_count` is the number of all such rows.
#[expect(missing_docs, reason = "the fields are the columns of the same name")]
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct PathRow {
    pub account_id: i64,
    pub username: String,
    pub display_name: String,
    pub account_status: i64,
    pub permission: String,
    pub permission_name: String,
    pub critical: bool,
    pub kind: String,
    pub holder_id: i64,
    pub holder_guid: String,
    pub holder_code: String,
    pub holder_name: String,
    pub staff_guid: String,
    pub valid_from: Option<i64>,
    pub valid_to: Option<i64>,
    pub started: bool,
    pub path_count: i64,
}

/// Which rows to review.
#[derive(Debug, Clone, Default)]
pub struct ReviewFilter {
    /// Of this account.
    pub account: Option<AccountId>,
    /// Of this permission.
    pub permission: Option<String>,
}

/// Lists what the accounts of a company were granted: `system:admin` first, then the other critical permissions.
pub async fn paths(
    conn: &mut Conn,
    company: CompanyId,
    filter: &ReviewFilter,
    page: Page,
) -> Result<Vec<PathRow>, DbError> {
    sql_all!(
        conn,
        PathRow,
        "SELECT paths.*, count(*) OVER () AS path_count FROM (
            SELECT u.user_id AS account_id, u.username, u.display_name, u.status AS account_status,
                   p.code AS permission, p.name AS permission_name, p.critical, 'role' AS kind, r.id AS holder_id,
                   '' AS holder_guid, r.code AS holder_code, r.name AS holder_name, '' AS staff_guid,
                   held.valid_from, held.valid_to, held.started
              FROM sys_user_role held
              JOIN sys_login_user u ON u.user_id = held.account_id
              JOIN sys_role r ON r.id = held.role_id
              JOIN sys_role_menu m ON m.role_id = r.id
              JOIN sys_permission p ON p.id = m.permission_id
             WHERE u.company_id = $1
            UNION ALL
            SELECT u.user_id, u.username, u.display_name, u.status, p.code, p.name, p.critical, 'position', o.id,
                   o.guid, o.code, o.name, s.guid, held.valid_from, held.valid_to, held.started
              FROM hr_r_staff_position held
              JOIN hr_staff s ON s.id = held.staff_id AND s.status = 'active'
              JOIN sys_login_user u ON u.user_id = s.account_id
              JOIN hr_position o ON o.id = held.position_id
              JOIN hr_r_position_permission m ON m.position_id = o.id
              JOIN sys_permission p ON p.id = m.permission_id
             WHERE u.company_id = $1) AS paths
          WHERE (CAST($2 AS BIGINT) IS NULL OR account_id = $2)
            AND (CAST($3 AS TEXT) IS NULL OR permission = $3)
          ORDER BY CASE WHEN permission = 'system:admin' THEN 0 WHEN critical THEN 1 ELSE 2 END, permission,
                   account_id, kind, holder_id
          LIMIT $4 OFFSET $5",
        company.0,
        filter.account.map(|account| account.0),
        filter.permission.as_deref(),
        page.limit(),
        page.offset()
    )
}

/// A platform administrator.
#[expect(missing_docs, reason = "the fields are the columns of the same name")]
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct PlatformRow {
    pub user_id: i64,
    pub username: String,
    pub display_name: String,
    pub status: i64,
}

/// Lists the platform administrators of a company.
pub async fn platform(conn: &mut Conn, company: CompanyId) -> Result<Vec<PlatformRow>, DbError> {
    sql_all!(
        conn,
        PlatformRow,
        "SELECT user_id, username, display_name, status FROM sys_login_user
          WHERE is_platform AND company_id = $1 ORDER BY user_id",
        company.0
    )
}
