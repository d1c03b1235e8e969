//! What a caller is told of himself, and when he is told that nothing has changed.

use super::{ask_again, fields, tag, texts};
use crate::support::{ok, refused, served, served_once};
use serde_json::json;

served! {
    async fn one_reads_what_ones_tabs_are_told(server: TestServer) {
        let alice = server.account("alice", &["org:view", "menu:staff"]).await;
        let mut tab = server.socket(&alice).await;
        let told = tab.next_of("PERMISSION_UPDATE").await["data"].clone();
        let own = ok(alice.get("/api/v1/me/permissions").await);
        assert_eq!(texts(&own["permissions"]), ["menu:staff", "org:view"]);
        assert_eq!(fields(&own["roles"], "code"), ["only.alice"]);
        assert_eq!(own["positions"], json!([]));
        for (mine, theirs) in
            [("permission_version", "permissionVersion"), ("hash", "hash"), ("epoch", "epoch"), ("menu_version", "menuVersion")]
        {
            assert!(!own[mine].is_null() && own[mine] == told[theirs], "{mine}: {own} {told}");
        }
    }

    async fn nothing_is_sent_twice_until_it_changes(server: TestServer) {
        let alice = server.account("alice", &["org:view", "menu:staff"]).await;
        let bob = server.account("bob", &["org:view"]).await;
        let root = server.platform().await;
        let paths = [
            "/api/v1/me/permissions",
            "/api/v1/me/menus",
            "/role/getFunctionCodeList",
            "/api/v1/role/getFunctionCodeList",
        ];
        let mut tags = Vec::new();
        for path in paths {
            tags.push(tag(&alice, path).await);
            assert_eq!(ask_again(&alice, path, &tags[tags.len() - 1]).await.0, 304, "{path}");
            assert_eq!(ask_again(&bob, path, &tags[tags.len() - 1]).await.0, 200, "{path} is somebody else's");
        }
        let hash = ok(alice.get("/api/v1/me/permissions").await)["hash"].as_str().unwrap().to_owned();
        assert_eq!(tags[0], format!("\"{hash}\""));
        let change = format!("/api/v1/roles/{}/permissions/remove", alice.role);
        let rev = ok(root.post(&change, json!({ "permissions": ["menu:staff"] })).await)["rev"].clone();
        for (path, tag) in paths.iter().zip(&tags) {
            let (status, version) = ask_again(&alice, path, tag).await;
            assert_eq!((status, version), (200, rev.to_string()), "{path}");
        }
    }
}

served_once! {
    async fn the_menu_tree_shows_what_is_held_under_what_is_held(server: TestServer) {
        let codes =
            ["menu:staff", "menu:organization", "button:organization.add", "button:online.kick", "staff:view"];
        let alice = server.account("alice", &codes).await;
        let menus = ok(alice.get("/api/v1/me/menus").await)["menus"].clone();
        assert_eq!(fields(&menus, "code"), ["menu:organization", "menu:staff"]);
        assert_eq!(fields(&menus[0]["children"], "code"), ["button:organization.add"]);
        assert_eq!(menus[1]["children"], json!([]));
        let shown = json!({
            "id": 7102, "code": "menu:staff", "name": "人员", "kind": "menu", "route": "/staff", "icon": "people",
            "children": [],
        });
        assert_eq!(menus[1], shown);
        let nobody = server.account("nobody", &[]).await;
        assert_eq!(ok(nobody.get("/api/v1/me/menus").await)["menus"], json!([]));
    }

    /// S4-86.
    async fn all_function_codes_come_in_the_form_that_old_clients_read(server: TestServer) {
        let alice = server.account("alice", &["org:view", "menu:staff", "button:staff.add"]).await;
        let expected = ["button:staff.add", "menu:staff", "org:view"];
        for path in ["/role/getFunctionCodeList", "/api/v1/role/getFunctionCodeList"] {
            let answer = ok(alice.get(path).await);
            assert_eq!((answer["code"].as_i64(), texts(&answer["data"])), (Some(0), expected.to_vec()));
            assert!(answer["permission_version"].as_i64().is_some_and(|version| version > 0));
            refused(server.anonymous().get(path).await, 401, "token_missing");
        }
        refused(server.anonymous().get("/api/v1/me/permissions").await, 401, "token_missing");
        refused(server.anonymous().get("/api/v1/me/menus").await, 401, "token_missing");
    }
}

served_once! {
    // RFC 9110, 9.3.2: a HEAD says what the GET would, without the body.
    async fn a_head_is_a_get_without_its_body(server: TestServer) {
        let alice = server.account("alice", &[]).await;
        for (path, status) in [("/api/v1/me/permissions", 200), ("/api/v1/roles", 403), ("/api/auth/login/", 405)] {
            let answer = alice.request(reqwest::Method::HEAD, path).send().await.expect("the server answers");
            assert_eq!(answer.status().as_u16(), status, "{path}");
            let length = answer.headers().get("content-length").map(|length| length.to_str().expect("text").to_owned());
            assert!(length.is_some_and(|length| length != "0"), "{path}");
            assert!(answer.bytes().await.expect("the answer ends").is_empty(), "{path}");
        }
    }
}
