//! What was changed and what was done, as an auditor reads it.

use super::{another_company, fields};
use crate::support::{Account, Setup, TestServer, both_databases, ok, refused, served};
use livegrant::clock::iso;
use livegrant::db::{Author, SystemTask};
use livegrant::policy::PolicyChange;
use livegrant_actors::{AccountId, RoleId};
use serde_json::{Value, json};
use std::time::Duration;

async fn changes(by: &Account, query: &str) -> Value {
    ok(by.get(&format!("/api/v1/permission-changes?{query}")).await)
}

async fn audit(by: &Account, query: &str) -> Value {
    ok(by.get(&format!("/api/v1/audit?{query}")).await)
}

both_databases! {
    /// A client that asks in a loop leaves thirty lines a minute, and one that says how many more there were.
    async fn a_flood_of_refusals_does_not_fill_the_log(database: TestDatabase) {
        let mut id = 0;
        Setup::on(&database).run(async |server: TestServer| {
            let alice = server.account("alice", &[]).await;
            id = alice.id;
            for _ in 0..45 {
                refused(alice.get("/api/v1/roles").await, 403, "NoPermissionError");
            }
        })
        .await;
        Setup::on(&database).run(async |server: TestServer| {
            let mut conn = server.core.db.read().await.unwrap();
            let lines = livegrant::sql_all!(
                &mut conn,
                (String, String, String),
                "SELECT resource, resource_id, permission_code FROM sys_audit_log
                  WHERE actor_id = $1 AND action = 'authz_fail' AND result = 'denied' ORDER BY id",
                id
            )
            .unwrap();
            assert_eq!(lines.len(), 31);
            assert!(lines[..30].iter().all(|line| line.2 == "role:view"), "{lines:?}");
            assert_eq!(lines[30], ("more".to_owned(), "15".to_owned(), String::new()));
        })
        .await;
    }
}

served! {
    async fn changes_are_listed_newest_first_and_found_again(server: TestServer) {
        let root = server.platform().await;
        let (alice, bob) = (server.account("alice", &["org:view"]).await, server.account("bob", &[]).await);
        let auditor = server.account("auditor", &["audit:view"]).await;
        let granted = ok(root.post(&format!("/api/v1/accounts/{}/roles/{}", bob.id, alice.role), json!({})).await);
        server.advance(Duration::from_mins(1)).await;
        let noon = iso(server.clock.now_ms());
        let remove = format!("/api/v1/roles/{}/permissions/remove", alice.role);
        let removed = ok(root.post(&remove, json!({ "permissions": ["org:view"] })).await);
        let newest = changes(&auditor, "page_size=1").await["results"][0].clone();
        assert_eq!(newest["rev"], removed["rev"]);
        assert_eq!(newest["change_type"], "ROLE_PERMISSION");
        assert_eq!((&newest["target_role_id"], &newest["target_user_id"]), (&json!(alice.role), &Value::Null));
        assert_eq!((&newest["operator_id"], &newest["operator_name"]), (&json!(root.id), &json!("root")));
        assert_eq!(newest["change_detail"]["removed"], json!(["org:view"]));
        assert_eq!(newest["create_time"], noon);
        let his = changes(&auditor, &format!("account={}&change_type=USER_ROLE", bob.id)).await;
        assert_eq!((&his["count"], &his["results"][0]["rev"]), (&json!(1), &granted["rev"]));
        let of_role = changes(&auditor, &format!("role={}", alice.role)).await;
        let revs: Vec<_> = of_role["results"].as_array().unwrap().iter().map(|row| &row["rev"]).collect();
        assert_eq!(revs[..2], [&removed["rev"], &granted["rev"]]);
        assert_eq!(changes(&auditor, &format!("since={noon}")).await["count"], 1);
        let before = changes(&auditor, &format!("until={noon}")).await["count"].as_i64().unwrap();
        assert_eq!(changes(&auditor, "").await["count"], before + 1);
        refused(auditor.get("/api/v1/permission-changes?since=noon").await, 400, "invalid");
        refused(alice.get("/api/v1/permission-changes").await, 403, "NoPermissionError");
    }

    async fn uses_and_refused_uses_are_traced_to_their_permission(server: TestServer) {
        let root = server.platform().await;
        let alice = server.account("alice", &["role:view"]).await;
        let auditor = server.account("auditor", &["audit:view"]).await;
        let path = format!("/api/v1/roles/{}/permissions/add", alice.role);
        ok(root.post(&path, json!({ "permissions": ["org:view"] })).await);
        refused(alice.post(&path, json!({ "permissions": ["role:grant"] })).await, 403, "NoPermissionError");
        let used = audit(&auditor, "permission=permission:assign&result=allowed").await;
        let row = &used["results"][0];
        assert_eq!((&used["count"], &row["actor_name"], &row["resource"]), (&json!(1), &json!("root"), &json!("role")));
        assert_eq!(row["resource_id"], alice.role.to_string());
        let hers = audit(&auditor, &format!("actor={}&result=denied", alice.id)).await;
        assert_eq!(fields(&hers["results"], "permission_code"), ["permission:assign"]);
        assert_eq!(fields(&hers["results"], "action"), ["authz_fail"]);
        assert_eq!(audit(&auditor, "action=authz_change&resource=role").await["count"], 1);
        assert_eq!(audit(&auditor, "action=nothing").await["count"], 0);
        refused(alice.get("/api/v1/audit").await, 403, "NoPermissionError");
    }

    async fn another_companys_lines_are_not_shown(server: TestServer) {
        let auditor = server.account("auditor", &["audit:view"]).await;
        let root = server.platform().await;
        let elsewhere = another_company(&server).await;
        let (account, role) = (AccountId(elsewhere.account_id), RoleId(elsewhere.role));
        let before = changes(&auditor, "").await["count"].as_i64().unwrap();
        let mut work = server.core.db.begin(&Author::system("tests")).await.unwrap();
        work.change(PolicyChange::UserRoles { account, added: vec![role], removed: Vec::new() });
        work.change(PolicyChange::UserRoles { account: AccountId(auditor.id), added: Vec::new(), removed: Vec::new() });
        work.audit("session_created", "session", "", "").await.unwrap();
        work.commit(SystemTask::Bootstrap).await.unwrap();
        let own = changes(&auditor, "").await;
        assert_eq!(own["count"], before + 1, "the system's change of an own account is shown, the other is not");
        assert_eq!(own["results"][0]["target_user_id"], auditor.id);
        assert_eq!(changes(&auditor, &format!("account={}", elsewhere.account_id)).await["count"], 0);
        assert_eq!(changes(root, &format!("account={}", elsewhere.account_id)).await["count"], 1);
        assert_eq!(audit(&auditor, "actor=0").await["count"], 0);
        assert!(audit(root, "actor=0").await["count"].as_i64().unwrap() > 0);
    }
}
