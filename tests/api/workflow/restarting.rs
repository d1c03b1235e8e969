//! What a restart leaves as it was.

use serde_json::{Value, json};

use super::{agree, approve, define, instance, start};
use crate::support::{Account, Setup, TestServer, both_databases, ok};

async fn read(questions: &[(Account, String)]) -> Vec<Value> {
    let mut answers = Vec::new();
    for (by, path) in questions {
        answers.push(ok(by.get(path).await));
    }
    answers
}

both_databases! {
    // S0-8: organisations, staff, workflows and notices are what they were, and what was under way goes on.
    async fn a_restart_loses_nothing(database: TestDatabase) {
        let setup = || Setup::on(&database);
        let server = TestServer::start(setup()).await;
        let root = server.platform().await.clone();
        let (ann, bob) = (server.account("ann", &[]).await, server.account("bob", &[]).await);
        let guid = |body: Value| body["guid"].as_str().expect("a guid").to_owned();
        let hall = guid(ok(root.post("/api/v1/organizations", json!({ "code": "hall", "name": "大厅 “𠮷”" })).await));
        let desk = json!({ "code": "desk", "name": "前台", "parent_guid": hall });
        let desk = guid(ok(root.post("/api/v1/organizations", desk).await));
        let position = json!({ "code": "clerk", "name": "前台接待", "organization_guid": desk });
        let position = guid(ok(root.post("/api/v1/positions", position).await));
        let staff = json!({ "staff_no": "7", "name": "鲍勃", "organization_guid": desk, "account_id": bob.id });
        let staff = guid(ok(root.post("/api/v1/staff", staff).await));
        let into = json!({ "position_guid": position, "is_primary": true });
        ok(root.post(&format!("/api/v1/staff/{staff}/positions"), into).await);
        let message = json!({ "staffGuid": staff, "title": "通知 🎉", "content": "“内容”" });
        let told = ok(root.post("/api/v1/notifications/message", message).await);
        ok(bob.post(&format!("/api/v1/notifications/{}/read", told["id"]), json!({})).await);
        define(&server, "one", json!({}), json!([]), json!([approve("one", &[&bob], json!({}))])).await;
        let (running, _) = start(&ann, "one", json!({})).await;
        let (ended, _) = start(&ann, "one", json!({})).await;
        let tasks = ok(bob.get("/api/v1/workflows/tasks").await);
        let of_ended = tasks["results"].as_array().unwrap().iter().find(|task| task["instance"] == *ended);
        let task = of_ended.and_then(|task| task["guid"].as_str()).expect("a task");
        ok(bob.post(&format!("/api/v1/workflows/tasks/{task}/reject"), json!({ "comment": "不" })).await);

        let questions = |ann: &Account, bob: &Account, root: &Account| {
            let of = |by: &Account, path: String| (by.clone(), path);
            let mut all = vec![
                of(root, "/api/v1/organizations".to_owned()),
                of(root, format!("/api/v1/organizations/{desk}")),
                of(root, format!("/api/v1/positions/{position}")),
                of(root, format!("/api/v1/staff/{staff}")),
                of(root, format!("/api/v1/staff/{staff}/positions/history")),
                of(bob, "/api/v1/workflows/tasks".to_owned()),
                of(bob, "/api/v1/notifications".to_owned()),
                of(bob, "/api/v1/notifications/counts".to_owned()),
                of(ann, "/api/v1/notifications".to_owned()),
            ];
            for guid in [&running, &ended] {
                all.push(of(ann, format!("/api/v1/workflows/instances/{guid}")));
                all.push(of(ann, format!("/api/v1/workflows/instances/{guid}/logs")));
            }
            all
        };
        let before = read(&questions(&ann, &bob, &root)).await;
        let server = server.restarted(setup()).await;
        let [ann, bob, root] = [&ann, &bob, &root].map(|account| account.at(&server.anonymous()));
        let after = read(&questions(&ann, &bob, &root)).await;
        assert_eq!(before, after);
        let told = before[6]["results"].as_array().map_or(0, Vec::len);
        assert!(told >= 2, "a position and a message at least: {}", before[6]);
        agree(&bob).await;
        assert_eq!(instance(&ann, &running).await["status"], "approved");
        server.stop().await;
    }
}
