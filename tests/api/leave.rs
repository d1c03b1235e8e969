//! Leave (S1-31 … S1-34, S1-42, FW41, FW42): asking, deciding, balances, the company's days, races, each through the running application.
//! Days lie in the year 2150, so that none of them is ever past: 1 June 2150 is a Monday.

mod asking;
mod balances;
mod courses;
mod days;
mod deciding;
mod races;
mod scopes;
mod types;

use livegrant::clock::guid as new_guid;
use livegrant::policy::{Origin, Principal};
use livegrant::workflow::decide::{Decision, Verdict, decide};
use livegrant::workflow::send_back::{self, Back};
use livegrant::{sql_exec, sql_opt};
use livegrant_actors::SessionId;
use serde_json::{Value, json};

use crate::support::{Account, TestServer, ok};

const PATH: &str = "/api/v1/leaves";

/// A guid that nothing has.
const NOBODY: &str = "00000000-0000-4000-8000-000000000000";

/// The definition that ships: the head, above three days the head's head, HR is informed.
const DEFINITION: &str = r#"{"nodes":[
    {"code":"start","name":"发起申请","kind":"start"},
    {"code":"manager","name":"直属上级审批","kind":"approve","assignees":[{"kind":"initiator_head"}],"when_repeated":"once"}]}"#;
const FORM: &str = r#"{"fields":[
    {"code":"leave_type","name":"请假类型","type":"text","required":true,"max_length":64},
    {"code":"days","name":"天数","type":"number","required":true},
    {"code":"reason","name":"事由","type":"text","max_length":5000}]}"#;
const SETTINGS: &str = r#"{"title":"{initiator.name}的请假申请","withdraw":"running"}"#;

/// A small company: people of one organisation with a head, somebody of HR, somebody who is nobody here.
struct Office {
    ann: Account,
    ann_staff: String,
    bob: Account,
    head: Account,
    hr: Account,
    stranger: Account,
}

impl Office {
    async fn open(server: &TestServer) -> Self {
        let admin = server.platform().await;
        let guid = |body: Value| body["guid"].as_str().expect("a guid").to_owned();
        let org =
            guid(ok(admin.post("/api/v1/organizations", json!({ "code": "desk", "name": "前台部" })).await));
        let lead = json!({ "code": "lead", "name": "主管", "is_manager": true, "organization_guid": org });
        let lead = guid(ok(admin.post("/api/v1/positions", lead).await));
        let ann = server.account("ann", &[]).await;
        let bob = server.account("bob", &[]).await;
        let head = server.account("head", &[]).await;
        let hr_codes = ["leave:approve", "leave:view", "staff:create", "staff:update", "permission:view"];
        let hr = server.account("hr", &hr_codes).await;
        let stranger = server.account("stranger", &[]).await;
        let mut staff = Vec::new();
        for account in [&ann, &bob, &head, &hr] {
            let body = json!({
                "staff_no": account.username, "name": account.username, "account_id": account.id, "organization_guid": org,
            });
            staff.push(guid(ok(admin.post("/api/v1/staff", body).await)));
        }
        let path = format!("/api/v1/staff/{}/positions", staff[2]);
        ok(admin.post(&path, json!({ "position_guid": lead })).await);
        publish(server).await;
        Self { ann, ann_staff: staff.swap_remove(0), bob, head, hr, stranger }
    }
}

/// Publishes the definition, unless it ships.
async fn publish(server: &TestServer) {
    let mut work = server.core.db.begin(&livegrant::db::Author::system("tests")).await.unwrap();
    sql_exec!(
        work.conn(),
        "INSERT INTO wf_definition (company_id, code, number, name, status, starters, managers, settings, form, graph,
            created_by, created_at, updated_at, published_at)
         VALUES (1, 'leave', 1, '请假申请', 'published', '{}', '{}', $1, $2, $3, 0, 1, 1, 1)
         ON CONFLICT (company_id, code, number) DO NOTHING",
        sqlx::types::Json(serde_json::from_str::<Value>(SETTINGS).unwrap()),
        sqlx::types::Json(serde_json::from_str::<Value>(FORM).unwrap()),
        sqlx::types::Json(serde_json::from_str::<Value>(DEFINITION).unwrap())
    )
    .unwrap();
    work.commit(livegrant::db::SystemTask::Bootstrap).await.unwrap();
}

/// A request of whole days of personal leave, which no balance bounds.
fn days(from: &str, to: &str) -> Value {
    json!({ "leave_type": "personal", "start_at": from, "end_at": to, "reason": "搬家 'n \"move\" 😀" })
}

fn sent(mut request: Value) -> Value {
    request["submit"] = json!(true);
    request
}

fn of_type(mut request: Value, leave_type: &str) -> Value {
    request["leave_type"] = json!(leave_type);
    request
}

fn one(leave: &Value) -> String {
    format!("{PATH}/{}", leave["guid"].as_str().expect("a guid"))
}

async fn caller(server: &TestServer, account: &Account) -> Principal {
    let origin = Origin { request_id: new_guid(), ..Origin::default() };
    Principal::of_session(&server.core.policy, &SessionId::from(account.sid.clone()), origin).await.unwrap()
}

/// The open task of a request.
async fn task(server: &TestServer, leave: &Value) -> Option<String> {
    let mut conn = server.core.db.read().await.unwrap();
    let row = sql_opt!(
        &mut conn,
        (String,),
        "SELECT t.guid FROM wf_task t JOIN wf_instance i ON i.id = t.instance_id
          WHERE i.guid = $1 AND t.state = 'pending' ORDER BY t.id LIMIT 1",
        leave["instance_guid"].as_str()
    )
    .unwrap();
    row.map(|row| row.0)
}

/// Decides the open task of a request; the code of the refusal when it is refused.
async fn decided(server: &TestServer, by: &Account, leave: &Value, verdict: Verdict) -> Result<(), String> {
    let task = task(server, leave).await.expect("an open task");
    let by = caller(server, by).await;
    let decision = Decision { comment: "同意".to_owned(), ..Decision::default() };
    let done = server
        .core
        .write(by, move |core, by| {
            let (task, decision) = (task.clone(), decision.clone());
            async move { decide(&core, &by, &task, verdict, &decision).await }
        })
        .await;
    done.map(drop).map_err(|refusal| format!("{refusal:?}"))
}

/// Sends a request back to whoever asked.
async fn sent_back(server: &TestServer, by: &Account, leave: &Value) {
    let task = task(server, leave).await.expect("an open task");
    let by = caller(server, by).await;
    let back: Back =
        serde_json::from_value(json!({ "comment": "改一下", "targetNode": "start" })).expect("a body");
    send_back::send_back(&server.core, &by, &task, &back).await.expect("it goes back");
}

/// Every request stands where its instance stands (FW42), and of one person's no two that have not come to nothing have time
/// in common. Answers how many there are.
async fn consistent(server: &TestServer) -> i64 {
    let mut conn = server.core.db.read().await.unwrap();
    let (apart,) = livegrant::sql_one!(
        &mut conn,
        (i64,),
        "SELECT count(*) FROM hr_leave l LEFT JOIN wf_instance i ON i.id = l.instance_id
          WHERE coalesce(i.status, 'draft') <> l.status
             OR (i.id IS NOT NULL AND (i.business_type <> 'leave' OR i.business_id <> l.guid))"
    )
    .unwrap();
    let (overlaps,) = livegrant::sql_one!(
        &mut conn,
        (i64,),
        "SELECT count(*) FROM hr_leave a JOIN hr_leave b ON b.staff_id = a.staff_id AND b.id > a.id
            AND b.start_at < a.end_at AND b.end_at > a.start_at
          WHERE a.status IN ('draft', 'running', 'returned', 'approved')
            AND b.status IN ('draft', 'running', 'returned', 'approved')"
    )
    .unwrap();
    let (wrong_shares,) = livegrant::sql_one!(
        &mut conn,
        (i64,),
        "SELECT count(*) FROM hr_leave l
          WHERE l.amount <> (SELECT coalesce(sum(h.amount), 0) FROM hr_leave_share h WHERE h.leave_id = l.id)"
    )
    .unwrap();
    assert_eq!((apart, overlaps, wrong_shares), (0, 0, 0));
    livegrant::sql_one!(&mut conn, (i64,), "SELECT count(*) FROM hr_leave").unwrap().0
}
