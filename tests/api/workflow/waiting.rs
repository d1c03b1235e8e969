//! Instances that wait for instances (FW38): how the one that waited ends, and what may still be withdrawn.

use serde_json::{Value, json};

use super::{act, agree, approve, define, instance, start, task, todo};
use crate::support::{Account, TestServer, ok, refused, served, served_once};

fn on(guid: &str, verb: &str) -> String {
    format!("/api/v1/workflows/instances/{guid}/{verb}")
}

fn waits(definition: &str) -> Value {
    json!({ "code": "sub", "name": "子流程", "kind": "subprocess", "definition": definition })
}

/// The newest instance that somebody started.
async fn newest(by: &Account) -> String {
    let list = ok(by.get("/api/v1/workflows/instances").await);
    list["results"][0]["guid"].as_str().expect("a guid").to_owned()
}

/// An instance that waits for `inner`, and the one that it waits for.
async fn nested(ann: &Account) -> (String, String) {
    let (outer, _) = start(ann, "outer", json!({})).await;
    let inner = newest(ann).await;
    assert_ne!(outer, inner);
    (outer, inner)
}

async fn both(server: &TestServer, inner: Value, outer: Value) {
    define(server, "inner", json!({}), json!([]), inner).await;
    define(server, "outer", json!({}), json!([]), outer).await;
}

served! {
    // FW38: nobody said no to what was withdrawn or ended by an administrator.
    async fn the_one_ends_as_the_other_does(server: TestServer) {
        let (ann, bob) = (server.account("ann", &[]).await, server.account("bob", &[]).await);
        let boss = server.account("boss", &["workflow:admin"]).await;
        both(&server, json!([approve("in", &[&bob], json!({}))]), json!([waits("inner")])).await;
        let (outer, inner) = nested(&ann).await;
        ok(ann.post(&on(&inner, "withdraw"), json!({})).await);
        assert_eq!(instance(&ann, &outer).await["status"], json!("withdrawn"));
        let (outer, inner) = nested(&ann).await;
        ok(boss.post(&on(&inner, "terminate"), json!({ "comment": "重复" })).await);
        assert_eq!(instance(&ann, &outer).await["status"], json!("cancelled"));
        let (outer, _) = nested(&ann).await;
        ok(act(&bob, &task(&bob).await, "reject", json!({ "comment": "不行" })).await);
        assert_eq!(instance(&ann, &outer).await["status"], json!("rejected"));
    }

    // FW12: whoever decided in the one has decided in the other.
    async fn what_was_decided_inside_is_not_withdrawn_outside(server: TestServer) {
        let (ann, bob) = (server.account("ann", &[]).await, server.account("bob", &[]).await);
        let cy = server.account("cy", &[]).await;
        let inner = json!([approve("in", &[&bob], json!({})), approve("in2", &[&cy], json!({}))]);
        both(&server, inner, json!([waits("inner"), approve("out", &[&cy], json!({}))])).await;
        let (outer, _) = nested(&ann).await;
        ok(ann.post(&on(&outer, "withdraw"), json!({})).await);
        assert!(todo(&bob).await.is_empty());
        let (outer, inner) = nested(&ann).await;
        agree(&bob).await;
        refused(ann.post(&on(&outer, "withdraw"), json!({})).await, 409, "too_late");
        refused(ann.post(&on(&inner, "withdraw"), json!({})).await, 409, "too_late");
        agree(&cy).await;
        assert_eq!(instance(&ann, &inner).await["status"], json!("approved"));
        refused(ann.post(&on(&outer, "withdraw"), json!({})).await, 409, "too_late");
        agree(&cy).await;
        assert_eq!(instance(&ann, &outer).await["status"], json!("approved"));

        define(&server, "second", json!({}), json!([]), json!([approve("out", &[&cy], json!({})), waits("inner")])).await;
        let (outer, _) = start(&ann, "second", json!({})).await;
        agree(&cy).await;
        let inner = newest(&ann).await;
        refused(ann.post(&on(&inner, "withdraw"), json!({})).await, 409, "too_late");
        assert_eq!(instance(&ann, &outer).await["status"], json!("running"));
    }
}

served_once! {
    // FW38, FW26: what was suspended is still what a running instance waits for; what cannot be started says why.
    async fn what_cannot_be_started_says_why(server: TestServer) {
        let (ann, bob) = (server.account("ann", &[]).await, server.account("bob", &[]).await);
        let boss = server.account("boss", &["workflow:admin"]).await;
        let chooses = json!({ "assignees": [{ "kind": "initiator_chooses", "min": 1, "max": 1 }] });
        both(&server, json!([approve("in", &[&bob], json!({}))]), json!([approve("out", &[&bob], json!({})), waits("inner")]))
            .await;
        let status = async |code: &str, verb: &str| {
            ok(boss.post(&format!("/api/v1/workflows/definitions/{code}/{verb}"), json!({})).await)
        };
        status("inner", "suspend").await;
        start(&ann, "outer", json!({})).await;
        agree(&bob).await;
        assert_eq!(agree(&bob).await["status"], json!("approved"));

        status("inner", "retire").await;
        let (guid, _) = start(&ann, "outer", json!({})).await;
        assert_eq!(agree(&bob).await["status"], json!("rejected"));
        let logs = ok(ann.get(&on(&guid, "logs")).await).to_string();
        assert!(logs.contains("no definition inner"), "{logs}");

        define(&server, "choosy", json!({}), json!([]), json!([approve("in", &[], chooses)])).await;
        define(&server, "asks", json!({}), json!([]), json!([approve("out", &[&bob], json!({})), waits("choosy")])).await;
        let (guid, _) = start(&ann, "asks", json!({})).await;
        assert_eq!(agree(&bob).await["status"], json!("rejected"));
        let logs = ok(ann.get(&on(&guid, "logs")).await).to_string();
        assert!(logs.contains("choosy"), "{logs}");
        let graph = json!({ "nodes": [{ "code": "start", "name": "发起", "kind": "start" }, waits("choosy")] });
        let new = json!({ "code": "new", "name": "新", "graph": graph });
        assert_eq!(boss.post("/api/v1/workflows/definitions", new).await.0, 201);
        let found = ok(boss.post("/api/v1/workflows/definitions/new/validate", json!({})).await).to_string();
        assert!(found.contains("nodes.sub.definition"), "{found}");
    }
}
