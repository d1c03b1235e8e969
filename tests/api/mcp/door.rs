//! Who is let in: host, page, token, scope, and how often.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Model, post, said_in, stateless, token};
use crate::support::{PASSWORD, Setup, TestServer, ok, run_on_sqlite, served_once};

fn list() -> Value {
    json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {} })
}

served_once! {
    // FM5: a token on every request, in the header alone; the refusal says where to read what is needed.
    async fn without_a_token_nobody_is_told_anything(server: TestServer) {
        let by = server.account("by", &["org:view"]).await;
        let anonymous = server.anonymous();
        let response = post(&anonymous, &list()).send().await.expect("an answer");
        assert_eq!(response.status(), 401);
        let challenge = response.headers()["www-authenticate"].to_str().expect("text").to_owned();
        let metadata = format!("{}/.well-known/oauth-protected-resource", server.url());
        assert_eq!(challenge, format!("Bearer resource_metadata=\"{metadata}\""));
        assert_eq!(said_in(response).await["code"], "token_missing");
        let said = ok(anonymous.get("/.well-known/oauth-protected-resource").await);
        assert_eq!(said["resource"], format!("{}/mcp", server.url()), "{said}");
        assert_eq!(said["bearer_methods_supported"], json!(["header"]));
        assert_eq!(said["scopes_supported"], json!(["mcp:notify", "mcp:org", "mcp:workflow", "mcp:read"]));
        assert_eq!(said, ok(anonymous.get("/.well-known/oauth-protected-resource/mcp").await));
        for wrong in ["x", "lgs_", "lgs_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", &by.refresh] {
            let response = post(&anonymous.bearing(wrong), &list()).send().await.expect("an answer");
            assert_eq!(response.status(), 401, "{wrong}");
            let challenge = response.headers()["www-authenticate"].to_str().expect("text");
            assert!(challenge.starts_with("Bearer error=\"invalid_token\""), "{challenge}");
        }
        // Neither the query nor a cookie carries a token here.
        let request = anonymous.request(Method::POST, &format!("/mcp?access_token={}", by.access));
        let request = request.header("accept", "application/json, text/event-stream").json(&list());
        assert_eq!(request.send().await.expect("an answer").status(), 401);
        let cookie = format!("livegrant_access={}; access={}", by.access, by.access);
        let request = post(&anonymous, &list()).header("cookie", cookie).header("origin", server.url());
        assert_eq!(request.send().await.expect("an answer").status(), 401);
    }

    // I4, I12: a kick, a sign-out and a disabled account end what the token could do, at once.
    async fn an_ended_session_calls_nothing_any_more(server: TestServer) {
        let by = server.account("by", &["org:view"]).await;
        assert!(!Model::of(&by).tools().await.is_empty());
        ok(server.platform().await.delete(&format!("/api/v1/sessions/{}", by.sid)).await);
        let response = stateless(&by, "tools/list", json!({})).send().await.expect("an answer");
        assert_eq!(response.status(), 401);
        assert_eq!(said_in(response).await["code"], "session_revoked");
    }

    // FM4
    async fn a_foreign_name_or_page_is_refused_before_the_token(server: TestServer) {
        let by = server.account("by", &["org:view"]).await;
        for caller in [&server.anonymous(), &*by] {
            let rebound = post(caller, &list()).header("host", "evil.example").send().await.expect("an answer");
            assert_eq!(rebound.status(), 403);
            assert_eq!(said_in(rebound).await["code"], "host_refused");
            for origin in ["https://evil.example", "null", "http://localhost.evil.example"] {
                let response = post(caller, &list()).header("origin", origin).send().await.expect("an answer");
                assert_eq!(response.status(), 403, "{origin}");
                assert_eq!(said_in(response).await["code"], "origin_refused");
            }
        }
        let local = post(&by, &list()).header("origin", "http://localhost:5173").send().await.expect("an answer");
        assert_eq!(local.status(), 200);
    }

    // FM5, FM6, FM11
    async fn a_scope_narrows_the_list_and_the_calls(server: TestServer) {
        let admin = server.platform().await;
        let all = Model::of(admin).tools().await;
        assert_eq!(all, Model::of(admin).tools().await, "always the same order");
        let narrowed = token(admin, json!({
            "name": "notices", "account_id": admin.id, "scopes": ["mcp:notify"], "days": 1,
        })).await;
        let caller = server.anonymous().bearing(&narrowed);
        let model = Model { caller: &caller };
        let few = model.tools().await;
        assert!(few.contains(&"listOnlineUsers".to_owned()) && !few.contains(&"createOrganization".to_owned()), "{few:?}");
        assert!(few.len() <= 25 && few.len() < all.len());
        let before = server.rows().await;
        let new = json!({ "name": "createOrganization", "arguments": { "code": "x", "name": "x" } });
        let response = stateless(&caller, "tools/call", new).send().await.expect("an answer");
        assert_eq!(response.status(), 403);
        let challenge = response.headers()["www-authenticate"].to_str().expect("text").to_owned();
        assert!(challenge.starts_with("Bearer error=\"insufficient_scope\", scope=\"mcp:org\""), "{challenge}");
        assert!(challenge.contains("resource_metadata="), "{challenge}");
        assert_eq!(said_in(response).await["code"], "insufficient_scope");
        assert_eq!(server.rows().await, before);
        // FM12
        let audit = ok(admin.get("/api/v1/audit?action=mcp_call").await);
        let line = &audit["results"][0];
        assert_eq!((&line["resource_id"], &line["result"]), (&json!("createOrganization"), &json!("insufficient_scope")), "{audit}");
        let reading = token(admin, json!({
            "name": "reports", "account_id": admin.id, "scopes": ["mcp:read"], "days": 1,
        })).await;
        let caller = server.anonymous().bearing(&reading);
        let model = Model { caller: &caller };
        let list = model.ask("tools/list", json!({})).await;
        let tools = list["tools"].as_array().expect("tools");
        assert!(tools.len() > 5);
        assert!(tools.iter().all(|tool| tool["annotations"]["readOnlyHint"] == true), "{list}");
        model.done("listOrganizations", json!({})).await;
    }

    // FM6: the account's permissions shorten the list; the call is refused by the use case all the same.
    async fn the_list_follows_the_permissions(server: TestServer) {
        let by = server.account("by", &["org:view"]).await;
        let tools = Model::of(&by).tools().await;
        assert!(tools.contains(&"listOrganizations".to_owned()), "{tools:?}");
        assert!(!tools.contains(&"createOrganization".to_owned()), "{tools:?}");
        let problem = Model::of(&by).refused("createOrganization", json!({ "code": "x", "name": "x" })).await;
        assert_eq!(problem["code"], "NoPermissionError");
        assert_eq!(problem["status"], 403);
    }
}

#[test]
fn an_account_that_calls_too_often_waits() {
    run_on_sqlite(|database| async move {
        let setup = Setup::on(&database).with(|settings| settings.mcp.calls_per_minute = 3);
        setup
            .run(async |server: TestServer| {
                let by = server.account("by", &[]).await;
                let other = server.account("other", &[]).await;
                for _ in 0..3 {
                    Model::of(&by).tools().await;
                }
                let response = stateless(&by, "tools/list", json!({})).send().await.expect("an answer");
                assert_eq!(response.status(), 429);
                assert_eq!(response.headers()["retry-after"], "60");
                Model::of(&other).tools().await;
                server.advance(std::time::Duration::from_mins(1)).await;
                Model::of(&by).tools().await;
            })
            .await;
    });
}

#[test]
fn an_endpoint_that_is_off_is_not_there() {
    run_on_sqlite(|database| async move {
        let setup = Setup::on(&database).with(|settings| settings.mcp.enabled = false);
        setup
            .run(async |server: TestServer| {
                assert_eq!(server.login("nobody", PASSWORD).await.0, 401);
                let response = post(&server.anonymous(), &list()).send().await.expect("an answer");
                assert_eq!(response.status(), 404);
            })
            .await;
    });
}
