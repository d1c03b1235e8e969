//! The node's policy tables: every role and position, and the accounts and sessions in use, held in memory so that a
//! check reads no database (S3-138). They follow the policy log in revision order (`apply.rs`) and nothing else (I8).
//! The lease (I7): past `lease_ms` without proof that the log was read to its end, guarded reads fail closed.

use super::effective::{AccountFacts, At, Grant, HolderId, PolicyFacts, View, effective};
use super::snapshot::{Published, Snapshot};
use super::{Scope, Stamp, store};
use crate::clock::Clock;
use crate::db::{Db, DbError};
use livegrant_actors::{AccountId, EndCode, Rev, SessionId, State};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// A session as the node knows it. Shared by every request and tab of it; ended once and for all.
#[derive(Debug)]
pub struct SessionEntry {
    /// Its id.
    pub sid: SessionId,
    /// Whose it is.
    pub account: AccountId,
    /// Where it works.
    pub view: View,
    pub(super) active: AtomicBool,
    pub(super) ending: OnceLock<(EndCode, Arc<str>)>,
    expires_at: AtomicI64,
}

impl SessionEntry {
    /// False from the moment at which its end was applied here.
    pub fn is_active(&self) -> bool {
        self.active.load(Ordering::Acquire)
    }

    /// Answers why it ended and the reason that somebody gave, if its end was applied here.
    pub fn ending(&self) -> Option<&(EndCode, Arc<str>)> {
        self.ending.get()
    }

    /// Answers when the session ends by itself, in UTC milliseconds.
    pub fn expires_at(&self) -> i64 {
        self.expires_at.load(Ordering::Acquire)
    }

    /// Notes that a refresh moved the end.
    pub fn extend(&self, expires_at: i64) {
        self.expires_at.store(expires_at, Ordering::Release);
    }
}

/// An account in use on this node.
#[derive(Debug)]
pub struct Member {
    /// Which one.
    pub account: AccountId,
    facts: RwLock<Arc<AccountFacts>>,
    enforced: Mutex<Vec<(View, i64, Arc<Snapshot>)>>,
    published: Mutex<Vec<(View, i64, Arc<State>)>>,
}

impl Member {
    /// Answers what is known of the account now.
    pub fn facts(&self) -> Arc<AccountFacts> {
        Arc::clone(&read(&self.facts))
    }
}

#[derive(Debug, Default)]
pub(super) struct Inner {
    pub applied: Rev0,
    pub facts: PolicyFacts,
    pub members: HashMap<AccountId, Arc<Member>>,
    pub sessions: HashMap<SessionId, Arc<SessionEntry>>,
}

/// A revision that defaults to 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rev0(pub Rev);

impl Default for Rev0 {
    fn default() -> Self {
        Self(Rev(0))
    }
}

/// See the head of this file.
#[derive(Debug)]
pub struct PolicyTable {
    pub(super) db: Db,
    pub(super) clock: Clock,
    pub(super) inner: RwLock<Inner>,
    /// Loaders hold it shared, `apply` exclusively: what is loaded is never older than what is applied.
    pub(super) gate: tokio::sync::RwLock<()>,
    pub(super) proved_at: AtomicI64,
    pub(super) incarnation: Arc<str>,
    /// Versions to be stored; bounded by the number of members.
    pub(super) versions: Mutex<HashMap<AccountId, (Rev, Arc<str>)>>,
    lease_ms: i64,
    capacity: usize,
}

impl PolicyTable {
    /// Loads everything but accounts and sessions, which come when they are used.
    pub async fn load(db: Db, settings: &crate::settings::Policy) -> Result<Arc<Self>, DbError> {
        let clock = db.clock().clone();
        let proved_at = AtomicI64::new(clock.now_ms());
        let mut conn = db.read().await?;
        let incarnation = store::meta(&mut conn, "log_incarnation").await?.ok_or_else(|| {
            DbError::Schema("the database has no first data: run `livegrant migrate`".to_owned())
        })?;
        // The revision first: rows after it are applied again, which is harmless; rows before it are in what follows.
        let applied = store::revision(&mut conn).await?;
        let facts = load_facts(&mut conn, &super::Catalogue::default()).await?;
        drop(conn);
        Ok(Arc::new(Self {
            db,
            clock,
            inner: RwLock::new(Inner { applied: Rev0(applied), facts, ..Inner::default() }),
            gate: tokio::sync::RwLock::new(()),
            proved_at,
            incarnation: incarnation.into(),
            versions: Mutex::new(HashMap::new()),
            lease_ms: settings.lease_ms as i64,
            capacity: settings.account_cache,
        }))
    }

    /// Answers the revision up to which this node enforces.
    pub fn applied(&self) -> Rev {
        read(&self.inner).applied.0
    }

    /// Answers whether the node may still answer guarded reads (I7).
    pub fn has_lease(&self) -> bool {
        self.clock.now_ms() - self.proved_at.load(Ordering::Acquire) <= self.lease_ms
    }

    /// Finds a session, from memory or, the first time, from the database. `None` when there is none.
    pub async fn session(&self, sid: &SessionId) -> Result<Option<Arc<SessionEntry>>, DbError> {
        if let Some(entry) = read(&self.inner).sessions.get(sid) {
            return Ok(Some(Arc::clone(entry)));
        }
        let _gate = self.gate.read().await;
        let row = store::session(&mut self.db.read().await?, sid).await?;
        let Some((account, application, company, active, expires_at)) = row else { return Ok(None) };
        let entry = Arc::new(SessionEntry {
            sid: sid.clone(),
            account,
            view: View { application, company },
            active: AtomicBool::new(active),
            ending: OnceLock::new(),
            expires_at: AtomicI64::new(expires_at),
        });
        let mut inner = write(&self.inner);
        evict(&mut inner.sessions, self.capacity);
        Ok(Some(Arc::clone(inner.sessions.entry(sid.clone()).or_insert(entry))))
    }

    /// Finds an account, from memory or, the first time, from the database. `None` when there is none.
    pub async fn member(&self, account: AccountId) -> Result<Option<Arc<Member>>, DbError> {
        if let Some(member) = read(&self.inner).members.get(&account) {
            return Ok(Some(Arc::clone(member)));
        }
        let _gate = self.gate.read().await;
        let Some(facts) = store::account(&mut self.db.read().await?, account).await? else { return Ok(None) };
        let member = Arc::new(Member {
            account,
            facts: RwLock::new(Arc::new(facts)),
            enforced: Mutex::new(Vec::new()),
            published: Mutex::new(Vec::new()),
        });
        let mut inner = write(&self.inner);
        evict(&mut inner.members, self.capacity);
        Ok(Some(Arc::clone(inner.members.entry(account).or_insert(member))))
    }

    /// Answers what a session may do now, with the stamp to guard writes with.
    pub fn snapshot(&self, member: &Member, session: &SessionEntry) -> Arc<Snapshot> {
        let now = self.clock.now_ms();
        let inner = read(&self.inner);
        let generation = inner.applied.0.0;
        let mut cached = lock(&member.enforced);
        if let Some((_, made, snapshot)) = cached.iter().find(|(view, _, _)| *view == session.view)
            && *made == generation
            && snapshot.until.is_none_or(|until| now < until)
        {
            return Arc::clone(snapshot);
        }
        let result = effective(&inner.facts, &member.facts(), session.view, At::Instant(now));
        let snapshot = Arc::new(Snapshot::new(result, Arc::clone(&inner.facts.catalogue)));
        cached.retain(|(view, _, _)| *view != session.view);
        cached.push((session.view, generation, Arc::clone(&snapshot)));
        snapshot
    }

    /// Answers what an account's tabs are to show, as the log says. A set that is unchanged keeps its revision.
    pub fn published(&self, member: &Member, view: View) -> Arc<State> {
        let inner = read(&self.inner);
        let generation = inner.applied.0.0;
        let mut published = lock(&member.published);
        let before = published.iter_mut().find(|(of, _, _)| *of == view);
        if let Some((_, made, state)) = &before
            && *made == generation
        {
            return Arc::clone(state);
        }
        let facts = member.facts();
        let result = effective(&inner.facts, &facts, view, At::Log);
        let next = Published::new(&inner.facts, &result);
        let holders = index_keys(&facts.grants, view);
        let rev = match before {
            Some((_, made, state)) if *state.hash == *next.hash => {
                *made = generation;
                if state.holders != holders {
                    *state = Arc::new(State { holders, ..State::clone(state) });
                }
                return Arc::clone(state);
            }
            None if *facts.stored_hash == *next.hash => Rev(facts.stored_version),
            _ => {
                let rev = Rev(inner.applied.0.0.max(facts.stored_version));
                lock(&self.versions).insert(member.account, (rev, Arc::clone(&next.hash)));
                rev
            }
        };
        let state = Arc::new(next.into_state(Arc::clone(&self.incarnation), rev, holders));
        published.retain(|(of, _, _)| *of != view);
        published.push((view, generation, Arc::clone(&state)));
        state
    }

    /// Runs a function over the policy facts, for explain, review and the rules of use cases.
    pub fn with_facts<T>(&self, look: impl FnOnce(&PolicyFacts) -> T) -> T {
        look(&read(&self.inner).facts)
    }

    /// Stores the permission versions that changed since the last call (S3-99); answers how many.
    pub async fn store_versions(&self) -> Result<usize, crate::db::CommitError> {
        // Copied, and taken out once they are committed: what could not be stored is stored the next time.
        let mut notes: Vec<_> =
            lock(&self.versions).iter().map(|(account, note)| (*account, note.clone())).collect();
        if notes.is_empty() {
            return Ok(0);
        }
        notes.sort_by_key(|(account, _)| *account);
        let mut work = self.db.begin(&crate::db::Author::system("permission versions")).await?;
        for (account, (rev, hash)) in &notes {
            store::store_version(work.conn(), *account, *rev, hash).await?;
        }
        work.commit(crate::db::SystemTask::Upkeep).await?;
        let mut waiting = lock(&self.versions);
        for (account, note) in &notes {
            if waiting.get(account) == Some(note) {
                waiting.remove(account);
            }
        }
        Ok(notes.len())
    }

    pub(super) fn replace_facts(member: &Member, facts: AccountFacts) {
        *write(&member.facts) = Arc::new(facts);
    }

    /// Answers the stamp of a credential check: account, company, application and catalogue as they were before it (I12).
    pub fn credential_stamp(&self, facts: &AccountFacts, view: View) -> Stamp {
        let inner = read(&self.inner);
        let company = inner.facts.companies.get(&view.company).copied().unwrap_or_default();
        let application = inner.facts.applications.get(&view.application).copied().unwrap_or_default();
        Stamp::new(
            vec![
                (Scope::Account(facts.account), facts.epoch),
                (Scope::Company(view.company), company.epoch),
                (Scope::Application(view.application), application.epoch),
                // Every stamp has it: a change of more than can be locked one by one locks the catalogue.
                (Scope::Catalogue, inner.facts.catalogue.epoch),
            ],
            None,
        )
    }
}

/// Reads everything but accounts and sessions.
pub(super) async fn load_facts(
    conn: &mut crate::db::Conn,
    before: &super::Catalogue,
) -> Result<PolicyFacts, DbError> {
    let epochs = store::structural_epochs(conn).await?;
    let epoch = |scope: Scope| epochs.get(&scope).copied().unwrap_or(0);
    let catalogue = Arc::new(before.next(store::permissions(conn).await?, epoch(Scope::Catalogue)));
    let holders = store::holders(conn, &catalogue, &epochs).await?;
    let (companies, applications) = store::standings(conn).await?;
    Ok(PolicyFacts {
        holders,
        companies: companies
            .into_iter()
            .map(|(id, enabled)| (id, super::Standing { enabled, epoch: epoch(Scope::Company(id)) }))
            .collect(),
        applications: applications
            .into_iter()
            .map(|(id, enabled)| (id, super::Standing { enabled, epoch: epoch(Scope::Application(id)) }))
            .collect(),
        catalogue,
    })
}

/// Makes room: drops what nobody else holds, once the map is full. What has open tabs is held by them.
fn evict<K: Clone + Eq + std::hash::Hash, V>(map: &mut HashMap<K, Arc<V>>, capacity: usize) {
    if map.len() >= capacity.max(1) {
        map.retain(|_, entry| Arc::strong_count(entry) > 1);
    }
}

/// Answers what the engine finds an account's tabs by: all it has been granted, also what is switched off or has not
/// started, so that switching it on again reaches them.
fn index_keys(grants: &[Grant], view: View) -> Arc<[livegrant_actors::Holder]> {
    use livegrant_actors::Holder;
    grants
        .iter()
        .map(|grant| match grant.holder {
            HolderId::Role(id) => Holder::Role(id),
            HolderId::Position(id) => Holder::Position(id),
        })
        .chain([Holder::Company(view.company), Holder::Application(view.application)])
        .collect()
}

// A poisoned lock means that a reader panicked between two consistent states; the data is whole.
pub(super) fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn lock<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}
