//! Asking for leave: who may, what is reckoned, what is refused, drafts.

use serde_json::{Value, json};

use super::{NOBODY, Office, PATH, consistent, days, of_type, one, sent};
use crate::support::{ok, refused, served};

served! {
    /// S1-31, S1-32, S1-33, C3: for oneself nothing is needed, for somebody else `staff:create`; the record is answered.
    async fn whoever_may_asks(server: TestServer) {
        let office = Office::open(&server).await;
        let made = office.ann.post(PATH, days("2150-06-05", "2150-06-09")).await;
        assert_eq!(made.0, 201, "{}", made.1);
        let made = made.1;
        for (field, value) in [
            ("staff_guid", json!(office.ann_staff)), ("staff_name", json!("ann")), ("leave_type", json!("personal")),
            ("leave_type_name", json!("事假")), ("unit", json!("day")), ("start_at", json!("2150-06-04T16:00:00.000Z")),
            ("end_at", json!("2150-06-09T16:00:00.000Z")), ("first_day", json!("2150-06-05")), ("last_day", json!("2150-06-09")),
            ("days", json!(3.0)), ("amount", json!(24.0)), ("status", json!("draft")), ("status_display", json!("草稿")),
            ("reason", json!("搬家 'n \"move\" 😀")), ("version", json!(1)), ("approval_no", Value::Null),
            ("allowed_actions", json!(["update", "delete", "submit"])),
        ] {
            assert_eq!(made[field], value, "{field}: {made}");
        }
        assert_eq!(ok(office.ann.get(&one(&made)).await), made);

        let for_ann = |mut request: Value| { request["staff_guid"] = json!(office.ann_staff); request };
        let july = || for_ann(days("2150-07-01", "2150-07-01"));
        let before = server.rows().await;
        refused(office.bob.post(PATH, july()).await, 403, "NoPermissionError");
        refused(office.stranger.post(PATH, days("2150-07-01", "2150-07-01")).await, 400, "unknown_staff");
        let mut nobody = july();
        nobody["staff_guid"] = json!(NOBODY);
        refused(office.bob.post(PATH, nobody.clone()).await, 403, "NoPermissionError");
        refused(office.hr.post(PATH, nobody).await, 400, "unknown_staff");
        // Whoever acts is who is signed in.
        let mut posing = july();
        posing["operatorGuid"] = json!(office.ann.guid);
        refused(office.bob.post(PATH, posing.clone()).await, 403, "NoPermissionError");
        refused(office.hr.post(PATH, posing.clone()).await, 403, "NoPermissionError");
        assert_eq!(server.rows().await, before);
        // One's own account's guid is oneself, in both names.
        posing["staff_guid"] = json!(office.ann.guid);
        ok(office.ann.post(PATH, posing).await);
        let for_her = ok(office.hr.post(PATH, for_ann(days("2150-08-03", "2150-08-03"))).await);
        assert_eq!(for_her["staff_guid"], json!(office.ann_staff));
        assert_eq!(ok(office.ann.get(&one(&for_her)).await)["allowed_actions"], json!(["update", "delete", "submit"]));
        assert_eq!(consistent(&server).await, 3);
    }

    /// FW41: a wrong request is refused by its field, and nothing is written.
    async fn what_is_wrong_is_named(server: TestServer) {
        let office = Office::open(&server).await;
        ok(office.ann.post(PATH, days("2150-06-01", "2150-06-01")).await);
        let with = |field: &str, value: Value| {
            let mut request = days("2150-06-02", "2150-06-03");
            request[field] = value;
            request
        };
        let before = server.rows().await;
        let hours = |from: &str, to: &str| {
            let (from, to) = (format!("2150-06-02T{from}"), format!("2150-06-02T{to}"));
            json!({ "leave_type": "personal", "start_at": from, "end_at": to })
        };
        let annual_hours = json!({
            "leave_type": "annual", "unit": "hour", "start_at": "2150-06-02T09:00", "end_at": "2150-06-02T10:00",
        });
        for (request, status, code, field) in [
            (with("leave_type", json!("none")), 400, "unknown_leave_type", "leave_type"),
            (with("start_at", json!("tomorrow")), 400, "invalid", "start_at"),
            (with("end_at", json!("2150-06-01")), 400, "invalid", "end_at"),
            (with("end_at", json!("2152-06-01")), 400, "invalid", "end_at"),
            (with("start_at", json!("1850-06-01")), 400, "invalid", "start_at"),
            (with("unit", json!("week")), 400, "invalid", "unit"),
            (with("reason", json!("长".repeat(10_000))), 400, "invalid", "reason"),
            (with("attachments", json!(["x".repeat(10_000)])), 400, "invalid", "attachments[0]"),
            (with("attachments", json!(vec!["x"; 11])), 400, "too_many", "attachments"),
            (with("surprise", json!(1)), 400, "invalid", "surprise"),
            (days("2150-06-06", "2150-06-07"), 400, "invalid", "end_at"),
            (hours("12:00", "13:00"), 400, "invalid", "end_at"),
            (hours("09:10", "10:00"), 400, "invalid", "start_at"),
            (annual_hours, 400, "invalid", "unit"),
            (days("2150-07-01", "2150-08-31"), 400, "too_many", "end_at"),
            (days("2001-01-02", "2001-01-02"), 403, "leave_backdated", ""),
            (days("2150-05-29", "2150-06-02"), 409, "leave_overlap", "start_at"),
        ] {
            let problem = refused(office.ann.post(PATH, request.clone()).await, status, code);
            assert!(field.is_empty() || problem["errors"][field].is_array(), "{request}: {problem}");
        }
        assert_eq!(server.rows().await, before);
        // Back-dating is for whoever may ask for others (FW41).
        ok(office.hr.post(PATH, days("2001-01-02", "2001-01-02")).await);
    }

    /// FW41: spans that touch do not overlap, whatever their units; what is in the way is named.
    async fn requests_that_touch_do_not_overlap(server: TestServer) {
        let office = Office::open(&server).await;
        let half = |day: &str, start: &str, end: &str| json!({
            "leave_type": "personal", "unit": "half_day", "start_at": day, "end_at": day, "start_half": start, "end_half": end,
        });
        let hours = |from: &str, to: &str| json!({ "leave_type": "personal", "start_at": from, "end_at": to });
        let morning = ok(office.ann.post(PATH, half("2150-06-01", "am", "am")).await);
        assert_eq!((&morning["days"], &morning["unit"], &morning["end_half"]), (&json!(0.5), &json!("half_day"), &json!("am")));
        ok(office.ann.post(PATH, half("2150-06-01", "pm", "pm")).await);
        ok(office.ann.post(PATH, days("2150-06-02", "2150-06-02")).await);
        ok(office.ann.post(PATH, hours("2150-06-03T00:00", "2150-06-03T10:00")).await);
        ok(office.ann.post(PATH, hours("2150-06-03T10:00", "2150-06-03T11:30")).await);
        for (request, first) in [
            (half("2150-06-01", "am", "pm"), morning["guid"].as_str()),
            (hours("2150-06-01T11:30", "2150-06-01T12:30"), morning["guid"].as_str()),
            (days("2150-06-02", "2150-06-02"), None),
            (hours("2150-06-03T11:00", "2150-06-03T14:00"), None),
            (half("2150-06-03", "am", "am"), None),
        ] {
            let problem = refused(office.ann.post(PATH, request.clone()).await, 409, "leave_overlap");
            let detail = problem["detail"].as_str().unwrap();
            assert!(first.is_none_or(|guid| detail.contains(guid)), "{request}: {detail}");
        }
        // Somebody else's are not in the way, and one's own afternoon is free from 11:30 on.
        ok(office.bob.post(PATH, days("2150-06-02", "2150-06-02")).await);
        ok(office.ann.post(PATH, hours("2150-06-03T11:30", "2150-06-03T14:00")).await);
        assert_eq!(consistent(&server).await, 7);
    }

    /// C25: a draft is its owner's to change and throw away; whoever may not read it does not find it.
    async fn a_draft_is_changed_and_thrown_away(server: TestServer) {
        let office = Office::open(&server).await;
        let draft = ok(office.ann.post(PATH, days("2150-06-01", "2150-06-01")).await);
        let path = one(&draft);
        for (method, body) in [("GET", Value::Null), ("PATCH", json!({ "reason": "x" })), ("DELETE", Value::Null)] {
            refused(office.bob.ask(method, &path, &body).await, 404, "not_found");
            refused(office.ann.ask(method, &format!("{PATH}/{NOBODY}"), &body).await, 404, "not_found");
            refused(office.ann.ask(method, &format!("{PATH}/x"), &body).await, 400, "invalid");
        }
        // S1-15: `leave:view` reads, and no more.
        assert_eq!(ok(office.hr.get(&path).await)["allowed_actions"], json!([]));
        refused(office.hr.patch(&path, json!({ "reason": "x" })).await, 403, "NoPermissionError");
        refused(office.hr.delete(&path).await, 403, "NoPermissionError");

        let changed = ok(office.ann.patch(&path, json!({ "reason": "改", "version": 1 })).await);
        assert_eq!((&changed["reason"], &changed["days"], &changed["version"]), (&json!("改"), &json!(1.0), &json!(2)));
        refused(office.ann.patch(&path, json!({ "reason": "x", "version": 1 })).await, 412, "outdated");
        refused(office.ann.patch(&path, json!({ "start_at": "2150-06-02" })).await, 400, "invalid");
        refused(office.ann.patch(&path, json!({ "unit": "day" })).await, 400, "invalid");
        let wider = json!({ "start_at": "2150-06-01", "end_at": "2150-06-03", "leave_type": "annual" });
        let changed = ok(office.ann.patch(&path, wider).await);
        assert_eq!((&changed["days"], &changed["leave_type"]), (&json!(3.0), &json!("annual")));
        consistent(&server).await;
        refused(office.ann.post(&format!("{path}/withdraw"), json!({})).await, 409, "leave_state");
        refused(office.ann.post(&format!("{path}/resubmit"), json!({})).await, 409, "leave_state");
        ok(office.ann.delete(&path).await);
        refused(office.ann.get(&path).await, 404, "not_found");
        assert_eq!(consistent(&server).await, 0);
    }

    /// FW41: what a type asks for, and what blocked days forbid, is looked at when the request is sent.
    async fn attachments_and_blocked_days(server: TestServer) {
        let office = Office::open(&server).await;
        let sick = |from: &str, to: &str| of_type(days(from, to), "sick");
        let problem = refused(office.ann.post(PATH, sent(sick("2150-06-01", "2150-06-02"))).await, 400, "attachment_required");
        assert!(problem["errors"]["attachments"].is_array(), "{problem}");
        ok(office.ann.post(PATH, sent(sick("2150-06-03", "2150-06-03"))).await);
        let mut noted = sick("2150-06-01", "2150-06-02");
        noted["attachments"] = json!(["病假条.jpg"]);
        assert_eq!(ok(office.ann.post(PATH, sent(noted)).await)["status"], "running");

        let block = json!({ "first_day": "2150-06-10", "last_day": "2150-06-12", "reason": "年中盘点" });
        refused(office.ann.post("/api/v1/leaves/blocks", block.clone()).await, 403, "NoPermissionError");
        let block = ok(office.hr.post("/api/v1/leaves/blocks", block).await);
        let draft = ok(office.ann.post(PATH, days("2150-06-09", "2150-06-10")).await);
        let problem = refused(office.ann.post(&format!("{}/submit", one(&draft)), json!({})).await, 409, "leave_blocked");
        assert!(problem["detail"].as_str().unwrap().contains("年中盘点"), "{problem}");
        ok(office.ann.post(PATH, sent(sick("2150-06-11", "2150-06-11"))).await);
        ok(office.hr.delete(&format!("/api/v1/leaves/blocks/{}", block["guid"].as_str().unwrap())).await);
        assert_eq!(ok(office.ann.post(&format!("{}/submit", one(&draft)), json!({})).await)["status"], "running");
        consistent(&server).await;
    }
}
