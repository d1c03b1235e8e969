//! Makes message bodies, once for all accounts that go from one state to the same other.
//!
//! Bodies are shared a shard in a small table; only the envelope is made for each account. A body
//! is shared only if the states' contents are equal, not merely their hashes: nothing of one
//! account reaches another (S3-81). A change of roles or positions is told before the permissions
//! that come with it.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use serde_json::value::RawValue;

use super::state::{Delta, HolderDelta, step};
use crate::protocol::envelope::{
    MessageType, NoticeView, PermissionUpdate, RoleChange, SystemNotice, UpdateType,
};
use crate::protocol::frame::raw;
use crate::protocol::ids::Rev;
use crate::protocol::permission::State;

/// Message bodies in the order in which they are told.
pub(crate) type Parts = Rc<[(MessageType, Box<RawValue>)]>;

/// What a body tells.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Telling {
    Difference,
    Everything,
    Snapshot,
    Roles,
}

#[derive(PartialEq, Eq, Hash)]
struct Name {
    epoch: Arc<str>,
    hash: Arc<str>,
    rev: Rev,
}

#[derive(PartialEq, Eq, Hash)]
struct Key {
    telling: Telling,
    before: Option<Name>,
    after: Name,
    reason: Arc<str>,
}

struct Made {
    before: Option<Arc<State>>,
    after: Arc<State>,
    parts: Parts,
}

/// A notice's body with its place.
type NoticeBody = (i64, Rc<RawValue>);

/// The bodies of late, shared by the accounts of a shard.
pub(crate) struct Bodies {
    made: HashMap<Key, Made>,
    kept: usize,
    /// The notice that is being told.
    notice: Option<NoticeBody>,
}

impl Bodies {
    pub fn new(kept: usize) -> Self {
        Self { made: HashMap::new(), kept, notice: None }
    }

    /// Gives the bodies that lead from one state to the other; none when they say the same.
    pub fn difference(&mut self, before: &Arc<State>, after: &Arc<State>, reason: &Arc<str>) -> Parts {
        self.get(Telling::Difference, Some(before), after, reason, || match step(before, after) {
            Some(delta) => difference(before, after, &delta, reason),
            None => Rc::new([]),
        })
    }

    /// Gives the bodies that tell the whole state in the course of a change, be it one or not.
    pub fn everything(&mut self, before: &Arc<State>, after: &Arc<State>, reason: &Arc<str>) -> Parts {
        self.get(Telling::Everything, Some(before), after, reason, || {
            let holders = step(before, after).and_then(|delta| delta.holders);
            let holders = holders.map(|holders| (MessageType::RoleChange, roles(after, &holders, reason)));
            let whole = update(after, UpdateType::Replace, &[], &[], None, reason);
            holders.into_iter().chain([(MessageType::PermissionUpdate, whole)]).collect()
        })
    }

    /// Gives the body that tells the whole state.
    pub fn snapshot(&mut self, state: &Arc<State>, reason: &Arc<str>) -> Parts {
        self.get(Telling::Snapshot, None, state, reason, || {
            Rc::new([(
                MessageType::PermissionUpdate,
                update(state, UpdateType::Replace, &[], &[], None, reason),
            )])
        })
    }

    /// Gives the body that tells all roles and positions.
    pub fn roles(&mut self, state: &Arc<State>, reason: &Arc<str>) -> Parts {
        self.get(Telling::Roles, None, state, reason, || {
            Rc::new([(MessageType::RoleChange, roles(state, &HolderDelta::default(), reason))])
        })
    }

    /// Gives the body of a notice, made once for all accounts; `seq` is its place.
    pub fn notice(&mut self, seq: i64, notice: &NoticeView) -> Rc<RawValue> {
        match &self.notice {
            Some((made, body)) if *made == seq => Rc::clone(body),
            _ => {
                let body: Rc<RawValue> = raw(&SystemNotice { seq, notice }).into();
                self.notice = Some((seq, Rc::clone(&body)));
                body
            }
        }
    }

    fn get(
        &mut self,
        telling: Telling,
        before: Option<&Arc<State>>,
        after: &Arc<State>,
        reason: &Arc<str>,
        compose: impl FnOnce() -> Parts,
    ) -> Parts {
        let key = Key {
            telling,
            before: before.map(|state| name(state)),
            after: name(after),
            reason: Arc::clone(reason),
        };
        let fits = |made: &&Made| {
            let before_fits = match (&made.before, before) {
                (Some(one), Some(other)) => equal(one, other),
                (one, other) => one.is_none() && other.is_none(),
            };
            before_fits && equal(&made.after, after)
        };
        if let Some(made) = self.made.get(&key).filter(fits) {
            return Rc::clone(&made.parts);
        }
        if self.made.len() >= self.kept {
            // Bodies are of use within one change; what is still needed is made again.
            self.made.clear();
        }
        let parts = compose();
        let made = Made { before: before.cloned(), after: Arc::clone(after), parts: Rc::clone(&parts) };
        self.made.insert(key, made);
        parts
    }
}

fn equal(one: &Arc<State>, other: &Arc<State>) -> bool {
    let contents = || {
        one.permissions == other.permissions
            && one.roles == other.roles
            && one.positions == other.positions
            && one.menu_version == other.menu_version
            && one.data_scope_version == other.data_scope_version
    };
    Arc::ptr_eq(one, other) || contents()
}

fn name(state: &State) -> Name {
    Name { epoch: Arc::clone(&state.epoch), hash: Arc::clone(&state.hash), rev: state.rev }
}

fn difference(before: &State, after: &State, delta: &Delta, reason: &str) -> Parts {
    let previous = (delta.update != UpdateType::Replace).then_some(before.rev);
    let permissions = update(after, delta.update, &delta.added, &delta.removed, previous, reason);
    let holders =
        delta.holders.as_ref().map(|holders| (MessageType::RoleChange, roles(after, holders, reason)));
    holders.into_iter().chain([(MessageType::PermissionUpdate, permissions)]).collect()
}

fn update(
    state: &State,
    update_type: UpdateType,
    added: &[Arc<str>],
    removed: &[Arc<str>],
    prev_rev: Option<Rev>,
    reason: &str,
) -> Box<RawValue> {
    raw(&PermissionUpdate {
        permissions: &state.permissions,
        roles: &state.roles,
        positions: &state.positions,
        update_type,
        added,
        removed,
        reason,
        epoch: &state.epoch,
        rev: state.rev,
        prev_rev,
        permission_version: state.rev,
        hash: &state.hash,
        menu_version: &state.menu_version,
        data_scope_version: state.data_scope_version.as_deref(),
    })
}

fn roles(state: &State, delta: &HolderDelta, reason: &str) -> Box<RawValue> {
    raw(&RoleChange {
        roles: &state.roles,
        positions: &state.positions,
        update_type: delta.update(),
        added_roles: &delta.added_roles,
        removed_roles: &delta.removed_roles,
        added_positions: &delta.added_positions,
        removed_positions: &delta.removed_positions,
        reason,
        rev: state.rev,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(hash: &str, codes: &[&str]) -> Arc<State> {
        Arc::new(State {
            epoch: "e".into(),
            rev: Rev(1),
            hash: hash.into(),
            menu_version: "m".into(),
            data_scope_version: None,
            permissions: codes.iter().map(|code| Arc::from(*code)).collect(),
            roles: Arc::new([]),
            positions: Arc::new([]),
            holders: Arc::new([]),
        })
    }

    #[test]
    fn equal_states_share_one_body_of_whichever_account() {
        let (mut bodies, reason) = (Bodies::new(4), Arc::from("saved"));
        let one = bodies.difference(&state("1", &["a"]), &state("2", &["b"]), &reason);
        let other = bodies.difference(&state("1", &["a"]), &state("2", &["b"]), &reason);
        assert!(Rc::ptr_eq(&one, &other));
    }

    #[test]
    fn equal_hashes_over_other_contents_share_nothing() {
        let (mut bodies, reason) = (Bodies::new(4), Arc::from("saved"));
        bodies.snapshot(&state("same", &["secret"]), &reason);
        let parts = bodies.snapshot(&state("same", &["mine"]), &reason);
        assert!(!parts[0].1.get().contains("secret"));
    }

    #[test]
    fn the_table_stays_small() {
        let (mut bodies, reason) = (Bodies::new(4), Arc::from("saved"));
        for number in 0..20 {
            bodies.snapshot(&state(&number.to_string(), &[]), &reason);
            assert!(bodies.made.len() <= 4);
        }
    }
}
