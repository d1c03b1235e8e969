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
    pub fn includes(&self, who: &Initiator) -> bool {
        let shares = |ours: &[String], theirs: &[String]| ours.iter().any(|one| theirs.contains(one));
        let named = |guid: &String| !guid.is_empty() && self.accounts.contains(guid);
        shares(&self.roles, &who.roles)
            || shares(&self.positions, &who.positions)
            || shares(&self.organizations, &who.organizations)
            || named(&who.guid)
            // The list may name his staff guid.
            || named(&who.staff)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_is_in_a_list_by_any_of_his_names() {
        // FW27
        let one = |name: &str| vec![name.to_owned()];
        let who = Initiator {
            guid: "account".to_owned(),
            staff: "staff".to_owned(),
            roles: one("role"),
            positions: one("position"),
            organizations: vec!["own".to_owned(), "above".to_owned()],
            ..Initiator::default()
        };
        for named in [
            People { accounts: one("account"), ..People::default() },
            People { accounts: one("staff"), ..People::default() },
            People { roles: one("role"), ..People::default() },
            People { positions: one("position"), ..People::default() },
            People { organizations: one("above"), ..People::default() },
        ] {
            assert!(named.includes(&who), "{named:?}");
        }
        let others = People { accounts: vec![String::new(), "role".to_owned()], ..People::default() };
        assert!(!others.includes(&who) && !others.includes(&Initiator::default()));
    }
}
