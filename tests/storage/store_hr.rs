//! The store functions of organisations, positions and staff: the same expectations on both databases.

use livegrant::db::{Conn, DbError};
use livegrant::hr::model::StaffId;
use livegrant::hr::store::organizations::{OrganizationColumns, of_company};
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
    PositionColumns {
        code,
        name,
        org_id: None,
        is_manager: false,
        status: 1,
        level: 0,
        headcount: None,
        data_scope: "all",
    }
}

fn person<'a>(staff_no: &'a str, name: &'a str) -> StaffColumns<'a> {
    StaffColumns {
        staff_no,
        name,
        mobile: "",
        email: "",
        status: "active",
        org_id: None,
        account: None,
        hired_at: None,
    }
}

fn columns_of(code: &str) -> OrganizationColumns<'_> {
    OrganizationColumns { code, name: code, sort: None, status: 1, leader: None }
}

async fn organization(conn: &mut Conn, guid: &str, code: &str, name: &str, parent: Option<i64>) -> i64 {
    let new = OrganizationColumns { name, ..columns_of(code) };
    hr_store::organizations::insert_organization(conn, COMPANY, guid, &new, parent, NOW).await.unwrap()
}

both_databases! {
    async fn organisations(database: TestDatabase) {
        let house = House::build(&database).await;
        let mut work = house.work().await;
        let conn = work.conn();
        let own = || of_company(COMPANY);
        let id = organization(conn, "o-1", "front", "前台", None).await;
        let second = organization(conn, "o-2", "a_b", "Lab", None).await;
        let row = hr_store::organizations::organization(conn, own(), "o-1").await.unwrap().unwrap();
        assert_eq!((row.id, row.guid.as_str(), row.code.as_str()), (id, "o-1", "front"));
        assert_eq!((row.name.as_str(), row.version, row.path), ("前台", 1, format!("/{id}/")));
        assert_eq!((row.level, row.sort, row.status, row.staff), (1, 0, 1, 0));
        let by_row = hr_store::organizations::organization_of_row(conn, own(), second).await.unwrap().unwrap();
        assert_eq!((by_row.guid.as_str(), by_row.sort), ("o-2", 1));
        assert!(hr_store::organizations::organization(conn, of_company(OTHER), "o-1").await.unwrap().is_none());
        assert_eq!(hr_store::organizations::organization_coded(conn, COMPANY, "a_b").await.unwrap(), Some(second));
        assert_eq!(hr_store::organizations::organization_coded(conn, OTHER, "a_b").await.unwrap(), None);
        for (query, found) in [
            ("", "front a_b"),
            ("search=LAB", "a_b"),
            ("search=_", "a_b"),
            ("search=台", "front"),
            ("ordering=code", "a_b front"),
            ("ordering=-name,level,-sort,path&status=1", "front a_b"),
            ("ordering=updated_at,-id", "a_b front"),
            ("code__in=front,x&guid=O-1&name=前台&level__lte=1", "front"),
            ("leader_staff_guid=x", ""),
        ] {
            let wanted = hr_store::organizations::ORGANIZATIONS.read(query, &[]).unwrap();
            let (count, rows) = hr_store::organizations::organizations(conn, own(), &wanted).await.unwrap();
            let codes: Vec<_> = rows.iter().map(|row| row.code.as_str()).collect();
            assert_eq!((codes.join(" ").as_str(), count), (found, codes.len() as i64), "{query}");
        }
        let wanted = hr_store::organizations::ORGANIZATIONS.read("page=2&page_size=1", &[]).unwrap();
        let (count, rows) = hr_store::organizations::organizations(conn, own(), &wanted).await.unwrap();
        assert_eq!((count, rows[0].id), (2, second));

        let desk = OrganizationColumns { name: "desk", status: 0, ..columns_of("front") };
        assert_eq!(hr_store::organizations::update_organization(conn, id, &desk, 1, NOW).await.unwrap(), 1);
        assert_eq!(hr_store::organizations::update_organization(conn, id, &desk, 1, NOW).await.unwrap(), 0);
        let row = hr_store::organizations::organization(conn, own(), "o-1").await.unwrap().unwrap();
        assert_eq!((row.code.as_str(), row.name.as_str(), row.version, row.status), ("front", "desk", 2, 0));
        assert_eq!(hr_store::organizations::delete_organization(conn, second).await.unwrap(), 1);
        assert_eq!(hr_store::organizations::delete_organization(conn, second).await.unwrap(), 0);
        let of_it = PositionColumns { org_id: Some(id), ..columns("p", "P") };
        hr_store::positions::insert_position(conn, COMPANY, "p-1", &of_it, NOW).await.unwrap();
        let used = hr_store::organizations::delete_organization(conn, id).await;
        assert!(matches!(used, Err(DbError::Reference)), "{used:?}");
    }

    async fn the_tree_of_organisations(database: TestDatabase) {
        let house = House::build(&database).await;
        let mut work = house.work().await;
        let conn = work.conn();
        let own = || of_company(COMPANY);
        let a = organization(conn, "a", "a", "A", None).await;
        let b = organization(conn, "b", "b", "B", Some(a)).await;
        let c = organization(conn, "c", "c", "C", Some(b)).await;
        let d = organization(conn, "d", "d", "D", None).await;
        let sister = organization(conn, "e", "e", "E", Some(a)).await;
        let rows = hr_store::organizations::downwards(conn, own(), 9).await.unwrap();
        let shown: Vec<_> = rows.iter().map(|row| (row.code.as_str(), row.level, row.sort)).collect();
        assert_eq!(shown, [("a", 1, 0), ("d", 1, 1), ("b", 2, 0), ("e", 2, 1), ("c", 3, 0)]);
        assert_eq!(rows[4].path, format!("/{a}/{b}/{c}/"));
        assert_eq!(rows[4].parent_guid.as_deref(), Some("b"));
        let below = hr_store::organizations::below(own(), &rows[0].path, 1, Some(1));
        let codes: Vec<_> = hr_store::organizations::downwards(conn, below, 9).await.unwrap();
        assert_eq!(codes.iter().map(|row| row.code.as_str()).collect::<Vec<_>>(), ["b", "e"]);
        assert_eq!(hr_store::organizations::deepest(conn, COMPANY, &rows[0].path).await.unwrap(), 3);
        assert_eq!(hr_store::organizations::deepest(conn, OTHER, &rows[0].path).await.unwrap(), 0);
        assert_eq!(hr_store::organizations::children(conn, COMPANY, Some(a)).await.unwrap(), 2);
        assert_eq!(hr_store::organizations::children(conn, COMPANY, None).await.unwrap(), 2);
        let children = hr_store::organizations::children_of(conn, a).await.unwrap();
        assert_eq!(children.iter().map(|row| row.id).collect::<Vec<_>>(), [b, sister]);

        // b with c below it goes under d.
        assert_eq!(hr_store::organizations::hang(conn, b, Some(d), NOW).await.unwrap(), 1);
        let (old, new) = (format!("/{a}/{b}/"), format!("/{d}/{b}/"));
        assert_eq!(hr_store::organizations::rewrite_paths(conn, COMPANY, &old, &new, 0).await.unwrap(), 2);
        let moved = hr_store::organizations::organization(conn, own(), "c").await.unwrap().unwrap();
        assert_eq!((moved.path, moved.level, moved.version), (format!("/{d}/{b}/{c}/"), 3, 1));
        // c becomes the first of three at the top.
        assert_eq!(hr_store::organizations::hang(conn, c, None, NOW).await.unwrap(), 1);
        let (old, new) = (format!("/{d}/{b}/{c}/"), format!("/{c}/"));
        assert_eq!(hr_store::organizations::rewrite_paths(conn, COMPANY, &old, &new, -2).await.unwrap(), 1);
        hr_store::organizations::place(conn, COMPANY, None, c, 0).await.unwrap();
        let rows = hr_store::organizations::downwards(conn, own(), 3).await.unwrap();
        let shown: Vec<_> = rows.iter().map(|row| (row.code.as_str(), row.level, row.sort)).collect();
        assert_eq!(shown, [("c", 1, 0), ("a", 1, 1), ("d", 1, 2)]);
        hr_store::organizations::place(conn, COMPANY, None, c, 2).await.unwrap();
        let rows = hr_store::organizations::downwards(conn, own(), 3).await.unwrap();
        assert_eq!(rows.iter().map(|row| row.code.as_str()).collect::<Vec<_>>(), ["a", "d", "c"]);

        // What belongs to e goes to a, then to none.
        let account = insert_account(conn, "ann").await;
        let ann = StaffColumns { org_id: Some(sister), account: Some(account), ..person("1", "Ann") };
        let StaffId(ann) = hr_store::staff::insert_staff(conn, COMPANY, "s-1", &ann, NOW).await.unwrap();
        let bob = StaffColumns { org_id: Some(sister), status: "left", ..person("2", "Bob") };
        let StaffId(bob) = hr_store::staff::insert_staff(conn, COMPANY, "s-2", &bob, NOW).await.unwrap();
        let of_it = PositionColumns { org_id: Some(sister), ..columns("p", "P") };
        let position = hr_store::positions::insert_position(conn, COMPANY, "p-1", &of_it, NOW).await.unwrap();
        let belongings = hr_store::organizations::belongings(conn, sister).await.unwrap();
        assert_eq!((belongings.staff, belongings.positions, belongings.organizations, belongings.data_scopes), (2, 1, 0, 0));
        let row = hr_store::organizations::organization(conn, own(), "e").await.unwrap().unwrap();
        assert_eq!(row.staff, 1, "who has left is not counted");
        let mut moved = hr_store::organizations::move_staff(conn, sister, Some(a), NOW).await.unwrap();
        moved.sort_unstable();
        assert_eq!(moved, [(ann, Some(account.0), true), (bob, None, false)]);
        assert_eq!(hr_store::organizations::move_positions(conn, sister, None, NOW).await.unwrap(), [position.0]);
        assert!(hr_store::organizations::belongings(conn, sister).await.unwrap().is_empty());
        assert_eq!(hr_store::organizations::leader(conn, COMPANY, "s-1").await.unwrap(), Some(ann));
        assert_eq!(hr_store::organizations::leader(conn, COMPANY, "s-2").await.unwrap(), None, "who has left");
        assert_eq!(hr_store::organizations::leader(conn, OTHER, "s-1").await.unwrap(), None);
        let led = OrganizationColumns { leader: Some(ann), ..columns_of("e") };
        assert_eq!(hr_store::organizations::update_organization(conn, sister, &led, 1, NOW).await.unwrap(), 1);
        let row = hr_store::organizations::organization(conn, own(), "e").await.unwrap().unwrap();
        assert_eq!((row.leader_staff_guid.as_deref(), row.leader_name.as_deref()), (Some("s-1"), Some("Ann")));
        assert_eq!(hr_store::organizations::lead_no_more(conn, ann, NOW).await.unwrap(), 1);
        let row = hr_store::organizations::organization(conn, own(), "e").await.unwrap().unwrap();
        assert_eq!(row.leader_staff_guid, None);
    }

    async fn positions(database: TestDatabase) {
        let house = House::build(&database).await;
        let mut work = house.work().await;
        let conn = work.conn();
        let org = organization(conn, "o-1", "front", "O", None).await;
        let first = columns("desk", "前台");
        let id = hr_store::positions::insert_position(conn, COMPANY, "p-1", &first, NOW).await.unwrap();
        let chief = PositionColumns { org_id: Some(org), is_manager: true, status: 0, ..columns("chief", "Chief") };
        let second = hr_store::positions::insert_position(conn, COMPANY, "p-2", &chief, NOW).await.unwrap();
        let row = hr_store::positions::position(conn, hr_store::positions::of_company(COMPANY), "p-2").await.unwrap().unwrap();
        assert_eq!((row.id, row.code.as_str(), row.name.as_str()), (second.0, "chief", "Chief"));
        assert_eq!((row.organization_guid.as_deref(), row.is_manager, row.status), (Some("o-1"), true, 0));
        assert_eq!((row.version, row.holders), (1, 0));
        assert!(hr_store::positions::position(conn, hr_store::positions::of_company(OTHER), "p-2").await.unwrap().is_none());
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
        for (query, found) in [
            ("", "desk:1 chief:0"),
            ("search=CHI", "chief:0"),
            ("search=前", "desk:1"),
            ("organization_guid=o-1", "chief:0"),
            ("is_manager=false&status=1&level=0&data_scope=all", "desk:1"),
            ("level__gte=0&ordering=name,-code,level", "chief:0 desk:1"),
            ("code__in=desk&guid=P-1&name=前台&ordering=id,created_at,-updated_at", "desk:1"),
        ] {
            let wanted = hr_store::positions::POSITIONS.read(query, &[]).unwrap();
            let own = hr_store::positions::of_company(COMPANY);
            let (count, rows) = hr_store::positions::positions(conn, own, &wanted).await.unwrap();
            let shown: Vec<_> = rows.iter().map(|row| format!("{}:{}", row.code, row.holders)).collect();
            assert_eq!((shown.join(" ").as_str(), count), (found, shown.len() as i64), "{query}");
        }
        assert_eq!(hr_store::staff_positions::holders_of(conn, id).await.unwrap(), [(staff.0, None, true)]);
        let name = hr_store::staff_positions::position_name(conn, id).await.unwrap();
        assert_eq!(name, Some(("前台".to_owned(), COMPANY)));

        assert_eq!(hr_store::positions::update_position(conn, id, &columns("desk2", "D"), NOW).await.unwrap(), 1);
        let row = hr_store::positions::position(conn, hr_store::positions::of_company(COMPANY), "p-1").await.unwrap().unwrap();
        assert_eq!((row.code.as_str(), row.version, row.holders), ("desk2", 2, 1));
        hr_store::positions::delete_position(conn, id).await.unwrap();
        assert!(hr_store::positions::position(conn, hr_store::positions::of_company(COMPANY), "p-1").await.unwrap().is_none());
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
        let org = organization(conn, "o-1", "front", "O", None).await;
        let ann = StaffColumns { mobile: "1", email: "a@b", org_id: Some(org), account: Some(account), ..person("007", "安 Ann") };
        let id = hr_store::staff::insert_staff(conn, COMPANY, "s-1", &ann, NOW).await.unwrap();
        let bob = hr_store::staff::insert_staff(conn, COMPANY, "s-2", &person("b_1", "Bob"), NOW).await.unwrap();
        let row = hr_store::staff::staff_of_guid(conn, hr_store::staff::of_company(COMPANY), "s-1").await.unwrap().unwrap();
        assert_eq!((row.id, row.staff_no.as_str(), row.name.as_str()), (id.0, "007", "安 Ann"));
        assert_eq!((row.mobile.as_str(), row.email.as_str(), row.status.as_str()), ("1", "a@b", "active"));
        assert_eq!((row.organization_guid.as_deref(), row.account_id), (Some("o-1"), Some(account.0)));
        assert_eq!((row.username.as_deref(), row.version), (Some("ann"), 1));
        assert!(hr_store::staff::staff_of_guid(conn, hr_store::staff::of_company(OTHER), "s-1").await.unwrap().is_none());

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
        for (query, found) in [
            ("", "007 b_1"),
            ("search=ANN", "007"),
            ("search=b_", "b_1"),
            ("search=安", "007"),
            ("organization_guid=o-1&username=ann&status__in=active,left", "007"),
            ("staff_no=b_1&name=Bob&guid=S-2", "b_1"),
            ("account_id__gte=1", "007"),
            ("hired_at__lte=2026-01-01T00:00:00Z&left_at=2026-01-01T00:00:00Z", ""),
            ("ordering=-staff_no,name,status,hired_at", "b_1 007"),
            ("ordering=left_at,created_at,-updated_at,-id", "b_1 007"),
        ] {
            let wanted = hr_store::staff::STAFF.read(query, &[]).unwrap();
            let own = hr_store::staff::of_company(COMPANY);
            let (count, rows) = hr_store::staff::staff(conn, own, &wanted).await.unwrap();
            let numbers: Vec<_> = rows.iter().map(|row| row.staff_no.as_str()).collect();
            assert_eq!((numbers.join(" ").as_str(), count), (found, numbers.len() as i64), "{query}");
        }
        let wanted = hr_store::staff::STAFF.read("", &[]).unwrap();
        let below = hr_store::staff::at_or_below(hr_store::staff::of_company(COMPANY), &format!("/{org}/"));
        assert_eq!(hr_store::staff::staff(conn, below, &wanted).await.unwrap().0, 1);
        let in_none = hr_store::staff::in_position(hr_store::staff::of_company(COMPANY), "p-1");
        assert_eq!(hr_store::staff::staff(conn, in_none, &wanted).await.unwrap().0, 0);

        let next = StaffColumns { account: None, status: "on_leave", ..person("008", "A") };
        assert_eq!(hr_store::staff::update_staff(conn, id, &next, NOW + 1).await.unwrap(), 1);
        let row = hr_store::staff::staff_of_guid(conn, hr_store::staff::of_company(COMPANY), "s-1").await.unwrap().unwrap();
        assert_eq!((row.staff_no.as_str(), row.status.as_str(), row.account_id, row.version), ("008", "on_leave", None, 2));
        assert_eq!(hr_store::staff::mark_left(conn, id, NOW + 2).await.unwrap(), 1);
        let row = hr_store::staff::staff_of_guid(conn, hr_store::staff::of_company(COMPANY), "s-1").await.unwrap().unwrap();
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

        let rows = hr_store::staff_positions::held_by_each(conn, &[bob, ann]).await.unwrap();
        assert_eq!(rows.iter().map(|row| StaffId(row.staff_id)).collect::<Vec<_>>(), [ann, ann, bob]);
        assert!(hr_store::staff_positions::held_by_each(conn, &[]).await.unwrap().is_empty());
        for (names, kind) in [(("", "甲"), "入职"), (("甲", "乙"), "晋升")] {
            hr_store::staff_positions::log(conn, ann, x, names, kind, by, NOW).await.unwrap();
        }
        for (query, found) in [
            ("", "晋升 入职"),
            ("ordering=id", "入职 晋升"),
            ("change_type=晋升&position_guid=guid-x&search=乙", "晋升"),
            ("at__lte=1970-01-01T00:00:00Z&ordering=at", ""),
        ] {
            let wanted = hr_store::staff_positions::HISTORY.read(query, &[]).unwrap();
            let (count, lines) = hr_store::staff_positions::history(conn, ann, &wanted).await.unwrap();
            let kinds: Vec<_> = lines.iter().map(|line| line.change_type.as_str()).collect();
            assert_eq!((kinds.join(" ").as_str(), count), (found, kinds.len() as i64), "{query}");
        }

        assert_eq!(hr_store::staff_positions::end_hold(conn, ann, x).await.unwrap(), 1);
        assert_eq!(hr_store::staff_positions::end_hold(conn, ann, x).await.unwrap(), 0);
        assert_eq!(hr_store::staff_positions::hold(conn, ann, x, &main, by, NOW).await.unwrap(), 1);
        assert_eq!(hr_store::staff_positions::end_holds(conn, ann).await.unwrap(), 2);
        assert_eq!(hr_store::staff_positions::held_by(conn, bob).await.unwrap().len(), 1, "only his own end");
    }
}
