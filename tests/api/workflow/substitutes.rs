//! Substitutes over REST (FW25, C3).

use serde_json::{Value, json};

use super::definitions::{admin, definition};
use crate::support::{ok, refused, served};

const PATH: &str = "/api/v1/workflows/substitutes";

served! {
    async fn somebody_is_let_act_for_the_caller_and_ended(server: TestServer) {
        let by = admin(&server).await;
        let (ann, bob) = (server.account("ann", &[]).await, server.account("bob", &[]).await);
        let made = ok(ann.post(PATH, json!({ "substituteGuid": bob.guid, "reason": "休假 🌴" })).await);
        assert_eq!((&made["accountGuid"], &made["substituteGuid"]), (&json!(ann.guid), &json!(bob.guid)));
        assert_eq!((&made["inForce"], &made["reason"], &made["substituteName"]), (&json!(true), &json!("休假 🌴"), &json!("bob")));
        for account in [&ann, &bob] {
            assert_eq!(ok(account.get(PATH).await)["results"], json!([made]), "both who take part see it");
        }
        let later = json!({ "substituteGuid": bob.guid, "accountGuid": ann.guid, "validFrom": "2999-01-01T00:00:00Z" });
        let other = ok(by.post(PATH, later.clone()).await);
        assert_eq!(other["inForce"], false);
        assert_eq!(ok(by.get(&format!("{PATH}?all=true")).await)["count"], 2);
        assert_eq!(ok(by.get(&format!("{PATH}?accountGuid={}", ann.guid)).await)["count"], 2);
        assert_eq!(ok(by.get(PATH).await)["count"], 0);

        let cat = server.account("cat", &[]).await;
        for (account, status, code) in [(&cat, 404, "not_found"), (&bob, 403, "NoPermissionError")] {
            refused(account.delete(&format!("{PATH}/{}", made["id"])).await, status, code);
        }
        refused(cat.get(&format!("{PATH}?all=true")).await, 403, "NoPermissionError");
        refused(cat.get(&format!("{PATH}?accountGuid={}", ann.guid)).await, 403, "NoPermissionError");
        refused(cat.post(PATH, later).await, 403, "NoPermissionError");
        ok(ann.delete(&format!("{PATH}/{}", made["id"])).await);
        refused(ann.delete(&format!("{PATH}/{}", made["id"])).await, 404, "not_found");
        ok(by.delete(&format!("{PATH}/{}", other["id"])).await);
        assert_eq!(ok(ann.get(PATH).await)["count"], 0);
    }

    async fn a_fault_is_named_and_nobody_acts_in_somebody_elses_name(server: TestServer) {
        let by = admin(&server).await;
        let (ann, bob) = (server.account("ann", &[]).await, server.account("bob", &[]).await);
        ok(by.post("/api/v1/workflows/definitions", definition("travel", "only.flow")).await);
        let with = |key: &str, value: Value| {
            let mut body = json!({ "substituteGuid": bob.guid });
            body[key] = value;
            body
        };
        for (body, status, code, field) in [
            (with("substituteGuid", json!(ann.guid)), 400, "invalid", "substituteGuid"),
            (with("substituteGuid", json!("00000000-0000-4000-8000-000000000000")), 400, "unknown_account", "substituteGuid"),
            (with("definitionCode", json!("gone")), 400, "unknown_definition", "definitionCode"),
            (with("validFrom", json!("tomorrow")), 400, "invalid", "validFrom"),
            (with("validTo", json!("2001-01-01T00:00:00Z")), 400, "invalid", "validTo"),
            (with("reason", json!("长".repeat(10_000))), 400, "invalid", "reason"),
            (with("operatorGuid", json!(bob.guid)), 403, "NoPermissionError", ""),
        ] {
            let problem = refused(ann.post(PATH, body).await, status, code);
            assert!(field.is_empty() || problem["errors"][field].is_array(), "{problem}");
        }
        let mut open = with("handOverOpen", json!(true));
        open["definitionCode"] = json!("travel");
        refused(ann.post(PATH, open).await, 400, "invalid");
        assert_eq!(ok(ann.get(PATH).await)["count"], 0);
        let made = ok(ann.post(PATH, with("handOverOpen", json!(true))).await);
        assert_eq!(made["handedOver"]["moved"], 0);
        ok(ann.post(PATH, with("definitionCode", json!("travel"))).await);
        for _ in 0..48 {
            ok(ann.post(PATH, with("operatorGuid", json!(ann.guid))).await);
        }
        refused(ann.post(PATH, with("reason", json!("x"))).await, 409, "too_many_substitutes");
    }
}
