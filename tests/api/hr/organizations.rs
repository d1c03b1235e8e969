//! Organisations (S1-2 … S1-5, S1-36).

use serde_json::{Value, json};

use super::{NOBODY, denied, faulty, guid, organization, person};
use crate::support::{ok, refused, served};

const PATH: &str = "/api/v1/organizations";

served! {
    async fn an_organization_is_made_read_changed_and_deleted(server: TestServer) {
        let hr = server.account("hr", &["org:view", "org:create", "org:update", "org:delete"]).await;
        let made = ok(hr.post(PATH, json!({ "code": "desk", "name": "前台" })).await);
        assert_eq!((&made["code"], &made["name"], &made["version"]), (&json!("desk"), &json!("前台"), &json!(1)));
        let one = format!("{PATH}/{}", guid(&made));
        assert_eq!(ok(hr.get(&one).await), made);
        assert_eq!(ok(hr.get(&one.to_uppercase().replace(&PATH.to_uppercase(), PATH)).await), made);

        let changed = ok(hr.patch(&one, json!({ "name": "前厅", "version": 1 })).await);
        assert_eq!(
            (&changed["code"], &changed["name"], &changed["version"]),
            (&json!("desk"), &json!("前厅"), &json!(2))
        );
        refused(hr.patch(&one, json!({ "name": "x", "version": 1 })).await, 412, "outdated");
        assert_eq!(ok(hr.get(&one).await), changed);

        assert_eq!(ok(hr.delete(&one).await)["changed"], true);
        refused(hr.get(&one).await, 404, "not_found");
        refused(hr.delete(&one).await, 404, "not_found");
    }

    async fn each_step_needs_its_permission(server: TestServer) {
        let one = format!("{PATH}/{}", organization(server.platform().await, "desk").await);
        let body = json!({ "name": "x" });
        let all = [
            ("org:view", "GET", PATH.to_owned(), Value::Null),
            ("org:view", "GET", one.clone(), Value::Null),
            ("org:create", "POST", PATH.to_owned(), json!({ "code": "x", "name": "x" })),
            ("org:update", "PATCH", one.clone(), body),
            ("org:delete", "DELETE", one, Value::Null),
        ];
        for code in ["org:view", "org:create", "org:update", "org:delete"] {
            let by = server.account(&code.replace(':', "-"), &[code]).await;
            let others: Vec<_> =
                all.iter().filter(|row| row.0 != code).map(|row| (row.1, row.2.clone(), row.3.clone())).collect();
            denied(&server, &by, &others).await;
            for (_, method, path, body) in all.iter().filter(|row| row.0 == code) {
                ok(by.ask(method, path, body).await);
            }
        }
    }

    async fn a_fault_is_named_and_nothing_is_changed(server: TestServer) {
        let by = server.platform().await;
        organization(by, "desk").await;
        let one = format!("{PATH}/{}", organization(by, "people").await);
        let row = |method, path: &str, body: Value, status, code, field| {
            (method, path.to_owned(), body, status, code, field)
        };
        let long = "x".repeat(101);
        faulty(&server, by, &[
            row("POST", PATH, json!({ "code": "desk", "name": "x" }), 409, "already_exists", "code"),
            row("POST", PATH, json!({ "code": "two words", "name": "x" }), 400, "invalid", "code"),
            row("POST", PATH, json!({ "code": "x", "name": " " }), 400, "invalid", "name"),
            row("POST", PATH, json!({ "code": "x", "name": long }), 400, "invalid", "name"),
            row("POST", PATH, json!({ "code": "x" }), 400, "invalid", "name"),
            row("POST", PATH, json!({ "code": "x", "name": "x", "parent": 1 }), 400, "invalid", "parent"),
            row("PATCH", &one, json!({ "code": "desk" }), 409, "already_exists", "code"),
            row("PATCH", &one, json!({ "code": "" }), 400, "invalid", "code"),
            row("PATCH", &format!("{PATH}/{NOBODY}"), json!({}), 404, "not_found", ""),
            row("PATCH", &format!("{PATH}/7"), json!({}), 400, "invalid", "guid"),
            row("GET", &format!("{PATH}/7"), Value::Null, 400, "invalid", "guid"),
            row("GET", &format!("{PATH}/{NOBODY}"), Value::Null, 404, "not_found", ""),
            row("DELETE", &format!("{PATH}/7"), Value::Null, 400, "invalid", "guid"),
        ])
        .await;
    }

    async fn an_organization_stays_while_a_position_or_a_person_belongs_to_it(server: TestServer) {
        let by = server.platform().await;
        let org = organization(by, "desk").await;
        let one = format!("{PATH}/{org}");
        let body = json!({ "code": "p", "name": "p", "organization_guid": org });
        let position = format!("/api/v1/positions/{}", guid(&ok(by.post("/api/v1/positions", body).await)));
        refused(by.delete(&one).await, 409, "in_use");

        let moved = ok(by.patch(&position, json!({ "organization_guid": null })).await);
        assert_eq!(moved["organization_guid"], Value::Null);
        let body = json!({ "staff_no": "1", "name": "x", "organization_guid": org });
        let staff = format!("/api/v1/staff/{}", guid(&ok(by.post("/api/v1/staff", body).await)));
        refused(by.delete(&one).await, 409, "in_use");

        ok(by.patch(&staff, json!({ "organization_guid": null })).await);
        ok(by.delete(&one).await);
    }

    async fn nobody_acts_in_somebody_elses_name(server: TestServer) {
        let by = server.account("hr", &["org:update"]).await;
        let other = server.account("other", &["org:update"]).await;
        let platform = server.platform().await;
        let one = format!("{PATH}/{}", organization(platform, "desk").await);
        let (own, foreign) = (person(platform, &by).await, person(platform, &other).await);
        let body = |operator: &str| json!({ "name": "x", "operatorGuid": operator });
        let refusals: Vec<_> = [other.guid.as_str(), &foreign, NOBODY, "7", ""]
            .map(|operator| ("PATCH", one.clone(), body(operator)))
            .into();
        denied(&server, &by, &refusals).await;
        ok(by.patch(&one, body(&by.guid)).await);
        ok(by.patch(&one, body(&own)).await);
    }

    async fn a_list_is_searched_and_paged(server: TestServer) {
        let by = server.platform().await;
        for code in ["desk", "people", "desk-2"] {
            organization(by, code).await;
        }
        let found = ok(by.get(&format!("{PATH}?search=DESK&page_size=1")).await);
        assert_eq!((&found["count"], &found["results"][0]["code"]), (&json!(2), &json!("desk")));
        let next = found["next"].as_str().expect("a second page");
        assert_eq!(ok(by.get(next).await)["results"][0]["code"], "desk-2");
        assert_eq!(ok(by.get(&format!("{PATH}?search=%25")).await)["count"], 0);
    }
}
