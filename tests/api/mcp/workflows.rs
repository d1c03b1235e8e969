//! A process from its definition to its end, by tools alone.

use serde_json::json;

use super::Model;
use crate::support::{ok, served};

served! {
    // S0-50, S2-74: written as data with a node of every sort that is needed, published, started, sent back, decided.
    async fn a_process_is_written_started_and_decided_by_tools(server: TestServer) {
        let (ann, bob) = (server.account("ann", &[]).await, server.account("bob", &[]).await);
        let flow = server.account("flow", &["workflow:admin"]).await;
        let (flow, hers, his) = (Model::of(&flow), Model::of(&ann), Model::of(&bob));
        let one_of = json!([{ "kind": "users", "guids": [bob.guid] }]);
        let definition = json!({
            "code": "travel", "name": "报销 🌴", "category": "财务",
            "form": { "fields": [{ "code": "amount", "name": "金额", "type": "number", "required": true }] },
            "graph": { "nodes": [
                { "code": "start", "name": "开始", "kind": "start" },
                { "code": "boss", "name": "审批", "kind": "approve", "assignees": one_of },
                { "code": "pay", "name": "付款", "kind": "handle", "assignees": one_of },
                { "code": "told", "name": "抄送", "kind": "copy", "assignees": one_of },
            ] },
        });
        let made = flow.done("saveWorkflowDefinition", json!({ "definition": definition })).await;
        assert_eq!((&made["status"], &made["name"]), (&json!("draft"), &json!("报销 🌴")));
        hers.refused("startWorkflow", json!({ "definitionCode": "travel", "formData": { "amount": 7 } })).await;
        flow.done("publishWorkflowDefinition", json!({ "code": "travel" })).await;
        let problem = hers.refused("startWorkflow", json!({ "definitionCode": "travel" })).await;
        assert!(problem["errors"].is_object(), "{problem}");
        let start = json!({ "definitionCode": "travel", "formData": { "amount": 7 } });
        let started = hers.done("startWorkflow", start.clone()).await;
        assert_eq!(started["approvalState"], "审批中");
        let task = async || {
            let list = ok(bob.get("/api/v1/workflows/tasks").await);
            assert_eq!(list["count"], 1, "{list}");
            json!({ "taskGuid": list["results"][0]["guid"] })
        };
        let first = task().await;
        assert_eq!(hers.refused("approveTask", first.clone()).await["code"], "NoPermissionError", "it is not hers");
        his.done("approveTask", first.clone()).await;
        assert_eq!(his.refused("approveTask", first).await["code"], "already_handled");
        his.done("approveTask", task().await).await;
        let path = format!("/api/v1/workflows/instances/{}", started["guid"].as_str().expect("a guid"));
        assert_eq!(ok(ann.get(&path).await)["approvalState"], "已通过");

        let second = hers.done("startWorkflow", start).await;
        let mut no = task().await;
        no["comment"] = json!("不行");
        let refusal = his.done("rejectTask", no).await;
        assert_eq!(refusal["approvalState"], "已拒绝", "{refusal}");
        let over = json!({ "instanceGuid": second["guid"] });
        assert_eq!(hers.refused("withdrawWorkflow", over).await["status"], 409);
    }
}
