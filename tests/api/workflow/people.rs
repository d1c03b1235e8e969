//! Who took a task away, who can be taken away, and who may.

use serde_json::json;

use super::{act, agree, approve, define, start, task, todo};
use crate::support::{ok, refused, served, served_once};

served! {
    // FW32, FW35: who comes too late is told what took the task from him, and who did that.
    async fn who_comes_late_is_told_what_happened(server: TestServer) {
        let (ann, bob) = (server.account("ann", &[]).await, server.account("bob", &[]).await);
        let (cy, dee) = (server.account("cy", &[]).await, server.account("dee", &[]).await);
        let boss = server.account("boss", &["workflow:admin"]).await;
        let mode = json!({ "mode": { "kind": "all" }, "needs": { "comment_on_reject": false } });
        define(&server, "all", json!({ "withdraw": "running" }), json!([]),
            json!([approve("one", &[&bob, &cy], mode)])).await;
        let late = async |task: &str| refused(act(&cy, task, "approve", json!({})).await, 409, "already_handled");
        for (way, expected) in [("withdraw", "ann"), ("terminate", "boss"), ("reject", "bob"), ("return", "bob")] {
            let (guid, _) = start(&ann, "all", json!({})).await;
            let (bobs, cys) = (task(&bob).await, task(&cy).await);
            if ["withdraw", "terminate"].contains(&way) {
                agree(&bob).await;
                let who = if way == "withdraw" { &ann } else { &boss };
                ok(who.post(&format!("/api/v1/workflows/instances/{guid}/{way}"), json!({ "comment": "x" })).await);
            } else {
                ok(act(&bob, &bobs, way, json!({ "comment": "x" })).await);
            }
            let told = late(&cys).await;
            assert_eq!((&told["handled_by"], &told["state"]), (&json!(expected), &json!("cancelled")), "{way}");
            assert!(told["handled_at"].is_string(), "{told}");
        }

        // Bob decided before cy's task went to dee; cy, who is informed, is told who moved it.
        let (guid, _) = start(&ann, "all", json!({})).await;
        let cys = task(&cy).await;
        agree(&bob).await;
        ok(ann.post(&format!("/api/v1/workflows/instances/{guid}/copy"), json!({ "staffGuids": [cy.guid] })).await);
        ok(boss.post("/api/v1/workflows/handover", json!({ "fromGuid": cy.guid, "toGuid": dee.guid })).await);
        let told = late(&cys).await;
        assert_eq!((&told["handled_by"], &told["state"]), (&json!("boss"), &json!("transferred")), "{told}");
    }
}

served_once! {
    // FW9: who was added is taken away also while he cannot act: else whoever added him would wait for ever.
    async fn who_cannot_act_can_be_taken_away(server: TestServer) {
        let (ann, bob) = (server.account("ann", &[]).await, server.account("bob", &[]).await);
        let (cy, root) = (server.account("cy", &[]).await, server.platform().await);
        define(&server, "one", json!({}), json!([]), json!([approve("one", &[&bob], json!({}))])).await;
        start(&ann, "one", json!({})).await;
        let bobs = task(&bob).await;
        let added = json!({ "position": "before", "staffGuids": [cy.guid] });
        ok(act(&bob, &bobs, "add-sign", added).await);
        assert!(todo(&bob).await.is_empty());
        ok(root.patch(&format!("/api/accounts/users/{}/", cy.id), json!({ "status": 0 })).await);
        for guids in [json!([cy.guid, cy.guid]), json!(["00000000-0000-4000-8000-000000000000"])] {
            refused(act(&bob, &bobs, "remove-sign", json!({ "staffGuids": guids })).await, 400, "unknown_account");
        }
        ok(act(&bob, &bobs, "remove-sign", json!({ "staffGuids": [cy.guid] })).await);
        assert_eq!(agree(&bob).await["status"], json!("approved"));
    }
}
