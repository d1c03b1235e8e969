//! The chain of revisions (I9): every difference continues what the tab was told before, and in the end tab and server
//! say the same, however many changes came at once.

use serde_json::{Value, json};

use crate::frames::Copy;
use crate::support::{ok, served};

const CODES: [&str; 6] =
    ["org:view", "org:create", "position:view", "staff:view", "ticket:create", "menu:staff"];

served! {
    /// S3-3.
    async fn a_tab_that_follows_the_differences_agrees_with_the_server(server: TestServer) {
        let alice = server.account("alice", &[]).await;
        let roles = [server.role("one", &[]).await, server.role("two", &[]).await];
        server.give(&alice, roles[0]).await;
        let mut tabs = Vec::new();
        for _ in 0..2 {
            let mut tab = server.socket(&alice).await;
            let copy = Copy::of(&tab.frame().await);
            tabs.push((tab, copy));
        }
        let admin = server.platform().await;
        // Four administrators at once, each with every code, role by role; then the second role comes and goes.
        for round in 0..4 {
            let (how, other) = if round % 2 == 0 { ("add", "remove") } else { ("remove", "add") };
            tokio::join!(
                server.change_role(roles[0], how, &CODES[..3]),
                server.change_role(roles[1], how, &CODES[2..]),
                server.change_role(roles[0], other, &CODES[3..]),
                server.give(&alice, roles[1]),
            );
            ok(admin.delete(&format!("/api/v1/accounts/{}/roles/{}", alice.id, roles[1])).await);
        }
        let mark = server.mark().await;
        for (tab, copy) in &mut tabs {
            let frames = tab.until(&mark).await;
            assert!(!frames.is_empty());
            for frame in &frames {
                copy.follow(frame);
            }
            copy.agrees(&alice).await;
        }
        assert_eq!(tabs[0].1, tabs[1].1);
    }

    /// A tab that opens while changes run misses none of them: its snapshot holds them or a difference follows.
    async fn a_tab_that_opens_amid_changes_misses_nothing(server: TestServer) {
        let alice = server.account("alice", &["org:view"]).await;
        for round in 0..10 {
            let (how, codes) = (if round % 2 == 0 { "add" } else { "remove" }, &CODES[1..]);
            let (_, mut tab) = tokio::join!(server.change_role(alice.role, how, codes), server.socket(&alice));
            let mut copy = Copy::of(&tab.frame().await);
            let mark = server.mark().await;
            for frame in tab.until(&mark).await {
                copy.follow(&frame);
            }
            copy.agrees(&alice).await;
        }
    }

    /// Repeating an order is harmless and silent; so is a change that another grant hides.
    async fn what_changes_nothing_is_not_told(server: TestServer) {
        let alice = server.account("alice", &["org:view"]).await;
        let desk = server.role("desk", &["org:view"]).await;
        server.give(&alice, desk).await;
        let mut tab = server.socket(&alice).await;
        let copy = Copy::of(&tab.frame().await);
        assert_eq!(server.give(&alice, desk).await, Value::Null);
        assert_eq!(server.change_role(desk, "add", &["org:view"]).await, Value::Null);
        assert_eq!(server.change_role(desk, "remove", &["org:create"]).await, Value::Null);
        assert!(server.change_role(desk, "remove", &["org:view"]).await.is_i64(), "hidden by the other role");
        let before = server.rows().await;
        let body = json!({ "roles": [{ "role_id": alice.role }, { "role_id": desk }] });
        let path = format!("/api/v1/accounts/{}/roles", alice.id);
        assert_eq!(ok(server.platform().await.put(&path, body).await)["changed"], false);
        assert_eq!(before, server.rows().await);
        let mark = server.mark().await;
        assert_eq!(tab.until(&mark).await, Vec::<Value>::new());
        copy.agrees(&alice).await;
    }
}
