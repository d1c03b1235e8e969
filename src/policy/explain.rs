//! Why an account has a permission, or why not: every way to it, also those that do not count now, each with what stands
//! against it. The verdict is the effective set's own; the ways are judged by the same `obstacles`, so the two agree:
//! a permission is held exactly when some way to it has no obstacle (tested below). No SQL, no clock.

use super::effective::{
    AccountFacts, At, Grant, GrantHolder, HolderId, Obstacle, PolicyFacts, SYSTEM_ADMIN, Standing, View,
    effective, standstill,
};

/// How a permission reaches an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Through {
    /// A platform administrator has every permission that is switched on (C23).
    Platform,
    /// A role or position carries the permission.
    Holder(HolderId),
    /// A role or position carries `system:admin`, which is every permission (S1-48).
    Administrator(HolderId),
}

/// One way of a permission to an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// Over what.
    pub through: Through,
    /// Starts at this UTC millisecond.
    pub from: Option<i64>,
    /// Ends at this UTC millisecond, exclusive.
    pub to: Option<i64>,
    /// What keeps it from counting; nothing: it counts.
    pub obstacles: Vec<Obstacle>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// What is enforced.
    pub held: bool,
    /// Every way, in the order of the grants.
    pub paths: Vec<Path>,
    /// What stands against every way.
    pub obstacles: Vec<Obstacle>,
}

/// Names what stands against every way to a permission: account, company, application or the permission itself.
pub fn general_obstacles(policy: &PolicyFacts, account: Standing, view: View, bit: usize) -> Vec<Obstacle> {
    let off = !policy.catalogue.enabled().contains(bit);
    standstill(policy, account, view).chain(off.then_some(Obstacle::PermissionOff)).collect()
}

/// Names what stands against one grant as the way to a permission, after what stands against every way.
pub fn grant_obstacles(
    general: &[Obstacle],
    grant: &Grant,
    holder: &GrantHolder,
    view: View,
    at: At,
) -> Vec<Obstacle> {
    general.iter().copied().chain(grant.obstacles(holder, view, at)).collect()
}

/// Explains whether an account holds the permission behind a bit in a view.
pub fn explain(policy: &PolicyFacts, account: &AccountFacts, view: View, at: At, bit: usize) -> Explanation {
    let general = general_obstacles(policy, account.standing(), view, bit);
    let admin = policy.catalogue.bit(SYSTEM_ADMIN);
    let mut paths = Vec::new();
    if account.is_platform {
        paths.push(Path { through: Through::Platform, from: None, to: None, obstacles: general.clone() });
    }
    for grant in account.grants.iter() {
        let Some(holder) = policy.holders.get(&grant.holder) else { continue };
        let through = if holder.permissions.contains(bit) {
            Through::Holder(grant.holder)
        } else if admin.is_some_and(|admin| holder.permissions.contains(admin)) {
            Through::Administrator(grant.holder)
        } else {
            continue;
        };
        let mut obstacles = grant_obstacles(&general, grant, holder, view, at);
        let over_admin = matches!(through, Through::Administrator(_));
        if over_admin && !admin.is_some_and(|admin| policy.catalogue.enabled().contains(admin)) {
            obstacles.push(Obstacle::PermissionOff);
        }
        paths.push(Path { through, from: grant.from, to: grant.to, obstacles });
    }
    let held = effective(policy, account, view, at).permissions.contains(bit);
    Explanation { held, paths, obstacles: general }
}

#[cfg(test)]
mod tests {
    use super::super::{Bits, Catalogue, Permission, Reach};
    use super::*;
    use livegrant_actors::{AccountId, ApplicationId, CompanyId, PositionId, RoleId};
    use proptest::prelude::*;
    use std::sync::Arc;

    const NOW: i64 = 1_000;
    const CODES: [&str; 3] = ["org:view", "menu:staff", SYSTEM_ADMIN];
    const VIEW: View = View { application: ApplicationId(1), company: CompanyId(1) };

    fn catalogue(states: &[bool]) -> Arc<Catalogue> {
        let rows = CODES.iter().zip(states).zip(1..).map(|((code, on), id)| Permission {
            id,
            application_id: 0,
            code: (*code).to_owned(),
            name: String::new(),
            description: String::new(),
            kind: "api".to_owned(),
            parent_id: None,
            level: 1,
            sort: 0,
            route: None,
            icon: None,
            builtin: true,
            critical: false,
            status: i64::from(*on),
            version: 1,
        });
        Arc::new(Catalogue::default().next(rows.collect(), 0))
    }

    fn holder(id: HolderId, company: i64, application: i64, enabled: bool, bits: Bits) -> Arc<GrantHolder> {
        Arc::new(GrantHolder {
            id,
            guid: "".into(),
            code: "".into(),
            name: "".into(),
            company: CompanyId(company),
            application: ApplicationId(application),
            enabled,
            permissions: bits,
            reach: Reach::All,
            organization: None,
            epoch: 0,
        })
    }

    fn limit() -> impl Strategy<Value = Option<i64>> {
        prop_oneof![Just(None), Just(Some(NOW - 1)), Just(Some(NOW)), Just(Some(NOW + 1))]
    }

    type Held = ((bool, i64, i64, bool, Vec<bool>), (Option<i64>, Option<i64>, bool));

    fn held() -> impl Strategy<Value = Held> {
        let carried = proptest::collection::vec(any::<bool>(), CODES.len());
        let holder = (any::<bool>(), 1..=2_i64, 0..=2_i64, prop::bool::weighted(0.8), carried);
        (holder, (limit(), limit(), any::<bool>()))
    }

    fn world(held: Vec<Held>, on: &[bool], states: [bool; 4]) -> (PolicyFacts, AccountFacts) {
        let [enabled, is_platform, company, application] = states;
        let mut policy = PolicyFacts { catalogue: catalogue(on), ..PolicyFacts::default() };
        policy.companies.insert(VIEW.company, Standing { enabled: company, epoch: 0 });
        policy.applications.insert(VIEW.application, Standing { enabled: application, epoch: 0 });
        let mut grants = Vec::new();
        for (index, ((is_role, company, application, enabled, carried), (from, to, started))) in
            (0..).zip(held)
        {
            let id =
                if is_role { HolderId::Role(RoleId(index)) } else { HolderId::Position(PositionId(index)) };
            let bits = (0..CODES.len()).filter(|bit| carried[*bit]).collect();
            policy.holders.insert(id, holder(id, company, application, enabled, bits));
            grants.push(Grant { holder: id, from, to, started });
        }
        let account = AccountFacts {
            account: AccountId(1),
            guid: "".into(),
            staff_guid: None,
            username: "".into(),
            display_name: "".into(),
            company: VIEW.company,
            enabled,
            is_platform,
            organization: None,
            grants: grants.into(),
            epoch: 0,
            stored_version: 0,
            stored_hash: "".into(),
        };
        (policy, account)
    }

    proptest! {
        #[test]
        fn the_verdict_is_what_is_enforced_and_the_paths_say_the_same(
            held in proptest::collection::vec(held(), 0..5),
            on in proptest::collection::vec(prop::bool::weighted(0.8), CODES.len()),
            enabled in prop::bool::weighted(0.8), is_platform in prop::bool::weighted(0.2),
            company in prop::bool::weighted(0.8), application in prop::bool::weighted(0.8),
            by_log in any::<bool>(),
        ) {
            let (policy, account) = world(held, &on, [enabled, is_platform, company, application]);
            let at = if by_log { At::Log } else { At::Instant(NOW) };
            let enforced = effective(&policy, &account, VIEW, at).permissions;
            for bit in 0..CODES.len() {
                let explanation = explain(&policy, &account, VIEW, at, bit);
                prop_assert_eq!(explanation.held, enforced.contains(bit));
                let some_path_counts = explanation.paths.iter().any(|path| path.obstacles.is_empty());
                prop_assert_eq!(explanation.held, some_path_counts, "{:?}", explanation);
            }
        }
    }

    #[test]
    fn every_obstacle_is_named_on_the_way_that_it_blocks() {
        let carries = |enabled, company, application, from, to| {
            ((true, company, application, enabled, vec![true, false, false]), (from, to, true))
        };
        let held = vec![
            carries(true, 1, 0, None, None),
            carries(false, 1, 0, None, None),
            carries(true, 2, 0, None, None),
            carries(true, 1, 2, None, None),
            carries(true, 1, 1, Some(NOW + 1), None),
            carries(true, 1, 1, None, Some(NOW)),
        ];
        let (policy, account) = world(held.clone(), &[true; 3], [true, false, true, true]);
        let explanation = explain(&policy, &account, VIEW, At::Instant(NOW), 0);
        let named: Vec<_> = explanation.paths.into_iter().map(|path| path.obstacles).collect();
        let expected = [
            vec![],
            vec![Obstacle::HolderOff],
            vec![Obstacle::OtherCompany],
            vec![Obstacle::OtherApplication],
            vec![Obstacle::NotStarted],
            vec![Obstacle::Over],
        ];
        assert_eq!(named, expected);
        let (policy, account) = world(held, &[false, true, true], [false, false, false, false]);
        let explanation = explain(&policy, &account, VIEW, At::Instant(NOW), 0);
        let expected =
            [Obstacle::AccountOff, Obstacle::CompanyOff, Obstacle::ApplicationOff, Obstacle::PermissionOff];
        assert_eq!(explanation.obstacles, expected);
        assert!(explanation.paths.iter().all(|path| path.obstacles.starts_with(&expected)));
    }

    #[test]
    fn an_administrator_has_what_his_role_does_not_carry() {
        let admin = ((true, 1, 0, true, vec![false, false, true]), (None, None, true));
        let (policy, account) = world(vec![admin], &[true; 3], [true, false, true, true]);
        let explanation = explain(&policy, &account, VIEW, At::Instant(NOW), 0);
        assert!(explanation.held);
        assert_eq!(explanation.paths[0].through, Through::Administrator(HolderId::Role(RoleId(0))));
    }
}
