//! Every permission and what it opens, as a table: allowed with exactly that code, refused with all the others, and a
//! refusal changes nothing (S1-2 … S1-17, S1-27).

mod fresh;

use livegrant::access::builtin::CODES;
use serde_json::{Value, json};

use self::fresh::{definition, fill};
use crate::support::{Account, PASSWORD, ok, refused, served};

/// A permission, what is asked, and with which body. `{org}` and the like stand for something fresh.
type Operation = (&'static str, &'static str, &'static str, Value);

/// The codes that one operation needs besides its own: nobody gives or takes what he does not hold (C8).
const BESIDES: [(&str, &str); 2] = [("permission:assign", "org:view"), ("role:grant", "org:view")];

/// Other codes that open the same operation.
fn also(code: &str, path: &str) -> &'static [&'static str] {
    match (code, path) {
        ("account:create" | "staff:create", "/api/accounts/users/") => &["account:create", "staff:create"],
        (_, "/api/v1/workflows/stats") => &["workflow:view", "workflow:admin"],
        (
            _,
            "/api/v1/leaves/types"
            | "/api/v1/leaves/types/sick"
            | "/api/v1/leaves/days"
            | "/api/v1/leaves/blocks",
        ) => &["workflow:admin", "staff:update"],
        _ => &[],
    }
}

fn operations() -> Vec<Operation> {
    let mut all = operations_of_the_house();
    all.extend(operations_of_areas());
    all
}

fn operations_of_the_house() -> Vec<Operation> {
    let none = || Value::Null;
    let named = || json!({ "name": "renamed" });
    let notice = json!({ "title": "t", "content": "c", "category": "x", "severity": "info" });
    let account = json!({ "username": "fresh.{n}", "password": PASSWORD });
    let pushed = json!({ "userId": "{account}" });
    vec![
        ("org:view", "GET", "/api/v1/organizations", none()),
        ("org:view", "GET", "/api/v1/organizations/{org}", none()),
        ("org:create", "POST", "/api/v1/organizations", json!({ "code": "fresh.{n}", "name": "o" })),
        ("org:update", "PATCH", "/api/v1/organizations/{org}", named()),
        ("org:delete", "DELETE", "/api/v1/organizations/{org}", none()),
        ("position:view", "GET", "/api/v1/positions", none()),
        ("position:view", "GET", "/api/v1/positions/{position}", none()),
        ("position:view", "GET", "/api/v1/positions/{position}/permissions", none()),
        ("position:create", "POST", "/api/v1/positions", json!({ "code": "fresh.{n}", "name": "p" })),
        ("position:update", "PATCH", "/api/v1/positions/{position}", named()),
        ("position:delete", "DELETE", "/api/v1/positions/{position}", none()),
        ("staff:view", "GET", "/api/v1/staff", none()),
        ("staff:view", "GET", "/api/v1/staff/{staff}", none()),
        ("staff:create", "POST", "/api/v1/staff", json!({ "staff_no": "fresh.{n}", "name": "s" })),
        ("staff:create", "POST", "/api/accounts/users/", account.clone()),
        ("staff:update", "PATCH", "/api/v1/staff/{staff}", named()),
        ("staff:update", "POST", "/api/v1/staff/{staff}/positions", json!({ "position_guid": "{position}" })),
        ("staff:update", "DELETE", "/api/v1/staff/{staff}/positions/{held}", none()),
        ("staff:delete", "DELETE", "/api/v1/staff/{staff}", none()),
        (
            "system:admin",
            "POST",
            "/api/v1/permissions",
            json!({ "code": "fresh:{n}", "name": "p", "kind": "api" }),
        ),
        ("system:admin", "PATCH", "/api/v1/permissions/{permission}", named()),
        ("system:admin", "DELETE", "/api/v1/permissions/{permission}", none()),
        ("system:admin", "POST", "/api/v1/system/permission-adjustment", json!({ "reason": "r" })),
        ("system:admin", "POST", "/api/v1/push/permission-update", pushed.clone()),
        ("system:admin", "POST", "/api/v1/push/role-change", pushed.clone()),
        ("system:admin", "POST", "/api/v1/push/batch-permission-update", json!({ "roleId": "{role}" })),
        ("role:view", "GET", "/api/v1/roles", none()),
        ("role:view", "GET", "/api/v1/roles/{role}", none()),
        ("role:create", "POST", "/api/v1/roles", json!({ "code": "fresh.{n}", "name": "r" })),
        ("role:update", "PATCH", "/api/v1/roles/{role}", named()),
        ("role:delete", "DELETE", "/api/v1/roles/{role}", none()),
        (
            "role:grant",
            "PUT",
            "/api/v1/accounts/{account}/roles",
            json!({ "roles": [{ "role_id": "{role}" }] }),
        ),
        ("role:grant", "POST", "/api/v1/accounts/{account}/roles/{role}", json!({})),
        ("role:grant", "DELETE", "/api/v1/accounts/{account}/roles/{own}", none()),
        ("permission:view", "GET", "/api/v1/permissions", none()),
        ("permission:view", "GET", "/api/v1/access/explain?account={account}&permission=org:view", none()),
        ("permission:view", "GET", "/api/v1/access/review", none()),
        ("permission:view", "GET", "/api/v1/access/review?format=csv", none()),
        (
            "permission:assign",
            "PUT",
            "/api/v1/roles/{role}/permissions",
            json!({ "permissions": ["org:view"] }),
        ),
        (
            "permission:assign",
            "POST",
            "/api/v1/roles/{role}/permissions/add",
            json!({ "permissions": ["org:view"] }),
        ),
        (
            "permission:assign",
            "POST",
            "/api/v1/roles/{own}/permissions/remove",
            json!({ "permissions": ["org:view"] }),
        ),
        ("permission:assign", "POST", "/api/v1/positions/{position}/permissions/org:view", json!({})),
        ("permission:assign", "DELETE", "/api/v1/positions/{carrying}/permissions/org:view", none()),
        ("account:view", "GET", "/api/accounts/users/", none()),
        ("account:view", "GET", "/api/v1/accounts/{account}/roles", none()),
        ("account:create", "POST", "/api/accounts/users/", account),
        ("account:update", "PATCH", "/api/accounts/users/{account}/", json!({ "email": "x@example" })),
        ("session:view", "GET", "/api/v1/sessions", none()),
        ("session:view", "GET", "/api/v1/online-users", none()),
        ("session:view", "GET", "/api/v1/connections", none()),
        ("session:kick", "DELETE", "/api/v1/sessions/{session}", none()),
        ("session:kick", "POST", "/api/v1/accounts/{account}/logout-all", json!({})),
        ("session:kick", "POST", "/api/v1/push/force-logout", pushed),
        ("session:kick", "POST", "/api/v1/sessions/end", json!({ "account": "{account}" })),
        ("notification:broadcast", "POST", "/api/v1/notifications/broadcast", notice),
        ("audit:view", "GET", "/api/v1/permission-changes", none()),
        ("audit:view", "GET", "/api/v1/audit", none()),
        ("audit:view", "GET", "/api/v1/changes/latest/receipt", none()),
    ]
}

/// The same of notices, leave and processes.
fn operations_of_areas() -> Vec<Operation> {
    let none = || Value::Null;
    let told = |more: &[(&str, &str)]| {
        let mut body = json!({ "staffGuid": "{person}", "title": "t", "content": "c" });
        body.as_object_mut()
            .expect("an object")
            .extend(more.iter().map(|(name, value)| ((*name).to_owned(), json!(value))));
        body
    };
    let muted =
        json!({ "preferences": [{ "type": "approval_notice", "channel": "toast", "enabled": false }] });
    let given = json!({ "staff_guid": "{staff}", "leave_type": "annual", "granted_days": 7, "reason": "r" });
    let question = json!({ "staffGuid": "{person}", "operation": "view", "instanceGuid": "{person}" });
    vec![
        (
            "notification:send",
            "POST",
            "/api/v1/notifications/position-change",
            told(&[("oldPosition", "a"), ("newPosition", "b")]),
        ),
        (
            "notification:send",
            "POST",
            "/api/v1/notifications/approval",
            told(&[("approvalId", "A"), ("approvalState", "pending")]),
        ),
        ("notification:send", "POST", "/api/v1/notifications/message", told(&[])),
        ("company:manage", "GET", "/api/v1/notifications/tenant-preferences", none()),
        ("company:manage", "PUT", "/api/v1/notifications/tenant-preferences", muted),
        (
            "debug:use",
            "POST",
            "/api/v1/debug/echo",
            json!({ "type": "system_notification", "title": "t", "content": "c" }),
        ),
        ("leave:view", "GET", "/api/v1/leaves/balance?staff_guid={staff}", none()),
        ("staff:update", "PUT", "/api/v1/leaves/balance", given),
        ("staff:update", "POST", "/api/v1/leaves/types", json!({ "code": "fresh.{n}", "name": "t" })),
        (
            "staff:update",
            "PUT",
            "/api/v1/leaves/days",
            json!({ "days": [{ "day": "2150-06-02", "kind": "holiday", "name": "d" }] }),
        ),
        ("workflow:admin", "PATCH", "/api/v1/leaves/types/sick", json!({ "name": "renamed" })),
        (
            "workflow:admin",
            "POST",
            "/api/v1/leaves/blocks",
            json!({ "first_day": "2150-06-10", "last_day": "2150-06-12", "reason": "r" }),
        ),
        ("workflow:admin", "POST", "/api/v1/workflows/definitions", definition("fresh.{n}")),
        ("workflow:admin", "PATCH", "/api/v1/workflows/definitions/{draft}", json!({ "name": "renamed" })),
        ("workflow:admin", "POST", "/api/v1/workflows/definitions/{draft}/validate", json!({})),
        ("workflow:admin", "POST", "/api/v1/workflows/definitions/{draft}/simulate", json!({ "form": {} })),
        ("workflow:admin", "POST", "/api/v1/workflows/definitions/{draft}/publish", json!({})),
        ("workflow:admin", "POST", "/api/v1/workflows/definitions/{published}/suspend", json!({})),
        ("workflow:admin", "POST", "/api/v1/workflows/definitions/{suspended}/activate", json!({})),
        ("workflow:admin", "POST", "/api/v1/workflows/definitions/{published}/retire", json!({})),
        (
            "workflow:admin",
            "POST",
            "/api/v1/workflows/handover",
            json!({ "fromGuid": "{person}", "toGuid": "{heir}" }),
        ),
        ("workflow:view", "GET", "/api/v1/workflows/stats", none()),
        ("permission:view", "POST", "/api/v1/access/check-workflow", question),
        ("session:view", "GET", "/api/v1/nodes", none()),
        ("session:view", "GET", "/api/v1/bans", none()),
        ("system:admin", "GET", "/api/v1/api-clients", none()),
    ]
}

/// Asking does nothing by these, or nothing that lasts.
fn leaves_nothing(method: &str, path: &str) -> bool {
    let told_or_answered = [
        "/push/p",
        "/push/role",
        "/push/batch",
        "/validate",
        "/simulate",
        "/handover",
        "/debug/echo",
        "/check-workflow",
    ];
    method == "GET" || told_or_answered.iter().any(|part| path.contains(part))
}

/// All shipped codes but some, and but `system:admin`, which is every code.
fn all_but(left_out: &[&str]) -> Vec<&'static str> {
    let codes = CODES.iter().map(|row| row.1);
    codes.filter(|code| *code != "system:admin" && !left_out.contains(code)).collect()
}

/// The permissions that other systems were promised by number, code and name (S1-2 … S1-17).
const PROMISED: [(i64, &str, &str); 16] = [
    (1001, "org:view", "组织查看"),
    (1002, "org:create", "组织创建"),
    (1003, "org:update", "组织更新"),
    (1004, "org:delete", "组织删除"),
    (2001, "position:view", "岗位查看"),
    (2002, "position:create", "岗位创建"),
    (2003, "position:update", "岗位更新"),
    (2004, "position:delete", "岗位删除"),
    (3001, "staff:view", "人员查看"),
    (3002, "staff:create", "人员创建"),
    (3003, "staff:update", "人员更新"),
    (3004, "staff:delete", "人员删除"),
    (4001, "leave:approve", "请假审批"),
    (4002, "leave:view", "请假查看"),
    (5001, "workflow:admin", "工作流管理"),
    (9999, "system:admin", "系统管理"),
];

served! {
    /// Each has a description besides, and can neither be deleted nor re-coded (S1-18).
    async fn the_promised_permissions_have_their_numbers_codes_and_names(server: TestServer) {
        let root = server.platform().await;
        let listed = ok(root.get("/api/v1/permissions?page_size=100").await)["results"].clone();
        let listed = listed.as_array().expect("rows");
        let before = server.rows().await;
        for (id, code, name) in PROMISED {
            let row = listed.iter().find(|row| row["id"] == id).unwrap_or_else(|| panic!("{id} is missing"));
            assert_eq!((&row["code"], &row["name"]), (&json!(code), &json!(name)));
            assert!(row["description"].as_str().is_some_and(|text| !text.is_empty()), "{row}");
            let one = format!("/api/v1/permissions/{id}");
            refused(root.delete(&format!("{one}?force=true")).await, 403, "builtin");
            refused(root.patch(&one, json!({ "code": format!("{code}.other") })).await, 403, "builtin");
        }
        assert_eq!(before, server.rows().await);
    }

    /// S3-70.
    async fn each_permission_opens_its_own_operations_and_no_others(server: TestServer) {
        let nobody = server.account("nobody", &[]).await;
        // A receipt has to be there before somebody asks for the latest.
        server.mark().await;
        let mut accounts: Vec<(&str, Account, Account)> = Vec::new();
        for (number, (code, method, path, body)) in operations().into_iter().enumerate() {
            if accounts.last().is_none_or(|(of, _, _)| *of != code) {
                let besides = BESIDES.iter().filter(|(of, _)| *of == code).map(|(_, besides)| *besides);
                let exact: Vec<&str> = std::iter::once(code).chain(besides).collect();
                let holder = server.account(&format!("holder.{number}"), &exact).await;
                let others = server.account(&format!("others.{number}"), &all_but(&[code])).await;
                accounts.push((code, holder, others));
            }
            let (_, holder, others) = accounts.last().unwrap();
            let alternatives = also(code, path);
            let fewer = if alternatives.is_empty() {
                others.clone()
            } else {
                server.account(&format!("fewer.{number}"), &all_but(alternatives)).await
            };
            let (path, body) = fill(&server, number, path, &body).await;
            let before = server.rows().await;
            for stranger in [&nobody, &fewer] {
                let answer = stranger.ask(method, &path, &body).await;
                assert_eq!(answer.0, 403, "{method} {path} without {code}: {}", answer.1);
                let problem = refused(answer, 403, "NoPermissionError");
                let names = [code].iter().chain(alternatives).any(|code| problem["detail"].to_string().contains(code));
                assert!(names, "{method} {path}: {problem}");
            }
            assert_eq!(before, server.rows().await, "{method} {path} was refused and changed something");
            let answer = holder.ask(method, &path, &body).await;
            assert!((200..300).contains(&answer.0), "{method} {path} with {code}: {} {}", answer.0, answer.1);
            if !leaves_nothing(method, &path) {
                assert_ne!(before, server.rows().await, "{method} {path} changed nothing");
            }
        }
    }

    /// `system:admin` is every code inside the tenant (S1-17, C23).
    async fn the_administrator_may_do_everything(server: TestServer) {
        let admin = server.account("admin", &["system:admin"]).await;
        for (number, (_, method, path, body)) in operations().into_iter().enumerate() {
            let (path, body) = fill(&server, number, path, &body).await;
            let answer = admin.ask(method, &path, &body).await;
            assert!((200..300).contains(&answer.0), "{method} {path}: {} {}", answer.0, answer.1);
        }
        // But it is no platform administrator, and does not touch one.
        refused(admin.post("/api/v1/system/init-permissions", json!({})).await, 403, "NoPermissionError");
        let root = format!("/api/v1/accounts/{}/reset-password", server.platform().await.id);
        refused(admin.post(&root, json!({ "new_password": "mine from now on" })).await, 403, "NoPermissionError");
        let root = format!("/api/accounts/users/{}/", server.platform().await.id);
        refused(admin.patch(&root, json!({ "status": 0 })).await, 403, "NoPermissionError");
    }

    /// Disabling needs its own code besides `account:update`.
    async fn an_account_is_switched_off_by_a_permission_of_its_own(server: TestServer) {
        server.platform().await;
        let alice = server.account("alice", &[]).await;
        let updater = server.account("updater", &all_but(&["account:disable"])).await;
        let switch = server.account("switch", &["account:update", "account:disable"]).await;
        let path = format!("/api/accounts/users/{}/", alice.id);
        let before = server.rows().await;
        for status in [json!({ "status": 0 }), json!({ "status": 0, "email": "x" })] {
            refused(updater.patch(&path, status).await, 403, "NoPermissionError");
        }
        assert_eq!(before, server.rows().await);
        for status in [0, 1] {
            assert_eq!(ok(switch.patch(&path, json!({ "status": status })).await)["status"], status);
        }
    }

    /// A refused write is in the audit log, with who, what permission and from where (S1-46).
    async fn refusals_are_written_down(server: TestServer) {
        let nobody = server.account("nobody", &[]).await;
        let auditor = server.account("auditor", &["audit:view"]).await;
        refused(nobody.post("/api/v1/roles", json!({ "code": "x", "name": "x" })).await, 403, "NoPermissionError");
        let found = ok(auditor.get(&format!("/api/v1/audit?actor={}&result=denied", nobody.id)).await);
        assert_eq!(found["count"], 1, "{found}");
        assert!(found["results"][0].to_string().contains("role:create"), "{found}");
    }
}

/// The cells of the matrix: operation, resource, the codes that open it for somebody else's object.
const MATRIX: [(&str, &str, &[&str]); 25] = [
    ("view", "organization", &["org:view"]),
    ("create", "organization", &["org:create"]),
    ("update", "organization", &["org:update"]),
    ("delete", "organization", &["org:delete"]),
    ("approve", "organization", &[]),
    ("view", "position", &["position:view"]),
    ("create", "position", &["position:create"]),
    ("update", "position", &["position:update"]),
    ("delete", "position", &["position:delete"]),
    ("approve", "position", &[]),
    ("view", "staff", &["staff:view"]),
    ("create", "staff", &["staff:create"]),
    ("update", "staff", &["staff:update"]),
    ("delete", "staff", &["staff:delete"]),
    ("approve", "staff", &[]),
    ("view", "leave", &["leave:view"]),
    ("create", "leave", &["staff:create"]),
    ("update", "leave", &[]),
    ("delete", "leave", &[]),
    ("approve", "leave", &["leave:approve"]),
    ("view", "workflow", &["workflow:view", "workflow:admin"]),
    ("create", "workflow", &["workflow:admin"]),
    ("update", "workflow", &["workflow:admin"]),
    ("delete", "workflow", &["workflow:admin"]),
    ("approve", "workflow", &[]),
];

served! {
    /// `CheckAccessControl` over the whole matrix (S1-21 … S1-26), the codes without routes of their own included.
    async fn the_check_matrix(server: TestServer) {
        let admin = server.platform().await;
        let other = server.account("other", &[]).await;
        let all = server.account("all", &["system:admin"]).await;
        let mut holders: Vec<(&str, Account)> = Vec::new();
        for code in MATRIX.iter().flat_map(|(_, _, codes)| codes.iter().copied()) {
            if !holders.iter().any(|(of, _)| *of == code) {
                holders.push((code, server.account(&format!("only.{}", code.replace(':', ".")), &[code]).await));
            }
        }
        for (operation, resource, codes) in MATRIX {
            let except = server.account(&format!("not.{operation}.{resource}"), &all_but(codes)).await;
            // For oneself everybody may ask for leave; the cell is about somebody else's.
            let object = if (operation, resource) == ("create", "leave") { other.guid.as_str() } else { "" };
            let ask = async |about: &Account| {
                let question = json!({
                    "staffGuid": about.guid, "operation": operation, "resource": resource, "resourceId": object,
                });
                ok(admin.post("/api/v1/access/check", question).await)
            };
            let no = |answer: &Value| {
                assert_eq!((&answer["hasPermission"], &answer["code"]), (&json!(false), &json!("NoPermissionError")), "{operation} {resource}: {answer}");
                assert!(!answer["errorMessage"].as_str().unwrap().is_empty(), "{operation} {resource}");
            };
            no(&ask(&except).await);
            for (code, holder) in &holders {
                let answer = ask(holder).await;
                if codes.contains(code) {
                    assert_eq!(answer, json!({ "hasPermission": true, "errorMessage": "", "code": null, "permission": code }));
                } else {
                    no(&answer);
                }
            }
            let everything = ask(&all).await;
            assert_eq!(everything["hasPermission"], !codes.is_empty(), "{operation} {resource}: {everything}");
        }
    }

    /// What is unknown is denied with a message, never allowed (S1-26); others are asked about with a permission only.
    async fn questions_that_make_no_sense(server: TestServer) {
        let asker = server.account("asker", &["permission:view"]).await;
        let all = server.account("all", &["system:admin"]).await;
        let unknown = "00000000-0000-4000-8000-000000000000";
        for (guid, operation, resource, object, code) in [
            (all.guid.as_str(), "destroy", "staff", "", "unknown_operation"),
            (&all.guid, "", "staff", "", "unknown_operation"),
            (&all.guid, "VIEW", "staff", "", "unknown_operation"),
            (&all.guid, "view", "salary", "", "unknown_resource"),
            (&all.guid, "view", "", "", "unknown_resource"),
            (unknown, "view", "staff", "", "not_found"),
            (&all.guid, "view", "organization", unknown, "not_found"),
            (&all.guid, "view", "staff", unknown, "not_found"),
        ] {
            let question =
                json!({ "staffGuid": guid, "operation": operation, "resource": resource, "resourceId": object });
            let answer = ok(asker.post("/api/v1/access/check", question).await);
            assert_eq!((&answer["hasPermission"], &answer["code"]), (&json!(false), &json!(code)), "{answer}");
            assert!(!answer["errorMessage"].as_str().unwrap().is_empty());
        }
        let nobody = server.account("nobody", &[]).await;
        let about = |guid: &str| json!({ "staffGuid": guid, "operation": "view", "resource": "staff" });
        refused(nobody.post("/api/v1/access/check", about(&all.guid)).await, 403, "NoPermissionError");
        refused(nobody.post("/api/v1/access/check", about(unknown)).await, 403, "NoPermissionError");
        ok(nobody.post("/api/v1/access/check", about(&nobody.guid)).await);
        for guid in ["", "x", "not-a-guid-at-all-not-a-guid-at-all-"] {
            let answer = asker.post("/api/v1/access/check", about(guid)).await;
            assert!(answer.0 == 400 || answer.1["hasPermission"] == false, "{guid:?}: {answer:?}");
        }
        let extra = json!({ "staffGuid": all.guid, "operation": "view", "resource": "staff", "x": 1 });
        refused(asker.post("/api/v1/access/check", extra).await, 400, "invalid");
    }
}
