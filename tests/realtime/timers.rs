//! What happens by itself in workflows is not lost with a process, and not done twice by two: timers are rows, and whoever
//! does the work has taken the row in the same transaction (FW24, FW38).

use std::time::Duration;

use livegrant::access::init::DEFAULT_COMPANY;
use livegrant::clock::Clock;
use livegrant::db::{Author, SystemTask};
use livegrant::settings::Settings;
use livegrant::workflow::timers::fire_due;
use livegrant::workflow::trigger::Client;
use livegrant_actors::bus::memory::MemoryHub;
use serde_json::{Value, json};
use sqlx::types::Json;

use crate::support::{Account, PATIENCE, Setup, TestServer, both_databases, ok, run_on_postgres};

/// Nothing looks for due timers by itself for a minute.
fn asleep(settings: &mut Settings) {
    settings.workflow.timer_poll_ms = 60_000;
}

/// They are looked for all the time.
fn awake(settings: &mut Settings) {
    settings.workflow.timer_poll_ms = 10;
}

/// Definitions with one node each, on which the time is over after two minutes: what it is, and what the log says then.
const KINDS: [(&str, &str); 5] = [
    ("wait", "elapsed"),
    ("yes", "expired_approved"),
    ("no", "expired_rejected"),
    ("move", "escalated"),
    ("nag", "overdue"),
];

async fn define(server: &TestServer, bob: &Account, cy: &Account) {
    let nobody = Json(json!({ "accounts": [], "roles": [], "positions": [], "organizations": [] }));
    let mut work = server.core.db.begin(&Author::system("tests")).await.unwrap();
    for (code, _) in KINDS {
        let limit = |action: Value| {
            json!({ "code": "one", "name": "部门", "kind": "approve", "assignees": [{ "kind": "users", "guids": [bob.guid] }],
                "timeout": { "minutes": 2, "action": action } })
        };
        let node = match code {
            "wait" => json!({ "code": "one", "name": "等", "kind": "delay", "minutes": 2 }),
            "yes" => limit(json!({ "kind": "approve" })),
            "no" => limit(json!({ "kind": "reject" })),
            "move" => limit(json!({ "kind": "transfer", "guid": cy.guid })),
            _ => limit(json!({ "kind": "remind" })),
        };
        let graph = json!({ "nodes": [{ "code": "start", "name": "发起", "kind": "start" }, node] });
        livegrant::sql_exec!(
            work.conn(),
            "INSERT INTO wf_definition (company_id, code, number, name, status, starters, managers, settings, form, graph,
                created_by, created_at, updated_at)
             VALUES ($1, $2, 1, '请假申请', 'published', $3, $3, $4, $4, $5, 0, 1, 1)",
            DEFAULT_COMPANY,
            code,
            &nobody,
            Json(json!({})),
            Json(&graph)
        )
        .unwrap();
    }
    work.commit(SystemTask::Bootstrap).await.unwrap();
}

/// Starts so many of each kind.
async fn plant(by: &Account, many: usize) {
    for (code, _) in KINDS {
        for _ in 0..many {
            let body = json!({ "definition": code });
            assert_eq!(by.post("/api/v1/workflows/instances", body).await.0, 201);
        }
    }
}

/// How often each kind was done, by definition and word of the log; what people did and what is not about time left out.
async fn done(server: &TestServer) -> Vec<(String, String, i64)> {
    let mut conn = server.core.db.read().await.unwrap();
    livegrant::sql_all!(
        &mut conn,
        (String, String, i64),
        "SELECT definition.code, log.action, count(*) FROM wf_log log
           JOIN wf_instance it ON it.id = log.instance_id
           JOIN wf_definition definition ON definition.id = it.definition_id
          WHERE log.action NOT IN ('started', 'assigned') GROUP BY definition.code, log.action ORDER BY definition.code"
    )
    .unwrap()
}

fn each(many: i64) -> Vec<(String, String, i64)> {
    let mut all: Vec<_> =
        KINDS.iter().map(|(code, word)| ((*code).to_owned(), (*word).to_owned(), many)).collect();
    all.sort();
    all
}

/// Waits until every timer that is due has been fired.
async fn all_fired(server: &TestServer) {
    let fired = async {
        loop {
            let mut conn = server.core.db.read().await.unwrap();
            let (left,) = livegrant::sql_one!(
                &mut conn,
                (i64,),
                "SELECT count(*) FROM wf_timer WHERE fired_at IS NULL AND fire_at <= $1",
                server.clock.now_ms()
            )
            .unwrap();
            if left == 0 {
                return;
            }
            drop(conn);
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, fired).await.expect("what is due is done");
}

/// Open tasks and reminders of somebody.
async fn has(server: &TestServer, account: &Account) -> (usize, i64) {
    let tasks = ok(account.get("/api/v1/workflows/tasks").await);
    let mut conn = server.core.db.read().await.unwrap();
    let (reminders,) = livegrant::sql_one!(
        &mut conn,
        (i64,),
        "SELECT count(*) FROM sys_notification notification
           JOIN sys_notification_recipient recipient ON recipient.notification_id = notification.id
          WHERE recipient.account_id = $1 AND notification.title LIKE '%催办'",
        account.id
    )
    .unwrap();
    (tasks["results"].as_array().expect("a list").len(), reminders)
}

both_databases! {
    // FW24, FW38, S0-8: planted before a restart, due while nothing ran, done once by what runs after it.
    async fn what_fell_due_while_nothing_ran_is_done_once(database: TestDatabase) {
        let server = TestServer::start(Setup::on(&database).with(asleep)).await;
        let (ann, bob) = (server.account("ann", &[]).await, server.account("bob", &[]).await);
        let cy = server.account("cy", &[]).await;
        define(&server, &bob, &cy).await;
        plant(&ann, 2).await;
        let early = server.restarted(Setup::on(&database).with(asleep)).await;
        fire_due(&early.core, &Client::new(Duration::from_secs(5))).await.expect("they are looked for");
        assert_eq!(done(&early).await, [], "nothing is due yet");

        early.clock.advance(Duration::from_mins(2));
        let late = early.restarted(Setup::on(&database).with(awake)).await;
        all_fired(&late).await;
        assert_eq!(done(&late).await, each(2));
        let [bob, cy] = [&bob, &cy].map(|account| account.at(&late.anonymous()));
        assert_eq!((has(&late, &bob).await, has(&late, &cy).await), ((2, 2), (2, 0)));
        // Once more, and nothing is left to do.
        let again = late.restarted(Setup::on(&database).with(awake)).await;
        fire_due(&again.core, &Client::new(Duration::from_secs(5))).await.expect("they are looked for");
        assert_eq!(done(&again).await, each(2));
        again.stop().await;
    }
}

// FW24, FW38, FW32: two nodes look at the same time, and one that is cut off in the middle leaves it to the other.
#[test]
fn of_two_nodes_each_timer_is_done_by_one() {
    run_on_postgres(async |database| {
        let (hub, clock) = (MemoryHub::default(), Clock::manual(Clock::system().now_ms()));
        let setup = |node| {
            let lease = |settings: &mut Settings| settings.policy.lease_ms = 300_000;
            Setup::on(&database).joined(&hub, node, &clock).with(awake).with(lease)
        };
        let one = TestServer::start(setup(1)).await;
        let two = TestServer::start(setup(2)).await;
        let (ann, bob) = (one.account("ann", &[]).await, one.account("bob", &[]).await);
        let cy = one.account("cy", &[]).await;
        define(&one, &bob, &cy).await;
        plant(&ann, 4).await;
        clock.advance(Duration::from_mins(2));
        let look = |server: &TestServer| {
            let core = server.core.clone();
            actix::spawn(async move { fire_due(&core, &Client::new(Duration::from_secs(5))).await })
        };
        for turns in 0..12 {
            let cut = look(&one);
            for _ in 0..turns {
                tokio::task::yield_now().await;
            }
            cut.abort();
        }
        let looks = [look(&one), look(&two), look(&one), look(&two)];
        for looked in looks {
            looked.await.expect("it is not cut off").expect("timers are looked for");
        }
        all_fired(&two).await;
        assert_eq!(done(&two).await, each(4));
        assert_eq!((has(&two, &bob).await, has(&two, &cy).await), ((4, 4), (4, 0)));
        one.stop().await;
        two.stop().await;
    });
}
