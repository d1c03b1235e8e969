//! Who may do what: one pure function from grants to the effective set, used alike for what is enforced and for what is
//! pushed. effective = (roles ∪ positions) ∩ switched-on permissions, ∅ when account, company or application is off (I4).
//! The plan mask (I5) joins here with tenant plans. No SQL, no clock, no locks.

use super::{Bits, Catalogue, Reach, Scope};
use livegrant_actors::{AccountId, ApplicationId, CompanyId, PositionId, RoleId};
use serde::{Serialize, Serializer};
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
    /// Answers the holder's kind and id, as tables that hold both kinds have them.
    pub fn parts(self) -> (&'static str, i64) {
        match self {
            Self::Role(id) => ("role", id.0),
            Self::Position(id) => ("position", id.0),
        }
    }

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
    /// What they reach.
    pub reach: Reach,
    /// The organisation that a position belongs to.
    pub organization: Option<i64>,
    /// The epoch that the permissions were read after.
    pub epoch: i64,
}

/// One account's hold on a role or position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
    /// The guid of its staff record, if it has one.
    pub staff_guid: Option<Box<str>>,
    /// Its login name.
    pub username: Box<str>,
    /// Its name for people.
    pub display_name: Box<str>,
    /// Its company.
    pub company: CompanyId,
    /// Not disabled.
    pub enabled: bool,
    /// A platform administrator: every switched-on permission (C23).
    pub is_platform: bool,
    /// The organisation of the person who is linked to it, by row.
    pub organization: Option<i64>,
    /// Its roles and positions; accounts with equal ones share the list.
    pub grants: Arc<[Grant]>,
    /// The epoch of the account's scope that all this was read after.
    pub epoch: i64,
    /// `permission_version` as stored.
    pub stored_version: i64,
    /// `permission_hash` as stored; empty when never computed.
    pub stored_hash: Arc<str>,
}

impl AccountFacts {
    /// Answers the account's own state.
    pub fn standing(&self) -> Standing {
        Standing { enabled: self.enabled, epoch: self.epoch }
    }
}

/// An account's, a company's or an application's state.
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
    /// The epochs of the companies' trees of organisations; 0 where there is none.
    pub trees: HashMap<CompanyId, i64>,
}

impl PolicyFacts {
    /// Answers the state of a view's company; unknown is off.
    pub fn company(&self, view: View) -> Standing {
        self.companies.get(&view.company).copied().unwrap_or_default()
    }

    /// Answers the epoch of the tree of organisations of a view's company.
    pub fn tree(&self, view: View) -> i64 {
        self.trees.get(&view.company).copied().unwrap_or(0)
    }

    /// Answers the state of a view's application; unknown is off.
    pub fn application(&self, view: View) -> Standing {
        self.applications.get(&view.application).copied().unwrap_or_default()
    }
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

/// Something that keeps a permission, or one way to it, from counting now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, utoipa::ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum Obstacle {
    /// The account is disabled.
    AccountOff,
    /// The company is switched off.
    CompanyOff,
    /// The application is switched off.
    ApplicationOff,
    /// The permission is switched off.
    PermissionOff,
    /// The role or position is switched off.
    HolderOff,
    /// The role or position belongs to another company.
    OtherCompany,
    /// The role belongs to another application.
    OtherApplication,
    /// The grant starts later.
    NotStarted,
    /// The grant is over.
    Over,
}

impl Obstacle {
    /// Answers the name that answers carry.
    pub fn name(self) -> &'static str {
        match self {
            Self::AccountOff => "account_off",
            Self::CompanyOff => "company_off",
            Self::ApplicationOff => "application_off",
            Self::PermissionOff => "permission_off",
            Self::HolderOff => "holder_off",
            Self::OtherCompany => "other_company",
            Self::OtherApplication => "other_application",
            Self::NotStarted => "not_started",
            Self::Over => "over",
        }
    }
}

impl Serialize for Obstacle {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl Grant {
    /// Names everything that keeps this grant of a holder from counting; nothing: it counts.
    pub fn obstacles(&self, holder: &GrantHolder, view: View, at: At) -> impl Iterator<Item = Obstacle> {
        let (early, over) = match at {
            At::Log => (!self.started, false),
            At::Instant(now) => {
                (self.from.is_some_and(|from| now < from), self.to.is_some_and(|to| to <= now))
            }
        };
        let foreign = holder.application.0 != 0 && holder.application != view.application;
        those_that_stand([
            (!holder.enabled, Obstacle::HolderOff),
            (holder.company != view.company, Obstacle::OtherCompany),
            (foreign, Obstacle::OtherApplication),
            (early, Obstacle::NotStarted),
            (over, Obstacle::Over),
        ])
    }

    fn next_limit(&self, at: At) -> Option<i64> {
        let At::Instant(now) = at else { return None };
        [self.from, self.to].into_iter().flatten().filter(|limit| now < *limit).min()
    }
}

/// Names everything that keeps an account from having anything in a view; nothing: its grants count.
pub fn standstill(policy: &PolicyFacts, account: Standing, view: View) -> impl Iterator<Item = Obstacle> {
    those_that_stand([
        (!account.enabled, Obstacle::AccountOff),
        (!policy.company(view).enabled, Obstacle::CompanyOff),
        (!policy.application(view).enabled, Obstacle::ApplicationOff),
    ])
}

fn those_that_stand<const N: usize>(obstacles: [(bool, Obstacle); N]) -> impl Iterator<Item = Obstacle> {
    obstacles.into_iter().filter_map(|(stands, obstacle)| stands.then_some(obstacle))
}

/// Computes an account's effective set in a view.
pub fn effective(policy: &PolicyFacts, account: &AccountFacts, view: View, at: At) -> Effective {
    let mut result = of_inputs(policy, (account.enabled, account.is_platform), &account.grants, view, at);
    result.epochs.push((Scope::Account(account.account), account.epoch));
    result
}

/// The same from all that it rests on, for any account; the account's own epoch is not in the answer.
pub(super) fn of_inputs(
    policy: &PolicyFacts,
    (enabled, is_platform): (bool, bool),
    grants: &[Grant],
    view: View,
    at: At,
) -> Effective {
    let mut result = Effective {
        epochs: vec![
            (Scope::Company(view.company), policy.company(view).epoch),
            (Scope::Application(view.application), policy.application(view).epoch),
            (Scope::Catalogue, policy.catalogue.epoch),
        ],
        until: grants.iter().filter_map(|grant| grant.next_limit(at)).min(),
        ..Effective::default()
    };
    let mut rests_on_tree = false;
    for grant in grants {
        // A holder that is not known here has never been changed since it was made: epoch 0.
        let holder = policy.holders.get(&grant.holder);
        result.epochs.push((grant.holder.scope(), holder.map_or(0, |holder| holder.epoch)));
        let counts = |holder: &&Arc<GrantHolder>| grant.obstacles(holder, view, at).next().is_none();
        let Some(holder) = holder.filter(counts) else { continue };
        result.permissions.extend(&holder.permissions);
        result.holders.push(grant.holder);
        rests_on_tree |= holder.reach.rests_on_tree();
    }
    if rests_on_tree {
        result.epochs.push((Scope::Organizations(view.company), policy.tree(view)));
    }
    result.holders.sort();
    // The account's epoch says nothing about whether it stands still.
    if standstill(policy, Standing { enabled, epoch: 0 }, view).next().is_some() {
        result.permissions = Bits::default();
        return result;
    }
    result.permissions.intersect(policy.catalogue.enabled());
    // After the mask: `system:admin` that is switched off gives nothing, like any other code.
    let admin = policy.catalogue.bit(SYSTEM_ADMIN);
    if is_platform || admin.is_some_and(|bit| result.permissions.contains(bit)) {
        result.permissions = policy.catalogue.enabled().clone();
    }
    result
}
