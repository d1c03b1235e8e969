//! What accounts share: whatever follows from equal inputs is computed once and handed to everyone who has them.
//! Two accounts share a result only if every input of the computation is equal: the account's own by value (its grants,
//! whether it is enabled, whether it is a platform administrator, the view, its organisation where that matters), the policy's by identity. A part of the
//! policy that changes is replaced by a new one; it is never written in place while an entry here holds it. So nothing has
//! to be thrown away when the policy changes: an entry whose inputs are not the present ones is computed anew.
//! Revisions are no input: they belong to the account (`member.rs`). No SQL, no clock.

use super::effective::{AccountFacts, At, Grant, GrantHolder, PolicyFacts, Standing, View, of_inputs};
use super::reach::organization_that_matters;
use super::snapshot::{Enforced, Told};
use super::table::lock;
use super::{Catalogue, effective::Effective};
use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::{Arc, Mutex};

/// Entries that are kept before anything is looked through for what nobody uses; then as many again as were in use.
const ROOM: usize = 64;

/// The account's part of the inputs, with the view.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    view: View,
    enabled: bool,
    is_platform: bool,
    grants: Arc<[Grant]>,
    /// Where the result says what is reached and that rests on it.
    organization: Option<i64>,
}

/// The policy's part of the inputs.
#[derive(Debug)]
struct Inputs {
    catalogue: Arc<Catalogue>,
    company: Standing,
    /// The epoch of the company's tree of organisations.
    tree: i64,
    application: Standing,
    /// In the order of the key's grants.
    holders: Box<[Option<Arc<GrantHolder>>]>,
}

impl Inputs {
    fn of(policy: &PolicyFacts, key: &Key) -> Self {
        Self {
            catalogue: Arc::clone(&policy.catalogue),
            company: policy.company(key.view),
            tree: policy.tree(key.view),
            application: policy.application(key.view),
            holders: key.grants.iter().map(|grant| policy.holders.get(&grant.holder).cloned()).collect(),
        }
    }

    fn are_those_of(&self, policy: &PolicyFacts, key: &Key) -> bool {
        let same = |(grant, known): (&Grant, &Option<Arc<GrantHolder>>)| match (
            policy.holders.get(&grant.holder),
            known,
        ) {
            (Some(present), Some(known)) => Arc::ptr_eq(present, known),
            (present, known) => present.is_none() && known.is_none(),
        };
        Arc::ptr_eq(&self.catalogue, &policy.catalogue)
            && self.company == policy.company(key.view)
            && self.tree == policy.tree(key.view)
            && self.application == policy.application(key.view)
            && key.grants.iter().zip(&self.holders).all(same)
    }
}

/// Results by their inputs.
#[derive(Debug)]
struct Memo<T> {
    entries: HashMap<Key, (Inputs, T)>,
    room: usize,
}

impl<T> Default for Memo<T> {
    fn default() -> Self {
        Self { entries: HashMap::new(), room: ROOM }
    }
}

impl<T> Memo<T> {
    /// Finds the result for these inputs, or makes it.
    fn of(
        &mut self,
        policy: &PolicyFacts,
        key: Key,
        at: At,
        holds: impl Fn(&T) -> bool,
        is_used: impl Fn(&mut T) -> bool,
        make: impl FnOnce(Effective) -> T,
    ) -> &mut T {
        if self.entries.len() >= self.room && !self.entries.contains_key(&key) {
            self.entries.retain(|_, (_, result)| is_used(result));
            self.room = ROOM.max(self.entries.len() * 2);
        }
        let compute = |key: &Key| {
            let result = of_inputs(policy, (key.enabled, key.is_platform), &key.grants, key.view, at);
            (Inputs::of(policy, key), make(result))
        };
        match self.entries.entry(key) {
            std::collections::hash_map::Entry::Vacant(free) => {
                let entry = compute(free.key());
                &mut free.insert(entry).1
            }
            std::collections::hash_map::Entry::Occupied(found) => {
                let valid = found.get().0.are_those_of(policy, found.key()) && holds(&found.get().1);
                let fresh = if valid { None } else { Some(compute(found.key())) };
                let entry = found.into_mut();
                if let Some(fresh) = fresh {
                    *entry = fresh;
                }
                &mut entry.1
            }
        }
    }
}

/// All that is shared on this node. Each table is bounded by twice what accounts in use hold of it.
#[derive(Debug, Default)]
pub(super) struct Shared {
    told: Mutex<Memo<Told>>,
    enforced: Mutex<Memo<Arc<Enforced>>>,
    grants: Mutex<Pool<[Grant]>>,
    hashes: Mutex<Pool<str>>,
}

impl Shared {
    /// Lends what tabs of such an account are told, as the log says, without its revision.
    pub fn told<R>(
        &self,
        policy: &PolicyFacts,
        account: &AccountFacts,
        view: View,
        look: impl FnOnce(&mut Told) -> R,
    ) -> R {
        let organization = organization_that_matters(policy, account);
        let key = Key { organization, ..Key::new(account, view, without_limits(&account.grants)) };
        let mut memo = lock(&self.told);
        let make = |result: Effective| Told::new(policy, &result, account, view);
        look(memo.of(policy, key, At::Log, |_| true, Told::is_used, make))
    }

    /// Answers what such an account may do at an instant.
    pub fn enforced(
        &self,
        policy: &PolicyFacts,
        account: &AccountFacts,
        view: View,
        now: i64,
    ) -> Arc<Enforced> {
        let key = Key::new(account, view, Arc::clone(&account.grants));
        let mut memo = lock(&self.enforced);
        let holds = |result: &Arc<Enforced>| result.holds_at(now);
        let make = |result| Arc::new(Enforced::new(result, Arc::clone(&policy.catalogue)));
        let is_used = |result: &mut Arc<Enforced>| Arc::strong_count(result) > 1;
        Arc::clone(memo.of(policy, key, At::Instant(now), holds, is_used, make))
    }

    /// Forgets what tabs are told: its states are named after another log.
    pub fn forget_told(&self) {
        lock(&self.told).entries.clear();
    }

    /// Replaces an account's grants and stored hash by equal ones that others have already.
    pub fn intern(&self, facts: &mut AccountFacts) {
        facts.grants = lock(&self.grants).one(&facts.grants);
        facts.stored_hash = lock(&self.hashes).one(&facts.stored_hash);
    }
}

impl Key {
    fn new(account: &AccountFacts, view: View, grants: Arc<[Grant]>) -> Self {
        Self { view, enabled: account.enabled, is_platform: account.is_platform, grants, organization: None }
    }
}

/// What the log says of grants does not rest on their limits, only on whether they have started.
fn without_limits(grants: &Arc<[Grant]>) -> Arc<[Grant]> {
    if grants.iter().all(|grant| grant.from.is_none() && grant.to.is_none()) {
        return Arc::clone(grants);
    }
    grants.iter().map(|grant| Grant { from: None, to: None, ..*grant }).collect()
}

/// Equal values once.
#[derive(Debug)]
struct Pool<T: ?Sized> {
    values: HashSet<Arc<T>>,
    room: usize,
}

impl<T: ?Sized> Default for Pool<T> {
    fn default() -> Self {
        Self { values: HashSet::new(), room: ROOM }
    }
}

impl<T: ?Sized + Eq + Hash> Pool<T> {
    fn one(&mut self, value: &Arc<T>) -> Arc<T> {
        if let Some(known) = self.values.get(value) {
            return Arc::clone(known);
        }
        if self.values.len() >= self.room {
            self.values.retain(|known| Arc::strong_count(known) > 1);
            self.room = ROOM.max(self.values.len() * 2);
        }
        self.values.insert(Arc::clone(value));
        Arc::clone(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_keeps_what_is_used_and_little_more() {
        let mut pool = Pool::<str>::default();
        let kept: Vec<Arc<str>> = (0..100).map(|n| pool.one(&n.to_string().into())).collect();
        for n in 100..10_000 {
            pool.one(&n.to_string().into());
            assert!(pool.values.len() <= 2 * kept.len());
        }
        assert!(kept.iter().all(|value| Arc::ptr_eq(&pool.one(&value.to_string().into()), value)));
    }
}
