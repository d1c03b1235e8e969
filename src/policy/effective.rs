//! Who may do what: one pure function from grants to the effective set, used alike for what is enforced and for what is
//! pushed. effective = (roles ∪ positions) ∩ switched-on permissions, ∅ when account, company or application is off (I4).
//! The plan mask (I5) joins here with tenant plans. No SQL, no clock, no locks.

use super::{Bits, Catalogue, Scope};
use livegrant_actors::{AccountId, ApplicationId, CompanyId, PositionId, RoleId};
use std::collections::HashMap;
use std::sync::Arc;

/// The code of the system administrator permission (S1-17).
pub const SYSTEM_ADMIN: &str = "system:admin";

/// A role or a position: something that owns a set of permissions and that people come to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HolderId {
    /// A role.
    Role(RoleId),
    /// A position.
    Position(PositionId),
}

impl HolderId {
    /// Answers the scope whose epoch a change of this holder raises.
    pub fn scope(self) -> Scope {
        match self {
            Self::Role(id) => Scope::Role(id),
            Self::Position(id) => Scope::Position(id),
        }
    }
}

/// A grant holder with its permissions, as read after its epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantHolder {
    /// Which one.
    pub id: HolderId,
    /// Only positions have one.
    pub guid: Arc<str>,
    /// Its code.
    pub code: Arc<str>,
    /// Its display name.
    pub name: Arc<str>,
    /// The company it belongs to.
    pub company: CompanyId,
    /// 0 counts in every application.
    pub application: ApplicationId,
    /// Switched on.
    pub enabled: bool,
    /// Its permissions.
    pub permissions: Bits,
    /// The epoch that the permissions were read after.
    pub epoch: i64,
}

/// One account's hold on a role or position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// What is held.
    pub holder: HolderId,
    /// Starts at this UTC millisecond.
    pub from: Option<i64>,
    /// Ends at this UTC millisecond, exclusive.
    pub to: Option<i64>,
    /// The log says that it has started.
    pub started: bool,
}

/// What is known of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountFacts {
    /// The account.
    pub account: AccountId,
    /// Its guid.
    pub guid: Arc<str>,
    /// Its login name.
    pub username: Arc<str>,
    /// Its name for people.
    pub display_name: Arc<str>,
    /// Its company.
    pub company: CompanyId,
    /// Not disabled.
    pub enabled: bool,
    /// A platform administrator: every switched-on permission (C23).
    pub is_platform: bool,
    /// Its roles and positions.
    pub grants: Vec<Grant>,
    /// The epoch of the account's scope that all this was read after.
    pub epoch: i64,
    /// `permission_version` as stored.
    pub stored_version: i64,
    /// `permission_hash` as stored; empty when never computed.
    pub stored_hash: Arc<str>,
}

/// A company's or an application's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standing {
    /// Switched on.
    pub enabled: bool,
    /// Its epoch.
    pub epoch: i64,
}

/// Everything else that the computation rests on.
#[derive(Debug, Clone, Default)]
pub struct PolicyFacts {
    /// All permissions.
    pub catalogue: Arc<Catalogue>,
    /// All roles and positions.
    pub holders: HashMap<HolderId, Arc<GrantHolder>>,
    /// All companies.
    pub companies: HashMap<CompanyId, Standing>,
    /// All applications.
    pub applications: HashMap<ApplicationId, Standing>,
}

/// When to look: as the log says (what tabs are told), or at an instant (what is enforced).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// Grants whose start is in the log and whose end is not.
    Log,
    /// Grants whose time limits hold at this UTC millisecond.
    Instant(i64),
}

/// The application and company that a session works in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct View {
    /// The application.
    pub application: ApplicationId,
    /// The company.
    pub company: CompanyId,
}

/// The result: what the account may do, through what, until when, derived from which epochs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Effective {
    /// The permissions.
    pub permissions: Bits,
    /// The roles and positions that count, sorted.
    pub holders: Vec<HolderId>,
    /// The next instant at which a time limit changes the answer.
    pub until: Option<i64>,
    /// The epochs that it was derived from.
    pub epochs: Vec<(Scope, i64)>,
}

impl Grant {
    fn counts(&self, at: At) -> bool {
        match at {
            At::Log => self.started,
            At::Instant(now) => self.from.is_none_or(|from| from <= now) && self.to.is_none_or(|to| now < to),
        }
    }

    fn next_limit(&self, at: At) -> Option<i64> {
        let At::Instant(now) = at else { return None };
        [self.from, self.to].into_iter().flatten().filter(|limit| now < *limit).min()
    }
}

impl GrantHolder {
    /// Answers whether this holder counts in the view.
    pub fn counts(&self, view: View) -> bool {
        self.enabled
            && self.company == view.company
            && (self.application.0 == 0 || self.application == view.application)
    }
}

/// Computes an account's effective set in a view.
pub fn effective(policy: &PolicyFacts, account: &AccountFacts, view: View, at: At) -> Effective {
    let company = policy.companies.get(&view.company).copied().unwrap_or_default();
    let application = policy.applications.get(&view.application).copied().unwrap_or_default();
    let mut result = Effective {
        epochs: vec![
            (Scope::Account(account.account), account.epoch),
            (Scope::Company(view.company), company.epoch),
            (Scope::Application(view.application), application.epoch),
            (Scope::Catalogue, policy.catalogue.epoch),
        ],
        until: account.grants.iter().filter_map(|grant| grant.next_limit(at)).min(),
        ..Effective::default()
    };
    for grant in &account.grants {
        // A holder that is not known here has never been changed since it was made: epoch 0.
        let holder = policy.holders.get(&grant.holder);
        result.epochs.push((grant.holder.scope(), holder.map_or(0, |holder| holder.epoch)));
        let Some(holder) = holder.filter(|holder| holder.counts(view) && grant.counts(at)) else { continue };
        result.permissions.extend(&holder.permissions);
        result.holders.push(grant.holder);
    }
    result.holders.sort();
    if !(account.enabled && company.enabled && application.enabled) {
        result.permissions = Bits::default();
        return result;
    }
    let admin = policy.catalogue.bit(SYSTEM_ADMIN);
    if account.is_platform || admin.is_some_and(|bit| result.permissions.contains(bit)) {
        result.permissions = policy.catalogue.enabled().clone();
    } else {
        result.permissions.intersect(policy.catalogue.enabled());
    }
    result
}
