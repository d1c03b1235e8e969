//! A message to one's own tabs, and one message followed to each tab (S3-135).

use serde_json::{Value, json};

use crate::support::{Account, Setup, Tab, TestServer, both_databases, ok, refused, served, served_once};

const ECHO: &str = "/api/v1/debug/echo";

/// Opens a tab that takes every type of message.
async fn inbox_tab(server: &TestServer, account: &Account) -> Tab {
    let bearer = format!("Bearer {}", account.access);
    let opened = server.try_socket("?topics=notifications", &[("authorization", &bearer)]).await;
    let mut tab = opened.expect("a tab");
    tab.next_of("PERMISSION_UPDATE").await;
    tab
}

async fn trace(asker: &Account, message_id: &Value) -> Value {
    ok(asker.get(&format!("/api/v1/debug/trace/{}", message_id.as_str().expect("an id"))).await)
}

served_once! {
    /// S3-83.
    async fn an_echo_reaches_the_callers_own_tabs_with_every_field_unchanged(server: TestServer) {
        let dev = server.account("dev", &["debug:use"]).await;
        let other = server.account("other", &["debug:use"]).await;
        let (mut plain, mut full) = (server.tab(&dev).await, inbox_tab(&server, &dev).await);
        let mut stranger = inbox_tab(&server, &other).await;
        let cases = [
            ("position_change", "POSITION_CHANGE", json!({
                "title": "岗位变动", "content": "您已晋升", "oldPosition": "工程师", "newPosition": "经理", "changeType": "晋升",
            })),
            ("approval_notice", "APPROVAL_NOTICE", json!({
                "title": "请假申请已审批", "content": "同意", "approvalId": "AP2025091210001", "approvalState": "已通过",
                "approver": "王经理",
            })),
            ("message_notification", "MESSAGE_NOTIFICATION", json!({ "title": "Hello", "content": "two\nlines" })),
            ("system_notification", "SYSTEM_NOTICE", json!({
                "title": "维护", "content": "22:00", "category": "维护", "severity": "信息",
            })),
        ];
        for (kind, label, words) in &cases {
            let mut body = words.clone();
            body["type"] = json!(kind);
            let message_id = ok(dev.post(ECHO, body).await)["messageId"].clone();
            let frame = full.frame().await;
            assert_eq!((&frame["type"], &frame["messageId"], &frame["data"]), (&json!(label), &message_id, words));
            assert_eq!((&frame["userId"], &frame["operator"]["name"]), (&json!(dev.id), &json!("dev")));
            let traced = trace(&dev, &message_id).await;
            let tabs = traced["tabs"].as_array().unwrap();
            // A socket without the topic takes the plain types only.
            assert_eq!(tabs.len(), if *label == "SYSTEM_NOTICE" { 2 } else { 1 }, "{traced}");
            assert_eq!((&traced["type"], &traced["username"], &traced["change"]), (&json!(label), &json!("dev"), &Value::Null));
        }
        assert_eq!(plain.frame().await["type"], "SYSTEM_NOTICE");
        let mark = server.mark().await;
        assert!(stranger.until(&mark).await.is_empty() && plain.until(&mark).await.is_empty());
    }

    async fn what_an_echo_says_is_checked(server: TestServer) {
        let dev = server.account("dev", &["debug:use"]).await;
        let echo = |over: Value| {
            let mut body = json!({ "type": "message_notification", "title": "t", "content": "c" });
            body.as_object_mut().unwrap().extend(over.as_object().unwrap().clone());
            body
        };
        ok(dev.post(ECHO, echo(json!({ "content": "长".repeat(2_000) }))).await);
        for (field, value) in [
            ("title", json!("")), ("title", json!("长".repeat(101))), ("content", json!(" ")),
            ("content", json!("长".repeat(2_001))), ("oldPosition", json!("x".repeat(201))), ("newPosition", json!("a\nb")),
            ("changeType", json!("x".repeat(201))), ("approvalId", json!("x".repeat(201))),
            ("approvalState", json!("x".repeat(201))), ("approver", json!("x".repeat(201))),
            ("category", json!("x".repeat(201))), ("severity", json!("loud")),
        ] {
            let mut over = json!({});
            over[field] = value;
            let problem = refused(dev.post(ECHO, echo(over)).await, 400, "invalid");
            assert!(problem["errors"][field].is_array(), "{field}: {problem}");
        }
        for over in [json!({ "type": "force_logout" }), json!({ "type": "receipt" }), json!({ "permissions": [] })] {
            assert_eq!(dev.post(ECHO, echo(over.clone())).await.0, 400, "{over}");
        }
    }

    /// S3-70.
    async fn both_need_the_permission_and_a_session(server: TestServer) {
        let other = server.account("other", &["session:view", "audit:view"]).await;
        let echo = json!({ "type": "message_notification", "title": "t", "content": "c" });
        refused(other.post(ECHO, echo.clone()).await, 403, "NoPermissionError");
        refused(other.get("/api/v1/debug/trace/m").await, 403, "NoPermissionError");
        assert_eq!(server.anonymous().post(ECHO, echo).await.0, 401);
        let dev = server.account("dev", &["debug:use"]).await;
        refused(dev.get("/api/v1/debug/trace/m").await, 404, "not_found");
    }
}

served! {
    /// One change, from its request to each tab that it reached and to what each of them said.
    async fn a_change_is_followed_to_each_tab(server: TestServer) {
        let alice = server.account("alice", &["org:view"]).await;
        let dev = server.account("dev", &["debug:use"]).await;
        let (mut first, mut second) = (server.tab(&alice).await, server.tab(&alice).await);
        let rev = server.change_role(alice.role, "add", &["staff:view"]).await;
        let frame = first.next_of("PERMISSION_UPDATE").await;
        assert_eq!(second.next_of("PERMISSION_UPDATE").await["messageId"], frame["messageId"], "one message for both");
        first.ack(&frame["data"]["permissionVersion"]).await;
        first.send(json!({ "type": "ping" })).await;
        first.next_of("pong").await;

        let traced = trace(&dev, &frame["messageId"]).await;
        assert_eq!((&traced["account_id"], &traced["type"]), (&json!(alice.id), &json!("PERMISSION_UPDATE")));
        assert_eq!(traced["change"]["rev"], rev);
        for field in ["request_id", "accepted_at", "enforced_at"] {
            assert!(traced["change"][field].as_str().is_some_and(|text| !text.is_empty()), "{field}: {traced}");
        }
        let told: Vec<_> = traced["tabs"].as_array().unwrap().iter()
            .map(|tab| (&tab["transport"], &tab["state"], &tab["acknowledged"])).collect();
        let (socket, written) = (json!("websocket"), json!("written"));
        assert_eq!(told, [(&socket, &written, &json!(true)), (&socket, &written, &json!(false))]);

        drop(second);
        let gone = async {
            while trace(&dev, &frame["messageId"]).await["tabs"][1]["state"] != "closed" {}
        };
        tokio::time::timeout(crate::support::PATIENCE, gone).await.expect("a tab that left is closed");
    }
}

both_databases! {
    /// Whose message it is decides, not who asks: another company's does not exist.
    async fn another_companys_messages_are_not_found(database: TestDatabase) {
        Setup::on(&database).with_company("elsewhere").run(async |server| {
            let elsewhere = server.company("elsewhere").await;
            let alice = server.account_in(elsewhere, "alice", &["org:view"]).await;
            let insider = server.account_in(elsewhere, "insider", &["debug:use", "permission:assign", "staff:view"]).await;
            let outsider = server.account("outsider", &["debug:use"]).await;
            let mut tab = server.tab(&alice).await;
            let path = format!("/api/v1/roles/{}/permissions/add", alice.role);
            ok(insider.post(&path, json!({ "permissions": ["staff:view"] })).await);
            let message_id = tab.next_of("PERMISSION_UPDATE").await["messageId"].clone();
            let path = format!("/api/v1/debug/trace/{}", message_id.as_str().unwrap());
            refused(outsider.get(&path).await, 404, "not_found");
            for asker in [&insider, server.platform().await] {
                assert_eq!(ok(asker.get(&path).await)["username"], "alice");
            }
        })
        .await;
    }
}
