//! The store functions of organisations, positions and staff: the same expectations on both databases.

use livegrant::db::DbError;
use livegrant::db::paging::{Page, PageQuery};
use livegrant::hr::model::{OrganizationPatch, StaffId};
use livegrant::hr::store::positions::PositionColumns;
use livegrant::hr::store::staff::StaffColumns;
use livegrant::hr::store::staff_positions::Hold;
use livegrant::hr::store::{self as hr_store};
use livegrant::sql_one;
use livegrant_actors::{AccountId, CompanyId, PositionId};

use crate::house::{COMPANY, House, insert_account};
use crate::support::both_databases;

const OTHER: CompanyId = CompanyId(2);
const NOW: i64 = 1000;

fn columns<'a>(code: &'a str, name: &'a str) -> PositionColumns<'a> {
    PositionColumns { code, name, org_id: None, is_manager: false, status: 1 }
}

fn person<'a>(staff_no: &'a str, name: &'a str) -> StaffColumns<'a> {
    StaffColumns { staff_no, name, mobile: "", email: "", status: "active", org_id: None, account: None }
}

fn page(number: i64, size: i64) -> Page {
    Page::from(PageQuery { page: Some(number), page_size: Some(size) })
}

both_databases! {
    async fn organisations(database: TestDatabase) {
        let house = House::build(&database).await;
        let mut work = house.work().await;
        let conn = work.conn();
        let id = hr_store::organizations::insert_organization(conn, COMPANY, "o-1", "front", "前台", NOW).await.unwrap();
        let second = hr_store::organizations::insert_organization(conn, COMPANY, "o-2", "a_b", "Lab", NOW).await.unwrap();
        let row = hr_store::organizations::organization(conn, COMPANY, "o-1").await.unwrap().unwrap();
        assert_eq!((row.id, row.guid.as_str(), row.code.as_str()), (id, "o-1", "front"));
        assert_eq!((row.name.as_str(), row.version), ("前台", 1));
        assert!(hr_store::organizations::organization(conn, OTHER, "o-1").await.unwrap().is_none());
        assert_eq!(hr_store::organizations::organization_coded(conn, COMPANY, "a_b").await.unwrap(), Some(second));
        assert_eq!(hr_store::organizations::organization_coded(conn, OTHER, "a_b").await.unwrap(), None);
        for (search, found) in [(None, "front a_b"), (Some("LAB"), "a_b"), (Some("_"), "a_b"), (Some("台"), "front")] {
            let (count, rows) = hr_store::organizations::organizations(conn, COMPANY, search, page(1, 9)).await.unwrap();
            let codes: Vec<_> = rows.iter().map(|row| row.code.as_str()).collect();
            assert_eq!((codes.join(" ").as_str(), count), (found, codes.len() as i64), "{search:?}");
        }
        let (count, rows) = hr_store::organizations::organizations(conn, COMPANY, None, page(2, 1)).await.unwrap();
        assert_eq!((count, rows[0].id), (2, second));
        assert_eq!(hr_store::organizations::organizations(conn, OTHER, None, page(1, 9)).await.unwrap().0, 0);

        let patch = OrganizationPatch { code: None, name: Some("desk".to_owned()), version: None, operator_guid: None };
        assert_eq!(hr_store::organizations::update_organization(conn, id, &patch, 1, NOW).await.unwrap(), 1);
        assert_eq!(hr_store::organizations::update_organization(conn, id, &patch, 1, NOW).await.unwrap(), 0);
        let row = hr_store::organizations::organization(conn, COMPANY, "o-1").await.unwrap().unwrap();
        assert_eq!((row.code.as_str(), row.name.as_str(), row.version), ("front", "desk", 2));
        assert_eq!(hr_store::organizations::delete_organization(conn, second).await.unwrap(), 1);
        assert_eq!(hr_store::organizations::delete_organization(conn, second).await.unwrap(), 0);
        let of_it = PositionColumns { org_id: Some(id), ..columns("p", "P") };
        hr_store::positions::insert_position(conn, COMPANY, "p-1", &of_it, NOW).await.unwrap();
        let used = hr_store::organizations::delete_organization(conn, id).await;
        assert!(matches!(used, Err(DbError::Reference)), "{used:?}");
    }

    async fn positions(database: TestDatabase) {
        let house = House::build(&database).await;
        let mut work = house.work().await;
        let conn = work.conn();
        let org = hr_store::organizations::insert_organization(conn, COMPANY, "o-1", "front", "O", NOW).await.unwrap();
        let first = columns("desk", "前台");
        let id = hr_store::positions::insert_position(conn, COMPANY, "p-1", &first, NOW).await.unwrap();
        let chief = PositionColumns { org_id: Some(org), is_manager: true, status: 0, ..columns("chief", "Chief") };
        let second = hr_store::positions::insert_position(conn, COMPANY, "p-2", &chief, NOW).await.unwrap();
        let row = hr_store::positions::position(conn, COMPANY, "p-2").await.unwrap().unwrap();
        assert_eq!((row.id, row.code.as_str(), row.name.as_str()), (second.0, "chief", "Chief"));
        assert_eq!((row.organization_guid.as_deref(), row.is_manager, row.status), (Some("o-1"), true, 0));
        assert_eq!((row.version, row.holders), (1, 0));
        assert!(hr_store::positions::position(conn, OTHER, "p-2").await.unwrap().is_none());
        assert_eq!(hr_store::positions::position_coded(conn, COMPANY, "desk").await.unwrap(), Some(id));
        assert_eq!(hr_store::positions::position_coded(conn, OTHER, "desk").await.unwrap(), None);
        assert_eq!(hr_store::positions::lock_position(conn, COMPANY, "p-1", NOW + 1).await.unwrap(), 1);
        assert_eq!(hr_store::positions::lock_position(conn, OTHER, "p-1", NOW + 1).await.unwrap(), 0);

        assert_eq!(hr_store::positions::carry(conn, id, "org:view", NOW).await.unwrap(), 1);
        assert_eq!(hr_store::positions::carry(conn, id, "a:code:nobody:knows", NOW).await.unwrap(), 0);
        assert_eq!(hr_store::positions::carry(conn, id, "org:create", NOW).await.unwrap(), 1);
        assert_eq!(hr_store::positions::permissions_of(conn, id).await.unwrap(), ["org:create", "org:view"]);
        assert!(hr_store::positions::permissions_of(conn, second).await.unwrap().is_empty());
        let staff = hr_store::staff::insert_staff(conn, COMPANY, "s-1", &person("1", "A"), NOW).await.unwrap();
        let hold = Hold { is_primary: true, change_type: "入职", from: None, to: None };
        hr_store::staff_positions::hold(conn, staff, id, &hold, AccountId(0), NOW).await.unwrap();
        for (search, found) in [(None, "desk:1 chief:0"), (Some("CHI"), "chief:0"), (Some("前"), "desk:1")] {
            let (count, rows) = hr_store::positions::positions(conn, COMPANY, search, page(1, 9)).await.unwrap();
            let shown: Vec<_> = rows.iter().map(|row| format!("{}:{}", row.code, row.holders)).collect();
            assert_eq!((shown.join(" ").as_str(), count), (found, shown.len() as i64), "{search:?}");
        }
        assert_eq!(hr_store::positions::positions(conn, OTHER, None, page(1, 9)).await.unwrap().0, 0);

        assert_eq!(hr_store::positions::update_position(conn, id, &columns("desk2", "D"), NOW).await.unwrap(), 1);
        let row = hr_store::positions::position(conn, COMPANY, "p-1").await.unwrap().unwrap();
        assert_eq!((row.code.as_str(), row.version, row.holders), ("desk2", 2, 1));
        hr_store::positions::delete_position(conn, id).await.unwrap();
        assert!(hr_store::positions::position(conn, COMPANY, "p-1").await.unwrap().is_none());
        assert!(hr_store::positions::permissions_of(conn, id).await.unwrap().is_empty());
        assert!(hr_store::staff_positions::held_by(conn, staff).await.unwrap().is_empty());
        assert_eq!(hr_store::positions::update_position(conn, id, &columns("x", "X"), NOW).await.unwrap(), 0);
        let taken = hr_store::positions::insert_position(conn, COMPANY, "p-3", &columns("chief", "C"), NOW).await;
        assert!(matches!(taken, Err(DbError::Duplicate)), "{taken:?}");
    }

    async fn staff(database: TestDatabase) {
        let house = House::build(&database).await;
        let mut work = house.work().await;
        let conn = work.conn();
        let account = insert_account(conn, "ann").await;
        let org = hr_store::organizations::insert_organization(conn, COMPANY, "o-1", "front", "O", NOW).await.unwrap();
        let ann = StaffColumns { mobile: "1", email: "a@b", org_id: Some(org), account: Some(account), ..person("007", "安 Ann") };
        let id = hr_store::staff::insert_staff(conn, COMPANY, "s-1", &ann, NOW).await.unwrap();
        let bob = hr_store::staff::insert_staff(conn, COMPANY, "s-2", &person("b_1", "Bob"), NOW).await.unwrap();
        let row = hr_store::staff::staff_of_guid(conn, COMPANY, "s-1").await.unwrap().unwrap();
        assert_eq!((row.id, row.staff_no.as_str(), row.name.as_str()), (id.0, "007", "安 Ann"));
        assert_eq!((row.mobile.as_str(), row.email.as_str(), row.status.as_str()), ("1", "a@b", "active"));
        assert_eq!((row.organization_guid.as_deref(), row.account_id), (Some("o-1"), Some(account.0)));
        assert_eq!((row.username.as_deref(), row.version), (Some("ann"), 1));
        assert!(hr_store::staff::staff_of_guid(conn, OTHER, "s-1").await.unwrap().is_none());

        let guid = sql_one!(conn, (String,), "SELECT guid FROM sys_login_user WHERE user_id = $1", account.0).unwrap().0;
        assert_eq!(hr_store::staff::person_of_staff_guid(conn, COMPANY, "s-1").await.unwrap(), Some((id, Some(account))));
        assert_eq!(hr_store::staff::person_of_staff_guid(conn, COMPANY, "s-2").await.unwrap(), Some((bob, None)));
        assert_eq!(hr_store::staff::person_of_staff_guid(conn, OTHER, "s-1").await.unwrap(), None);
        assert_eq!(hr_store::staff::person_of_account_guid(conn, COMPANY, &guid).await.unwrap(), Some((account, Some(id))));
        assert_eq!(hr_store::staff::person_of_account_guid(conn, OTHER, &guid).await.unwrap(), None);
        assert_eq!(hr_store::staff::person_of_username(conn, COMPANY, "ann").await.unwrap(), Some(account));
        assert_eq!(hr_store::staff::person_of_username(conn, OTHER, "ann").await.unwrap(), None);
        assert_eq!(hr_store::staff::staff_of_number(conn, COMPANY, "b_1").await.unwrap(), Some(bob));
        assert_eq!(hr_store::staff::staff_of_number(conn, COMPANY, "bx1").await.unwrap(), None);
        assert_eq!(hr_store::staff::staff_of_account(conn, COMPANY, account).await.unwrap(), Some(id));
        assert_eq!(hr_store::staff::staff_of_account(conn, OTHER, account).await.unwrap(), None);
        assert_eq!(hr_store::staff::lock_staff(conn, COMPANY, "s-1", NOW).await.unwrap(), 1);
        assert_eq!(hr_store::staff::lock_staff(conn, OTHER, "s-1", NOW).await.unwrap(), 0);
        for (search, found) in [(None, "007 b_1"), (Some("ANN"), "007"), (Some("b_"), "b_1"), (Some("安"), "007")] {
            let (count, rows) = hr_store::staff::staff(conn, COMPANY, search, page(1, 9)).await.unwrap();
            let numbers: Vec<_> = rows.iter().map(|row| row.staff_no.as_str()).collect();
            assert_eq!((numbers.join(" ").as_str(), count), (found, numbers.len() as i64), "{search:?}");
        }

        let next = StaffColumns { account: None, status: "on_leave", ..person("008", "A") };
        assert_eq!(hr_store::staff::update_staff(conn, id, &next, NOW + 1).await.unwrap(), 1);
        let row = hr_store::staff::staff_of_guid(conn, COMPANY, "s-1").await.unwrap().unwrap();
        assert_eq!((row.staff_no.as_str(), row.status.as_str(), row.account_id, row.version), ("008", "on_leave", None, 2));
        assert_eq!(hr_store::staff::mark_left(conn, id, NOW + 2).await.unwrap(), 1);
        let row = hr_store::staff::staff_of_guid(conn, COMPANY, "s-1").await.unwrap().unwrap();
        assert_eq!((row.status.as_str(), row.version), ("left", 3));
        assert_eq!(hr_store::staff::update_staff(conn, StaffId(bob.0 + 1), &next, NOW).await.unwrap(), 0);
        let taken = hr_store::staff::insert_staff(conn, COMPANY, "s-3", &person("b_1", "X"), NOW).await;
        assert!(matches!(taken, Err(DbError::Duplicate)), "{taken:?}");
    }

    async fn who_is_in_which_position(database: TestDatabase) {
        let house = House::build(&database).await;
        let mut work = house.work().await;
        let conn = work.conn();
        let mut positions = Vec::new();
        for code in ["x", "y"] {
            let guid = format!("guid-{code}");
            positions.push(hr_store::positions::insert_position(conn, COMPANY, &guid, &columns(code, code), NOW).await.unwrap());
        }
        let (x, y): (PositionId, PositionId) = (positions[0], positions[1]);
        let ann = hr_store::staff::insert_staff(conn, COMPANY, "s-1", &person("1", "Ann"), NOW).await.unwrap();
        let bob = hr_store::staff::insert_staff(conn, COMPANY, "s-2", &person("2", "Bob"), NOW).await.unwrap();
        let main = Hold { is_primary: true, change_type: "入职", from: None, to: None };
        let later = Hold { is_primary: true, change_type: "兼任", from: Some(NOW + 1), to: Some(NOW + 9) };
        let by = AccountId(0);
        for (who, position, how) in [(ann, x, &main), (ann, y, &later), (bob, y, &main)] {
            assert_eq!(hr_store::staff_positions::hold(conn, who, position, how, by, NOW).await.unwrap(), 1);
        }
        let rows = hr_store::staff_positions::held_by(conn, ann).await.unwrap();
        let shown: Vec<_> = rows
            .iter()
            .map(|row| (row.position_id, row.position_guid.as_str(), row.change_type.as_str(), row.is_primary, row.started))
            .collect();
        assert_eq!(shown, [(x.0, "guid-x", "入职", true, true), (y.0, "guid-y", "兼任", true, false)]);
        assert_eq!((rows[1].valid_from, rows[1].valid_to), (Some(NOW + 1), Some(NOW + 9)));
        assert_eq!(hr_store::staff_positions::make_others_secondary(conn, ann, y).await.unwrap(), 1);
        assert_eq!(hr_store::staff_positions::make_others_secondary(conn, ann, y).await.unwrap(), 0);
        // The same hold in another way: one row, with the new limits.
        assert_eq!(hr_store::staff_positions::hold(conn, ann, y, &main, by, NOW).await.unwrap(), 1);
        let rows = hr_store::staff_positions::held_by(conn, ann).await.unwrap();
        let shown: Vec<_> = rows.iter().map(|row| (row.position_id, row.is_primary, row.started, row.valid_to)).collect();
        assert_eq!(shown, [(x.0, false, true, None), (y.0, true, true, None)]);

        for (search, number, found) in [(None, 1, vec![ann, ann]), (None, 2, vec![bob]), (Some("BO"), 1, vec![bob])] {
            let rows = hr_store::staff_positions::held_on_page(conn, COMPANY, search, page(number, 1)).await.unwrap();
            let who: Vec<_> = rows.iter().map(|row| StaffId(row.staff_id)).collect();
            assert_eq!(who, found, "{search:?}, page {number}");
        }
        assert!(hr_store::staff_positions::held_on_page(conn, OTHER, None, page(1, 9)).await.unwrap().is_empty());

        assert_eq!(hr_store::staff_positions::end_hold(conn, ann, x).await.unwrap(), 1);
        assert_eq!(hr_store::staff_positions::end_hold(conn, ann, x).await.unwrap(), 0);
        assert_eq!(hr_store::staff_positions::hold(conn, ann, x, &main, by, NOW).await.unwrap(), 1);
        assert_eq!(hr_store::staff_positions::end_holds(conn, ann).await.unwrap(), 2);
        assert_eq!(hr_store::staff_positions::held_by(conn, bob).await.unwrap().len(), 1, "only his own end");
    }
}
