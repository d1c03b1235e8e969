//! Balances: what is left, over year ends, given with a reason, given back.

use livegrant::workflow::decide::Verdict;
use serde_json::{Value, json};

use super::{NOBODY, Office, PATH, consistent, days, decided, of_type, one, sent};
use crate::support::{Account, ok, refused, served};

const BALANCE: &str = "/api/v1/leaves/balance";

/// Granted, used, pending and left, in tenths of a day.
async fn annual(by: &Account, year: i64) -> [i64; 4] {
    let had = ok(by.get(&format!("{BALANCE}?year={year}")).await);
    let of = had["balances"].as_array().unwrap().iter().find(|of| of["leave_type"] == "annual").unwrap();
    ["granted_days", "used_days", "pending_days", "left_days"]
        .map(|field| (of[field].as_f64().unwrap() * 10.0).round() as i64)
}

served! {
    /// FW41: what is asked for counts until it comes to nothing; more than is left is refused, and it is said how much is.
    async fn nobody_takes_more_than_he_has(server: TestServer) {
        let office = Office::open(&server).await;
        let ask = |from: &str, to: &str| sent(of_type(days(from, to), "annual"));
        assert_eq!(annual(&office.ann, 2150).await, [50, 0, 0, 50]);
        let first = ok(office.ann.post(PATH, ask("2150-06-01", "2150-06-03")).await);
        assert_eq!(annual(&office.ann, 2150).await, [50, 0, 30, 20]);
        let before = server.rows().await;
        let problem = refused(office.ann.post(PATH, ask("2150-06-08", "2150-06-10")).await, 409, "leave_balance");
        assert!(problem["detail"].as_str().unwrap().contains("2 days of 年假 are left in 2150"), "{problem}");
        assert_eq!(server.rows().await, before);
        let second = ok(office.ann.post(PATH, ask("2150-06-08", "2150-06-09")).await);
        decided(&server, &office.head, &first, Verdict::Approve).await.unwrap();
        assert_eq!(annual(&office.ann, 2150).await, [50, 30, 20, 0]);
        decided(&server, &office.head, &second, Verdict::Reject).await.unwrap();
        assert_eq!(annual(&office.ann, 2150).await, [50, 30, 0, 20]);
        let third = ok(office.ann.post(PATH, ask("2150-06-08", "2150-06-09")).await);
        ok(office.ann.post(&format!("{}/withdraw", one(&third)), json!({})).await);
        assert_eq!(annual(&office.ann, 2150).await, [50, 30, 0, 20]);
        // A draft holds nothing back; when it is sent it is looked at.
        let draft = ok(office.ann.post(PATH, of_type(days("2150-06-15", "2150-06-19"), "annual")).await);
        assert_eq!(annual(&office.ann, 2150).await, [50, 30, 0, 20]);
        refused(office.ann.post(&format!("{}/submit", one(&draft)), json!({})).await, 409, "leave_balance");
        consistent(&server).await;
    }

    /// FW41: each year pays for its own days. 31 December 2150 is a Thursday.
    async fn a_request_over_the_year_end_takes_from_both_years(server: TestServer) {
        let office = Office::open(&server).await;
        let holiday = json!({ "days": [{ "day": "2151-01-01", "kind": "holiday", "name": "元旦" }] });
        ok(office.hr.put("/api/v1/leaves/days", holiday).await);
        ok(office.ann.post(PATH, sent(of_type(days("2150-12-28", "2151-01-08"), "annual"))).await);
        assert_eq!(annual(&office.ann, 2150).await, [50, 0, 40, 10]);
        assert_eq!(annual(&office.ann, 2151).await, [50, 0, 50, 0]);
        let problem = refused(
            office.ann.post(PATH, sent(of_type(days("2151-01-11", "2151-01-11"), "annual"))).await, 409, "leave_balance");
        assert!(problem["detail"].as_str().unwrap().contains("2151"), "{problem}");
        consistent(&server).await;
    }

    /// HR gives with a reason, which stays; never less than is taken; who may see it sees it.
    async fn balances_are_set_with_a_reason(server: TestServer) {
        let office = Office::open(&server).await;
        ok(office.ann.post(PATH, sent(of_type(days("2150-06-01", "2150-06-02"), "annual"))).await);
        let set = |days: f64, reason: &str| json!({
            "staff_guid": office.ann_staff, "leave_type": "annual", "year": 2150, "granted_days": days, "reason": reason,
        });
        let before = server.rows().await;
        refused(office.ann.put(BALANCE, set(30.0, "x")).await, 403, "NoPermissionError");
        refused(office.hr.put(BALANCE, set(1.5, "x")).await, 409, "leave_balance");
        for (body, status, code) in [
            (set(7.3, "x"), 400, "invalid"),
            (set(400.0, "x"), 400, "invalid"),
            (set(7.0, " "), 400, "invalid"),
            (set(7.0, &"长".repeat(10_000)), 400, "invalid"),
            (json!({ "staff_guid": NOBODY, "leave_type": "annual", "granted_days": 1, "reason": "x" }), 404, "not_found"),
            (json!({ "staff_guid": office.ann_staff, "leave_type": "sick", "granted_days": 1, "reason": "x" }), 400, "unknown_leave_type"),
            (json!({ "staff_guid": office.ann_staff, "leave_type": "annual", "year": 9, "granted_days": 1, "reason": "x" }), 400, "invalid"),
        ] {
            refused(office.hr.put(BALANCE, body).await, status, code);
        }
        assert_eq!(server.rows().await, before);
        let after = ok(office.hr.put(BALANCE, set(7.5, "工龄满十年")).await);
        assert_eq!(annual(&office.ann, 2150).await, [75, 0, 20, 55]);
        let line = &after["history"][0];
        assert_eq!((&line["from_days"], &line["to_days"], &line["reason"]), (&json!(5.0), &json!(7.5), &json!("工龄满十年")));
        assert_eq!(line["operator"], "hr");
        let mut outdated = set(8.0, "x");
        outdated["version"] = json!(0);
        refused(office.hr.put(BALANCE, outdated).await, 412, "outdated");

        let anns = format!("{BALANCE}?staff_guid={}&year=2150", office.ann_staff);
        assert_eq!(ok(office.hr.get(&anns).await)["staff_name"], "ann");
        assert_eq!(ok(office.ann.get(&anns).await)["staff_name"], "ann");
        refused(office.bob.get(&anns).await, 403, "NoPermissionError");
        refused(office.hr.get(&format!("{BALANCE}?staff_guid={NOBODY}")).await, 404, "not_found");
        refused(office.stranger.get(BALANCE).await, 400, "unknown_staff");
        assert_eq!(ok(office.bob.get(BALANCE).await)["history"], Value::from(Vec::<Value>::new()));
    }
}
