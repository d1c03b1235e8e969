//! Ending sessions (E7, E8, I12): which ones end, what their tabs are told, and that no path is left open.

use serde_json::{Value, json};

use crate::frames::data;
use crate::support::{Account, PASSWORD, TestServer, ok, refused, served};

/// Nothing of the session is alive: neither REST nor refresh nor a new ticket nor a new tab.
async fn is_dead(server: &TestServer, session: &Account) {
    refused(session.get("/api/accounts/users/me/").await, 401, "session_revoked");
    refused(session.refreshed().await, 401, "session_revoked");
    refused(session.post("/api/auth/stream-ticket/", json!({})).await, 401, "session_revoked");
    let bearer = format!("Bearer {}", session.access);
    let socket = server.try_socket("", &[("authorization", &bearer)]).await.map(|_| "opened");
    refused(socket.expect_err("no socket"), 401, "session_revoked");
}

async fn is_alive(server: &TestServer, session: &Account) {
    ok(session.get("/api/accounts/users/me/").await);
    ok(session.post("/api/auth/stream-ticket/", json!({})).await);
    server.tab(session).await;
}

served! {
    async fn one_session_ends_on_every_path_and_its_siblings_stay(server: TestServer) {
        let kicker = server.account("kicker", &["session:kick", "session:view"]).await;
        let alice = server.account("alice", &["org:view"]).await;
        let elsewhere = server.signed_in("alice").await;
        let ticket = ok(alice.post("/api/auth/stream-ticket/", json!({})).await)["ticket"].clone();
        let tabs = [server.tab(&alice).await, server.tab(&alice).await];
        let mut sibling = server.tab(&elsewhere).await;

        let listed = ok(kicker.get(&format!("/api/v1/sessions?account={}", alice.id)).await);
        assert_eq!(listed["count"], 2);
        let path = format!("/api/v1/sessions/{}?reason=stolen", alice.sid);
        let ended = ok(kicker.delete(&path).await);
        assert_eq!(ended["ended"], 1);
        is_dead(&server, &alice).await;
        let late = server.try_socket(&format!("?ticket={}", ticket.as_str().unwrap()), &[]).await;
        refused(late.map(|_| "opened").expect_err("no socket"), 401, "session_revoked");
        for tab in tabs {
            let (seen, code, _) = tab.end().await;
            assert_eq!((seen.len(), code), (1, 4501));
            let told = data(&seen[0], "FORCE_LOGOUT", &alice, Some(&kicker));
            assert_eq!(
                (&told["reason"], &told["code"], &told["sid"]),
                (&json!("stolen"), &json!("session_kicked"), &json!(alice.sid))
            );
        }
        let mark = server.mark().await;
        assert_eq!(sibling.until(&mark).await, Vec::<Value>::new());
        is_alive(&server, &elsewhere).await;
        assert_eq!(ok(kicker.get(&format!("/api/v1/sessions?account={}", alice.id)).await)["count"], 1);
        // It has ended once and for all, and a second kick finds nothing.
        refused(kicker.delete(&path).await, 404, "not_found");
        refused(kicker.delete("/api/v1/sessions/no-such-session").await, 404, "not_found");
    }

    async fn all_sessions_of_an_account(server: TestServer) {
        let kicker = server.account("kicker", &["session:kick"]).await;
        let alice = server.account("alice", &[]).await;
        let elsewhere = server.signed_in("alice").await;
        let bob = server.account("bob", &[]).await;
        let tabs = [(&alice, server.tab(&alice).await), (&elsewhere, server.tab(&elsewhere).await)];
        let path = format!("/api/v1/accounts/{}/logout-all", alice.id);
        assert_eq!(ok(kicker.post(&path, json!({ "reason": "left" })).await)["ended"], 2);
        for (session, tab) in tabs {
            is_dead(&server, session).await;
            let (seen, code, _) = tab.end().await;
            let told = data(&seen[0], "FORCE_LOGOUT", session, Some(&kicker));
            assert_eq!(
                (&told["reason"], &told["code"], &told["sid"]),
                (&json!("left"), &json!("all_sessions_ended"), &json!(session.sid))
            );
            assert_eq!(code, 4501);
        }
        is_alive(&server, &bob).await;
        assert_eq!(ok(kicker.post(&path, json!({})).await)["ended"], 0, "again is harmless");
        is_alive(&server, &server.signed_in("alice").await).await;
        // One's own sessions: the one that asks stays.
        let other = server.signed_in("kicker").await;
        let path = format!("/api/v1/accounts/{}/logout-all", kicker.id);
        assert_eq!(ok(kicker.post(&path, json!({})).await)["ended"], 1);
        is_dead(&server, &other).await;
        is_alive(&server, &kicker).await;
    }

    /// The same filter lists and ends.
    async fn what_the_list_shows(server: TestServer) {
        let kicker = server.account("desk.kicker", &["session:kick", "session:view"]).await;
        let mut desk = Vec::new();
        for name in ["desk.one", "desk.two"] {
            desk.push(server.account(name, &[]).await);
        }
        let other = server.account("other", &[]).await;
        let listed = ok(kicker.get("/api/v1/sessions?search=desk.").await);
        assert_eq!(listed["count"], 3, "his own too");
        let ended = ok(kicker.post("/api/v1/sessions/end", json!({ "search": "desk." })).await);
        assert_eq!(ended["ended"], 2);
        for session in &desk {
            is_dead(&server, session).await;
        }
        is_alive(&server, &other).await;
        is_alive(&server, &kicker).await;
    }

    /// S3-42.
    async fn by_the_call_that_earlier_clients_use(server: TestServer) {
        let kicker = server.account("kicker", &["session:kick"]).await;
        let alice = server.account("alice", &[]).await;
        let tab = server.tab(&alice).await;
        let body = json!({ "userId": alice.id, "reason": "退出" });
        assert_eq!(ok(kicker.post("/api/v1/push/force-logout", body).await)["ended"], 1);
        is_dead(&server, &alice).await;
        let (seen, code, _) = tab.end().await;
        assert_eq!((&seen[0]["data"]["reason"], code), (&json!("退出"), 4501));
    }

    async fn ones_own_sessions(server: TestServer) {
        let alice = server.account("alice", &[]).await;
        let elsewhere = server.signed_in("alice").await;
        let bob = server.account("bob", &[]).await;
        let listed = ok(alice.get("/api/auth/sessions/").await);
        let rows = listed["results"].as_array().unwrap();
        assert_eq!(listed["count"], 2);
        for row in rows {
            assert_eq!(row["current"], row["sid"] == alice.sid, "{row}");
        }
        // Somebody else's session is not there for him.
        refused(alice.delete(&format!("/api/auth/sessions/{}/", bob.sid)).await, 404, "not_found");
        is_alive(&server, &bob).await;
        let tab = server.tab(&elsewhere).await;
        assert_eq!(alice.delete(&format!("/api/auth/sessions/{}/", elsewhere.sid)).await.0, 204);
        assert_eq!(tab.end().await.1, 4501);
        is_dead(&server, &elsewhere).await;
        is_alive(&server, &alice).await;
    }

    /// A changed password ends the other sessions, not this one; a reset ends them all (S2-33).
    async fn a_new_password(server: TestServer) {
        let admin = server.account("admin", &["account:update"]).await;
        let alice = server.account("alice", &[]).await;
        let elsewhere = server.signed_in("alice").await;
        let (mut here, there) = (server.tab(&alice).await, server.tab(&elsewhere).await);
        let body = json!({ "old_password": PASSWORD, "new_password": "a better one 2" });
        ok(alice.post("/api/accounts/users/change_password/", body).await);
        let (seen, code, _) = there.end().await;
        let told = data(&seen[0], "FORCE_LOGOUT", &elsewhere, Some(&alice));
        assert_eq!((&told["code"], code), (&json!("password_changed"), 4501));
        is_dead(&server, &elsewhere).await;
        is_alive(&server, &alice).await;
        let mark = server.mark().await;
        assert_eq!(here.until(&mark).await, Vec::<Value>::new());
        refused(server.login("alice", PASSWORD).await, 401, "invalid_credentials");
        ok(server.login("alice", "a better one 2").await);

        let path = format!("/api/v1/accounts/{}/reset-password", alice.id);
        ok(admin.post(&path, json!({ "new_password": "a third one 3" })).await);
        let (seen, code, _) = here.end().await;
        assert_eq!((&seen[0]["data"]["code"], code), (&json!("password_reset"), 4501));
        is_dead(&server, &alice).await;
        refused(server.login("alice", "a better one 2").await, 401, "invalid_credentials");
        let body = ok(server.login("alice", "a third one 3").await);
        assert_eq!(body["user"]["must_change_password"], true);
    }

    async fn nobody_without_the_permission(server: TestServer) {
        let nobody = server.account("nobody", &["session:view"]).await;
        let alice = server.account("alice", &[]).await;
        let before = server.rows().await;
        for (method, path, body) in [
            ("DELETE", format!("/api/v1/sessions/{}", alice.sid), Value::Null),
            ("POST", format!("/api/v1/accounts/{}/logout-all", alice.id), json!({})),
            ("POST", "/api/v1/sessions/end".to_owned(), json!({ "account": alice.id })),
            ("POST", "/api/v1/push/force-logout".to_owned(), json!({ "userId": alice.id })),
        ] {
            refused(nobody.ask(method, &path, &body).await, 403, "NoPermissionError");
        }
        assert_eq!(before, server.rows().await);
        is_alive(&server, &alice).await;
    }
}
