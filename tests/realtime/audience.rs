//! Who hears of a change, and who does not.

use serde_json::{Value, json};

use crate::frames::{Copy, data};
use crate::support::{Tab, ok, refused, served};

const NOTHING: Vec<Value> = Vec::new();

served! {
    /// Two tabs of one session and a tab on another device, of each of two holders (S3-2, S3-12).
    async fn every_tab_of_every_holder(server: TestServer) {
        let desk = server.role("desk", &["org:view", "position:view"]).await;
        let mut tabs = Vec::new();
        for name in ["alice", "bob"] {
            let account = server.account(name, &[]).await;
            server.give(&account, desk).await;
            let elsewhere = server.signed_in(name).await;
            for session in [&account, &account, &elsewhere] {
                let mut tab = server.socket(session).await;
                let copy = Copy::of(&tab.frame().await);
                tabs.push((session.clone(), tab, copy));
            }
        }
        let rev = server.change_role(desk, "remove", &["position:view"]).await;
        for (session, tab, copy) in &mut tabs {
            let frame = tab.frame().await;
            let update = data(&frame, "PERMISSION_UPDATE", session, Some(server.platform().await));
            assert_eq!((&update["removed"], &update["rev"]), (&json!(["position:view"]), &rev));
            copy.follow(&frame);
            copy.agrees(session).await;
        }
        // Each was told once.
        let mark = server.mark().await;
        for (_, tab, _) in &mut tabs {
            assert_eq!(tab.until(&mark).await, NOTHING);
        }
    }

    /// Neither who never held the role, nor who holds it no longer, nor who has the code another way (S3-80).
    async fn nobody_else(server: TestServer) {
        let desk = server.role("desk", &["org:view"]).await;
        let holder = server.account("holder", &[]).await;
        server.give(&holder, desk).await;
        let stranger = server.account("stranger", &["org:view"]).await;
        let former = server.account("former", &[]).await;
        server.give(&former, desk).await;
        let both = server.account("both", &["org:view"]).await;
        server.give(&both, desk).await;
        let admin = server.platform().await;
        ok(admin.delete(&format!("/api/v1/accounts/{}/roles/{desk}", former.id)).await);

        let mut others = Vec::new();
        for account in [&stranger, &former, &both, admin] {
            let mut tab = server.socket(account).await;
            let copy = Copy::of(&tab.frame().await);
            others.push((account, tab, copy));
        }
        let mut tab = server.tab(&holder).await;
        server.change_role(desk, "remove", &["org:view"]).await;
        assert_eq!(tab.frame().await["data"]["removed"], json!(["org:view"]));

        let mark = server.mark().await;
        for (account, tab, copy) in &mut others {
            assert_eq!(tab.until(&mark).await, NOTHING, "{}", account.username);
            // No new version either: what the copy had before is what REST says now.
            copy.agrees(account).await;
        }
    }

    /// Frames name the account they are for, and a body that two accounts share holds nothing of either (S3-80, S3-81).
    async fn a_frame_is_for_one_account(server: TestServer) {
        let desk = server.role("desk", &["org:view"]).await;
        let mut tabs: Vec<(_, Tab)> = Vec::new();
        for name in ["alice", "bob"] {
            let account = server.account(name, &["staff:view"]).await;
            server.give(&account, desk).await;
            let tab = server.tab(&account).await;
            tabs.push((account, tab));
        }
        server.change_role(desk, "add", &["org:create"]).await;
        for (account, tab) in &mut tabs {
            let frame = tab.frame().await;
            data(&frame, "PERMISSION_UPDATE", account, Some(server.platform().await));
            let other = if account.username == "alice" { "bob" } else { "alice" };
            assert!(!frame.to_string().contains(other), "{frame}");
        }
    }

    /// The answer to the administrator is the guarantee: what was lost is refused from then on, told or not.
    /// S2-5, S3-1.
    async fn enforced_before_the_answer(server: TestServer) {
        let alice = server.account("alice", &["org:view", "role:view"]).await;
        let mut tab = server.tab(&alice).await;
        for _ in 0..10 {
            server.change_role(alice.role, "remove", &["role:view"]).await;
            refused(alice.get("/api/v1/roles").await, 403, "NoPermissionError");
            assert_eq!(tab.frame().await["data"]["removed"], json!(["role:view"]));
            server.change_role(alice.role, "add", &["role:view"]).await;
            ok(alice.get("/api/v1/roles").await);
            assert_eq!(tab.frame().await["data"]["added"], json!(["role:view"]));
        }
    }

    /// The tab does not wait for the administrator's answer: whatever it is told is enforced when it is told.
    async fn enforced_before_it_is_told(server: TestServer) {
        let alice = server.account("alice", &["org:view", "role:view"]).await;
        let mut tab = server.tab(&alice).await;
        for _ in 0..20 {
            let told = async {
                assert_eq!(tab.frame().await["data"]["removed"], json!(["role:view"]));
                refused(alice.get("/api/v1/roles").await, 403, "NoPermissionError");
            };
            tokio::join!(server.change_role(alice.role, "remove", &["role:view"]), told);
            let told = async {
                assert_eq!(tab.frame().await["data"]["added"], json!(["role:view"]));
                ok(alice.get("/api/v1/roles").await);
            };
            tokio::join!(server.change_role(alice.role, "add", &["role:view"]), told);
        }
    }

    /// S3-88.
    async fn a_closed_tab_is_gone_from_the_list(server: TestServer) {
        let alice = server.account("alice", &[]).await;
        let watcher = server.account("watcher", &["session:view"]).await;
        let (stays, goes) = (server.tab(&alice).await, server.tab(&alice).await);
        let connections = async || {
            let (online, flat) = tokio::join!(
                watcher.get("/api/v1/online-users"),
                watcher.get("/api/v1/connections")
            );
            let (online, flat) = (ok(online), ok(flat));
            let of = |row: &Value| row["account_id"] == alice.id;
            let row = online["results"].as_array().unwrap().iter().find(|row| of(row)).cloned();
            let row = row.unwrap_or_default();
            let tabs = row["tabs"].as_array().cloned().unwrap_or_default();
            let flat = flat["results"].as_array().unwrap().iter().filter(|row| of(row)).count();
            (row, tabs, flat)
        };
        let (row, tabs, flat) = connections().await;
        assert_eq!((tabs.len(), flat), (2, 2));
        assert_eq!((&row["username"], &row["guid"]), (&json!("alice"), &json!(alice.guid)));
        for tab in &tabs {
            let expected =
                ["browser", "connected_at", "connection_id", "ip", "last_heartbeat", "node", "rev", "sid", "transport"];
            assert_eq!(crate::frames::members(tab), expected);
            assert_eq!((&tab["sid"], &tab["ip"]), (&json!(alice.sid), &json!("127.0.0.1")));
        }
        drop(goes);
        let one_left = async {
            while connections().await.1.len() != 1 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(crate::support::PATIENCE, one_left).await.expect("a dropped tab leaves the list");
        drop(stays);
        let none_left = async {
            while !connections().await.0.is_null() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(crate::support::PATIENCE, none_left).await.expect("an account without tabs too");
    }
}
