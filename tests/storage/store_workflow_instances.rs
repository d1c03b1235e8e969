//! The store functions of instances, tasks, logs, copies and timers: the same expectations on both databases.

use std::collections::BTreeMap;

use livegrant::db::paging::{Page, PageQuery};
use livegrant::db::{Conn, DbError};
use livegrant::sql_one;
use livegrant::workflow::instance::model::Fork;
use livegrant::workflow::store::instances::{Moved, NewInstance, RunColumns};
use livegrant::workflow::store::lists::ListFilter;
use livegrant::workflow::store::logs::{LineFilter, NewLine};
use livegrant::workflow::store::tasks::TaskColumns;
use livegrant::workflow::store::{self as workflow_store};
use livegrant::workflow::variables::Initiator;
use livegrant_actors::{AccountId, CompanyId};
use serde_json::json;
use sqlx::types::Json;

use crate::house::{COMPANY, House, insert_account};
use crate::support::both_databases;

const OTHER: CompanyId = CompanyId(2);
const NOW: i64 = 1_000;
/// No words of the log: whatever gave an instance another status.
const ANY: &[&str] = &[];

async fn definition(conn: &mut Conn) -> i64 {
    let nobody = json!({ "accounts": [], "roles": [], "positions": [], "organizations": [] });
    let (id,) = sql_one!(
        conn,
        (i64,),
        "INSERT INTO wf_definition (company_id, code, number, name, status, starters, managers, settings, form, graph,
            created_by, created_at, updated_at)
         VALUES ($1, 'leave', 1, '请假', 'published', $2, $2, $3, $3, $4, 0, 1, 1) RETURNING id",
        COMPANY.0,
        Json(&nobody),
        Json(json!({})),
        Json(json!({ "nodes": [] }))
    )
    .unwrap();
    id
}

fn new(guid: &str, definition: i64, initiator: AccountId) -> NewInstance<'_> {
    NewInstance {
        guid,
        approval_no: guid,
        company: COMPANY,
        definition,
        business_type: "leave",
        business_id: "7",
        initiator,
        title: "请假 50%_!",
        summary: "",
        parent_run: None,
    }
}

fn task(number: i64, assignee: AccountId, state: &str) -> TaskColumns<'_> {
    TaskColumns {
        number,
        assignee,
        owner: None,
        origin: "rule",
        parent: None,
        place: 0,
        state,
        reason: "",
        decided_by: None,
        decided_at: None,
        due_at: None,
    }
}

fn run<'a>(number: i64, state: &'a str, branches: &'a [Fork]) -> RunColumns<'a> {
    RunColumns { number, node_code: "n", revision: 1, round: 1, state, branches, reason: "", left_at: None }
}

fn page() -> Page {
    Page::from(PageQuery { page: Some(1), page_size: Some(9) })
}

both_databases! {
    async fn instances_runs_and_tasks(database: TestDatabase) {
        let house = House::build(&database).await;
        let mut work = house.work().await;
        let conn = work.conn();
        let (ann, bob) = (insert_account(conn, "ann").await, insert_account(conn, "bob").await);
        let definition = definition(conn).await;
        let id = workflow_store::instances::insert(conn, &new("g-1", definition, ann), NOW).await.unwrap();
        let row = workflow_store::instances::find(conn, COMPANY, "g-1").await.unwrap().unwrap();
        assert_eq!((row.id, row.version, row.revision, row.status.as_str()), (id, 1, 0, "running"));
        assert!(workflow_store::instances::find(conn, OTHER, "g-1").await.unwrap().is_none());
        let locked = workflow_store::instances::lock(conn, id).await.unwrap().unwrap();
        assert_eq!((locked.version, locked.form_data.0.len()), (2, 0));
        assert!(workflow_store::instances::lock(conn, id + 9).await.unwrap().is_none());
        let form = json!({ "why": "看病 '😷'" }).as_object().cloned().unwrap();
        let (facts, chosen) = (Initiator { name: "安".to_owned(), ..Initiator::default() }, BTreeMap::from([("n".to_owned(), vec![bob])]));
        let moved = Moved {
            approval_no: "AP1", title: "T", summary: "S", form: &form, facts: &facts, chosen: &chosen, chose: &[bob],
            status: "returned", revision: 2, round: 3, resume_node: Some("n"), ended_at: None,
        };
        assert_eq!(workflow_store::instances::store(conn, id, &moved).await.unwrap(), 1);
        let row = workflow_store::instances::by_id(conn, id).await.unwrap().unwrap();
        assert_eq!((row.form_data.0, row.facts.0, row.chosen.0, row.chose.0), (form, facts, chosen, vec![bob]));
        assert_eq!((row.revision, row.round, row.resume_node.as_deref()), (2, 3, Some("n")));
        assert_eq!((row.approval_no.as_str(), row.status.as_str()), ("AP1", "returned"));
        let of = workflow_store::instances::of_business(conn, COMPANY, "leave", "7").await.unwrap();
        assert_eq!(of.as_deref(), Some("g-1"));
        assert!(workflow_store::instances::of_business(conn, COMPANY, "leave", "8").await.unwrap().is_none());

        let forks = [Fork { code: "b".to_owned(), done: false }];
        let first = workflow_store::instances::insert_run(conn, id, &run(1, "open", &forks), NOW).await.unwrap();
        let done = [Fork { code: "b".to_owned(), done: true }];
        workflow_store::instances::insert_run(conn, id, &run(2, "open", &[]), NOW).await.unwrap();
        let columns = RunColumns { left_at: Some(NOW + 1), ..run(1, "done", &done) };
        assert_eq!(workflow_store::instances::store_run(conn, first, &columns).await.unwrap(), 1);
        let runs = workflow_store::instances::runs(conn, id).await.unwrap();
        assert_eq!((runs[0].state.as_str(), runs[0].left_at, &runs[0].branches.0[..]), ("done", Some(NOW + 1), &done[..]));
        assert_eq!((runs.len(), runs[1].number), (2, 2));
        assert_eq!(workflow_store::instances::of_run(conn, first).await.unwrap(), Some((id, 1)));
        assert_eq!(workflow_store::instances::of_run(conn, first + 99).await.unwrap(), None);
        let child = NewInstance { parent_run: Some(first), ..new("g-2", definition, ann) };
        let child = workflow_store::instances::insert(conn, &child, NOW).await.unwrap();
        assert_eq!(workflow_store::instances::child_of_run(conn, first).await.unwrap(), Some(child));
        assert_eq!(workflow_store::instances::child_of_run(conn, first + 1).await.unwrap(), None);

        let one = workflow_store::tasks::insert(conn, id, first, "t-1", &task(1, bob, "pending"), NOW).await.unwrap();
        workflow_store::tasks::insert(conn, id, first, "t-2", &task(2, bob, "waiting"), NOW).await.unwrap();
        assert_eq!(workflow_store::tasks::count_pending(conn, COMPANY, bob).await.unwrap(), 1);
        assert_eq!(workflow_store::tasks::count_pending(conn, OTHER, bob).await.unwrap(), 0);
        assert_eq!(workflow_store::tasks::place_of(conn, COMPANY, "t-2").await.unwrap(), Some((id, 2)));
        assert_eq!(workflow_store::tasks::place_of(conn, OTHER, "t-2").await.unwrap(), None);
        let open = workflow_store::tasks::open_of(conn, COMPANY, bob, 0, 9).await.unwrap();
        assert_eq!(open.iter().map(|row| row.2).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(workflow_store::tasks::open_of(conn, COMPANY, bob, one, 9).await.unwrap().len(), 1);
        let decided = TaskColumns { decided_by: Some(bob), decided_at: Some(NOW), ..task(1, bob, "approved") };
        assert_eq!(workflow_store::tasks::store(conn, one, 1, &decided).await.unwrap(), 1);
        assert_eq!(workflow_store::tasks::store(conn, one, 1, &decided).await.unwrap(), 0, "somebody else has changed it");
        let words = ["a.pdf".to_owned()];
        assert_eq!(workflow_store::tasks::store_words(conn, one, "好😀", "sig", &words).await.unwrap(), 1);
        assert_eq!(workflow_store::tasks::remind(conn, one, NOW + 5).await.unwrap(), 1);
        let tasks = workflow_store::tasks::of_instance(conn, id).await.unwrap();
        let row = &tasks[0];
        assert_eq!((row.comment.as_str(), row.signature.as_str(), &row.attachments.0[..]), ("好😀", "sig", &words[..]));
        assert_eq!((row.state.as_str(), row.version, row.reminded_at, row.run), ("approved", 2, Some(NOW + 5), 1));
        let twice = workflow_store::tasks::insert(conn, id, first, "t-3", &task(2, bob, "waiting"), NOW).await;
        assert!(matches!(twice, Err(DbError::Duplicate)), "{twice:?}");
    }

    async fn copies_logs_and_lists(database: TestDatabase) {
        let house = House::build(&database).await;
        let mut work = house.work().await;
        let conn = work.conn();
        let (ann, bob) = (insert_account(conn, "ann").await, insert_account(conn, "bob").await);
        let cy = insert_account(conn, "cy").await;
        let definition = definition(conn).await;
        let id = workflow_store::instances::insert(conn, &new("g-1", definition, ann), NOW).await.unwrap();
        let run = workflow_store::instances::insert_run(conn, id, &run(1, "open", &[]), NOW).await.unwrap();
        workflow_store::tasks::insert(conn, id, run, "t-1", &task(1, bob, "pending"), NOW).await.unwrap();
        let done = TaskColumns { decided_by: Some(bob), decided_at: Some(NOW), ..task(2, bob, "approved") };
        workflow_store::tasks::insert(conn, id, run, "t-2", &done, NOW).await.unwrap();
        assert_eq!(workflow_store::copies::add(conn, id, cy, "n", NOW).await.unwrap(), 1);
        assert_eq!(workflow_store::copies::add(conn, id, cy, "m", NOW).await.unwrap(), 0, "FW16: once");
        assert_eq!(workflow_store::copies::of_instance(conn, id).await.unwrap(), [cy]);
        assert!(workflow_store::copies::has(conn, id, cy).await.unwrap());
        assert!(!workflow_store::copies::has(conn, id, bob).await.unwrap());

        let detail = json!({ "event": "withdrawn" });
        let line = NewLine {
            instance: id, task: Some(1), actor: bob, actor_name: "bob", action: "approved", from_state: "running",
            to_state: "approved", node_code: "n", comment: "好", detail: &detail,
        };
        let first = workflow_store::logs::add(conn, &line, NOW).await.unwrap();
        let second = workflow_store::logs::add(conn, &NewLine { task: None, action: "commented", actor: ann, ..line }, NOW + 1).await.unwrap();
        let behind = workflow_store::logs::of_instance(conn, id, first, 9).await.unwrap();
        assert_eq!(behind.iter().map(|line| line.id).collect::<Vec<_>>(), [second]);
        assert_eq!(workflow_store::logs::of_instance(conn, id, 0, 1).await.unwrap()[0].id, first);
        for (actions, task, found) in [
            (ANY, None, Some((ann.0, NOW + 1))),
            (&["commented", "approved"], None, Some((ann.0, NOW + 1))),
            (&["commented", "approved"], Some(1), Some((bob.0, NOW))),
            (&["returned"], None, None),
        ] {
            let sought = workflow_store::logs::Sought { actions, task, until: None };
            assert_eq!(workflow_store::logs::newest(conn, id, &sought).await.unwrap(), found, "{actions:?}");
        }
        let sought = workflow_store::logs::Sought { actions: &["commented", "approved"], task: None, until: Some(NOW) };
        assert_eq!(workflow_store::logs::newest(conn, id, &sought).await.unwrap(), Some((bob.0, NOW)));
        let lines = workflow_store::logs::of_instance(conn, id, 0, 9).await.unwrap();
        assert_eq!((lines.len(), lines[0].task_guid.as_deref(), &lines[0].detail.0), (2, Some("t-1"), &detail));
        for (filter, found) in [
            (LineFilter::default(), vec![second, first]),
            (LineFilter { viewer: Some(ann), ..LineFilter::default() }, vec![second, first]),
            (LineFilter { viewer: Some(cy), ..LineFilter::default() }, vec![second, first]),
            (LineFilter { viewer: Some(AccountId(99)), ..LineFilter::default() }, vec![]),
            (LineFilter { actor: Some(bob), ..LineFilter::default() }, vec![first]),
            (LineFilter { action: Some("commented"), ..LineFilter::default() }, vec![second]),
            (LineFilter { instance: Some("g-1"), task: Some("t-1"), ..LineFilter::default() }, vec![first]),
            (LineFilter { instance: Some("g-2"), ..LineFilter::default() }, vec![]),
            (LineFilter { since: Some(NOW + 1), ..LineFilter::default() }, vec![second]),
            (LineFilter { until: Some(NOW + 1), ..LineFilter::default() }, vec![first]),
            (LineFilter { before: Some(second), ..LineFilter::default() }, vec![first]),
        ] {
            let rows = workflow_store::logs::search(conn, COMPANY, &filter, 9).await.unwrap();
            assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), found, "{filter:?}");
            assert!(workflow_store::logs::search(conn, OTHER, &filter, 9).await.unwrap().is_empty());
        }

        let own = format!(",{definition},");
        let list = |view, account, definitions| ListFilter { view, account, definitions, status: None, definition: None, search: None };
        for (filter, count) in [
            (list("started", ann, None), 1), (list("started", bob, None), 0), (list("todo", bob, None), 1),
            (list("todo", ann, None), 0), (list("done", bob, None), 1), (list("copied", cy, None), 1),
            (list("managed", cy, None), 1), (list("managed", cy, Some(",")), 0), (list("managed", cy, Some(&own)), 1),
            (ListFilter { status: Some("approved"), ..list("started", ann, None) }, 0),
            (ListFilter { definition: Some("leave"), ..list("started", ann, None) }, 1),
            (ListFilter { definition: Some("other"), ..list("started", ann, None) }, 0),
            (ListFilter { search: Some("%50!%!_!!%"), ..list("started", ann, None) }, 1),
        ] {
            let (counted, rows) = workflow_store::lists::instances(conn, COMPANY, &filter, page()).await.unwrap();
            assert_eq!((counted, rows.len() as i64), (count, count), "{filter:?}");
        }
        let todo = workflow_store::lists::todo(conn, COMPANY, bob, page()).await.unwrap();
        assert_eq!((todo.len(), todo[0].guid.as_str(), todo[0].node_code.as_str()), (1, "t-1", "n"));
        let counts = workflow_store::lists::counts(conn, COMPANY, bob).await.unwrap();
        assert_eq!((counts.todo, counts.started, counts.done, counts.copied), (1, 0, 1, 0));
        assert_eq!(workflow_store::lists::counts(conn, COMPANY, cy).await.unwrap().unread_copied, 1);
        assert_eq!(workflow_store::lists::read_copy(conn, id, cy, NOW).await.unwrap(), 1);
        assert_eq!(workflow_store::lists::read_copy(conn, id, cy, NOW).await.unwrap(), 0);
        assert_eq!(workflow_store::lists::counts(conn, COMPANY, cy).await.unwrap().unread_copied, 0);
        assert_eq!(workflow_store::lists::managers(conn, COMPANY).await.unwrap().len(), 1);
    }

    async fn timers(database: TestDatabase) {
        let house = House::build(&database).await;
        let mut work = house.work().await;
        let conn = work.conn();
        let ann = insert_account(conn, "ann").await;
        let definition = definition(conn).await;
        let id = workflow_store::instances::insert(conn, &new("g-1", definition, ann), NOW).await.unwrap();
        let payload = json!({ "left": 2 });
        for fire_at in [NOW + 5, NOW + 1] {
            workflow_store::timers::add(conn, id, fire_at, "timeout", &payload, fire_at).await.unwrap();
        }
        assert!(workflow_store::timers::due(conn, NOW, 9).await.unwrap().is_empty());
        let due = workflow_store::timers::due(conn, NOW + 5, 9).await.unwrap();
        assert_eq!(due.iter().map(|row| row.number).collect::<Vec<_>>(), [NOW + 1, NOW + 5]);
        assert_eq!((due[0].kind.as_str(), &due[0].payload.0, due[0].attempts), ("timeout", &payload, 0));
        assert_eq!(workflow_store::timers::due(conn, NOW + 5, 1).await.unwrap().len(), 1);
        assert_eq!(workflow_store::timers::fire(conn, due[0].id, NOW).await.unwrap(), 1);
        assert_eq!(workflow_store::timers::fire(conn, due[0].id, NOW).await.unwrap(), 0, "once");
        let call = due[1].id;
        assert_eq!(workflow_store::timers::claim(conn, call, NOW + 4, NOW + 9).await.unwrap(), None, "not due");
        assert_eq!(workflow_store::timers::claim(conn, call, NOW + 5, NOW + 9).await.unwrap(), Some(1));
        assert_eq!(workflow_store::timers::claim(conn, call, NOW + 6, NOW + 9).await.unwrap(), None, "another has it");
        assert_eq!(workflow_store::timers::postpone(conn, call, NOW + 7).await.unwrap(), 1);
        assert_eq!(workflow_store::timers::claim(conn, call, NOW + 7, NOW + 9).await.unwrap(), Some(2));
        assert_eq!(workflow_store::timers::fire(conn, call, NOW + 8).await.unwrap(), 1);
        assert_eq!(workflow_store::timers::postpone(conn, call, NOW).await.unwrap(), 0);
        assert!(workflow_store::timers::due(conn, NOW + 99, 9).await.unwrap().is_empty());
        for (number, kind) in [(7, "call"), (7, "timeout"), (8, "timeout"), (7, "delay")] {
            workflow_store::timers::add(conn, id, number, kind, &payload, NOW).await.unwrap();
        }
        let calls = workflow_store::timers::due_calls(conn, NOW, 9).await.unwrap();
        assert_eq!((calls.len(), calls[0].kind.as_str()), (1, "call"));
        assert!(workflow_store::timers::due_calls(conn, NOW - 1, 9).await.unwrap().is_empty());
        assert_eq!(workflow_store::timers::due(conn, NOW, 9).await.unwrap().len(), 3, "calls are listed apart");
        assert_eq!(workflow_store::timers::forget(conn, id, 7).await.unwrap(), 1, "its time limit alone");
        let left = workflow_store::timers::due(conn, NOW, 9).await.unwrap();
        assert_eq!(left.iter().map(|timer| (timer.number, timer.kind.as_str())).collect::<Vec<_>>(), [(8, "timeout"), (7, "delay")]);
    }
}

/// The log is only ever added to: no statement of the whole application changes or deletes a row of it.
#[test]
fn no_statement_touches_the_log_again() {
    let mut files = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))];
    let mut added = 0;
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for forbidden in ["UPDATE wf_log", "DELETE FROM wf_log"] {
            assert!(!words.contains(forbidden), "{} {forbidden}", path.display());
        }
        added += words.matches("INSERT INTO wf_log").count();
    }
    assert_eq!(added, 1);
}
