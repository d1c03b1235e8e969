//! Who is in which position (S1-20, S1-35): given, taken, for a time, repeated.

use std::time::Duration;

use livegrant::clock::iso;
use serde_json::{Value, json};

use super::{NOBODY, denied, faulty, guid, person, position, put};
use crate::support::{Account, PATIENCE, TestServer, ok, refused, served};

async fn holds(account: &Account, code: &str) -> bool {
    account.codes().await.iter().any(|held| held == code)
}

/// Waits until the log tells what the clock has already enforced.
async fn revision_after(server: &TestServer, rev: i64) {
    let mut applied = server.core.applied.clone();
    let told = applied.wait_for(|at| at.0 > rev);
    tokio::time::timeout(PATIENCE, told).await.expect("the timed grant is told").expect("the relay runs");
}

served! {
    /// S0-4, S0-5.
    async fn positions_add_up_and_leaving_one_takes_only_what_it_alone_gave(server: TestServer) {
        let by = server.platform().await;
        let alice = server.account("alice", &["staff:view"]).await;
        let staff = person(by, &alice).await;
        let desk = position(by, "desk", &["org:view", "position:view"]).await;
        let lead = position(by, "lead", &["position:view", "leave:view"]).await;
        put(by, &staff, &desk).await;
        put(by, &staff, &lead).await;
        assert_eq!(alice.codes().await, ["leave:view", "org:view", "position:view", "staff:view"]);

        let mut tab = server.tab(&alice).await;
        let path = format!("/api/v1/staff/{staff}/positions/{desk}");
        assert!(ok(by.delete(&path).await)["rev"].is_i64());
        assert_eq!(alice.codes().await, ["leave:view", "position:view", "staff:view"], "S1-20");
        let moved = tab.next_of("ROLE_CHANGE").await;
        assert_eq!(moved["data"]["removedPositions"][0]["code"], "desk", "{moved}");
        let told = tab.next_of("PERMISSION_UPDATE").await;
        assert_eq!((&told["data"]["removed"], &told["data"]["reason"]), (&json!(["org:view"]), &json!("position:desk")));

        let before = server.rows().await;
        assert_eq!(ok(by.delete(&path).await), json!({ "rev": null, "changed": false }));
        assert_eq!(server.rows().await, before);
    }

    async fn assigning_answers_the_record_and_is_harmless_when_repeated(server: TestServer) {
        let by = server.platform().await;
        let alice = server.account("alice", &[]).await;
        let staff = person(by, &alice).await;
        let desk = position(by, "desk", &["org:view"]).await;
        let lead = position(by, "lead", &[]).await;
        let path = format!("/api/v1/staff/{staff}/positions");
        let body = json!({ "position_guid": desk, "is_primary": true, "change_type": "入职" });
        let given = ok(by.post(&path, body.clone()).await);
        assert!(given["rev"].is_i64(), "{given}");
        assert_eq!(
            (&given["changed"], &given["staff_guid"], &given["position_guid"], &given["code"]),
            (&json!(true), &json!(staff), &json!(desk), &json!("desk"))
        );
        assert_eq!(
            (&given["is_primary"], &given["change_type"], &given["valid_to"], &given["started"]),
            (&json!(true), &json!("入职"), &Value::Null, &json!(true))
        );
        let before = server.rows().await;
        for repeated in [body, json!({ "position_guid": desk })] {
            let again = ok(by.post(&path, repeated).await);
            assert_eq!((&again["rev"], &again["changed"]), (&Value::Null, &json!(false)), "{again}");
        }
        assert_eq!(server.rows().await, before);

        // How somebody is in a position is nobody's permission: no revision. Only one position is the main one.
        put(by, &staff, &lead).await;
        let moved = ok(by.post(&path, json!({ "position_guid": lead, "is_primary": true, "change_type": "晋升" })).await);
        assert_eq!((&moved["rev"], &moved["changed"]), (&Value::Null, &json!(true)));
        let record = ok(by.get(&format!("/api/v1/staff/{staff}")).await);
        let primary: Vec<_> = record["positions"].as_array().expect("a list").iter().collect();
        assert_eq!((&primary[0]["is_primary"], &primary[1]["is_primary"]), (&json!(false), &json!(true)), "{record}");
    }

    async fn a_position_counts_within_its_time_only(server: TestServer) {
        let by = server.platform().await;
        let alice = server.account("alice", &[]).await;
        let staff = person(by, &alice).await;
        let desk = position(by, "desk", &["org:view"]).await;
        let path = format!("/api/v1/staff/{staff}/positions");
        let now = server.clock.now_ms();
        let (from, to) = (iso(now + 60_000), iso(now + 120_000));
        let body = json!({ "position_guid": desk, "valid_from": from, "valid_to": to });
        let given = ok(by.post(&path, body).await);
        assert_eq!((&given["started"], &given["valid_from"]), (&json!(false), &json!(from)));
        assert!(!holds(&alice, "org:view").await);
        let mut tab = server.tab(&alice).await;

        let rev = server.core.applied.borrow().0;
        server.advance(Duration::from_mins(1)).await;
        ok(alice.get("/api/v1/organizations").await);
        revision_after(&server, rev).await;
        assert_eq!(tab.next_of("PERMISSION_UPDATE").await["data"]["added"], json!(["org:view"]));

        let rev = server.core.applied.borrow().0;
        server.advance(Duration::from_mins(1)).await;
        refused(alice.get("/api/v1/organizations").await, 403, "NoPermissionError");
        revision_after(&server, rev).await;
        assert_eq!(tab.next_of("PERMISSION_UPDATE").await["data"]["removed"], json!(["org:view"]));
        assert_eq!(ok(by.get(&format!("/api/v1/staff/{staff}")).await)["positions"], json!([]));
    }

    async fn a_time_limit_can_be_set_and_lifted(server: TestServer) {
        let by = server.platform().await;
        let alice = server.account("alice", &[]).await;
        let staff = person(by, &alice).await;
        let desk = position(by, "desk", &["org:view"]).await;
        put(by, &staff, &desk).await;
        let path = format!("/api/v1/staff/{staff}/positions");
        let later = iso(server.clock.now_ms() + 60_000);
        let limited = ok(by.post(&path, json!({ "position_guid": desk, "valid_to": later })).await);
        assert_eq!((&limited["changed"], &limited["valid_to"]), (&json!(true), &json!(later)));
        let lifted = ok(by.post(&path, json!({ "position_guid": desk })).await);
        assert_eq!((&lifted["changed"], &lifted["valid_to"]), (&json!(true), &Value::Null));
        server.advance(Duration::from_secs(61)).await;
        assert!(holds(&alice, "org:view").await);
    }

    async fn a_fault_is_named_and_nothing_is_changed(server: TestServer) {
        let by = server.platform().await;
        let alice = server.account("alice", &[]).await;
        let desk = position(by, "desk", &[]).await;
        let one = format!("/api/v1/staff/{}", person(by, &alice).await);
        let gone = guid(&ok(by.post("/api/v1/staff", json!({ "staff_no": "x", "name": "x" })).await));
        ok(by.delete(&format!("/api/v1/staff/{gone}")).await);
        let with = |field: &str, value: &str| {
            let mut body = json!({ "position_guid": desk });
            body[field] = json!(value);
            body
        };
        let row = |method, path: String, body: Value, status, code, field| (method, path, body, status, code, field);
        let into = format!("{one}/positions");
        faulty(&server, by, &[
            row("POST", into.clone(), with("position_guid", NOBODY), 400, "unknown_position", "position_guid"),
            row("POST", into.clone(), with("position_guid", "7"), 400, "invalid", "position_guid"),
            row("POST", into.clone(), json!({}), 400, "invalid", "position_guid"),
            row("POST", into.clone(), with("change_type", "离任"), 400, "invalid", "change_type"),
            row("POST", into.clone(), with("valid_to", "tomorrow"), 400, "invalid", "valid_to"),
            row("POST", into.clone(), with("valid_to", "2020-01-01T00:00:00Z"), 400, "invalid", "valid_to"),
            row("POST", into, with("valid_from", "7"), 400, "invalid", "valid_from"),
            row("POST", format!("/api/v1/staff/{NOBODY}/positions"), with("change_type", "调岗"), 404, "not_found", ""),
            row("POST", "/api/v1/staff/7/positions".to_owned(), with("change_type", "调岗"), 400, "invalid", "guid"),
            row("POST", format!("/api/v1/staff/{gone}/positions"), with("change_type", "调岗"), 409, "staff_left", ""),
            row("DELETE", format!("{one}/positions/{NOBODY}"), Value::Null, 404, "not_found", ""),
            row("DELETE", format!("{one}/positions/7"), Value::Null, 400, "invalid", "position_guid"),
            row("DELETE", format!("/api/v1/staff/{NOBODY}/positions/{desk}"), Value::Null, 404, "not_found", ""),
        ])
        .await;
    }

    async fn nobody_assigns_in_somebody_elses_name(server: TestServer) {
        let platform = server.platform().await;
        let by = server.account("hr", &["staff:update"]).await;
        let other = server.account("other", &["staff:update"]).await;
        let own = person(platform, &by).await;
        let foreign = person(platform, &other).await;
        let desk = position(platform, "desk", &[]).await;
        let path = format!("/api/v1/staff/{foreign}/positions");
        let body = |operator: &str| json!({ "position_guid": desk, "operatorGuid": operator });
        let refusals: Vec<_> =
            [other.guid.as_str(), &foreign, NOBODY, "7"].map(|operator| ("POST", path.clone(), body(operator))).into();
        denied(&server, &by, &refusals).await;
        ok(by.post(&path, body(&by.guid)).await);
        ok(by.post(&path, body(&own)).await);
    }

    async fn two_changes_of_one_person_do_not_lose_each_other(server: TestServer) {
        let by = server.platform().await;
        let alice = server.account("alice", &[]).await;
        let staff = ok(by.post("/api/v1/staff", json!({ "staff_no": "1", "name": "x" })).await);
        let staff = guid(&staff);
        let desk = position(by, "desk", &["org:view"]).await;
        let one = format!("/api/v1/staff/{staff}");
        let into = format!("{one}/positions");
        let out = format!("{into}/{desk}");
        for _ in 0..10 {
            let (linked, assigned) = tokio::join!(
                by.patch(&one, json!({ "account_id": alice.id })),
                by.post(&into, json!({ "position_guid": desk })),
            );
            ok(linked);
            ok(assigned);
            assert!(holds(&alice, "org:view").await, "whichever came second told the node");
            let (unlinked, ended) = tokio::join!(by.patch(&one, json!({ "account_id": null })), by.delete(&out));
            ok(unlinked);
            ok(ended);
            assert!(!holds(&alice, "org:view").await);
        }
    }
}
