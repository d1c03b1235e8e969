//! Writes that are sent again: `Idempotency-Key` (FA7), optimistic locking, and paths with and without a slash (FA10).

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Account, answer, ok, read, refused, served, served_once};

async fn keyed(by: &Account, key: &str, path: &str, body: &Value) -> (bool, (u16, Value)) {
    let request = by.request(Method::POST, path).header("idempotency-key", key).json(body);
    let response = request.send().await.unwrap();
    let replayed = response.headers().get("idempotency-replayed").is_some_and(|value| value == "true");
    (replayed, read(response).await)
}

served! {
    async fn a_key_is_answered_once_and_repeated(server: TestServer) {
        let admin = server.platform().await;
        let body = json!({ "code": "desk", "name": "desk" });
        let (replayed, first) = keyed(admin, "key-1", "/api/v1/roles", &body).await;
        assert_eq!((replayed, first.0), (false, 201));
        let before = server.rows().await;
        let (replayed, again) = keyed(admin, "key-1", "/api/v1/roles", &body).await;
        assert!(replayed);
        assert_eq!(again, first);
        let other = json!({ "code": "other", "name": "other" });
        let (_, conflict) = keyed(admin, "key-1", "/api/v1/roles", &other).await;
        refused(conflict, 422, "idempotency_conflict");
        let path = format!("/api/v1/roles/{}/permissions/add", first.1["id"]);
        let (_, conflict) = keyed(admin, "key-1", &path, &body).await;
        refused(conflict, 422, "idempotency_conflict");
        assert_eq!(before, server.rows().await, "nothing was done twice");
        // Another key, and no key, do the same thing in their own right.
        refused(keyed(admin, "key-2", "/api/v1/roles", &body).await.1, 409, "already_exists");
        refused(admin.post("/api/v1/roles", body.clone()).await, 409, "already_exists");
    }

    /// An account cannot fill the disk with keys: the oldest gives way, and the newest are remembered.
    async fn old_keys_give_way_to_new_ones(server: TestServer) {
        let admin = server.platform().await;
        let mut work = server.core.db.begin(&livegrant::db::Author::system("tests")).await.unwrap();
        let now = work.now();
        for number in 0..1_100_i64 {
            let sql = livegrant::sql_exec!(
                work.conn(),
                "INSERT INTO sys_idempotency (account_id, key, request, status, body, created_at)
                 VALUES ($1, $2, '', 200, '{}', $3)",
                admin.id,
                format!("old {number}"),
                now - 5_000 + number
            );
            sql.unwrap();
        }
        work.commit(livegrant::db::SystemTask::Upkeep).await.unwrap();
        let body = json!({ "code": "desk", "name": "desk" });
        let (_, first) = keyed(admin, "new", "/api/v1/roles", &body).await;
        let (replayed, again) = keyed(admin, "new", "/api/v1/roles", &body).await;
        assert!(replayed);
        assert_eq!(again, first);
        let mut conn = server.core.db.read().await.unwrap();
        let (kept, oldest) = livegrant::sql_one!(
            &mut conn,
            (i64, i64),
            "SELECT count(*), min(created_at) FROM sys_idempotency WHERE account_id = $1",
            admin.id
        )
        .unwrap();
        assert_eq!((kept, oldest), (1_000, now - 5_000 + 101));
    }

    /// What was refused was not done: the key is free for the request once it can succeed.
    async fn a_refusal_does_not_use_the_key_up(server: TestServer) {
        let alice = server.account("alice", &[]).await;
        let body = json!({ "code": "desk", "name": "desk" });
        refused(keyed(&alice, "key-1", "/api/v1/roles", &body).await.1, 403, "NoPermissionError");
        let path = format!("/api/v1/roles/{}/permissions/add", alice.role);
        ok(server.platform().await.post(&path, json!({ "permissions": ["role:create"] })).await);
        let (replayed, made) = keyed(&alice, "key-1", "/api/v1/roles", &body).await;
        assert_eq!((replayed, made.0), (false, 201));
    }

    /// Somebody else's key is another key.
    async fn keys_belong_to_their_account(server: TestServer) {
        let one = server.account("one", &["role:create"]).await;
        let two = server.account("two", &["role:create"]).await;
        let body = |code: &str| json!({ "code": code, "name": code });
        let (_, first) = keyed(&one, "same-key", "/api/v1/roles", &body("a")).await;
        let (replayed, second) = keyed(&two, "same-key", "/api/v1/roles", &body("b")).await;
        assert_eq!((first.0, second.0, replayed), (201, 201, false));
        assert_eq!(second.1["code"], "b");
    }

    async fn the_same_key_at_the_same_time_is_done_once(server: TestServer) {
        let admin = server.platform().await;
        let body = json!({ "code": "desk", "name": "desk" });
        let tries = (0..6).map(|_| keyed(admin, "key-1", "/api/v1/roles", &body));
        for (_, answer) in futures_util::future::join_all(tries).await {
            match answer.0 {
                201 => assert_eq!(answer.1["code"], "desk"),
                _ => _ = refused(answer, 409, "idempotency_running"),
            }
        }
        let (replayed, made) = keyed(admin, "key-1", "/api/v1/roles", &body).await;
        assert_eq!((replayed, made.0), (true, 201));
        assert_eq!(ok(admin.get("/api/v1/roles?search=desk").await)["count"], 1);
    }

    /// Two administrators read the same version: the second to save is told, and nothing is lost.
    async fn a_row_that_was_changed_since_is_not_overwritten(server: TestServer) {
        let admin = server.platform().await;
        let role = ok(admin.post("/api/v1/roles", json!({ "code": "desk", "name": "desk" })).await);
        let path = format!("/api/v1/roles/{}", role["id"]);
        let saved = ok(admin.patch(&path, json!({ "name": "front", "version": role["version"] })).await);
        assert_ne!(saved["version"], role["version"]);
        let late = admin.patch(&path, json!({ "name": "back", "version": role["version"] })).await;
        refused(late, 412, "outdated");
        assert_eq!(ok(admin.get(&path).await)["name"], "front");
        let alice = server.account("alice", &[]).await;
        let path = format!("/api/accounts/users/{}/", alice.id);
        let row = ok(admin.patch(&path, json!({ "display_name": "A" })).await);
        ok(admin.patch(&path, json!({ "display_name": "B", "version": row["version"] })).await);
        let late = admin.patch(&path, json!({ "display_name": "C", "version": row["version"] })).await;
        refused(late, 412, "outdated");
    }
}

served_once! {
    async fn a_key_has_a_length(server: TestServer) {
        let admin = server.platform().await;
        let body = json!({ "code": "desk", "name": "desk" });
        for key in [String::new(), "k".repeat(129)] {
            let (_, answer) = keyed(admin, &key, "/api/v1/roles", &body).await;
            let problem = refused(answer, 400, "invalid");
            assert!(problem["errors"]["Idempotency-Key"].is_array(), "{problem}");
        }
        let (_, made) = keyed(admin, &"k".repeat(128), "/api/v1/roles", &body).await;
        assert_eq!(made.0, 201);
    }

    /// The older paths end with a slash; reading works without one too, writing does not guess (FA10, S2-25).
    async fn trailing_slashes(server: TestServer) {
        let admin = server.platform().await;
        for path in ["/api/accounts/users/me", "/api/accounts/users", "/api/auth/sessions"] {
            let with = ok(admin.get(&format!("{path}/")).await);
            let without = ok(admin.get(path).await);
            assert_eq!(with, without, "{path}");
        }
        let page = ok(admin.get("/api/accounts/users?page_size=1&search=root").await);
        assert_eq!(page["count"], 1);
        let login = json!({ "username": "root", "password": crate::support::PASSWORD });
        refused(server.anonymous().post("/api/auth/login", login).await, 404, "not_found");
        refused(admin.get("/api/v1/roles/").await, 404, "not_found");
        assert_eq!(answer(admin.request(Method::OPTIONS, "/api/v1/roles")).await.0, 405);
    }
}
