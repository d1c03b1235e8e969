//! An account's permission state as its tabs see it.
//!
//! Built by the application, immutable, shared by `Arc`. Its name is `{epoch, rev, hash}` (I9);
//! two states with the same epoch and hash say the same thing.

use std::sync::Arc;

use serde::Serialize;

use super::ids::{Holder, Rev, RoleId};

/// A role as a tab sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RoleView {
    /// The role's id.
    pub id: RoleId,
    /// The role's code.
    pub code: Arc<str>,
    /// The role's display name.
    pub name: Arc<str>,
}

/// A position as a tab sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PositionView {
    /// The position's 36-character id.
    pub guid: Arc<str>,
    /// The position's code.
    pub code: Arc<str>,
    /// The position's display name.
    pub name: Arc<str>,
}

/// What an account may do in one view, and by which name that is known.
#[derive(Clone, Debug)]
pub struct State {
    /// Incarnation of the policy log.
    pub epoch: Arc<str>,
    /// Revision at which this set last changed (`permissionVersion`).
    pub rev: Rev,
    /// 16 hex characters over codes, roles, positions, menus and data scopes.
    pub hash: Arc<str>,
    /// Version of the menu tree.
    pub menu_version: Arc<str>,
    /// Version of what the codes reach; `None` where each reaches everything.
    pub data_scope_version: Option<Arc<str>>,
    /// Effective permission codes, sorted.
    pub permissions: Arc<[Arc<str>]>,
    /// Roles held now.
    pub roles: Arc<[RoleView]>,
    /// Positions filled now.
    pub positions: Arc<[PositionView]>,
    /// What this account is found by in [`Audience::Holder`](crate::Audience).
    pub holders: Arc<[Holder]>,
}

impl State {
    /// Tells whether both say the same thing: equal epoch and hash, whatever the revision.
    pub fn says_the_same(&self, other: &Self) -> bool {
        self.hash == other.hash && self.epoch == other.epoch
    }
}
