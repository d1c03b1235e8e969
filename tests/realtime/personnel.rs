//! Positions push like roles: what they carry, who is put into them and taken out, and the menus that a set shows.

use serde_json::{Value, json};

use crate::frames::{Copy, codes, data, texts};
use crate::support::{Account, Tab, TestServer, ok, refused, served};

/// Guids of a staff record of the account and of a position that carries these codes.
async fn staff_and_position(server: &TestServer, account: &Account, carried: &[&str]) -> (String, String) {
    let admin = server.platform().await;
    let staff = json!({ "staff_no": account.username, "name": "A", "account_id": account.id });
    let staff = ok(admin.post("/api/v1/staff", staff).await)["guid"].as_str().unwrap().to_owned();
    let position = json!({ "code": "keeper", "name": "Keeper" });
    let position = ok(admin.post("/api/v1/positions", position).await)["guid"].as_str().unwrap().to_owned();
    for code in carried {
        ok(admin.post(&format!("/api/v1/positions/{position}/permissions/{code}"), json!({})).await);
    }
    (staff, position)
}

async fn opened(server: &TestServer, account: &Account) -> (Tab, Copy) {
    let mut tab = server.socket(account).await;
    let copy = Copy::of(&tab.frame().await);
    (tab, copy)
}

served! {
    /// S0-5.
    async fn staff_put_into_a_position_and_taken_out(server: TestServer) {
        let admin = server.platform().await;
        let alice = server.account("alice", &["org:view"]).await;
        let (staff, position) = staff_and_position(&server, &alice, &["position:view", "org:view"]).await;
        let (mut tab, mut copy) = opened(&server, &alice).await;
        refused(alice.get("/api/v1/positions").await, 403, "NoPermissionError");

        let path = format!("/api/v1/staff/{staff}/positions");
        let body = json!({ "position_guid": position, "is_primary": true, "change_type": "入职" });
        let saved = ok(admin.post(&path, body).await);
        ok(alice.get("/api/v1/positions").await);
        let (roles, permissions) = (tab.frame().await, tab.frame().await);
        let change = data(&roles, "ROLE_CHANGE", &alice, Some(admin));
        assert_eq!((&change["updateType"], &change["rev"]), (&json!("ADD"), &saved["rev"]));
        let view = json!([{ "guid": position, "code": "keeper", "name": "Keeper" }]);
        assert_eq!((&change["addedPositions"], &change["positions"]), (&view, &view));
        assert_eq!((&change["addedRoles"], codes(&change["roles"])), (&json!([]), vec!["only.alice"]));
        let update = data(&permissions, "PERMISSION_UPDATE", &alice, Some(admin));
        assert_eq!((&update["added"], &update["positions"]), (&json!(["position:view"]), &view));
        copy.follow(&permissions);
        copy.agrees(&alice).await;

        let saved = ok(admin.delete(&format!("{path}/{position}")).await);
        refused(alice.get("/api/v1/positions").await, 403, "NoPermissionError");
        let (roles, permissions) = (tab.frame().await, tab.frame().await);
        let change = data(&roles, "ROLE_CHANGE", &alice, Some(admin));
        assert_eq!((&change["removedPositions"], &change["rev"]), (&view, &saved["rev"]));
        let update = data(&permissions, "PERMISSION_UPDATE", &alice, Some(admin));
        assert_eq!((&update["updateType"], &update["removed"]), (&json!("REMOVE"), &json!(["position:view"])));
        copy.follow(&permissions);
        copy.agrees(&alice).await;
    }

    /// S1-49.
    async fn a_positions_permissions(server: TestServer) {
        let admin = server.platform().await;
        let alice = server.account("alice", &[]).await;
        let bob = server.account("bob", &[]).await;
        let (staff, position) = staff_and_position(&server, &alice, &[]).await;
        let into = json!({ "position_guid": position });
        ok(admin.post(&format!("/api/v1/staff/{staff}/positions"), into).await);
        let (mut tab, mut copy) = opened(&server, &alice).await;
        let (mut others, others_copy) = opened(&server, &bob).await;
        let path = format!("/api/v1/positions/{position}/permissions/role:view");
        for (method, kind, field, status) in
            [("POST", "ADD", "added", 200), ("DELETE", "REMOVE", "removed", 403)]
        {
            let saved = ok(admin.ask(method, &path, &Value::Null).await);
            assert_eq!(alice.get("/api/v1/roles").await.0, status, "enforced with the answer");
            let frame = tab.frame().await;
            let update = data(&frame, "PERMISSION_UPDATE", &alice, Some(admin));
            assert_eq!((&update["updateType"], &update["rev"]), (&json!(kind), &saved["rev"]));
            assert_eq!(update[field], json!(["role:view"]));
            copy.follow(&frame);
            copy.agrees(&alice).await;
            // Again: nothing to do, nothing told.
            assert_eq!(ok(admin.ask(method, &path, &Value::Null).await)["rev"], Value::Null);
        }
        let mark = server.mark().await;
        assert_eq!(tab.until(&mark).await, Vec::<Value>::new());
        assert_eq!(others.until(&mark).await, Vec::<Value>::new());
        others_copy.agrees(&bob).await;
    }

    /// A position switched off, a person on leave, a login taken away: each ends what only the position gave.
    async fn what_ends_a_position_for_a_person(server: TestServer) {
        let admin = server.platform().await;
        let alice = server.account("alice", &[]).await;
        let (staff, position) = staff_and_position(&server, &alice, &["role:view"]).await;
        let into = json!({ "position_guid": position });
        ok(admin.post(&format!("/api/v1/staff/{staff}/positions"), into).await);
        let (mut tab, mut copy) = opened(&server, &alice).await;
        let (staff, position) = (format!("/api/v1/staff/{staff}"), format!("/api/v1/positions/{position}"));
        for (path, off, on) in [
            (&position, json!({ "status": 0 }), json!({ "status": 1 })),
            (&staff, json!({ "status": "on_leave" }), json!({ "status": "active" })),
            (&staff, json!({ "account_id": null }), json!({ "account_id": alice.id })),
        ] {
            for (body, kind, status) in [(&off, "REMOVE", 403), (&on, "ADD", 200)] {
                ok(admin.patch(path, body.clone()).await);
                assert_eq!(alice.get("/api/v1/roles").await.0, status, "{path} {body}");
                let (roles, permissions) = (tab.frame().await, tab.frame().await);
                assert_eq!(data(&roles, "ROLE_CHANGE", &alice, Some(admin))["updateType"], kind, "{body}");
                assert_eq!(data(&permissions, "PERMISSION_UPDATE", &alice, Some(admin))["updateType"], kind);
                copy.follow(&permissions);
                copy.agrees(&alice).await;
            }
        }
        ok(admin.delete(&staff).await);
        refused(alice.get("/api/v1/roles").await, 403, "NoPermissionError");
        tab.next_of("ROLE_CHANGE").await;
        copy.follow(&tab.next_of("PERMISSION_UPDATE").await);
        copy.agrees(&alice).await;
    }

    /// Whoever sees a menu is told when it changes, with his whole state; whoever does not see it hears nothing (E5).
    async fn a_menu_changed(server: TestServer) {
        let admin = server.platform().await;
        let alice = server.account("alice", &["menu:staff"]).await;
        let bob = server.account("bob", &["org:view"]).await;
        let (mut tab, mut copy) = opened(&server, &alice).await;
        let (mut others, others_copy) = opened(&server, &bob).await;
        let menus = ok(alice.get("/api/v1/me/menus").await);
        let listed = ok(admin.get("/api/v1/permissions?search=menu:staff").await);
        let menu = format!("/api/v1/permissions/{}", listed["results"][0]["id"]);

        ok(admin.patch(&menu, json!({ "name": "People", "route": "/people" })).await);
        let frame = tab.frame().await;
        let update = data(&frame, "PERMISSION_UPDATE", &alice, Some(admin));
        assert_eq!((&update["updateType"], &update["added"], &update["removed"]), (&json!("REPLACE"), &json!([]), &json!([])));
        assert_ne!(update["menuVersion"], menus["menu_version"]);
        copy.follow(&frame);
        copy.agrees(&alice).await;
        let menus = ok(alice.get("/api/v1/me/menus").await);
        assert_eq!(menus["menu_version"], update["menuVersion"]);
        assert_eq!((&menus["menus"][0]["name"], &menus["menus"][0]["route"]), (&json!("People"), &json!("/people")));

        // Switched off it is nobody's any more, whoever was granted it.
        ok(admin.patch(&menu, json!({ "status": 0 })).await);
        let frame = tab.frame().await;
        let update = data(&frame, "PERMISSION_UPDATE", &alice, Some(admin));
        assert_eq!(texts(&update["permissions"]), Vec::<String>::new());
        copy.follow(&frame);
        copy.agrees(&alice).await;
        assert_eq!(ok(alice.get("/api/v1/me/menus").await)["menus"], json!([]));

        let mark = server.mark().await;
        assert_eq!(others.until(&mark).await, Vec::<Value>::new());
        others_copy.agrees(&bob).await;
    }

    /// The three reads of one's own state say what the tab was told, and say it alike.
    async fn ones_own_state_is_one(server: TestServer) {
        let alice = server.account("alice", &["org:view", "menu:staff"]).await;
        let mut tab = server.socket(&alice).await;
        let frame = tab.frame().await;
        let snapshot = &frame["data"];
        let own = ok(alice.get("/api/v1/me/permissions").await);
        for (rest, told) in [
            ("permissions", "permissions"),
            ("roles", "roles"),
            ("positions", "positions"),
            ("permission_version", "rev"),
            ("hash", "hash"),
            ("epoch", "epoch"),
            ("menu_version", "menuVersion"),
        ] {
            assert_eq!(own[rest], snapshot[told], "{rest}");
        }
        let codes = ok(alice.get("/role/getFunctionCodeList").await);
        assert_eq!((&codes["code"], &codes["data"]), (&json!(0), &snapshot["permissions"]));
        assert_eq!(codes["permission_version"], snapshot["rev"]);
    }

    /// By hand the state is told again, as it is: no route lets anyone say what somebody may do (S3-39 … S3-41).
    async fn pushes_by_hand_tell_the_state_as_it_is(server: TestServer) {
        let admin = server.platform().await;
        let alice = server.account("alice", &["org:view"]).await;
        let bob = server.account("bob", &[]).await;
        let (mut tab, copy) = opened(&server, &alice).await;
        let (mut others, _) = opened(&server, &bob).await;
        for (path, body, kind) in [
            ("permission-update", json!({ "userId": alice.id, "reason": "again" }), "PERMISSION_UPDATE"),
            ("role-change", json!({ "userId": alice.id, "reason": "again" }), "ROLE_CHANGE"),
            ("batch-permission-update", json!({ "roleId": alice.role, "reason": "again" }), "PERMISSION_UPDATE"),
        ] {
            ok(admin.post(&format!("/api/v1/push/{path}"), body).await);
            let frame = tab.frame().await;
            let told = data(&frame, kind, &alice, Some(admin));
            assert_eq!((&told["reason"], &told["rev"]), (&json!("again"), &json!(copy.rev())));
            if kind == "PERMISSION_UPDATE" {
                assert_eq!(Copy::of(&frame), copy);
            }
        }
        let forged = json!({ "userId": bob.id, "permissions": ["system:admin"] });
        refused(admin.post("/api/v1/push/permission-update", forged).await, 400, "invalid");
        let mark = server.mark().await;
        assert_eq!(tab.until(&mark).await, Vec::<Value>::new());
        assert_eq!(others.until(&mark).await, Vec::<Value>::new());
    }
}
