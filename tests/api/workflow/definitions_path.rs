//! The path and the people, said before anything starts (FW28), and the process that ships (S0-54).

use livegrant::demo::seed;
use livegrant::web::page::DEMO_PASSWORD;
use livegrant::workflow::shipped;
use livegrant_actors::CompanyId;
use serde_json::{Value, json};

use super::definitions::{PATH, admin};
use crate::support::{Account, ok, refused, served};

fn people(step: &Value) -> Vec<&str> {
    step["people"].as_array().unwrap().iter().map(|person| person["guid"].as_str().unwrap()).collect()
}

served! {
    async fn the_path_follows_the_form_and_the_rules(server: TestServer) {
        let by = admin(&server).await;
        let (ann, bob) = (server.account("ann", &[]).await, server.account("bob", &[]).await);
        let rule = |role: &str| json!([{ "kind": "role", "code": role }]);
        let definition = json!({ "code": "buy", "name": "采购",
            "form": { "fields": [{ "code": "amount", "name": "金额", "type": "number", "required": true }] },
            "graph": { "nodes": [
                { "code": "start", "name": "s", "kind": "start" },
                { "code": "a", "name": "a", "kind": "approve", "assignees": rule("only.ann") },
                { "code": "if", "name": "if", "kind": "condition", "mode": "exclusive", "branches": [
                    { "code": "much", "name": "much", "when": { "expression": "form.amount > 1000" }, "nodes": [
                        { "code": "b", "name": "b", "kind": "approve", "mode": { "kind": "all" }, "when_repeated": "once",
                          "assignees": [{ "kind": "role", "code": "only.ann" }, { "kind": "role", "code": "only.bob" }] } ] },
                    { "code": "little", "name": "little", "nodes": [] } ] },
                { "code": "pick", "name": "pick", "kind": "approve", "assignees": [{ "kind": "initiator_chooses", "min": 1, "max": 2 }],
                  "when_empty": { "kind": "approve" } },
                { "code": "c", "name": "c", "kind": "copy", "assignees": rule("only.bob") },
            ] } });
        ok(by.post(PATH, definition).await);
        let simulate = format!("{PATH}/buy/simulate");
        let out = ok(by.post(&simulate, json!({ "form": { "amount": 5000 }, "chosen": { "pick": [bob.guid] } })).await);
        assert_eq!(out["faults"], json!([]));
        let steps = out["preview"]["steps"].as_array().unwrap();
        let codes: Vec<_> = steps.iter().map(|step| step["code"].as_str().unwrap()).collect();
        assert_eq!((codes, &out["preview"]["end"]), (vec!["start", "a", "if", "pick", "c"], &json!("approved")));
        assert_eq!(people(&steps[1]), [ann.guid.as_str()]);
        assert_eq!(steps[2]["branches"][0]["code"], "much");
        let inner = &steps[2]["branches"][0]["steps"][0];
        assert_eq!((inner["mode"].clone(), people(inner)), (json!({ "kind": "all" }), vec![ann.guid.as_str(), bob.guid.as_str()]));
        let earlier: Vec<_> = inner["people"].as_array().unwrap().iter().map(|person| &person["earlier"]).collect();
        assert_eq!(earlier, [&json!(true), &json!(false)], "FW22");
        assert_eq!(people(&steps[3]), [bob.guid.as_str()]);
        assert_eq!(people(&steps[4]), [bob.guid.as_str()]);

        let out = ok(by.post(&simulate, json!({ "form": { "amount": 1 }, "initiatorGuid": ann.guid })).await);
        let steps = out["preview"]["steps"].as_array().unwrap();
        assert_eq!(steps[2]["branches"][0]["code"], "little");
        // FW20, FW21: ann started, so the administrator decides in her place.
        assert_eq!((people(&steps[1]), &steps[1]["reason"]), (vec![by.guid.as_str()], &json!("nobody_found")));
        assert_eq!((&steps[3]["decided"], &steps[3]["choose"]), (&json!("approved"), &json!({ "min": 1, "max": 2 })));

        refused(by.post(&simulate, json!({ "form": { "amount": "much" } })).await, 400, "invalid");
        refused(by.post(&simulate, json!({ "form": {} })).await, 400, "required");
        refused(by.post(&simulate, json!({ "form": { "amount": 1, "x": 1 } })).await, 400, "unknown_field");
        let chosen = |node: &str, guids: Vec<&str>| json!({ "form": { "amount": 1 }, "chosen": { node: guids } });
        refused(by.post(&simulate, chosen("a", vec![&bob.guid])).await, 400, "invalid");
        refused(by.post(&simulate, chosen("pick", vec![&bob.guid, &ann.guid, &by.guid])).await, 400, "too_many");
        refused(by.post(&simulate, chosen("pick", vec!["00000000-0000-4000-8000-000000000000"])).await, 400, "unknown_account");
        refused(by.post(&simulate, json!({ "initiatorGuid": "x", "form": { "amount": 1 } })).await, 400, "unknown_account");
    }

    // S0-54
    async fn the_process_that_ships_asks_the_demos_heads(server: TestServer) {
        seed(&server.core.db, server.keys()).await.expect("an empty database takes the demo data");
        assert_eq!(shipped::publish(&server.core.db, CompanyId(1)).await.expect("it is there"), 0, "once");
        let login = async |name: &str| Account::of_login(&server.anonymous(), &ok(server.login(name, DEMO_PASSWORD).await));
        let (alice, manager) = (login("alice").await, login("manager").await);
        let seen = ok(alice.get(PATH).await);
        assert_eq!((&seen["results"][0]["code"], &seen["results"][0]["name"]), (&json!("leave"), &json!("请假申请")));

        let by = admin(&server).await;
        let form = |days: f64| json!({ "leave_type": "annual", "start_at": "2025-09-12", "end_at": "2025-09-15", "days": days });
        let trial = |days: f64| json!({ "form": form(days), "initiatorGuid": alice.guid });
        let out = ok(by.post(&format!("{PATH}/leave/simulate"), trial(1.0)).await);
        assert_eq!(out["faults"], json!([]));
        let steps = out["preview"]["steps"].as_array().unwrap();
        assert_eq!(steps[1]["code"], "manager");
        assert_eq!(people(&steps[1]), [manager.guid.as_str()], "the head of alice's department");
        assert_eq!(steps[2]["branches"][0]["code"], "short");
        let out = ok(by.post(&format!("{PATH}/leave/simulate"), trial(3.5)).await);
        assert_eq!(out["preview"]["steps"][2]["branches"][0]["code"], "long");
        assert_eq!(out["preview"]["end"], "approved");

        ok(by.post(&format!("{PATH}/leave/retire"), json!({})).await);
        assert_eq!(shipped::publish(&server.core.db, CompanyId(1)).await.expect("nothing is to do"), 0, "it stays retired");
    }
}
