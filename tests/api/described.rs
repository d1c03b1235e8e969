//! What the API says of itself is what it does: every described route asks who is there, every error code is listed once.

use std::collections::BTreeSet;

use livegrant::web::openapi;
use livegrant::web::problem::CODES;
use serde_json::{Value, json};

use crate::support::{PATIENCE, ok, refused, served_once};

/// The routes that need nobody to be signed in, each with why.
const PUBLIC: [(&str, &str); 8] = [
    ("get", "/ws/permission"), // asked for as a route it says that it is a socket; the socket is tested apart
    ("post", "/api/auth/login/"), // this is how one signs in
    ("post", "/api/auth/refresh/"), // the refresh token is the proof
    ("get", "/.well-known/oauth-protected-resource"), // says what tokens are needed
    ("get", "/.well-known/oauth-protected-resource/mcp"), // the same where RFC 9728 looks
    ("get", "/healthz"),       // for supervisors
    ("get", "/readyz"),        // for load balancers
    ("get", "/metrics"),       // for the collector
];

/// Every described operation: method, path, description.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().expect("paths");
    let of = |(path, item): (&String, &Value)| {
        let methods = item.as_object().expect("an item").clone();
        let path = path.clone();
        methods
            .into_iter()
            .filter(|(method, _)| ["get", "post", "put", "patch", "delete"].contains(&method.as_str()))
            .map(move |(method, operation)| (method, path.clone(), operation))
            .collect::<Vec<_>>()
    };
    paths.iter().flat_map(of).collect()
}

/// The path with something in place of its parameters.
fn filled(path: &str) -> String {
    let mut out = String::new();
    for part in path.split_inclusive(['{', '}']) {
        match part.strip_suffix('}') {
            Some(_) => out.push('1'),
            None => out.push_str(part.trim_end_matches('{')),
        }
    }
    out
}

served_once! {
    async fn no_described_route_answers_a_stranger(server: TestServer) {
        let document: Value = ok(server.anonymous().get("/api/v1/openapi.json").await);
        assert_eq!(document["openapi"], "3.1.0");
        let operations = operations(&document);
        assert!(operations.len() > 40, "{}", operations.len());
        let before = server.rows().await;
        for (method, path, _) in &operations {
            if PUBLIC.contains(&(method.as_str(), path.as_str())) {
                continue;
            }
            let (path, method) = (filled(path), method.to_uppercase());
            for body in [Value::Null, json!({}), json!("no object")] {
                let answer = server.anonymous().ask(&method, &path, &body).await;
                assert_eq!(answer.0, 401, "{method} {path}");
                refused(answer, 401, "token_missing");
            }
            let stranger = server.anonymous().bearing("x.y.z");
            refused(stranger.ask(&method, &path, &Value::Null).await, 401, "token_invalid");
        }
        assert_eq!(before, server.rows().await);
    }

    /// No permission opens nothing: whoever has no code at all gets no 2xx but his own affairs.
    async fn no_described_route_serves_who_may_do_nothing(server: TestServer) {
        server.platform().await; // so that id 1 in the filled paths is not his own
        let nobody = server.account("nobody", &[]).await;
        let own = [
            "/api/auth/", "/api/accounts/users/me/", "/api/accounts/users/change_password/", "/api/v1/me/",
            "/api/v1/events", "/api/v1/poll", "/role/getFunctionCodeList", "/api/v1/role/getFunctionCodeList", "/healthz", "/readyz", "/metrics",
            "/.well-known/oauth-protected-resource",
            "/mcp", // speaks a protocol of its own, and is tested apart
        ];
        // These answer everybody, with what is his: lists of his own, his own notices, what all may ask for or start.
        let answer_all = [
            "get /api/v1/leaves", "get /api/v1/leaves/balance", "get /api/v1/leaves/blocks", "get /api/v1/leaves/calendar",
            "get /api/v1/leaves/days", "get /api/v1/leaves/types",
            "get /api/v1/workflows/definitions", "get /api/v1/workflows/instances", "get /api/v1/workflows/substitutes",
            "get /api/v1/workflows/tasks", "get /api/workflow/logs/", "get /api/v1/notifications",
            "get /api/v1/notifications/counts", "get /api/v1/notifications/preferences",
            "put /api/v1/notifications/preferences", "post /api/v1/notifications/mark-all-read",
            "get /api/workflow/notifications/", "get /api/workflow/notifications/counts/",
            "post /api/workflow/notifications/mark_all_read/", "post /api/workflow/notifications/mark_seen/",
        ];
        let document: Value = ok(server.anonymous().get("/api/v1/openapi.json").await);
        let before = server.rows().await;
        let mut served = Vec::new();
        for (method, path, _) in operations(&document) {
            if own.iter().any(|own| path.starts_with(own)) || answer_all.contains(&format!("{method} {path}").as_str()) {
                continue;
            }
            let (at, verb) = (filled(&path), method.to_uppercase());
            let (status, body) = nobody.ask(&verb, &at, &json!({})).await;
            if !matches!(status, 400 | 403 | 404) {
                served.push(format!("{method} {path}: {status} {body}"));
            }
        }
        assert!(served.is_empty(), "{}", served.join("\n"));
        assert_eq!(before, server.rows().await);
    }

    /// S0-52.
    async fn the_document_is_the_one_that_the_command_prints(server: TestServer) {
        let served: Value = ok(server.anonymous().get("/api/v1/openapi.json").await);
        let printed: Value = serde_json::from_str(&openapi::document().to_json().unwrap()).unwrap();
        assert_eq!(served, printed);
        let mut names = BTreeSet::new();
        for (method, path, operation) in operations(&served) {
            assert!(operation["summary"].is_string() || operation["description"].is_string(), "{method} {path}");
            let id = operation["operationId"].as_str().unwrap_or_default().to_owned();
            assert!(!id.is_empty() && names.insert(id), "{method} {path} has no name of its own");
            let tagged = operation["tags"].as_array().is_some_and(|tags| !tags.is_empty());
            assert!(tagged, "{method} {path} has no tag");
        }
    }

    /// The pages of the description come with the binary; nothing is fetched from elsewhere.
    async fn the_api_browser_works_offline(server: TestServer) {
        let html = match ok(server.anonymous().get("/docs/").await) {
            Value::String(html) => html,
            other => panic!("no page: {other}"),
        };
        assert!(html.contains("swagger"));
        for part in html.split(['"', '\'']).filter(|part| part.contains("//")) {
            assert!(!part.starts_with("http") && !part.starts_with("//"), "{part}");
        }
    }

    /// What is open, what was let in and refused, what was told and what ended, by its labels (S3-103 … S3-108).
    async fn the_process_can_be_watched(server: TestServer) {
        let (anonymous, alice) = (server.anonymous(), server.account("alice", &[]).await);
        let _tab = server.tab(&alice).await;
        assert_eq!(ok(anonymous.get("/healthz").await), json!("ok"));
        let ready = ok(anonymous.get("/readyz").await);
        for part in ["database", "policy", "engine", "process"] {
            assert_eq!(ready[part], "ok", "{ready}");
        }
        assert!(ready["applied_rev"].as_i64().unwrap() > 0);
        let metrics = ok(anonymous.get("/metrics").await);
        let metrics = metrics.as_str().unwrap();
        for name in ["livegrant_tabs", "livegrant_accounts_online", "livegrant_applied_rev"] {
            assert!(metrics.contains(name), "{name}: {metrics}");
        }

        let mut tab = server.tab(&alice).await;
        tab.send(json!({ "type": "nonsense" })).await;
        assert_eq!(tab.end().await.1, 4500);
        assert!(server.try_socket("", &[]).await.is_err());
        for series in [
            r#"websocket_connections_total{result="accepted"}"#,
            r#"websocket_connections_total{result="refused"}"#,
            r#"websocket_messages_total{type="PERMISSION_UPDATE",result="sent"}"#,
            r#"livegrant_disconnects_total{reason="protocol"}"#,
        ] {
            // The process counts for all its servers: here it is at least one.
            let counted = async || {
                let metrics = ok(anonymous.get("/metrics").await);
                let line = metrics.as_str().unwrap().lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
                line.is_some_and(|number| number.parse::<u64>().is_ok_and(|number| number > 0))
            };
            let is_counted = async {
                while !counted().await {
                    tokio::task::yield_now().await;
                }
            };
            tokio::time::timeout(PATIENCE, is_counted).await.unwrap_or_else(|_| panic!("{series} is not counted"));
        }
    }
}

#[test]
fn every_code_is_listed_once() {
    let codes: BTreeSet<&str> = CODES.iter().map(|(code, _)| *code).collect();
    assert_eq!(codes.len(), CODES.len());
    for (code, meaning) in CODES {
        assert!(!meaning.is_empty(), "{code}");
        assert!(code.chars().all(|c| c.is_ascii_alphabetic() || c == '_'), "{code}");
    }
}
