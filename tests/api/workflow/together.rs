//! Several at the same moment: one decision a task, one end an instance, on both databases.

use std::time::Duration;

use futures_util::future::join_all;
use livegrant::workflow::timers::fire_due;
use livegrant::workflow::trigger::Client;
use serde_json::json;

use super::{act, approve, define, history, instance, start, task};
use crate::support::{Account, TestServer, ok, served};

async fn crowd(server: &TestServer, many: usize) -> Vec<Account> {
    let mut people = Vec::new();
    for number in 0..many {
        people.push(server.account(&format!("p{number}"), &[]).await);
    }
    people
}

served! {
    // FW32: twenty at once, one decision.
    async fn twenty_decide_at_once(server: TestServer) {
        let people = crowd(&server, 20).await;
        let all: Vec<&Account> = people.iter().collect();
        let ann = server.account("ann", &[]).await;
        for (mode, wins) in [("any", 1), ("all", 20)] {
            let node = approve("one", &all, json!({ "mode": { "kind": mode } }));
            define(&server, mode, json!({}), json!([]), json!([node])).await;
            let (guid, _) = start(&ann, mode, json!({})).await;
            let mut tasks = Vec::new();
            for account in &people {
                tasks.push(task(account).await);
            }
            let answers = people.iter().zip(&tasks).map(|(by, task)| act(by, task, "approve", json!({})));
            let answers = join_all(answers).await;
            let won = answers.iter().filter(|(status, _)| *status == 200).count();
            assert_eq!(won, wins, "{mode}");
            let lost = answers.iter().filter(|(status, _)| *status != 200);
            for (status, problem) in lost {
                assert_eq!((*status, &problem["code"]), (409, &json!("already_handled")), "{problem}");
                assert!(problem["handled_by"].is_string() && problem["handled_at"].is_string(), "{problem}");
            }
            let done = history(&ann, &guid).await;
            assert_eq!(done.iter().filter(|line| *line == "approved").count(), wins);
            assert_eq!(instance(&ann, &guid).await["status"], json!("approved"));
        }
    }

    // FW12, FW32: one of the two happens, never both.
    async fn approving_meets_withdrawing(server: TestServer) {
        let (ann, bob) = (server.account("ann", &[]).await, server.account("bob", &[]).await);
        define(&server, "one", json!({}), json!([]), json!([approve("one", &[&bob], json!({}))])).await;
        for _ in 0..10 {
            let (guid, _) = start(&ann, "one", json!({})).await;
            let bobs = task(&bob).await;
            let withdraw = format!("/api/v1/workflows/instances/{guid}/withdraw");
            let (approved, withdrawn) =
                tokio::join!(act(&bob, &bobs, "approve", json!({})), ann.post(&withdraw, json!({})));
            let status = instance(&ann, &guid).await["status"].as_str().unwrap().to_owned();
            match (approved.0, withdrawn.0) {
                (200, 409) => assert_eq!(status, "approved"),
                (409, 200) => assert_eq!(status, "withdrawn"),
                other => panic!("both or neither: {other:?}, {status}"),
            }
        }
    }

    // FW24, FW32: a decision and the end of its time.
    async fn approving_meets_the_end_of_its_time(server: TestServer) {
        let (ann, bob) = (server.account("ann", &[]).await, server.account("bob", &[]).await);
        let limit = json!({ "timeout": { "minutes": 1, "action": { "kind": "reject" } } });
        define(&server, "one", json!({}), json!([]), json!([approve("one", &[&bob], limit)])).await;
        let client = Client::new(Duration::from_secs(5));
        for _ in 0..5 {
            let (guid, _) = start(&ann, "one", json!({})).await;
            let bobs = task(&bob).await;
            server.advance(Duration::from_mins(1)).await;
            let (answer, fired) =
                tokio::join!(act(&bob, &bobs, "approve", json!({})), fire_due(&server.core, &client));
            fired.expect("timers are looked for");
            let ended = async {
                loop {
                    let status = instance(&ann, &guid).await["status"].as_str().unwrap().to_owned();
                    if status != "running" {
                        return status;
                    }
                }
            };
            let status = tokio::time::timeout(crate::support::PATIENCE, ended).await.expect("it ends");
            assert_eq!(status, if answer.0 == 200 { "approved" } else { "rejected" }, "{answer:?}");
            let done = history(&ann, &guid).await;
            let decided = |line: &&String| ["approved", "expired_rejected"].contains(&line.as_str());
            assert_eq!(done.iter().filter(decided).count(), 1, "{done:?}");
        }
    }

    // FW43, FW32: who loses the right at the same moment decides nothing afterwards (the fence).
    async fn an_administrator_who_loses_his_right(server: TestServer) {
        let (ann, bob) = (server.account("ann", &[]).await, server.account("bob", &[]).await);
        let boss = server.account("boss", &["workflow:admin"]).await;
        define(&server, "one", json!({}), json!([]), json!([approve("one", &[&bob], json!({}))])).await;
        let (guid, _) = start(&ann, "one", json!({})).await;
        let end = format!("/api/v1/workflows/instances/{guid}/terminate");
        let body = json!({ "comment": "x" });
        let remove = format!("/api/v1/roles/{}/permissions/remove", boss.role);
        let codes = json!({ "permissions": ["workflow:admin"], "confirm": true });
        let (taken, ended) =
            tokio::join!(server.platform().await.post(&remove, codes), boss.post(&end, body.clone()));
        ok(taken);
        let status = instance(&ann, &guid).await["status"].as_str().unwrap().to_owned();
        assert_eq!(status, if ended.0 == 200 { "cancelled" } else { "running" }, "{ended:?}");
        let late = boss.post(&end, body).await;
        assert_eq!(late.0, 404, "{late:?}");
        if status == "running" {
            ok(act(&bob, &task(&bob).await, "approve", json!({})).await);
        }
    }
}
