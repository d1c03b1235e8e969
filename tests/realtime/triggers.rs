//! Every trigger pushes: what exactly reaches the tabs of an account when something about it is changed (S3-17 … S3-29).

use serde_json::{Value, json};

use crate::frames::{Copy, codes, data, texts};
use crate::support::{Account, Tab, TestServer, ok, served};

/// Takes a role change and the permission update that comes with it.
async fn pair(tab: &mut Tab) -> (Value, Value) {
    let (roles, permissions) = (tab.frame().await, tab.frame().await);
    assert_eq!(roles["data"]["rev"], permissions["data"]["rev"], "{roles} {permissions}");
    (roles, permissions)
}

served! {
    /// S3-44.
    async fn a_role_given_and_taken(server: TestServer) {
        let admin = server.platform().await;
        let alice = server.account("alice", &["org:view"]).await;
        let desk = server.role("desk", &["position:view", "org:view"]).await;
        let mut tab = server.socket(&alice).await;
        let mut copy = Copy::of(&tab.frame().await);

        let rev = server.give(&alice, desk).await;
        let (roles, permissions) = pair(&mut tab).await;
        let change = data(&roles, "ROLE_CHANGE", &alice, Some(admin));
        assert_eq!((&change["updateType"], &change["rev"]), (&json!("ADD"), &rev));
        assert_eq!(change["addedRoles"], json!([{ "id": desk, "code": "desk", "name": "desk" }]));
        assert_eq!(codes(&change["roles"]), ["only.alice", "desk"]);
        assert_eq!((&change["removedRoles"], &change["addedPositions"]), (&json!([]), &json!([])));
        let update = data(&permissions, "PERMISSION_UPDATE", &alice, Some(admin));
        assert_eq!((&update["updateType"], &update["rev"]), (&json!("ADD"), &rev));
        assert_eq!((&update["added"], &update["removed"]), (&json!(["position:view"]), &json!([])));
        assert_eq!(texts(&update["permissions"]), ["org:view", "position:view"]);
        copy.follow(&permissions);
        copy.agrees(&alice).await;

        let path = format!("/api/v1/accounts/{}/roles/{desk}", alice.id);
        let rev = ok(admin.delete(&path).await)["rev"].clone();
        let (roles, permissions) = pair(&mut tab).await;
        let change = data(&roles, "ROLE_CHANGE", &alice, Some(admin));
        assert_eq!((&change["updateType"], &change["rev"]), (&json!("REMOVE"), &rev));
        assert_eq!(codes(&change["removedRoles"]), ["desk"]);
        let update = data(&permissions, "PERMISSION_UPDATE", &alice, Some(admin));
        assert_eq!((&update["updateType"], &update["removed"]), (&json!("REMOVE"), &json!(["position:view"])));
        copy.follow(&permissions);
        copy.agrees(&alice).await;
    }

    /// S1-49, S3-44, S3-45, S3-97.
    async fn a_roles_permissions(server: TestServer) {
        let admin = server.platform().await;
        let alice = server.account("alice", &["org:view", "org:create"]).await;
        let mut tab = server.socket(&alice).await;
        let mut copy = Copy::of(&tab.frame().await);
        let path = format!("/api/v1/roles/{}/permissions", alice.role);
        for (how, body, kind, added, removed) in [
            ("/add", json!(["staff:view"]), "ADD", json!(["staff:view"]), json!([])),
            ("/remove", json!(["org:create"]), "REMOVE", json!([]), json!(["org:create"])),
            ("", json!(["org:view", "org:delete"]), "REPLACE", json!(["org:delete"]), json!(["staff:view"])),
        ] {
            let body = json!({ "permissions": body, "reason": "as agreed" });
            let method = if how.is_empty() { "PUT" } else { "POST" };
            let saved = ok(admin.ask(method, &format!("{path}{how}"), &body).await);
            assert_eq!(saved["changed"], true);
            let frame = tab.frame().await;
            let update = data(&frame, "PERMISSION_UPDATE", &alice, Some(admin));
            assert_eq!((&update["updateType"], &update["rev"]), (&json!(kind), &saved["rev"]), "{frame}");
            assert_eq!((&update["added"], &update["removed"]), (&added, &removed), "{frame}");
            assert_eq!(update["reason"], "as agreed");
            assert_eq!(texts(&update["permissions"]), texts(&saved["role"]["permissions"]));
            copy.follow(&frame);
            copy.agrees(&alice).await;
        }
        // The same again changes nothing, takes no revision and tells nobody.
        let rev = copy.rev();
        let saved = ok(admin.put(&path, json!({ "permissions": ["org:delete", "org:view"] })).await);
        assert_eq!((&saved["rev"], &saved["changed"]), (&Value::Null, &json!(false)));
        let mark = server.mark().await;
        assert_eq!(tab.until(&mark).await, Vec::<Value>::new());
        copy.agrees(&alice).await;
        assert_eq!(copy.rev(), rev);
    }

    async fn a_role_renamed_switched_off_and_deleted(server: TestServer) {
        let admin = server.platform().await;
        let alice = server.account("alice", &["org:view"]).await;
        let desk = server.role("desk", &["position:view"]).await;
        server.give(&alice, desk).await;
        let mut tab = server.socket(&alice).await;
        let mut copy = Copy::of(&tab.frame().await);
        let path = format!("/api/v1/roles/{desk}");

        ok(admin.patch(&path, json!({ "name": "front desk" })).await);
        let (roles, permissions) = pair(&mut tab).await;
        assert_eq!(data(&roles, "ROLE_CHANGE", &alice, Some(admin))["roles"][1]["name"], "front desk");
        data(&permissions, "PERMISSION_UPDATE", &alice, Some(admin));
        copy.follow(&permissions);
        copy.agrees(&alice).await;

        ok(admin.patch(&path, json!({ "status": 0 })).await);
        let (roles, permissions) = pair(&mut tab).await;
        assert_eq!(codes(&roles["data"]["removedRoles"]), ["desk"]);
        assert_eq!(permissions["data"]["removed"], json!(["position:view"]));
        copy.follow(&permissions);
        copy.agrees(&alice).await;

        ok(admin.patch(&path, json!({ "status": 1 })).await);
        let (roles, permissions) = pair(&mut tab).await;
        assert_eq!(codes(&data(&roles, "ROLE_CHANGE", &alice, Some(admin))["addedRoles"]), ["desk"]);
        assert_eq!(permissions["data"]["added"], json!(["position:view"]));
        copy.follow(&permissions);

        ok(admin.delete(&format!("{path}?force=true")).await);
        let (roles, permissions) = pair(&mut tab).await;
        assert_eq!(codes(&roles["data"]["removedRoles"]), ["desk"]);
        copy.follow(&permissions);
        copy.agrees(&alice).await;
        assert_eq!(alice.codes().await, ["org:view"]);
    }

    /// Everyone hears of it, also those for whom nothing changes; nobody's revision moves.
    async fn a_system_level_adjustment(server: TestServer) {
        let admin = server.platform().await;
        let alice = server.account("alice", &["org:view"]).await;
        let bob = server.account("bob", &[]).await;
        let mut tabs = Vec::new();
        for account in [&alice, &bob, admin] {
            let mut tab = server.socket(account).await;
            let copy = Copy::of(&tab.frame().await);
            tabs.push((account, tab, copy));
        }
        let saved = ok(admin.post("/api/v1/system/permission-adjustment", json!({ "reason": "new year" })).await);
        assert_eq!(saved["changed"], true);
        for (account, tab, copy) in &mut tabs {
            let before = copy.rev();
            let frame = tab.frame().await;
            let update = data(&frame, "PERMISSION_UPDATE", account, Some(admin));
            assert_eq!((&update["updateType"], &update["reason"]), (&json!("REPLACE"), &json!("new year")));
            copy.follow(&frame);
            assert_eq!(copy.rev(), before, "an unchanged set keeps its version");
            copy.agrees(account).await;
        }
    }

    async fn a_system_notice(server: TestServer) {
        let sender = server.account("sender", &["notification:broadcast"]).await;
        let alice = server.account("alice", &[]).await;
        let mut tabs = [(&alice, server.tab(&alice).await), (&sender, server.tab(&sender).await)];
        let notice = json!({
            "title": "维护通知", "content": "今晚 22:00 停机", "category": "维护", "severity": "警告",
        });
        let sent = ok(sender.post("/api/v1/notifications/broadcast", notice.clone()).await);
        for (account, tab) in &mut tabs {
            let frame = tab.frame().await;
            let told = data(&frame, "SYSTEM_NOTICE", account, Some(&sender));
            let mut expected = notice.clone();
            (expected["id"], expected["seq"]) = (sent["id"].clone(), sent["rev"].clone());
            assert_eq!(*told, expected);
        }
    }
}

/// Opens a tab, does something to its session, and takes what the tab is told last.
async fn last_words(
    server: &TestServer,
    account: &Account,
    what: impl AsyncFnOnce(),
) -> (Value, u16, String) {
    let tab = server.tab(account).await;
    what().await;
    let (mut seen, close, reason) = tab.end().await;
    assert_eq!(seen.len(), 1, "{seen:?}");
    (seen.remove(0), close, reason)
}

served! {
    async fn an_account_disabled_and_enabled_again(server: TestServer) {
        let admin = server.platform().await;
        let alice = server.account("alice", &["org:view"]).await;
        let path = format!("/api/accounts/users/{}/", alice.id);
        let (frame, close, _) = last_words(&server, &alice, async || {
            ok(admin.patch(&path, json!({ "status": 0 })).await);
            assert_eq!(alice.get("/api/accounts/users/me/").await.0, 401, "enforced with the answer");
        })
        .await;
        let told = data(&frame, "FORCE_LOGOUT", &alice, Some(admin));
        assert_eq!((&told["code"], &told["sid"]), (&json!("account_disabled"), &json!(alice.sid)));
        assert!(!told["reason"].as_str().unwrap().is_empty() && told["at"].is_i64());
        assert_eq!(close, 4501);
        ok(admin.patch(&path, json!({ "status": 1 })).await);
        assert_eq!(alice.get("/api/accounts/users/me/").await.0, 401, "an ended session stays ended (I4)");
        let again = server.signed_in("alice").await;
        let mut tab = server.socket(&again).await;
        Copy::of(&tab.frame().await).agrees(&again).await;
        assert_eq!(again.codes().await, ["org:view"]);
    }

    async fn a_password_reset(server: TestServer) {
        let admin = server.platform().await;
        let alice = server.account("alice", &[]).await;
        let path = format!("/api/v1/accounts/{}/reset-password", alice.id);
        let (frame, close, _) = last_words(&server, &alice, async || {
            ok(admin.post(&path, json!({ "new_password": "another long one" })).await);
        })
        .await;
        let told = data(&frame, "FORCE_LOGOUT", &alice, Some(admin));
        assert_eq!((&told["code"], close), (&json!("password_reset"), 4501));
    }

    /// S3-42.
    async fn a_session_kicked(server: TestServer) {
        let admin = server.platform().await;
        let alice = server.account("alice", &[]).await;
        let path = format!("/api/v1/sessions/{}?reason=lost%20laptop", alice.sid);
        let (frame, close, reason) = last_words(&server, &alice, async || {
            assert_eq!(ok(admin.delete(&path).await)["ended"], 1);
        })
        .await;
        let told = data(&frame, "FORCE_LOGOUT", &alice, Some(admin));
        assert_eq!((&told["code"], &told["reason"]), (&json!("session_kicked"), &json!("lost laptop")));
        assert_eq!((&told["sid"], close), (&json!(alice.sid), 4501));
        assert!(!reason.is_empty());
    }

    async fn signing_out(server: TestServer) {
        let alice = server.account("alice", &[]).await;
        let (frame, close, _) = last_words(&server, &alice, async || {
            assert_eq!(alice.post("/api/auth/logout/", json!({})).await.0, 204);
        })
        .await;
        let told = data(&frame, "FORCE_LOGOUT", &alice, Some(&alice));
        assert_eq!((&told["code"], close), (&json!("logout"), 4501));
    }
}
