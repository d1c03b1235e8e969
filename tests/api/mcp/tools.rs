//! What tools take, refuse and answer beyond their routes: names of arguments, texts, rehearsals, persons.

use serde_json::{Value, json};

use super::Model;
use crate::support::{ok, served, served_once};

const NOBODY: &str = "00000000-0000-4000-8000-000000000000";

served! {
    // FM10, S0-51 (who is online): a rehearsal has the real answer and the real refusals, and leaves nothing behind.
    async fn a_rehearsal_changes_nothing_and_says_what_would_be(server: TestServer) {
        let admin = server.platform().await;
        let model = Model::of(admin);
        let org = model.done("createOrganization", json!({ "code": "a", "name": "a" })).await;
        let person = server.account("person", &[]).await;
        let position = model.done("createPosition", json!({ "code": "desk", "name": "前台" })).await;
        let staff = json!({ "staffNo": "1", "name": "爱丽丝", "accountId": person.id });
        let staff = model.done("createStaff", staff).await;
        let mut tab = server.tab(&person).await;
        let before = server.rows().await;
        let rehearse = async |tool: &str, mut arguments: Value| {
            arguments["dryRun"] = json!(true);
            let result = model.call(tool, arguments).await;
            assert_eq!(result["isError"], false, "{tool}: {result}");
            assert_eq!(result["_meta"]["livegrant/dryRun"], true, "{tool}: {result}");
            result["structuredContent"].clone()
        };
        let made = rehearse("createOrganization", json!({ "code": "b", "name": "b" })).await;
        assert_eq!(made["code"], "b");
        rehearse("updateOrganization", json!({ "orgGuid": org["guid"], "name": "other" })).await;
        rehearse("deleteOrganization", json!({ "orgGuid": org["guid"] })).await;
        let give = json!({ "positionGuid": position["guid"], "permissionCode": "org:view" });
        let given = rehearse("assignPermissionToPosition", give).await;
        assert_eq!((&given["changed"], given["rev"].is_i64()), (&json!(true), true), "{given}");
        let into = json!({ "staffGuid": staff["guid"], "positionGuid": position["guid"] });
        rehearse("assignStaffPosition", into).await;
        rehearse("deleteStaff", json!({ "staffGuid": staff["guid"] })).await;
        let ended = rehearse("forceUserLogout", json!({ "staffGuid": staff["guid"], "reason": "试一试" })).await;
        assert_eq!(ended["ended"], 1);
        assert_eq!(server.rows().await, before);
        let none = tab.until(&server.mark().await).await;
        assert!(none.is_empty(), "{none:?}");
        // The refusals are the real ones too.
        let problem = model.refused("createOrganization", json!({ "code": "a", "name": "a", "dryRun": true })).await;
        assert_eq!(problem["code"], "already_exists");
        let problem = Model::of(&person).refused("deleteOrganization", json!({ "orgGuid": org["guid"], "dryRun": true })).await;
        assert_eq!(problem["code"], "NoPermissionError");
        let problem = model.refused("deleteOrganization", json!({ "orgGuid": org["guid"], "dryRun": "yes" })).await;
        assert!(problem["errors"]["dryRun"].is_array(), "{problem}");
        // And the write itself still works.
        model.done("deleteOrganization", json!({ "orgGuid": org["guid"] })).await;
        let online = model.done("listOnlineUsers", json!({ "search": "PERSON" })).await;
        assert_eq!((&online["count"], &online["results"][0]["guid"]), (&json!(1), &json!(person.guid)), "{online}");
        let company = online["results"][0]["company_id"].as_i64().expect("a company");
        for (company, count) in [(company, 1), (company + 1, 0)] {
            let online = model.done("listOnlineUsers", json!({ "companyId": company, "limit": 1 })).await;
            assert_eq!(online["count"], json!(count), "{online}");
        }
        model.done("forceUserLogout", json!({ "staffGuid": person.guid, "reason": "结束" })).await;
        assert_eq!(person.get("/api/accounts/users/me/").await.0, 401);
    }

    // S0-55: texts come back as they were sent; those that are too long are refused by the argument's name.
    async fn texts_travel_unchanged_or_are_refused_by_name(server: TestServer) {
        let by = server.account("by", &["org:view", "org:create", "staff:create", "staff:view"]).await;
        let model = Model::of(&by);
        for (at, name) in
            ["研发中心", "O'Brien \"引号\" <b>", "👩‍👩‍👧 𠮷野家", "\\u0000 as text", "ｆｕｌｌ　width"].into_iter().enumerate()
        {
            let made = model.done("createOrganization", json!({ "code": format!("c{at}"), "name": name })).await;
            assert_eq!(made["name"], name);
            let path = format!("/api/v1/organizations/{}", made["guid"].as_str().expect("a guid"));
            assert_eq!(ok(by.get(&path).await)["name"], name);
        }
        let before = server.rows().await;
        for length in [10_000, 10_001] {
            let new = json!({ "code": "long", "name": "长".repeat(length) });
            let problem = model.refused("createOrganization", new).await;
            assert!(problem["errors"]["name"].is_array(), "{problem}");
            let new = json!({ "staffNo": "1", "name": "x", "mobile": "1".repeat(length) });
            let problem = model.refused("createStaff", new).await;
            assert!(problem["errors"]["mobile"].is_array(), "{problem}");
        }
        assert_eq!(server.rows().await, before);
    }
}

served_once! {
    // FM7: a wrong argument is a result with its name, so that a model can mend its call.
    async fn wrong_arguments_are_named(server: TestServer) {
        let admin = server.platform().await;
        let model = Model::of(admin);
        for (tool, arguments, field) in [
            ("createOrganization", json!({ "code": "a" }), "name"),
            ("createOrganization", json!({ "code": "a", "name": "a", "colour": "red" }), "colour"),
            ("createOrganization", json!({ "code": 7, "name": "a" }), "code"),
            ("createOrganization", json!({ "code": "not a code", "name": "a" }), "code"),
            ("getOrganization", json!({}), "orgGuid"),
            ("getOrganization", json!({ "orgGuid": ["x"] }), "orgGuid"),
            ("getOrganization", json!({ "orgGuid": "x", "dryRun": true }), "dryRun"),
            ("createStaff", json!({ "name": "a" }), "staffNo"),
            ("createStaff", json!({ "staff_no": "1", "name": "a" }), "staffNo"),
            ("listStaff", json!({ "pageSize": "many" }), "pageSize"),
            ("assignStaffPosition", json!({ "staffGuid": NOBODY, "positionGuid": "x" }), "positionGuid"),
            ("forceUserLogout", json!({ "staffGuid": NOBODY, "reason": "x" }), "staffGuid"),
            ("forceUserLogout", json!({ "staffGuid": admin.guid, "reason": " " }), "reason"),
        ] {
            let problem = model.refused(tool, arguments.clone()).await;
            assert_eq!(problem["status"], 400, "{tool} {arguments}: {problem}");
            assert!(problem["errors"][field].is_array(), "{tool} {arguments}: {problem}");
        }
    }

    // S1-26, S1-22: a question is answered with a no and its reason, whatever it asks.
    async fn questions_are_answered_as_over_rest(server: TestServer) {
        let admin = server.platform().await;
        let by = server.account("by", &["org:view"]).await;
        for question in [
            json!({ "staffGuid": by.guid, "operation": "view", "resource": "organization" }),
            json!({ "staffGuid": by.guid, "operation": "delete", "resource": "organization" }),
            json!({ "staffGuid": by.guid, "operation": "paint", "resource": "organization" }),
            json!({ "staffGuid": by.guid, "operation": "view", "resource": "weather" }),
            json!({ "staffGuid": NOBODY, "operation": "view", "resource": "staff" }),
            json!({ "staffGuid": by.guid, "operation": "view", "resource": "organization", "resourceId": NOBODY }),
        ] {
            let answer = Model::of(admin).done("checkAccess", question.clone()).await;
            assert_eq!(answer, ok(admin.post("/api/v1/access/check", question.clone()).await), "{question}");
            let no = answer["hasPermission"] == false;
            assert_eq!(no, !answer["errorMessage"].as_str().expect("a text").is_empty(), "{answer}");
        }
        let other = json!({ "staffGuid": admin.guid, "operation": "view", "resource": "staff" });
        assert_eq!(Model::of(&by).refused("checkAccess", other).await["code"], "NoPermissionError");
        let why = json!({ "staffGuid": by.guid, "permissionCode": "org:view" });
        let path = format!("/api/v1/access/explain?permission=org:view&guid={}", by.guid);
        let explained = Model::of(&by).done("explainAccess", why).await;
        assert_eq!(explained, ok(by.get(&path).await));
    }
}
