//! Who sees what of instances, lists, logs; and the question who may.

use serde_json::json;

use super::{act, agree, approve, define, instance, start, task};
use crate::support::{ok, refused, served, served_once};

served! {
    // S1-29, C24, S2-42, FW34, FW39
    async fn an_instance_exists_for_those_it_concerns(server: TestServer) {
        let (ann, bob) = (server.account("ann", &[]).await, server.account("bob", &[]).await);
        let (cy, audit) = (server.account("cy", &[]).await, server.account("audit", &["workflow:view"]).await);
        let admin = server.account("admin", &["workflow:admin"]).await;
        define(&server, "two", json!({}), json!([]), json!([
            approve("one", &[&bob], json!({})), approve("two", &[&admin], json!({})),
        ])).await;
        let (guid, number) = start(&ann, "two", json!({})).await;
        for account in [&ann, &bob, &audit, &admin] {
            assert_eq!(instance(account, &guid).await["approvalNo"], json!(number), "{}", account.username);
        }
        for path in ["", "/graph", "/logs"] {
            refused(cy.get(&format!("/api/v1/workflows/instances/{guid}{path}")).await, 404, "not_found");
        }
        agree(&bob).await;
        let graph = ok(ann.get(&format!("/api/v1/workflows/instances/{guid}/graph")).await);
        let states: Vec<_> =
            graph["nodes"].as_array().unwrap().iter().map(|node| node["state"].as_str().unwrap()).collect();
        assert_eq!(states, ["done", "done", "current"]);
        for (account, view, count) in [
            (&ann, "started", 1), (&ann, "todo", 0), (&bob, "done", 1), (&bob, "todo", 0), (&admin, "todo", 1),
            (&cy, "started", 0), (&cy, "managed", 0), (&audit, "managed", 1),
        ] {
            let list = ok(account.get(&format!("/api/v1/workflows/instances?view={view}")).await);
            assert_eq!(list["count"], json!(count), "{} {view}", account.username);
        }
        refused(ann.get("/api/v1/workflows/instances?view=all").await, 400, "invalid");
        let found = ok(ann.get(&format!("/api/v1/workflows/instances?search={number}&status=running")).await);
        assert_eq!(found["count"], json!(1));

        let logs = ok(bob.get("/api/workflow/logs/?action=approved").await);
        assert_eq!(logs["results"][0]["actor"]["name"], json!("bob"));
        assert!(ok(cy.get("/api/workflow/logs/").await)["results"].as_array().unwrap().is_empty());
        let page = ok(audit.get("/api/workflow/logs/?page_size=2").await);
        let next = page["next"].as_str().expect("there is more").to_owned();
        let rest = ok(audit.get(&next).await);
        assert_eq!((page["results"].as_array().unwrap().len(), &rest["next"]), (2, &serde_json::Value::Null));
    }
}

served_once! {
    // S1-30
    async fn the_question_is_answered_as_deciding_would_be(server: TestServer) {
        let (ann, bob) = (server.account("ann", &[]).await, server.account("bob", &[]).await);
        let cy = server.account("cy", &["permission:view"]).await;
        define(&server, "one", json!({}), json!([]), json!([approve("one", &[&bob], json!({}))])).await;
        let (guid, _) = start(&ann, "one", json!({})).await;
        let path = "/api/v1/access/check-workflow";
        let asked = |of: &str, operation: &str| json!({ "staffGuid": of, "operation": operation, "instanceGuid": guid });
        for (of, operation, may) in [
            (&bob.guid, "approve", true), (&bob.guid, "view", true), (&ann.guid, "approve", false),
            (&ann.guid, "view", true), (&cy.guid, "approve", false), (&cy.guid, "view", false),
        ] {
            let answer = ok(cy.post(path, asked(of, operation)).await);
            assert_eq!(answer["hasPermission"], json!(may), "{operation} {answer}");
            assert_eq!(answer["code"].is_null(), may);
            // The check matrix answers the same for one instance.
            let cell = json!({
                "staffGuid": of, "operation": operation, "resource": "workflow", "resourceId": guid });
            let answer = ok(cy.post("/api/v1/access/check", cell).await);
            assert_eq!(answer["hasPermission"], json!(may), "{operation} {answer}");
        }
        refused(bob.post(path, asked(&ann.guid, "view")).await, 403, "NoPermissionError");
        assert_eq!(ok(bob.post(path, asked(&bob.guid, "delete")).await)["code"], json!("unknown_operation"));
        agree(&bob).await;
        assert_eq!(ok(bob.post(path, asked(&bob.guid, "approve")).await)["hasPermission"], json!(false));
    }

    // FW29: a field that is hidden at somebody's node is absent from his answer, and only named ones can be changed.
    async fn a_hidden_field_is_not_there(server: TestServer) {
        let (ann, bob) = (server.account("ann", &[]).await, server.account("bob", &[]).await);
        let form = json!([
            { "code": "secret", "name": "病情", "type": "text" }, { "code": "days", "name": "天数", "type": "number" },
            { "code": "why", "name": "事由", "type": "text" }]);
        let fields = json!({ "fields": { "secret": "hide", "days": "edit" } });
        define(&server, "form", json!({}), form, json!([approve("one", &[&bob], fields)])).await;
        let (guid, _) = start(&ann, "form", json!({ "secret": "s", "days": 1, "why": "w" })).await;
        let seen = instance(&bob, &guid).await;
        assert_eq!((&seen["form"], &seen["fields"]), (&json!({ "days": 1, "why": "w" }), &json!({ "days": "edit", "why": "read" })));
        assert!(!ok(bob.get(&format!("/api/v1/workflows/instances/{guid}/logs")).await).to_string().contains("secret"));
        let bobs = task(&bob).await;
        for field in ["secret", "why", "other"] {
            let body = json!({ "form": { field: "x" } });
            refused(act(&bob, &bobs, "approve", body).await, 400, "not_allowed");
        }
        ok(act(&bob, &bobs, "approve", json!({ "form": { "days": 2 } })).await);
        assert_eq!(instance(&ann, &guid).await["form"], json!({ "secret": "s", "days": 2, "why": "w" }));
    }

    // FW39: the history of an instance comes in pages, the oldest first.
    async fn a_long_history_comes_in_pages(server: TestServer) {
        let (ann, bob) = (server.account("ann", &[]).await, server.account("bob", &[]).await);
        define(&server, "one", json!({}), json!([]), json!([approve("one", &[&bob], json!({}))])).await;
        let (guid, _) = start(&ann, "one", json!({})).await;
        for _ in 0..5 {
            ok(ann.post(&format!("/api/v1/workflows/instances/{guid}/comment"), json!({ "comment": "?" })).await);
        }
        let path = format!("/api/v1/workflows/instances/{guid}/logs");
        let whole = ok(ann.get(&path).await);
        let (mut after, mut paged) = (0, Vec::new());
        loop {
            let page = ok(ann.get(&format!("{path}?page_size=3&after={after}")).await);
            let lines = page.as_array().expect("a list");
            assert!(lines.len() <= 3, "{page}");
            let Some(last) = lines.last() else { break };
            after = last["id"].as_i64().unwrap();
            paged.extend(lines.clone());
        }
        assert_eq!((paged.len(), json!(paged)), (7, whole));
        refused(ann.get(&format!("{path}?page_size=x")).await, 400, "invalid");
    }
}
