//! Fields that somebody may not fill in, or not see (FW29).

use serde_json::{Value, json};

use super::{act, agree, approve, define, instance, start, task};
use crate::support::{Account, ok, refused, served_once};

fn texts(codes: &[&str]) -> Value {
    codes.iter().map(|code| json!({ "code": code, "name": code, "type": "text" })).collect()
}

/// The fields that somebody is shown.
async fn shown(by: &Account, guid: &str) -> Vec<String> {
    let seen = instance(by, guid).await;
    let codes = |part: &Value| part.as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
    assert_eq!(codes(&seen["form"]), codes(&seen["fields"]), "{seen}");
    codes(&seen["form"])
}

served_once! {
    // FW29, FW11, FW28: what the start node lets the initiator read, he fills in neither first nor when he hands it in again.
    async fn the_initiator_fills_in_what_is_his(server: TestServer) {
        let (ann, bob) = (server.account("ann", &[]).await, server.account("bob", &[]).await);
        let first = json!({
            "code": "begin", "name": "发起", "kind": "start", "fields": { "granted": "read", "note": "hide" } });
        let fields = json!({ "fields": { "granted": "edit", "note": "edit" } });
        define(&server, "own", json!({}), texts(&["why", "granted", "note"]), json!([approve("one", &[&bob], fields)]))
            .await;
        let mut work = server.core.db.begin(&livegrant::db::Author::system("tests")).await.unwrap();
        let nodes = json!([first, approve("one", &[&bob], json!({ "fields": { "granted": "edit", "note": "edit" } }))]);
        let graph = sqlx::types::Json(json!({ "nodes": nodes }));
        livegrant::sql_exec!(work.conn(), "UPDATE wf_definition SET graph = $1 WHERE code = 'own'", &graph).unwrap();
        work.commit(livegrant::db::SystemTask::Bootstrap).await.unwrap();

        for (form, field) in [(json!({ "why": "w", "granted": "9" }), "granted"), (json!({ "note": "x" }), "note")] {
            for path in ["/api/v1/workflows/instances", "/api/v1/workflows/instances/preview"] {
                let body = json!({ "definition": "own", "form": form });
                let problem = refused(ann.post(path, body).await, 400, "not_allowed");
                assert!(problem["errors"][format!("form.{field}")].is_array(), "{problem}");
            }
        }
        let (guid, _) = start(&ann, "own", json!({ "why": "w", "granted": null })).await;
        let decided = json!({ "comment": "改", "targetNode": null });
        ok(act(&bob, &task(&bob).await, "return", decided).await);
        let again = format!("/api/v1/workflows/instances/{guid}/resubmit");
        for form in [json!({ "granted": "9" }), json!({ "why": "v", "note": "x" })] {
            refused(ann.post(&again, json!({ "form": form })).await, 400, "not_allowed");
        }
        // As it was shown, it may come back.
        let form = instance(&ann, &guid).await["form"].clone();
        ok(ann.post(&again, json!({ "form": form })).await);
        ok(act(&bob, &task(&bob).await, "approve", json!({ "form": { "granted": "3" } })).await);
        assert_eq!(instance(&bob, &guid).await["form"]["granted"], json!("3"));
    }

    // FW29: who lost his task, is stood in for, or is only informed, sees no more than the node shows.
    async fn what_a_node_hides_stays_hidden(server: TestServer) {
        let (ann, bob) = (server.account("ann", &[]).await, server.account("bob", &[]).await);
        let (cy, dee) = (server.account("cy", &[]).await, server.account("dee", &[]).await);
        let boss = server.account("boss", &["workflow:admin"]).await;
        let hides = json!({ "fields": { "secret": "hide" } });
        let nodes = json!([approve("one", &[&bob], hides)]);
        define(&server, "hide", json!({}), texts(&["secret", "why"]), nodes).await;
        let (guid, _) = start(&ann, "hide", json!({ "secret": "s", "why": "w" })).await;
        let copy = json!({ "staffGuids": [dee.guid] });
        ok(ann.post(&format!("/api/v1/workflows/instances/{guid}/copy"), copy).await);
        assert_eq!(shown(&dee, &guid).await, ["why"], "informed");
        let handed = json!({ "fromGuid": bob.guid, "toGuid": cy.guid });
        ok(boss.post("/api/v1/workflows/handover", handed).await);
        assert_eq!(shown(&bob, &guid).await, ["why"], "handed over");
        assert_eq!(shown(&cy, &guid).await, ["why"]);
        agree(&cy).await;
        assert_eq!((shown(&ann, &guid).await, shown(&boss, &guid).await), (vec!["secret".into(), "why".into()], vec!["secret".into(), "why".into()]));
    }

    // FW6: who was added and hands his task over has no more to do with it, either.
    async fn who_was_added_and_hands_over_is_out(server: TestServer) {
        let (ann, bob) = (server.account("ann", &[]).await, server.account("bob", &[]).await);
        let (cy, dee) = (server.account("cy", &[]).await, server.account("dee", &[]).await);
        define(&server, "one", json!({}), json!([]), json!([approve("one", &[&bob], json!({}))])).await;
        let (guid, _) = start(&ann, "one", json!({})).await;
        let added = json!({ "position": "before", "staffGuids": [cy.guid] });
        ok(act(&bob, &task(&bob).await, "add-sign", added).await);
        ok(act(&cy, &task(&cy).await, "transfer", json!({ "staffGuid": dee.guid })).await);
        refused(cy.get(&format!("/api/v1/workflows/instances/{guid}")).await, 404, "not_found");
        agree(&dee).await;
        agree(&bob).await;
        assert_eq!(instance(&dee, &guid).await["status"], json!("approved"));
    }
}
