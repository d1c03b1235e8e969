//! Following the policy log: applies every committed row in revision order, whole or not at all, and proves the lease.
//! A change costs a few reads for the node, whatever the number of people it touches: one role's set, one account's
//! grants if that account is in use here. Delivery is somebody else's: the rows are answered to the relay.

use super::effective::{HolderId, PolicyFacts};
use super::store::LogRow;
use super::table::{Inner, PolicyTable, load_facts, read, write};
use super::{Edit, PolicyChange, Scope, store};
use crate::db::{Conn, DbError};
use livegrant_actors::AccountId;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// What has to be read again before a row can be applied.
#[derive(Debug, Default)]
struct Touched {
    everything: bool,
    holders: BTreeSet<HolderId>,
    accounts: BTreeSet<AccountId>,
}

impl Touched {
    fn of(row: &LogRow) -> Self {
        let mut touched = Self::default();
        for change in &row.changes {
            match change {
                PolicyChange::UserRoles { account, .. }
                | PolicyChange::UserStatus { account, .. }
                | PolicyChange::AccountEdited { account } => {
                    touched.accounts.insert(*account);
                }
                PolicyChange::StaffPositions { account, .. } => touched.accounts.extend(*account),
                PolicyChange::RolePermissions { role, .. } | PolicyChange::RoleEdited { role, .. } => {
                    touched.holders.insert(HolderId::Role(*role));
                }
                PolicyChange::PositionPermissions { position, .. }
                | PolicyChange::PositionEdited { position, .. } => {
                    touched.holders.insert(HolderId::Position(*position));
                }
                PolicyChange::Catalogue { .. } | PolicyChange::SystemAdjusted => touched.everything = true,
                // The account's epoch may have been raised: stamps made from the old one would never pass the fence.
                PolicyChange::SessionsEnded { account, all, .. } => {
                    touched.accounts.extend(all.then_some(*account));
                }
                PolicyChange::OrganizationsMoved { .. }
                | PolicyChange::Notice { .. }
                | PolicyChange::NoticesOver { .. } => {}
            }
        }
        touched
    }
}

impl PolicyTable {
    /// Applies the rows that were committed before this call, in order, and hands each over as soon as it is enforced:
    /// when a later one fails, the earlier ones are told all the same. Ends even while changes keep coming. When the log is
    /// not the one that was followed so far, everyone is to be told everything: see `renew.rs`.
    pub async fn catch_up(&self, mut enforced: impl FnMut(LogRow)) -> Result<(), DbError> {
        let _gate = self.gate.write().await;
        self.catch_up_inside(&mut enforced).await
    }

    /// Applies rows that a doorbell brought from the log of that incarnation, as far as they are next in line; known ones
    /// are passed over. Where one is missing, or the log is another, the log itself is read. Proves no lease: that the
    /// rows are the newest nobody has said.
    pub async fn follow(
        &self,
        log: &str,
        rows: Vec<LogRow>,
        mut enforced: impl FnMut(LogRow),
    ) -> Result<(), DbError> {
        let _gate = self.gate.write().await;
        if *self.log() != *log {
            return self.catch_up_inside(&mut enforced).await;
        }
        let mut conn = None;
        for row in rows {
            let next = self.applied().0 + 1;
            if row.rev.0 < next {
                continue;
            }
            if row.rev.0 > next {
                return self.catch_up_inside(&mut enforced).await;
            }
            let conn = match &mut conn {
                Some(conn) => conn,
                None => conn.insert(self.db.read_within(self.patience()).await?),
            };
            self.apply(conn, &row).await?;
            enforced(row);
        }
        Ok(())
    }

    /// The longest time that a statement here may take: so that a silent database costs the lease, not the relay.
    pub(super) fn patience(&self) -> Duration {
        Duration::from_millis(self.lease_ms as u64 / 2)
    }

    async fn catch_up_inside(&self, enforced: &mut impl FnMut(LogRow)) -> Result<(), DbError> {
        let mut asked_at = self.clock.monotonic_ms();
        let mut conn = self.db.read_within(self.patience()).await?;
        let mut head = store::head(&mut conn).await?;
        if !self.is_continued_by(&head) {
            drop(conn);
            self.renew(enforced).await?;
            asked_at = self.clock.monotonic_ms();
            conn = self.db.read_within(self.patience()).await?;
            head = store::head(&mut conn).await?;
            if !self.is_continued_by(&head) {
                return Err(DbError::Unavailable("the policy log has moved once more".to_owned()));
            }
        }
        while self.applied() < head.rev {
            let rows = store::log_after(&mut conn, self.applied()).await?;
            if rows.is_empty() {
                return Err(DbError::Schema("the policy log ends before its newest revision".to_owned()));
            }
            for row in rows {
                self.apply(&mut conn, &row).await?;
                enforced(row);
            }
        }
        self.proved_at.store(asked_at, Ordering::Release);
        Ok(())
    }

    /// Answers whether the log that was followed so far goes on there.
    fn is_continued_by(&self, head: &store::Head) -> bool {
        let inner = read(&self.inner);
        inner.is_of(head) && inner.applied <= head.rev
    }

    async fn apply(&self, conn: &mut Conn, row: &LogRow) -> Result<(), DbError> {
        let touched = Touched::of(row);
        let catalogue = Arc::clone(&read(&self.inner).facts.catalogue);
        let fresh = if touched.everything { Some(load_facts(conn, &catalogue).await?) } else { None };
        let mut holders = Vec::new();
        if fresh.is_none() {
            for id in touched.holders {
                holders.push((id, store::holder(conn, id, &catalogue).await?));
            }
        }
        let mut accounts = Vec::new();
        for account in touched.accounts {
            let loaded = read(&self.inner).members.get(&account).cloned();
            if let Some(member) = loaded {
                accounts.push((member, store::account(conn, account).await?));
            }
        }
        let mut inner = write(&self.inner);
        if let Some(facts) = fresh {
            inner.facts = facts;
        }
        for (id, holder) in holders {
            match holder {
                Some(holder) => inner.facts.holders.insert(id, Arc::new(holder)),
                None => inner.facts.holders.remove(&id),
            };
        }
        raise(&mut inner.facts, &row.scopes);
        for (member, facts) in accounts {
            match facts {
                Some(mut facts) => {
                    self.shared.intern(&mut facts);
                    member.replace_facts(facts);
                }
                None => drop(inner.members.remove(&member.account)),
            }
        }
        for change in &row.changes {
            match change {
                PolicyChange::SessionsEnded { sids, code, .. } => {
                    for entry in sids.iter().filter_map(|sid| inner.sessions.get(sid)) {
                        // Before the flag: whoever sees the end also sees why. Set once; a session ends once.
                        let _ = entry.ending.set(Box::new((*code, row.reason.as_str().into())));
                        entry.active.store(false, Ordering::Release);
                    }
                }
                PolicyChange::RoleEdited { role, edit: Edit::Deleted } => {
                    self.forget(&inner, HolderId::Role(*role));
                }
                PolicyChange::PositionEdited { position, edit: Edit::Deleted } => {
                    self.forget(&inner, HolderId::Position(*position));
                }
                _ => {}
            }
        }
        inner.applied = row.rev;
        inner.last = Some(row.clone());
        // Last, and before the lock is given back: who finds it has all of the above.
        self.generation.fetch_add(1, Ordering::Release);
        Ok(())
    }

    /// Takes a deleted holder out of the grants of every account in use, without reading them again.
    fn forget(&self, inner: &Inner, holder: HolderId) {
        for member in inner.members.values() {
            let facts = member.facts();
            if facts.grants.iter().any(|grant| grant.holder == holder) {
                let mut next = (*facts).clone();
                next.grants = facts.grants.iter().filter(|grant| grant.holder != holder).copied().collect();
                self.shared.intern(&mut next);
                member.replace_facts(next);
            }
        }
    }
}

/// Raises the epochs of roles, positions, companies and applications to at least the row's.
pub(super) fn raise(facts: &mut PolicyFacts, scopes: &[(Scope, i64)]) {
    for (scope, epoch) in scopes {
        let holder = match scope {
            Scope::Role(id) => HolderId::Role(*id),
            Scope::Position(id) => HolderId::Position(*id),
            Scope::Company(id) => {
                let standing = facts.companies.entry(*id).or_default();
                standing.epoch = standing.epoch.max(*epoch);
                continue;
            }
            Scope::Organizations(id) => {
                let known = facts.trees.entry(*id).or_default();
                *known = (*known).max(*epoch);
                continue;
            }
            Scope::Application(id) => {
                let standing = facts.applications.entry(*id).or_default();
                standing.epoch = standing.epoch.max(*epoch);
                continue;
            }
            // Read with their rows.
            Scope::Account(_) | Scope::Session(_) | Scope::Catalogue => continue,
        };
        if let Some(known) = facts.holders.get_mut(&holder)
            && known.epoch < *epoch
        {
            Arc::make_mut(known).epoch = *epoch;
        }
    }
}
