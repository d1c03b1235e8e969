//! Types of leave: everybody reads them, those who manage processes or people write them.

use serde_json::{Value, json};

use super::PATH;
use crate::support::{ok, refused, served};

const TYPES: &str = "/api/v1/leaves/types";

served! {
    /// S1-42, FW41: what ships can be asked for, and is changed by whoever may.
    async fn types_are_listed_made_and_changed(server: TestServer) {
        let nobody = server.account("nobody", &[]).await;
        let hr = server.account("hr", &["staff:update"]).await;
        let it = server.account("it", &["workflow:admin"]).await;
        let listed = ok(nobody.get(TYPES).await);
        let codes: Vec<&str> = listed["results"].as_array().unwrap().iter().map(|of| of["code"].as_str().unwrap()).collect();
        assert_eq!(codes[..4], ["annual", "personal", "sick", "compensatory"]);
        assert_eq!(listed["count"], json!(codes.len()));

        let before = server.rows().await;
        let new = json!({ "code": "study", "name": "学习假 'n\" 😀", "unit": "hour", "keeps_balance": true, "yearly_days": 2.5 });
        refused(nobody.post(TYPES, new.clone()).await, 403, "NoPermissionError");
        refused(nobody.patch(&format!("{TYPES}/annual"), json!({ "name": "x" })).await, 403, "NoPermissionError");
        refused(hr.patch(&format!("{TYPES}/none"), json!({ "name": "x" })).await, 404, "not_found");
        for (body, field) in [
            (json!({ "code": "前台", "name": "x" }), "code"),
            (json!({ "code": "x", "name": " " }), "name"),
            (json!({ "code": "x", "name": "长".repeat(10_000) }), "name"),
            (json!({ "code": "x", "name": "x", "unit": "half_day" }), "unit"),
            (json!({ "code": "x", "name": "x", "yearly_days": 0.3 }), "yearly_days"),
            (json!({ "code": "x", "name": "x", "yearly_days": -1 }), "yearly_days"),
            (json!({ "code": "x", "name": "x", "max_days": 0 }), "max_days"),
            (json!({ "code": "x", "name": "x", "attachment_from_days": 1e9 }), "attachment_from_days"),
            (json!({ "code": "x", "name": "x", "backdate_days": 9999 }), "backdate_days"),
            (json!({ "code": "x", "name": "x", "definition_code": "" }), "definition_code"),
            (json!({ "code": "x", "name": "x", "sort": 1_i64 << 60 }), "sort"),
        ] {
            let problem = refused(hr.post(TYPES, body.clone()).await, 400, "invalid");
            assert!(problem["errors"][field].is_array(), "{body}: {problem}");
        }
        refused(hr.post(TYPES, json!({ "code": "annual", "name": "x" })).await, 409, "already_exists");
        assert_eq!(server.rows().await, before);

        let made = hr.post(TYPES, new).await;
        assert_eq!(made.0, 201, "{}", made.1);
        let made = made.1;
        assert_eq!((&made["name"], &made["yearly_days"], &made["version"]), (&json!("学习假 'n\" 😀"), &json!(2.5), &json!(1)));
        let one = format!("{TYPES}/study");
        let changed = ok(it.patch(&one, json!({ "yearly_days": 3, "max_days": 1.5, "version": 1 })).await);
        assert_eq!((&changed["yearly_days"], &changed["max_days"], &changed["unit"]), (&json!(3.0), &json!(1.5), &json!("hour")));
        refused(it.patch(&one, json!({ "name": "x", "version": 1 })).await, 412, "outdated");
        assert_eq!(ok(it.patch(&one, json!({ "max_days": null, "status": 0 })).await)["max_days"], Value::Null);
        let asked = json!({ "leave_type": "study", "start_at": "2150-06-01", "end_at": "2150-06-01" });
        let _ = PATH;
        assert_eq!(hr.post(PATH, asked).await.0, 400, "it is offered to nobody any more");
    }
}
