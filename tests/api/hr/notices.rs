//! `position_change` (S0-41, E4, E30): every assignment, removal and change of a position is posted to the person's account in
//! the transaction that makes it, and written into the history.

use std::time::Duration;

use livegrant::clock::iso;
use livegrant::hr::position_notices::TellPositions;
use livegrant::policy::timed;
use livegrant::sql_all;
use serde_json::{Value, json};
use sqlx::types::Json;

use super::{guid, organization, person, position, put};
use crate::support::{Account, TestServer, ok, refused, served};

/// Title, content, old and new position, change type of everything that was posted to an account, in its order.
async fn told(server: &TestServer, account: &Account) -> Vec<[String; 5]> {
    let mut conn = server.core.db.read().await.unwrap();
    let rows = sql_all!(
        &mut conn,
        (String, String, Json<Value>),
        "SELECT n.title, n.content, n.payload FROM sys_notification_recipient r
           JOIN sys_notification n ON n.id = r.notification_id
          WHERE r.account_id = $1 AND n.type = 'position_change' ORDER BY n.id",
        account.id
    )
    .unwrap();
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    rows.into_iter()
        .map(|(title, content, Json(data))| {
            let [old, new, kind] =
                ["oldPosition", "newPosition", "changeType"].map(|field| text(&data[field]));
            [title, content, old, new, kind]
        })
        .collect()
}

fn words(told: &[[String; 5]]) -> Vec<[&str; 3]> {
    told.iter().map(|[_, _, old, new, kind]| [old.as_str(), new, kind]).collect()
}

served! {
    // S0-31, S0-37, S0-41: assigned, changed, removed; with names and the type of the change.
    async fn a_person_is_told_of_every_change_of_his_positions(server: TestServer) {
        let by = server.platform().await;
        let (alice, bob) = (server.account("alice", &[]).await, server.account("bob", &[]).await);
        let (clerk, chief) = (position(by, "clerk", &[]).await, position(by, "chief", &[]).await);
        ok(by.patch(&format!("/api/v1/positions/{clerk}"), json!({ "name": "前台接待 \"😀\"" })).await);
        ok(by.patch(&format!("/api/v1/positions/{chief}"), json!({ "name": "前台主管" })).await);
        let staff = person(by, &alice).await;
        let path = format!("/api/v1/staff/{staff}/positions");
        ok(by.post(&path, json!({ "position_guid": clerk, "is_primary": true })).await);
        ok(by.post(&path, json!({ "position_guid": clerk, "is_primary": true })).await);
        ok(by.post(&path, json!({ "position_guid": chief, "is_primary": true, "change_type": "晋升" })).await);
        ok(by.delete(&format!("{path}/{chief}")).await);
        ok(by.patch(&format!("{path}/{clerk}"), json!({ "is_primary": true, "change_type": "降职" })).await);
        let (low, high) = ("前台接待 \"😀\"", "前台主管");
        let expected = [["", low, "入职"], [low, high, "晋升"], [high, low, "离任"], [low, low, "降职"]];
        let notices = told(&server, &alice).await;
        assert_eq!(words(&notices), expected, "nothing is told of what changed nothing");
        assert_eq!(notices[1][0], "岗位变动通知");
        assert_eq!(notices[1][1], format!("您的岗位由“{low}”变更为“{high}”（晋升）。"));
        assert_eq!(told(&server, &bob).await.len(), 0, "nobody else is told");
        assert_eq!(told(&server, by).await.len(), 0);

        // The history says the same, newest first, and is the person's own to read.
        let history = ok(alice.get(&format!("{path}/history")).await);
        let lines: Vec<_> = history["results"].as_array().unwrap().iter().rev()
            .map(|line| ["old_position", "new_position", "change_type"].map(|field| line[field].as_str().unwrap()))
            .collect();
        assert_eq!(lines, expected);
        assert_eq!(history["results"][0]["operator_name"], "root");
        refused(bob.get(&format!("{path}/history")).await, 403, "NoPermissionError");
        let promoted = ok(by.get(&format!("{path}/history?change_type=%E6%99%8B%E5%8D%87")).await);
        assert_eq!(promoted["count"], 1);
        refused(by.patch(&format!("{path}/{chief}"), json!({})).await, 404, "not_found");
    }

    // E30 and S0-41: leaving, the end of a position, the end of an organisation.
    async fn a_person_is_told_when_his_place_ends(server: TestServer) {
        let by = server.platform().await;
        let (alice, bob) = (server.account("alice", &[]).await, server.account("bob", &[]).await);
        let (one, other) = (position(by, "one", &[]).await, position(by, "other", &[]).await);
        let desk = organization(by, "desk").await;
        let (hers, his) = (person(by, &alice).await, person(by, &bob).await);
        for staff in [&hers, &his] {
            ok(by.patch(&format!("/api/v1/staff/{staff}"), json!({ "organization_guid": desk })).await);
            put(by, staff, &one).await;
        }
        put(by, &hers, &other).await;
        ok(by.delete(&format!("/api/v1/positions/{one}?force=true")).await);
        assert_eq!(words(&told(&server, &alice).await)[2..], [["one", "other", "离任"]]);
        assert_eq!(words(&told(&server, &bob).await)[1..], [["one", "", "离任"]]);

        ok(by.delete(&format!("/api/v1/organizations/{desk}?move_staff_to=root")).await);
        let notices = told(&server, &bob).await;
        assert_eq!(notices[2][1], "“desk”已撤销，您现在直接属于公司。");
        assert_eq!(notices.len(), 3);

        ok(by.delete(&format!("/api/v1/staff/{hers}?disable_account=true")).await);
        assert_eq!(words(&told(&server, &alice).await)[4..], [["other", "", "离任"]]);
        refused(alice.get("/api/v1/me/permissions").await, 401, "session_revoked");
        assert!(ok(by.get(&format!("/api/v1/staff/{hers}")).await)["left_at"].is_string());
    }

    // S0-41: a position for a time is told when it is given, when it begins and when it is over.
    async fn positions_that_begin_and_end_by_time_are_told(server: TestServer) {
        let by = server.platform().await;
        let alice = server.account("alice", &[]).await;
        let acting = position(by, "acting", &["position:view"]).await;
        let staff = person(by, &alice).await;
        let at = |minutes: i64| iso(server.clock.now_ms() + minutes * 60_000);
        let body = json!({ "position_guid": acting, "valid_from": at(2), "valid_to": at(4), "change_type": "兼任" });
        ok(by.post(&format!("/api/v1/staff/{staff}/positions"), body).await);
        for _ in 0..2 {
            server.advance(Duration::from_mins(2)).await;
            timed::turn(&server.core.db, &TellPositions).await.unwrap();
        }
        let notices = told(&server, &alice).await;
        assert_eq!(words(&notices), [["", "acting", "兼任"], ["", "acting", "兼任"], ["acting", "", "离任"]]);
        assert!(notices[0][1].contains("起，您将任职“acting”"), "{notices:?}");
        assert_eq!(notices[2][1], "您在“acting”的任职已到期。");
    }

    async fn a_headcount_is_a_limit_also_for_those_who_come_at_once(server: TestServer) {
        let by = server.platform().await;
        let body = json!({ "code": "few", "name": "few", "headcount": 2, "level": 3 });
        let few = ok(by.post("/api/v1/positions", body).await);
        assert_eq!((&few["headcount"], &few["level"], &few["data_scope"]), (&json!(2), &json!(3), &json!("all")));
        let few = guid(&few);
        let mut paths = Vec::new();
        for number in 0..3 {
            let body = json!({ "staff_no": number.to_string(), "name": "x" });
            paths.push(format!("/api/v1/staff/{}/positions", guid(&ok(by.post("/api/v1/staff", body).await))));
        }
        let body = || json!({ "position_guid": few });
        let (a, b, c) =
            tokio::join!(by.post(&paths[0], body()), by.post(&paths[1], body()), by.post(&paths[2], body()));
        let refusals: Vec<_> = [a, b, c].into_iter().filter(|answer| answer.0 != 200).collect();
        assert_eq!(refusals.len(), 1, "{refusals:?}");
        refused(refusals[0].clone(), 409, "headcount");
        let one = format!("/api/v1/positions/{few}");
        refused(by.patch(&one, json!({ "headcount": 1 })).await, 409, "headcount");
        refused(by.patch(&one, json!({ "headcount": 0 })).await, 400, "invalid");
        ok(by.patch(&one, json!({ "headcount": null })).await);
    }
}
