//! Makes message bodies, once for all accounts that go from one state to the same other.
//!
//! Bodies are shared a shard in a small table; only the envelope is made for each account. A
//! change of roles or positions is told before the permissions that come with it.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use serde_json::value::RawValue;

use super::state::{Delta, HolderDelta, step};
use crate::protocol::envelope::{MessageType, PermissionUpdate, RoleChange, UpdateType};
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

/// The bodies of late, shared by the accounts of a shard.
pub(crate) struct Bodies {
    made: HashMap<Key, Parts>,
    kept: usize,
}

impl Bodies {
    pub fn new(kept: usize) -> Self {
        Self { made: HashMap::new(), kept }
    }

    /// Gives the bodies that lead from one state to the other; none when they say the same.
    pub fn difference(&mut self, before: &State, after: &State, reason: &Arc<str>) -> Parts {
        self.get(Telling::Difference, Some(before), after, reason, || match step(before, after) {
            Some(delta) => difference(before, after, &delta, reason),
            None => Rc::new([]),
        })
    }

    /// Gives the bodies that tell the whole state in the course of a change, be it one or not.
    pub fn everything(&mut self, before: &State, after: &State, reason: &Arc<str>) -> Parts {
        self.get(Telling::Everything, Some(before), after, reason, || {
            let holders = step(before, after).and_then(|delta| delta.holders);
            let holders = holders.map(|holders| (MessageType::RoleChange, roles(after, &holders, reason)));
            let whole = update(after, UpdateType::Replace, &[], &[], None, reason);
            holders.into_iter().chain([(MessageType::PermissionUpdate, whole)]).collect()
        })
    }

    /// Gives the body that tells the whole state.
    pub fn snapshot(&mut self, state: &State, reason: &Arc<str>) -> Parts {
        self.get(Telling::Snapshot, None, state, reason, || {
            Rc::new([(
                MessageType::PermissionUpdate,
                update(state, UpdateType::Replace, &[], &[], None, reason),
            )])
        })
    }

    /// Gives the body that tells all roles and positions.
    pub fn roles(&mut self, state: &State, reason: &Arc<str>) -> Parts {
        self.get(Telling::Roles, None, state, reason, || {
            Rc::new([(MessageType::RoleChange, roles(state, &HolderDelta::default(), reason))])
        })
    }

    fn get(
        &mut self,
        telling: Telling,
        before: Option<&State>,
        after: &State,
        reason: &Arc<str>,
        make: impl FnOnce() -> Parts,
    ) -> Parts {
        let key = Key { telling, before: before.map(name), after: name(after), reason: Arc::clone(reason) };
        if let Some(parts) = self.made.get(&key) {
            return Rc::clone(parts);
        }
        if self.made.len() >= self.kept {
            // Bodies are of use within one change; what is still needed is made again.
            self.made.clear();
        }
        let parts = make();
        self.made.insert(key, Rc::clone(&parts));
        parts
    }
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
