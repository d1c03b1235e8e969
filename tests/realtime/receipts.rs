//! Who received a change: sent when a tab was told, acknowledged when it said so (S3-113 … S3-115).

use serde_json::{Value, json};

use crate::frames::members;
use crate::support::{Tab, TestServer, ok, refused, served};

/// Acknowledges, and goes on when the server has taken it.
async fn ack(tab: &mut Tab, rev: &Value) {
    tab.ack(rev).await;
    tab.send(json!({ "type": "ping" })).await;
    tab.next_of("pong").await;
}

async fn receipt(server: &TestServer, rev: &Value) -> Value {
    ok(server.platform().await.get(&format!("/api/v1/changes/{rev}/receipt")).await)
}

served! {
    async fn sent_and_acknowledged_are_counted_by_account(server: TestServer) {
        let desk = server.role("desk", &["org:view"]).await;
        let mut tabs = Vec::new();
        for name in ["alice", "alice", "bob"] {
            let account = match name {
                "alice" if !tabs.is_empty() => server.signed_in("alice").await,
                _ => server.account(name, &[]).await,
            };
            if tabs.len() != 1 {
                server.give(&account, desk).await;
            }
            let tab = server.tab(&account).await;
            tabs.push((account, tab));
        }
        let offline = server.account("offline", &[]).await;
        server.give(&offline, desk).await;

        let rev = server.change_role(desk, "add", &["staff:view"]).await;
        let mut frames = Vec::new();
        for (_, tab) in &mut tabs {
            frames.push(tab.next_of("PERMISSION_UPDATE").await);
        }
        let told = receipt(&server, &rev).await;
        let expected = [
            "accepted_at", "accounts", "change_type", "enforced_at", "rev", "slowest_ms", "tabs_acked", "tabs_sent",
        ];
        assert_eq!(members(&told), expected);
        assert_eq!((&told["rev"], &told["tabs_sent"], &told["tabs_acked"]), (&rev, &json!(3), &json!(0)));
        assert!(told["accepted_at"].is_string() && told["enforced_at"].is_string());
        assert_eq!(told["slowest_ms"], Value::Null);

        ack(&mut tabs[0].1, &frames[0]["data"]["permissionVersion"]).await;
        let told = receipt(&server, &rev).await;
        assert_eq!((&told["tabs_sent"], &told["tabs_acked"]), (&json!(3), &json!(1)));
        assert!(told["slowest_ms"].is_i64());
        ack(&mut tabs[0].1, &frames[0]["data"]["permissionVersion"]).await;
        assert_eq!(receipt(&server, &rev).await["tabs_acked"], 1, "one tab counts once");
        ack(&mut tabs[1].1, &rev).await;
        ack(&mut tabs[2].1, &rev).await;
        let told = receipt(&server, &rev).await;
        let of = |name: &str| {
            let accounts = told["accounts"].as_array().unwrap();
            let row = accounts.iter().find(|row| row["username"] == name);
            row.map(|row| (row["tabs_sent"].as_i64().unwrap(), row["tabs_acked"].as_i64().unwrap()))
        };
        assert_eq!((of("alice"), of("bob"), of("offline")), (Some((2, 2)), Some((1, 1)), None));
        let latest = ok(server.platform().await.get("/api/v1/changes/latest/receipt").await);
        assert_eq!(latest, told);
    }

    /// An acknowledgement of an older revision than the change's is none of it.
    async fn an_older_acknowledgement_does_not_count(server: TestServer) {
        let alice = server.account("alice", &["org:view"]).await;
        let mut tab = server.socket(&alice).await;
        let before = tab.frame().await["data"]["permissionVersion"].clone();
        let rev = server.change_role(alice.role, "add", &["staff:view"]).await;
        tab.next_of("PERMISSION_UPDATE").await;
        ack(&mut tab, &before).await;
        assert_eq!(receipt(&server, &rev).await["tabs_acked"], 0);
        ack(&mut tab, &rev).await;
        assert_eq!(receipt(&server, &rev).await["tabs_acked"], 1);
    }

    async fn receipts_are_for_their_author_and_auditors(server: TestServer) {
        let author = server.account("author", &["permission:assign", "org:view"]).await;
        let auditor = server.account("auditor", &["audit:view"]).await;
        let other = server.account("other", &["permission:assign"]).await;
        let desk = server.role("desk", &[]).await;
        let path = format!("/api/v1/roles/{desk}/permissions/add");
        let rev = ok(author.post(&path, json!({ "permissions": ["org:view"] })).await)["rev"].clone();
        let path = format!("/api/v1/changes/{rev}/receipt");
        ok(author.get(&path).await);
        ok(auditor.get(&path).await);
        refused(other.get(&path).await, 403, "NoPermissionError");
        refused(author.get("/api/v1/changes/latest/receipt").await, 403, "NoPermissionError");
        refused(auditor.get("/api/v1/changes/999999/receipt").await, 404, "not_found");
    }
}
