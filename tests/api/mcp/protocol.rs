//! What the protocol answers: the newest revision, the older ones, and what is no message at all.

use reqwest::Method;
use serde_json::{Value, json};

use super::{HANDSHAKE, Model, STATELESS, post, said_in, stateless};
use crate::support::served_once;

served_once! {
    // FM1, S0-10: the newest revision asks nothing before, and the server says what it is.
    async fn the_newest_revision_needs_no_handshake(server: TestServer) {
        let by = server.account("by", &["org:view"]).await;
        let said = Model::of(&by).ask("server/discover", json!({})).await;
        let versions = said["supportedVersions"].as_array().expect("versions");
        assert!(versions.contains(&json!(STATELESS)) && versions.contains(&json!(HANDSHAKE)), "{said}");
        assert!(said["capabilities"]["tools"].is_object(), "{said}");
        let list = Model::of(&by).ask("tools/list", json!({})).await;
        // FM6
        assert_eq!((&list["ttlMs"], &list["cacheScope"]), (&json!(60_000), &json!("private")), "{list}");
        let response = stateless(&by, "tools/list", json!({})).send().await.expect("an answer");
        let headers = response.headers();
        assert!(headers.contains_key("x-permission-version") && headers.contains_key("x-request-id"));
        assert!(!headers.contains_key("mcp-session-id"), "{headers:?}");
        assert_eq!(headers["cache-control"], "no-store");
    }

    // FM2
    async fn older_revisions_shake_hands_and_are_served_without_a_session(server: TestServer) {
        let by = server.account("by", &["org:view"]).await;
        for version in [HANDSHAKE, "2025-06-18", "2025-03-26", "2024-11-05"] {
            let params = json!({
                "protocolVersion": version, "capabilities": {}, "clientInfo": { "name": "old", "version": "1" },
            });
            let hello = json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params });
            let response = post(&by, &hello).send().await.expect("an answer");
            assert_eq!(response.status(), 200, "{version}");
            assert!(!response.headers().contains_key("mcp-session-id"), "{version}");
            let said = said_in(response).await["result"].clone();
            assert_eq!(said["protocolVersion"], version, "{said}");
            assert_eq!(said["serverInfo"]["name"], "livegrant", "{said}");
            assert!(said["instructions"].as_str().is_some_and(|text| text.contains("dryRun")), "{said}");
            let ready = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
            assert_eq!(post(&by, &ready).send().await.expect("an answer").status(), 202);
            let ask = |method: &str, params: Value| {
                let body = json!({ "jsonrpc": "2.0", "id": "一", "method": method, "params": params });
                post(&by, &body).header("mcp-protocol-version", version).send()
            };
            let list = said_in(ask("tools/list", json!({})).await.expect("an answer")).await;
            assert_eq!(list["id"], "一");
            assert!(list["result"]["tools"].as_array().is_some_and(|tools| tools.len() > 3), "{list}");
            assert!(list["result"].get("ttlMs").is_none() && list["result"].get("resultType").is_none(), "{list}");
            let call = json!({ "name": "listOrganizations", "arguments": {} });
            let done = said_in(ask("tools/call", call).await.expect("an answer")).await;
            assert_eq!(done["result"]["isError"], false, "{done}");
            assert_eq!(done["result"]["structuredContent"]["count"], 0, "{done}");
            let ping = said_in(ask("ping", json!({})).await.expect("an answer")).await;
            assert!(ping["result"].is_object(), "{ping}");
        }
    }

    // FM7: what is no call is an error of the protocol, and nothing is done.
    async fn what_is_no_call_is_an_error_of_the_protocol(server: TestServer) {
        let by = server.account("by", &["org:view", "org:create"]).await;
        let before = server.rows().await;
        let unknown = stateless(&by, "tools/call", json!({ "name": "dropEverything", "arguments": {} }));
        let answer = said_in(unknown.send().await.expect("an answer")).await;
        assert_eq!(answer["error"]["code"], -32602, "{answer}");
        let unknown = stateless(&by, "tools/destroy", json!({})).send().await.expect("an answer");
        assert_eq!(unknown.status(), 404);
        assert_eq!(said_in(unknown).await["error"]["code"], -32601);
        let shapeless = stateless(&by, "tools/call", json!({ "name": "listOrganizations", "arguments": [1] }));
        let response = shapeless.send().await.expect("an answer");
        assert!(!response.status().is_server_error(), "{response:?}");
        let answer = said_in(response).await;
        assert!(answer.get("result").is_none(), "{answer}");
        assert_eq!(server.rows().await, before);
    }

    async fn headers_and_body_must_agree(server: TestServer) {
        let by = server.account("by", &["org:view"]).await;
        let list = |method: &str, version: &str| {
            let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": { "_meta": super::meta() } });
            post(&by, &body).header("mcp-protocol-version", version).header("mcp-method", method)
        };
        assert_eq!(list("tools/list", STATELESS).send().await.expect("an answer").status(), 200);
        for (method, version) in
            [("tools/call", STATELESS), ("tools/list", HANDSHAKE), ("tools/list", "1999-01-01")]
        {
            let response = list(method, version).send().await.expect("an answer");
            assert_eq!(response.status(), 400, "{method} {version}");
        }
        let name = json!({ "name": "listOrganizations", "arguments": {}, "_meta": super::meta() });
        let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": name });
        let lied = post(&by, &call)
            .header("mcp-protocol-version", STATELESS)
            .header("mcp-method", "tools/call")
            .header("mcp-name", "createOrganization");
        assert_eq!(lied.send().await.expect("an answer").status(), 400);
        let version = json!({ "io.modelcontextprotocol/protocolVersion": "2030-01-01",
            "io.modelcontextprotocol/clientInfo": { "name": "x", "version": "1" },
            "io.modelcontextprotocol/clientCapabilities": {} });
        let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": { "_meta": version } });
        let future = post(&by, &call)
            .header("mcp-protocol-version", "2030-01-01")
            .header("mcp-method", "tools/list")
            .send()
            .await
            .expect("an answer");
        assert_eq!(future.status(), 400);
        let said = said_in(future).await;
        assert!(said["error"].is_object() || said.is_string(), "{said}");
    }

    async fn hostile_bodies_are_refused_and_the_server_goes_on(server: TestServer) {
        let by = server.account("by", &["org:view"]).await;
        let nested = format!("{}{}", "[".repeat(50_000), "]".repeat(50_000));
        let deep = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"listOrganizations","arguments":{nested}}}}}"#
        );
        let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {} });
        let batch = json!([call, call]).to_string();
        let twice = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"listOrganizations","name":"deleteStaff","arguments":{}}}"#;
        let bodies = ["", "{", "null", "\"x\"", "[]", &batch, &deep, twice, r#"{"jsonrpc":"1.0","id":1,"method":"x"}"#,
            r#"{"jsonrpc":"2.0","id":{},"method":"tools/list"}"#, "\u{0}", r#"{"jsonrpc":"2.0","id":1,"method":"\ud800"}"#];
        for text in bodies {
            let request = by.request(Method::POST, "/mcp").header("content-type", "application/json");
            let request = request.header("accept", "application/json, text/event-stream");
            let response = request.body(text.to_owned()).send().await.expect("an answer");
            let shown: String = text.chars().take(80).collect();
            assert!(!response.status().is_server_error(), "{shown}: {response:?}");
            let answer = said_in(response).await;
            assert!(answer.get("result").is_none_or(|result| result["isError"] == true), "{shown}: {answer}");
        }
        let large = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": { "name": "listOrganizations", "arguments": { "search": "x".repeat(400_000) } } });
        let response = post(&by, &large).send().await.expect("an answer");
        assert_eq!(response.status(), 413);
        assert_eq!(said_in(response).await["code"], "too_large");
        assert!(!Model::of(&by).tools().await.is_empty());
    }

    async fn media_types_are_asked_for(server: TestServer) {
        let by = server.account("by", &["org:view"]).await;
        let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {} }).to_string();
        let ask = |accept: &'static str, kind: &'static str| {
            by.request(Method::POST, "/mcp")
                .header("accept", accept)
                .header("content-type", kind)
                .body(call.clone())
                .send()
        };
        assert_eq!(ask("application/json", "application/json").await.expect("an answer").status(), 406);
        let both = "application/json, text/event-stream";
        assert_eq!(ask(both, "text/plain").await.expect("an answer").status(), 415);
        assert_eq!(ask(both, "application/json").await.expect("an answer").status(), 200);
    }

    // FM1: without sessions there is nothing to listen to and nothing to end.
    async fn only_post_is_there(server: TestServer) {
        let by = server.account("by", &[]).await;
        for method in [Method::GET, Method::DELETE, Method::PUT] {
            let response = by.request(method.clone(), "/mcp").send().await.expect("an answer");
            assert_eq!(response.status(), 405, "{method}");
            assert_eq!(response.headers()["allow"], "POST", "{method}");
        }
    }
}
