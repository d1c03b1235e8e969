//! Data scopes (FC7): what the permissions of a role or position reach, and what one permission of one account reaches in
//! all: the union over everything that gives it. Pure; which organisation lies below which is the database's to say, so
//! whoever reaches "below" has the epoch of the company's tree in his stamp (I2).
//! A platform administrator reaches everything. `system:admin` reaches what the role or position reaches that carries it.

use super::effective::{AccountFacts, At, Grant, GrantHolder, PolicyFacts, SYSTEM_ADMIN, View};
use super::{Bits, HolderId};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Organisations that one role or position may reach by choice. 200: a statement that filters by them stays below 4 KB;
/// whoever needs more wants everything below an organisation.
pub const CHOSEN_MAX: usize = 200;

/// What the permissions of a role or position reach.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Reach {
    /// Everything in the company.
    #[default]
    All,
    /// These organisations, by row, and nothing below them.
    Chosen(Arc<[i64]>),
    /// The own organisation and everything below it. Of a position: the organisation that it belongs to; else the person's.
    OwnAndBelow,
    /// The own organisation alone.
    Own,
    /// The person's own record.
    OwnRecord,
}

/// The names of data scopes, as tables and the API have them.
pub const NAMES: [&str; 5] = ["all", "chosen", "own_and_below", "own", "self"];

impl Reach {
    /// Reads a stored data scope. An unknown one reaches least.
    pub fn read(name: &str, chosen: Vec<i64>) -> Self {
        match name {
            "all" => Self::All,
            "chosen" => Self::Chosen(chosen.into()),
            "own_and_below" => Self::OwnAndBelow,
            "own" => Self::Own,
            _ => Self::OwnRecord,
        }
    }

    /// Answers its name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Chosen(_) => "chosen",
            Self::OwnAndBelow => "own_and_below",
            Self::Own => "own",
            Self::OwnRecord => "self",
        }
    }

    /// Answers whether it is another organisation for people of different ones.
    pub fn rests_on_own(&self) -> bool {
        matches!(self, Self::OwnAndBelow | Self::Own)
    }

    /// Answers whether a move in the tree of organisations changes what is reached.
    pub fn rests_on_tree(&self) -> bool {
        *self == Self::OwnAndBelow
    }
}

/// What one permission reaches. Nothing at all unless something is set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DataScope {
    /// Everything in the company; the rest then says nothing.
    pub all: bool,
    /// The person's own record.
    pub own_record: bool,
    /// These organisations, by row.
    pub exact: BTreeSet<i64>,
    /// These and everything below them.
    pub below: BTreeSet<i64>,
}

impl DataScope {
    /// Reaches everything.
    pub fn everything() -> Self {
        Self { all: true, ..Self::default() }
    }

    /// Adds what a holder reaches for a person of this organisation.
    pub fn add(&mut self, reach: &Reach, own: Option<i64>) {
        match reach {
            Reach::All => self.all = true,
            Reach::Chosen(chosen) => self.exact.extend(chosen.iter()),
            Reach::OwnAndBelow => self.below.extend(own),
            Reach::Own => self.exact.extend(own),
            Reach::OwnRecord => self.own_record = true,
        }
    }

    /// Answers whether it reaches no organisation: only an own record, or nothing.
    pub fn reaches_no_organization(&self) -> bool {
        !self.all && self.exact.is_empty() && self.below.is_empty()
    }
}

/// Answers the organisation that a holder's "own" means for an account.
pub fn own_organization(holder: &GrantHolder, account: &AccountFacts) -> Option<i64> {
    holder.organization.or(account.organization)
}

/// Answers what one permission of an account reaches, over the grants that `counts` lets through.
pub fn data_scope(
    policy: &PolicyFacts,
    account: &AccountFacts,
    bit: Option<usize>,
    counts: impl Fn(&Grant, &GrantHolder) -> bool,
) -> DataScope {
    if account.is_platform {
        return DataScope::everything();
    }
    let mut scope = DataScope::default();
    let admin = policy.catalogue.bit(SYSTEM_ADMIN).filter(|bit| policy.catalogue.enabled().contains(*bit));
    for grant in account.grants.iter() {
        let Some(holder) = policy.holders.get(&grant.holder).filter(|holder| counts(grant, holder)) else {
            continue;
        };
        if gives(&holder.permissions, bit, admin) {
            scope.add(&holder.reach, own_organization(holder, account));
        }
    }
    scope
}

/// The same for what counts in a view at an instant.
pub fn data_scope_at(
    policy: &PolicyFacts,
    account: &AccountFacts,
    view: View,
    now: i64,
    code: &str,
) -> DataScope {
    let counts = |grant: &Grant, holder: &GrantHolder| {
        grant.obstacles(holder, view, At::Instant(now)).next().is_none()
    };
    data_scope(policy, account, policy.catalogue.bit(code), counts)
}

fn gives(permissions: &Bits, bit: Option<usize>, admin: Option<usize>) -> bool {
    [bit, admin].into_iter().flatten().any(|bit| permissions.contains(bit))
}

/// Answers what each code of an account reaches that does not reach everything, over the holders that count.
pub fn limits(
    policy: &PolicyFacts,
    account: &AccountFacts,
    holders: &[HolderId],
    codes: &[Arc<str>],
) -> Vec<(Arc<str>, DataScope)> {
    let is_limited = |id: &HolderId| policy.holders.get(id).is_some_and(|holder| holder.reach != Reach::All);
    if account.is_platform || !holders.iter().any(is_limited) {
        return Vec::new();
    }
    let scope = |code: &Arc<str>| {
        data_scope(policy, account, policy.catalogue.bit(code), |grant, _| holders.contains(&grant.holder))
    };
    let scopes = codes.iter().map(|code| (Arc::clone(code), scope(code)));
    scopes.filter(|(_, scope)| !scope.all).collect()
}

/// Answers the organisation of the account, where what it reaches by these grants rests on it.
pub(super) fn organization_that_matters(policy: &PolicyFacts, account: &AccountFacts) -> Option<i64> {
    let rests_on_it = |grant: &Grant| {
        let holder = policy.holders.get(&grant.holder);
        holder.is_some_and(|holder| holder.reach.rests_on_own() && holder.organization.is_none())
    };
    account.organization.filter(|_| account.grants.iter().any(rests_on_it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_as_what_says_it_and_an_unknown_one_reaches_least() {
        for name in NAMES {
            assert_eq!(Reach::read(name, vec![1]).name(), name);
        }
        assert_eq!(Reach::read("everything", Vec::new()), Reach::OwnRecord);
    }

    #[test]
    fn a_scope_is_the_union_of_what_gives_the_permission() {
        let mut scope = DataScope::default();
        assert!(scope.reaches_no_organization());
        scope.add(&Reach::OwnRecord, Some(1));
        scope.add(&Reach::Own, None);
        assert!(scope.reaches_no_organization() && scope.own_record);
        scope.add(&Reach::Own, Some(1));
        scope.add(&Reach::OwnAndBelow, Some(2));
        scope.add(&Reach::Chosen(Arc::from([3, 4])), Some(9));
        assert_eq!((scope.exact.clone(), scope.below.clone()), ([1, 3, 4].into(), [2].into()));
        assert!(!scope.all);
        scope.add(&Reach::All, None);
        assert!(scope.all);
    }
}
