//! The store functions of leave: the same expectations on both databases.

use livegrant::db::paging::{Page, PageQuery};
use livegrant::db::{Author, Conn};
use livegrant::leave::calendar::{Counts, DAY};
use livegrant::leave::span::Unit;
use livegrant::leave::store::balances::Account;
use livegrant::leave::store::days::{Block, CalendarDay};
use livegrant::leave::store::leaves::LeaveColumns;
use livegrant::leave::store::lists::{Filter, Reach};
use livegrant::leave::store::types::TypeColumns;
use livegrant::leave::store::{self as leave_store};
use livegrant::{sql_exec, sql_one};
use livegrant_actors::{AccountId, CompanyId};

use crate::house::{COMPANY, House, insert_account, insert_staff};
use crate::support::both_databases;

const OTHER: CompanyId = CompanyId(2);
const NOW: i64 = 1_000;

fn columns(code: &str) -> TypeColumns<'_> {
    TypeColumns {
        code,
        name: "年假",
        unit: Unit::Day,
        allow_half_day: true,
        counts: Counts::WorkingDays,
        paid: true,
        keeps_balance: true,
        yearly: 5 * DAY,
        attachment_from: Some(DAY),
        max_amount: None,
        backdate_days: 3,
        ignores_blocks: false,
        definition_code: "leave",
        sort: -1,
        status: 1,
    }
}

fn request(type_id: i64, start_at: i64, end_at: i64, attachments: &[String]) -> LeaveColumns<'_> {
    LeaveColumns {
        type_id,
        unit: "day",
        start_at,
        end_at,
        amount: DAY,
        reason: "看 'doctor' 😀",
        attachments,
    }
}

async fn a_type(conn: &mut Conn, code: &str) -> i64 {
    leave_store::types::insert(conn, COMPANY, &columns(code), NOW).await.unwrap();
    leave_store::types::coded(conn, COMPANY, code).await.unwrap().unwrap().id
}

/// An instance that a request can follow, of a definition of its own.
async fn an_instance(conn: &mut Conn, guid: &str, initiator: AccountId) -> i64 {
    let (definition,) = sql_one!(
        conn,
        (i64,),
        "INSERT INTO wf_definition (company_id, code, number, name, status, starters, managers, settings, form, graph,
            created_by, created_at, updated_at)
         VALUES ($1, $2, 1, 'x', 'published', '{}', '{}', '{}', '{}', '{}', 0, 1, 1) RETURNING id",
        COMPANY.0,
        guid
    )
    .unwrap();
    let (id,) = sql_one!(
        conn,
        (i64,),
        "INSERT INTO wf_instance (guid, approval_no, company_id, definition_id, initiator_id, title, form_data, facts, chosen, chose,
            status, started_at)
         VALUES ($1, $1, $2, $3, $4, 'x', '{}', '{}', '{}', '[]', 'running', 1) RETURNING id",
        guid,
        COMPANY.0,
        definition,
        initiator.0
    )
    .unwrap();
    id
}

fn page(number: i64, size: i64) -> Page {
    Page::from(PageQuery { page: Some(number), page_size: Some(size) })
}

both_databases! {
    async fn types(database: TestDatabase) {
        let house = House::build(&database).await;
        let mut work = house.work().await;
        let conn = work.conn();
        // S1-42: what ships can be asked for at once.
        let shipped = leave_store::types::types(conn, COMPANY).await.unwrap();
        let names: Vec<&str> = shipped.iter().map(|of| of.name.as_str()).collect();
        assert_eq!(names, ["年假", "事假", "病假", "调休", "婚假", "产假", "陪产假", "育儿假", "丧假"]);
        assert_eq!(leave_store::types::count(conn, COMPANY).await.unwrap(), 9);
        assert_eq!(leave_store::types::count(conn, OTHER).await.unwrap(), 0);

        let id = a_type(conn, "rest").await;
        assert_eq!(leave_store::types::insert(conn, COMPANY, &columns("rest"), NOW).await.unwrap(), 0);
        let row = leave_store::types::coded(conn, COMPANY, "rest").await.unwrap().unwrap();
        assert_eq!((row.name.as_str(), row.unit, row.allow_half_day), ("年假", Unit::Day, true));
        assert_eq!((row.counts, row.paid, row.keeps_balance), (Counts::WorkingDays, true, true));
        assert_eq!((row.yearly_days, row.attachment_from_days, row.max_days), (5.0, Some(1.0), None));
        assert_eq!((row.requires_attachment, row.backdate_days, row.ignores_blocks), (true, 3, false));
        assert_eq!((row.definition_code.as_str(), row.sort, row.status, row.version), ("leave", -1, 1, 1));
        assert!(leave_store::types::coded(conn, OTHER, "rest").await.unwrap().is_none());
        assert_eq!(leave_store::types::types(conn, COMPANY).await.unwrap()[0].code, "rest");

        let next = TypeColumns {
            name: "休", unit: Unit::Hour, counts: Counts::CalendarDays, max_amount: Some(240), attachment_from: None,
            status: 0, ..columns("ignored")
        };
        assert_eq!(leave_store::types::update(conn, id, 1, &next, NOW).await.unwrap(), 1);
        assert_eq!(leave_store::types::update(conn, id, 1, &next, NOW).await.unwrap(), 0);
        let row = leave_store::types::coded(conn, COMPANY, "rest").await.unwrap().unwrap();
        assert_eq!((row.name.as_str(), row.unit, row.counts), ("休", Unit::Hour, Counts::CalendarDays));
        assert_eq!((row.max_days, row.requires_attachment, row.status, row.version), (Some(0.5), false, 0, 2));
    }

    async fn days_and_blocks(database: TestDatabase) {
        let house = House::build(&database).await;
        let mut work = house.work().await;
        let conn = work.conn();
        let day = |day: &str, kind: &str, name: &str| {
            CalendarDay { day: day.to_owned(), kind: kind.to_owned(), name: name.to_owned() }
        };
        for each in [day("2026-10-01", "holiday", "国庆"), day("2026-10-01", "holiday", "国庆节"), day("2026-10-10", "working", "补班")] {
            assert_eq!(leave_store::days::put_day(conn, COMPANY, &each).await.unwrap(), 1);
        }
        let listed = leave_store::days::days(conn, COMPANY, "2026-10-01", "2026-10-10").await.unwrap();
        assert_eq!(listed, [day("2026-10-01", "holiday", "国庆节"), day("2026-10-10", "working", "补班")]);
        assert_eq!(leave_store::days::days(conn, COMPANY, "2026-10-02", "2026-10-09").await.unwrap(), []);
        assert_eq!(leave_store::days::days(conn, OTHER, "2026-01-01", "2026-12-31").await.unwrap(), []);
        assert_eq!(leave_store::days::delete_day(conn, OTHER, "2026-10-01").await.unwrap(), 0);
        assert_eq!(leave_store::days::delete_day(conn, COMPANY, "2026-10-01").await.unwrap(), 1);
        assert_eq!(leave_store::days::delete_day(conn, COMPANY, "2026-10-01").await.unwrap(), 0);

        let rest = a_type(conn, "rest").await;
        let other = a_type(conn, "other").await;
        let block = |guid: &str, of: Option<&str>, first: &str, last: &str| Block {
            guid: guid.to_owned(),
            leave_type: of.map(str::to_owned),
            first_day: first.to_owned(),
            last_day: last.to_owned(),
            reason: "盘点".to_owned(),
        };
        let one = block("b-1", Some("rest"), "2026-12-28", "2027-01-02");
        let all = block("b-2", None, "2026-06-30", "2026-06-30");
        leave_store::days::insert_block(conn, COMPANY, Some(rest), &one, NOW).await.unwrap();
        leave_store::days::insert_block(conn, COMPANY, None, &all, NOW).await.unwrap();
        assert_eq!(leave_store::days::block_count(conn, COMPANY).await.unwrap(), 2);
        assert_eq!(leave_store::days::block_count(conn, OTHER).await.unwrap(), 0);
        assert_eq!(leave_store::days::blocks(conn, COMPANY, "2026-01-01").await.unwrap(), [all.clone(), one.clone()]);
        assert_eq!(leave_store::days::blocks(conn, COMPANY, "2026-07-01").await.unwrap(), std::slice::from_ref(&one));
        for (of, first, last, found) in [
            (rest, "2027-01-02", "2027-01-05", Some(&one)),
            (rest, "2027-01-03", "2027-01-05", None),
            (rest, "2026-12-01", "2026-12-28", Some(&one)),
            (other, "2026-12-01", "2027-12-28", None),
            (other, "2026-06-01", "2026-07-28", Some(&all)),
        ] {
            let block = leave_store::days::block_in_the_way(conn, COMPANY, of, first, last).await.unwrap();
            assert_eq!(block.as_ref(), found, "{of} {first} {last}");
            assert_eq!(leave_store::days::block_in_the_way(conn, OTHER, of, first, last).await.unwrap(), None);
        }
        assert_eq!(leave_store::days::delete_block(conn, OTHER, "b-1").await.unwrap(), 0);
        assert_eq!(leave_store::days::delete_block(conn, COMPANY, "b-1").await.unwrap(), 1);
        assert_eq!(leave_store::days::delete_block(conn, COMPANY, "b-1").await.unwrap(), 0);
    }

    async fn people(database: TestDatabase) {
        let house = House::build(&database).await;
        let mut work = house.work().await;
        let conn = work.conn();
        let account = insert_account(conn, "ann").await;
        let staff = insert_staff(conn, "1", account).await;
        let person = leave_store::people::person(conn, COMPANY, staff).await.unwrap().unwrap();
        assert_eq!((person.id, person.account(), person.org_id, person.status.as_str()), (staff, Some(account), None, "active"));
        assert_eq!(leave_store::people::of_account(conn, COMPANY, account).await.unwrap(), Some(person));
        assert_eq!(leave_store::people::person(conn, OTHER, staff).await.unwrap(), None);
        assert_eq!(leave_store::people::of_account(conn, OTHER, account).await.unwrap(), None);
        assert_eq!(leave_store::people::of_account(conn, COMPANY, AccountId(0)).await.unwrap(), None);
    }

    async fn requests(database: TestDatabase) {
        let house = House::build(&database).await;
        let mut work = house.work().await;
        let conn = work.conn();
        let account = insert_account(conn, "ann").await;
        let staff = insert_staff(conn, "1", account).await;
        let of = a_type(conn, "rest").await;
        let files = ["病假条.jpg".to_owned()];
        let by = AccountId(77);
        let id = leave_store::leaves::insert(conn, (COMPANY, staff, "l-1"), &request(of, 100, 200, &files), by, NOW)
            .await
            .unwrap();
        let row = leave_store::leaves::leave(conn, COMPANY, "l-1").await.unwrap().unwrap();
        assert_eq!((row.id, row.staff_id, row.account_id, row.created_by), (id, staff, Some(account.0), 77));
        assert_eq!((row.type_code.as_str(), row.unit.as_str(), row.start_at, row.end_at), ("rest", "day", 100, 200));
        assert_eq!((row.reason.as_str(), &row.attachments.0[..], row.amount), ("看 'doctor' 😀", &files[..], DAY));
        assert_eq!((row.status.as_str(), row.instance_id, row.approval_no, row.version), ("draft", None, None, 1));
        assert!(leave_store::leaves::leave(conn, OTHER, "l-1").await.unwrap().is_none());
        assert_eq!(leave_store::leaves::draft_count(conn, staff).await.unwrap(), 1);
        assert_eq!(leave_store::leaves::draft_count(conn, staff + 1).await.unwrap(), 0);

        // S1-31: an interval is open at its end.
        for (start, end, own, found) in [(100, 200, 0, true), (199, 300, 0, true), (0, 101, 0, true), (200, 300, 0, false), (0, 100, 0, false), (100, 200, id, false)] {
            let other = leave_store::leaves::in_the_way(conn, staff, (start, end), own).await.unwrap();
            assert_eq!(other.is_some(), found, "{start} {end} {own}");
            assert_eq!(leave_store::leaves::in_the_way(conn, staff + 1, (start, end), own).await.unwrap(), None);
        }
        assert_eq!(leave_store::leaves::insert_share(conn, id, 2026, DAY).await.unwrap(), 1);
        assert_eq!(leave_store::leaves::update(conn, id, 1, &request(of, 300, 400, &[]), NOW).await.unwrap(), 1);
        assert_eq!(leave_store::leaves::update(conn, id, 1, &request(of, 300, 400, &[]), NOW).await.unwrap(), 0);
        assert_eq!(leave_store::leaves::leave(conn, COMPANY, "l-1").await.unwrap().unwrap().start_at, 300);

        let instance = an_instance(conn, "i-1", account).await;
        assert_eq!(leave_store::leaves::follow(conn, OTHER, "l-1", "i-1", "running", NOW).await.unwrap(), 0);
        assert_eq!(leave_store::leaves::follow(conn, COMPANY, "l-1", "i-1", "running", NOW).await.unwrap(), 1);
        let row = leave_store::leaves::leave(conn, COMPANY, "l-1").await.unwrap().unwrap();
        assert_eq!((row.status.as_str(), row.instance_id, row.instance_guid.as_deref()), ("running", Some(instance), Some("i-1")));
        assert_eq!((row.approval_no.as_deref(), row.version), (Some("i-1"), 3));
        assert_eq!(leave_store::leaves::approvers(conn, instance).await.unwrap(), Vec::<i64>::new());
        an_instance(conn, "i-2", account).await;
        assert_eq!(leave_store::leaves::follow(conn, COMPANY, "l-1", "i-2", "approved", NOW).await.unwrap(), 0, "another's");
        assert_eq!(leave_store::leaves::update(conn, id, 3, &request(of, 500, 600, &[]), NOW).await.unwrap(), 0, "it runs");
        assert_eq!(leave_store::leaves::delete_draft(conn, id, 3).await.unwrap(), 0, "it runs");
        assert_eq!(leave_store::leaves::follow(conn, COMPANY, "l-1", "i-1", "rejected", NOW).await.unwrap(), 1);
        assert_eq!(leave_store::leaves::in_the_way(conn, staff, (300, 400), 0).await.unwrap(), None, "it came to nothing");

        let draft = leave_store::leaves::insert(conn, (COMPANY, staff, "l-2"), &request(of, 1, 2, &[]), by, NOW).await.unwrap();
        leave_store::leaves::insert_share(conn, draft, 2026, DAY).await.unwrap();
        assert_eq!(leave_store::leaves::delete_shares(conn, draft).await.unwrap(), 1);
        assert_eq!(leave_store::leaves::delete_draft(conn, draft, 2).await.unwrap(), 0);
        assert_eq!(leave_store::leaves::delete_draft(conn, draft, 1).await.unwrap(), 1);
    }

    async fn balances(database: TestDatabase) {
        let house = House::build(&database).await;
        let mut work = house.work().await;
        let conn = work.conn();
        let account = insert_account(conn, "ann").await;
        let staff = insert_staff(conn, "1", account).await;
        let of = a_type(conn, "rest").await;
        for (number, status) in ["approved", "running", "returned", "rejected", "draft"].into_iter().enumerate() {
            let guid = format!("l-{number}");
            let start = number as i64 * 100;
            let request = request(of, start, start + 100, &[]);
            let id = leave_store::leaves::insert(conn, (COMPANY, staff, &guid), &request, account, NOW).await.unwrap();
            leave_store::leaves::insert_share(conn, id, 2026, 100 << number).await.unwrap();
            leave_store::leaves::insert_share(conn, id, 2027, 1).await.unwrap();
            if status != "draft" {
                let instance = format!("i-{number}");
                an_instance(conn, &instance, account).await;
                leave_store::leaves::follow(conn, COMPANY, &guid, &instance, status, NOW).await.unwrap();
            }
        }
        let row = |rows: Vec<leave_store::balances::BalanceRow>| rows.into_iter().find(|row| row.type_id == of).unwrap();
        let rows = leave_store::balances::balances(conn, COMPANY, staff, 2026, 0).await.unwrap();
        assert!(rows.iter().all(|row| row.code != "sick"), "{rows:?}");
        let had = row(rows);
        assert_eq!((had.granted, had.used, had.pending, had.left(), had.version), (5 * DAY, 100, 600, 5 * DAY - 700, 0));
        let next = row(leave_store::balances::balances(conn, COMPANY, staff, 2027, 0).await.unwrap());
        assert_eq!((next.used, next.pending), (1, 2));
        let running = leave_store::leaves::leave(conn, COMPANY, "l-1").await.unwrap().unwrap().id;
        let without = row(leave_store::balances::balances(conn, COMPANY, staff, 2026, running).await.unwrap());
        assert_eq!((without.used, without.pending), (100, 400));
        let nobody = row(leave_store::balances::balances(conn, COMPANY, staff + 1, 2026, 0).await.unwrap());
        assert_eq!((nobody.used, nobody.pending), (0, 0));

        let account = Account { staff, type_id: of, year: 2026 };
        let author = Author { name: "何人事".to_owned(), ..Author::system("test") };
        for (granted, version) in [(10, 1), (20, 2)] {
            leave_store::balances::set_granted(conn, account, granted, NOW).await.unwrap();
            leave_store::balances::log(conn, account, (0, granted), "工龄", &author, NOW).await.unwrap();
            let had = row(leave_store::balances::balances(conn, COMPANY, staff, 2026, 0).await.unwrap());
            assert_eq!((had.granted, had.version), (granted, version));
        }
        let next = row(leave_store::balances::balances(conn, COMPANY, staff, 2027, 0).await.unwrap());
        assert_eq!(next.granted, 5 * DAY, "another year");
        let lines = leave_store::balances::history(conn, staff, 2026, 1).await.unwrap();
        assert_eq!((lines.len(), lines[0].granted_to, lines[0].reason.as_str()), (1, 20, "工龄"));
        assert_eq!((lines[0].code.as_str(), lines[0].operator_name.as_str()), ("rest", "何人事"));
        assert_eq!(leave_store::balances::history(conn, staff, 2025, 9).await.unwrap(), []);
    }

    async fn lists(database: TestDatabase) {
        let house = House::build(&database).await;
        let mut work = house.work().await;
        let conn = work.conn();
        let (ann, bob) = (insert_account(conn, "ann").await, insert_account(conn, "bob").await);
        let (of_ann, of_bob) = (insert_staff(conn, "1", ann).await, insert_staff(conn, "2", bob).await);
        let (rest, other) = (a_type(conn, "rest").await, a_type(conn, "other").await);
        for (guid, staff, of, start, by) in
            [("l-1", of_ann, rest, 300, ann), ("l-2", of_bob, other, 100, bob), ("l-3", of_bob, rest, 200, ann)]
        {
            leave_store::leaves::insert(conn, (COMPANY, staff, guid), &request(of, start, start + 100, &[]), by, NOW)
                .await
                .unwrap();
        }
        an_instance(conn, "i-2", bob).await;
        leave_store::leaves::follow(conn, COMPANY, "l-2", "i-2", "approved", NOW).await.unwrap();
        let (all, nobody) = (Reach { all: true, ..Reach::default() }, Reach::default());
        let mine = Filter {
            others: &nobody,
            status: None,
            leave_type: None,
            staff: None,
            from: None,
            to: None,
            ordering: None,
        };
        let everything = Filter { others: &all, ..mine };
        let cases = [
            (bob, everything, "l-3 l-2 l-1"),
            (bob, mine, "l-3 l-2"),
            (ann, mine, "l-3 l-1"),
            (ann, Filter { status: Some("approved"), ..everything }, "l-2"),
            (ann, Filter { leave_type: Some("rest"), ..everything }, "l-3 l-1"),
            (ann, Filter { staff: Some(of_ann), ..everything }, "l-1"),
            (ann, Filter { from: Some(200), ..everything }, "l-3 l-1"),
            (ann, Filter { to: Some(200), ..everything }, "l-2"),
            (ann, Filter { ordering: Some("start_at"), ..everything }, "l-2 l-3 l-1"),
            (ann, Filter { ordering: Some("-start_at"), ..everything }, "l-1 l-3 l-2"),
        ];
        for (account, filter, expected) in cases {
            let (count, rows) = leave_store::lists::leaves(conn, COMPANY, account, &filter, page(1, 9)).await.unwrap();
            let guids: Vec<&str> = rows.iter().map(|row| row.guid.as_str()).collect();
            assert_eq!((guids.join(" ").as_str(), count), (expected, guids.len() as i64), "{filter:?}");
        }
        let (count, rows) = leave_store::lists::leaves(conn, COMPANY, ann, &everything, page(2, 2)).await.unwrap();
        assert_eq!((count, rows.len(), rows[0].guid.as_str()), (3, 1, "l-1"));
        assert_eq!(leave_store::lists::leaves(conn, OTHER, ann, &everything, page(1, 9)).await.unwrap().0, 0);

        sql_exec!(conn, "INSERT INTO hr_organization (guid, company_id, code, name, path, created_at, updated_at) VALUES ('r', 1, 'r', 'r', '/r/', 1, 1), ('o', 1, 'o', 'o', '/r/o/', 1, 1)").unwrap();
        let (org,) = sql_one!(conn, (i64,), "SELECT id FROM hr_organization WHERE guid = 'o'").unwrap();
        let (root,) = sql_one!(conn, (i64,), "SELECT id FROM hr_organization WHERE guid = 'r'").unwrap();
        sql_exec!(conn, "UPDATE hr_staff SET org_id = $1 WHERE id = $2", org, of_bob).unwrap();
        // FC7: of an organisation alone, and of everything below one.
        let cat = insert_account(conn, "cat").await;
        let marked = |row: i64| format!(",{row},");
        let desk = Reach { exact: marked(org), ..Reach::default() };
        let above = Reach { below: marked(root), ..Reach::default() };
        let root_alone = Reach { exact: marked(root), ..Reach::default() };
        for (others, expected) in [(&desk, "l-3 l-2"), (&above, "l-3 l-2"), (&root_alone, ""), (&nobody, "")] {
            let filter = Filter { others, ..mine };
            let (count, rows) = leave_store::lists::leaves(conn, COMPANY, cat, &filter, page(1, 9)).await.unwrap();
            let guids: Vec<&str> = rows.iter().map(|row| row.guid.as_str()).collect();
            assert_eq!((guids.join(" ").as_str(), count), (expected, guids.len() as i64), "{others:?}");
        }
        an_instance(conn, "i-1", ann).await;
        leave_store::leaves::follow(conn, COMPANY, "l-1", "i-1", "running", NOW).await.unwrap();
        // A draft is nobody's news; what runs only one's own, and of those who may read all.
        for (who, range, expected) in [
            ((ann, &all, None), (0, 1_000), "l-2 l-1"),
            ((ann, &nobody, None), (0, 1_000), "l-1"),
            ((ann, &nobody, Some(org)), (0, 1_000), "l-2 l-1"),
            ((bob, &nobody, Some(org)), (0, 1_000), "l-2"),
            ((ann, &desk, None), (0, 1_000), "l-2 l-1"),
            ((cat, &desk, None), (0, 1_000), "l-2"),
            ((cat, &above, None), (0, 1_000), "l-2"),
            ((cat, &nobody, Some(org)), (0, 1_000), "l-2"),
            ((ann, &all, None), (200, 300), ""),
            ((ann, &all, None), (399, 500), "l-1"),
        ] {
            let rows = leave_store::lists::away(conn, COMPANY, who, range, 9).await.unwrap();
            let guids: Vec<&str> = rows.iter().map(|row| row.guid.as_str()).collect();
            assert_eq!(guids.join(" "), expected, "{who:?} {range:?}");
            // Whose leave is only known for being of the same organisation is not read.
            for row in &rows {
                let reached = *who.1 != nobody || row.account_id == Some(who.0.0);
                assert_eq!(row.readable, reached, "{who:?} {}", row.guid);
            }
        }
        assert_eq!(leave_store::lists::away(conn, COMPANY, (ann, &all, None), (0, 1_000), 1).await.unwrap().len(), 1);
        assert_eq!(leave_store::lists::away(conn, OTHER, (ann, &all, None), (0, 1_000), 9).await.unwrap(), []);
    }
}
