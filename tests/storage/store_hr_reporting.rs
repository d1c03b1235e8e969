//! The store functions that find people by their place in the company, over roles, positions and organisations, and every
//! assignee rule on top of them (FW19): the same expectations on both databases.

use std::collections::BTreeMap;

use livegrant::access::store as access_store;
use livegrant::db::Conn;
use livegrant::hr::reporting;
use livegrant::hr::store::{self as hr_store};
use livegrant::policy::HolderId;
use livegrant::sql_exec;
use livegrant::workflow::assignees::{Asking, resolve};
use livegrant::workflow::graph::AssigneeRule;
use livegrant::workflow::people::People;
use livegrant::workflow::substitutes;
use livegrant::workflow::variables::{Initiator, Variables};
use livegrant_actors::{AccountId, CompanyId, PositionId, RoleId};
use serde_json::{Value, json};

use crate::house::{COMPANY, House, insert_account, insert_position, insert_staff, permission_id, place};
use crate::support::both_databases;

const OTHER: CompanyId = CompanyId(2);
const NOW: i64 = 1000;

/// `root` (led by boss) ⊃ `sales` (no leader; mia is in its leading position) ⊃ `desk` (led by lea): ann, bob.
struct Firm {
    boss: AccountId,
    mia: AccountId,
    lea: AccountId,
    ann: AccountId,
    bob: AccountId,
    desk: i64,
    role: RoleId,
    clerk: PositionId,
}

async fn staff(conn: &mut Conn, name: &str, organization: &str) -> (AccountId, i64) {
    let account = insert_account(conn, name).await;
    let staff = insert_staff(conn, name, account).await;
    sql_exec!(
        conn,
        "UPDATE hr_staff SET org_id = (SELECT id FROM hr_organization WHERE code = $2) WHERE id = $1",
        staff,
        organization
    )
    .unwrap();
    (account, staff)
}

async fn lead(conn: &mut Conn, organization: &str, staff: i64) {
    sql_exec!(conn, "UPDATE hr_organization SET leader_staff_id = $2 WHERE code = $1", organization, staff)
        .unwrap();
}

async fn firm(conn: &mut Conn) -> Firm {
    let mut above: Option<i64> = None;
    for code in ["root", "sales", "desk"] {
        sql_exec!(
            conn,
            "INSERT INTO hr_organization (guid, company_id, code, name, parent_id, created_at, updated_at)
             VALUES ($1, $2, $1, $1, $3, 1, 1)",
            code,
            COMPANY.0,
            above
        )
        .unwrap();
        above = hr_store::reporting::organization_id(conn, COMPANY, code).await.unwrap();
    }
    let (boss, boss_staff) = staff(conn, "boss", "root").await;
    let (mia, mia_staff) = staff(conn, "mia", "sales").await;
    let (lea, lea_staff) = staff(conn, "lea", "desk").await;
    let (ann, ann_staff) = staff(conn, "ann", "desk").await;
    let (bob, bob_staff) = staff(conn, "bob", "desk").await;
    lead(conn, "root", boss_staff).await;
    lead(conn, "desk", lea_staff).await;
    let chief = insert_position(conn, "chief").await;
    sql_exec!(
        conn,
        "UPDATE hr_position SET is_manager = TRUE, org_id = (SELECT id FROM hr_organization WHERE code = 'sales')
          WHERE code = $1",
        "chief"
    )
    .unwrap();
    place(conn, mia_staff, chief).await;
    let clerk = insert_position(conn, "clerk").await;
    place(conn, ann_staff, clerk).await;
    place(conn, bob_staff, clerk).await;
    let role = access_store::insert_role(conn, COMPANY, "reviewer", "r", 1).await.unwrap();
    let permission = permission_id(conn, "workflow:admin").await;
    access_store::grant(conn, HolderId::Role(role), permission, AccountId(0), 1).await.unwrap();
    for account in [bob, mia] {
        access_store::give_role(conn, account, role, None, None, AccountId(0), 1).await.unwrap();
    }
    Firm { boss, mia, lea, ann, bob, desk: above.unwrap(), role, clerk }
}

/// Switches an account off, or sends its person away; the state before is put back by the second call.
async fn away(conn: &mut Conn, account: AccountId, how: &str, off: bool) {
    let done = match how {
        "account" => sql_exec!(
            conn,
            "UPDATE sys_login_user SET status = $2 WHERE user_id = $1",
            account.0,
            i64::from(!off)
        ),
        _ => sql_exec!(
            conn,
            "UPDATE hr_staff SET status = $2 WHERE account_id = $1",
            account.0,
            if off { "on_leave" } else { "active" }
        ),
    };
    assert_eq!(done.unwrap(), 1);
}

both_databases! {
    async fn people_are_found_by_their_place(database: TestDatabase) {
        let house = House::build(&database).await;
        let mut work = house.work().await;
        let conn = work.conn();
        let f = firm(conn).await;
        assert_eq!(hr_store::reporting::card(conn, COMPANY, f.ann).await.unwrap().unwrap().1, "ann");
        assert!(hr_store::reporting::card(conn, OTHER, f.ann).await.unwrap().is_none());
        let chain = hr_store::reporting::chain(conn, COMPANY, f.ann).await.unwrap();
        assert_eq!(chain.iter().map(|level| level.code.as_str()).collect::<Vec<_>>(), ["desk", "sales", "root"]);
        assert!(hr_store::reporting::chain(conn, OTHER, f.ann).await.unwrap().is_empty());
        assert!(hr_store::reporting::organization_id(conn, OTHER, "desk").await.unwrap().is_none());
        let sales = hr_store::reporting::organization_id(conn, COMPANY, "sales").await.unwrap().unwrap();
        assert_eq!(hr_store::reporting::leader(conn, COMPANY, f.desk).await.unwrap(), [f.lea]);
        assert_eq!(hr_store::reporting::leader(conn, COMPANY, sales).await.unwrap(), []);
        assert_eq!(hr_store::reporting::managers(conn, COMPANY, sales, NOW).await.unwrap(), [f.mia]);
        assert_eq!(hr_store::reporting::managers(conn, OTHER, sales, NOW).await.unwrap(), []);
        assert_eq!(hr_store::reporting::members(conn, COMPANY, "sales").await.unwrap(), [f.mia, f.lea, f.ann, f.bob]);
        assert_eq!(hr_store::reporting::members(conn, OTHER, "sales").await.unwrap(), []);
        assert_eq!(hr_store::reporting::in_position(conn, COMPANY, "clerk", NOW).await.unwrap(), [f.ann, f.bob]);
        assert_eq!(hr_store::reporting::in_position(conn, OTHER, "clerk", NOW).await.unwrap(), []);
        assert_eq!(hr_store::reporting::positions_of(conn, COMPANY, f.mia, NOW).await.unwrap(), ["chief"]);
        assert!(hr_store::reporting::position_exists(conn, COMPANY, "clerk").await.unwrap());
        assert!(!hr_store::reporting::position_exists(conn, OTHER, "clerk").await.unwrap());
        assert_eq!(access_store::holders::of_role(conn, COMPANY, "reviewer", NOW).await.unwrap(), [f.mia, f.bob]);
        assert_eq!(access_store::holders::of_role(conn, OTHER, "reviewer", NOW).await.unwrap(), []);
        assert_eq!(access_store::holders::roles_of(conn, COMPANY, f.bob, NOW).await.unwrap(), ["reviewer"]);
        assert_eq!(access_store::holders::of_permission(conn, COMPANY, "workflow:admin", NOW).await.unwrap(), [f.mia, f.bob]);
        assert_eq!(access_store::holders::of_permission(conn, COMPANY, "org:view", NOW).await.unwrap(), []);
        assert!(access_store::holders::role_exists(conn, COMPANY, "reviewer").await.unwrap());
        assert!(!access_store::holders::role_exists(conn, OTHER, "reviewer").await.unwrap());
        assert_eq!(access_store::holders::platform(conn, COMPANY).await.unwrap(), []);
        sql_exec!(conn, "UPDATE sys_login_user SET is_platform = TRUE WHERE user_id = $1", f.boss.0).unwrap();
        assert_eq!(access_store::holders::platform(conn, COMPANY).await.unwrap(), [f.boss]);

        // Over a position, and outside its time.
        let permission = permission_id(conn, "org:view").await;
        access_store::grant(conn, HolderId::Position(f.clerk), permission, AccountId(0), 1).await.unwrap();
        assert_eq!(access_store::holders::of_permission(conn, COMPANY, "org:view", NOW).await.unwrap(), [f.ann, f.bob]);
        sql_exec!(conn, "UPDATE hr_r_staff_position SET valid_to = $1 WHERE position_id = $2", NOW, f.clerk.0).unwrap();
        sql_exec!(conn, "UPDATE sys_user_role SET valid_from = $1 WHERE role_id = $2", NOW + 1, f.role.0).unwrap();
        assert_eq!(hr_store::reporting::in_position(conn, COMPANY, "clerk", NOW).await.unwrap(), []);
        assert_eq!(hr_store::reporting::in_position(conn, COMPANY, "clerk", NOW - 1).await.unwrap(), [f.ann, f.bob]);
        assert_eq!(access_store::holders::of_permission(conn, COMPANY, "org:view", NOW).await.unwrap(), []);
        assert_eq!(access_store::holders::of_role(conn, COMPANY, "reviewer", NOW).await.unwrap(), []);
        assert_eq!(access_store::holders::of_role(conn, COMPANY, "reviewer", NOW + 1).await.unwrap(), [f.mia, f.bob]);
    }

    async fn only_people_who_can_act_are_found(database: TestDatabase) {
        let house = House::build(&database).await;
        let mut work = house.work().await;
        let conn = work.conn();
        let f = firm(conn).await;
        let (guid, ..) = hr_store::reporting::card(conn, COMPANY, f.bob).await.unwrap().unwrap();
        for how in ["account", "staff"] {
            away(conn, f.bob, how, true).await;
            assert_eq!(hr_store::reporting::in_position(conn, COMPANY, "clerk", NOW).await.unwrap(), [f.ann], "{how}");
            assert_eq!(hr_store::reporting::members(conn, COMPANY, "desk").await.unwrap(), [f.lea, f.ann], "{how}");
            assert_eq!(access_store::holders::of_role(conn, COMPANY, "reviewer", NOW).await.unwrap(), [f.mia], "{how}");
            assert_eq!(access_store::holders::of_permission(conn, COMPANY, "workflow:admin", NOW).await.unwrap(), [f.mia], "{how}");
            assert_eq!(reporting::able(conn, COMPANY, &[f.bob, f.ann]).await.unwrap(), [f.ann], "{how}");
            assert_eq!(reporting::accounts_named(conn, COMPANY, std::slice::from_ref(&guid)).await.unwrap(), [], "{how}");
            away(conn, f.bob, how, false).await;
            away(conn, f.lea, how, true).await;
            assert_eq!(hr_store::reporting::leader(conn, COMPANY, f.desk).await.unwrap(), [], "{how}");
            assert_eq!(reporting::superior(conn, COMPANY, f.ann, NOW).await.unwrap(), Some(f.mia), "{how}: led from above");
            away(conn, f.lea, how, false).await;
        }
        assert_eq!(reporting::accounts_named(conn, COMPANY, &[guid.clone(), guid]).await.unwrap(), [f.bob, f.bob]);
        assert_eq!(reporting::able(conn, OTHER, &[f.ann]).await.unwrap(), []);
    }

    // FW19: each rule, and the same rule where it finds nobody.
    async fn every_rule_finds_its_people_or_nobody(database: TestDatabase) {
        let house = House::build(&database).await;
        let mut work = house.work().await;
        let conn = work.conn();
        let f = firm(conn).await;
        let guid = async |conn: &mut Conn, account| hr_store::reporting::card(conn, COMPANY, account).await.unwrap().unwrap().0;
        let (of_bob, of_lea) = (guid(conn, f.bob).await, guid(conn, f.lea).await);
        let gone = "00000000-0000-4000-8000-000000000000";
        let form = json!({ "who": [of_lea, of_bob], "one": of_bob, "text": "x", "days": 5 });
        let none: BTreeMap<String, Vec<AccountId>> = BTreeMap::new();
        let chosen = BTreeMap::from([("a".to_owned(), vec![f.bob, f.ann, f.lea])]);
        let cases: Vec<(Value, AccountId, Vec<AccountId>)> = vec![
            (json!({ "kind": "users", "guids": [of_bob, gone, of_lea, of_bob] }), f.ann, vec![f.bob, f.lea]),
            (json!({ "kind": "users", "guids": [gone] }), f.ann, vec![]),
            (json!({ "kind": "role", "code": "reviewer" }), f.ann, vec![f.mia, f.bob]),
            (json!({ "kind": "role", "code": "gone" }), f.ann, vec![]),
            (json!({ "kind": "position", "code": "clerk" }), f.ann, vec![f.ann, f.bob]),
            (json!({ "kind": "position", "code": "gone" }), f.ann, vec![]),
            (json!({ "kind": "members", "organization": "desk" }), f.ann, vec![f.lea, f.ann, f.bob]),
            (json!({ "kind": "members", "organization": "gone" }), f.ann, vec![]),
            (json!({ "kind": "head", "organization": "desk" }), f.ann, vec![f.lea]),
            (json!({ "kind": "head", "organization": "sales" }), f.ann, vec![f.mia]),
            (json!({ "kind": "head", "organization": "gone" }), f.ann, vec![]),
            (json!({ "kind": "initiator_head" }), f.ann, vec![f.lea]),
            (json!({ "kind": "initiator_head", "up": 1 }), f.ann, vec![f.mia]),
            (json!({ "kind": "initiator_head", "up": 3 }), f.ann, vec![]),
            (json!({ "kind": "initiator_head" }), f.lea, vec![f.mia]),
            (json!({ "kind": "initiator_head" }), f.boss, vec![]),
            (json!({ "kind": "initiator_heads", "levels": 2 }), f.ann, vec![f.lea, f.mia]),
            (json!({ "kind": "initiator_heads", "levels": 9 }), f.ann, vec![f.lea, f.mia, f.boss]),
            (json!({ "kind": "initiator_heads", "levels": 9 }), f.boss, vec![]),
            (json!({ "kind": "initiator" }), f.ann, vec![f.ann]),
            (json!({ "kind": "initiator_chooses", "max": 2 }), f.ann, vec![f.bob, f.ann]),
            (json!({ "kind": "previous_chooses" }), f.ann, vec![f.mia]),
            (json!({ "kind": "field", "name": "who" }), f.ann, vec![f.lea, f.bob]),
            (json!({ "kind": "field", "name": "one" }), f.ann, vec![f.bob]),
            (json!({ "kind": "field", "name": "text" }), f.ann, vec![]),
            (json!({ "kind": "field", "name": "gone" }), f.ann, vec![]),
            (json!({ "kind": "expression", "text": "days > 3 ? form.who : one" }), f.ann, vec![f.lea, f.bob]),
            (json!({ "kind": "expression", "text": "form.gone" }), f.ann, vec![]),
            (json!({ "kind": "expression", "text": "1 +" }), f.ann, vec![]),
        ];
        for (rule, initiator, expected) in cases {
            let variables = Variables::of(conn, COMPANY, initiator, &form, NOW).await.unwrap();
            let previous = [f.mia];
            let asking = Asking {
                company: COMPANY, initiator, chosen: &chosen, node: "a", previous_chose: &previous,
                variables: &variables, now: NOW,
            };
            let rules: [AssigneeRule; 1] = [serde_json::from_value(rule.clone()).unwrap()];
            assert_eq!(resolve(conn, &rules, &asking).await.unwrap(), expected, "{rule} for {initiator:?}");
            let asking = Asking { chosen: &none, previous_chose: &[], ..asking };
            if matches!(rules[0], AssigneeRule::InitiatorChooses { .. } | AssigneeRule::PreviousChooses) {
                assert_eq!(resolve(conn, &rules, &asking).await.unwrap(), [], "{rule} without a choice");
            }
        }
        let variables = Variables::of(conn, COMPANY, f.ann, &form, NOW).await.unwrap();
        let asking = Asking {
            company: COMPANY, initiator: f.ann, chosen: &none, node: "a", previous_chose: &[], variables: &variables, now: NOW,
        };
        let rules: Vec<AssigneeRule> = serde_json::from_value(json!([
            { "kind": "initiator_head" }, { "kind": "members", "organization": "desk" }, { "kind": "role", "code": "reviewer" },
        ])).unwrap();
        assert_eq!(resolve(conn, &rules, &asking).await.unwrap(), [f.lea, f.ann, f.bob, f.mia], "each once, in the order of the rules");
    }

    // FW25, FW27
    async fn lists_of_people_and_chains_of_substitutes(database: TestDatabase) {
        let house = House::build(&database).await;
        let mut work = house.work().await;
        let conn = work.conn();
        let f = firm(conn).await;
        let ann = Initiator::read(conn, COMPANY, f.ann, NOW).await.unwrap();
        assert_eq!((ann.department.as_str(), ann.departments.len(), ann.positions.join(" ")), ("desk", 3, "clerk".to_owned()));
        assert_eq!(Initiator::read(conn, OTHER, f.ann, NOW).await.unwrap(), Initiator::default());
        for (list, includes) in [
            (json!({ "organizations": ["sales"] }), true),
            (json!({ "positions": ["clerk"] }), true),
            (json!({ "accounts": [ann.guid] }), true),
            (json!({ "roles": ["reviewer"], "positions": ["chief"] }), false),
            (json!({}), false),
        ] {
            let people: People = serde_json::from_value(list.clone()).unwrap();
            assert_eq!(people.includes(&ann), includes, "{list}");
        }
        let people: People =
            serde_json::from_value(json!({ "roles": ["reviewer"], "positions": ["chief"], "organizations": ["desk"] })).unwrap();
        assert_eq!(people.resolve(conn, COMPANY, NOW).await.unwrap(), [f.mia, f.bob, f.lea, f.ann]);

        for (account, substitute) in [(f.ann, f.bob), (f.bob, f.mia), (f.mia, f.ann)] {
            sql_exec!(conn,
                "INSERT INTO wf_substitute (company_id, account_id, substitute_id, created_by, created_at) VALUES ($1, $2, $3, 0, 1)",
                COMPANY.0, account.0, substitute.0).unwrap();
        }
        let of = async |conn: &mut Conn, account| substitutes::stand_in(conn, COMPANY, account, "leave", NOW).await.unwrap();
        assert_eq!(of(conn, f.ann).await, Some(f.mia), "ann → bob → mia → ann is a circle");
        assert_eq!(of(conn, f.lea).await, None);
        away(conn, f.mia, "staff", true).await;
        assert_eq!(of(conn, f.ann).await, Some(f.bob), "the last who can act");
        away(conn, f.bob, "account", true).await;
        assert_eq!(of(conn, f.ann).await, None, "nobody can: it stays with her");
    }
}
