//! A tool and its REST route are one use case (S0-9): the same answer, the same refusal, the same rows, the same lines in the
//! logs, the same frames in open tabs. Each pair runs in a world of its own, made alike.

use serde_json::{Value, json};

use super::{Model, stripped};
use crate::support::{Account, Setup, Tab, TestServer, ok, run_on_sqlite};

/// One step over REST and as a tool. `{org}`, `{position}` and `{staff}` stand for guids of the world.
struct Step {
    route: (&'static str, &'static str, Value),
    tool: (&'static str, Value),
    /// What the caller needs.
    needs: &'static [&'static str],
}

fn step(
    needs: &'static [&'static str],
    (method, path, body): (&'static str, &'static str, Value),
    tool: (&'static str, Value),
) -> Step {
    Step { route: (method, path, body), tool, needs }
}

/// Every tool that changes or reads what a route does (S0-47, S0-48, S0-49).
#[expect(clippy::too_many_lines, reason = "a table")]
fn steps() -> Vec<Step> {
    vec![
        step(
            &["org:view"],
            ("GET", "/api/v1/organizations/{org}", Value::Null),
            ("getOrganization", json!({ "orgGuid": "{org}" })),
        ),
        step(
            &["org:create"],
            ("POST", "/api/v1/organizations", json!({ "code": "new", "name": "新部门" })),
            ("createOrganization", json!({ "code": "new", "name": "新部门" })),
        ),
        step(
            &["org:update"],
            ("PATCH", "/api/v1/organizations/{org}", json!({ "name": "改名" })),
            ("updateOrganization", json!({ "orgGuid": "{org}", "name": "改名" })),
        ),
        step(
            &["org:update"],
            ("POST", "/api/v1/organizations/{org}/move", json!({ "parentGuid": "{above}" })),
            ("moveOrganization", json!({ "orgGuid": "{org}", "newParentGuid": "{above}" })),
        ),
        step(
            &["org:delete"],
            ("DELETE", "/api/v1/organizations/{org}", Value::Null),
            ("deleteOrganization", json!({ "orgGuid": "{org}" })),
        ),
        step(
            &["position:create"],
            ("POST", "/api/v1/positions", json!({ "code": "p2", "name": "新岗位", "is_manager": true })),
            ("createPosition", json!({ "code": "p2", "name": "新岗位", "isManager": true })),
        ),
        step(
            &["position:update", "org:view"],
            ("PATCH", "/api/v1/positions/{position}", json!({ "status": 0 })),
            ("updatePosition", json!({ "positionGuid": "{position}", "status": 0 })),
        ),
        step(
            &["position:delete", "org:view"],
            ("DELETE", "/api/v1/positions/{position}?force=true", Value::Null),
            ("deletePosition", json!({ "positionGuid": "{position}", "force": true })),
        ),
        step(
            &["staff:view"],
            ("GET", "/api/v1/staff/{staff}", Value::Null),
            ("getStaff", json!({ "staffGuid": "{staff}" })),
        ),
        step(
            &["staff:create"],
            ("POST", "/api/v1/staff", json!({ "staff_no": "9", "name": "新人" })),
            ("createStaff", json!({ "staffNo": "9", "name": "新人" })),
        ),
        step(
            &["staff:update", "org:view"],
            ("PATCH", "/api/v1/staff/{staff}", json!({ "mobile": "123" })),
            ("updateStaff", json!({ "staffGuid": "{staff}", "mobile": "123" })),
        ),
        step(
            &["staff:delete", "org:view"],
            ("DELETE", "/api/v1/staff/{staff}", Value::Null),
            ("deleteStaff", json!({ "staffGuid": "{staff}" })),
        ),
        // S1-35
        step(
            &["staff:update", "org:view", "position:view"],
            (
                "POST",
                "/api/v1/staff/{staff}/positions",
                json!({ "position_guid": "{second}", "change_type": "晋升" }),
            ),
            (
                "assignStaffPosition",
                json!({ "staffGuid": "{staff}", "positionGuid": "{second}", "changeType": "晋升" }),
            ),
        ),
        step(
            &["staff:update", "org:view"],
            ("DELETE", "/api/v1/staff/{staff}/positions/{position}", Value::Null),
            ("removeStaffPosition", json!({ "staffGuid": "{staff}", "positionGuid": "{position}" })),
        ),
        // S1-38, S1-39
        step(
            &["permission:assign", "staff:view"],
            ("POST", "/api/v1/positions/{position}/permissions/staff:view", json!({})),
            (
                "assignPermissionToPosition",
                json!({ "positionGuid": "{position}", "permissionCode": "staff:view" }),
            ),
        ),
        step(
            &["permission:assign", "org:view"],
            ("DELETE", "/api/v1/positions/{position}/permissions/org:view", Value::Null),
            (
                "removePermissionFromPosition",
                json!({ "positionGuid": "{position}", "permissionCode": "org:view" }),
            ),
        ),
        // S1-31, S1-32
        step(
            &["staff:create"],
            (
                "POST",
                "/api/v1/leaves",
                json!({ "staff_guid": "{staff}", "leave_type": "personal", "start_at": "2150-06-01",
                    "end_at": "2150-06-02", "reason": "搬家" }),
            ),
            (
                "createLeave",
                json!({ "staffGuid": "{staff}", "leaveType": "personal", "startAt": "2150-06-01",
                    "endAt": "2150-06-02", "reason": "搬家" }),
            ),
        ),
    ]
}

struct World {
    server: TestServer,
    guids: Vec<(&'static str, String)>,
    person: Account,
}

impl World {
    /// An organisation, a person in a position that carries `org:view`, and a second position.
    async fn made(server: TestServer) -> Self {
        let root = server.platform().await.clone();
        let person = server.account("person", &[]).await;
        let guid = async |path: &str, body: Value| {
            ok(root.post(path, body).await)["guid"].as_str().expect("a guid").to_owned()
        };
        let org = guid("/api/v1/organizations", json!({ "code": "org", "name": "部门" })).await;
        let above = guid("/api/v1/organizations", json!({ "code": "above", "name": "上级" })).await;
        let position = guid("/api/v1/positions", json!({ "code": "p1", "name": "岗位" })).await;
        let second = guid("/api/v1/positions", json!({ "code": "p0", "name": "第二" })).await;
        let staff = json!({ "staff_no": "1", "name": "某人", "account_id": person.id });
        let staff = guid("/api/v1/staff", staff).await;
        ok(root.post(&format!("/api/v1/positions/{position}/permissions/org:view"), json!({})).await);
        let into = json!({ "position_guid": position });
        ok(root.post(&format!("/api/v1/staff/{staff}/positions"), into).await);
        let guids = vec![
            ("{org}", org),
            ("{above}", above),
            ("{position}", position),
            ("{second}", second),
            ("{staff}", staff),
        ];
        Self { server, guids, person }
    }

    fn fill(&self, text: &str) -> String {
        self.guids.iter().fold(text.to_owned(), |text, (name, guid)| text.replace(name, guid))
    }

    fn filled(&self, value: &Value) -> Value {
        serde_json::from_str(&self.fill(&value.to_string())).expect("still JSON")
    }

    /// Writes the guids of this world as their names, all others as one, and times as one.
    fn neutral(&self, text: &str) -> String {
        let text = self.guids.iter().fold(text.to_owned(), |text, (name, guid)| text.replace(guid, name));
        let is_guid = |part: &str| uuid::Uuid::try_parse(part).is_ok_and(|_| part.len() == 36);
        let is_time = |part: &str| part.ends_with('Z') && part.parse::<jiff::Timestamp>().is_ok();
        let parts = text.split('"').map(|part| match part {
            guid if is_guid(guid) => "a guid",
            time if is_time(time) => "a time",
            other => other,
        });
        parts.collect::<Vec<_>>().join("\"")
    }

    /// What a step left behind: the audit without the adapter's own line, the log of changes, the person's frames.
    async fn traces(&self, by: &Account, mut tab: Tab) -> Value {
        let root = self.server.platform().await;
        let frames = tab.until(&self.server.mark().await).await;
        let audit = ok(root.get(&format!("/api/v1/audit?actor={}", by.id)).await);
        let lines = audit["results"].as_array().expect("lines").clone();
        let lines: Vec<Value> = lines.into_iter().filter(|line| line["action"] != "mcp_call").collect();
        let changes = ok(root.get("/api/v1/permission-changes").await);
        let all = json!({ "frames": frames, "audit": lines, "changes": changes["results"] });
        let differs = [
            "id",
            "at",
            "timestamp",
            "request_id",
            "messageId",
            "guid",
            "hash",
            "epoch",
            "create_time",
            "created_at",
            "updated_at",
            "accepted_at",
            "operator_id",
            "actor_id",
            "session_id",
            "ip",
            "client",
        ];
        let text = self.neutral(&stripped(&all, &differs).to_string());
        serde_json::from_str(&text).expect("still JSON")
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum By {
    Rest,
    Tool,
}

/// Does one step in a fresh world; answers whether it was done, what was answered and what it left.
async fn taken(server: TestServer, step: &Step, by: By, entitled: bool) -> (bool, Value, Value) {
    let world = World::made(server.clone()).await;
    let codes: &[&str] = if entitled { step.needs } else { &[] };
    let caller = server.account("caller", codes).await;
    let tab = server.tab(&world.person).await;
    let (done, answer) = match by {
        By::Rest => {
            let (method, path, body) = &step.route;
            let (status, answer) = caller.ask(method, &world.fill(path), &world.filled(body)).await;
            (status < 400, answer)
        }
        By::Tool => {
            let (name, arguments) = &step.tool;
            let result = Model::of(&caller).call(name, world.filled(arguments)).await;
            let done = result["isError"] == false;
            let part =
                if done { &result["structuredContent"] } else { &result["_meta"]["livegrant/problem"] };
            (done, part.clone())
        }
    };
    let traces = world.traces(&caller, tab).await;
    let differs = [
        "guid",
        "instance",
        "request_id",
        "created_at",
        "updated_at",
        "rev",
        "position",
        "position_guid",
        "code_of",
    ];
    let answer = stripped(&answer, &differs);
    (done, serde_json::from_str(&world.neutral(&answer.to_string())).expect("still JSON"), traces)
}

#[test]
fn a_tool_and_its_route_are_one_use_case() {
    for step in steps() {
        for entitled in [true, false] {
            let shared = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
            for by in [By::Rest, By::Tool] {
                let step = Step { route: step.route.clone(), tool: step.tool.clone(), needs: step.needs };
                let shared = std::sync::Arc::clone(&shared);
                run_on_sqlite(move |database| async move {
                    Setup::on(&database)
                        .run(async move |server: TestServer| {
                            let seen = taken(server, &step, by, entitled).await;
                            shared.lock().expect("one at a time").push(seen);
                        })
                        .await;
                });
            }
            let seen = shared.lock().expect("one at a time");
            let (name, (rest, tool)) = (step.tool.0, (&seen[0], &seen[1]));
            assert_eq!(rest.0, entitled, "{name} over REST: {}", rest.1);
            assert_eq!(tool.0, entitled, "{name}: {}", tool.1);
            if !entitled {
                assert_eq!(rest.1["code"], "NoPermissionError", "{name}");
                assert_eq!(rest.1, tool.1, "{name}");
            }
            assert_eq!(rest.2, tool.2, "{name}");
        }
    }
}
