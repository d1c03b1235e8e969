//! The node's policy tables: every role and position, and the accounts and sessions in use, held in memory so that a
//! check reads no database (S3-138). They follow the policy log in revision order (`apply.rs`) and nothing else (I8).
//! The lease (I7): past `lease_ms` without proof that the log was read to its end, guarded reads fail closed.

use super::effective::{AccountFacts, PolicyFacts, View};
use super::member::{Member, Place, SessionEntry};
use super::memo::Shared;
use super::snapshot::Snapshot;
use super::store::LogRow;
use super::{Scope, Stamp, renew, store};
use crate::clock::Clock;
use crate::db::{Db, DbError};
use livegrant_actors::{AccountId, Rev, SessionId, State};
use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

#[derive(Debug)]
pub(super) struct Inner {
    pub applied: Rev,
    /// The incarnation of the log, and the timeline that it is known on.
    pub log: Arc<str>,
    pub timeline: String,
    /// The row of the applied revision: what tells whether another server's log is this one.
    pub last: Option<LogRow>,
    pub facts: PolicyFacts,
    pub members: HashMap<AccountId, Arc<Member>>,
    pub sessions: HashMap<SessionId, Arc<SessionEntry>>,
}

/// Permission versions that are stored in one transaction, by one statement. 10,000: a tenth of a second of SQLite's one
/// writer; the rest waits for the next time.
const VERSIONS_AT_ONCE: usize = 10_000;

/// See the head of this file.
#[derive(Debug)]
pub struct PolicyTable {
    pub(super) db: Db,
    pub(super) clock: Clock,
    pub(super) inner: RwLock<Inner>,
    /// Raised with every change of `inner`, before the lock is given back: whoever computed something at this generation
    /// need not look.
    pub(super) generation: AtomicI64,
    pub(super) shared: Shared,
    /// Loaders hold it shared, `apply` exclusively: what is loaded is never older than what is applied.
    pub(super) gate: tokio::sync::RwLock<()>,
    pub(super) proved_at: AtomicI64,
    /// Versions to be stored; bounded by the number of members.
    pub(super) versions: Mutex<HashMap<AccountId, (Rev, Arc<str>)>>,
    pub(super) lease_ms: i64,
    capacity: usize,
}

impl PolicyTable {
    /// Loads everything but accounts and sessions, which come when they are used.
    pub async fn load(db: Db, settings: &crate::settings::Policy) -> Result<Arc<Self>, DbError> {
        let clock = db.clock().clone();
        let proved_at = AtomicI64::new(clock.monotonic_ms());
        // The revision first: rows after it are applied again, which is harmless; rows before it are in what follows.
        let head = renew::settled_head(&db).await?;
        let mut conn = db.read().await?;
        let last = store::log_at(&mut conn, head.rev).await?;
        let facts = load_facts(&mut conn, &super::Catalogue::default()).await?;
        drop(conn);
        let (log, timeline) = (head.incarnation.unwrap_or_default().into(), head.timeline);
        let inner = Inner::new(head.rev, log, timeline, last, facts);
        Ok(Arc::new(Self {
            db,
            clock,
            inner: RwLock::new(inner),
            generation: AtomicI64::new(0),
            shared: Shared::default(),
            gate: tokio::sync::RwLock::new(()),
            proved_at,
            versions: Mutex::new(HashMap::new()),
            lease_ms: settings.lease_ms as i64,
            capacity: settings.account_cache,
        }))
    }

    /// Answers the revision up to which this node enforces.
    pub fn applied(&self) -> Rev {
        read(&self.inner).applied
    }

    /// Answers whether the node may still answer guarded reads (I7).
    pub fn has_lease(&self) -> bool {
        self.lease_left_ms() >= 0
    }

    /// Answers for how long the lease goes on without another proof, ms; negative: it is over. The wall clock has no say.
    pub fn lease_left_ms(&self) -> i64 {
        self.proved_at.load(Ordering::Acquire) + self.lease_ms - self.clock.monotonic_ms()
    }

    /// Answers the incarnation of the log that this node follows: the `epoch` of its frames.
    pub fn log(&self) -> Arc<str> {
        Arc::clone(&read(&self.inner).log)
    }

    /// Answers whether this node has all that the log had when its head was read.
    pub fn has_reached(&self, head: &store::Head) -> bool {
        let inner = read(&self.inner);
        inner.is_of(head) && inner.applied >= head.rev
    }

    /// Finds a session, from memory or, the first time, from the database. `None` when there is none.
    pub async fn session(&self, sid: &SessionId) -> Result<Option<Arc<SessionEntry>>, DbError> {
        let known = read(&self.inner).sessions.get(sid).cloned();
        if let Some(entry) = &known
            && (!entry.is_active() || entry.expires_at() > self.clock.now_ms())
        {
            return Ok(known);
        }
        // The gate before the connection, as everybody takes them: the other way round those who wait for the gate hold all
        // connections, and whoever has it gets none.
        let _gate = self.gate.read().await;
        let row = store::session(&mut self.db.read().await?, sid).await?;
        let Some((account, application, company, active, expires_at)) = row else { return Ok(None) };
        if let Some(entry) = known {
            // A refresh takes no revision: one on another node is seen here when the old time is over.
            entry.extend(expires_at);
            return Ok(Some(entry));
        }
        let view = View { application, company };
        let entry = Arc::new(SessionEntry::new(sid.clone(), account, view, active, expires_at));
        let mut inner = write(&self.inner);
        evict(&mut inner.sessions, self.capacity);
        Ok(Some(Arc::clone(inner.sessions.entry(sid.clone()).or_insert(entry))))
    }

    /// Finds an account that is in use here.
    pub fn known(&self, account: AccountId) -> Option<Arc<Member>> {
        read(&self.inner).members.get(&account).cloned()
    }

    /// Finds an account, from memory or, the first time, from the database. `None` when there is none.
    pub async fn member(&self, account: AccountId) -> Result<Option<Arc<Member>>, DbError> {
        if let Some(member) = read(&self.inner).members.get(&account) {
            return Ok(Some(Arc::clone(member)));
        }
        let _gate = self.gate.read().await;
        let facts = store::account(&mut self.db.read().await?, account).await?;
        let Some(mut facts) = facts else { return Ok(None) };
        self.shared.intern(&mut facts);
        let member = Arc::new(Member::new(facts));
        let mut inner = write(&self.inner);
        evict(&mut inner.members, self.capacity);
        Ok(Some(Arc::clone(inner.members.entry(account).or_insert(member))))
    }

    /// Answers what a session may do now, with the stamp to guard writes with.
    pub fn snapshot(&self, member: &Member, session: &SessionEntry) -> Snapshot {
        let (now, view) = (self.clock.now_ms(), session.view);
        if let Some(known) = member.enforced_at(self.generation.load(Ordering::Acquire), view, now) {
            return known;
        }
        let inner = read(&self.inner);
        member.enforce(&self.shared, &inner.facts, self.place(&inner), view, now)
    }

    /// Answers what an account's tabs are to show, as the log says. A set that is unchanged keeps its revision.
    pub fn published(&self, member: &Member, view: View) -> Arc<State> {
        if let Some(known) = member.told_at(self.generation.load(Ordering::Acquire), view) {
            return known;
        }
        let inner = read(&self.inner);
        let (state, is_new) = member.tell(&self.shared, &inner.facts, self.place(&inner), view);
        if is_new {
            lock(&self.versions).insert(member.account, (state.rev, Arc::clone(&state.hash)));
        }
        state
    }

    /// Finds the state of exactly that name, if it is the present one or one of the account's last few ([`PAST_KEPT`]): what
    /// a tab says that it has when it comes back.
    ///
    /// [`PAST_KEPT`]: super::member::PAST_KEPT
    pub fn published_at(
        &self,
        member: &Member,
        view: View,
        epoch: &str,
        rev: Rev,
        hash: &str,
    ) -> Option<Arc<State>> {
        let named = |state: &State| state.rev == rev && *state.hash == *hash && *state.epoch == *epoch;
        // First: what is past by now is among the past then.
        let present = self.published(member, view);
        if named(&present) { Some(present) } else { member.told_before(view, named) }
    }

    /// Runs a function over the policy facts, for explain, review and the rules of use cases.
    pub fn with_facts<T>(&self, look: impl FnOnce(&PolicyFacts) -> T) -> T {
        look(&read(&self.inner).facts)
    }

    /// Stores the permission versions that changed since the last call (S3-99); answers how many.
    pub async fn store_versions(&self) -> Result<usize, crate::db::CommitError> {
        // Copied, and taken out once they are committed: what could not be stored is stored the next time.
        let mut notes: Vec<_> = lock(&self.versions)
            .iter()
            .take(VERSIONS_AT_ONCE)
            .map(|(account, (rev, hash))| (*account, *rev, Arc::clone(hash)))
            .collect();
        if notes.is_empty() {
            return Ok(0);
        }
        notes.sort_by_key(|(account, ..)| *account);
        let mut work = self.db.begin(&crate::db::Author::system("permission versions")).await?;
        store::store_versions(work.conn(), &notes).await?;
        work.commit(crate::db::SystemTask::Upkeep).await?;
        let mut waiting = lock(&self.versions);
        for (account, rev, hash) in &notes {
            if waiting.get(account).is_some_and(|(waits, what)| waits == rev && what == hash) {
                waiting.remove(account);
            }
        }
        Ok(notes.len())
    }

    /// Answers where the table stands; the lock that is held keeps it there.
    fn place<'a>(&self, inner: &'a Inner) -> Place<'a> {
        Place { log: &inner.log, rev: inner.applied, generation: self.generation.load(Ordering::Acquire) }
    }

    /// Answers the stamp of a credential check: account, company, application and catalogue as they were before it (I12).
    pub fn credential_stamp(&self, facts: &AccountFacts, view: View) -> Stamp {
        let inner = read(&self.inner);
        Stamp::new(
            vec![
                (Scope::Account(facts.account), facts.epoch),
                (Scope::Company(view.company), inner.facts.company(view).epoch),
                (Scope::Application(view.application), inner.facts.application(view).epoch),
                // Every stamp has it: a change of more than can be locked one by one locks the catalogue.
                (Scope::Catalogue, inner.facts.catalogue.epoch),
            ],
            None,
        )
        .made_in(&inner.log)
    }
}

impl Inner {
    fn new(rev: Rev, log: Arc<str>, timeline: String, last: Option<LogRow>, facts: PolicyFacts) -> Self {
        let (members, sessions) = (HashMap::new(), HashMap::new());
        Self { applied: rev, log, timeline, last, facts, members, sessions }
    }

    /// Answers whether a head is of the log that this came from, on the same timeline.
    pub fn is_of(&self, head: &store::Head) -> bool {
        head.incarnation.as_deref() == Some(&*self.log) && head.timeline == self.timeline && head.is_at_home()
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
    let trees = epochs.iter().filter_map(|(scope, epoch)| match scope {
        Scope::Organizations(company) => Some((*company, *epoch)),
        _ => None,
    });
    Ok(PolicyFacts {
        trees: trees.collect(),
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
