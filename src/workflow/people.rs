//! Lists of people in a definition: who may start, who manages (FW27), who is told at the end.
//! A list names accounts, roles, positions and organisations; whoever is in one of them is in the list.

use super::variables::Initiator;
use crate::access::holders;
use crate::db::{Conn, DbError};
use crate::hr::reporting;
use livegrant_actors::{AccountId, CompanyId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Entries of one list at most: what a person can still look through.
pub const ENTRIES_MAX: usize = 100;

/// People, by what they are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct People {
    /// Account or staff guids.
    pub accounts: Vec<String>,
    /// Codes of roles.
    pub roles: Vec<String>,
    /// Codes of positions.
    pub positions: Vec<String>,
    /// Guids of organisations; those below count too.
    pub organizations: Vec<String>,
}

impl People {
    /// Answers whether nobody is named.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Counts the entries.
    pub fn len(&self) -> usize {
        self.accounts.len() + self.roles.len() + self.positions.len() + self.organizations.len()
    }

    /// Answers whether somebody is in the list.
    pub async fn includes(
        &self,
        conn: &mut Conn,
        company: CompanyId,
        account: AccountId,
        who: &Initiator,
    ) -> Result<bool, DbError> {
        let shares = |ours: &[String], theirs: &[String]| ours.iter().any(|one| theirs.contains(one));
        if shares(&self.roles, &who.roles)
            || shares(&self.positions, &who.positions)
            || shares(&self.organizations, &who.organizations)
            || self.accounts.contains(&who.guid)
        {
            return Ok(true);
        }
        if self.accounts.is_empty() {
            return Ok(false);
        }
        // The list may name his staff guid.
        Ok(reporting::accounts_named(conn, company, &self.accounts).await?.contains(&account))
    }

    /// Lists who is in the list and can act, each once, at most [`reporting::PEOPLE_MAX`].
    pub async fn resolve(
        &self,
        conn: &mut Conn,
        company: CompanyId,
        now: i64,
    ) -> Result<Vec<AccountId>, DbError> {
        let mut found = reporting::accounts_named(conn, company, &self.accounts).await?;
        for code in &self.roles {
            found.extend(holders::of_role(conn, company, code, now).await?);
        }
        for code in &self.positions {
            found.extend(reporting::in_position(conn, company, code, now).await?);
        }
        for guid in &self.organizations {
            found.extend(reporting::members_of(conn, company, guid).await?);
        }
        Ok(super::assignees::each_once(found))
    }
}
