//! Who holds a role or a permission, for whoever has to find people by it. Reads alone, on the connection of the caller's
//! own transaction, and asks for no permission: whoever calls decides what may be told.
//!
//! Invariant: only people who can act are answered: an enabled account, and no staff record of it that is away or left.
//! A permission that the plan masks counts as held here: this finds somebody to ask, it does not decide what he may do.

use super::store::holders as store;
use crate::db::{Conn, DbError};
use livegrant_actors::{AccountId, CompanyId};

/// People that one question answers at most, as in `hr::reporting`.
pub const PEOPLE_MAX: i64 = 200;

/// Lists everybody who holds a role of this code now.
pub async fn of_role(
    conn: &mut Conn,
    company: CompanyId,
    code: &str,
    now: i64,
) -> Result<Vec<AccountId>, DbError> {
    store::of_role(conn, company, code, now).await
}

/// Lists the codes of the roles that somebody holds now.
pub async fn roles_of(
    conn: &mut Conn,
    company: CompanyId,
    account: AccountId,
    now: i64,
) -> Result<Vec<String>, DbError> {
    store::roles_of(conn, company, account, now).await
}

/// Lists everybody who holds a permission now, over a role or a position.
pub async fn of_permission(
    conn: &mut Conn,
    company: CompanyId,
    code: &str,
    now: i64,
) -> Result<Vec<AccountId>, DbError> {
    store::of_permission(conn, company, code, now).await
}

/// Lists who can administer in the company: holders of the permission, where there are none holders of `system:admin`,
/// and where there are none platform administrators of the company.
pub async fn administrators(
    conn: &mut Conn,
    company: CompanyId,
    code: &str,
    now: i64,
) -> Result<Vec<Vec<AccountId>>, DbError> {
    let holders = of_permission(conn, company, code, now).await?;
    let system = of_permission(conn, company, crate::policy::SYSTEM_ADMIN, now).await?;
    let platform = store::platform(conn, company).await?;
    Ok(vec![holders, system, platform])
}

/// Answers whether the company has an enabled role of this code.
pub async fn role_exists(conn: &mut Conn, company: CompanyId, code: &str) -> Result<bool, DbError> {
    store::role_exists(conn, company, code).await
}

/// Lists who reaches an organisation by a permission now, for whoever tells them of something there: the plan and what is
/// switched off are looked at where they listen.
pub async fn reaching(
    conn: &mut Conn,
    company: CompanyId,
    code: &str,
    organization: Option<i64>,
    now: i64,
) -> Result<Vec<AccountId>, DbError> {
    store::reaching(conn, company, code, organization, now).await
}
