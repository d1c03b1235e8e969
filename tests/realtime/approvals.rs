//! What the tabs of people are told of workflows: who gets what, and who does not (E17 to E20).

use livegrant::access::init::DEFAULT_COMPANY;
use livegrant::db::{Author, SystemTask};
use serde_json::{Value, json};
use sqlx::types::Json;

use crate::support::{Account, Tab, TestServer, ok, served};

async fn define(server: &TestServer, people: &[&Account]) {
    let nobody = Json(json!({ "accounts": [], "roles": [], "positions": [], "organizations": [] }));
    let guids: Vec<&str> = people.iter().map(|account| account.guid.as_str()).collect();
    let graph = json!({ "nodes": [
        { "code": "start", "name": "发起", "kind": "start" },
        { "code": "one", "name": "部门", "kind": "approve", "assignees": [{ "kind": "users", "guids": guids }] },
    ] });
    let mut work = server.core.db.begin(&Author::system("tests")).await.unwrap();
    livegrant::sql_exec!(
        work.conn(),
        "INSERT INTO wf_definition (company_id, code, number, name, status, starters, managers, settings, form, graph,
            created_by, created_at, updated_at)
         VALUES ($1, 'trip', 1, '请假申请', 'published', $2, $2, $3, $3, $4, 0, 1, 1)",
        DEFAULT_COMPANY,
        &nobody,
        Json(json!({})),
        Json(&graph)
    )
    .unwrap();
    work.commit(SystemTask::Bootstrap).await.unwrap();
}

/// Opens a tab that listens to the topic of to-do lists.
async fn tab(server: &TestServer, account: &Account) -> Tab {
    let token = format!("Bearer {}", account.access);
    let headers = [("authorization", &*token), ("sec-websocket-protocol", "wsp.v1")];
    let mut tab = server.try_socket("?topics=approvals,notifications", &headers).await.expect("a tab");
    let told = tab.next_of("CONNECTED").await;
    assert_eq!(told["data"]["refused"], json!([]), "{told}");
    tab
}

/// The next message of a kind, but for what belongs to other things.
async fn told(tab: &mut Tab, kind: &str) -> Value {
    tab.next_of(kind).await["data"].clone()
}

served! {
    // S0-16, S0-42, FW2, FW34, E17, E18, E19: to-do lists and notices move with the decision, and nobody else is told.
    async fn lists_move_live_and_nobody_else_is_told(server: TestServer) {
        let (ann, bob) = (server.account("ann", &[]).await, server.account("bob", &[]).await);
        let (cy, eve) = (server.account("cy", &[]).await, server.account("eve", &["workflow:admin"]).await);
        define(&server, &[&bob, &cy]).await;
        let mut anns = tab(&server, &ann).await;
        let mut bobs = tab(&server, &bob).await;
        let mut cys = tab(&server, &cy).await;
        let mut eves = tab(&server, &eve).await;
        let (status, started) =
            ann.post("/api/v1/workflows/instances", json!({ "definition": "trip" })).await;
        assert_eq!(status, 201, "{started}");
        let number = &started["approvalNo"];
        for tab in [&mut bobs, &mut cys] {
            let task = told(tab, "APPROVAL_TASK").await;
            assert_eq!((&task["approvalId"], &task["todo"], &task["taskState"]), (number, &json!(1), &json!("pending")));
        }
        let list = ok(bob.get("/api/v1/workflows/tasks").await);
        let guid = list["results"][0]["guid"].as_str().expect("a task").to_owned();
        ok(bob.post(&format!("/api/v1/workflows/tasks/{guid}/approve"), json!({})).await);
        let gone = told(&mut cys, "APPROVAL_TASK").await;
        assert_eq!((&gone["todo"], &gone["taskState"]), (&json!(0), &json!("cancelled")));
        assert_eq!(gone["reason"], json!("node already decided"));
        let end = told(&mut anns, "APPROVAL_NOTICE").await;
        assert_eq!((&end["approvalId"], &end["approvalState"]), (number, &json!("已通过")));
        assert_eq!((&end["approver"], &end["title"]), (&json!("bob"), &json!("请假申请已审批")));
        let mark = server.mark().await;
        let others = eves.until(&mark).await;
        let ours = |frame: &&Value| frame["type"].as_str().is_some_and(|kind| kind.starts_with("APPROVAL"));
        assert_eq!(others.iter().filter(ours).count(), 0, "{others:?}");
    }
}
