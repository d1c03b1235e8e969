//! The SQL that finds whose leave it is.

use crate::db::{Conn, DbError};
use crate::sql_opt;
use livegrant_actors::{AccountId, CompanyId};

/// Somebody who may take leave.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Person {
    /// The staff record.
    pub id: i64,
    /// Its guid.
    pub guid: String,
    /// The person's name.
    pub name: String,
    /// The login.
    pub account_id: Option<i64>,
    /// The organisation that the person belongs to.
    pub org_id: Option<i64>,
    /// `active`, `on_leave` or `left`.
    pub status: String,
}

impl Person {
    /// The login.
    pub fn account(&self) -> Option<AccountId> {
        self.account_id.map(AccountId)
    }
}

/// Finds a person of a company by the staff record.
pub async fn person(conn: &mut Conn, company: CompanyId, staff: i64) -> Result<Option<Person>, DbError> {
    sql_opt!(
        conn,
        Person,
        "SELECT id, guid, name, account_id, org_id, status FROM hr_staff WHERE company_id = $1 AND id = $2",
        company.0,
        staff
    )
}

/// Finds the person of a login.
pub async fn of_account(
    conn: &mut Conn,
    company: CompanyId,
    account: AccountId,
) -> Result<Option<Person>, DbError> {
    sql_opt!(
        conn,
        Person,
        "SELECT id, guid, name, account_id, org_id, status FROM hr_staff WHERE company_id = $1 AND account_id = $2",
        company.0,
        account.0
    )
}
