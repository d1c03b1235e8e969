//! The store functions of definitions, numbers, substitutes and statistics: the same expectations on both databases.

use livegrant::db::DbError;
use livegrant::db::paging::{Page, PageQuery};
use livegrant::workflow::definitions::Definition;
use livegrant::workflow::definitions::model::{Content, Status};
use livegrant::workflow::number;
use livegrant::workflow::store::definitions::{DefinitionFilter, Place};
use livegrant::workflow::store::stats::Period;
use livegrant::workflow::store::substitutes::SubstituteRow;
use livegrant::workflow::store::{self as workflow_store};
use livegrant::zone::Zone;
use livegrant::{sql_exec, sql_one};
use livegrant_actors::{AccountId, CompanyId};
use serde_json::json;

use crate::house::{COMPANY, House, commit, insert_account};
use crate::support::both_databases;

const OTHER: CompanyId = CompanyId(2);
const BY: AccountId = AccountId(0);
const NOW: i64 = 1000;

fn content(name: &str) -> Content {
    let text = json!({
        "name": name, "category": "人事 \"HR\"", "starters": { "roles": ["desk"] },
        "form": { "fields": [{ "code": "days", "name": "天数", "type": "number", "max": 30.5 }] },
        "graph": { "nodes": [
            { "code": "start", "name": "开始 🌴", "kind": "start" },
            { "code": "a", "name": "a", "kind": "approve", "assignees": [{ "kind": "initiator_head", "up": 1 }] },
        ] },
    });
    serde_json::from_value(text).unwrap()
}

fn place(code: &str, number: i64) -> Place<'_> {
    Place { company: COMPANY, code, number }
}

fn page(number: i64, size: i64) -> Page {
    Page::from(PageQuery { page: Some(number), page_size: Some(size) })
}

both_databases! {
    async fn definitions(database: TestDatabase) {
        let house = House::build(&database).await;
        let mut work = house.work().await;
        let conn = work.conn();
        let first = workflow_store::definitions::insert(conn, place("leave", 1), &content("请假"), BY, NOW).await.unwrap();
        let row = workflow_store::definitions::by_id(conn, first).await.unwrap().unwrap();
        let read = Definition::try_from(row).unwrap();
        assert_eq!((read.status, read.number, read.version, read.published_at), (Status::Draft, 1, 1, None));
        assert_eq!((read.company, read.created_at, read.created_by), (COMPANY, NOW, 0));
        assert_eq!(read.content(), content("请假"), "what was stored is read back");
        assert!(workflow_store::definitions::by_id(conn, first + 1).await.unwrap().is_none());

        assert_eq!(workflow_store::definitions::update(conn, first, &content("休假"), 1, NOW + 1).await.unwrap(), 1);
        assert_eq!(workflow_store::definitions::update(conn, first, &content("x"), 1, NOW + 1).await.unwrap(), 0);
        let published = Status::Published.word();
        assert_eq!(workflow_store::definitions::set_status(conn, first, published, 1, NOW).await.unwrap(), 0);
        assert_eq!(workflow_store::definitions::set_status(conn, first, published, 2, NOW + 2).await.unwrap(), 1);
        assert_eq!(workflow_store::definitions::update(conn, first, &content("x"), 3, NOW).await.unwrap(), 0, "it is no draft");
        let live = workflow_store::definitions::of_status(conn, COMPANY, "leave", published).await.unwrap().unwrap();
        assert_eq!((live.name.as_str(), live.version, live.published_at), ("休假", 3, Some(NOW + 2)));
        assert!(workflow_store::definitions::of_status(conn, OTHER, "leave", published).await.unwrap().is_none());
        assert!(workflow_store::definitions::of_status(conn, COMPANY, "leave", "draft").await.unwrap().is_none());

        assert_eq!(workflow_store::definitions::last_number(conn, COMPANY, "leave").await.unwrap(), 1);
        assert_eq!(workflow_store::definitions::last_number(conn, OTHER, "leave").await.unwrap(), 0);
        let second = workflow_store::definitions::insert(conn, place("leave", 2), &content("二"), BY, NOW).await.unwrap();
        workflow_store::definitions::insert(conn, place("a_b", 1), &content("Trip"), BY, NOW).await.unwrap();
        let best = workflow_store::definitions::best(conn, COMPANY, "leave").await.unwrap().unwrap();
        assert_eq!(best.id, first, "what takes instances comes before a draft");
        assert!(workflow_store::definitions::best(conn, OTHER, "leave").await.unwrap().is_none());
        let draft = workflow_store::definitions::numbered(conn, COMPANY, "leave", 2).await.unwrap().unwrap();
        assert_eq!(draft.id, second);
        assert!(workflow_store::definitions::numbered(conn, COMPANY, "leave", 3).await.unwrap().is_none());
        let versions = workflow_store::definitions::versions(conn, COMPANY, "leave").await.unwrap();
        assert_eq!(versions, [(2, "draft".to_owned()), (1, "published".to_owned())]);

        let list = async |conn: &mut livegrant::db::Conn, filter: DefinitionFilter, page| {
            let (count, rows) = workflow_store::definitions::list(conn, COMPANY, &filter, page).await.unwrap();
            let shown: Vec<_> = rows.iter().map(|row| format!("{}{}", row.code, row.number)).collect();
            (count, shown.join(" "))
        };
        let filter = |status: &str, search: &str| DefinitionFilter {
            status: (!status.is_empty()).then(|| status.to_owned()),
            category: None,
            search: (!search.is_empty()).then(|| search.to_owned()),
        };
        assert_eq!(list(conn, filter("", ""), page(1, 9)).await, (3, "a_b1 leave2 leave1".to_owned()));
        assert_eq!(list(conn, filter("", ""), page(2, 2)).await, (3, "leave1".to_owned()));
        assert_eq!(list(conn, filter("draft", ""), page(1, 9)).await, (2, "a_b1 leave2".to_owned()));
        assert_eq!(list(conn, filter("", "TRIP"), page(1, 9)).await, (1, "a_b1".to_owned()));
        assert_eq!(list(conn, filter("", "_"), page(1, 9)).await, (1, "a_b1".to_owned()));
        let other = DefinitionFilter { category: Some("IT".to_owned()), ..DefinitionFilter::default() };
        assert_eq!(list(conn, other, page(1, 9)).await.0, 0);

        assert_eq!(workflow_store::definitions::retire_live(conn, COMPANY, "leave", NOW + 3).await.unwrap(), 1);
        assert_eq!(workflow_store::definitions::retire_live(conn, COMPANY, "leave", NOW + 3).await.unwrap(), 0);
        assert_eq!(list(conn, filter("retired", ""), page(1, 9)).await, (1, "leave1".to_owned()));
        let taken = workflow_store::definitions::insert(conn, place("leave", 3), &content("x"), BY, NOW).await;
        assert!(matches!(taken, Err(DbError::Duplicate)), "one draft of a code: {taken:?}");
    }

    // S0-40, FW31
    async fn numbers_of_a_day_are_unique_under_concurrency(database: TestDatabase) {
        const STARTS: usize = 40;
        let house = House::build(&database).await;
        let zone = Zone::named("Asia/Shanghai").unwrap();
        let day = zone.day(house.work().await.now()).strftime("%Y%m%d").to_string();
        let taking = (0..STARTS).map(|start| {
            let (house, zone) = (house.clone(), zone.clone());
            async move {
                loop {
                    let mut work = house.work().await;
                    match number::next(&mut work, &zone, "AP").await {
                        // Every fourth gives up: its number is not lost.
                        Ok(_) if start % 4 == 3 => return None,
                        Ok(taken) => {
                            commit(work).await;
                            return Some(taken);
                        }
                        Err(DbError::Again) => {}
                        Err(other) => panic!("{other}"),
                    }
                }
            }
        });
        let mut taken: Vec<String> = futures_util::future::join_all(taking).await.into_iter().flatten().collect();
        taken.sort();
        let expected: Vec<String> = (1..=STARTS * 3 / 4).map(|number| format!("AP{day}{number:05}")).collect();
        assert_eq!(taken, expected);

        let mut work = house.work().await;
        let conn = work.conn();
        assert_eq!(workflow_store::numbers::next(conn, "X", "20250912").await.unwrap(), 1);
        assert_eq!(workflow_store::numbers::next(conn, "X", "20250912").await.unwrap(), 2);
        assert_eq!(workflow_store::numbers::next(conn, "X", "20250913").await.unwrap(), 1);
        sql_exec!(conn, "UPDATE wf_sequence SET last = 99999 WHERE prefix = $1", "AP").unwrap();
        assert_eq!(number::next(&mut work, &zone, "AP").await.unwrap(), format!("AP{day}100000"), "a sixth digit");
    }

    // FW25
    async fn substitutes(database: TestDatabase) {
        let house = House::build(&database).await;
        let mut work = house.work().await;
        let conn = work.conn();
        let (ann, bob, cat) = (insert_account(conn, "ann").await, insert_account(conn, "bob").await, insert_account(conn, "cat").await);
        let row = |account: AccountId, substitute: AccountId| SubstituteRow {
            id: 0,
            account_id: account.0,
            substitute_id: substitute.0,
            definition_code: None,
            valid_from: None,
            valid_to: None,
            reason: "休假 🌴".to_owned(),
            hand_over_open: false,
            created_at: NOW,
        };
        let always = row(ann, bob);
        let trips = SubstituteRow { definition_code: Some("trip".to_owned()), ..row(ann, cat) };
        let later = SubstituteRow { valid_from: Some(NOW), valid_to: Some(NOW + 10), ..row(bob, cat) };
        let mut ids = Vec::new();
        for row in [&always, &trips, &later] {
            ids.push(workflow_store::substitutes::insert(conn, COMPANY, row, BY).await.unwrap());
        }
        let (ann_id, bob_id, cat_id) = (ann.0, bob.0, cat.0);
        for (definition, now, expected) in [
            ("leave", NOW - 1, vec![(ann_id, bob_id)]),
            ("leave", NOW, vec![(bob_id, cat_id), (ann_id, bob_id)]),
            ("leave", NOW + 10, vec![(ann_id, bob_id)]),
            ("trip", NOW + 10, vec![(ann_id, cat_id), (ann_id, bob_id)]),
        ] {
            let found = workflow_store::substitutes::in_force(conn, COMPANY, definition, now).await.unwrap();
            assert_eq!(found, expected, "{definition} at {now}");
        }
        assert!(workflow_store::substitutes::in_force(conn, OTHER, "leave", NOW).await.unwrap().is_empty());

        let found = workflow_store::substitutes::by_id(conn, COMPANY, ids[2]).await.unwrap().unwrap();
        assert_eq!(found, SubstituteRow { id: ids[2], ..later });
        assert!(workflow_store::substitutes::by_id(conn, OTHER, ids[2]).await.unwrap().is_none());
        for (account, expected) in [(None, 3), (Some(ann), 2), (Some(bob), 2), (Some(cat), 2)] {
            let (count, rows) = workflow_store::substitutes::list(conn, COMPANY, account, page(1, 9)).await.unwrap();
            assert_eq!((count, rows.len()), (expected, expected as usize), "{account:?}");
        }
        let (_, newest) = workflow_store::substitutes::list(conn, COMPANY, None, page(1, 1)).await.unwrap();
        assert_eq!(newest[0].id, ids[2]);
        assert_eq!(workflow_store::substitutes::count_of(conn, COMPANY, ann, NOW).await.unwrap(), 2);
        assert_eq!(workflow_store::substitutes::count_of(conn, COMPANY, bob, NOW + 10).await.unwrap(), 0);
        assert_eq!(workflow_store::substitutes::delete(conn, ids[0]).await.unwrap(), 1);
        assert_eq!(workflow_store::substitutes::delete(conn, ids[0]).await.unwrap(), 0);
    }

    // FW40, S2-72
    async fn statistics(database: TestDatabase) {
        let house = House::build(&database).await;
        let mut work = house.work().await;
        let conn = work.conn();
        let ann = insert_account(conn, "ann").await;
        let definition = workflow_store::definitions::insert(conn, place("leave", 1), &content("请假"), BY, NOW).await.unwrap();
        // Four instances; the times of node `a` are 10, 30, 20 and open.
        for (number, (status, took)) in
            [("approved", Some(10)), ("rejected", Some(30)), ("approved", Some(20)), ("running", None)].into_iter().enumerate()
        {
            let started = 100 * number as i64;
            let ended = took.map(|took| started + took);
            let (instance,) = sql_one!(conn, (i64,),
                "INSERT INTO wf_instance (guid, approval_no, company_id, definition_id, initiator_id, title, form_data, facts,
                    chosen, chose, status, started_at, ended_at)
                 VALUES ($1, $1, $2, $3, $4, 't', '{}', '{}', '{}', '[]', $5, $6, $7) RETURNING id",
                format!("i{number}"), COMPANY.0, definition, ann.0, status, started, ended).unwrap();
            for (place, node) in ["start", "a"].into_iter().enumerate() {
                let (run,) = sql_one!(conn, (i64,),
                    "INSERT INTO wf_node_run (instance_id, number, node_code, revision, round, state, branches, entered_at, left_at)
                     VALUES ($1, $2, $3, 1, 1, 'done', '[]', $4, $5) RETURNING id",
                    instance, place as i64, node, started, ended).unwrap();
                if node == "a" {
                    let state = if took.is_some() { "approved" } else { "pending" };
                    sql_exec!(conn,
                        "INSERT INTO wf_task (guid, instance_id, node_run_id, number, assignee_id, origin, state, attachments,
                            due_at, created_at)
                         VALUES ($1, $2, $3, 1, $4, 'rule', $5, '[]', 350, 1)",
                        format!("t{number}"), instance, run, ann.0, state).unwrap();
                }
            }
        }
        let all = Period { from: 0, to: 1000 };
        let rows = workflow_store::stats::instances(conn, COMPANY, all, None).await.unwrap();
        let shown: Vec<_> = rows.iter().map(|row| (row.code.as_str(), row.status.as_str(), row.count)).collect();
        assert_eq!(shown, [("leave", "approved", 2), ("leave", "rejected", 1), ("leave", "running", 1)]);
        let medians = workflow_store::stats::medians(conn, COMPANY, all, None).await.unwrap();
        assert_eq!(medians, [("leave".to_owned(), 20)]);
        let two = Period { from: 0, to: 200 };
        assert_eq!(workflow_store::stats::medians(conn, COMPANY, two, Some("leave")).await.unwrap(), [("leave".to_owned(), 20)]);
        let nodes = workflow_store::stats::nodes(conn, COMPANY, all, None).await.unwrap();
        let shown: Vec<_> = nodes.iter().map(|row| (row.node_code.as_str(), row.runs, row.median_ms)).collect();
        assert_eq!(shown, [("a", 3, 20)], "nodes without people are left out");
        for (now, overdue) in [(349, 0), (350, 1)] {
            let tasks = workflow_store::stats::tasks(conn, COMPANY, all, None, now).await.unwrap();
            assert_eq!(tasks, [("leave".to_owned(), 1, overdue)], "at {now}");
        }
        for (company, period, definition) in
            [(OTHER, all, None), (COMPANY, Period { from: 500, to: 600 }, None), (COMPANY, all, Some("trip"))]
        {
            assert!(workflow_store::stats::instances(conn, company, period, definition).await.unwrap().is_empty());
            assert!(workflow_store::stats::medians(conn, company, period, definition).await.unwrap().is_empty());
            assert!(workflow_store::stats::nodes(conn, company, period, definition).await.unwrap().is_empty());
            assert!(workflow_store::stats::tasks(conn, company, period, definition, NOW).await.unwrap().is_empty());
        }
    }
}
