//! The company's days, and who is away on them.

use livegrant::workflow::decide::Verdict;
use serde_json::{Value, json};

use super::{Office, PATH, days, decided, sent};
use crate::support::{ok, refused, served};

const DAYS: &str = "/api/v1/leaves/days";

served! {
    /// FW41: holidays take nothing, make-up days do.
    async fn holidays_and_make_up_days_are_reckoned(server: TestServer) {
        let office = Office::open(&server).await;
        let set = json!({ "days": [
            { "day": "2150-06-02", "kind": "holiday", "name": "端午节" }, { "day": "2150-06-07", "kind": "working", "name": "补班" },
        ]});
        refused(office.ann.put(DAYS, set.clone()).await, 403, "NoPermissionError");
        assert_eq!(ok(office.hr.put(DAYS, set).await)["changed"], true);
        let listed = ok(office.ann.get(&format!("{DAYS}?from=2150-06-01&to=2150-06-30")).await);
        assert_eq!((&listed["count"], &listed["results"][0]["name"]), (&json!(2), &json!("端午节")));
        // Monday to Sunday: five working days, one of them a holiday, and a Sunday that is worked.
        assert_eq!(ok(office.ann.post(PATH, days("2150-06-01", "2150-06-07")).await)["days"], json!(5.0));
        assert_eq!(refused(office.bob.post(PATH, days("2150-06-02", "2150-06-02")).await, 400, "invalid")["status"], 400);
        ok(office.hr.put(DAYS, json!({ "days": [{ "day": "2150-06-02", "kind": null }] })).await);
        assert_eq!(ok(office.bob.post(PATH, days("2150-06-02", "2150-06-02")).await)["days"], json!(1.0));
        for (body, field) in [
            (json!({ "days": [{ "day": "2150-02-30", "kind": "holiday", "name": "x" }] }), "days[0].day"),
            (json!({ "days": [{ "day": "2150-02-01", "kind": "maybe", "name": "x" }] }), "days[0].kind"),
            (json!({ "days": [{ "day": "2150-02-01", "kind": "holiday", "name": "长".repeat(10_000) }] }), "days[0].name"),
        ] {
            let problem = refused(office.hr.put(DAYS, body).await, 400, "invalid");
            assert!(problem["errors"][field].is_array(), "{problem}");
        }
        let many: Vec<Value> = (0..101).map(|_| json!({ "day": "2150-02-01", "kind": null })).collect();
        refused(office.hr.put(DAYS, json!({ "days": many })).await, 400, "too_many");
        for query in ["?from=x", "?from=2150-01-02&to=2150-01-01", "?from=2150-01-01&to=2199-01-01"] {
            refused(office.ann.get(&format!("{DAYS}{query}")).await, 400, "invalid");
        }
    }

    /// Colleagues learn that somebody is away, not why; `leave:view` reads all of it (S1-15).
    async fn who_is_away(server: TestServer) {
        let office = Office::open(&server).await;
        let given = ok(office.ann.post(PATH, sent(days("2150-06-01", "2150-06-02"))).await);
        decided(&server, &office.head, &given, Verdict::Approve).await.unwrap();
        let open = ok(office.ann.post(PATH, sent(days("2150-06-04", "2150-06-04"))).await);
        ok(office.ann.post(PATH, days("2150-06-08", "2150-06-08")).await);
        let path = format!("{PATH}/calendar?from=2150-06-01&to=2150-06-30");
        let shown = |calendar: &Value| -> Vec<(Value, Value)> {
            let away = calendar["away"].as_array().unwrap();
            away.iter().map(|one| (one["guid"].clone(), one["leave_type"].clone())).collect()
        };
        let both = vec![(given["guid"].clone(), json!("personal")), (open["guid"].clone(), json!("personal"))];
        assert_eq!(shown(&ok(office.ann.get(&path).await)), both);
        assert_eq!(shown(&ok(office.hr.get(&path).await)), both);
        let seen = ok(office.bob.get(&path).await);
        assert_eq!(shown(&seen), [(Value::Null, Value::Null)]);
        assert_eq!((&seen["away"][0]["staff_name"], &seen["away"][0]["first_day"]), (&json!("ann"), &json!("2150-06-01")));
        assert!(!seen.to_string().contains("搬家"), "{seen}");
        assert_eq!(shown(&ok(office.stranger.get(&path).await)), []);
        let later = format!("{PATH}/calendar?from=2150-06-03&to=2150-06-03");
        assert_eq!(shown(&ok(office.hr.get(&later).await)), []);
    }
}
