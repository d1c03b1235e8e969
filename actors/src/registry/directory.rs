//! The table of a shard: account -> session actor, grant holder -> accounts, topic -> accounts.
//!
//! Plain data. An account under adoption (a socket is on its way to its actor) is marked, so that
//! the actor does not stop meanwhile. Generations tell an actor from its successor.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::rc::Rc;
use std::sync::Arc;

use actix::Addr;

use super::line::Wishes;
use crate::counters::Counters;
use crate::protocol::ids::{AccountId, Holder};
use crate::session::SessionActor;

/// Tells one session actor of an account from the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Generation(u64);

struct Entry {
    addr: Addr<SessionActor>,
    generation: Generation,
    adopting: u32,
}

pub(crate) struct Directory {
    accounts: HashMap<AccountId, Entry>,
    found_by: Index<Holder>,
    heard_by: Index<Arc<str>>,
    generation: u64,
    counters: Arc<Counters>,
    /// Is told who comes and goes, when there are other nodes.
    wishes: Option<Rc<Wishes>>,
}

impl Directory {
    pub fn new(counters: Arc<Counters>, wishes: Option<Rc<Wishes>>) -> Self {
        Self {
            accounts: HashMap::new(),
            found_by: Index::default(),
            heard_by: Index::default(),
            generation: 0,
            counters,
            wishes,
        }
    }

    pub fn next_generation(&mut self) -> Generation {
        self.generation += 1;
        Generation(self.generation)
    }

    pub fn insert(&mut self, account: AccountId, addr: Addr<SessionActor>, generation: Generation) {
        if self.accounts.insert(account, Entry { addr, generation, adopting: 0 }).is_none() {
            self.counters.accounts.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            if let Some(wishes) = &self.wishes {
                wishes.hear(account);
            }
        }
    }

    pub fn remove(
        &mut self,
        account: AccountId,
        generation: Generation,
        holders: &[Holder],
        topics: &[Arc<str>],
    ) {
        if self.accounts.get(&account).is_some_and(|entry| entry.generation == generation) {
            self.accounts.remove(&account);
            self.find_by(account, holders, &[]);
            self.hear(account, topics, &[]);
            self.counters.accounts.fetch_sub(1, std::sync::atomic::Ordering::Relaxed);
            if let Some(wishes) = &self.wishes {
                wishes.leave(account);
            }
        }
    }

    pub fn addr(&self, account: AccountId) -> Option<&Addr<SessionActor>> {
        self.accounts.get(&account).map(|entry| &entry.addr)
    }

    pub fn all(&self) -> impl Iterator<Item = (AccountId, &Addr<SessionActor>)> {
        self.accounts.iter().map(|(account, entry)| (*account, &entry.addr))
    }

    pub fn with(&self, holder: Holder) -> impl Iterator<Item = AccountId> + use<'_> {
        self.found_by.of(&holder)
    }

    pub fn with_any(&self, holders: &[Holder]) -> HashSet<AccountId> {
        holders.iter().flat_map(|holder| self.with(*holder)).collect()
    }

    pub fn listening(&self, topic: &Arc<str>) -> impl Iterator<Item = AccountId> + use<'_> {
        self.heard_by.of(topic)
    }

    /// Changes what an account is found by.
    pub fn find_by(&mut self, account: AccountId, before: &[Holder], after: &[Holder]) {
        self.found_by.settle(account, before, after);
    }

    /// Changes what an account listens to.
    pub fn hear(&mut self, account: AccountId, before: &[Arc<str>], after: &[Arc<str>]) {
        self.heard_by.settle(account, before, after);
    }

    /// Marks a socket on its way to the account's actor.
    pub fn adopting(&mut self, account: AccountId) {
        if let Some(entry) = self.accounts.get_mut(&account) {
            entry.adopting += 1;
        }
    }

    /// Notes that a socket has arrived.
    pub fn adopted(&mut self, account: AccountId) {
        if let Some(entry) = self.accounts.get_mut(&account) {
            entry.adopting = entry.adopting.saturating_sub(1);
        }
    }

    pub fn is_adopting(&self, account: AccountId) -> bool {
        self.accounts.get(&account).is_some_and(|entry| entry.adopting > 0)
    }
}

struct Index<K>(HashMap<K, HashSet<AccountId>>);

impl<K> Default for Index<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Clone + Eq + Hash> Index<K> {
    fn of(&self, key: &K) -> impl Iterator<Item = AccountId> + use<'_, K> {
        self.0.get(key).into_iter().flatten().copied()
    }

    fn settle(&mut self, account: AccountId, before: &[K], after: &[K]) {
        for key in before.iter().filter(|key| !after.contains(key)) {
            if let Some(accounts) = self.0.get_mut(key) {
                accounts.remove(&account);
                if accounts.is_empty() {
                    self.0.remove(key);
                }
            }
        }
        for key in after.iter().filter(|key| !before.contains(key)) {
            self.0.entry(key.clone()).or_default().insert(account);
        }
    }
}
