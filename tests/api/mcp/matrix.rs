//! The check matrix (S1-23 × S1-24) through tools: what REST does in a cell, the tool of the cell does, with the same refusal,
//! the same lines in the audit log and the same frames in an open tab.

use serde_json::{Value, json};

use super::{Model, stripped};
use crate::access::matrix::{Part, part};
use crate::support::matrix::{CELLS, Cell};
use crate::support::{Account, TestServer, ok, served, served_once};

/// What a cell did: done or the refusal, the caller's lines in the audit log, the kinds of frames that a tab saw.
type Seen = (Value, Vec<Value>, Vec<Value>);

#[derive(Debug, Clone, Copy)]
enum Way {
    Rest,
    Tool,
}

async fn asked(way: Way, by: &Account, cell: &Cell, part: &Part) -> Option<Value> {
    let (object, above) = (part.object(cell), part.organization.as_str());
    let (request, tool) = (cell.request(object, above)?, cell.tool(object, above)?);
    let problem = match way {
        Way::Rest => {
            let (method, path, body) = request;
            let (status, answer) = by.ask(method, &path, &body).await;
            (status >= 400).then_some(answer)
        }
        Way::Tool => {
            let result = Model::of(by).call(tool.0, tool.1).await;
            (result["isError"] == true).then(|| result["_meta"]["livegrant/problem"].clone())
        }
    };
    let Some(problem) = problem else { return Some(json!("done")) };
    let text = stripped(&problem, &["request_id", "instance", "detail"]).to_string();
    let text = text.replace(object, "the object").replace(above, "the organisation");
    // A tool's problem names the argument, which is the body's field written the MCP way.
    let text = text.replace("\"organization_guid\"", "\"organizationGuid\"");
    Some(serde_json::from_str(&text).expect("still JSON"))
}

async fn seen(server: &TestServer, way: Way, by: &Account, cell: &Cell, part: &Part) -> Option<Seen> {
    let root = server.platform().await;
    let watcher = ["org:view", "position:view", "staff:view"];
    let watcher = server.account(&format!("{}-{}", by.username, &part.organization[..8]), &watcher).await;
    let mut tab = server.tab(&watcher).await;
    let answer = asked(way, by, cell, part).await?;
    let frames = json!(tab.until(&server.mark().await).await);
    let audit = ok(root.get(&format!("/api/v1/audit?actor={}", by.id)).await);
    let lines = audit["results"].as_array().expect("lines").iter();
    let lines = lines.filter(|line| line["action"] != "mcp_call");
    let named = |line: &Value| -> Value {
        ["action", "resource", "permission_code", "result"].iter().map(|name| line[name].clone()).collect()
    };
    let kinds = frames.as_array().expect("frames").iter().map(|frame| frame["type"].clone()).collect();
    Some((answer, lines.map(named).collect(), kinds))
}

served_once! {
    // S0-9, S1-2 … S1-13, S1-21, S1-27: holders, holders out of reach, and people without, in every cell with a tool.
    async fn the_tools_do_what_the_routes_do(server: TestServer) {
        let root = server.platform().await;
        let mut compared = 0;
        for (number, cell) in CELLS.iter().enumerate() {
            let Some(code) = cell.codes.first().copied() else { continue };
            let case = format!("{} {}", cell.operation, cell.resource);
            let mut both = Vec::new();
            for way in [Way::Rest, Way::Tool] {
                let name = |who: &str| format!("{who}{number}{way:?}").to_lowercase();
                let (near, far) = (part(root, &name("near")).await, part(root, &name("far")).await);
                let holder = server.account(&name("holder"), &[code]).await;
                let body = json!({ "staff_no": holder.username, "name": "n", "account_id": holder.id,
                    "organization_guid": near.organization });
                ok(root.post("/api/v1/staff", body).await);
                ok(root.patch(&format!("/api/v1/roles/{}", holder.role), json!({ "data_scope": "own_and_below" })).await);
                let stranger = server.account(&name("stranger"), &[]).await;
                let mut all = Vec::new();
                for (by, part) in [(&stranger, &near), (&holder, &far), (&holder, &near)] {
                    all.extend(seen(&server, way, by, cell, part).await);
                }
                both.push(all);
            }
            let tools = both.pop().expect("two ways");
            let routes = both.pop().expect("two ways");
            assert_eq!(tools, routes, "{case}");
            let answers: Vec<_> = routes.iter().map(|(answer, ..)| answer["code"].as_str().unwrap_or("done")).collect();
            if !answers.is_empty() {
                compared += 1;
                assert_eq!((answers[0], answers[2]), ("NoPermissionError", "done"), "{case}: {answers:?}");
                assert_ne!(answers[1], "done", "{case} out of reach");
            }
        }
        // Four of organisations, three of positions, four of staff.
        assert_eq!(compared, 11);
    }
}

served! {
    // S1-21 … S1-26: the question is answered alike in every cell, about oneself and about others.
    async fn the_question_is_answered_alike_in_every_cell(server: TestServer) {
        let root = server.platform().await;
        let near = part(root, "near").await;
        let by = server.account("by", &["org:view", "staff:create", "leave:view", "permission:view"]).await;
        let admin = server.account("admin", &["system:admin"]).await;
        for cell in &CELLS {
            for (person, id) in [(&by, None), (&admin, None), (&by, Some(near.object(cell)))] {
                let question = json!({ "staffGuid": person.guid, "operation": cell.operation,
                    "resource": cell.resource, "resourceId": id });
                let told = Model::of(&by).done("checkAccess", question.clone()).await;
                let over_rest = ok(by.post("/api/v1/access/check", question.clone()).await);
                assert_eq!(told, over_rest, "{question}");
            }
        }
    }
}
