//! Service tokens: made once, shown once, revoked at once, and sessions like any other.

use serde_json::{Value, json};

use super::{Model, stateless, token};
use crate::support::{ok, refused, served};

async fn status(caller: &crate::support::Caller) -> u16 {
    stateless(caller, "tools/list", json!({})).send().await.expect("an answer").status().as_u16()
}

served! {
    // FM5
    async fn a_service_token_acts_as_its_account_until_it_is_revoked(server: TestServer) {
        let admin = server.platform().await;
        let robot = server.account("robot", &["org:view"]).await;
        let new = json!({ "name": "报表 \"🤖\"", "account_id": robot.id, "days": 30 });
        let made = ok(admin.post("/api/v1/api-clients", new.clone()).await);
        assert_eq!((&made["name"], &made["state"]), (&new["name"], &json!("active")), "{made}");
        let caller = server.anonymous().bearing(made["token"].as_str().expect("a token"));
        Model { caller: &caller }.done("listOrganizations", json!({})).await;
        let problem = Model { caller: &caller }.refused("createOrganization", json!({ "code": "a", "name": "a" })).await;
        assert_eq!(problem["code"], "NoPermissionError");
        // It is a token of /mcp alone.
        assert_eq!(caller.get("/api/v1/organizations").await.0, 401);
        let list = ok(admin.get("/api/v1/api-clients").await);
        assert_eq!(list["count"], 1, "{list}");
        assert!(!list.to_string().contains("lgs_"), "{list}");
        refused(admin.post("/api/v1/api-clients", new).await, 409, "already_exists");
        let path = format!("/api/v1/api-clients/{}", made["guid"].as_str().expect("a guid"));
        ok(admin.delete(&path).await);
        ok(admin.delete(&path).await);
        assert_eq!(status(&caller).await, 401);
        assert_eq!(ok(admin.get("/api/v1/api-clients").await)["results"][0]["state"], "revoked");
    }

    // I4, I12: whatever ends a session ends a service token.
    async fn a_service_token_is_a_session_like_any_other(server: TestServer) {
        let admin = server.platform().await;
        let robot = server.account("robot", &["org:view"]).await;
        let with = async |name: &str| {
            let token = token(admin, json!({ "name": name, "username": "robot", "days": 1 })).await;
            server.anonymous().bearing(&token)
        };
        let kicked = with("kicked").await;
        let sessions = ok(admin.get(&format!("/api/v1/sessions?account={}", robot.id)).await);
        let results = sessions["results"].as_array().expect("rows");
        let own = results.iter().find(|row| row["client"] == "service").expect("its session");
        ok(admin.delete(&format!("/api/v1/sessions/{}", own["sid"].as_str().expect("a sid"))).await);
        assert_eq!(status(&kicked).await, 401);
        let all = with("all").await;
        ok(admin.post(&format!("/api/v1/accounts/{}/logout-all", robot.id), json!({})).await);
        assert_eq!(status(&all).await, 401);
        let over = with("over").await;
        assert_eq!(status(&over).await, 200);
        server.advance(std::time::Duration::from_secs(24 * 3600 + 1)).await;
        assert_eq!(status(&over).await, 401);
        let admin = &server.signed_in("root").await;
        let disabled = server.anonymous().bearing(
            &token(admin, json!({ "name": "disabled", "username": "robot", "days": 1 })).await,
        );
        ok(admin.patch(&format!("/api/accounts/users/{}/", robot.id), json!({ "status": 0 })).await);
        assert_eq!(status(&disabled).await, 401);
        let problem = admin.post("/api/v1/api-clients", json!({ "name": "late", "username": "robot", "days": 1 })).await;
        refused(problem, 409, "account_disabled");
    }

    async fn sign_ins_do_not_push_a_service_token_out(server: TestServer) {
        let admin = server.platform().await;
        server.account("robot", &["org:view"]).await;
        let robot =
            server.anonymous().bearing(&token(admin, json!({ "name": "r", "username": "robot", "days": 1 })).await);
        let most = server.core.settings.auth.max_sessions_per_account;
        let mut newest = server.signed_in("robot").await;
        for _ in 0..=most {
            newest = server.signed_in("robot").await;
        }
        assert_eq!(status(&robot).await, 200);
        assert_eq!(newest.get("/api/accounts/users/me/").await.0, 200);
    }

    async fn only_administrators_make_them_and_nobody_climbs_by_one(server: TestServer) {
        let root = server.platform().await;
        let admin = server.account("admin", &["system:admin"]).await;
        let plain = server.account("plain", &["org:view", "session:kick"]).await;
        let new = |id: i64| json!({ "name": "x", "account_id": id, "days": 1 });
        refused(plain.post("/api/v1/api-clients", new(plain.id)).await, 403, "NoPermissionError");
        refused(plain.get("/api/v1/api-clients").await, 403, "NoPermissionError");
        refused(admin.post("/api/v1/api-clients", new(root.id)).await, 403, "NoPermissionError");
        refused(admin.post("/api/v1/api-clients", new(99_999)).await, 400, "unknown_account");
        for (field, faulty) in [
            ("days", json!({ "name": "x", "account_id": plain.id, "days": 0 })),
            ("scopes", json!({ "name": "x", "account_id": plain.id, "days": 1, "scopes": ["root"] })),
            ("name", json!({ "name": "", "account_id": plain.id, "days": 1 })),
            ("username", json!({ "name": "x", "days": 1 })),
        ] {
            let problem = refused(admin.post("/api/v1/api-clients", faulty).await, 400, "invalid");
            assert!(problem["errors"][field].is_array(), "{problem}");
        }
        let made = ok(admin.post("/api/v1/api-clients", new(plain.id)).await);
        assert_eq!(made["account_id"], plain.id);
        // Nor is a token made that outlives what its maker holds, or reaches further.
        let mut work = server.core.db.begin(&livegrant::db::Author::system("tests")).await.unwrap();
        let tomorrow = work.now() + 36 * 3_600_000;
        livegrant::sql_exec!(work.conn(), "UPDATE sys_user_role SET valid_to = $2 WHERE account_id = $1", admin.id, tomorrow).unwrap();
        work.change(livegrant::policy::PolicyChange::AccountEdited { account: livegrant_actors::AccountId(admin.id) });
        let committed = work.commit(livegrant::db::SystemTask::Bootstrap).await.unwrap();
        server.core.settle(committed).await;
        ok(admin.post("/api/v1/api-clients", json!({ "name": "y", "account_id": plain.id, "days": 1 })).await);
        let longer = json!({ "name": "z", "account_id": plain.id, "days": 2 });
        refused(admin.post("/api/v1/api-clients", longer).await, 403, "NoPermissionError");
    }

    // C3: naming somebody gives nothing; who may do it is logged with both names.
    async fn acting_on_behalf_is_a_right_of_its_own_and_is_logged(server: TestServer) {
        let admin = server.platform().await;
        let robot = server.account("robot", &["org:view", "org:create"]).await;
        let alice = server.account("alice", &[]).await;
        let with = async |name: &str, on_behalf: bool| {
            let new = json!({ "name": name, "account_id": robot.id, "days": 1, "on_behalf": on_behalf });
            server.anonymous().bearing(&token(admin, new).await)
        };
        let (may, may_not) = (with("may", true).await, with("may not", false).await);
        let new = |code: &str| json!({ "code": code, "name": code, "onBehalfOf": alice.guid });
        let before = server.rows().await;
        for caller in [&may_not, &*robot] {
            let problem = Model { caller }.refused("createOrganization", new("a")).await;
            assert_eq!(problem["code"], "NoPermissionError", "{problem}");
        }
        assert_eq!(organizations(&server.rows().await), organizations(&before));
        let shown = async |caller: &crate::support::Caller| {
            let list = Model { caller }.ask("tools/list", json!({})).await;
            list["tools"][0]["inputSchema"]["properties"]["onBehalfOf"].clone()
        };
        assert!(shown(&may).await.is_object() && shown(&may_not).await.is_null());
        Model { caller: &may }.done("createOrganization", new("b")).await;
        let nobody = json!({ "code": "c", "name": "c", "onBehalfOf": "00000000-0000-4000-8000-000000000000" });
        let problem = Model { caller: &may }.refused("createOrganization", nobody).await;
        assert_eq!(problem["code"], "unknown_account");
        let audit = ok(admin.get("/api/v1/audit?action=mcp_on_behalf_of").await);
        let line = &audit["results"][0];
        assert_eq!((&line["actor_id"], &line["resource_id"]), (&json!(robot.id), &json!(alice.guid)), "{audit}");
        // The account's own permissions decide: alice's are no help, and her having none no hindrance.
        let problem = Model { caller: &may }
            .refused("deleteOrganization", json!({ "orgGuid": alice.guid, "onBehalfOf": alice.guid }))
            .await;
        assert_eq!(problem["code"], "NoPermissionError");
    }
}

/// The organisations, which are all that the refused calls could have made.
fn organizations(rows: &str) -> Vec<String> {
    rows.lines().filter(|line| line.starts_with("hr_organization")).map(str::to_owned).collect()
}

served! {
    // FM12
    async fn every_call_is_in_the_audit_log(server: TestServer) {
        let admin = server.platform().await;
        let by = server.account("by", &["org:view"]).await;
        Model::of(&by).done("listOrganizations", json!({})).await;
        Model::of(&by).refused("createOrganization", json!({ "code": "x", "name": "x" })).await;
        Model::of(&by).refused("getOrganization", json!({ "orgGuid": "x" })).await;
        let audit = ok(admin.get("/api/v1/audit?action=mcp_call").await);
        let lines: Vec<[Value; 4]> = audit["results"]
            .as_array()
            .expect("lines")
            .iter()
            .map(|line| ["resource_id", "client", "permission_code", "result"].map(|name| line[name].clone()))
            .collect();
        let line = |tool: &str, permission: &str, result: &str| {
            [json!(tool), json!("测试客户端"), json!(permission), json!(result)]
        };
        assert_eq!(lines.len(), 3, "{audit}");
        for expected in [
            line("listOrganizations", "org:view", "allowed"),
            line("createOrganization", "org:create", "denied"),
            line("getOrganization", "org:view", "invalid"),
        ] {
            assert!(lines.contains(&expected), "{expected:?} in {audit}");
        }
        // The denial stands there a second time, as REST writes it.
        let denials = ok(admin.get("/api/v1/audit?action=authz_fail").await);
        assert_eq!(denials["results"][0]["permission_code"], "org:create", "{denials}");
    }
}
