//! Nobody gives, takes or has a say beyond what he holds himself, nor for longer than he holds it (C8, FC8): each way
//! around it that was ever found is tried again here.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Account, ok, refused, served};

const DENIED: &str = "NoPermissionError";

/// The id of a role by its code.
async fn role(root: &Account, code: &str) -> i64 {
    let list = ok(root.get(&format!("/api/v1/roles?search={code}")).await);
    let rows = list["results"].as_array().expect("rows").clone();
    rows.iter().find(|row| row["code"] == code).expect("the role")["id"].as_i64().expect("an id")
}

/// An account's `role` field.
async fn shown(root: &Account, username: &str) -> Value {
    let list = ok(root.get(&format!("/api/accounts/users/?search={username}")).await);
    list["results"][0]["role"].clone()
}

served! {
    /// An account that is switched off may do nothing now, and everything again when it is switched on.
    async fn a_disabled_administrator_is_not_taken_over(server: TestServer) {
        let root = server.platform().await;
        let chief = server.account("chief", &["system:admin"]).await;
        let helper = server.account("helper", &["account:view", "account:update", "account:disable", "role:grant"]).await;
        let (id, user) = (chief.id, format!("/api/accounts/users/{}/", chief.id));
        refused(helper.patch(&user, json!({ "status": 0 })).await, 403, DENIED);
        ok(root.patch(&user, json!({ "status": 0 })).await);
        let body = json!({ "new_password": "a new password of mine" });
        refused(helper.post(&format!("/api/v1/accounts/{id}/reset-password"), body).await, 403, DENIED);
        refused(helper.patch(&user, json!({ "status": 1 })).await, 403, DENIED);
    }

    /// A role that is switched off carries what it carries.
    async fn what_does_not_count_now_is_judged_all_the_same(server: TestServer) {
        let root = server.platform().await;
        let chief = server.account("chief", &["org:delete"]).await;
        let roles = ok(root.get(&format!("/api/v1/accounts/{}/roles", chief.id)).await);
        let path = format!("/api/v1/roles/{}", roles["roles"][0]["role_id"]);
        ok(root.patch(&path, json!({ "status": 0 })).await);
        let helper = server.account("helper", &["account:update"]).await;
        let body = json!({ "new_password": "a new password of mine" });
        refused(helper.post(&format!("/api/v1/accounts/{}/reset-password", chief.id), body).await, 403, DENIED);
    }

    async fn the_role_field_takes_nothing_that_its_writer_may_not_take(server: TestServer) {
        let root = server.platform().await;
        let bob = server.account("bob", &[]).await;
        let user = format!("/api/accounts/users/{}/", bob.id);
        ok(root.patch(&user, json!({ "role": "admin" })).await);
        let helper =
            server.account("helper", &["account:update", "role:grant", "ticket:create", "ticket:confirm"]).await;
        refused(helper.patch(&user, json!({ "role": "user" })).await, 403, DENIED);
        assert_eq!(shown(root, "bob").await, "admin");
    }

    async fn the_role_field_follows_the_grants_whatever_moves_them(server: TestServer) {
        let root = server.platform().await;
        let bob = server.account("bob", &[]).await;
        let user = format!("/api/accounts/users/{}/", bob.id);
        ok(root.patch(&user, json!({ "role": "manager" })).await);
        let manager = role(root, "manager").await;
        ok(root.delete(&format!("/api/v1/accounts/{}/roles/{manager}", bob.id)).await);
        assert_eq!(shown(root, "bob").await, Value::Null);
        assert!(!bob.codes().await.contains(&"ticket:assign".to_owned()));
        ok(root.patch(&user, json!({ "role": "manager" })).await);
        assert!(bob.codes().await.contains(&"ticket:assign".to_owned()));
    }

    async fn a_grant_with_an_end_cannot_make_itself_permanent(server: TestServer) {
        let root = server.platform().await;
        let keeper = server.account("keeper", &["role:grant", "org:view"]).await;
        let roles = ok(root.get(&format!("/api/v1/accounts/{}/roles", keeper.id)).await);
        let id = roles["roles"][0]["role_id"].as_i64().expect("an id");
        let deputy = server.account("deputy", &[]).await;
        let friend = server.account("friend", &[]).await;
        let at = |minutes: i64| livegrant::clock::iso(server.core.clock.now_ms() + minutes * 60_000);
        let (ten, twenty, five) = (at(10), at(20), at(5));
        let own = format!("/api/v1/accounts/{}/roles/{id}", deputy.id);
        ok(root.post(&own, json!({ "valid_to": ten })).await);
        for body in [json!({}), json!({ "valid_to": twenty })] {
            refused(deputy.post(&own, body.clone()).await, 403, DENIED);
            refused(deputy.post(&format!("/api/v1/accounts/{}/roles/{id}", friend.id), body).await, 403, DENIED);
        }
        ok(deputy.post(&format!("/api/v1/accounts/{}/roles/{id}", friend.id), json!({ "valid_to": five })).await);
    }

    async fn a_permission_that_is_switched_off_does_not_lock_administration(server: TestServer) {
        let root = server.platform().await;
        let list = ok(root.get("/api/v1/permissions?search=leave:view").await);
        let path = format!("/api/v1/permissions/{}", list["results"][0]["id"]);
        ok(root.patch(&path, json!({ "status": 0 })).await);
        let (hr, bob) = (role(root, "hr").await, server.account("bob", &[]).await);
        ok(root.post(&format!("/api/v1/accounts/{}/roles/{hr}", bob.id), json!({})).await);
        ok(root.post(&format!("/api/v1/roles/{hr}/permissions/remove"), json!({ "permissions": ["leave:view"] })).await);
    }

    async fn a_session_ends_at_last_however_often_it_is_refreshed(server: TestServer) {
        let mut alice = server.account("alice", &[]).await;
        let day = Duration::from_hours(24);
        for _ in 0..8 {
            server.advance(day * 12).await;
            match alice.refreshed().await {
                (200, body) => alice = alice.carried_on(&body),
                answer => return drop(refused(answer, 401, "session_revoked")),
            }
        }
        panic!("96 days, and still signed in");
    }

    async fn another_sites_page_cannot_sign_its_reader_in(server: TestServer) {
        server.account("alice", &[]).await;
        let body = json!({ "username": "alice", "password": crate::support::PASSWORD, "cookie": true });
        let anonymous = server.anonymous();
        let ask = |origin: &str| {
            let request = anonymous.request(reqwest::Method::POST, "/api/auth/login/");
            crate::support::answer(request.header("origin", origin).json(&body))
        };
        refused(ask("https://evil.example").await, 403, "cross_site");
        refused(ask("null").await, 403, "cross_site");
        ok(ask(&server.url()).await);
    }

    /// The process died with the first request: its key is not taken for ever.
    async fn a_key_without_an_answer_is_free_again_after_a_minute(server: TestServer) {
        let root = server.platform().await;
        let author = livegrant::db::Author::system("a request that never ended");
        let mut work = server.core.db.begin(&author).await.unwrap();
        let now = work.now();
        livegrant::sql_exec!(
            work.conn(),
            "INSERT INTO sys_idempotency (account_id, key, request, created_at) VALUES ($1, 'k', 'x', $2)",
            root.id,
            now
        )
        .unwrap();
        work.commit(livegrant::db::SystemTask::Upkeep).await.unwrap();
        let ask = || {
            let request = root.request(reqwest::Method::POST, "/api/v1/roles").header("idempotency-key", "k");
            crate::support::answer(request.json(&json!({ "code": "r", "name": "r" })))
        };
        refused(ask().await, 422, "idempotency_conflict");
        server.advance(Duration::from_mins(2)).await;
        let again = server.signed_in("root").await;
        assert_eq!(again.id, root.id);
        assert_eq!(ask().await.0, 201);
    }
}
