//! What reaches people where (FN10): one's own choice, the company's, what cannot be muted.

use livegrant::db::{Author, SystemTask};
use livegrant::inbox::post::{self, Notice};
use livegrant_actors::{AccountId, CompanyId, MessageType, Transport};
use serde_json::{Value, json};

use super::{LIST, counts, of, tell};
use crate::support::{Account, Stream, ok, refused, served};

const OWN: &str = "/api/v1/notifications/preferences";
const TENANT: &str = "/api/v1/notifications/tenant-preferences";

fn choice(kind: &str, channel: &str, enabled: bool) -> Value {
    json!({ "preferences": [{ "type": kind, "channel": channel, "enabled": enabled }] })
}

async fn muted(by: &Account, kind: &str) -> bool {
    let list = ok(by.get(OWN).await);
    let found = list
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["type"] == kind && row["channel"] == "in_app")
        .unwrap();
    found["enabled"] == false
}

served! {
    async fn a_muted_kind_is_in_the_inbox_and_seen(server: TestServer) {
        let sender = server.account("sender", &["notification:send"]).await;
        let alice = server.account("alice", &[]).await;
        assert!(!muted(&alice, "message_notification").await);
        ok(alice.put(OWN, choice("message_notification", "in_app", false)).await);
        assert!(muted(&alice, "message_notification").await);
        let id = tell(&sender, &alice, "quiet").await;
        assert_eq!(counts(&alice).await, (0, 1), "unread, but the bell stays as it was");
        assert_eq!(ok(alice.get(&format!("{LIST}/{id}")).await)["state"], "seen");
        ok(alice.put(OWN, choice("message_notification", "in_app", true)).await);
        tell(&sender, &alice, "loud").await;
        assert_eq!(counts(&alice).await, (1, 2));
    }

    async fn the_company_chooses_and_may_lock(server: TestServer) {
        let manager = server.account("manager", &["company:manage"]).await;
        let sender = server.account("sender", &["notification:send"]).await;
        let alice = server.account("alice", &[]).await;
        refused(alice.get(TENANT).await, 403, "NoPermissionError");
        refused(alice.put(TENANT, choice("approval_notice", "in_app", false)).await, 403, "NoPermissionError");
        ok(manager.put(TENANT, choice("message_notification", "in_app", false)).await);
        assert!(muted(&alice, "message_notification").await);
        tell(&sender, &alice, "quiet").await;
        assert_eq!(counts(&alice).await, (0, 1));
        ok(alice.put(OWN, choice("message_notification", "in_app", true)).await);
        assert!(!muted(&alice, "message_notification").await, "one's own choice over the company's");
        let mut locked = choice("message_notification", "in_app", false);
        locked["preferences"][0]["locked"] = json!(true);
        ok(manager.put(TENANT, locked.clone()).await);
        assert!(muted(&alice, "message_notification").await, "the locked one over one's own");
        let problem = refused(alice.put(OWN, choice("message_notification", "in_app", true)).await, 409, "preference_locked");
        assert!(problem["errors"]["preferences[0].type"].is_array(), "{problem}");
        refused(alice.put(OWN, locked).await, 400, "invalid");
    }

    async fn what_must_not_be_missed_cannot_be_muted(server: TestServer) {
        let alice = server.account("alice", &["company:manage"]).await;
        for kind in ["FORCE_LOGOUT", "PERMISSION_UPDATE", "ROLE_CHANGE", "system_notification"] {
            for path in [OWN, TENANT] {
                let problem = refused(alice.put(path, choice(kind, "in_app", false)).await, 400, "cannot_be_muted");
                assert!(problem["errors"]["preferences[0].type"].is_array(), "{kind}: {problem}");
            }
        }
        for (body, field) in [
            (choice("x", "in_app", false), "preferences[0].type"),
            (choice("approval_notice", "pigeon", false), "preferences[0].channel"),
        ] {
            let problem = refused(alice.put(OWN, body).await, 400, "invalid");
            assert!(problem["errors"][field].is_array(), "{problem}");
        }
        let list = ok(alice.get(OWN).await);
        for row in list.as_array().unwrap() {
            let unsent = row["channel"] == "email" || row["channel"] == "webhook";
            assert_eq!(row["configured"], !unsent, "FN24: {row}");
        }
    }

    // FN10: muting is for what can wait. A system notice cannot be muted, also one that is for a single person.
    async fn what_is_critical_is_told_all_the_same(server: TestServer) {
        let alice = server.account("alice", &[]).await;
        for kind in ["position_change", "approval_notice", "message_notification"] {
            ok(alice.put(OWN, choice(kind, "in_app", false)).await);
        }
        let mut expected = (0, 0);
        for (kind, severity, unseen) in [
            (MessageType::PositionChange, "info", 0),
            (MessageType::ApprovalNotice, "warning", 0),
            (MessageType::ApprovalNotice, "critical", 1),
            (MessageType::MessageNotification, "critical", 1),
            (MessageType::SystemNotice, "info", 1),
        ] {
            let mut notice = Notice::new(kind, "t", "c", CompanyId(1));
            notice.severity = severity;
            let mut work = server.core.db.begin(&Author::system("tests")).await.unwrap();
            post::post(&mut work, &[AccountId(alice.id)], notice);
            work.commit(SystemTask::Upkeep).await.unwrap();
            expected = (expected.0 + unseen, expected.1 + 1);
            assert_eq!(counts(&alice).await, expected, "{kind:?} {severity}");
        }
    }

    // FN3: a muted notice changes the counts of open tabs, without an event.
    async fn a_muted_notice_tells_tabs_the_counts_alone(server: TestServer) {
        let sender = server.account("sender", &["notification:send"]).await;
        let alice = server.account("alice", &[]).await;
        ok(alice.put(OWN, choice("message_notification", "in_app", false)).await);
        let listens = [("topics", "notifications")];
        let opened = Stream::open(&server, Transport::WebSocket, &alice, &listens).await;
        let (mut tab, _) = opened.expect("a stream");
        tell(&sender, &alice, "quiet").await;
        loop {
            let frame = tab.frame().await;
            assert_ne!(frame["type"], "MESSAGE_NOTIFICATION", "{frame}");
            if frame["type"] == "NOTIFICATION_STATE" && of(&frame["data"]) == (0, 1) {
                break;
            }
        }
    }
}
