//! The two faces of an effective set: the snapshot that is enforced (with the stamp that guards writes), and the state
//! that tabs are told (with revision and hash, I9). Both come from the same computation in `effective.rs`.

use super::effective::{AccountFacts, Effective, Grant, HolderId, PolicyFacts};
use super::reach::{DataScope, limits};
use super::{Bits, Catalogue, Scope, Stamp, View};
use livegrant_actors::{AccountId, Holder, PositionView, Rev, RoleView, SessionId, State};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Arc;

/// What accounts with equal inputs may do, as enforced.
#[derive(Debug)]
pub(super) struct Enforced {
    permissions: Bits,
    catalogue: Arc<Catalogue>,
    /// All but the account's own.
    epochs: Box<[(Scope, i64)]>,
    until: Option<i64>,
    holders: Box<[HolderId]>,
}

impl Enforced {
    pub fn new(result: Effective, catalogue: Arc<Catalogue>) -> Self {
        Self {
            permissions: result.permissions,
            catalogue,
            epochs: result.epochs.into(),
            until: result.until,
            holders: result.holders.into(),
        }
    }

    /// Answers whether no time limit has passed.
    pub fn holds_at(&self, now: i64) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

/// What an account may do, as enforced. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Snapshot {
    enforced: Arc<Enforced>,
    account: AccountId,
    /// The account's epoch, as it was when this was decided.
    epoch: i64,
    /// The log and the revision of the policy that this was decided by.
    at: (Arc<str>, Rev),
}

impl Snapshot {
    pub(super) fn new(enforced: Arc<Enforced>, account: AccountId, epoch: i64, at: (Arc<str>, Rev)) -> Self {
        Self { enforced, account, epoch, at }
    }

    /// Answers whether the code is held; an unknown code never is.
    pub fn holds(&self, code: &str) -> bool {
        self.enforced.catalogue.bit(code).is_some_and(|bit| self.enforced.permissions.contains(bit))
    }

    /// Answers the sorted codes.
    pub fn codes(&self) -> Vec<Arc<str>> {
        self.enforced.catalogue.codes_of(&self.enforced.permissions)
    }

    /// Answers the roles and positions that count.
    pub fn holders(&self) -> &[HolderId] {
        &self.enforced.holders
    }

    /// Answers the instant at which a time limit changes the answer.
    pub fn until(&self) -> Option<i64> {
        self.enforced.until
    }

    /// Answers the stamp that guards a write of this session: the set's epochs, the account's, and the session's own,
    /// which is 0 until it ends: whoever asks has seen the session active after this was decided.
    pub fn stamp(&self, sid: &SessionId) -> Stamp {
        let own = [(Scope::Account(self.account), self.epoch), (Scope::Session(sid.clone()), 0)];
        Stamp::new(self.enforced.epochs.iter().cloned().chain(own).collect(), self.enforced.until)
            .made_in(&self.at.0)
            .made_at(self.at.1)
    }
}

/// Revisions of one state before those that nobody is told are looked for; then as many again as are in use.
const REVISIONS: usize = 16;

/// What tabs of accounts with equal inputs are told, and the states made of it, one a revision.
#[derive(Debug)]
pub(super) struct Told {
    pub hash: Arc<str>,
    menu_version: Arc<str>,
    data_scope_version: Option<Arc<str>>,
    permissions: Arc<[Arc<str>]>,
    roles: Arc<[RoleView]>,
    positions: Arc<[PositionView]>,
    holders: Arc<[Holder]>,
    states: HashMap<Rev, Arc<State>>,
    room: usize,
}

impl Told {
    pub fn new(policy: &PolicyFacts, result: &Effective, account: &AccountFacts, view: View) -> Self {
        let permissions: Arc<[Arc<str>]> = policy.catalogue.codes_of(&result.permissions).into();
        let (mut roles, mut positions) = (Vec::new(), Vec::new());
        for holder in result.holders.iter().filter_map(|id| policy.holders.get(id)) {
            let (code, name) = (Arc::clone(&holder.code), Arc::clone(&holder.name));
            match holder.id {
                HolderId::Role(id) => roles.push(RoleView { id, code, name }),
                HolderId::Position(_) => {
                    positions.push(PositionView { guid: Arc::clone(&holder.guid), code, name });
                }
            }
        }
        let menu_version = menu_version(&policy.catalogue, &result.permissions);
        let mut text = String::new();
        for code in permissions.iter() {
            hash_line(&mut text, "p", code);
        }
        for RoleView { id, code, name } in &roles {
            hash_line(&mut text, "r", &format!("{id} {code} {name}"));
        }
        for PositionView { guid, code, name } in &positions {
            hash_line(&mut text, "s", &format!("{guid} {code} {name}"));
        }
        hash_line(&mut text, "m", &menu_version);
        let data_scope_version = data_scope_version(&limits(policy, account, &result.holders, &permissions));
        if let Some(version) = &data_scope_version {
            hash_line(&mut text, "d", version);
        }
        Self {
            hash: short_hash(&text),
            menu_version,
            data_scope_version,
            permissions,
            roles: roles.into(),
            positions: positions.into(),
            holders: index_keys(&account.grants, view),
            states: HashMap::new(),
            room: REVISIONS,
        }
    }

    /// Answers this with a revision; the same one for every account of that revision.
    pub fn state(&mut self, epoch: &Arc<str>, rev: Rev) -> Arc<State> {
        if self.states.len() >= self.room && !self.states.contains_key(&rev) {
            self.states.retain(|_, state| Arc::strong_count(state) > 1);
            self.room = REVISIONS.max(self.states.len() * 2);
        }
        let state = self.states.entry(rev).or_insert_with(|| {
            Arc::new(State {
                epoch: Arc::clone(epoch),
                rev,
                hash: Arc::clone(&self.hash),
                menu_version: Arc::clone(&self.menu_version),
                data_scope_version: self.data_scope_version.clone(),
                permissions: Arc::clone(&self.permissions),
                roles: Arc::clone(&self.roles),
                positions: Arc::clone(&self.positions),
                holders: Arc::clone(&self.holders),
            })
        });
        Arc::clone(state)
    }

    /// Answers whether an account still has a state made of this.
    pub fn is_used(&mut self) -> bool {
        self.states.retain(|_, state| Arc::strong_count(state) > 1);
        !self.states.is_empty()
    }
}

/// Answers what the engine finds an account's tabs by: all it has been granted, also what is switched off or has not
/// started, so that switching it on again reaches them.
fn index_keys(grants: &[Grant], view: View) -> Arc<[Holder]> {
    grants
        .iter()
        .map(|grant| match grant.holder {
            HolderId::Role(id) => Holder::Role(id),
            HolderId::Position(id) => Holder::Position(id),
        })
        .chain([Holder::Company(view.company), Holder::Application(view.application)])
        .collect()
}

fn hash_line(text: &mut String, kind: &str, value: &str) {
    text.push_str(kind);
    text.push(' ');
    text.push_str(value);
    text.push('\n');
}

/// Answers the version of the menu tree that a set shows: any change of a visible menu or button changes it (E5).
fn menu_version(catalogue: &Catalogue, permissions: &Bits) -> Arc<str> {
    let mut text = String::new();
    for row in permissions.iter().filter_map(|bit| catalogue.permission(bit)).filter(|row| row.kind != "api")
    {
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{} {} {} {:?} {} {} {:?} {:?}",
            row.id, row.code, row.name, row.parent_id, row.level, row.sort, row.route, row.icon
        );
    }
    short_hash(&text)
}

/// Answers the version of what the codes reach that do not reach everything (FC7); `None`: each of them does.
fn data_scope_version(limits: &[(Arc<str>, DataScope)]) -> Option<Arc<str>> {
    let mut text = String::new();
    for (code, scope) in limits {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{code} {} {:?} {:?}", scope.own_record, scope.exact, scope.below);
    }
    (!text.is_empty()).then(|| short_hash(&text))
}

/// Answers the first 16 hex digits of SHA-256: 64 bits, enough to tell two states of one account apart.
pub fn short_hash(text: &str) -> Arc<str> {
    let digest = Sha256::digest(text.as_bytes());
    digest[..8].iter().map(|byte| format!("{byte:02x}")).collect::<String>().into()
}
