//! Accounts: made, listed and changed by administrators, kept by their owners; the four values of `role`.

use serde_json::{Value, json};

use crate::support::{PASSWORD, ok, refused, served};

const PATH: &str = "/api/accounts/users/";

/// The fields of a person that an account shows (S2-46).
const FIELDS: [&str; 5] = ["username", "email", "role", "phone", "department"];

/// The values of `role`, and what they are called (S2-2, S2-47).
const ROLES: [(&str, &str); 4] =
    [("user", "使用方"), ("admin", "管理方"), ("manager", "承建方-项目经理"), ("employee", "承建方-员工")];

served! {
    /// S2-29, S2-31, S2-32, S2-46.
    async fn an_account_is_made_listed_and_changed(server: TestServer) {
        let hr = server.account("hr", &["account:create", "account:view", "account:update"]).await;
        let mut expected = json!({
            "username": "wang.wei", "email": "wang@example.com", "role": null, "phone": "+86 10 1234", "department": "运维 🛠",
        });
        let mut new = expected.clone();
        new["password"] = json!(PASSWORD);
        let made = ok(hr.post(PATH, new.clone()).await);
        let shown = |row: &Value| FIELDS.iter().map(|field| ((*field).to_owned(), row[field].clone())).collect::<Value>();
        assert_eq!(shown(&made), expected);
        refused(hr.post(PATH, new).await, 409, "already_exists");
        assert_eq!(ok(server.login("wang.wei", PASSWORD).await)["user"]["id"], made["id"]);

        let one = format!("{PATH}{}/", made["id"]);
        expected["email"] = json!("wei@example.com");
        expected["department"] = json!("客服");
        let changed = ok(hr.patch(&one, json!({ "email": "wei@example.com", "department": "客服" })).await);
        assert_eq!(shown(&changed), expected);
        let listed = ok(hr.get(&format!("{PATH}?search=wang")).await);
        assert_eq!((&listed["count"], shown(&listed["results"][0])), (&json!(1), expected));
        assert!(ok(hr.get(PATH).await)["count"].as_i64().is_some_and(|count| count >= 2), "he himself is there too");
    }

    /// S2-2, S2-47.
    async fn a_role_is_one_of_four_and_each_is_a_role_that_is_there(server: TestServer) {
        let root = server.platform().await;
        for (role, name) in ROLES {
            let new = json!({ "username": format!("a.{role}"), "password": PASSWORD, "role": role });
            assert_eq!(ok(root.post(PATH, new).await)["role"], role);
            let found = ok(root.get(&format!("/api/v1/roles?search={role}")).await)["results"].clone();
            let shipped = found.as_array().expect("rows").iter().find(|row| row["code"] == role);
            assert_eq!(shipped.map(|row| &row["name"]), Some(&json!(name)), "{role}");
        }
        let before = server.rows().await;
        for role in ["contractor", "Admin", "使用方", "hr", ""] {
            let new = json!({ "username": "another", "password": PASSWORD, "role": role });
            let problem = refused(root.post(PATH, new).await, 400, "invalid");
            assert!(problem["errors"]["role"].is_array(), "{role}: {problem}");
        }
        assert_eq!(before, server.rows().await);
    }

    /// His own profile, without any permission, and nothing of it that gives rights (S2-6).
    async fn one_keeps_ones_own_profile(server: TestServer) {
        let alice = server.account("alice", &[]).await;
        let bob = server.account("bob", &[]).await;
        let (own, other) = (format!("{PATH}{}/", alice.id), format!("{PATH}{}/", bob.id));
        let profile = json!({ "display_name": "爱丽丝", "email": "a@example.com", "phone": "1", "department": "前台" });
        ok(alice.patch(&own, profile.clone()).await);
        let me = ok(alice.get(&format!("{PATH}me/")).await);
        for (field, value) in profile.as_object().expect("an object") {
            assert_eq!(&me[field], value, "{field}");
        }
        let before = server.rows().await;
        for (path, body) in [
            (&own, json!({ "role": "admin" })),
            (&own, json!({ "status": 0 })),
            (&other, json!({ "email": "x@example.com" })),
        ] {
            refused(alice.patch(path, body).await, 403, "NoPermissionError");
        }
        assert_eq!(before, server.rows().await);
    }
}
