//! What a tab may say, and what becomes of one that says anything else.

use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::frames::{Copy, data, members};
use crate::support::{Setup, both_databases, ok, served_once};

/// What was promised without a word in the settings (S3-84 … S3-87, S3-95).
#[test]
fn the_promised_limits_are_the_defaults() {
    let realtime = livegrant::settings::Realtime::default();
    assert_eq!((realtime.max_connections, realtime.max_connections_per_user), (10_000, 5));
    assert_eq!((realtime.idle_timeout_seconds, realtime.cleanup_interval_seconds), (30 * 60, 5 * 60));
    assert_eq!(realtime.merge_window_ms, 1_000);
}

served_once! {
    async fn a_ping_is_answered(server: TestServer) {
        let alice = server.account("alice", &[]).await;
        let mut tab = server.tab(&alice).await;
        for _ in 0..2 {
            tab.send(json!({ "type": "ping" })).await;
            let pong = tab.frame().await;
            assert_eq!((&pong["type"], members(&pong)), (&json!("pong"), vec!["timestamp", "type"]));
            assert_eq!(pong["timestamp"], server.clock.now_ms());
        }
    }

    async fn a_snapshot_is_given_when_asked_for(server: TestServer) {
        let alice = server.account("alice", &["org:view"]).await;
        let mut tab = server.tab(&alice).await;
        server.change_role(alice.role, "add", &["staff:view"]).await;
        tab.next_of("PERMISSION_UPDATE").await;
        tab.send(json!({ "type": "snapshot" })).await;
        let frame = tab.frame().await;
        let snapshot = data(&frame, "PERMISSION_UPDATE", &alice, None);
        assert_eq!((&snapshot["updateType"], &snapshot["reason"]), (&json!("REPLACE"), &json!("snapshot")));
        Copy::of(&frame).agrees(&alice).await;
    }

    /// An acknowledgement of any revision is taken; it gives nothing and asks nothing.
    async fn acknowledgements_are_silent(server: TestServer) {
        let alice = server.account("alice", &[]).await;
        let mut tab = server.tab(&alice).await;
        for rev in [0, 1, 9_007_199_254_740_991_i64] {
            tab.ack(&json!(rev)).await;
        }
        let mark = server.mark().await;
        assert!(tab.until(&mark).await.is_empty());
    }

    /// S3-71.
    async fn what_is_not_in_the_protocol_ends_the_tab(server: TestServer) {
        let alice = server.account("alice", &[]).await;
        let said = [
            "hello".to_owned(),
            String::new(),
            "[]".to_owned(),
            "{}".to_owned(),
            json!({ "type": "subscribe" }).to_string(),
            json!({ "type": "ack" }).to_string(),
            json!({ "type": "ack", "permissionVersion": "7" }).to_string(),
            json!({ "type": "PERMISSION_UPDATE", "data": { "permissions": ["system:admin"] } }).to_string(),
            "[".repeat(10_000),
        ];
        for text in said {
            let mut tab = server.tab(&alice).await;
            tab.send_message(Message::text(text.clone())).await;
            let (seen, code, reason) = tab.end().await;
            assert_eq!((seen.len(), code), (0, 4500), "{text}");
            assert!(!reason.is_empty(), "{text}");
        }
        let mut tab = server.tab(&alice).await;
        tab.send_message(Message::binary(b"{\"type\":\"ping\"}".to_vec())).await;
        let (_, code, reason) = tab.end().await;
        assert_eq!((code, reason.as_str()), (4500, "binary messages are not understood"));
        assert_eq!(alice.codes().await, Vec::<String>::new(), "the session goes on and has gained nothing");
    }

    async fn a_frame_beyond_the_limit_ends_the_tab(server: TestServer) {
        let alice = server.account("alice", &[]).await;
        let mut tab = server.tab(&alice).await;
        let padding = |length: usize| format!("{{\"type\":\"ping\"{}}}", " ".repeat(length - 15));
        tab.send_message(Message::text(padding(65_536))).await;
        assert_eq!(tab.frame().await["type"], "pong", "at the limit it is read");
        tab.send_message(Message::text(padding(65_537))).await;
        let (_, code, _) = tab.end().await;
        assert_eq!(code, 4513);
    }
}

both_databases! {
    /// S3-78.
    async fn a_tab_that_says_too_much_is_closed(database: TestDatabase) {
        let setup = Setup::on(&database).with(|settings| settings.realtime.messages_per_minute = 5);
        setup.run(async |server| {
            let alice = server.account("alice", &[]).await;
            let mut tab = server.tab(&alice).await;
            for _ in 0..5 {
                tab.send(json!({ "type": "ping" })).await;
                tab.next_of("pong").await;
            }
            tab.send(json!({ "type": "ping" })).await;
            assert_eq!(tab.end().await.1, 4029);
        })
        .await;
    }

    /// S3-85.
    async fn a_newer_tab_takes_the_oldest_ones_place(database: TestDatabase) {
        let setup = Setup::on(&database).with(|settings| settings.realtime.max_connections_per_user = 2);
        setup.run(async |server| {
            let alice = server.account("alice", &[]).await;
            let bob = server.account("bob", &[]).await;
            let (first, mut second) = (server.tab(&alice).await, server.tab(&alice).await);
            let mut others = server.tab(&bob).await;
            let mut third = server.tab(&alice).await;
            assert_eq!(first.end().await.1, 4509);
            let mark = server.mark().await;
            for tab in [&mut second, &mut third, &mut others] {
                assert!(tab.until(&mark).await.is_empty());
            }
        })
        .await;
    }

    /// An administrator closes one connection; the page may come again, the session goes on.
    async fn one_connection_closed_by_hand(database: TestDatabase) {
        Setup::on(&database).run(async |server| {
            let alice = server.account("alice", &[]).await;
            let admin = server.account("kicker", &["session:view", "session:kick"]).await;
            let (tab, mut other) = (server.tab(&alice).await, server.tab(&alice).await);
            let online = ok(admin.get("/api/v1/online-users").await);
            let tabs = &online["results"][0]["tabs"];
            let oldest = tabs.as_array().unwrap().iter().min_by_key(|tab| tab["connected_at"].as_str()).unwrap();
            let path = format!("/api/v1/connections/{}", oldest["connection_id"].as_str().unwrap());
            assert_eq!(admin.delete(&path).await.0, 204);
            let (_, code, _) = tab.end().await;
            assert!((1000..4500).contains(&code), "{code} forbids to come again");
            crate::support::refused(admin.delete(&path).await, 404, "not_found");
            let mark = server.mark().await;
            assert!(other.until(&mark).await.is_empty());
            server.tab(&alice).await;
        })
        .await;
    }
}
