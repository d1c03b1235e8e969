//! Accounts and sessions in use on this node: what is known of each, and what its tabs were told lately.
//! What is told has a name, `{epoch, rev, hash}` (I9); its contents are shared with every account that has equal inputs
//! (`memo.rs`), its revision is the account's own: the one at which its set last changed. The last few states are kept,
//! so that a tab that comes back with one of them is sent the difference. No SQL.

use super::View;
use super::effective::{AccountFacts, PolicyFacts};
use super::memo::Shared;
use super::snapshot::{Enforced, Snapshot};
use super::table::lock;
use livegrant_actors::{AccountId, EndCode, Rev, SessionId, State};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

/// States before the present one that are kept for one account in one view. 8: a tab that missed more changes of its own
/// set than that was away for more than a moment, and a snapshot is no dearer than so many differences.
pub(super) const PAST_KEPT: usize = 8;

/// Where the node's table stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    /// The log that it follows.
    pub log: &'a Arc<str>,
    /// The revision that is applied.
    pub rev: Rev,
    /// Another one after each change of the table; unlike revisions, never the same again on another log.
    pub generation: i64,
}

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
    pub(super) ending: OnceLock<Box<(EndCode, Arc<str>)>>,
    expires_at: AtomicI64,
}

impl SessionEntry {
    pub(super) fn new(sid: SessionId, account: AccountId, view: View, active: bool, expires_at: i64) -> Self {
        let (active, expires_at) = (AtomicBool::new(active), AtomicI64::new(expires_at));
        Self { sid, account, view, active, ending: OnceLock::new(), expires_at }
    }

    /// False from the moment at which its end was applied here.
    pub fn is_active(&self) -> bool {
        self.active.load(Ordering::Acquire)
    }

    /// Answers why it ended and the reason that somebody gave, if its end was applied here.
    pub fn ending(&self) -> Option<&(EndCode, Arc<str>)> {
        self.ending.get().map(|ending| &**ending)
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
    own: Mutex<Own>,
}

#[derive(Debug)]
struct Own {
    facts: Arc<AccountFacts>,
    /// One a view; an account has one, seldom two.
    seen: Box<[Seen]>,
}

/// What was computed for an account in one view.
#[derive(Debug)]
struct Seen {
    view: View,
    told: Option<Told>,
    may: Option<May>,
    /// What was told before, the newest last; at most [`PAST_KEPT`].
    past: Box<[Arc<State>]>,
}

#[derive(Debug)]
struct Told {
    /// The table's generation.
    made: i64,
    state: Arc<State>,
}

#[derive(Debug)]
struct May {
    made: i64,
    /// The log and its revision at that generation.
    at: (Arc<str>, Rev),
    /// The account's epoch at that generation: a newer one must not be signed under an older decision.
    epoch: i64,
    enforced: Arc<Enforced>,
}

impl Member {
    pub(super) fn new(facts: AccountFacts) -> Self {
        let own = Own { facts: Arc::new(facts), seen: Box::default() };
        Self { account: own.facts.account, own: Mutex::new(own) }
    }

    /// Answers what is known of the account now.
    pub fn facts(&self) -> Arc<AccountFacts> {
        Arc::clone(&lock(&self.own).facts)
    }

    /// Forgets what was computed and told: it was of another log.
    pub(super) fn forget(&self) {
        lock(&self.own).seen = Box::default();
    }

    pub(super) fn replace_facts(&self, facts: AccountFacts) {
        lock(&self.own).facts = Arc::new(facts);
    }

    /// Answers what was told at this generation.
    pub(super) fn told_at(&self, generation: i64, view: View) -> Option<Arc<State>> {
        let own = lock(&self.own);
        let told = own.seen.iter().find(|seen| seen.view == view)?.told.as_ref()?;
        (told.made == generation).then(|| Arc::clone(&told.state))
    }

    /// Answers what is to be told now; the second answer says that this is a revision that was not known.
    pub(super) fn tell(
        &self,
        shared: &Shared,
        policy: &PolicyFacts,
        place: Place<'_>,
        view: View,
    ) -> (Arc<State>, bool) {
        let mut own = lock(&self.own);
        let facts = Arc::clone(&own.facts);
        let seen = own.seen(view);
        shared.told(policy, &facts, view, |contents| {
            let before = seen.told.as_ref().map(|told| &told.state);
            let (rev, is_new) = match before {
                Some(state) if *state.hash == *contents.hash => (state.rev, false),
                None if *facts.stored_hash == *contents.hash => (Rev(facts.stored_version), false),
                _ => (Rev(place.rev.0.max(facts.stored_version)), true),
            };
            let state = contents.state(place.log, rev);
            if let Some(before) = before.filter(|before| before.rev != rev) {
                let kept = seen.past.len().saturating_sub(PAST_KEPT - 1);
                seen.past = seen.past[kept..].iter().chain([before]).cloned().collect();
            }
            seen.told = Some(Told { made: place.generation, state: Arc::clone(&state) });
            (state, is_new)
        })
    }

    /// Gives the state that is told now another revision, unless another one is told by now.
    pub(super) fn rename(&self, view: View, present: &State, rev: Rev) -> Option<Arc<State>> {
        let mut own = lock(&self.own);
        let told = own.seen(view).told.as_mut()?;
        let is_present = told.state.rev == present.rev && told.state.hash == present.hash;
        is_present.then(|| {
            told.state = Arc::new(State { rev, ..State::clone(&told.state) });
            Arc::clone(&told.state)
        })
    }

    /// Finds a state that was told before the present one.
    pub(super) fn told_before(&self, view: View, is_it: impl Fn(&State) -> bool) -> Option<Arc<State>> {
        let own = lock(&self.own);
        let seen = own.seen.iter().find(|seen| seen.view == view)?;
        seen.past.iter().rev().find(|state| is_it(state)).cloned()
    }

    /// Answers what was enforced at this generation, if no time limit has passed.
    pub(super) fn enforced_at(&self, generation: i64, view: View, now: i64) -> Option<Snapshot> {
        let own = lock(&self.own);
        let may = own.seen.iter().find(|seen| seen.view == view)?.may.as_ref()?;
        let holds = may.made == generation && may.enforced.holds_at(now);
        let at = || (Arc::clone(&may.at.0), may.at.1);
        holds.then(|| Snapshot::new(Arc::clone(&may.enforced), self.account, may.epoch, at()))
    }

    /// Answers what is enforced now.
    pub(super) fn enforce(
        &self,
        shared: &Shared,
        policy: &PolicyFacts,
        place: Place<'_>,
        view: View,
        now: i64,
    ) -> Snapshot {
        let mut own = lock(&self.own);
        let facts = Arc::clone(&own.facts);
        let enforced = shared.enforced(policy, &facts, view, now);
        let (made, at) = (place.generation, (Arc::clone(place.log), place.rev));
        own.seen(view).may =
            Some(May { made, at: at.clone(), epoch: facts.epoch, enforced: Arc::clone(&enforced) });
        Snapshot::new(enforced, self.account, facts.epoch, at)
    }
}

impl Own {
    fn seen(&mut self, view: View) -> &mut Seen {
        let place = self.seen.iter().position(|seen| seen.view == view);
        let place = place.unwrap_or_else(|| {
            let new = Seen { view, told: None, may: None, past: Box::default() };
            self.seen = std::mem::take(&mut self.seen).into_iter().chain([new]).collect();
            self.seen.len() - 1
        });
        &mut self.seen[place]
    }
}
