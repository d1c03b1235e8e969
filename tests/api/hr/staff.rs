//! Staff records (S1-10 … S1-13): what they hold, and whose login holds their positions.

use serde_json::{Value, json};

use super::{NOBODY, denied, faulty, guid, organization, person, position, put};
use crate::support::{ok, refused, served};

const PATH: &str = "/api/v1/staff";

served! {
    /// S0-3.
    async fn a_staff_record_is_made_read_changed_and_ended(server: TestServer) {
        let platform = server.platform().await;
        let org = organization(platform, "desk").await;
        let alice = server.account("alice", &[]).await;
        let hr = server.account("hr", &["staff:view", "staff:create", "staff:update", "staff:delete"]).await;
        let made = ok(hr
            .post(PATH, json!({
                "staff_no": "E7", "name": "爱丽丝", "mobile": "1", "email": "a@b.example",
                "organization_guid": org, "username": "alice",
            }))
            .await);
        assert_eq!((&made["account_id"], &made["username"]), (&json!(alice.id), &json!("alice")));
        assert_eq!((&made["status"], &made["organization_guid"]), (&json!("active"), &json!(org)));
        assert_eq!(made["positions"], json!([]));
        let one = format!("{PATH}/{}", guid(&made));
        assert_eq!(ok(hr.get(&one).await), made);
        assert_eq!(ok(hr.get(&format!("{PATH}?search=e7")).await)["results"], json!([made]));

        let changed = ok(hr.patch(&one, json!({ "name": "Alice", "version": 1 })).await);
        assert_eq!(
            (&changed["name"], &changed["mobile"], &changed["version"], &changed["account_id"]),
            (&json!("Alice"), &json!("1"), &json!(2), &json!(alice.id))
        );
        refused(hr.patch(&one, json!({ "name": "x", "version": 1 })).await, 412, "outdated");

        assert_eq!(ok(hr.delete(&one).await)["changed"], true);
        assert_eq!(ok(hr.get(&one).await)["status"], "left");
        let before = server.rows().await;
        assert_eq!(ok(hr.delete(&one).await), json!({ "rev": null, "changed": false }));
        assert_eq!(server.rows().await, before);
    }

    async fn each_step_needs_its_permission(server: TestServer) {
        let platform = server.platform().await;
        let alice = server.account("alice", &[]).await;
        let desk = position(platform, "desk", &[]).await;
        let one = format!("{PATH}/{}", person(platform, &alice).await);
        let all = [
            ("staff:view", "GET", PATH.to_owned(), Value::Null),
            ("staff:view", "GET", one.clone(), Value::Null),
            ("staff:create", "POST", PATH.to_owned(), json!({ "staff_no": "x", "name": "x" })),
            ("staff:update", "PATCH", one.clone(), json!({ "name": "x" })),
            ("staff:update", "POST", format!("{one}/positions"), json!({ "position_guid": desk })),
            ("staff:update", "DELETE", format!("{one}/positions/{desk}"), Value::Null),
            ("staff:delete", "DELETE", one, Value::Null),
        ];
        for code in ["staff:view", "staff:create", "staff:update", "staff:delete"] {
            let by = server.account(&code.replace(':', "-"), &[code]).await;
            let others: Vec<_> =
                all.iter().filter(|row| row.0 != code).map(|row| (row.1, row.2.clone(), row.3.clone())).collect();
            denied(&server, &by, &others).await;
            for (_, method, path, body) in all.iter().filter(|row| row.0 == code) {
                ok(by.ask(method, path, body).await);
            }
        }
    }

    async fn ones_own_record_can_be_read_without_a_permission_and_nothing_more(server: TestServer) {
        let platform = server.platform().await;
        let alice = server.account("alice", &[]).await;
        let bob = server.account("bob", &[]).await;
        let own = format!("{PATH}/{}", person(platform, &alice).await);
        let other = format!("{PATH}/{}", person(platform, &bob).await);
        assert_eq!(ok(alice.get(&own).await)["username"], "alice");
        let unknown = format!("{PATH}/{NOBODY}");
        denied(&server, &alice, &[
            ("GET", other, Value::Null),
            // Not told from one that is there.
            ("GET", unknown, Value::Null),
            ("PATCH", own.clone(), json!({ "name": "x" })),
            ("DELETE", own, Value::Null),
        ])
        .await;
    }

    async fn a_fault_is_named_and_nothing_is_changed(server: TestServer) {
        let by = server.platform().await;
        let alice = server.account("alice", &[]).await;
        let bob = server.account("bob", &[]).await;
        person(by, &alice).await;
        let one = format!("{PATH}/{}", person(by, &bob).await);
        let with = |field: &str, value: Value| {
            let mut body = json!({ "staff_no": "x", "name": "x" });
            body[field] = value;
            body
        };
        let row = |method, path: &str, body: Value, status, code, field| {
            (method, path.to_owned(), body, status, code, field)
        };
        faulty(&server, by, &[
            row("POST", PATH, with("staff_no", json!("alice")), 409, "already_exists", "staff_no"),
            row("POST", PATH, with("account_id", json!(alice.id)), 409, "already_exists", "account_id"),
            row("POST", PATH, with("username", json!("alice")), 409, "already_exists", "account_id"),
            row("POST", PATH, with("account_id", json!(999_999)), 400, "unknown_account", "account_id"),
            row("POST", PATH, with("username", json!("nobody")), 400, "unknown_account", "username"),
            row("POST", PATH, with("staff_no", json!("")), 400, "invalid", "staff_no"),
            row("POST", PATH, with("name", json!("\u{7}")), 400, "invalid", "name"),
            row("POST", PATH, with("mobile", json!("1".repeat(201))), 400, "invalid", "mobile"),
            row("POST", PATH, with("email", json!(7)), 400, "invalid", "email"),
            row("POST", PATH, with("organization_guid", json!(NOBODY)), 400, "unknown_organization", "organization_guid"),
            row("PATCH", &one, json!({ "staff_no": "alice" }), 409, "already_exists", "staff_no"),
            row("PATCH", &one, json!({ "account_id": alice.id }), 409, "already_exists", "account_id"),
            row("PATCH", &one, json!({ "account_id": bob.id, "username": "bob" }), 400, "invalid", "username"),
            row("PATCH", &one, json!({ "status": "gone" }), 400, "invalid", "status"),
            row("PATCH", &format!("{PATH}/{NOBODY}"), json!({}), 404, "not_found", ""),
            row("PATCH", &format!("{PATH}/7"), json!({}), 400, "invalid", "guid"),
            row("DELETE", &format!("{PATH}/{NOBODY}"), Value::Null, 404, "not_found", ""),
            row("GET", &format!("{PATH}/{NOBODY}"), Value::Null, 404, "not_found", ""),
        ])
        .await;
    }

    async fn whoever_is_linked_to_the_record_holds_its_positions(server: TestServer) {
        let by = server.platform().await;
        let alice = server.account("alice", &[]).await;
        let bob = server.account("bob", &[]).await;
        let staff = person(by, &alice).await;
        put(by, &staff, &position(by, "desk", &["org:view"]).await).await;
        let one = format!("{PATH}/{staff}");
        let held = async |expected: [bool; 2]| {
            for (account, holds) in [&alice, &bob].into_iter().zip(expected) {
                let codes = account.codes().await;
                assert_eq!(codes.contains(&"org:view".to_owned()), holds, "{}: {codes:?}", account.username);
                assert_eq!(account.get("/api/v1/organizations").await.0 == 200, holds, "{}", account.username);
            }
        };
        held([true, false]).await;
        let mut tabs = (server.tab(&alice).await, server.tab(&bob).await);

        ok(by.patch(&one, json!({ "username": "bob" })).await);
        held([false, true]).await;
        assert_eq!(tabs.0.next_of("PERMISSION_UPDATE").await["data"]["removed"], json!(["org:view"]));
        assert_eq!(tabs.1.next_of("PERMISSION_UPDATE").await["data"]["added"], json!(["org:view"]));

        ok(by.patch(&one, json!({ "status": "on_leave" })).await);
        held([false, false]).await;
        ok(by.patch(&one, json!({ "status": "active" })).await);
        held([false, true]).await;
        ok(by.patch(&one, json!({ "account_id": null })).await);
        held([false, false]).await;
        ok(by.patch(&one, json!({ "account_id": alice.id })).await);
        held([true, false]).await;

        assert!(ok(by.delete(&one).await)["rev"].is_i64());
        held([false, false]).await;
        let left = ok(by.get(&one).await);
        assert_eq!((&left["status"], &left["positions"]), (&json!("left"), &json!([])));
        // Coming back gives nothing back.
        ok(by.patch(&one, json!({ "status": "active" })).await);
        held([false, false]).await;
    }

    async fn leaving_by_patch_needs_the_permission_to_delete(server: TestServer) {
        let platform = server.platform().await;
        let alice = server.account("alice", &[]).await;
        let staff = person(platform, &alice).await;
        put(platform, &staff, &position(platform, "desk", &["org:view"]).await).await;
        let one = format!("{PATH}/{staff}");
        let by = server.account("hr", &["staff:update", "org:view"]).await;
        denied(&server, &by, &[("PATCH", one.clone(), json!({ "status": "left" }))]).await;
        let by = server.account("chief", &["staff:update", "staff:delete", "org:view"]).await;
        assert_eq!(ok(by.patch(&one, json!({ "status": "left" })).await)["positions"], json!([]));
        assert!(alice.codes().await.is_empty());
    }

    async fn nobody_moves_positions_that_carry_more_than_he_holds(server: TestServer) {
        let platform = server.platform().await;
        let alice = server.account("alice", &[]).await;
        let by = server.account("hr", &["staff:update", "staff:delete", "staff:create"]).await;
        let desk = position(platform, "desk", &["org:delete"]).await;
        let linked = format!("{PATH}/{}", person(platform, &alice).await);
        let free = ok(platform.post(PATH, json!({ "staff_no": "free", "name": "x" })).await);
        let free = format!("{PATH}/{}", guid(&free));
        for staff in [&linked, &free] {
            ok(platform.post(&format!("{staff}/positions"), json!({ "position_guid": desk })).await);
        }
        let empty = ok(platform.post(PATH, json!({ "staff_no": "empty", "name": "x" })).await);
        let empty = format!("{PATH}/{}", guid(&empty));
        denied(&server, &by, &[
            ("PATCH", free.clone(), json!({ "account_id": by.id })),
            ("PATCH", linked.clone(), json!({ "account_id": null })),
            ("PATCH", linked.clone(), json!({ "account_id": by.id })),
            ("PATCH", linked.clone(), json!({ "status": "on_leave" })),
            ("PATCH", linked.clone(), json!({ "status": "left" })),
            ("DELETE", linked.clone(), Value::Null),
            ("DELETE", free.clone(), Value::Null),
            ("POST", format!("{empty}/positions"), json!({ "position_guid": desk })),
            ("DELETE", format!("{linked}/positions/{desk}"), Value::Null),
        ])
        .await;
        ok(by.patch(&linked, json!({ "name": "a name gives nothing" })).await);
        ok(by.patch(&empty, json!({ "account_id": by.id })).await);
    }
}
