//! Changing the catalogue: who may, what may be changed, and whom it concerns at once.

use super::fields;
use crate::support::{Account, TestServer, ok, refused, served};
use serde_json::{Value, json};

/// Makes a menu and answers its id.
async fn menu(by: &Account, code: &str) -> i64 {
    let new = json!({ "code": code, "name": code, "kind": "menu", "route": "/reports" });
    ok(by.post("/api/v1/permissions", new).await)["id"].as_i64().expect("an id")
}

async fn grant(server: &TestServer, role: i64, code: &str) {
    let path = format!("/api/v1/roles/{role}/permissions/add");
    ok(server.platform().await.post(&path, json!({ "permissions": [code] })).await);
}

fn by_id(id: i64) -> String {
    format!("/api/v1/permissions/{id}")
}

served! {
    async fn the_catalogue_is_searched_by_kind_application_and_text(server: TestServer) {
        let auditor = server.account("auditor", &["permission:view"]).await;
        let list = async |query: &str| ok(auditor.get(&format!("/api/v1/permissions?{query}")).await);
        let all = list("page_size=100").await;
        assert_eq!(all["results"].as_array().unwrap().len() as i64, all["count"].as_i64().unwrap());
        let menus = list("kind=menu").await;
        assert_eq!(menus["count"], 4);
        assert_eq!(list("kind=menu&page_size=3&page=2").await["results"].as_array().unwrap().len(), 1);
        assert_eq!(fields(&list("search=SESSION").await["results"], "code"), ["session:view", "session:kick"]);
        assert_eq!(fields(&list("search=请假&kind=api").await["results"], "code"), ["leave:approve", "leave:view"]);
        assert_eq!(list("application=1").await["count"], 0);
        assert_eq!(list("application=0").await["count"], all["count"]);
    }

    async fn a_new_permission_is_nobodys_until_it_is_granted_and_gone_for_all_when_deleted(server: TestServer) {
        let root = server.platform().await;
        let alice = server.account("alice", &["org:view"]).await;
        let id = menu(root, "menu:reports").await;
        assert!(id >= 10_000);
        assert_eq!(alice.codes().await, ["org:view"]);
        grant(&server, alice.role, "menu:reports").await;
        let mut tab = server.tab(&alice).await;
        refused(root.delete(&by_id(id)).await, 409, "permission_held");
        assert_eq!(alice.codes().await, ["menu:reports", "org:view"]);
        let rev = ok(root.delete(&format!("{}?force=true", by_id(id))).await)["rev"].clone();
        let told = tab.next_of("PERMISSION_UPDATE").await["data"].clone();
        assert_eq!((&told["rev"], &told["removed"]), (&rev, &json!(["menu:reports"])));
        assert_eq!(alice.codes().await, ["org:view"]);
        let changes = ok(root.get(&format!("/api/v1/permission-changes?role={}", alice.role)).await);
        let detail = &changes["results"][0];
        assert_eq!((&detail["rev"], &detail["change_detail"]["removed"]), (&rev, &json!(["menu:reports"])));
        refused(root.delete(&by_id(id)).await, 404, "not_found");
    }

    /// E5.
    async fn a_changed_menu_reaches_exactly_those_who_see_it(server: TestServer) {
        let root = server.platform().await;
        let alice = server.account("alice", &["menu:staff", "org:view"]).await;
        let bob = server.account("bob", &["org:view"]).await;
        let (mut hers, mut his) = (server.socket(&alice).await, server.tab(&bob).await);
        let before = hers.next_of("PERMISSION_UPDATE").await["data"].clone();
        let row = ok(root.patch(&by_id(7102), json!({ "name": "同事", "route": "/people", "sort": 5 })).await);
        assert_eq!((&row["name"], &row["route"], &row["version"]), (&json!("同事"), &json!("/people"), &json!(2)));
        let told = hers.next_of("PERMISSION_UPDATE").await["data"].clone();
        assert_eq!((&told["updateType"], &told["reason"]), (&json!("REPLACE"), &json!("permission:menu:staff")));
        assert_eq!(told["permissions"], before["permissions"]);
        assert_ne!(told["menuVersion"], before["menuVersion"]);
        let menus = ok(alice.get("/api/v1/me/menus").await);
        assert_eq!((&menus["menu_version"], &menus["menus"][0]["route"]), (&told["menuVersion"], &json!("/people")));
        let mark = server.mark().await;
        assert_eq!(his.until(&mark).await, [] as [Value; 0]);
    }

    async fn what_is_switched_off_is_refused_at_once_and_to_everybody(server: TestServer) {
        let root = server.platform().await;
        let alice = server.account("alice", &["role:view", "org:view"]).await;
        let mut tab = server.tab(&alice).await;
        let switch = async |status: i64| ok(root.patch(&by_id(1101), json!({ "status": status })).await);
        switch(0).await;
        refused(alice.get("/api/v1/roles").await, 403, "NoPermissionError");
        refused(root.get("/api/v1/roles").await, 403, "NoPermissionError");
        assert_eq!(tab.next_of("PERMISSION_UPDATE").await["data"]["removed"], json!(["role:view"]));
        switch(1).await;
        ok(alice.get("/api/v1/roles").await);
        ok(root.get("/api/v1/roles").await);
        assert_eq!(tab.next_of("PERMISSION_UPDATE").await["data"]["added"], json!(["role:view"]));
        let before = server.rows().await;
        switch(1).await;
        assert_eq!(before, server.rows().await, "what already is so is not written");
        refused(root.patch(&by_id(9999), json!({ "status": 0 })).await, 403, "builtin");
        ok(root.patch(&by_id(9999), json!({ "name": "系统管理员" })).await);
    }

    async fn a_menu_takes_its_buttons_along_and_never_hangs_under_itself(server: TestServer) {
        let root = server.platform().await;
        let (outer, inner) = (menu(root, "menu:outer").await, menu(root, "menu:inner").await);
        let button = json!({ "code": "button:run", "name": "run", "kind": "button", "parent_id": inner });
        let button = ok(root.post("/api/v1/permissions", button).await);
        assert_eq!(button["level"], 2);
        assert_eq!(ok(root.patch(&by_id(inner), json!({ "parent_id": outer })).await)["level"], 2);
        let rows = ok(root.get("/api/v1/permissions?search=button:run").await);
        assert_eq!(rows["results"][0]["level"], 3);
        for (id, parent) in [(outer, inner), (outer, outer), (inner, 1001), (inner, 99_999)] {
            let problem = refused(root.patch(&by_id(id), json!({ "parent_id": parent })).await, 400, "invalid");
            assert!(problem["errors"]["parent_id"].is_array(), "{problem}");
        }
        refused(root.delete(&by_id(outer)).await, 409, "in_use");
        assert_eq!(ok(root.patch(&by_id(inner), json!({ "parent_id": null })).await)["level"], 1);
        ok(root.delete(&by_id(outer)).await);
    }

    /// S1-18.
    async fn what_may_not_be_written_is_refused_and_nothing_is_changed(server: TestServer) {
        let root = server.platform().await;
        let (own, versioned) = (menu(root, "menu:own").await, menu(root, "menu:versioned").await);
        ok(root.patch(&by_id(versioned), json!({ "name": "newer" })).await);
        let writer = server.account("writer", &["permission:view", "permission:assign", "role:update"]).await;
        let before = server.rows().await;
        let new = json!({ "code": "menu:new", "name": "new", "kind": "menu" });
        let with = |field: &str, value: Value| {
            let mut new = new.clone();
            new[field] = value;
            new
        };
        refused(writer.post("/api/v1/permissions", new.clone()).await, 403, "NoPermissionError");
        refused(writer.patch(&by_id(own), json!({ "name": "x" })).await, 403, "NoPermissionError");
        refused(writer.delete(&by_id(own)).await, 403, "NoPermissionError");
        let wrong = [
            ("code", json!("with space")),
            ("code", json!("")),
            ("name", json!(" ")),
            ("kind", json!("page")),
            ("route", json!("javascript:alert(1)")),
            ("route", json!("//elsewhere")),
            ("icon", json!("two\nlines")),
            ("sort", json!(9_007_199_254_740_993_i64)),
            ("application_id", json!(77)),
            ("parent_id", json!(1001)),
        ];
        for (field, value) in wrong {
            let problem = refused(root.post("/api/v1/permissions", with(field, value)).await, 400, "invalid");
            assert!(problem["errors"][field].is_array(), "{problem}");
        }
        refused(root.post("/api/v1/permissions", with("code", json!("org:view"))).await, 409, "already_exists");
        refused(root.patch(&by_id(own), json!({ "code": "org:view" })).await, 409, "already_exists");
        refused(root.patch(&by_id(7101), json!({ "code": "menu:other" })).await, 403, "builtin");
        refused(root.patch(&by_id(7111), json!({ "parent_id": 7102 })).await, 403, "builtin");
        refused(root.patch(&by_id(own), json!({ "status": 2 })).await, 400, "invalid");
        refused(root.patch(&by_id(own), json!({ "kind": "api" })).await, 400, "invalid");
        refused(root.patch(&by_id(versioned), json!({ "name": "x", "version": 1 })).await, 412, "outdated");
        refused(root.patch(&by_id(77), json!({ "name": "x" })).await, 404, "not_found");
        refused(root.delete(&by_id(7111)).await, 403, "builtin");
        refused(root.delete(&format!("{}?force=true", by_id(1001))).await, 403, "builtin");
        assert_eq!(before, server.rows().await);
    }

    async fn a_new_code_moves_with_its_grants(server: TestServer) {
        let root = server.platform().await;
        let alice = server.account("alice", &[]).await;
        let id = menu(root, "menu:old").await;
        grant(&server, alice.role, "menu:old").await;
        ok(root.patch(&by_id(id), json!({ "code": "menu:new" })).await);
        assert_eq!(alice.codes().await, ["menu:new"]);
        menu(root, "menu:old").await;
        assert_eq!(alice.codes().await, ["menu:new"]);
    }
}
