//! The two faces of an effective set: the snapshot that is enforced (with the stamp that guards writes), and the state
//! that tabs are told (with revision and hash, I9). Both come from the same computation in `effective.rs`.

use super::effective::{Effective, HolderId, PolicyFacts};
use super::{Bits, Catalogue, Scope, Stamp};
use livegrant_actors::{Holder, PositionView, Rev, RoleView, SessionId, State};
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::sync::Arc;

/// What an account may do, as enforced.
#[derive(Debug)]
pub struct Snapshot {
    permissions: Bits,
    catalogue: Arc<Catalogue>,
    epochs: Vec<(Scope, i64)>,
    /// The instant at which a time limit changes the answer.
    pub until: Option<i64>,
    /// The roles and positions that count.
    pub holders: Vec<HolderId>,
}

impl Snapshot {
    pub(super) fn new(result: Effective, catalogue: Arc<Catalogue>) -> Self {
        Self {
            permissions: result.permissions,
            catalogue,
            epochs: result.epochs,
            until: result.until,
            holders: result.holders,
        }
    }

    /// Answers whether the code is held; an unknown code never is.
    pub fn holds(&self, code: &str) -> bool {
        self.catalogue.bit(code).is_some_and(|bit| self.permissions.contains(bit))
    }

    /// Answers the sorted codes.
    pub fn codes(&self) -> Vec<Arc<str>> {
        self.catalogue.codes_of(&self.permissions)
    }

    /// Answers the stamp that guards a write of this session: the set's epochs and the session's own, which is 0 until
    /// it ends.
    pub fn stamp(&self, sid: &SessionId) -> Stamp {
        let mut epochs = self.epochs.clone();
        epochs.push((Scope::Session(sid.clone()), 0));
        Stamp::new(epochs, self.until)
    }
}

/// A state before it has a revision.
pub(super) struct Published {
    pub hash: Arc<str>,
    menu_version: Arc<str>,
    permissions: Arc<[Arc<str>]>,
    roles: Arc<[RoleView]>,
    positions: Arc<[PositionView]>,
}

impl Published {
    pub fn new(policy: &PolicyFacts, result: &Effective) -> Self {
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
        Self {
            hash: short_hash(&text),
            menu_version,
            permissions,
            roles: roles.into(),
            positions: positions.into(),
        }
    }

    pub fn into_state(self, epoch: Arc<str>, rev: Rev, holders: Arc<[Holder]>) -> State {
        State {
            epoch,
            rev,
            hash: self.hash,
            menu_version: self.menu_version,
            permissions: self.permissions,
            roles: self.roles,
            positions: self.positions,
            holders,
        }
    }
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

/// Answers the first 16 hex digits of SHA-256: 64 bits, enough to tell two states of one account apart.
pub fn short_hash(text: &str) -> Arc<str> {
    let digest = Sha256::digest(text.as_bytes());
    digest[..8].iter().map(|byte| format!("{byte:02x}")).collect::<String>().into()
}
