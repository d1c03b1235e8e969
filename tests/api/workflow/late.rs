//! Time limits of tasks that change hands, and calls that must not hold anything up.

use std::time::Duration;

use livegrant::workflow::timers::fire_due;
use livegrant::workflow::trigger::Client;
use serde_json::{Value, json};

use super::{act, agree, approve, define, history, instance, notices, start, task, todo};
use crate::support::{Account, TestServer, ok, served, served_once};

async fn minutes(server: &TestServer, minutes: u64) {
    server.advance(Duration::from_secs(60 * minutes)).await;
    fire_due(&server.core, &Client::new(Duration::from_secs(5))).await.expect("timers are looked for");
}

async fn reminders(server: &TestServer, of: &Account) -> usize {
    let told = notices(server, of).await;
    told.iter().filter(|(_, data): &&(String, Value)| data["remind"] == json!(true)).count()
}

served! {
    // FW24, FW7: a task that comes back to somebody has a time of its own; the one before is over with it.
    async fn a_task_that_comes_back_has_its_whole_time(server: TestServer) {
        let (ann, bob) = (server.account("ann", &[]).await, server.account("bob", &[]).await);
        let cy = server.account("cy", &[]).await;
        let limit = |action: Value, repeat: u32| {
            json!({ "timeout": { "minutes": 3, "action": action, "repeat": repeat }, "allows": { "delegate": true } })
        };
        for (code, action, repeat) in [("yes", json!({ "kind": "approve" }), 0), ("nag", json!({ "kind": "remind" }), 1)] {
            let node = approve("one", &[&bob], limit(action, repeat));
            define(&server, code, json!({}), json!([]), json!([node])).await;
            let (guid, _) = start(&ann, code, json!({})).await;
            minutes(&server, 2).await;
            ok(act(&bob, &task(&bob).await, "delegate", json!({ "staffGuid": cy.guid })).await);
            agree(&cy).await;
            minutes(&server, 2).await;
            let seen = instance(&ann, &guid).await;
            assert_eq!(seen["status"], json!("running"), "{code}: four minutes, but two of this time");
            assert_eq!(reminders(&server, &bob).await, 0, "{code}");
            minutes(&server, 1).await;
            let ended = if code == "yes" { "approved" } else { "running" };
            assert_eq!(instance(&ann, &guid).await["status"], json!(ended));
        }
        minutes(&server, 3).await;
        minutes(&server, 3).await;
        assert_eq!(reminders(&server, &bob).await, 2, "once, and repeated once");
    }

    // FW24: who is to get the task cannot act at that minute; he gets it when he can, and nobody is nagged meanwhile.
    async fn a_task_finds_its_way_later(server: TestServer) {
        let (ann, bob) = (server.account("ann", &[]).await, server.account("bob", &[]).await);
        let (cy, root) = (server.account("cy", &[]).await, server.platform().await);
        let limit = json!({ "timeout": { "minutes": 1, "action": { "kind": "transfer", "guid": cy.guid } } });
        define(&server, "move", json!({}), json!([]), json!([approve("one", &[&bob], limit)])).await;
        let (guid, _) = start(&ann, "move", json!({})).await;
        ok(root.patch(&format!("/api/accounts/users/{}/", cy.id), json!({ "status": 0 })).await);
        minutes(&server, 1).await;
        minutes(&server, 1).await;
        minutes(&server, 2).await;
        assert_eq!((todo(&bob).await.len(), reminders(&server, &bob).await), (1, 1));
        ok(root.patch(&format!("/api/accounts/users/{}/", cy.id), json!({ "status": 1 })).await);
        minutes(&server, 4).await;
        assert_eq!(history(&ann, &guid).await, ["started", "assigned", "overdue", "escalated"]);
        assert!(todo(&bob).await.is_empty());
    }
}

served_once! {
    // FW38: what cannot be read is tried again later, and what is due behind it is done.
    async fn a_call_that_cannot_be_made_holds_nothing_up(server: TestServer) {
        let (ann, bob) = (server.account("ann", &[]).await, server.account("bob", &[]).await);
        let call = json!({ "code": "c", "name": "c", "kind": "trigger", "target": "nowhere" });
        define(&server, "call", json!({}), json!([]), json!([call, approve("one", &[&bob], json!({}))])).await;
        let (broken, _) = start(&ann, "call", json!({})).await;
        let (other, _) = start(&ann, "call", json!({})).await;
        let spoil = async |origin: &str| {
            let mut work = server.core.db.begin(&livegrant::db::Author::system("tests")).await.unwrap();
            livegrant::sql_exec!(
                work.conn(),
                "UPDATE wf_task SET origin = $1 WHERE instance_id = (SELECT id FROM wf_instance WHERE guid = $2)",
                origin,
                broken.as_str()
            )
            .unwrap();
            work.commit(livegrant::db::SystemTask::Bootstrap).await.unwrap();
        };
        spoil("nonsense").await;
        minutes(&server, 0).await;
        assert!(history(&ann, &other).await.iter().any(|line| line == "call_failed"));
        spoil("rule").await;
        minutes(&server, 5).await;
        assert!(history(&ann, &broken).await.iter().any(|line| line == "call_failed"), "it is tried again");
    }
}
