//! New passwords: which ones are taken, and who may set whose.

use serde_json::json;

use crate::support::{PASSWORD, ok, refused, served};

served! {
    async fn a_new_password_has_a_length_and_is_not_the_name(server: TestServer) {
        let alice = server.account("alice.smith", &[]).await;
        let before = server.rows().await;
        for (new, code) in [
            ("short", "password_length"),
            ("", "password_length"),
            (&*"x".repeat(257), "password_length"),
            ("alice.smith", "password_weak"),
            ("Alice.SMITH", "password_weak"),
        ] {
            let body = json!({ "old_password": PASSWORD, "new_password": new });
            let problem = refused(alice.post("/api/accounts/users/change_password/", body).await, 400, code);
            assert!(problem["errors"]["new_password"].is_array(), "{problem}");
        }
        let body = json!({ "old_password": "not this", "new_password": "a fine new one" });
        let problem = alice.post("/api/accounts/users/change_password/", body).await;
        let problem = refused(problem, 400, "invalid_credentials");
        assert!(problem["errors"]["old_password"].is_array(), "{problem}");
        assert_eq!(before, server.rows().await);
        // Characters count, not bytes, and all of them.
        let new = "密".repeat(256);
        let body = json!({ "old_password": PASSWORD, "new_password": new });
        ok(alice.post("/api/accounts/users/change_password/", body).await);
        ok(server.login("alice.smith", &new).await);
        refused(server.login("alice.smith", &new[..new.len() - 3]).await, 401, "invalid_credentials");
    }

    /// Whoever sets a password could sign in with it: not over somebody who may do more (C8).
    async fn nobody_takes_over_an_account_that_may_do_more(server: TestServer) {
        let admin = server.account("admin", &["account:update", "org:view"]).await;
        let equal = server.account("equal", &["org:view"]).await;
        let above = server.account("above", &["org:view", "org:delete"]).await;
        let root = server.platform().await;
        let before = server.rows().await;
        let body = json!({ "new_password": "taken over now" });
        for target in [&above, root] {
            let path = format!("/api/v1/accounts/{}/reset-password", target.id);
            refused(admin.post(&path, body.clone()).await, 403, "NoPermissionError");
            ok(target.get("/api/accounts/users/me/").await);
        }
        let path = format!("/api/v1/accounts/{}/reset-password", equal.id);
        refused(above.post(&path, body.clone()).await, 403, "NoPermissionError");
        refused(admin.post("/api/v1/accounts/999999/reset-password", body.clone()).await, 404, "not_found");
        assert_eq!(before, server.rows().await);
        ok(admin.post(&path, body).await);
        refused(equal.get("/api/accounts/users/me/").await, 401, "session_revoked");
    }
}
