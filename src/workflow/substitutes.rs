//! Who acts for whom while away (FW25).
//!
//! Invariants: a chain A → B → C is followed five steps at most and never twice through the same person, so a circle ends;
//! the one at its end who can act gets the task, and where nobody can it stays with whom it was meant for.

use super::store::substitutes as store;
use crate::db::{Conn, DbError};
use crate::hr::reporting;
use livegrant_actors::{AccountId, CompanyId};
use std::collections::BTreeMap;

/// Steps of a chain at most: who has gone through five people without finding one has to ask the administrator.
pub const STEPS_MAX: usize = 5;

/// Who acts for whom at one time in one definition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StandIns {
    of: BTreeMap<AccountId, AccountId>,
}

impl StandIns {
    /// Reads who acts for whom now.
    pub async fn read(
        conn: &mut Conn,
        company: CompanyId,
        definition: &str,
        now: i64,
    ) -> Result<Self, DbError> {
        let mut of = BTreeMap::new();
        for (account, substitute) in store::in_force(conn, company, definition, now).await? {
            of.entry(AccountId(account)).or_insert(AccountId(substitute));
        }
        Ok(Self { of })
    }

    /// Lists those who follow somebody, the next first; never himself, and nobody twice.
    pub fn chain(&self, account: AccountId) -> Vec<AccountId> {
        let mut chain = Vec::new();
        let mut at = account;
        while let Some(next) = self.of.get(&at).copied() {
            if chain.len() == STEPS_MAX || next == account || chain.contains(&next) {
                break;
            }
            chain.push(next);
            at = next;
        }
        chain
    }

    /// Answers who acts for each of these people: the last of the chain who can act. Whoever is not in it acts himself.
    pub async fn of_each(
        &self,
        conn: &mut Conn,
        company: CompanyId,
        people: &[AccountId],
    ) -> Result<BTreeMap<AccountId, AccountId>, DbError> {
        let chains: Vec<(AccountId, Vec<AccountId>)> = people
            .iter()
            .map(|person| (*person, self.chain(*person)))
            .filter(|(_, chain)| !chain.is_empty())
            .collect();
        let named: Vec<AccountId> = chains.iter().flat_map(|(_, chain)| chain.iter().copied()).collect();
        let able = reporting::able(conn, company, &named).await?;
        let last = |chain: &[AccountId]| chain.iter().rev().find(|one| able.contains(one)).copied();
        Ok(chains.iter().filter_map(|(person, chain)| Some((*person, last(chain)?))).collect())
    }
}

/// Answers who acts for somebody now in a definition; `None`: he himself.
pub async fn stand_in(
    conn: &mut Conn,
    company: CompanyId,
    account: AccountId,
    definition: &str,
    now: i64,
) -> Result<Option<AccountId>, DbError> {
    let stand_ins = StandIns::read(conn, company, definition, now).await?;
    Ok(stand_ins.of_each(conn, company, &[account]).await?.remove(&account))
}
