//! A tab lives as long as the access token behind it, and a refresh carries it on.

use std::time::Duration;

use serde_json::Value;

use crate::support::{Setup, both_databases, ok, refused};

both_databases! {
    async fn a_tab_ends_with_its_token(database: TestDatabase) {
        Setup::on(&database).run(async |server| {
            let alice = server.account("alice", &[]).await;
            let tab = server.tab(&alice).await;
            server.advance(Duration::from_mins(15)).await;
            let (seen, code, _) = tab.end().await;
            assert_eq!((seen, code), (Vec::<Value>::new(), 4001));
            refused(alice.get("/api/accounts/users/me/").await, 401, "token_expired");
            // The session itself goes on.
            let next = ok(alice.refreshed().await);
            ok(alice.bearing(next["access"].as_str().unwrap()).get("/api/accounts/users/me/").await);
        })
        .await;
    }

    async fn a_refresh_carries_the_tabs_of_its_session_on(database: TestDatabase) {
        Setup::on(&database).run(async |server| {
            let alice = server.account("alice", &[]).await;
            let elsewhere = server.signed_in("alice").await;
            let mut tabs = [server.tab(&alice).await, server.tab(&alice).await];
            let other = server.tab(&elsewhere).await;
            server.advance(Duration::from_mins(10)).await;
            ok(alice.refreshed().await);
            server.advance(Duration::from_mins(5)).await;
            // The other session was not refreshed: when its tab ends, a sweep has looked at all three.
            assert_eq!(other.end().await.1, 4001);
            let mark = server.mark().await;
            for tab in &mut tabs {
                assert_eq!(tab.until(&mark).await, Vec::<Value>::new());
            }
            server.advance(Duration::from_mins(10)).await;
            for tab in tabs {
                assert_eq!(tab.end().await.1, 4001);
            }
        })
        .await;
    }

    /// A tab that answers nothing is closed as idle, and one that does is not.
    async fn a_silent_tab_is_closed(database: TestDatabase) {
        let usual = livegrant::settings::Realtime::default();
        let setup = Setup::on(&database).with(|settings| {
            settings.realtime.heartbeat_seconds = usual.heartbeat_seconds;
            settings.realtime.heartbeat_timeout_seconds = usual.heartbeat_timeout_seconds;
        });
        setup.run(async |server| {
            let alice = server.account("alice", &[]).await;
            let silent = server.tab(&alice).await;
            server.advance(Duration::from_mins(1)).await;
            assert_eq!(silent.end().await.1, 4008);
            server.tab(&alice).await;
        })
        .await;
    }
}
