//! Input that is wrong: answered with a problem that names code and field, and nothing is changed.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{answer, ok, refused, served, served_once};

/// Method, path, body, status, code, field.
type Case = (&'static str, String, Value, u16, &'static str, &'static str);

served! {
    async fn every_wrong_value_is_refused_by_the_name_of_its_field(server: TestServer) {
        let admin = server.platform().await;
        let alice = server.account("alice", &["org:view"]).await;
        let (roles, users) = ("/api/v1/roles".to_owned(), "/api/accounts/users/".to_owned());
        let role = format!("{roles}/{}", alice.role);
        let user = format!("{users}{}/", alice.id);
        let held = format!("/api/v1/accounts/{}/roles", alice.id);
        let (add, set) = (format!("{role}/permissions/add"), format!("{role}/permissions"));
        let broadcast = "/api/v1/notifications/broadcast".to_owned();
        let long = "x".repeat(2_001);
        let notice = |field: &str, value: &str| {
            let mut notice = json!({ "title": "t", "content": "c", "category": "x", "severity": "info" });
            notice[field] = json!(value);
            notice
        };
        let codes: Vec<String> = (0..2_001).map(|number| format!("a:{number}")).collect();
        let many: Vec<Value> = (0..101).map(|id| json!({ "role_id": id })).collect();
        let cases: Vec<Case> = vec![
            // fields that are missing, unknown or of another type
            ("POST", roles.clone(), json!({}), 400, "invalid", "code"),
            ("POST", roles.clone(), json!({ "code": "desk" }), 400, "invalid", "name"),
            ("POST", roles.clone(), json!({ "code": "desk", "name": "d", "kind": "builtin" }), 400, "invalid", "kind"),
            ("POST", roles.clone(), json!({ "code": 7, "name": "d" }), 400, "invalid", "code"),
            ("POST", roles.clone(), json!([]), 400, "invalid", "body"),
            ("POST", roles.clone(), json!(["desk", "d"]), 400, "invalid", "body"),
            ("POST", roles.clone(), json!("desk"), 400, "invalid", "body"),
            ("PATCH", role.clone(), json!({ "status": "off" }), 400, "invalid", "status"),
            ("PATCH", role.clone(), json!({ "code": "new.code" }), 400, "invalid", "code"),
            ("POST", add.clone(), json!({ "permissions": "org:view" }), 400, "invalid", "permissions"),
            ("POST", add.clone(), json!({ "permissions": ["org:view", 7] }), 400, "invalid", "permissions[1]"),
            ("PUT", held.clone(), json!({ "roles": [{ "role_id": "7" }] }), 400, "invalid", "roles[0].role_id"),
            ("PUT", held.clone(), json!({ "roles": [{ "role_id": 1.5 }] }), 400, "invalid", "roles[0].role_id"),
            ("PUT", held.clone(), json!({ "roles": [{ "role_id": 1, "x": 1 }] }), 400, "invalid", "roles[0].x"),
            ("PUT", held.clone(), json!({ "roles": [{}] }), 400, "invalid", "roles[0].role_id"),
            ("PATCH", user.clone(), json!({ "is_platform": true }), 400, "invalid", "is_platform"),
            ("PATCH", user.clone(), json!({ "permissions": ["system:admin"] }), 400, "invalid", "permissions"),
            ("POST", "/api/auth/login/".to_owned(), json!({ "username": "a" }), 400, "invalid", "password"),
            ("POST", "/api/v1/sessions/end".to_owned(), json!({ "user": 1 }), 400, "invalid", "user"),
            ("POST", "/api/v1/push/force-logout".to_owned(), json!({ "user_id": 1 }), 400, "invalid", "user_id"),
            // values
            ("POST", roles.clone(), json!({ "code": "Front Desk", "name": "d" }), 400, "invalid", "code"),
            ("POST", roles.clone(), json!({ "code": "", "name": "d" }), 400, "invalid", "code"),
            ("POST", roles.clone(), json!({ "code": "desk", "name": " " }), 400, "invalid", "name"),
            ("POST", roles.clone(), json!({ "code": "desk", "name": "a\u{7}b" }), 400, "invalid", "name"),
            ("PATCH", role.clone(), json!({ "status": 2 }), 400, "invalid", "status"),
            ("PATCH", user.clone(), json!({ "status": 2 }), 400, "invalid", "status"),
            ("PATCH", user.clone(), json!({ "role": "boss" }), 400, "invalid", "role"),
            ("PATCH", user.clone(), json!({ "email": "x".repeat(201) }), 400, "invalid", "email"),
            ("POST", users.clone(), json!({ "username": "a b", "password": "long enough" }), 400, "invalid", "username"),
            ("POST", users.clone(), json!({ "username": "x".repeat(65), "password": "long enough" }), 400, "invalid", "username"),
            ("POST", users.clone(), json!({ "username": "new", "password": "short" }), 400, "password_length", "password"),
            ("POST", users.clone(), json!({ "username": "newcomer", "password": "Newcomer" }), 400, "password_weak", "password"),
            ("POST", add.clone(), json!({ "permissions": ["org:view", "org:fly"] }), 400, "unknown_permission", "permissions"),
            ("PUT", set.clone(), json!({ "permissions": ["ORG:VIEW"] }), 400, "unknown_permission", "permissions"),
            ("POST", add.clone(), json!({ "permissions": ["system:admin"] }), 400, "confirmation_required", "confirm"),
            ("POST", add.clone(), json!({ "permissions": codes }), 400, "too_many", "permissions"),
            ("POST", add.clone(), json!({ "permissions": ["org:create"], "reason": long }), 400, "invalid", "reason"),
            ("PUT", held.clone(), json!({ "roles": [{ "role_id": 999_999 }] }), 400, "unknown_role", "role_id"),
            ("PUT", held.clone(), json!({ "roles": many }), 400, "too_many", "roles"),
            ("POST", broadcast.clone(), notice("severity", "fatal"), 400, "invalid", "severity"),
            ("POST", broadcast.clone(), notice("title", ""), 400, "invalid", "title"),
            ("POST", broadcast.clone(), notice("content", &long), 400, "invalid", "content"),
            // what is taken
            ("POST", roles.clone(), json!({ "code": "only.alice", "name": "d" }), 409, "already_exists", "code"),
            ("POST", users.clone(), json!({ "username": "alice", "password": "long enough" }), 409, "already_exists", "username"),
            // what is not there
            ("PATCH", format!("{roles}/999999"), json!({ "name": "d" }), 404, "not_found", ""),
            ("POST", format!("{roles}/999999/permissions/add"), json!({ "permissions": [] }), 404, "not_found", ""),
            ("GET", format!("{roles}/x"), Value::Null, 404, "not_found", ""),
            ("GET", format!("{roles}/9223372036854775808"), Value::Null, 404, "not_found", ""),
            ("PATCH", format!("{users}999999/"), json!({ "email": "x" }), 404, "not_found", ""),
            ("PUT", "/api/v1/accounts/999999/roles".to_owned(), json!({ "roles": [] }), 404, "not_found", ""),
            // what ships with the house, or is still in use
            ("DELETE", role.clone(), Value::Null, 409, "role_held", ""),
            ("DELETE", format!("{roles}/1"), Value::Null, 403, "builtin", ""),
        ];
        let before = server.rows().await;
        for (method, path, body, status, code, field) in cases {
            let shown = format!("{method} {path} {body:.200}");
            let answer = admin.ask(method, &path, &body).await;
            assert_eq!((answer.0, answer.1["code"].as_str()), (status, Some(code)), "{shown}: {}", answer.1);
            let problem = refused(answer, status, code);
            assert_eq!(problem["instance"], path.split('?').next().unwrap(), "{shown}");
            if field.is_empty() {
                assert_eq!(problem.get("errors"), None, "{shown}: {problem}");
            } else {
                let errors = problem["errors"].as_object().unwrap_or_else(|| panic!("{shown}: {problem}"));
                assert_eq!(errors.keys().collect::<Vec<_>>(), [field], "{shown}");
            }
        }
        assert_eq!(before, server.rows().await);
    }
}

served_once! {
    async fn what_is_not_json(server: TestServer) {
        let admin = server.platform().await;
        let before = server.rows().await;
        for text in ["{", "{\"code\":", "code=desk&name=d", "{\"code\":\"a\",\"name\":\"b\"} {}", "\u{0}", "{\"code\":\"a\",}"] {
            let request = admin.request(Method::POST, "/api/v1/roles").body(text);
            let problem = refused(answer(request).await, 400, "malformed_json");
            assert!(problem["errors"].is_object(), "{problem}");
        }
        let nested = format!("{{\"code\":{}", "[".repeat(100_000));
        refused(answer(admin.request(Method::POST, "/api/v1/roles").body(nested)).await, 400, "invalid");
        let bytes = admin.request(Method::POST, "/api/v1/roles").body(vec![b'{', b'"', 0xFF, b'"', b'}']);
        assert_eq!(answer(bytes).await.0, 400);
        assert_eq!(before, server.rows().await);
    }

    /// The same key twice in one object: one of two readers would be fooled.
    async fn a_doubled_field(server: TestServer) {
        let admin = server.platform().await;
        let text = r#"{"code":"desk","code":"other","name":"d"}"#;
        let request = admin.request(Method::POST, "/api/v1/roles").body(text);
        refused(answer(request).await, 400, "invalid");
    }

    async fn a_body_beyond_the_limit(server: TestServer) {
        let admin = server.platform().await;
        let before = server.rows().await;
        let body = json!({ "code": "desk", "name": "x".repeat(262_144) }).to_string();
        for path in ["/api/v1/roles", "/api/auth/login/"] {
            let request = admin.request(Method::POST, path).body(body.clone());
            refused(answer(request).await, 413, "too_large");
            let keyed = admin.request(Method::POST, path).header("idempotency-key", "large").body(body.clone());
            refused(answer(keyed).await, 413, "too_large");
        }
        assert_eq!(before, server.rows().await);
    }

    async fn unknown_paths_and_methods(server: TestServer) {
        let admin = server.platform().await;
        for path in ["/api/v1/nothing", "/api/v2/roles", "/api", "/role", "/%00", "/../etc/passwd"] {
            let problem = refused(admin.get(path).await, 404, "not_found");
            assert!(!problem.to_string().contains("passwd") || path.contains("passwd"));
        }
        for (method, path) in [
            ("DELETE", "/api/v1/roles"),
            ("PUT", "/api/v1/roles"),
            ("PATCH", "/api/v1/sessions"),
            ("GET", "/api/auth/login/"),
            ("POST", "/api/accounts/users/me/"),
        ] {
            refused(admin.ask(method, path, &Value::Null).await, 405, "method_not_allowed");
        }
    }

    async fn bad_queries(server: TestServer) {
        let admin = server.platform().await;
        for (path, field) in [
            ("/api/v1/roles?page=x", "page"),
            ("/api/v1/roles?page_size=-", "page_size"),
            ("/api/accounts/users/?status=on", "status"),
            ("/api/v1/sessions?account=alice", "query"),
            ("/api/v1/sessions?usr=1", "query"),
        ] {
            let problem = refused(admin.get(path).await, 400, "invalid");
            assert!(problem["errors"][field].is_array(), "{path}: {problem}");
        }
        let problem = admin.delete("/api/v1/roles/1?force=maybe").await;
        refused(problem, 400, "invalid");
        // Out of range is moved to the nearest page that there is; a search takes every sign as itself.
        for path in ["/api/v1/roles?page=0&page_size=1000", "/api/v1/roles?page=999999999999"] {
            assert!(ok(admin.get(path).await)["count"].as_i64().unwrap() > 0);
        }
        for search in ["%25", "_", "%5C", "'%20OR%201=1--"] {
            assert_eq!(ok(admin.get(&format!("/api/v1/roles?search={search}x")).await)["count"], 0, "{search}");
        }
    }

    /// S2-25.
    async fn pages_join_up(server: TestServer) {
        let admin = server.platform().await;
        for number in 0..5 {
            let role = json!({ "code": format!("page.{number}"), "name": "page" });
            ok(admin.post("/api/v1/roles", role).await);
        }
        let mut path = "/api/v1/roles?search=page.&page_size=2".to_owned();
        let mut seen = Vec::new();
        loop {
            let page = ok(admin.get(&path).await);
            assert_eq!(page["count"], 5);
            let mut members: Vec<&str> = page.as_object().unwrap().keys().map(String::as_str).collect();
            members.sort_unstable();
            assert_eq!(members, ["count", "next", "previous", "results"]);
            seen.extend(page["results"].as_array().unwrap().iter().map(|row| row["code"].to_string()));
            match page["next"].as_str() {
                Some(next) => path = next.to_owned(),
                None => break,
            }
        }
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 5);
    }

    /// A defect's cause stays in the log; a problem names the request so that it can be found there.
    async fn a_problem_can_be_found_again(server: TestServer) {
        let request = server.anonymous().request(Method::GET, "/api/v1/roles").header("x-request-id", "my-request-77");
        let response = request.send().await.unwrap();
        assert_eq!(response.headers()["x-request-id"], "my-request-77");
        assert_eq!(response.headers()["cache-control"], "no-store");
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        let problem = refused(crate::support::read(response).await, 401, "token_missing");
        assert_eq!(problem["request_id"], "my-request-77");
    }
}
