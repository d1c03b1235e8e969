//! Sharing changes nothing: over random histories every account is told and may do exactly what a computation of its own
//! says, under the revision at which its set last changed; and the last few states can be found again by their names.
//!
//! The policy's memory moves on as `apply.rs` moves it: only what a change names is replaced.

use super::super::apply::raise;
use super::super::member::{Member, PAST_KEPT, Place};
use super::super::memo::Shared;
use super::super::snapshot::{Enforced, Snapshot, Told};
use super::*;
use livegrant_actors::State;

/// What of a state can be compared; its name is told apart by the model.
fn contents(state: &State) -> String {
    format!(
        "{} {} {:?} {:?} {:?} {:?} {:?}",
        state.hash,
        state.menu_version,
        state.data_scope_version,
        state.permissions,
        state.roles,
        state.positions,
        state.holders
    )
}

/// Revision, hash and contents of a state that was told.
type Name = (Rev, String, String);

/// The node's memory, with a model of what each account was told.
struct Node {
    shared: Shared,
    facts: PolicyFacts,
    members: Vec<Member>,
    incarnation: Arc<str>,
    applied: i64,
    /// Names and contents that were told, the newest last, by account and view.
    told: HashMap<(usize, View), Vec<Name>>,
}

impl Node {
    fn of(policy: &Policy) -> Self {
        let members = (0..ACCOUNTS).map(|account| Member::new(policy.account_facts(account))).collect();
        let node = Self {
            shared: Shared::default(),
            facts: policy.facts(),
            members,
            incarnation: "log".into(),
            applied: 1,
            told: HashMap::new(),
        };
        for (account, member) in node.members.iter().enumerate() {
            node.replace(member, policy.account_facts(account));
        }
        node
    }

    fn replace(&self, member: &Member, mut facts: AccountFacts) {
        self.shared.intern(&mut facts);
        member.replace_facts(facts);
    }

    /// Follows one transaction.
    fn apply(&mut self, policy: &Policy, changes: &[PolicyChange]) {
        let fresh = policy.facts();
        let scopes: Vec<_> =
            raised(changes).into_iter().map(|scope| (scope.clone(), policy.epoch(&scope))).collect();
        let named = |id: HolderId| scopes.iter().any(|(scope, _)| *scope == id.scope());
        if scopes.iter().any(|(scope, _)| *scope == Scope::Catalogue) {
            self.facts = fresh;
        } else {
            for id in (0..HOLDERS).map(holder_id).filter(|id| named(*id)) {
                match fresh.holders.get(&id) {
                    Some(holder) => self.facts.holders.insert(id, Arc::clone(holder)),
                    None => self.facts.holders.remove(&id),
                };
            }
            raise(&mut self.facts, &scopes);
        }
        for (account, member) in self.members.iter().enumerate() {
            let forgotten = member.facts().grants.len() != policy.accounts[account].grants.len();
            if forgotten || scopes.iter().any(|(scope, _)| *scope == Scope::Account(member.account)) {
                self.replace(member, policy.account_facts(account));
            }
        }
        self.applied += 1;
    }

    fn place(&self) -> Place<'_> {
        Place { log: &self.incarnation, rev: Rev(self.applied), generation: self.applied }
    }

    fn tell(&mut self, account: usize, view: View) -> Arc<State> {
        let (state, _) = self.members[account].tell(&self.shared, &self.facts, self.place(), view);
        state
    }

    /// Looks at an account and compares what it gets with a computation of its own.
    fn look(&mut self, policy: &Policy, account: usize, view: View, now: i64) -> Result<(), TestCaseError> {
        let (facts, own) = (policy.facts(), policy.account_facts(account));
        let result = effective(&facts, &own, view, At::Log);
        let expected = Told::new(&facts, &result, &own, view).state(&self.incarnation, Rev(0));
        let state = self.tell(account, view);
        prop_assert_eq!(contents(&state), contents(&expected));

        let told = self.told.entry((account, view)).or_default();
        if told.last().is_none_or(|(_, hash, _)| **hash != *state.hash) {
            told.push((Rev(self.applied), state.hash.to_string(), contents(&state)));
        }
        let Some((rev, ..)) = told.last() else { return Ok(()) };
        prop_assert_eq!(state.rev, *rev, "a set keeps its revision until it changes");
        let past = &told[..told.len() - 1];
        for (age, (rev, hash, what)) in past.iter().rev().enumerate() {
            let named = |state: &State| state.rev == *rev && *state.hash == **hash;
            let found = self.members[account].told_before(view, named);
            prop_assert_eq!(found.is_some(), age < PAST_KEPT, "{} states ago", age + 1);
            // Holders may have changed without a new name; a difference does not speak of them.
            let same = |found: &Arc<State>| {
                contents(found).starts_with(hash) && found.says_the_same(&state) == (*hash == *state.hash)
            };
            prop_assert!(found.as_ref().is_none_or(same), "{:?} is not {}", found, what);
        }

        let snapshot = self.members[account].enforce(&self.shared, &self.facts, self.place(), view, now);
        let result = effective(&facts, &own, view, At::Instant(now));
        let enforced = Arc::new(Enforced::new(result, Arc::clone(&facts.catalogue)));
        let expected = Snapshot::new(
            enforced,
            own.account,
            own.epoch,
            (Arc::clone(&self.incarnation), Rev(self.applied)),
        );
        prop_assert_eq!(snapshot.codes(), expected.codes());
        prop_assert_eq!(snapshot.holders(), expected.holders());
        prop_assert_eq!(snapshot.stamp(&sid(account)), expected.stamp(&sid(account)));
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_shared_is_what_each_would_compute(
        before in policy(),
        history in prop::collection::vec((act(), prop::collection::vec((0..ACCOUNTS, 0..4_usize), 0..6), 0..2_i64), 1..40),
    ) {
        let mut policy = before;
        // Equal at first, so that there is something to share; the history tells them apart.
        policy.accounts[1] = policy.accounts[0].clone();
        let mut node = Node::of(&policy);
        let mut now = NOW;
        for (act, looks, passed) in history {
            let changes = act.apply(&mut policy);
            for scope in raised(&changes) {
                *policy.epochs.entry(scope).or_default() += 1;
            }
            node.apply(&policy, &changes);
            now += passed;
            for (account, view) in looks {
                let view = views().nth(view).expect("there are four");
                node.look(&policy, account, view, now)?;
            }
        }
    }

    #[test]
    fn equal_inputs_are_computed_once(before in policy()) {
        let mut policy = before;
        policy.accounts[1] = policy.accounts[0].clone();
        let mut node = Node::of(&policy);
        for view in views() {
            prop_assert!(Arc::ptr_eq(&node.tell(0, view), &node.tell(1, view)), "one state for both");
            let other = node.tell(2, view);
            let mine = node.tell(0, view);
            let equal = contents(&mine) == contents(&other);
            prop_assert!(equal || !Arc::ptr_eq(&mine, &other));
        }
        prop_assert!(Arc::ptr_eq(&node.members[0].facts().grants, &node.members[1].facts().grants));
    }
}
