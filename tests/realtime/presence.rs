//! `PRESENCE_ADMIN` on the topic `admin:presence` (E35): who hears of those who come and go, and who does not.

use serde_json::{Value, json};

use crate::support::{Account, Tab, TestServer, ok, served};

async fn listening(server: &TestServer, account: &Account) -> (Tab, Value) {
    let bearer = format!("Bearer {}", account.access);
    let headers = [("authorization", bearer.as_str()), ("sec-websocket-protocol", "wsp.v1")];
    let mut tab = server.try_socket("?topics=admin:presence", &headers).await.expect("a socket");
    let connected = tab.next_of("CONNECTED").await;
    (tab, connected["data"].clone())
}

/// Waits for a message that says so; others before it are passed over.
async fn presence(tab: &mut Tab, mut says: impl FnMut(&Value) -> bool) -> Value {
    loop {
        let data = tab.next_of("PRESENCE_ADMIN").await["data"].clone();
        if says(&data) {
            return data;
        }
    }
}

served! {
    /// S3-88.
    async fn an_auditor_hears_who_comes_and_goes(server: TestServer) {
        let auditor = server.account("auditor", &["session:view"]).await;
        let alice = server.account("alice", &[]).await;
        let (mut tab, connected) = listening(&server, &auditor).await;
        assert_eq!(connected["topics"], json!(["admin:presence"]));
        // Told the numbers without anything new.
        let first = presence(&mut tab, |_| true).await;
        assert_eq!((&first["connections"], &first["accounts"]), (&json!(1), &json!(1)));

        let one = server.tab(&alice).await;
        let two = server.tab(&alice).await;
        let mut joined = Vec::new();
        let told = presence(&mut tab, |data| {
            joined.extend(data["joined"].as_array().unwrap().clone());
            data["connections"] == 3
        })
        .await;
        assert_eq!(told["accounts"], 2);
        assert_eq!(joined.len(), 2, "{joined:?}");
        for line in &joined {
            assert_eq!((&line["account_id"], &line["username"]), (&json!(alice.id), &json!("alice")));
            assert_eq!(line["transport"], "websocket");
        }
        drop((one, two));
        let mut left = Vec::new();
        let told = presence(&mut tab, |data| {
            left.extend(data["left"].as_array().unwrap().clone());
            data["connections"] == 1
        })
        .await;
        assert_eq!(told["accounts"], 1);
        let ids = |lines: &[Value]| {
            let mut ids: Vec<_> = lines.iter().map(|line| line["connection_id"].to_string()).collect();
            ids.sort();
            ids
        };
        assert_eq!(ids(&left), ids(&joined));
    }

    async fn who_may_not_see_sessions_hears_nothing(server: TestServer) {
        let auditor = server.account("auditor", &["session:view"]).await;
        let clerk = server.account("clerk", &[]).await;
        let (mut refused, connected) = listening(&server, &clerk).await;
        assert_eq!((&connected["topics"], &connected["refused"]), (&json!([]), &json!(["admin:presence"])));
        let (mut tab, _) = listening(&server, &auditor).await;
        presence(&mut tab, |data| data["connections"] == 2).await;
        let mark = server.mark().await;
        let seen = refused.until(&mark).await;
        assert!(seen.iter().all(|frame| frame["type"] != "PRESENCE_ADMIN"), "{seen:?}");
    }

    /// The permission goes: so does the topic, and the tab is told.
    async fn who_loses_the_permission_stops_hearing(server: TestServer) {
        let auditor = server.account("auditor", &["session:view"]).await;
        let other = server.account("other", &["session:view"]).await;
        let alice = server.account("alice", &[]).await;
        let (mut losing, _) = listening(&server, &auditor).await;
        let (mut keeping, _) = listening(&server, &other).await;
        presence(&mut losing, |data| data["connections"] == 2).await;
        let path = format!("/api/v1/roles/{}/permissions/remove", auditor.role);
        ok(server.platform().await.post(&path, json!({ "permissions": ["session:view"] })).await);
        let told = losing.next_of("SUBSCRIBED").await;
        assert_eq!(told["data"]["topics"], json!([]), "{told}");
        let tab = server.tab(&alice).await;
        presence(&mut keeping, |data| data["connections"] == 3).await;
        let mark = server.mark().await;
        let seen = losing.until(&mark).await;
        assert!(seen.iter().all(|frame| frame["type"] != "PRESENCE_ADMIN"), "{seen:?}");
        drop(tab);
    }
}
