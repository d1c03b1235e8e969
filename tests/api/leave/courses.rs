//! A request goes the way that its type demands, and says what its row says.

use livegrant::workflow::decide::Verdict;
use livegrant::{db, sql_exec};
use serde_json::{Value, json};

use super::{Office, PATH, consistent, days, decided, of_type, one, sent, sent_back, task};
use crate::support::{TestServer, ok, refused, served};

/// A second definition: the head may write into the form, and a type that it decides on.
async fn stricter(server: &TestServer, office: &Office) {
    let graph = json!({ "nodes": [
        { "code": "start", "name": "发起申请", "kind": "start" },
        { "code": "manager", "name": "直属上级审批", "kind": "approve", "assignees": [{ "kind": "initiator_head" }],
          "fields": { "days": "edit", "note": "edit" } },
    ] });
    let form = json!({ "fields": [
        { "code": "days", "name": "天数", "type": "number", "required": true },
        { "code": "note", "name": "批注", "type": "text", "max_length": 200 },
    ] });
    let mut work = server.core.db.begin(&db::Author::system("tests")).await.unwrap();
    sql_exec!(
        work.conn(),
        "INSERT INTO wf_definition (company_id, code, number, name, status, starters, managers, settings, form, graph,
            created_by, created_at, updated_at, published_at)
         VALUES (1, 'strict', 1, '特殊假', 'published', '{}', '{}', $1, $2, $3, 0, 1, 1, 1)",
        sqlx::types::Json(json!({ "withdraw": "running" })),
        sqlx::types::Json(&form),
        sqlx::types::Json(&graph)
    )
    .unwrap();
    work.commit(db::SystemTask::Bootstrap).await.unwrap();
    let of = json!({ "code": "special", "name": "特殊假", "definition_code": "strict" });
    ok(office.hr.post(&format!("{PATH}/types"), of).await);
}

served! {
    /// FW11, FW41: what was sent back goes on as it began; a type that others decide on is asked for anew.
    async fn what_was_sent_back_cannot_become_what_others_decide_on(server: TestServer) {
        let office = Office::open(&server).await;
        stricter(&server, &office).await;
        let leave = ok(office.ann.post(PATH, sent(days("2150-06-01", "2150-06-02"))).await);
        sent_back(&server, &office.head, &leave).await;
        let problem = refused(office.ann.patch(&one(&leave), json!({ "leave_type": "special" })).await, 409, "leave_state");
        assert!(problem["errors"]["leave_type"].is_array(), "{problem}");
        // Of the same course it may be another type, and a draft may be any.
        ok(office.ann.patch(&one(&leave), json!({ "leave_type": "annual" })).await);
        let draft = ok(office.ann.post(PATH, days("2150-06-08", "2150-06-09")).await);
        ok(office.ann.patch(&one(&draft), json!({ "leave_type": "special" })).await);
        // The type's course changes while the request lies with whoever asked.
        ok(office.hr.patch(&format!("{PATH}/types/annual"), json!({ "definition_code": "strict" })).await);
        refused(office.ann.post(&format!("{}/resubmit", one(&leave)), json!({})).await, 409, "leave_state");
        ok(office.ann.post(&format!("{}/withdraw", one(&leave)), json!({})).await);
        consistent(&server).await;
    }

    /// FW41, FW42: no leave without a request, whatever it is called.
    async fn a_leaves_definition_is_started_by_requests_alone(server: TestServer) {
        let office = Office::open(&server).await;
        let before = server.rows().await;
        let form = json!({ "leave_type": "personal", "days": 20, "reason": "x" });
        for (business, code, field) in
            [("", "not_allowed", "definition"), ("trip", "not_allowed", "definition"), ("leave", "invalid", "businessType")]
        {
            let body = json!({ "definition": "leave", "businessType": business, "form": form });
            let problem = refused(office.ann.post("/api/v1/workflows/instances", body).await, 400, code);
            assert!(problem["errors"][field].is_array(), "{problem}");
        }
        assert_eq!(server.rows().await, before);
    }

    /// FW29, FW42: an approver writes what is his to write, never what the row says.
    async fn what_the_row_says_is_not_changed_in_the_form(server: TestServer) {
        let office = Office::open(&server).await;
        stricter(&server, &office).await;
        let leave = ok(office.ann.post(PATH, sent(of_type(days("2150-06-01", "2150-06-05"), "special"))).await);
        let path = format!("/api/v1/workflows/tasks/{}/approve", task(&server, &leave).await.expect("a task"));
        let with = |form: Value| json!({ "comment": "好", "form": form });
        let problem = refused(office.head.post(&path, with(json!({ "days": 2 }))).await, 400, "not_allowed");
        assert!(problem["errors"]["form.days"].is_array(), "{problem}");
        ok(office.head.post(&path, with(json!({ "note": "两天够吗？" }))).await);
        assert_eq!(ok(office.ann.get(&one(&leave)).await)["status"], "approved");
    }

    /// FW41: a year is charged by the calendar as it is when the request is sent, also when only the years have changed.
    async fn a_decree_moves_days_from_one_year_to_the_next(server: TestServer) {
        let office = Office::open(&server).await;
        let draft = of_type(days("2150-12-31", "2151-01-04"), "annual");
        let draft = ok(office.ann.post(PATH, draft).await);
        let decrees = json!({ "days": [
            { "day": "2150-12-31", "kind": "holiday", "name": "元旦" }, { "day": "2151-01-02", "kind": "working", "name": "补班" },
        ] });
        ok(office.hr.put(&format!("{PATH}/days"), decrees).await);
        let leave = ok(office.ann.post(&format!("{}/submit", one(&draft)), json!({})).await);
        assert_eq!(leave["days"], draft["days"], "as many days as before");
        let pending = async |year: i64| {
            let had = ok(office.ann.get(&format!("{PATH}/balance?year={year}")).await);
            let of = had["balances"].as_array().unwrap().iter().find(|of| of["leave_type"] == "annual").unwrap();
            of["pending_days"].as_f64().unwrap()
        };
        assert_eq!((pending(2150).await.to_string(), pending(2151).await.to_string()), ("0".to_owned(), "3".to_owned()));
        decided(&server, &office.head, &leave, Verdict::Approve).await.expect("it is his task");
    }
}
