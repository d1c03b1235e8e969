//! Positions and what they carry (S1-6 … S1-9, S1-19, S1-38, S1-39).

use serde_json::{Value, json};

use super::{NOBODY, denied, faulty, guid, organization, person, position, put};
use crate::support::{ok, refused, served};

const PATH: &str = "/api/v1/positions";

served! {
    /// S0-2.
    async fn a_position_is_made_read_changed_and_deleted(server: TestServer) {
        let platform = server.platform().await; // the last administrator stays
        let (lobby, hall) = (organization(platform, "lobby").await, organization(platform, "hall").await);
        let hr =
            server.account("hr", &["position:view", "position:create", "position:update", "position:delete"]).await;
        let new = json!({ "code": "desk", "name": "前台", "is_manager": true, "organization_guid": lobby });
        let made = ok(hr.post(PATH, new).await);
        assert_eq!(made["organization_guid"], lobby);
        assert_eq!((&made["status"], &made["is_manager"], &made["holders"]), (&json!(1), &json!(true), &json!(0)));
        let one = format!("{PATH}/{}", guid(&made));
        assert_eq!(ok(hr.get(&one).await), made);
        assert_eq!(ok(hr.get(&format!("{one}/permissions")).await), json!({ "permissions": [] }), "S1-44");

        let body = json!({ "code": "lobby", "organization_guid": hall, "version": 1 });
        let changed = ok(hr.patch(&one, body).await);
        assert_eq!(
            (&changed["code"], &changed["name"], &changed["organization_guid"], &changed["version"]),
            (&json!("lobby"), &json!("前台"), &json!(hall), &json!(2))
        );
        refused(hr.patch(&one, json!({ "name": "x", "version": 1 })).await, 412, "outdated");
        // A list leaves out what takes a look of its own.
        let mut listed = changed.clone();
        listed.as_object_mut().unwrap().remove("data_scope_organizations");
        assert_eq!(ok(hr.get(&format!("{PATH}?search=lob")).await)["results"], json!([listed]));

        assert_eq!(ok(hr.delete(&one).await)["changed"], true);
        refused(hr.get(&one).await, 404, "not_found");
    }

    async fn each_step_needs_its_permission(server: TestServer) {
        let one = format!("{PATH}/{}", position(server.platform().await, "desk", &["org:view"]).await);
        let all = [
            ("position:view", "GET", PATH.to_owned(), Value::Null),
            ("position:view", "GET", one.clone(), Value::Null),
            ("position:view", "GET", format!("{one}/permissions"), Value::Null),
            ("position:create", "POST", PATH.to_owned(), json!({ "code": "x", "name": "x" })),
            ("position:update", "PATCH", one.clone(), json!({ "name": "x" })),
            ("permission:assign", "POST", format!("{one}/permissions/position:view"), json!({})),
            ("permission:assign", "DELETE", format!("{one}/permissions/position:view"), Value::Null),
            ("position:delete", "DELETE", one, Value::Null),
        ];
        for code in ["position:view", "position:create", "position:update", "permission:assign", "position:delete"] {
            // What the position carries is held besides: this is about the routes' own permissions.
            let mut codes = vec![code, "org:view"];
            if code == "permission:assign" {
                codes.push("position:view");
            }
            let by = server.account(&code.replace(':', "-"), &codes).await;
            let others: Vec<_> = all
                .iter()
                .filter(|row| !codes.contains(&row.0))
                .map(|row| (row.1, row.2.clone(), row.3.clone()))
                .collect();
            denied(&server, &by, &others).await;
            for (_, method, path, body) in all.iter().filter(|row| row.0 == code) {
                ok(by.ask(method, path, body).await);
            }
        }
    }

    async fn a_fault_is_named_and_nothing_is_changed(server: TestServer) {
        let by = server.platform().await;
        position(by, "desk", &[]).await;
        let one = format!("{PATH}/{}", position(by, "people", &[]).await);
        let row = |method, path: &str, body: Value, status, code, field| {
            (method, path.to_owned(), body, status, code, field)
        };
        let nowhere = json!({ "organization_guid": NOBODY });
        faulty(&server, by, &[
            row("POST", PATH, json!({ "code": "desk", "name": "x" }), 409, "already_exists", "code"),
            row("POST", PATH, json!({ "code": "x y", "name": "x" }), 400, "invalid", "code"),
            row("POST", PATH, json!({ "code": "x", "name": "" }), 400, "invalid", "name"),
            row("POST", PATH, json!({ "code": "x", "name": "x", "status": 2 }), 400, "invalid", "status"),
            row("PATCH", &one, json!({ "code": "desk" }), 409, "already_exists", "code"),
            row("PATCH", &one, json!({ "status": 7 }), 400, "invalid", "status"),
            row("PATCH", &one, nowhere, 400, "unknown_organization", "organization_guid"),
            row("PATCH", &one, json!({ "organization_guid": "7" }), 400, "invalid", "organization_guid"),
            row("PATCH", &format!("{PATH}/{NOBODY}"), json!({}), 404, "not_found", ""),
            row("PATCH", &format!("{PATH}/7"), json!({}), 400, "invalid", "guid"),
            row("DELETE", &format!("{PATH}/{NOBODY}"), Value::Null, 404, "not_found", ""),
            row("GET", &format!("{PATH}/{NOBODY}/permissions"), Value::Null, 404, "not_found", ""),
            row("POST", &format!("{PATH}/{NOBODY}/permissions/org:view"), json!({}), 404, "not_found", ""),
            row("POST", &format!("{PATH}/7/permissions/org:view"), json!({}), 400, "invalid", "guid"),
            row("POST", &format!("{one}/permissions/org:fly"), json!({}), 400, "unknown_permission", "permissions"),
            row("POST", &format!("{one}/permissions/system:admin"), json!({}), 400, "confirmation_required", "confirm"),
        ])
        .await;
    }

    async fn assigning_and_removing_a_permission_is_felt_at_once_and_harmless_when_repeated(server: TestServer) {
        let by = server.platform().await;
        let one = position(by, "desk", &["org:view"]).await;
        let alice = server.account("alice", &[]).await;
        put(by, &person(by, &alice).await, &one).await;
        refused(alice.get(PATH).await, 403, "NoPermissionError");

        let path = format!("{PATH}/{one}/permissions/position:view");
        let given = ok(by.post(&path, json!({ "reason": "new desk" })).await);
        assert!(given["rev"].is_i64(), "{given}");
        let (changed, permissions) = (&given["changed"], &given["permissions"]);
        assert_eq!((changed, permissions), (&json!(true), &json!(["org:view", "position:view"])));
        ok(alice.get(PATH).await);
        let before = server.rows().await;
        let again = json!({ "rev": null, "changed": false, "permissions": ["org:view", "position:view"] });
        assert_eq!(ok(by.ask("POST", &path, &Value::Null).await), again);
        assert_eq!(server.rows().await, before);

        let taken = ok(by.delete(&path).await);
        assert_eq!((&taken["changed"], &taken["permissions"]), (&json!(true), &json!(["org:view"])));
        refused(alice.get(PATH).await, 403, "NoPermissionError");
        let before = server.rows().await;
        assert_eq!(ok(by.delete(&path).await)["changed"], false);
        assert_eq!(server.rows().await, before);
    }

    async fn nobody_moves_what_he_does_not_hold_through_a_position(server: TestServer) {
        let platform = server.platform().await;
        let one = format!("{PATH}/{}", position(platform, "desk", &["org:view", "org:delete"]).await);
        let by = server
            .account("hr", &["permission:assign", "position:update", "position:delete", "org:view"])
            .await;
        denied(&server, &by, &[
            ("POST", format!("{one}/permissions/org:update"), json!({})),
            ("DELETE", format!("{one}/permissions/org:delete"), Value::Null),
            ("PATCH", one.clone(), json!({ "status": 0 })),
            ("DELETE", format!("{one}?force=true"), Value::Null),
        ])
        .await;
        ok(by.delete(&format!("{one}/permissions/org:view")).await);
        ok(by.patch(&one, json!({ "name": "renaming gives nothing" })).await);
    }

    async fn switching_a_position_gives_and_takes_what_it_carries(server: TestServer) {
        let by = server.platform().await;
        let one = position(by, "desk", &["org:view"]).await;
        let alice = server.account("alice", &[]).await;
        put(by, &person(by, &alice).await, &one).await;
        let mut tab = server.tab(&alice).await;
        for (status, expected) in [(0, vec![]), (1, vec!["org:view"])] {
            ok(by.patch(&format!("{PATH}/{one}"), json!({ "status": status })).await);
            assert_eq!(alice.codes().await, expected);
            let frame = tab.next_of("PERMISSION_UPDATE").await;
            assert_eq!((&frame["data"]["permissions"], &frame["data"]["reason"]), (&json!(expected), &json!("position:desk")));
        }
    }

    async fn a_held_position_is_deleted_only_by_force(server: TestServer) {
        let by = server.platform().await;
        let one = position(by, "desk", &["org:view"]).await;
        let alice = server.account("alice", &[]).await;
        put(by, &person(by, &alice).await, &one).await;
        assert_eq!(ok(by.get(&format!("{PATH}/{one}")).await)["holders"], 1);
        let before = server.rows().await;
        refused(by.delete(&format!("{PATH}/{one}")).await, 409, "position_held");
        assert_eq!(server.rows().await, before);
        assert_eq!(alice.codes().await, ["org:view"]);

        let mut tab = server.tab(&alice).await;
        assert!(ok(by.delete(&format!("{PATH}/{one}?force=true")).await)["rev"].is_i64());
        assert!(alice.codes().await.is_empty());
        assert_eq!(tab.next_of("PERMISSION_UPDATE").await["data"]["removed"], json!(["org:view"]));
    }
}
