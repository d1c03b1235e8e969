//! The same question of data scopes (FC7, I2): every change after which a permission of somebody reaches less than before
//! raises a scope of that person's stamp. Which organisation lies below which is rows here, as it is in the database.

use super::super::effective::{Grant, effective};
use super::super::reach::data_scope_at;
use super::super::{
    AccountFacts, At, Catalogue, DataScope, Edit, GrantHolder, HolderId, PolicyChange, PolicyFacts, Reach,
    Scope, Standing, View, raised,
};
use super::permission;
use livegrant_actors::{AccountId, ApplicationId, CompanyId, PositionId, RoleId};
use proptest::prelude::*;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

const VIEW: View = View { application: ApplicationId(1), company: CompanyId(1) };
const CODE: &str = "org:view";
/// Organisations 1 to this.
const LAND: i64 = 5;

#[derive(Debug, Clone)]
struct World {
    /// The organisation above each; 0: none. Always a lower number, so there is no circle.
    above: Vec<i64>,
    reaches: Vec<Reach>,
    places: Vec<Option<i64>>,
    own: Option<i64>,
}

fn reach() -> impl Strategy<Value = Reach> {
    prop_oneof![
        Just(Reach::All),
        prop::collection::btree_set(1..=LAND, 0..3)
            .prop_map(|rows| Reach::Chosen(rows.into_iter().collect())),
        Just(Reach::OwnAndBelow),
        Just(Reach::Own),
        Just(Reach::OwnRecord),
    ]
}

fn place() -> impl Strategy<Value = Option<i64>> {
    prop_oneof![1 => Just(None), 3 => (1..=LAND).prop_map(Some)]
}

prop_compose! {
    fn world()(
        above in prop::collection::vec(0..LAND, LAND as usize),
        reaches in prop::collection::vec(reach(), 2),
        position in place(),
        own in place(),
    ) -> World {
        let above = (1..).zip(above).map(|(row, above)| above % row).collect();
        // The first holder is a role and belongs nowhere, the second is a position.
        World { above, reaches, places: vec![None, position], own }
    }
}

/// What an administrator does.
#[derive(Debug, Clone)]
enum Act {
    Rescope(usize, Reach),
    MovePosition(Option<i64>),
    MovePerson(Option<i64>),
    MoveOrganization(i64, i64),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        (0..2_usize, reach()).prop_map(|(holder, reach)| Act::Rescope(holder, reach)),
        place().prop_map(Act::MovePosition),
        place().prop_map(Act::MovePerson),
        (1..=LAND, 0..LAND).prop_map(|(row, above)| Act::MoveOrganization(row, above % row)),
    ]
}

fn id(holder: usize) -> HolderId {
    if holder == 0 { HolderId::Role(RoleId(1)) } else { HolderId::Position(PositionId(1)) }
}

impl World {
    fn apply(&mut self, act: Act) -> Vec<PolicyChange> {
        let edit = Edit::Rescoped;
        match act {
            Act::Rescope(holder, reach) => {
                self.reaches[holder] = reach;
                vec![match id(holder) {
                    HolderId::Role(role) => PolicyChange::RoleEdited { role, edit },
                    HolderId::Position(position) => PolicyChange::PositionEdited { position, edit },
                }]
            }
            Act::MovePosition(to) => {
                self.places[1] = to;
                vec![PolicyChange::PositionEdited { position: PositionId(1), edit }]
            }
            Act::MovePerson(to) => {
                self.own = to;
                vec![PolicyChange::AccountEdited { account: AccountId(1) }]
            }
            Act::MoveOrganization(row, above) => {
                self.above[row as usize - 1] = above;
                vec![PolicyChange::OrganizationsMoved { company: VIEW.company }]
            }
        }
    }

    fn facts(&self) -> (PolicyFacts, AccountFacts) {
        let catalogue = Arc::new(Catalogue::default().next(vec![permission(1, CODE, true)], 0));
        let mut policy = PolicyFacts { catalogue, ..PolicyFacts::default() };
        policy.companies.insert(VIEW.company, Standing { enabled: true, epoch: 0 });
        policy.applications.insert(VIEW.application, Standing { enabled: true, epoch: 0 });
        let holders = self.reaches.iter().zip(&self.places).enumerate().map(|(holder, (reach, place))| {
            let holder = GrantHolder {
                id: id(holder),
                guid: "".into(),
                code: "".into(),
                name: "".into(),
                company: VIEW.company,
                application: ApplicationId(0),
                enabled: true,
                permissions: [0].into_iter().collect(),
                reach: reach.clone(),
                organization: *place,
                epoch: 0,
            };
            (holder.id, Arc::new(holder))
        });
        policy.holders = holders.collect::<HashMap<_, _>>();
        let grant = |holder| Grant { holder: id(holder), from: None, to: None, started: true };
        let account = AccountFacts {
            account: AccountId(1),
            guid: "".into(),
            staff_guid: None,
            username: "".into(),
            display_name: "".into(),
            company: VIEW.company,
            enabled: true,
            is_platform: false,
            organization: self.own,
            grants: [grant(0), grant(1)].into(),
            epoch: 0,
            stored_version: 0,
            stored_hash: "".into(),
        };
        (policy, account)
    }

    fn lies_at_or_below(&self, row: i64, top: i64) -> bool {
        row == top || row != 0 && self.lies_at_or_below(self.above[row as usize - 1], top)
    }

    /// The organisations that the permission reaches; 0 stands for what belongs to none.
    fn reached(&self) -> BTreeSet<i64> {
        let (policy, account) = self.facts();
        let DataScope { all, exact, below, .. } = data_scope_at(&policy, &account, VIEW, 0, CODE);
        let reached = |row: &i64| {
            all || exact.contains(row)
                || *row != 0 && below.iter().any(|top| self.lies_at_or_below(*row, *top))
        };
        (0..=LAND).filter(reached).collect()
    }

    fn stamp(&self) -> BTreeSet<Scope> {
        let (policy, account) = self.facts();
        let result = effective(&policy, &account, VIEW, At::Instant(0));
        result.epochs.into_iter().map(|(scope, _)| scope).collect()
    }
}

proptest! {
    #[test]
    fn what_reaches_less_than_before_has_a_raised_scope_in_its_stamp(before in world(), act in act()) {
        let mut after = before.clone();
        let changes = after.apply(act);
        if !after.reached().is_superset(&before.reached()) {
            let stamp = before.stamp();
            prop_assert!(raised(&changes).iter().any(|scope| stamp.contains(scope)), "{changes:?} not in {stamp:?}");
        }
    }
}
