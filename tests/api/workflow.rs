//! Workflows: definitions, what becomes of them, and what people do with instances and tasks; substitutes, statistics.

mod by_itself;
mod deciding;
mod definitions;
mod definitions_path;
mod fields;
mod foretold;
mod late;
mod moving;
mod people;
mod restarting;
mod seeing;
mod substitutes;
mod together;
mod waiting;

use livegrant::access::init::DEFAULT_COMPANY;
use livegrant::db::{Author, SystemTask};
use serde_json::{Value, json};
use sqlx::types::Json;

use crate::support::{Account, TestServer, ok};

/// Puts a published definition into the database; what is wrong with a definition is not looked at here.
pub(crate) async fn define(server: &TestServer, code: &str, settings: Value, form: Value, nodes: Value) {
    let people = Json(json!({ "accounts": [], "roles": [], "positions": [], "organizations": [] }));
    let mut all = vec![json!({ "code": "start", "name": "发起", "kind": "start" })];
    all.extend(nodes.as_array().expect("a list of nodes").iter().cloned());
    let graph = Json(json!({ "nodes": all }));
    let mut work = server.core.db.begin(&Author::system("tests")).await.unwrap();
    let now = work.now();
    livegrant::sql_exec!(
        work.conn(),
        "INSERT INTO wf_definition (company_id, code, number, name, status, starters, managers, settings, form, graph,
            created_by, created_at, updated_at, published_at)
         VALUES ($1, $2, 1, '请假申请', 'published', $3, $3, $4, $5, $6, 0, $7, $7, $7)",
        DEFAULT_COMPANY,
        code,
        &people,
        Json(&settings),
        Json(json!({ "fields": form })),
        &graph,
        now
    )
    .unwrap();
    work.commit(SystemTask::Bootstrap).await.unwrap();
}

/// A node where these people approve; `more` is put on top.
#[expect(clippy::needless_pass_by_value, reason = "json!(…) as the cases write it")]
pub(crate) fn approve(code: &str, people: &[&Account], more: Value) -> Value {
    let guids: Vec<&str> = people.iter().map(|account| account.guid.as_str()).collect();
    let mut node = json!({
        "code": code, "name": format!("{code} 审批"), "kind": "approve",
        "assignees": [{ "kind": "users", "guids": guids }],
    });
    for (key, value) in more.as_object().expect("an object") {
        node[key] = value.clone();
    }
    node
}

/// Starts an instance and answers its guid and number.
pub(crate) async fn start(by: &Account, code: &str, form: Value) -> (String, String) {
    let body = json!({ "definition": code, "form": form });
    let (status, started) = by.post("/api/v1/workflows/instances", body).await;
    assert_eq!(status, 201, "{started}");
    let text = |field: &str| started[field].as_str().expect("a text").to_owned();
    (text("guid"), text("approvalNo"))
}

/// What somebody has to do.
async fn todo(by: &Account) -> Vec<Value> {
    let list = ok(by.get("/api/v1/workflows/tasks").await);
    let tasks = list["results"].as_array().expect("a list").clone();
    assert_eq!(list["counts"]["todo"], json!(tasks.len()), "{list}");
    tasks
}

/// The one task that somebody has.
pub(crate) async fn task(by: &Account) -> String {
    let tasks = todo(by).await;
    assert_eq!(tasks.len(), 1, "{} has {tasks:?}", by.username);
    tasks[0]["guid"].as_str().expect("a guid").to_owned()
}

/// Does something with a task.
async fn act(by: &Account, task: &str, verb: &str, body: Value) -> (u16, Value) {
    by.post(&format!("/api/v1/workflows/tasks/{task}/{verb}"), body).await
}

/// Approves the one task that somebody has.
async fn agree(by: &Account) -> Value {
    ok(act(by, &task(by).await, "approve", json!({})).await)
}

async fn instance(by: &Account, guid: &str) -> Value {
    ok(by.get(&format!("/api/v1/workflows/instances/{guid}")).await)
}

/// What was done with an instance, oldest first.
async fn history(by: &Account, guid: &str) -> Vec<String> {
    let lines = ok(by.get(&format!("/api/v1/workflows/instances/{guid}/logs")).await);
    let action = |line: &Value| line["action"].as_str().expect("an action").to_owned();
    lines.as_array().expect("a list").iter().map(action).collect()
}

/// Titles and states of somebody's approval notices, oldest first.
async fn notices(server: &TestServer, of: &Account) -> Vec<(String, Value)> {
    let mut conn = server.core.db.read().await.unwrap();
    let rows = livegrant::sql_all!(
        &mut conn,
        (String, Json<Value>),
        "SELECT notification.title, notification.payload
           FROM sys_notification AS notification
           JOIN sys_notification_recipient AS recipient ON recipient.notification_id = notification.id
          WHERE recipient.account_id = $1 AND notification.type = 'approval_notice' ORDER BY notification.id",
        of.id
    );
    rows.unwrap().into_iter().map(|(title, payload)| (title, payload.0)).collect()
}
