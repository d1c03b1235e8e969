//! The lists of accounts, of the catalogue and of changes take what every list takes (FA1, FA2): pages that join up, a search,
//! an order and filters by an allow-list; and show no more than the caller reaches.

use super::fields;
use crate::support::{Account, ok, refused, served};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const ACCOUNTS: &str = "/api/accounts/users/";
const PERMISSIONS: &str = "/api/v1/permissions";
const CHANGES: &str = "/api/v1/permission-changes";

/// Follows `next` to the end, then `previous` back to the start; answers the ids in the order of the pages.
async fn walked(by: &Account, path: &str) -> Vec<i64> {
    let (mut ids, mut page) = (Vec::new(), ok(by.get(path).await));
    let first = page.clone();
    assert_eq!(first["previous"], Value::Null, "{path}");
    loop {
        ids.extend(
            page["results"].as_array().expect("rows").iter().map(|row| row["id"].as_i64().expect("an id")),
        );
        let Some(next) = page["next"].as_str() else { break };
        page = ok(by.get(next).await);
    }
    while let Some(previous) = page["previous"].as_str() {
        page = ok(by.get(previous).await);
    }
    assert_eq!(page["results"], first["results"], "{path}: there and back");
    assert_eq!(first["count"], ids.len(), "{path}");
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{path}: no row twice");
    ids
}

served! {
    // FA1, FA2
    async fn pages_join_up_in_every_order(server: TestServer) {
        let auditor = server.account("auditor", &["account:view", "permission:view", "audit:view"]).await;
        for name in ["anna", "bert", "cleo", "dora"] {
            server.account(name, &[]).await;
        }
        for (path, orders) in [
            (ACCOUNTS, &["id", "username", "department", "-last_login_at", "status,-username"][..]),
            (PERMISSIONS, &["-id", "kind,sort", "-code", "level,-name"]),
            (CHANGES, &["id", "-create_time", "change_type,-rev", "operator"]),
        ] {
            let mut sets = BTreeSet::new();
            for order in orders {
                let ids = walked(&auditor, &format!("{path}?page_size=3&ordering={order}")).await;
                assert!(ids.len() > 3, "{path}");
                sets.insert(ids.iter().copied().collect::<BTreeSet<_>>());
                if *order == "id" {
                    assert!(ids.is_sorted(), "{path}");
                }
                if *order == "-id" {
                    assert!(ids.is_sorted_by(|one, next| one > next), "{path}");
                }
            }
            assert_eq!(sets.len(), 1, "{path}: the same rows in every order");
        }
        let names = ok(auditor.get(&format!("{ACCOUNTS}?ordering=-username&search=a&status=1")).await)["results"].clone();
        let names = fields(&names, "username");
        assert!(names.is_sorted_by(|one, next| one > next) && names.contains(&"anna"), "{names:?}");
        assert!(!names.contains(&"bert"), "{names:?}");
    }

    // FA2
    async fn filters_are_of_an_allow_list(server: TestServer) {
        let root = server.platform().await;
        let (anna, bert) = (server.account("anna", &["org:view"]).await, server.account("bert", &[]).await);
        let found = async |query: String| ok(root.get(&query).await);
        let both = found(format!("{ACCOUNTS}?id__in={},{}&ordering=-id", anna.id, bert.id)).await;
        assert_eq!(fields(&both["results"], "username"), ["bert", "anna"]);
        assert_eq!(found(format!("{ACCOUNTS}?username=bert&id__gte={}", bert.id)).await["count"], 1);
        assert_eq!(found(format!("{ACCOUNTS}?username=bert&id__lte={}", anna.id)).await["count"], 0);
        assert_eq!(found(format!("{ACCOUNTS}?guid={}", anna.guid.to_uppercase())).await["count"], 1);
        let codes = found(format!("{PERMISSIONS}?code__in=org:view,menu:staff&ordering=-kind")).await;
        assert_eq!(fields(&codes["results"], "code"), ["menu:staff", "org:view"]);
        let critical = found(format!("{PERMISSIONS}?critical=true&kind=api&search=role:")).await;
        assert_eq!(fields(&critical["results"], "code"), ["role:grant"]);
        ok(root.post(&format!("/api/v1/roles/{}/permissions/remove", anna.role), json!({ "permissions": ["org:view"] })).await);
        let newest = found(format!("{CHANGES}?operator={}&change_type__in=ROLE_PERMISSION,USER_ROLE", root.id)).await;
        assert_eq!(newest["results"][0]["target_role_id"], anna.role);
        let rev = newest["results"][0]["rev"].as_i64().expect("a revision");
        assert_eq!(found(format!("{CHANGES}?rev={rev}&role={}", anna.role)).await["count"], 1);
        assert_eq!(found(format!("{CHANGES}?search=ROOT&rev__gte={rev}")).await["count"], 1);
        assert_eq!(found(format!("{CHANGES}?rev__gte={}", rev + 1)).await["count"], 0);
        for (path, query, field) in [
            (ACCOUNTS, "password_hash=x", "password_hash"),
            (ACCOUNTS, "status=on", "status"),
            (ACCOUNTS, "ordering=password_hash", "ordering"),
            (ACCOUNTS, "username__gte=a", "username__gte"),
            (PERMISSIONS, "sort=1", "sort"),
            (PERMISSIONS, "ordering=id,--code", "ordering"),
            (CHANGES, "company=2", "company"),
            (CHANGES, "change_detail=x", "change_detail"),
            (CHANGES, "until=noon", "until"),
            (CHANGES, "page=x", "page"),
        ] {
            let problem = refused(root.get(&format!("{path}?{query}")).await, 400, "invalid");
            assert!(problem["errors"][field].is_array(), "{path}?{query}: {problem}");
        }
    }

    // FA8: what they take is described.
    async fn what_lists_take_is_described(server: TestServer) {
        let described = ok(server.anonymous().get("/api/v1/openapi.json").await);
        for (path, filter) in [(ACCOUNTS, "last_login_at"), (PERMISSIONS, "critical"), (CHANGES, "change_type")] {
            let get = &described["paths"][path]["get"];
            let names = fields(&get["parameters"], "name");
            for name in ["page", "page_size", "search", "ordering"] {
                assert!(names.contains(&name), "{path}: {names:?}");
            }
            let words = format!("{} {}", get["summary"], get["description"]);
            assert!(words.contains(&format!("`{filter}`")) && words.contains("Ordering"), "{path}: {words}");
        }
    }

    // FC7: an account is where its person is; one without a person only who reaches everything sees.
    async fn accounts_are_reached_as_their_people_are(server: TestServer) {
        let root = server.platform().await;
        let hr = server.account("hr", &["account:view", "account:update"]).await;
        let (near, far) = (server.account("near", &[]).await, server.account("far", &[]).await);
        let nobody = server.account("nobody", &[]).await;
        let mut places = Vec::new();
        for (code, people) in [("north", vec![&hr, &near]), ("south", vec![&far])] {
            let organization = ok(root.post("/api/v1/organizations", json!({ "code": code, "name": code })).await);
            for account in people {
                let body = json!({ "staff_no": account.username, "name": account.username, "account_id": account.id,
                    "organization_guid": organization["guid"] });
                ok(root.post("/api/v1/staff", body).await);
            }
            places.push(organization["guid"].clone());
        }
        for (scope, expected) in [
            ("own", vec!["hr", "near"]),
            ("self", vec!["hr"]),
            ("all", vec!["hr", "near", "far", "nobody"]),
        ] {
            ok(root.patch(&format!("/api/v1/roles/{}", hr.role), json!({ "data_scope": scope })).await);
            let ids = format!("{},{},{},{}", hr.id, near.id, far.id, nobody.id);
            let listed = ok(hr.get(&format!("{ACCOUNTS}?id__in={ids}")).await);
            assert_eq!(fields(&listed["results"], "username"), expected, "{scope}");
            for account in [&near, &far, &nobody] {
                let path = format!("{ACCOUNTS}{}/", account.id);
                let answer = hr.patch(&path, json!({ "phone": "1" })).await;
                let expected = if expected.contains(&account.username.as_str()) { 200 } else { 404 };
                assert_eq!(answer.0, expected, "{scope} {}: {answer:?}", account.username);
            }
            // One's own profile is one's own.
            ok(hr.patch(&format!("{ACCOUNTS}{}/", hr.id), json!({ "phone": "2" })).await);
        }
        ok(root.patch(&format!("/api/v1/roles/{}", hr.role), json!({ "data_scope": "own" })).await);
        let reset = format!("/api/v1/accounts/{}/reset-password", far.id);
        refused(hr.post(&reset, json!({ "new_password": "another long password" })).await, 404, "not_found");
    }
}
