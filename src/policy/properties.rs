//! Properties of the one computation, over random policies: it equals a recomputation that is written differently, and
//! every change that takes something from someone raises a scope of that person's stamp (I2).
//!
//! `sharing` asks the same of what accounts share, over histories; `reaching` of what permissions reach.
//! The policy is plain rows here, as an administrator would see them; `facts` turns them into what the node has in memory.

mod reaching;
mod sharing;

use super::effective::{Effective, Grant, effective};
use super::snapshot::Enforced;
use super::{
    AccountFacts, At, Bits, Catalogue, Edit, EndCode, GrantHolder, HolderId, Permission, PolicyChange,
    PolicyFacts, Reach, SYSTEM_ADMIN, Scope, Snapshot, Stamp, Standing, View, raised,
};
use livegrant_actors::{AccountId, ApplicationId, CompanyId, PositionId, Rev, RoleId, SessionId};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

const NOW: i64 = 1000;
const CODES: [&str; 5] = ["a:view", "a:edit", "b:view", "b:edit", SYSTEM_ADMIN];
const HOLDERS: usize = 6;
const ACCOUNTS: usize = 3;

#[derive(Debug, Clone)]
struct HolderRow {
    company: i64,
    application: i64,
    enabled: bool,
    permissions: BTreeSet<i64>,
    reach: usize,
}

#[derive(Debug, Clone)]
struct AccountRow {
    enabled: bool,
    platform: bool,
    organization: i64,
    /// Holder, from, to, started.
    grants: BTreeMap<HolderId, (Option<i64>, Option<i64>, bool)>,
    session_ended: bool,
}

#[derive(Debug, Clone)]
struct Policy {
    /// By id: code and whether it is switched on.
    permissions: BTreeMap<i64, (String, bool)>,
    holders: BTreeMap<HolderId, HolderRow>,
    accounts: Vec<AccountRow>,
    companies: [bool; 2],
    applications: [bool; 2],
    epochs: BTreeMap<Scope, i64>,
}

fn holder_id(index: usize) -> HolderId {
    let id = index as i64 + 1;
    if index < 4 { HolderId::Role(RoleId(id)) } else { HolderId::Position(PositionId(id)) }
}

fn views() -> impl Iterator<Item = View> {
    let pairs = (0..2).flat_map(|company| (0..2).map(move |application| (company + 1, application + 1)));
    pairs.map(|(c, a)| View { company: CompanyId(c), application: ApplicationId(a) })
}

/// Switched on more often than off.
fn mostly() -> impl Strategy<Value = bool> {
    prop::bool::weighted(0.8)
}

/// Data scopes of [`reach`].
const REACHES: usize = 5;

fn reach(which: usize) -> Reach {
    match which {
        0 => Reach::Chosen([1].into()),
        1 => Reach::Own,
        2 => Reach::OwnAndBelow,
        3 => Reach::OwnRecord,
        _ => Reach::All,
    }
}

/// An instant around now.
fn limit() -> impl Strategy<Value = Option<i64>> {
    prop_oneof![3 => Just(None), 1 => (NOW - 2..=NOW + 2).prop_map(Some)]
}

prop_compose! {
    fn holder_row()(
        company in 1..=2_i64,
        application in 0..=2_i64,
        enabled in mostly(),
        // `system:admin`, the last one, would make every other question moot.
        permissions in prop::collection::btree_set(prop_oneof![12 => 1..=4_i64, 1 => Just(5)], 0..4),
        reach in 0..REACHES,
    ) -> HolderRow {
        HolderRow { company, application, enabled, permissions, reach }
    }
}

prop_compose! {
    fn account_row()(
        enabled in mostly(),
        platform in prop::bool::weighted(0.1),
        organization in 0..3_i64,
        grants in prop::collection::btree_map(
            (0..HOLDERS).prop_map(holder_id), (limit(), limit(), mostly()), 0..5),
    ) -> AccountRow {
        AccountRow { enabled, platform, organization, grants, session_ended: false }
    }
}

prop_compose! {
    fn policy()(
        on in prop::collection::vec(mostly(), CODES.len()),
        holders in prop::collection::vec(holder_row(), HOLDERS),
        accounts in prop::collection::vec(account_row(), ACCOUNTS),
        companies in [mostly(), mostly()],
        applications in [mostly(), mostly()],
        epochs in prop::collection::vec(0..5_i64, HOLDERS + ACCOUNTS + 5),
    ) -> Policy {
        let permissions = (1..).zip(CODES.iter().zip(on).map(|(code, on)| ((*code).to_owned(), on))).collect();
        let holders: BTreeMap<_, _> =
            holders.into_iter().enumerate().map(|(index, row)| (holder_id(index), row)).collect();
        let scopes = holders.keys().map(|id| id.scope())
            .chain((0..ACCOUNTS as i64).map(|id| Scope::Account(AccountId(id))))
            .chain((1..=2).flat_map(|id| [Scope::Company(CompanyId(id)), Scope::Application(ApplicationId(id))]))
            .chain([Scope::Catalogue]);
        let epochs = scopes.zip(epochs).collect();
        Policy { permissions, holders, accounts, companies, applications, epochs }
    }
}

impl Policy {
    fn epoch(&self, scope: &Scope) -> i64 {
        self.epochs.get(scope).copied().unwrap_or(0)
    }

    /// What the node would have in memory.
    fn facts(&self) -> PolicyFacts {
        let rows = self.permissions.iter().map(|(id, (code, on))| permission(*id, code, *on)).collect();
        let catalogue = Catalogue::default().next(rows, self.epoch(&Scope::Catalogue));
        let holder = |(id, row): (&HolderId, &HolderRow)| {
            let permissions: Bits =
                row.permissions.iter().filter_map(|id| catalogue.bit_of_id(*id)).collect();
            let holder = GrantHolder {
                id: *id,
                guid: "".into(),
                code: "".into(),
                name: "".into(),
                company: CompanyId(row.company),
                application: ApplicationId(row.application),
                enabled: row.enabled,
                permissions,
                reach: reach(row.reach),
                organization: None,
                epoch: self.epoch(&id.scope()),
            };
            (*id, Arc::new(holder))
        };
        let standing = |enabled: bool, scope: &Scope| Standing { enabled, epoch: self.epoch(scope) };
        let companies = (1..).map(CompanyId).zip(self.companies);
        let applications = (1..).map(ApplicationId).zip(self.applications);
        PolicyFacts {
            holders: self.holders.iter().map(holder).collect(),
            companies: companies.map(|(id, on)| (id, standing(on, &Scope::Company(id)))).collect(),
            applications: applications.map(|(id, on)| (id, standing(on, &Scope::Application(id)))).collect(),
            catalogue: Arc::new(catalogue),
            trees: HashMap::new(),
        }
    }

    fn account_facts(&self, account: usize) -> AccountFacts {
        let id = AccountId(account as i64);
        let row = &self.accounts[account];
        let grant = |(holder, limits): (&HolderId, &(Option<i64>, Option<i64>, bool))| Grant {
            holder: *holder,
            from: limits.0,
            to: limits.1,
            started: limits.2,
        };
        AccountFacts {
            account: id,
            guid: "".into(),
            staff_guid: None,
            username: "".into(),
            display_name: "".into(),
            company: CompanyId(1),
            enabled: row.enabled,
            is_platform: row.platform,
            organization: (row.organization > 0).then_some(row.organization),
            grants: row.grants.iter().map(grant).collect(),
            epoch: self.epoch(&Scope::Account(id)),
            stored_version: 1,
            stored_hash: "".into(),
        }
    }

    fn computed(&self, account: usize, view: View, at: At) -> (Effective, Arc<Catalogue>) {
        let facts = self.facts();
        (effective(&facts, &self.account_facts(account), view, at), facts.catalogue)
    }

    fn stamp(&self, account: usize, result: Effective, catalogue: Arc<Catalogue>) -> Stamp {
        let (id, enforced) = (AccountId(account as i64), Arc::new(Enforced::new(result, catalogue)));
        Snapshot::new(enforced, id, self.epoch(&Scope::Account(id)), ("log".into(), Rev(1)))
            .stamp(&sid(account))
    }

    /// The codes that the session of an account may use now: what a check would let through.
    fn codes(&self, account: usize, view: View) -> BTreeSet<String> {
        if self.accounts[account].session_ended {
            return BTreeSet::new();
        }
        let (result, catalogue) = self.computed(account, view, At::Instant(NOW));
        catalogue.codes_of(&result.permissions).iter().map(ToString::to_string).collect()
    }

    /// Asks each code by itself, with texts and rows in place of bits.
    fn recomputed(&self, account: usize, view: View, at: At) -> BTreeSet<String> {
        let row = &self.accounts[account];
        let standing =
            self.companies[view.company.0 as usize - 1] && self.applications[view.application.0 as usize - 1];
        let counts = |holder: HolderId| {
            let (from, to, started) = row.grants[&holder];
            let in_time = match at {
                At::Log => started,
                At::Instant(now) => from.unwrap_or(i64::MIN) <= now && now < to.unwrap_or(i64::MAX),
            };
            self.holders.get(&holder).filter(|holder| {
                in_time
                    && holder.enabled
                    && holder.company == view.company.0
                    && [0, view.application.0].contains(&holder.application)
            })
        };
        let given = |code: &str| {
            let mut rows = row.grants.keys().filter_map(|holder| counts(*holder));
            rows.any(|holder| {
                holder.permissions.iter().any(|id| self.permissions.get(id).is_some_and(|p| p.0 == code))
            })
        };
        let on = |code: &str| self.permissions.values().any(|(other, on)| other == code && *on);
        let everything = row.platform || (on(SYSTEM_ADMIN) && given(SYSTEM_ADMIN));
        let codes = self.permissions.values().map(|(code, _)| code.clone());
        codes.filter(|code| row.enabled && standing && on(code) && (everything || given(code))).collect()
    }
}

fn permission(id: i64, code: &str, on: bool) -> Permission {
    Permission {
        id,
        application_id: 0,
        code: code.to_owned(),
        name: String::new(),
        description: String::new(),
        kind: "api".to_owned(),
        parent_id: None,
        level: 1,
        sort: 0,
        route: None,
        icon: None,
        builtin: false,
        critical: false,
        status: i64::from(on),
        version: 1,
    }
}

fn sid(account: usize) -> SessionId {
    SessionId::from(format!("session-{account}"))
}

/// What an administrator does; the numbers choose among what is there.
#[derive(Debug, Clone, Copy)]
enum Act {
    GiveOrTakeHolder(usize, usize),
    GrantOrRevoke(usize, i64),
    SwitchHolder(usize),
    DeleteHolder(usize),
    Rescope(usize, usize),
    SwitchPermission(i64),
    DeletePermission(i64),
    RecodePermission(i64),
    SwitchAccount(usize),
    TogglePlatform(usize),
    UnlinkStaff(usize),
    Settle(usize, i64),
    EndSession(usize),
    EndAllSessions(usize),
}

fn act() -> impl Strategy<Value = Act> {
    let (account, holder, permission) = (0..ACCOUNTS, 0..HOLDERS, 1..=CODES.len() as i64);
    prop_oneof![
        (account.clone(), holder.clone()).prop_map(|(a, h)| Act::GiveOrTakeHolder(a, h)),
        (holder.clone(), permission.clone()).prop_map(|(h, p)| Act::GrantOrRevoke(h, p)),
        holder.clone().prop_map(Act::SwitchHolder),
        holder.clone().prop_map(Act::DeleteHolder),
        (holder, 0..REACHES).prop_map(|(h, reach)| Act::Rescope(h, reach)),
        permission.clone().prop_map(Act::SwitchPermission),
        permission.clone().prop_map(Act::DeletePermission),
        permission.prop_map(Act::RecodePermission),
        account.clone().prop_map(Act::SwitchAccount),
        account.clone().prop_map(Act::TogglePlatform),
        account.clone().prop_map(Act::UnlinkStaff),
        (account.clone(), 0..3_i64).prop_map(|(a, organization)| Act::Settle(a, organization)),
        account.clone().prop_map(Act::EndSession),
        account.prop_map(Act::EndAllSessions),
    ]
}

impl Act {
    /// Changes the rows and answers what the log says of it.
    fn apply(self, policy: &mut Policy) -> Vec<PolicyChange> {
        match self {
            Self::GiveOrTakeHolder(account, holder) => vec![give_or_take(policy, account, holder_id(holder))],
            Self::GrantOrRevoke(holder, permission) => {
                let id = holder_id(holder);
                let Some(row) = policy.holders.get_mut(&id) else { return Vec::new() };
                if !row.permissions.remove(&permission) {
                    row.permissions.insert(permission);
                }
                let (added, removed) = (Vec::new(), Vec::new());
                vec![match id {
                    HolderId::Role(role) => PolicyChange::RolePermissions { role, added, removed },
                    HolderId::Position(position) => {
                        PolicyChange::PositionPermissions { position, added, removed }
                    }
                }]
            }
            Self::SwitchHolder(holder) => {
                let id = holder_id(holder);
                let Some(row) = policy.holders.get_mut(&id) else { return Vec::new() };
                row.enabled = !row.enabled;
                vec![edited(id, Edit::Switched)]
            }
            Self::Rescope(holder, reach) => {
                let id = holder_id(holder);
                let Some(row) = policy.holders.get_mut(&id) else { return Vec::new() };
                row.reach = reach;
                vec![edited(id, Edit::Rescoped)]
            }
            Self::DeleteHolder(holder) => {
                let id = holder_id(holder);
                policy.holders.remove(&id);
                for account in &mut policy.accounts {
                    account.grants.remove(&id);
                }
                vec![edited(id, Edit::Deleted)]
            }
            Self::SwitchPermission(id) => {
                if let Some((_, on)) = policy.permissions.get_mut(&id) {
                    *on = !*on;
                }
                vec![PolicyChange::Catalogue { permissions: Vec::new(), edit: Edit::Switched }]
            }
            Self::DeletePermission(id) => {
                policy.permissions.remove(&id);
                for holder in policy.holders.values_mut() {
                    holder.permissions.remove(&id);
                }
                vec![PolicyChange::Catalogue { permissions: Vec::new(), edit: Edit::Deleted }]
            }
            Self::RecodePermission(id) => {
                if let Some((code, _)) = policy.permissions.get_mut(&id) {
                    code.push('x');
                }
                vec![PolicyChange::Catalogue { permissions: Vec::new(), edit: Edit::Renamed }]
            }
            Self::SwitchAccount(account) => {
                let row = &mut policy.accounts[account];
                row.enabled = !row.enabled;
                vec![PolicyChange::UserStatus { account: AccountId(account as i64), enabled: row.enabled }]
            }
            Self::TogglePlatform(account) => {
                let row = &mut policy.accounts[account];
                row.platform = !row.platform;
                vec![PolicyChange::AccountEdited { account: AccountId(account as i64) }]
            }
            Self::UnlinkStaff(account) => {
                policy.accounts[account].grants.retain(|holder, _| matches!(holder, HolderId::Role(_)));
                vec![PolicyChange::AccountEdited { account: AccountId(account as i64) }]
            }
            Self::Settle(account, organization) => {
                policy.accounts[account].organization = organization;
                vec![PolicyChange::AccountEdited { account: AccountId(account as i64) }]
            }
            Self::EndSession(account) => end(policy, account, vec![sid(account)], false),
            // A session that nobody listed: the account's scope has to do.
            Self::EndAllSessions(account) => end(policy, account, Vec::new(), true),
        }
    }
}

fn give_or_take(policy: &mut Policy, account: usize, holder: HolderId) -> PolicyChange {
    let grants = &mut policy.accounts[account].grants;
    let taken = grants.remove(&holder).is_some();
    if !taken {
        grants.insert(holder, (None, None, true));
    }
    let account = AccountId(account as i64);
    match holder {
        HolderId::Role(role) => {
            let (added, removed) = if taken { (vec![], vec![role]) } else { (vec![role], vec![]) };
            PolicyChange::UserRoles { account, added, removed }
        }
        HolderId::Position(position) => {
            let (added, removed) = if taken { (vec![], vec![position]) } else { (vec![position], vec![]) };
            PolicyChange::StaffPositions { staff: 1, account: Some(account), added, removed }
        }
    }
}

fn edited(id: HolderId, edit: Edit) -> PolicyChange {
    match id {
        HolderId::Role(role) => PolicyChange::RoleEdited { role, edit },
        HolderId::Position(position) => PolicyChange::PositionEdited { position, edit },
    }
}

fn end(policy: &mut Policy, account: usize, sids: Vec<SessionId>, all: bool) -> Vec<PolicyChange> {
    policy.accounts[account].session_ended = true;
    let account = AccountId(account as i64);
    vec![PolicyChange::SessionsEnded { account, sids, all, keep: None, code: EndCode::SessionKicked }]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_effective_set_is_what_each_code_by_itself_says(policy in policy()) {
        for (account, view) in (0..ACCOUNTS).flat_map(|account| views().map(move |view| (account, view))) {
            for at in [At::Log, At::Instant(NOW)] {
                let (result, catalogue) = policy.computed(account, view, at);
                let codes: BTreeSet<_> =
                    catalogue.codes_of(&result.permissions).iter().map(ToString::to_string).collect();
                prop_assert_eq!(codes, policy.recomputed(account, view, at), "{} {:?} {:?}", account, view, at);
            }
        }
    }

    #[test]
    fn a_decision_holds_until_its_next_time_limit(policy in policy()) {
        for (account, view) in (0..ACCOUNTS).flat_map(|account| views().map(move |view| (account, view))) {
            let (result, _) = policy.computed(account, view, At::Instant(NOW));
            let limits = policy.accounts[account].grants.values().flat_map(|(from, to, _)| [*from, *to]);
            prop_assert_eq!(result.until, limits.flatten().filter(|limit| *limit > NOW).min());
            for later in NOW..result.until.unwrap_or(NOW + 5) {
                prop_assert_eq!(&policy.computed(account, view, At::Instant(later)).0, &result);
            }
        }
    }

    #[test]
    fn a_stamp_names_the_epochs_of_all_that_the_decision_rests_on(policy in policy()) {
        for (account, view) in (0..ACCOUNTS).flat_map(|account| views().map(move |view| (account, view))) {
            let (result, catalogue) = policy.computed(account, view, At::Instant(NOW));
            let on_tree = |id: &HolderId| policy.holders.get(id).is_some_and(|row| reach(row.reach).rests_on_tree());
            let rests_on_tree = result.holders.iter().any(on_tree);
            let stamp = policy.stamp(account, result, catalogue);
            let mut scopes = vec![
                Scope::Account(AccountId(account as i64)),
                Scope::Company(view.company),
                Scope::Application(view.application),
                Scope::Catalogue,
                Scope::Session(sid(account)),
            ];
            scopes.extend(policy.accounts[account].grants.keys().map(|holder| holder.scope()));
            scopes.extend(rests_on_tree.then_some(Scope::Organizations(view.company)));
            let expected: HashMap<_, _> = scopes.into_iter().map(|scope| (scope.clone(), policy.epoch(&scope))).collect();
            let named: HashMap<_, _> = stamp.epochs().iter().cloned().collect();
            prop_assert_eq!(stamp.epochs().len(), named.len(), "no scope is named twice");
            prop_assert_eq!(named, expected);
        }
    }

    #[test]
    fn what_takes_something_raises_a_scope_of_the_stamp(before in policy(), acts in prop::collection::vec(act(), 1..4)) {
        let mut after = before.clone();
        let changes: Vec<_> = acts.iter().flat_map(|act| act.apply(&mut after)).collect();
        let raised: BTreeSet<_> = raised(&changes).into_iter().collect();
        for (account, view) in (0..ACCOUNTS).flat_map(|account| views().map(move |view| (account, view))) {
            let (had, has) = (before.codes(account, view), after.codes(account, view));
            let lost: Vec<_> = had.difference(&has).collect();
            let (result, catalogue) = before.computed(account, view, At::Instant(NOW));
            let stamp = before.stamp(account, result, catalogue);
            let found_out = stamp.epochs().iter().any(|(scope, _)| raised.contains(scope));
            prop_assert!(lost.is_empty() || found_out, "{} lost {:?} by {:?}; raised {:?}", account, lost, acts, raised);
        }
    }
}
