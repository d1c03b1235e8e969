//! What changed between two permission states; pure.
//!
//! Codes are sorted, so both differences come from one merge. Equal hashes mean no change (I9);
//! nothing here looks at revisions.

use std::sync::Arc;

use crate::protocol::envelope::UpdateType;
use crate::protocol::permission::{PositionView, RoleView, State};

/// The way from one state to another.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Delta {
    pub update: UpdateType,
    pub added: Vec<Arc<str>>,
    pub removed: Vec<Arc<str>>,
    /// Present when roles or positions differ.
    pub holders: Option<HolderDelta>,
}

/// The roles and positions that came and went.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct HolderDelta {
    pub added_roles: Vec<RoleView>,
    pub removed_roles: Vec<RoleView>,
    pub added_positions: Vec<PositionView>,
    pub removed_positions: Vec<PositionView>,
}

impl HolderDelta {
    /// Gives the direction; a rename is neither and replaces.
    pub fn update(&self) -> UpdateType {
        let added = !self.added_roles.is_empty() || !self.added_positions.is_empty();
        let removed = !self.removed_roles.is_empty() || !self.removed_positions.is_empty();
        direction(added, removed)
    }
}

/// Compares two states; `None` when they say the same.
pub(crate) fn step(before: &State, after: &State) -> Option<Delta> {
    if before.says_the_same(after) {
        return None;
    }
    let (added, removed) = differences(&before.permissions, &after.permissions);
    let update = if before.epoch == after.epoch {
        direction(!added.is_empty(), !removed.is_empty())
    } else {
        UpdateType::Replace
    };
    Some(Delta { update, added, removed, holders: holders(before, after) })
}

fn holders(before: &State, after: &State) -> Option<HolderDelta> {
    if before.roles == after.roles && before.positions == after.positions {
        return None;
    }
    let role = |one: &RoleView, other: &RoleView| one.id == other.id;
    let position = |one: &PositionView, other: &PositionView| one.guid == other.guid;
    Some(HolderDelta {
        added_roles: missing(&after.roles, &before.roles, role),
        removed_roles: missing(&before.roles, &after.roles, role),
        added_positions: missing(&after.positions, &before.positions, position),
        removed_positions: missing(&before.positions, &after.positions, position),
    })
}

fn direction(added: bool, removed: bool) -> UpdateType {
    match (added, removed) {
        (true, false) => UpdateType::Add,
        (false, true) => UpdateType::Remove,
        _ => UpdateType::Replace,
    }
}

fn missing<T: Clone>(of: &[T], from: &[T], same: impl Fn(&T, &T) -> bool) -> Vec<T> {
    of.iter().filter(|one| !from.iter().any(|other| same(one, other))).cloned().collect()
}

/// Merges two sorted lists into what came and what went.
fn differences(before: &[Arc<str>], after: &[Arc<str>]) -> (Vec<Arc<str>>, Vec<Arc<str>>) {
    let (mut added, mut removed) = (Vec::new(), Vec::new());
    let (mut old, mut new) = (before.iter().peekable(), after.iter().peekable());
    loop {
        match (old.peek(), new.peek()) {
            (Some(was), Some(is)) if was == is => {
                old.next();
                new.next();
            }
            (Some(was), Some(is)) if was < is => removed.extend(old.next().cloned()),
            (_, Some(_)) => added.extend(new.next().cloned()),
            (Some(_), None) => removed.extend(old.next().cloned()),
            (None, None) => return (added, removed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::ids::{Rev, RoleId};

    fn state(hash: &str, codes: &[&str], roles: &[i64]) -> State {
        State {
            epoch: "e".into(),
            rev: Rev(1),
            hash: hash.into(),
            menu_version: "m".into(),
            data_scope_version: None,
            permissions: codes.iter().map(|code| Arc::from(*code)).collect(),
            roles: roles
                .iter()
                .map(|id| RoleView { id: RoleId(*id), code: format!("r{id}").into(), name: "role".into() })
                .collect(),
            positions: Arc::new([]),
            holders: Arc::new([]),
        }
    }

    fn texts(codes: &[Arc<str>]) -> Vec<&str> {
        codes.iter().map(AsRef::as_ref).collect()
    }

    #[test]
    fn equal_hashes_say_the_same() {
        assert_eq!(step(&state("1", &["a"], &[]), &state("1", &["b"], &[])), None);
    }

    #[test]
    fn only_added_is_add_only_removed_is_remove_both_replaces() {
        let delta = step(&state("1", &["b"], &[]), &state("2", &["a", "b", "c"], &[])).unwrap();
        assert_eq!((delta.update, texts(&delta.added)), (UpdateType::Add, vec!["a", "c"]));
        let delta = step(&state("1", &["a", "b"], &[]), &state("2", &["b"], &[])).unwrap();
        assert_eq!((delta.update, texts(&delta.removed)), (UpdateType::Remove, vec!["a"]));
        let delta = step(&state("1", &["a", "b"], &[]), &state("2", &["b", "c"], &[])).unwrap();
        assert_eq!(delta.update, UpdateType::Replace);
        assert_eq!((texts(&delta.added), texts(&delta.removed)), (vec!["c"], vec!["a"]));
    }

    #[test]
    fn a_menu_change_or_a_new_epoch_replaces() {
        let delta = step(&state("1", &["a"], &[]), &state("2", &["a"], &[])).unwrap();
        assert_eq!((delta.update, delta.holders), (UpdateType::Replace, None));
        let other = State { epoch: "f".into(), ..state("1", &["a", "b"], &[]) };
        assert_eq!(step(&state("1", &["a"], &[]), &other).unwrap().update, UpdateType::Replace);
    }

    #[test]
    fn roles_that_come_and_go_are_named() {
        let delta = step(&state("1", &[], &[1, 2]), &state("2", &[], &[2, 3])).unwrap();
        let holders = delta.holders.unwrap();
        assert_eq!(holders.update(), UpdateType::Replace);
        assert_eq!(holders.added_roles.iter().map(|role| role.id.0).collect::<Vec<_>>(), [3]);
        assert_eq!(holders.removed_roles.iter().map(|role| role.id.0).collect::<Vec<_>>(), [1]);
        let grown = step(&state("1", &[], &[]), &state("2", &[], &[3])).unwrap();
        assert_eq!(grown.holders.unwrap().update(), UpdateType::Add);
    }
}
