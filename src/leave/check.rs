//! What the check matrix asks of a request: whose it is, where it belongs, where it stands. It judges nothing: the matrix
//! does (`access::about`), and the workflow says who decides.

use super::model::Status;
use super::store::leaves as store;
use crate::core::Core;
use crate::policy::Principal;
use crate::refusal::Refusal;
use livegrant_actors::AccountId;

/// A request as the check matrix sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The login of whom it is for.
    pub person: Option<AccountId>,
    /// Who wrote it.
    pub writer: AccountId,
    /// The organisation of whom it is for.
    pub organization: Option<i64>,
    /// Where it stands.
    pub status: Status,
    /// Its instance, once it was sent.
    pub instance: Option<String>,
}

impl Asked {
    /// Tells whether it is for an account, or was written by it.
    pub fn is_of(&self, account: AccountId) -> bool {
        self.person == Some(account) || self.writer == account
    }
}

/// Finds a request of the caller's company.
pub async fn find(core: &Core, by: &Principal, guid: &str) -> Result<Option<Asked>, Refusal> {
    let row = store::leave(&mut core.db.read().await?, by.company(), guid).await?;
    Ok(row.map(|row| Asked {
        person: row.account_id.map(AccountId),
        writer: AccountId(row.created_by),
        organization: row.org_id,
        // The database holds no other word: a CHECK of the table.
        status: Status::read(&row.status).unwrap_or(Status::Draft),
        instance: row.instance_guid,
    }))
}
