//! Input that is wrong, and callers who may not: refused with the field's name, and nothing is sent.

use serde_json::{Value, json};

use super::{LIST, counts, tell};
use crate::support::{ok, refused, served};

/// Method, path, body, the error's code and field.
type Case = (&'static str, String, Value, &'static str, &'static str);

served! {
    async fn wrong_values_are_refused_by_the_name_of_their_field(server: TestServer) {
        let by = server.platform().await;
        let alice = server.account("alice", &[]).await;
        let id = tell(by, &alice, "t").await;
        let bulk = format!("{LIST}/bulk");
        let (message, approval) = ("/api/v1/notifications/message".to_owned(), "/api/v1/notifications/approval".to_owned());
        let position = "/api/v1/notifications/position-change".to_owned();
        let broadcast = "/api/v1/notifications/broadcast".to_owned();
        let nobody = "00000000-0000-4000-8000-000000000000";
        let long = "长".repeat(10_000);
        let with = |mut body: Value, field: &str, value: Value| { body[field] = value; body };
        let m = || json!({ "staffGuid": alice.guid, "title": "t", "content": "c" });
        let a = || with(with(m(), "approvalId", json!("AP1")), "approvalState", json!("已通过"));
        let p = || with(with(m(), "oldPosition", json!("a")), "newPosition", json!("b"));
        let b = || json!({ "title": "t", "content": "c", "category": "x", "severity": "info" });
        let many: Vec<&str> = vec![nobody; 1_001];
        let many_ids: Vec<i64> = (0..501).collect();
        let cases: Vec<Case> = vec![
            ("POST", message.clone(), with(m(), "content", json!(long)), "invalid", "content"),
            ("POST", message.clone(), with(m(), "title", json!(long)), "invalid", "title"),
            ("POST", message.clone(), with(m(), "title", json!(" ")), "invalid", "title"),
            ("POST", message.clone(), with(m(), "link", json!("javascript:alert(1)")), "invalid", "link"),
            ("POST", message.clone(), with(m(), "idempotency_key", json!("")), "invalid", "idempotency_key"),
            ("POST", message.clone(), with(m(), "idempotency_key", json!(long)), "invalid", "idempotency_key"),
            ("POST", message.clone(), with(m(), "staffGuid", json!("x")), "invalid", "staffGuid"),
            ("POST", message.clone(), with(m(), "staffGuid", json!(nobody)), "unknown_account", "staffGuid"),
            ("POST", message.clone(), with(m(), "staffGuid", json!([alice.guid, nobody])), "unknown_account", "staffGuids[1]"),
            ("POST", message.clone(), with(m(), "staffGuids", json!([alice.guid])), "invalid", "staffGuids"),
            ("POST", message.clone(), with(m(), "staffGuid", json!([])), "invalid", "staffGuids"),
            ("POST", message.clone(), with(m(), "staffGuid", json!(many)), "too_many", "staffGuids"),
            ("POST", message.clone(), json!({ "title": "t", "content": "c" }), "invalid", "staffGuid"),
            ("POST", message.clone(), with(m(), "audience", json!({ "kind": "role", "id": 1 })), "invalid", "audience"),
            ("POST", message.clone(), json!({ "title": "t", "content": "c", "audience": { "kind": "all" } }), "invalid", "audience.kind"),
            ("POST", message.clone(), json!({ "title": "t", "content": "c", "audience": { "kind": "role", "id": 999_999 } }), "unknown_role", "audience.id"),
            ("POST", message.clone(), with(m(), "operator", json!(1)), "invalid", "operator"),
            ("POST", approval.clone(), with(a(), "approvalState", json!("ok")), "invalid", "approvalState"),
            ("POST", approval.clone(), with(a(), "approvalId", json!(" ")), "invalid", "approvalId"),
            ("POST", approval.clone(), with(a(), "approver", json!(long)), "invalid", "approver"),
            ("POST", position.clone(), with(p(), "oldPosition", json!(long)), "invalid", "oldPosition"),
            ("POST", position.clone(), with(p(), "changeType", json!(long)), "invalid", "changeType"),
            ("POST", position.clone(), m(), "invalid", "oldPosition"),
            ("POST", broadcast.clone(), with(b(), "severity", json!("fatal")), "invalid", "severity"),
            ("POST", broadcast.clone(), with(b(), "category", json!(long)), "invalid", "category"),
            ("POST", broadcast.clone(), with(b(), "expires_at", json!("tomorrow")), "invalid", "expires_at"),
            ("POST", broadcast.clone(), with(b(), "expires_at", json!("2001-01-01T00:00:00Z")), "invalid", "expires_at"),
            ("POST", broadcast.clone(), with(b(), "audience", json!({ "kind": "bloc", "id": 1 })), "invalid", "audience.kind"),
            ("POST", broadcast.clone(), with(b(), "audience", json!({ "kind": "position" })), "invalid", "audience.guid"),
            ("POST", broadcast.clone(), with(b(), "audience", json!({ "kind": "position", "guid": nobody })), "unknown_position", "audience.guid"),
            ("POST", broadcast.clone(), with(b(), "audience", json!({ "kind": "organization", "guid": nobody })), "unknown_organization", "audience.guid"),
            ("POST", bulk.clone(), json!({ "state": "gone", "ids": [1] }), "invalid", "state"),
            ("POST", bulk.clone(), json!({ "state": "read" }), "invalid", "filter"),
            ("POST", bulk.clone(), json!({ "state": "read", "ids": [1], "filter": {} }), "invalid", "filter"),
            ("POST", bulk.clone(), json!({ "state": "read", "ids": many_ids }), "too_many", "ids"),
            ("POST", bulk.clone(), json!({ "state": "deleted", "filter": { "typ": "x" } }), "invalid", "filter"),
            ("POST", bulk.clone(), json!({ "state": "read", "filter": { "type": "x" } }), "invalid", "type"),
            ("POST", bulk.clone(), json!({ "state": "snoozed", "filter": { "archived": true }, "preset": "hour" }), "invalid", "filter"),
            ("POST", bulk.clone(), json!({ "state": "snoozed", "ids": [1] }), "invalid", "until"),
            ("POST", format!("{LIST}/{id}/snooze"), json!({}), "invalid", "until"),
            ("POST", format!("{LIST}/{id}/snooze"), json!({ "preset": "never" }), "invalid", "preset"),
            ("POST", format!("{LIST}/{id}/snooze"), json!({ "until": "2001-01-01T00:00:00Z" }), "invalid", "until"),
            ("POST", format!("{LIST}/{id}/snooze"), json!({ "until": "9001-01-01T00:00:00Z" }), "invalid", "until"),
            ("GET", format!("{LIST}?cursor=x"), Value::Null, "invalid", "cursor"),
            ("GET", format!("{LIST}?state=x"), Value::Null, "invalid", "state"),
            ("GET", format!("{LIST}?state=read&unread=true"), Value::Null, "invalid", "state"),
            ("GET", format!("{LIST}?unread=true&is_read=true"), Value::Null, "invalid", "is_read"),
            ("GET", format!("{LIST}?archived=true&snoozed=true"), Value::Null, "invalid", "snoozed"),
            ("GET", format!("{LIST}?type=x"), Value::Null, "invalid", "type"),
            ("GET", format!("{LIST}?company=2"), Value::Null, "invalid", "company"),
            ("GET", format!("{LIST}/counts?filters=x"), Value::Null, "invalid", "filters"),
            ("GET", format!("{LIST}/counts?filters=%5B%7B%22type%22%3A%22x%22%7D%5D"), Value::Null, "invalid", "filters[0].type"),
        ];
        let before = counts(&alice).await;
        for (method, path, body, code, field) in cases {
            let shown = format!("{method} {path} {body:.120}");
            let caller = if path.starts_with(&bulk) || path.contains("/snooze") || method == "GET" { &alice } else { by };
            let answer = caller.ask(method, &path, &body).await;
            assert_eq!((answer.0, answer.1["code"].as_str()), (400, Some(code)), "{shown}: {}", answer.1);
            let problem = refused(answer, 400, code);
            assert!(problem["errors"][field].is_array(), "{shown}: {problem}");
        }
        assert_eq!(counts(&alice).await, before, "nothing was sent");
    }

    // S1-27, S0-43
    async fn who_may_not_send_sends_nothing(server: TestServer) {
        let alice = server.account("alice", &["notification:send"]).await;
        let bob = server.account("bob", &["notification:broadcast"]).await;
        let words = json!({ "title": "t", "content": "c", "category": "x", "severity": "info" });
        refused(alice.post("/api/v1/notifications/broadcast", words).await, 403, "NoPermissionError");
        let m = json!({ "staffGuid": alice.guid, "title": "t", "content": "c" });
        refused(bob.post("/api/v1/notifications/message", m.clone()).await, 403, "NoPermissionError");
        let mut a = m.clone();
        (a["approvalId"], a["approvalState"]) = (json!("AP1"), json!("已通过"));
        refused(bob.post("/api/v1/notifications/approval", a).await, 403, "NoPermissionError");
        let mut p = m;
        (p["oldPosition"], p["newPosition"]) = (json!("a"), json!("b"));
        refused(bob.post("/api/v1/notifications/position-change", p).await, 403, "NoPermissionError");
        assert_eq!((counts(&alice).await, counts(&bob).await), ((0, 0), (0, 0)));
    }

    async fn nobody_is_no_reader(server: TestServer) {
        for path in [LIST, "/api/v1/notifications/counts", "/api/workflow/notifications/", "/api/v1/notifications/preferences"] {
            refused(server.anonymous().get(path).await, 401, "token_missing");
        }
        let alice = server.account("alice", &[]).await;
        // A link to a next page carries any filter on.
        let page = ok(alice.get(&format!("{LIST}?page_size=1&search=%26%3D")).await);
        assert_eq!(page["results"], json!([]));
    }
}
