//! Definitions over REST (S0-6, S1-16, S1-43, FW26, FW27).

use serde_json::{Value, json};

use crate::support::{Account, TestServer, ok, refused, served};

pub const PATH: &str = "/api/v1/workflows/definitions";

/// A definition with one node at which the holders of a role decide.
pub fn definition(code: &str, role: &str) -> Value {
    json!({
        "code": code, "name": "报销 \"差旅\" 🌴", "category": "财务",
        "form": { "fields": [{ "code": "amount", "name": "金额", "type": "number", "required": true }] },
        "graph": { "nodes": [
            { "code": "start", "name": "开始", "kind": "start" },
            { "code": "a", "name": "审批", "kind": "approve", "assignees": [{ "kind": "role", "code": role }] },
        ] },
    })
}

pub async fn admin(server: &TestServer) -> Account {
    server.account("flow", &["workflow:admin"]).await
}

async fn published(by: &Account, code: &str) -> Value {
    ok(by.post(PATH, definition(code, "only.flow")).await);
    ok(by.post(&format!("{PATH}/{code}/publish"), json!({})).await)
}

served! {
    // S0-6
    async fn a_definition_is_written_checked_published_and_started_on_without_a_restart(server: TestServer) {
        let by = admin(&server).await;
        let made = ok(by.post(PATH, definition("travel", "only.flow")).await);
        assert_eq!((&made["status"], &made["number"], &made["version"]), (&json!("draft"), &json!(1), &json!(1)));
        assert_eq!(made["name"], "报销 \"差旅\" 🌴");
        let one = format!("{PATH}/travel");
        assert_eq!(ok(by.get(&one).await)["graph"], made["graph"]);

        let broken = json!({ "graph": { "nodes": [{ "code": "a", "name": "a", "kind": "approve", "assignees": [] }] }, "version": 1 });
        ok(by.patch(&one, broken).await);
        let checked = ok(by.post(&format!("{one}/validate"), json!({})).await);
        let places: Vec<_> = checked["faults"].as_array().unwrap().iter().map(|fault| &fault["at"]).collect();
        assert_eq!((&checked["valid"], places), (&json!(false), vec![&json!("nodes"), &json!("nodes.a.assignees")]));
        let problem = refused(by.post(&format!("{one}/publish"), json!({})).await, 400, "definition_invalid");
        assert!(problem["errors"]["nodes"].is_array(), "{problem}");

        ok(by.patch(&one, json!({ "graph": made["graph"], "version": 2 })).await);
        refused(by.patch(&one, json!({ "name": "x", "version": 2 })).await, 412, "outdated");
        assert_eq!(ok(by.post(&format!("{one}/validate"), json!({})).await), json!({ "valid": true, "faults": [] }));
        let live = ok(by.post(&format!("{one}/publish"), json!({ "version": 3 })).await);
        assert_eq!((&live["status"], &live["number"]), (&json!("published"), &json!(1)));
        assert!(live["publishedAt"].is_string());
    }

    // FW26
    async fn a_published_version_never_changes_and_the_next_one_takes_its_place(server: TestServer) {
        let by = admin(&server).await;
        let first = published(&by, "travel").await;
        let one = format!("{PATH}/travel");
        let draft = ok(by.patch(&one, json!({ "name": "新版", "version": first["version"] })).await);
        assert_eq!((&draft["status"], &draft["number"], &draft["name"]), (&json!("draft"), &json!(2), &json!("新版")));
        assert_eq!(draft["graph"], first["graph"], "it begins with what is published");
        let live = ok(by.get(&one).await);
        assert_eq!((&live["name"], &live["number"]), (&first["name"], &json!(1)));
        let versions = json!([{ "number": 2, "status": "draft" }, { "number": 1, "status": "published" }]);
        assert_eq!(live["versions"], versions);
        assert_eq!(ok(by.get(&format!("{one}?number=2")).await)["name"], "新版");

        ok(by.post(&format!("{one}/publish"), json!({})).await);
        assert_eq!(ok(by.get(&one).await)["number"], 2);
        let old = ok(by.get(&format!("{one}?number=1")).await);
        assert_eq!((&old["status"], &old["name"]), (&json!("retired"), &first["name"]));
        refused(by.post(&format!("{one}/publish"), json!({})).await, 409, "definition_state");

        for (order, status) in [("suspend", "suspended"), ("activate", "published"), ("retire", "retired")] {
            assert_eq!(ok(by.post(&format!("{one}/{order}"), json!({})).await)["status"], status);
        }
        for order in ["suspend", "activate", "retire", "publish"] {
            refused(by.post(&format!("{one}/{order}"), json!({})).await, 409, "definition_state");
        }
        let again = ok(by.patch(&one, json!({ "category": "x" })).await);
        assert_eq!((&again["number"], &again["status"]), (&json!(3), &json!("draft")), "a retired code can begin anew");
    }

    // FC5, S1-46: each change is in the audit log, with what was before and what is since, node by node.
    async fn the_audit_log_says_what_was_changed_in_a_definition(server: TestServer) {
        let by = admin(&server).await;
        let made = published(&by, "travel").await;
        let one = format!("{PATH}/travel");
        let mut graph = made["graph"].clone();
        graph["nodes"][1]["mode"] = json!({ "kind": "all" });
        graph["nodes"].as_array_mut().unwrap().push(json!({ "code": "w", "name": "等", "kind": "delay", "minutes": 5 }));
        ok(by.patch(&one, json!({ "graph": graph, "settings": { "title": "{name}" } })).await);
        ok(by.post(&format!("{one}/publish"), json!({})).await);
        ok(by.post(&format!("{one}/suspend"), json!({})).await);
        let root = server.platform().await;
        let found = ok(root.get(&format!("/api/v1/audit?actor={}", by.id)).await);
        let told = |action: &str| {
            let lines = found["results"].as_array().unwrap().iter();
            let line = lines.clone().find(|line| line["action"] == *action).unwrap_or_else(|| panic!("{action}: {found}"));
            assert_eq!((&line["resource"], &line["resource_id"]), (&json!("workflow_definition"), &json!("travel")), "{line}");
            line["diff"].clone()
        };
        let names = |side: &Value| side.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        let created = told("definition_created");
        assert_eq!((&created["before"], &created["after"]["nodes"]), (&Value::Null, &json!(["start", "a"])));
        for action in ["definition_updated", "definition_published"] {
            let diff = told(action);
            let changed = ["nodes", "nodes.a", "nodes.w", "number", "settings.title"];
            let status = (action == "definition_updated").then_some("status");
            let expected: Vec<&str> = changed.into_iter().chain(status).collect();
            assert_eq!(names(&diff["after"]), expected, "{diff}");
            assert_eq!(diff["before"]["nodes.a"]["mode"], json!({ "kind": "any" }), "{diff}");
            assert_eq!(diff["after"]["nodes.a"]["mode"], json!({ "kind": "all" }), "{diff}");
            assert_eq!(diff["before"]["nodes.w"], Value::Null, "{diff}");
        }
        let suspended = json!({ "before": { "status": "published" }, "after": { "status": "suspended" } });
        assert_eq!(told("definition_suspended"), suspended);
    }

    // S1-16, S1-43, C24
    async fn only_workflow_admin_writes_and_only_who_may_start_reads(server: TestServer) {
        let by = admin(&server).await;
        let view = server.account("view", &["workflow:view"]).await;
        let ann = server.account("ann", &[]).await;
        published(&by, "travel").await;
        ok(by.post(PATH, definition("secret", "only.flow")).await);
        let mut closed = definition("closed", "only.flow");
        closed["starters"] = json!({ "roles": ["only.view"] });
        ok(by.post(PATH, closed).await);
        ok(by.post(&format!("{PATH}/closed/publish"), json!({})).await);

        let before = server.rows().await;
        for other in [&view, &ann] {
            for (method, path, body) in [
                ("POST", PATH.to_owned(), definition("x", "only.flow")),
                ("PATCH", format!("{PATH}/travel"), json!({ "name": "x" })),
                ("POST", format!("{PATH}/travel/validate"), json!({})),
                ("POST", format!("{PATH}/travel/simulate"), json!({})),
                ("POST", format!("{PATH}/secret/publish"), json!({})),
                ("POST", format!("{PATH}/travel/suspend"), json!({})),
                ("POST", format!("{PATH}/travel/activate"), json!({})),
                ("POST", format!("{PATH}/travel/retire"), json!({})),
            ] {
                refused(other.ask(method, &path, &body).await, 403, "NoPermissionError");
            }
        }
        assert_eq!(server.rows().await, before);
        assert_eq!(ok(by.get(&format!("{PATH}/travel")).await)["status"], "published");

        let codes = async |account: &Account, query: &str| {
            let list = ok(account.get(&format!("{PATH}{query}")).await);
            let codes: Vec<_> = list["results"].as_array().unwrap().iter().map(|row| row["code"].as_str().unwrap().to_owned()).collect();
            (list["count"].as_i64().unwrap(), codes.join(" "))
        };
        assert_eq!(codes(&by, "").await, (3, "closed secret travel".to_owned()));
        assert_eq!(codes(&view, "?status=draft").await, (1, "secret".to_owned()));
        assert_eq!(codes(&view, "?search=TRAV").await, (1, "travel".to_owned()));
        assert_eq!(codes(&ann, "").await, (1, "travel".to_owned()));
        assert_eq!(codes(&ann, "?status=draft").await, (1, "travel".to_owned()), "a starter sees what is published");
        assert_eq!(codes(&view, "?page_size=1&page=3").await, (3, "travel".to_owned()));
        refused(by.get(&format!("{PATH}?status=x")).await, 400, "invalid");
        assert!(ok(ann.get(&format!("{PATH}/travel")).await)["form"].is_object());
        for path in ["secret", "closed", "gone", "travel?number=7"] {
            refused(ann.get(&format!("{PATH}/{path}")).await, 404, "not_found");
        }
        ok(view.get(&format!("{PATH}/closed")).await);

        refused(ann.get("/api/v1/workflows/stats").await, 403, "NoPermissionError");
        let stats = ok(view.get("/api/v1/workflows/stats").await);
        assert_eq!(stats["definitions"], json!([]), "FW40");
        refused(by.get("/api/v1/workflows/stats?from=yesterday").await, 400, "invalid");
    }

    async fn a_fault_is_named_and_nothing_is_changed(server: TestServer) {
        let by = admin(&server).await;
        published(&by, "travel").await;
        let one = format!("{PATH}/travel");
        let before = ok(by.get(&one).await);
        let changed = |key: &str, value: Value| {
            let mut body = definition("other", "only.flow");
            body[key] = value;
            body
        };
        for (body, status, code, field) in [
            (definition("travel", "only.flow"), 409, "already_exists", "code"),
            (changed("code", json!("two words")), 400, "invalid", "code"),
            (changed("name", json!(" ")), 400, "invalid", "name"),
            (changed("name", json!("长".repeat(10_000))), 400, "invalid", "name"),
            (changed("category", json!("x".repeat(10_000))), 400, "invalid", "category"),
        ] {
            let problem = refused(by.post(PATH, body).await, status, code);
            assert!(problem["errors"][field].is_array(), "{problem}");
        }
        for body in [changed("graph", json!({ "nodes": [{ "code": "a", "name": "a", "kind": "jump" }] })), changed("x", json!(1))] {
            refused(by.post(PATH, body).await, 400, "invalid");
        }
        for order in ["validate", "simulate", "publish", "suspend", "activate", "retire"] {
            refused(by.post(&format!("{PATH}/gone/{order}"), json!({})).await, 404, "not_found");
        }
        refused(by.patch(&format!("{PATH}/gone"), json!({})).await, 404, "not_found");
        refused(by.post(&format!("{one}/suspend"), json!({ "version": 1 })).await, 412, "outdated");
        let gone = json!({ "graph": { "nodes": [
            { "code": "start", "name": "s", "kind": "start" },
            { "code": "a", "name": "a", "kind": "approve", "assignees": [{ "kind": "role", "code": "gone" }] } ] } });
        ok(by.patch(&one, gone).await);
        let problem = refused(by.post(&format!("{one}/publish"), json!({})).await, 400, "definition_invalid");
        assert!(problem["errors"]["nodes.a.assignees[0]"].is_array(), "{problem}");
        assert_eq!(ok(by.get(&one).await)["graph"], before["graph"]);
    }
}
