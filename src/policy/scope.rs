//! Scopes, epochs and stamps: what a decision was derived from, and how the fence finds out that it is stale (I2, I3).
//! A scope that was never changed has epoch 0. This file knows no SQL.

use livegrant_actors::{AccountId, ApplicationId, CompanyId, PositionId, Rev, RoleId, SessionId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;
use std::sync::Arc;

/// A part of the policy that has an epoch of its own.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Scope {
    /// One sign-in.
    Session(SessionId),
    /// One account: its status, its grants, its credentials.
    Account(AccountId),
    /// One role: its permissions and status.
    Role(RoleId),
    /// One position: its permissions and status.
    Position(PositionId),
    /// One company: its status.
    Company(CompanyId),
    /// The tree of one company's organisations: what lies below which.
    Organizations(CompanyId),
    /// One application: its status.
    Application(ApplicationId),
    /// The permission catalogue.
    Catalogue,
}

impl Scope {
    /// Answers the key of this scope's advisory lock: the first 8 bytes of SHA-256 over its text.
    /// Two scopes with one key only wait for each other more often than needed.
    pub fn lock_key(&self) -> i64 {
        lock_key(&self.to_string())
    }
}

/// Answers the advisory lock key for any text; see [`Scope::lock_key`].
pub fn lock_key(text: &str) -> i64 {
    let digest = Sha256::digest(text.as_bytes());
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    i64::from_be_bytes(first)
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session(sid) => write!(f, "session:{sid}"),
            Self::Account(id) => write!(f, "account:{id}"),
            Self::Role(id) => write!(f, "role:{id}"),
            Self::Position(id) => write!(f, "position:{id}"),
            Self::Company(id) => write!(f, "company:{id}"),
            Self::Organizations(id) => write!(f, "organizations:{id}"),
            Self::Application(id) => write!(f, "application:{id}"),
            Self::Catalogue => f.write_str("catalogue"),
        }
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> Self {
        scope.to_string()
    }
}

impl TryFrom<String> for Scope {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text == "catalogue" {
            return Ok(Self::Catalogue);
        }
        let (kind, id) = text.split_once(':').ok_or_else(|| format!("not a scope: {text}"))?;
        if kind == "session" {
            return Ok(Self::Session(SessionId::from(id.to_owned())));
        }
        let number = id.parse().map_err(|_| format!("not a scope: {text}"))?;
        match kind {
            "account" => Ok(Self::Account(AccountId(number))),
            "role" => Ok(Self::Role(RoleId(number))),
            "position" => Ok(Self::Position(PositionId(number))),
            "company" => Ok(Self::Company(CompanyId(number))),
            "organizations" => Ok(Self::Organizations(CompanyId(number))),
            "application" => Ok(Self::Application(ApplicationId(number))),
            _ => Err(format!("not a scope: {text}")),
        }
    }
}

/// The epochs that a decision was derived from, and the instant at which it ends by itself.
/// Only `policy/` makes one, so a write cannot be guarded by something invented.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    epochs: Vec<(Scope, i64)>,
    until: Option<i64>,
    at: Option<Rev>,
    log: Option<Arc<str>>,
}

impl Stamp {
    /// Makes a stamp from scopes with their epochs; `until` is the UTC millisecond at which a timed grant in it ends.
    pub(super) fn new(mut epochs: Vec<(Scope, i64)>, until: Option<i64>) -> Self {
        epochs.sort();
        epochs.dedup();
        Self { epochs, until, at: None, log: None }
    }

    /// Answers this stamp with the revision of whose policy it holds all epochs: as long as that is the newest one, no
    /// epoch has changed.
    #[must_use]
    pub(super) fn made_at(self, rev: Rev) -> Self {
        Self { at: Some(rev), ..self }
    }

    /// Answers this stamp with the incarnation of the log that its epochs are of: another log may have given the same numbers
    /// to something else.
    #[must_use]
    pub(super) fn made_in(self, log: &Arc<str>) -> Self {
        Self { log: Some(Arc::clone(log)), ..self }
    }

    /// Answers this stamp with more scopes in it. They were looked at on their own, so their epochs are compared one by one.
    #[must_use]
    pub(crate) fn and(&self, more: &[(Scope, i64)]) -> Self {
        if more.is_empty() {
            return self.clone();
        }
        let log = self.log.clone();
        Self { log, ..Self::new(self.epochs.iter().chain(more).cloned().collect(), self.until) }
    }

    /// Answers the scopes with their epochs, sorted.
    pub fn epochs(&self) -> &[(Scope, i64)] {
        &self.epochs
    }

    /// Answers the revision of whose policy it holds all epochs, if they are of one.
    pub fn at(&self) -> Option<Rev> {
        self.at
    }

    /// Answers the incarnation of the log that it was derived from, if it is known.
    pub fn log(&self) -> Option<&str> {
        self.log.as_deref()
    }

    /// Answers when the decision ends by itself, in UTC milliseconds.
    pub fn until(&self) -> Option<i64> {
        self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_survives_the_way_through_its_text() {
        let scopes = [
            Scope::Session(SessionId::from("a-b:c".to_owned())),
            Scope::Account(AccountId(1)),
            Scope::Role(RoleId(2)),
            Scope::Position(PositionId(3)),
            Scope::Company(CompanyId(4)),
            Scope::Organizations(CompanyId(4)),
            Scope::Application(ApplicationId(5)),
            Scope::Catalogue,
        ];
        for scope in scopes {
            assert_eq!(Scope::try_from(scope.to_string()), Ok(scope));
        }
        assert!(Scope::try_from("planet:1".to_owned()).is_err());
    }
}
