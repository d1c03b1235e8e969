//! The SQL of names: who the accounts of a list are, in one statement.

use crate::db::{Conn, DbError, bulk};
use livegrant_actors::{AccountId, CompanyId};

/// Who an account is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The account.
    pub account: AccountId,
    /// Its login name.
    pub username: String,
    /// Its name for people.
    pub display_name: String,
    /// Its company.
    pub company: CompanyId,
}

/// Reads who these accounts are, by account; those that are not there are left out.
pub async fn named(conn: &mut Conn, accounts: &[AccountId]) -> Result<Vec<Person>, DbError> {
    let accounts: Vec<i64> = accounts.iter().map(|account| account.0).collect();
    let rows = bulk::people(conn, &accounts).await?;
    Ok(rows
        .into_iter()
        .map(|(account, username, display_name, company)| Person {
            account: AccountId(account),
            username,
            display_name,
            company: CompanyId(company),
        })
        .collect())
}
