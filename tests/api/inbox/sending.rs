//! What is sent: to named people, to audiences, to everybody; once under a key; and what became of it.

use serde_json::{Value, json};

use super::{LIST, counts, shout, tell, titles};
use crate::support::{Account, TestServer, ok, refused, served};

async fn item(by: &Account, kind: &str) -> Value {
    ok(by.get(&format!("{LIST}?type={kind}")).await)["results"][0].clone()
}

async fn staff(server: &TestServer, account: &Account, org: Option<&str>) -> String {
    let by = server.platform().await;
    let mut body =
        json!({ "staff_no": account.username, "name": account.username, "account_id": account.id });
    if let Some(org) = org {
        body["organization_guid"] = json!(org);
    }
    ok(by.post("/api/v1/staff", body).await)["guid"].as_str().expect("a guid").to_owned()
}

served! {
    // S0-29, S0-30, S0-31, S0-32, S0-33, S0-36, S0-37, S0-38, S0-43, C12, C27
    async fn people_find_what_they_were_told(server: TestServer) {
        let sender = server.account("sender", &["notification:send"]).await;
        let (alice, bob) = (server.account("alice", &[]).await, server.account("bob", &[]).await);
        let of_bob = staff(&server, &bob, None).await;
        let body = json!({
            "staffGuids": [alice.guid, of_bob, alice.guid], "title": "岗位变动", "content": "恭喜 😀",
            "oldPosition": "工程师", "newPosition": "高级工程师", "changeType": "晋升",
        });
        let sent = ok(sender.post("/api/v1/notifications/position-change", body).await);
        assert_eq!((&sent["recipients"], &sent["changed"]), (&json!(2), &json!(true)), "named twice, told once");
        for account in [&alice, &bob] {
            let item = item(account, "position_change").await;
            let data = json!({ "oldPosition": "工程师", "newPosition": "高级工程师", "changeType": "晋升" });
            assert_eq!((&item["data"], &item["title"], &item["content"]), (&data, &json!("岗位变动"), &json!("恭喜 😀")));
            assert_eq!(item["message_id"], sent["message_id"]);
        }
        for (state, told) in [("已通过", "已通过"), ("rejected", "rejected")] {
            let body = json!({
                "staffGuid": alice.guid, "title": "t", "content": "c", "approvalId": "AP2025091210001", "approvalState": state,
                "approver": "王五", "link": "/workflow/7",
            });
            ok(sender.post("/api/v1/notifications/approval", body).await);
            let item = item(&alice, "approval_notice").await;
            assert_eq!(item["data"], json!({ "approvalId": "AP2025091210001", "approvalState": told, "approver": "王五" }));
            assert_eq!(item["link"], "/workflow/7");
        }
        assert_eq!((counts(&alice).await, counts(&bob).await, counts(&sender).await), ((3, 3), (1, 1), (0, 0)));
    }

    // C3: the field is taken, and names the caller, by his account or his staff record, or nothing is sent.
    async fn nobody_sends_in_somebody_elses_name(server: TestServer) {
        let sender = server.account("sender", &["notification:send", "notification:broadcast"]).await;
        let alice = server.account("alice", &[]).await;
        let (of_sender, of_alice) = (staff(&server, &sender, None).await, staff(&server, &alice, None).await);
        let bodies = [
            ("position-change", json!({ "staffGuid": alice.guid, "oldPosition": "a", "newPosition": "b" })),
            ("approval", json!({ "staffGuid": alice.guid, "approvalId": "AP2025091210001", "approvalState": "已通过" })),
            ("message", json!({ "staffGuid": alice.guid })),
            ("message", json!({ "audience": { "kind": "role", "id": alice.role } })),
            ("broadcast", json!({ "category": "维护", "severity": "信息" })),
            ("broadcast", json!({ "category": "维护", "severity": "信息", "dry_run": true })),
        ];
        let mut sent = 0;
        for (path, body) in bodies {
            let path = format!("{LIST}/{path}");
            let named = |field: &str, guid: &str| {
                let mut body = body.clone();
                (body["title"], body["content"], body[field]) = (json!("t"), json!("c"), json!(guid));
                body
            };
            let before = server.rows().await;
            for guid in [&*alice.guid, &*of_alice, "00000000-0000-4000-8000-000000000000", "me"] {
                let problem = refused(sender.post(&path, named("operatorGuid", guid)).await, 403, "NoPermissionError");
                assert!(problem["detail"].to_string().contains("operatorGuid"), "{problem}");
            }
            assert_eq!(server.rows().await, before, "{path}: a refused request sent something");
            for (field, guid) in [("operatorGuid", &*sender.guid), ("operatorGuid", &*of_sender), ("operator_guid", &*sender.guid)] {
                let answer = ok(sender.post(&path, named(field, guid)).await);
                sent += i64::from(answer["changed"] == true);
            }
        }
        assert_eq!((sent, counts(&alice).await), (15, (15, 15)));
    }

    // FN18
    async fn a_key_sends_once(server: TestServer) {
        let sender = server.account("sender", &["notification:send", "notification:broadcast"]).await;
        let alice = server.account("alice", &[]).await;
        let body = json!({ "staffGuid": alice.guid, "title": "t", "content": "c", "idempotency_key": "order-7" });
        let first = ok(sender.post("/api/v1/notifications/message", body.clone()).await);
        let again = ok(sender.post("/api/v1/notifications/message", body.clone()).await);
        assert_eq!((&again["id"], &again["changed"]), (&first["id"], &json!(false)));
        let (one, two) = tokio::join!(
            sender.post("/api/v1/notifications/message", { let mut b = body.clone(); b["idempotency_key"] = json!("race"); b }),
            sender.post("/api/v1/notifications/message", { let mut b = body.clone(); b["idempotency_key"] = json!("race"); b }),
        );
        let (one, two) = (ok(one), ok(two));
        assert_eq!(one["id"], two["id"]);
        assert_ne!(one["changed"], two["changed"]);
        assert_eq!(counts(&alice).await, (2, 2));
        let body = json!({ "title": "t", "content": "c", "category": "x", "severity": "info", "idempotency_key": "b" });
        let first = ok(sender.post("/api/v1/notifications/broadcast", body.clone()).await);
        let again = ok(sender.post("/api/v1/notifications/broadcast", body).await);
        assert_eq!((&again["id"], &again["rev"], &again["changed"]), (&first["id"], &first["rev"], &json!(false)));
        assert_eq!(counts(&alice).await, (3, 3));
    }

    // FN20
    async fn the_sender_sees_what_became_of_it(server: TestServer) {
        let sender = server.account("sender", &["notification:send", "notification:broadcast"]).await;
        let (alice, bob) = (server.account("alice", &[]).await, server.account("bob", &[]).await);
        let body = json!({ "staffGuids": [alice.guid, bob.guid], "title": "t", "content": "c" });
        let id = ok(sender.post("/api/v1/notifications/message", body).await)["id"].clone();
        let all = shout(&sender, "all").await;
        ok(alice.post(&format!("{LIST}/{id}/read"), json!({})).await);
        ok(bob.post(&format!("{LIST}/{id}/seen"), json!({})).await);
        ok(alice.post("/api/workflow/notifications/mark_all_read/", json!({})).await);
        let fate = ok(sender.get(&format!("{LIST}/sent/{id}/delivery")).await);
        assert_eq!((&fate["sent"], &fate["delivered"], &fate["seen"], &fate["read"]), (&json!(2), &json!(0), &json!(2), &json!(1)));
        let fate = ok(sender.get(&format!("{LIST}/sent/{all}/delivery")).await);
        assert_eq!((&fate["sent"], &fate["seen"], &fate["read"]), (&json!(3), &json!(1), &json!(1)), "{fate}");
        assert!(fate["rev"].is_i64() && fate["delivered"].is_null());
        refused(alice.get(&format!("{LIST}/sent/{id}/delivery")).await, 404, "not_found");
    }

    async fn audiences_reach_their_people_and_nobody_else(server: TestServer) {
        let by = server.platform().await;
        let sender = server.account("sender", &["notification:send", "notification:broadcast"]).await;
        let (alice, bob) = (server.account("alice", &[]).await, server.account("bob", &[]).await);
        let org = ok(by.post("/api/v1/organizations", json!({ "code": "front", "name": "前台" })).await)["guid"].clone();
        let of_alice = staff(&server, &alice, org.as_str()).await;
        let desk = ok(by.post("/api/v1/positions", json!({ "code": "desk", "name": "d" })).await)["guid"].clone();
        ok(by.post(&format!("/api/v1/staff/{of_alice}/positions"), json!({ "position_guid": desk })).await);
        let audiences = [
            (json!({ "kind": "role", "id": bob.role }), "bob"),
            (json!({ "kind": "position", "guid": desk }), "alice"),
            (json!({ "kind": "organization", "guid": org }), "alice"),
        ];
        for (audience, who) in &audiences {
            let (alices, bobs) = (counts(&alice).await.0, counts(&bob).await.0);
            let body = json!({ "audience": audience, "title": "m", "content": "c" });
            assert_eq!(ok(sender.post("/api/v1/notifications/message", body).await)["recipients"], 1, "{audience}");
            let body = json!({ "audience": audience, "title": "b", "content": "c", "category": "x", "severity": "警告", "dry_run": true });
            let dry = ok(sender.post("/api/v1/notifications/broadcast", body.clone()).await);
            assert_eq!((&dry["recipients"], &dry["changed"], &dry["id"]), (&json!(1), &json!(false), &json!(null)));
            let body = { let mut b = body; b["dry_run"] = json!(false); b };
            ok(sender.post("/api/v1/notifications/broadcast", body).await);
            let more = (counts(&alice).await.0 - alices, counts(&bob).await.0 - bobs);
            assert_eq!(more, if *who == "alice" { (2, 0) } else { (0, 2) }, "{audience}");
        }
        assert_eq!(counts(&sender).await, (0, 0));
        // The badge follows the audience: whoever leaves it has its broadcasts no more, and the state's revision grew.
        let before = ok(bob.get("/api/v1/notifications/counts").await);
        ok(by.delete(&format!("/api/v1/accounts/{}/roles/{}", bob.id, bob.role)).await);
        let after = ok(bob.get("/api/v1/notifications/counts").await);
        assert_eq!(after["unread"].as_i64().unwrap(), before["unread"].as_i64().unwrap() - 1);
        assert!(after["state_rev"].as_i64() > before["state_rev"].as_i64(), "{before} {after}");
    }

    // S0-34, S0-35, S0-39, S0-44, C13, FN15
    async fn a_broadcast_is_found_by_who_was_away(server: TestServer) {
        let sender = server.account("sender", &["notification:broadcast"]).await;
        let alice = server.account("alice", &[]).await;
        let body = json!({ "title": "维护通知", "content": "今晚 22:00", "category": "维护", "severity": "严重", "link": "/m" });
        let sent = ok(sender.post("/api/v1/notifications/broadcast", body).await);
        let again = server.signed_in("alice").await;
        let found = item(&again, "system_notification").await;
        assert_eq!((&found["id"], &found["severity"], &found["category"]), (&sent["id"], &json!("critical"), &json!("维护")));
        assert_eq!((&found["data"]["severity"], &found["link"]), (&json!("严重"), &json!("/m")), "in the sender's word");
        assert_eq!((titles(&alice, LIST).await.as_str(), counts(&alice).await), ("维护通知", (1, 1)));
        tell(&server.account("writer", &["notification:send"]).await, &alice, "m").await;
        assert_eq!(counts(&alice).await, (2, 2));
    }
}
