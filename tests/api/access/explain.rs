//! Explanations say what is enforced, and why.

use super::{another_company, put_into_position, texts};
use crate::support::{Account, TestServer, ok, refused, served};
use livegrant::clock::iso;
use serde_json::{Value, json};
use std::time::Duration;

async fn explain(by: &Account, query: &str) -> Value {
    ok(by.get(&format!("/api/v1/access/explain?{query}")).await)
}

/// The ways of an explanation: kind, code, what blocks it.
fn paths(explanation: &Value) -> Vec<(String, String, Vec<&str>)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let paths = explanation["paths"].as_array().unwrap().iter();
    paths
        .map(|path| {
            let blocked_by = texts(&path["blocked_by"]);
            assert_eq!(path["counts"], blocked_by.is_empty(), "{path}");
            (text(&path["kind"]), text(&path["code"]), blocked_by)
        })
        .collect()
}

fn path<'b>(kind: &str, code: &str, blocked_by: &[&'b str]) -> (String, String, Vec<&'b str>) {
    (kind.to_owned(), code.to_owned(), blocked_by.to_vec())
}

async fn role(server: &TestServer, code: &str, codes: &[&str]) -> i64 {
    let root = server.platform().await;
    let id =
        ok(root.post("/api/v1/roles", json!({ "code": code, "name": code })).await)["id"].as_i64().unwrap();
    let body = json!({ "permissions": codes, "confirm": true });
    ok(root.put(&format!("/api/v1/roles/{id}/permissions"), body).await);
    id
}

served! {
    async fn every_verdict_is_what_is_enforced(server: TestServer) {
        let root = server.platform().await;
        let alice = server.account("alice", &["org:view", "menu:staff", "role:view"]).await;
        put_into_position(&server, &alice, "desk", &["position:view", "org:view"]).await;
        ok(root.patch("/api/v1/permissions/1101", json!({ "status": 0 })).await);
        let boss = server.account("boss", &[]).await;
        let administers = role(&server, "administers", &["system:admin"]).await;
        ok(root.post(&format!("/api/v1/accounts/{}/roles/{administers}", boss.id), json!({})).await);
        let all = ok(root.get("/api/v1/permissions?page_size=100").await);
        for account in [&alice, &boss, root] {
            let held = account.codes().await;
            for row in all["results"].as_array().unwrap() {
                let code = row["code"].as_str().unwrap();
                let explanation = explain(root, &format!("account={}&permission={code}", account.id)).await;
                assert_eq!(explanation["held"], held.iter().any(|held| held == code), "{explanation}");
                let counts = paths(&explanation).iter().any(|(_, _, blocked_by)| blocked_by.is_empty());
                assert_eq!(explanation["held"], counts, "{explanation}");
            }
        }
    }

    async fn every_way_is_named_with_what_stands_against_it(server: TestServer) {
        let root = server.platform().await;
        let alice = server.account("alice", &["org:view"]).await;
        put_into_position(&server, &alice, "desk", &["org:view"]).await;
        let off = role(&server, "off", &["org:view"]).await;
        let later = role(&server, "later", &["org:view"]).await;
        let administers = role(&server, "administers", &["system:admin"]).await;
        let elsewhere = another_company(&server).await;
        let roles = format!("/api/v1/accounts/{}/roles", alice.id);
        ok(root.post(&format!("{roles}/{off}"), json!({})).await);
        ok(root.post(&format!("{roles}/{administers}"), json!({})).await);
        let from = iso(server.clock.now_ms() + 60_000);
        ok(root.post(&format!("{roles}/{later}"), json!({ "valid_from": from })).await);
        ok(root.patch(&format!("/api/v1/roles/{off}"), json!({ "status": 0 })).await);
        let explanation = explain(&alice, "permission=org:view").await;
        assert_eq!((&explanation["held"], &explanation["username"]), (&json!(true), &json!("alice")));
        let mut expected = vec![
            path("role", "only.alice", &[]),
            path("role", "off", &["holder_off"]),
            path("role", "later", &["not_started"]),
            path("role", "administers", &[]),
            path("position", "desk", &[]),
        ];
        assert_eq!(paths(&explanation), expected);
        assert_eq!(explanation["paths"][2]["valid_from"], from);
        assert_eq!(explanation["paths"][3]["carries"], "system:admin");
        server.advance(Duration::from_secs(61)).await;
        ok(root.patch("/api/v1/permissions/1001", json!({ "status": 0 })).await);
        let explanation = explain(&alice, "permission=org:view").await;
        expected[2].2.clear();
        for (_, _, blocked_by) in &mut expected {
            blocked_by.insert(0, "permission_off");
        }
        assert_eq!((&explanation["held"], paths(&explanation)), (&json!(false), expected));
        assert_eq!(explanation["blocked_by"], json!(["permission_off"]));
        refused(root.post(&format!("{roles}/{}", elsewhere.role), json!({})).await, 400, "unknown_role");
    }

    async fn about_others_only_who_may_see_permissions_is_told(server: TestServer) {
        let (alice, bob) = (server.account("alice", &["org:view"]).await, server.account("bob", &[]).await);
        let auditor = server.account("auditor", &["permission:view"]).await;
        let elsewhere = another_company(&server).await;
        let get = async |by: &Account, query: String| by.get(&format!("/api/v1/access/explain?{query}")).await;
        for query in [format!("guid={}", alice.guid), format!("account={}", alice.id)] {
            let query = format!("permission=org:view&{query}");
            assert_eq!(ok(get(&auditor, query.clone()).await)["held"], true);
            assert_eq!(ok(get(&alice, query.clone()).await)["held"], true);
            refused(get(&bob, query).await, 403, "NoPermissionError");
        }
        refused(get(&bob, "permission=org:view&guid=nobody".to_owned()).await, 403, "NoPermissionError");
        for stranger in [format!("account={}", elsewhere.account_id), format!("guid={}", elsewhere.account)] {
            refused(get(&auditor, format!("permission=org:view&{stranger}")).await, 404, "not_found");
        }
        refused(get(&auditor, "permission=org:eat".to_owned()).await, 400, "unknown_permission");
        refused(get(&auditor, String::new()).await, 400, "invalid");
        refused(get(&auditor, "permission=org:view&account=1&guid=x".to_owned()).await, 400, "invalid");
    }
}
