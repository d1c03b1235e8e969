//! A call sent again with the same key is not done twice (FA7), whatever the ids of its messages are.

use serde_json::{Value, json};

use super::{Model, said_in, stateless};
use crate::support::{ok, served};

fn keyed(code: &str, key: &str) -> Value {
    json!({
        "name": "createOrganization", "arguments": { "code": code, "name": "总部 🏢" },
        "_meta": { "livegrant/idempotencyKey": key },
    })
}

served! {
    async fn a_repeated_call_is_answered_and_not_done_again(server: TestServer) {
        let by = server.account("by", &["org:view", "org:create"]).await;
        let model = Model::of(&by);
        let first = model.ask("tools/call", keyed("a", "key-1")).await;
        assert_eq!(first["isError"], false, "{first}");
        let again = model.ask("tools/call", keyed("a", "key-1")).await;
        assert_eq!(again["structuredContent"], first["structuredContent"]);
        assert_eq!(again["_meta"]["livegrant/idempotencyReplayed"], true, "{again}");
        // The header is the same key, for clients that cannot set `_meta`.
        let call = json!({ "name": "createOrganization", "arguments": { "code": "a", "name": "总部 🏢" } });
        let by_header = stateless(&by, "tools/call", call).header("idempotency-key", "key-1");
        let by_header = said_in(by_header.send().await.expect("an answer")).await;
        assert_eq!(by_header["result"]["structuredContent"], first["structuredContent"], "{by_header}");
        let other = model.ask("tools/call", keyed("b", "key-1")).await;
        assert_eq!(other["_meta"]["livegrant/problem"]["code"], "idempotency_conflict", "{other}");
        assert_eq!(ok(by.get("/api/v1/organizations").await)["count"], 1);
        // Somebody else's key of the same name is another key.
        let somebody = server.account("somebody", &["org:create"]).await;
        let taken = Model::of(&somebody).ask("tools/call", keyed("a", "key-1")).await;
        assert_eq!(taken["_meta"]["livegrant/problem"]["code"], "already_exists", "{taken}");
    }

    // FM12: a repetition is a call, and so is one that its key stops.
    async fn repetitions_are_in_the_audit_log(server: TestServer) {
        let by = server.account("by", &["org:view", "org:create"]).await;
        let model = Model::of(&by);
        for code in ["a", "a", "b"] {
            model.ask("tools/call", keyed(code, "key-1")).await;
        }
        let audit = ok(server.platform().await.get("/api/v1/audit?action=mcp_call").await);
        let mut results: Vec<_> = audit["results"].as_array().expect("lines").iter().map(|line| {
            let tool = (&line["resource_id"], &line["client"], &line["permission_code"]);
            assert_eq!(tool, (&json!("createOrganization"), &json!("测试客户端"), &json!("org:create")));
            line["result"].as_str().expect("a word").to_owned()
        }).collect();
        results.sort_unstable();
        assert_eq!(results, ["allowed", "idempotency_conflict", "replayed"], "{audit}");
    }

    // FA7, S3-116: a tool that sends knows by the notice what it has done, also when the answer was lost.
    async fn a_tool_that_sends_sends_once_although_the_answer_was_lost(server: TestServer) {
        let by = server.account("by", &["notification:send"]).await;
        let alice = server.account("alice", &[]).await;
        let call = json!({
            "name": "notifyMessage", "arguments": { "staffGuid": alice.guid, "title": "t", "content": "c" },
            "_meta": { "livegrant/idempotencyKey": "key" },
        });
        let first = Model::of(&by).ask("tools/call", call.clone()).await;
        let mut work = server.core.db.begin(&livegrant::db::Author::system("tests")).await.unwrap();
        livegrant::sql_exec!(work.conn(), "DELETE FROM sys_idempotency").unwrap();
        work.commit(livegrant::db::SystemTask::Upkeep).await.unwrap();
        let again = Model::of(&by).ask("tools/call", call).await["structuredContent"].clone();
        assert_eq!((&again["id"], &again["changed"]), (&first["structuredContent"]["id"], &json!(false)), "{again}");
        assert_eq!(ok(alice.get("/api/v1/notifications/counts").await)["unread"], 1);
    }

    async fn a_refused_call_frees_its_key(server: TestServer) {
        let by = server.account("by", &["org:view", "org:create"]).await;
        let model = Model::of(&by);
        let bad = json!({
            "name": "createOrganization", "arguments": { "code": "not a code", "name": "x" },
            "_meta": { "livegrant/idempotencyKey": "key" },
        });
        assert_eq!(model.ask("tools/call", bad).await["isError"], true);
        assert_eq!(model.ask("tools/call", keyed("good", "key")).await["isError"], false);
        let long = "k".repeat(129);
        let refused = model.ask("tools/call", keyed("c", &long)).await;
        assert_eq!(refused["_meta"]["livegrant/problem"]["code"], "invalid", "{refused}");
    }

    async fn calls_at_once_with_one_key_are_one_call(server: TestServer) {
        let by = server.account("by", &["org:view", "org:create"]).await;
        let model = Model::of(&by);
        let calls = (0..8).map(|_| model.ask("tools/call", keyed("a", "one")));
        let results = futures_util::future::join_all(calls).await;
        for result in &results {
            let code = &result["_meta"]["livegrant/problem"]["code"];
            assert!(result["isError"] == false || code == "idempotency_running", "{result}");
        }
        assert_eq!(ok(by.get("/api/v1/organizations").await)["count"], 1);
    }
}
