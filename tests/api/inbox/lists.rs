//! Reading one's inbox: the list by cursor, the list of the ticket system, counts for several filters.

use serde_json::json;

use super::{LIST, counts, of, shout, tell, titles};
use crate::support::{Setup, both_databases, ok, refused, served};

served! {
    // S2-43, S2-53, S0-55, FN9
    async fn a_page_holds_what_came_and_does_not_shift(server: TestServer) {
        let sender = server.account("sender", &["notification:send", "notification:broadcast"]).await;
        let alice = server.account("alice", &[]).await;
        for title in ["一", "b\"'<", "c😀"] {
            tell(&sender, &alice, title).await;
        }
        shout(&sender, "all").await;
        let first = ok(alice.get(&format!("{LIST}?page_size=2")).await);
        let shown: Vec<_> = first["results"].as_array().unwrap().iter().map(|row| &row["title"]).collect();
        assert_eq!(shown, ["all", "c😀"]);
        assert_eq!(first["previous"], json!(null));
        tell(&sender, &alice, "newer").await;
        let rest = ok(alice.get(first["next"].as_str().expect("a next page")).await);
        let shown: Vec<_> = rest["results"].as_array().unwrap().iter().map(|row| &row["title"]).collect();
        assert_eq!((shown, &rest["next"]), (vec![&json!("b\"'<"), &json!("一")], &json!(null)));
        let item = &rest["results"][0];
        assert_eq!((&item["type"], &item["content"]), (&json!("message_notification"), &json!("内容")));
        assert_eq!((&item["state"], &item["is_read"], &item["broadcast"]), (&json!("unseen"), &json!(false), &json!(false)));
        assert_eq!(item["from"], json!({ "id": sender.id, "name": "sender" }));
        assert_eq!(of(&rest["counts"]), (5, 5));
        let one = ok(alice.get(&format!("{LIST}/{}", item["id"])).await);
        assert_eq!((&one["title"], &one["counts"]["unread"]), (&json!("b\"'<"), &json!(5)));

        let page = ok(alice.get("/api/workflow/notifications/?page_size=2&page=2").await);
        assert_eq!((&page["count"], &page["unseen_count"], &page["unread_count"]), (&json!(5), &json!(5), &json!(5)));
        assert_eq!(page["results"].as_array().unwrap().len(), 2);
        assert!(page["next"].as_str().unwrap().starts_with("/api/workflow/notifications/?"));
        // FA10
        assert_eq!(ok(alice.get("/api/workflow/notifications?page_size=2&page=2").await)["count"], 5);
        assert_eq!(counts(&sender).await, (1, 1), "the sender reads his own broadcast, nobody reads alice's");
    }

    // FN8
    async fn filters_and_their_counts(server: TestServer) {
        let sender = server.account("sender", &["notification:send", "notification:broadcast"]).await;
        let alice = server.account("alice", &[]).await;
        let a = tell(&sender, &alice, "a").await;
        let b = tell(&sender, &alice, "b").await;
        let approval = json!({
            "staffGuid": alice.guid, "title": "请假申请已审批", "content": "c", "approvalId": "AP2025091210001",
            "approvalState": "已通过", "approver": "李四",
        });
        ok(sender.post("/api/v1/notifications/approval", approval).await);
        shout(&sender, "all").await;
        ok(alice.post(&format!("{LIST}/{a}/read"), json!({})).await);
        ok(alice.post(&format!("{LIST}/{b}/archive"), json!({})).await);
        for (query, found) in [
            ("", "all 请假申请已审批 a"), ("?unread=true", "all 请假申请已审批"), ("?unread=false", "a"),
            ("?is_read=true", "a"), ("?state=read", "a"), ("?state=unseen", "all 请假申请已审批"), ("?state=seen", ""),
            ("?archived=true", "b"), ("?state=archived", "b"), ("?snoozed=true", ""), ("?type=approval_notice", "请假申请已审批"),
            ("?category=%E7%BB%B4%E6%8A%A4", "all"), ("?search=%E8%AF%B7%E5%81%87", "请假申请已审批"), ("?search=100%25", ""),
            ("?company=0", ""), ("?tag=x", ""),
        ] {
            assert_eq!(titles(&alice, &format!("{LIST}{query}")).await, found, "{query}");
            assert_eq!(titles(&alice, &format!("/api/workflow/notifications/{query}")).await, found, "{query}");
        }
        let filters = json!([{}, { "type": "approval_notice" }, { "category": "维护" }, { "archived": true }]).to_string();
        let request = alice.request(reqwest::Method::GET, "/api/v1/notifications/counts").query(&[("filters", filters)]);
        let body = ok(crate::support::answer(request).await);
        let counted: Vec<_> = body["filters"].as_array().unwrap().iter().map(of).collect();
        assert_eq!((of(&body), counted), ((2, 2), vec![(2, 2), (1, 1), (1, 1), (1, 1)]));
        assert_eq!(of(&ok(alice.get("/api/workflow/notifications/counts/").await)), (2, 2));
    }

    async fn another_ones_notice_is_not_there(server: TestServer) {
        let sender = server.account("sender", &["notification:send"]).await;
        let (alice, bob) = (server.account("alice", &[]).await, server.account("bob", &["system:admin"]).await);
        let id = tell(&sender, &alice, "secret").await;
        refused(bob.get(&format!("{LIST}/{id}")).await, 404, "not_found");
        for what in ["read", "unread", "seen", "archive", "unarchive", "unsnooze"] {
            refused(bob.post(&format!("{LIST}/{id}/{what}"), json!({})).await, 404, "not_found");
        }
        refused(bob.post(&format!("/api/workflow/notifications/{id}/mark_read/"), json!({})).await, 404, "not_found");
        refused(bob.delete(&format!("{LIST}/{id}")).await, 404, "not_found");
        let bulk = json!({ "state": "deleted", "ids": [id] });
        assert_eq!(ok(bob.post(&format!("{LIST}/bulk"), bulk).await)["changed"], 0);
        assert_eq!((titles(&bob, LIST).await, titles(&alice, LIST).await), (String::new(), "secret".to_owned()));
    }
}

both_databases! {
    // FN19, C23: a company's broadcast is in that company's feeds alone; a platform administrator reaches everyone.
    async fn nothing_crosses_a_companys_border(database: TestDatabase) {
        Setup::on(&database).with_company("other").run(async |server| {
            let other = server.company("other").await;
            let sender = server.account("sender", &["notification:broadcast", "notification:send"]).await;
            let alice = server.account("alice", &[]).await;
            let carol = server.account_in(other, "carol", &[]).await;
            shout(&sender, "ours").await;
            shout(server.platform().await, "everybody").await;
            assert_eq!(titles(&alice, LIST).await, "everybody ours");
            assert_eq!(titles(&carol, LIST).await, "everybody");
            let body = json!({ "staffGuids": [alice.guid, carol.guid], "title": "t", "content": "c" });
            let problem = refused(sender.post("/api/v1/notifications/message", body).await, 400, "unknown_account");
            assert!(problem["errors"]["staffGuids[1]"].is_array(), "{problem}");
            assert_eq!(counts(&alice).await, (2, 2), "nothing was sent");
            // Somebody who comes later does not find what was told before.
            server.advance(std::time::Duration::from_secs(1)).await;
            let dave = server.account("dave", &[]).await;
            assert_eq!(titles(&dave, LIST).await, "");
        }).await;
    }
}
