//! Tasks that change hands, ways back, ends: over REST.

use serde_json::json;

use super::{act, agree, approve, define, history, instance, notices, start, task, todo};
use crate::support::{ok, refused, served, served_once};

fn on(guid: &str, verb: &str) -> String {
    format!("/api/v1/workflows/instances/{guid}/{verb}")
}

served! {
    // FW6, FW7, FW8, FW9
    async fn tasks_change_hands(server: TestServer) {
        let (ann, bob) = (server.account("ann", &[]).await, server.account("bob", &[]).await);
        let (cy, dee) = (server.account("cy", &[]).await, server.account("dee", &[]).await);
        define(&server, "one", json!({}), json!([]), json!([approve("one", &[&bob], json!({}))])).await;
        let (guid, _) = start(&ann, "one", json!({})).await;
        let bobs = task(&bob).await;
        refused(act(&bob, &bobs, "transfer", json!({ "staffGuid": bob.guid })).await, 409, "already_there");
        refused(act(&bob, &bobs, "transfer", json!({ "staffGuid": ann.guid })).await, 400, "own_instance");
        ok(act(&bob, &bobs, "transfer", json!({ "staffGuid": cy.guid, "comment": "出差" })).await);
        assert!(todo(&bob).await.is_empty());
        refused(bob.get(&format!("/api/v1/workflows/instances/{guid}")).await, 404, "not_found");

        let cys = task(&cy).await;
        ok(act(&cy, &cys, "delegate", json!({ "staffGuid": dee.guid })).await);
        refused(act(&cy, &cys, "approve", json!({})).await, 409, "not_your_turn");
        ok(act(&dee, &task(&dee).await, "approve", json!({ "comment": "可以" })).await);
        assert_eq!(instance(&ann, &guid).await["status"], json!("running"), "advice is no decision");

        let added = json!({ "position": "before", "staffGuids": [bob.guid] });
        ok(act(&cy, &cys, "add-sign", added).await);
        assert!(todo(&cy).await.is_empty(), "he waits for whom he added");
        ok(act(&cy, &cys, "remove-sign", json!({ "staffGuids": [bob.guid] })).await);
        assert!(todo(&bob).await.is_empty());
        refused(act(&cy, &cys, "remove-sign", json!({ "staffGuids": [bob.guid] })).await, 409, "already_handled");
        agree(&cy).await;
        let done = history(&ann, &guid).await;
        for action in ["transferred", "delegated", "signers_added", "signer_removed"] {
            assert!(done.iter().any(|line| line == action), "{action} is not in {done:?}");
        }
        assert_eq!(instance(&ann, &guid).await["status"], json!("approved"));
    }

    // FW10, FW11
    async fn what_is_returned_goes_on_with_its_number(server: TestServer) {
        let (ann, bob) = (server.account("ann", &[]).await, server.account("bob", &[]).await);
        let cy = server.account("cy", &[]).await;
        let form = json!([{ "code": "days", "name": "天数", "type": "number" }]);
        let nodes = json!([approve("one", &[&bob], json!({})), approve("two", &[&cy], json!({}))]);
        define(&server, "two", json!({ "resume": "returning" }), form, nodes).await;
        let (guid, number) = start(&ann, "two", json!({ "days": 2 })).await;
        agree(&bob).await;
        let back = json!({ "comment": "改一下", "targetNode": "nowhere" });
        refused(act(&cy, &task(&cy).await, "return", back).await, 400, "unknown_node");
        let previous = json!({ "comment": "再看", "targetNode": "previous" });
        ok(act(&cy, &task(&cy).await, "return", previous).await);
        agree(&bob).await;
        let home = ok(act(&cy, &task(&cy).await, "return", json!({ "comment": "改一下" })).await);
        assert_eq!((&home["status"], &home["approvalState"]), (&json!("returned"), &json!("已退回")));
        assert_eq!(notices(&server, &ann).await.last().unwrap().1["comment"], json!("改一下"));
        let wrong = json!({ "form": { "days": "many" } });
        refused(ann.post(&on(&guid, "resubmit"), wrong).await, 400, "invalid");
        refused(cy.post(&on(&guid, "resubmit"), json!({})).await, 403, "NoPermissionError");
        let again = ok(ann.post(&on(&guid, "resubmit"), json!({ "form": { "days": 3 } })).await);
        assert_eq!((&again["revision"], &again["approvalNo"]), (&json!(2), &json!(number)));
        assert!(todo(&bob).await.is_empty(), "it goes on at the node that returned it");
        agree(&cy).await;
        let seen = instance(&ann, &guid).await;
        assert_eq!((&seen["status"], &seen["form"]["days"]), (&json!("approved"), &json!(3)));
        refused(ann.post(&on(&guid, "resubmit"), json!({})).await, 409, "not_returned");
    }

    // FW12, FW14, FW13
    async fn instances_end_before_their_end(server: TestServer) {
        let (ann, bob) = (server.account("ann", &[]).await, server.account("bob", &[]).await);
        let (cy, boss) = (server.account("cy", &[]).await, server.account("boss", &["workflow:admin"]).await);
        let first = approve("one", &[&bob], json!({ "allows": { "take_back": true } }));
        define(&server, "two", json!({}), json!([]), json!([first, approve("two", &[&cy], json!({}))])).await;
        let (guid, _) = start(&ann, "two", json!({})).await;
        refused(bob.post(&on(&guid, "withdraw"), json!({})).await, 403, "NoPermissionError");
        ok(ann.post(&on(&guid, "withdraw"), json!({})).await);
        assert!(todo(&bob).await.is_empty());
        assert_eq!(notices(&server, &bob).await.last().unwrap().1["approvalState"], json!("已撤回"));

        let (guid, _) = start(&ann, "two", json!({})).await;
        let bobs = task(&bob).await;
        agree(&bob).await;
        refused(ann.post(&on(&guid, "withdraw"), json!({})).await, 409, "too_late");
        ok(act(&bob, &bobs, "take-back", json!({})).await);
        assert!(todo(&cy).await.is_empty());
        agree(&bob).await;
        refused(bob.post(&on(&guid, "terminate"), json!({ "comment": "x" })).await, 403, "NoPermissionError");
        refused(boss.post(&on(&guid, "terminate"), json!({})).await, 400, "required");
        let end = ok(boss.post(&on(&guid, "terminate"), json!({ "comment": "重复" })).await);
        assert_eq!(end["approvalState"], json!("已取消"));
        refused(boss.post(&on(&guid, "terminate"), json!({ "comment": "x" })).await, 409, "not_running");
        refused(act(&bob, &bobs, "take-back", json!({})).await, 409, "not_running");
    }

    // FW43
    async fn tasks_are_handed_over(server: TestServer) {
        let (ann, bob) = (server.account("ann", &[]).await, server.account("bob", &[]).await);
        let (cy, boss) = (server.account("cy", &[]).await, server.account("boss", &["workflow:admin"]).await);
        define(&server, "one", json!({}), json!([]), json!([approve("one", &[&bob], json!({}))])).await;
        start(&ann, "one", json!({})).await;
        start(&cy, "one", json!({})).await;
        let body = json!({ "fromGuid": bob.guid, "toGuid": cy.guid });
        refused(ann.post("/api/v1/workflows/handover", body.clone()).await, 403, "NoPermissionError");
        let done = ok(boss.post("/api/v1/workflows/handover", body).await);
        assert_eq!((&done["moved"], &done["kept"][0]["code"]), (&json!(1), &json!("own_instance")), "{done}");
        assert_eq!((todo(&bob).await.len(), todo(&cy).await.len()), (1, 1));
    }

    // FW43: who leaves hands over what he has open in the same transaction; naming somebody takes what a handover takes.
    async fn who_leaves_hands_open_tasks_over(server: TestServer) {
        let root = server.platform().await;
        let (ann, bob) = (server.account("ann", &[]).await, server.account("bob", &[]).await);
        let (cy, hr) = (server.account("cy", &[]).await, server.account("hr", &["staff:delete"]).await);
        let boss = server.account("boss", &["staff:delete", "account:disable", "workflow:admin"]).await;
        let body = json!({ "staff_no": "bob", "name": "鲍勃", "account_id": bob.id });
        let staff = ok(root.post("/api/v1/staff", body).await)["guid"].as_str().unwrap().to_owned();
        define(&server, "one", json!({}), json!([]), json!([approve("one", &[&bob], json!({}))])).await;
        let (guid, _) = start(&ann, "one", json!({})).await;
        start(&cy, "one", json!({})).await;
        let to = |heir: &str| format!("/api/v1/staff/{staff}?disable_account=true&hand_over_to={heir}");
        refused(hr.delete(&to(&cy.guid)).await, 403, "NoPermissionError");
        for (heir, code) in [
            (staff.as_str(), "invalid"),
            (bob.guid.as_str(), "invalid"),
            ("nobody", "invalid"),
            ("00000000-0000-4000-8000-000000000000", "unknown_account"),
        ] {
            let problem = refused(boss.delete(&to(heir)).await, 400, code);
            assert!(problem["errors"]["hand_over_to"].is_array(), "{problem}");
        }
        assert_eq!(todo(&bob).await.len(), 2, "nothing has changed");

        let left = ok(boss.delete(&to(&cy.guid)).await);
        assert_eq!((&left["changed"], &left["handed_over"]["moved"]), (&json!(true), &json!(1)), "{left}");
        assert_eq!(left["handed_over"]["kept"][0]["code"], "own_instance");
        refused(bob.get("/api/v1/workflows/tasks").await, 401, "session_revoked");
        assert_eq!(history(&ann, &guid).await.last().map(String::as_str), Some("handed_over"));
        agree(&cy).await;
        assert_eq!(instance(&ann, &guid).await["status"], "approved");
        // What was kept goes to somebody else later; then there is nothing left.
        for (moved, changed) in [(1, true), (0, false)] {
            let again = ok(boss.delete(&to(&boss.guid)).await);
            assert_eq!((&again["changed"], &again["handed_over"]["moved"]), (&json!(changed), &json!(moved)), "{again}");
        }
        agree(&boss).await;
    }
}

served_once! {
    // FW15, FW16, FW36
    async fn reminding_copying_and_commenting_move_nothing(server: TestServer) {
        let (ann, bob) = (server.account("ann", &[]).await, server.account("bob", &[]).await);
        let cy = server.account("cy", &[]).await;
        define(&server, "one", json!({}), json!([]), json!([approve("one", &[&bob], json!({}))])).await;
        let (guid, _) = start(&ann, "one", json!({})).await;
        ok(ann.post(&on(&guid, "remind"), json!({})).await);
        assert_eq!(notices(&server, &bob).await.last().unwrap().1["remind"], json!(true));
        let soon = ann.request(reqwest::Method::POST, &on(&guid, "remind")).json(&json!({})).send().await.unwrap();
        let wait: i64 = soon.headers()["retry-after"].to_str().unwrap().parse().unwrap();
        assert_eq!((soon.status().as_u16(), wait), (429, 4 * 3600));

        refused(cy.get(&format!("/api/v1/workflows/instances/{guid}")).await, 404, "not_found");
        ok(ann.post(&on(&guid, "copy"), json!({ "staffGuids": [cy.guid] })).await);
        ok(ann.post(&on(&guid, "copy"), json!({ "staffGuids": [cy.guid] })).await);
        assert_eq!(notices(&server, &cy).await.len(), 1, "told once");
        assert_eq!(instance(&cy, &guid).await["copied"][0]["name"], json!("cy"));
        let copied = ok(cy.get("/api/v1/workflows/instances?view=copied").await);
        assert_eq!(copied["count"], json!(1));
        ok(bob.post(&on(&guid, "comment"), json!({ "comment": "几天？" })).await);
        assert_eq!(notices(&server, &ann).await.last().unwrap().1["comment"], json!("几天？"));
        assert_eq!(instance(&ann, &guid).await["status"], json!("running"));
    }
}
