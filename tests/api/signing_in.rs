//! Signing in, refreshing and signing out (S2-26 … S2-28).

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{PASSWORD, Setup, both_databases, ok, refused, served};

/// A problem without what is different in every answer.
fn plain(mut problem: Value) -> Value {
    problem["request_id"] = Value::Null;
    problem
}

served! {
    /// S2-4, S2-30, S2-46.
    async fn the_answer_says_who_signed_in(server: TestServer) {
        let alice = server.account("alice", &["org:view"]).await;
        let body = ok(server.login("alice", PASSWORD).await);
        let mut members: Vec<&str> = body.as_object().unwrap().keys().map(String::as_str).collect();
        members.sort_unstable();
        assert_eq!(members, ["access", "expires_in", "permission_version", "refresh", "sid", "user"]);
        assert_eq!(body["expires_in"], 900);
        let user = &body["user"];
        assert_eq!((&user["id"], &user["guid"], &user["username"]), (&json!(alice.id), &json!(alice.guid), &json!("alice")));
        assert_eq!((&user["status"], &user["is_platform"]), (&json!(1), &json!(false)));
        for field in ["display_name", "email", "phone", "role", "department"] {
            assert!(user.get(field).is_some(), "{field}: {user}");
        }
        for secret in ["password_hash", "argon2", PASSWORD] {
            assert!(!user.to_string().contains(secret), "{user}");
        }
        let me = ok(alice.get("/api/accounts/users/me/").await);
        assert_eq!(me["permission_version"], body["permission_version"]);
        assert_eq!((&me["permissions"], &me["username"]), (&json!(["org:view"]), &json!("alice")));
        assert_eq!(me["roles"][0]["code"], "only.alice");
        assert!(me["company"]["id"].is_i64() && me["application"]["id"].is_i64(), "{me}");
    }

    /// Who is there and who is not cannot be told apart by the answer.
    async fn a_wrong_password_and_an_unknown_user_are_one(server: TestServer) {
        server.account("alice", &[]).await;
        let wrong = plain(refused(server.login("alice", "not the password").await, 401, "invalid_credentials"));
        for username in ["nobody", "ALICE2", "", " ", "a\u{0}b", "x' OR 1=1 --"] {
            let unknown = refused(server.login(username, "not the password").await, 401, "invalid_credentials");
            assert_eq!(plain(unknown), wrong, "{username:?}");
        }
        let unknown = refused(server.login("nobody", PASSWORD).await, 401, "invalid_credentials");
        assert_eq!(plain(unknown), wrong);
    }

    async fn a_refresh_token_works_once(server: TestServer) {
        let alice = server.account("alice", &[]).await;
        let body = ok(alice.refreshed().await);
        assert_eq!(body["expires_in"], 900);
        assert!(body["permission_version"].is_i64());
        let next = alice.carried_on(&body);
        assert!(next.access != alice.access && next.refresh != alice.refresh);
        ok(next.get("/api/accounts/users/me/").await);
        let third = next.carried_on(&ok(next.refreshed().await));
        // Two rotations ago: a theft, whenever it comes. The session ends, for thief and owner.
        refused(alice.refreshed().await, 401, "token_reuse");
        for token in [&alice, &next, &third] {
            refused(token.get("/api/accounts/users/me/").await, 401, "session_revoked");
            refused(token.refreshed().await, 401, "session_revoked");
        }
        // Another session of the account is none of it.
        ok(server.signed_in("alice").await.get("/api/accounts/users/me/").await);
    }

    async fn reuse_after_the_grace_ends_the_session_and_its_tabs(server: TestServer) {
        let alice = server.account("alice", &[]).await;
        let next = alice.carried_on(&ok(alice.refreshed().await));
        server.advance(Duration::from_secs(30)).await;
        ok(alice.refreshed().await);
        let tab = server.tab(&next).await;
        server.advance(Duration::from_millis(1)).await;
        refused(alice.refreshed().await, 401, "token_reuse");
        refused(next.refreshed().await, 401, "session_revoked");
        let (seen, code, _) = tab.end().await;
        assert_eq!((&seen[0]["data"]["code"], code), (&json!("token_reuse"), 4501));
    }

    /// Two tabs that wake up together do not throw each other out: both get the same successor.
    async fn two_tabs_may_refresh_at_once(server: TestServer) {
        let mut session = server.account("alice", &[]).await;
        for _ in 0..5 {
            let (one, other, third) =
                tokio::join!(session.refreshed(), session.refreshed(), session.refreshed());
            let (one, other, third) = (ok(one), ok(other), ok(third));
            assert_eq!((&one["refresh"], &one["refresh"]), (&other["refresh"], &third["refresh"]));
            ok(session.carried_on(&other).get("/api/accounts/users/me/").await);
            session = session.carried_on(&one);
        }
        ok(session.get("/api/accounts/users/me/").await);
    }

    async fn what_is_no_refresh_token_is_refused(server: TestServer) {
        let alice = server.account("alice", &[]).await;
        let anonymous = server.anonymous();
        let forged = alice.refresh.replacen(".1.", ".2.", 1);
        for text in ["", "x", "a.b.c.d", &alice.access, &forged, &format!("{}x", alice.refresh)] {
            let answer = anonymous.post("/api/auth/refresh/", json!({ "refresh": text })).await;
            refused(answer, 401, "token_invalid");
        }
        refused(anonymous.post("/api/auth/refresh/", json!({})).await, 401, "token_missing");
        // None of that ended anything.
        ok(alice.refreshed().await);
    }

    async fn signing_out_ends_this_session_alone(server: TestServer) {
        let alice = server.account("alice", &[]).await;
        let elsewhere = server.signed_in("alice").await;
        assert_eq!(alice.post("/api/auth/logout/", json!({})).await, (204, Value::Null));
        refused(alice.get("/api/accounts/users/me/").await, 401, "session_revoked");
        refused(alice.refreshed().await, 401, "session_revoked");
        refused(alice.post("/api/auth/logout/", json!({})).await, 401, "session_revoked");
        ok(elsewhere.get("/api/accounts/users/me/").await);
    }

    /// Who types the right password of a disabled account learns why it does not work; who guesses does not (S3-69).
    async fn a_disabled_account(server: TestServer) {
        server.platform().await; // somebody has to stay
        let admin = server.account("admin", &["account:update", "account:disable"]).await;
        let alice = server.account("alice", &[]).await;
        let elsewhere = server.signed_in("alice").await;
        let path = format!("/api/accounts/users/{}/", alice.id);
        assert_eq!(ok(admin.patch(&path, json!({ "status": 0 })).await)["status"], 0);
        for session in [&alice, &elsewhere] {
            refused(session.get("/api/accounts/users/me/").await, 401, "session_revoked");
            refused(session.refreshed().await, 401, "session_revoked");
            refused(session.post("/api/auth/stream-ticket/", json!({})).await, 401, "session_revoked");
            let bearer = format!("Bearer {}", session.access);
            let socket = server.try_socket("", &[("authorization", &bearer)]).await.map(|_| "opened");
            refused(socket.expect_err("no socket"), 401, "session_revoked");
        }
        refused(server.login("alice", PASSWORD).await, 401, "account_disabled");
        refused(server.login("alice", "a guess of his").await, 401, "invalid_credentials");
        ok(admin.patch(&path, json!({ "status": 1 })).await);
        ok(server.login("alice", PASSWORD).await);
    }

    async fn a_session_ends_with_its_refresh_token(server: TestServer) {
        let alice = server.account("alice", &[]).await;
        server.advance(Duration::from_secs(14 * 24 * 3600 - 1)).await;
        let next = alice.carried_on(&ok(alice.refreshed().await));
        server.advance(Duration::from_hours(336)).await;
        refused(next.refreshed().await, 401, "session_revoked");
    }
}

both_databases! {
    async fn the_oldest_session_ends_for_one_too_many(database: TestDatabase) {
        let setup = Setup::on(&database).with(|settings| settings.auth.max_sessions_per_account = 2);
        setup.run(async |server| {
            let first = server.account("alice", &[]).await;
            let tab = server.tab(&first).await;
            server.advance(Duration::from_secs(1)).await;
            let second = server.signed_in("alice").await;
            ok(first.get("/api/accounts/users/me/").await);
            server.advance(Duration::from_secs(1)).await;
            let third = server.signed_in("alice").await;
            refused(first.get("/api/accounts/users/me/").await, 401, "session_revoked");
            let (seen, code, _) = tab.end().await;
            assert_eq!((&seen[0]["data"]["code"], code), (&json!("too_many_sessions"), 4501));
            for session in [&second, &third] {
                ok(session.get("/api/accounts/users/me/").await);
            }
            assert_eq!(ok(third.get("/api/auth/sessions/").await)["count"], 2);
        })
        .await;
    }
}
