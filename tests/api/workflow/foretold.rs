//! What was said before is what then happens (FW28): random definitions and forms, each looked at ahead by the one who
//! starts it, then started and approved by whoever is asked, in any order; afterwards the log must tell the same nodes, the
//! same people and the same end. The seed of a definition that differs is in the message.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use livegrant::db::{Author, SystemTask};
use livegrant::workflow::timers::fire_due;
use livegrant::workflow::trigger::Client;
use serde_json::{Value, json};
use sqlx::types::Json;

use super::define;
use crate::support::{Account, Dice, TestServer, ok, served};

/// Definitions that are tried.
const MANY: u64 = 24;

/// Who takes part: ann starts, in an organisation with a head; somebody is away, and somebody else stands in.
struct People {
    ann: Account,
    all: Vec<Account>,
}

impl People {
    async fn gather(server: &TestServer) -> Self {
        let root = server.platform().await;
        let mut all = Vec::new();
        for name in ["bob", "cy", "dee", "eve"] {
            all.push(server.account(name, &[]).await);
        }
        all.push(server.account("boss", &["workflow:admin"]).await);
        let ann = server.account("ann", &[]).await;
        let guid = |body: Value| body["guid"].as_str().expect("a guid").to_owned();
        let org =
            guid(ok(root.post("/api/v1/organizations", json!({ "code": "desk", "name": "前台" })).await));
        let lead = json!({ "code": "lead", "name": "主管", "is_manager": true, "organization_guid": org });
        let lead = guid(ok(root.post("/api/v1/positions", lead).await));
        for account in [&ann, &all[0]] {
            let name = &account.username;
            let body =
                json!({ "staff_no": name, "name": name, "account_id": account.id, "organization_guid": org });
            let staff = guid(ok(root.post("/api/v1/staff", body).await));
            if account.username == "bob" {
                let path = format!("/api/v1/staff/{staff}/positions");
                ok(root.post(&path, json!({ "position_guid": lead })).await);
            }
        }
        let away = json!({ "substituteGuid": all[1].guid });
        ok(all[3].post("/api/v1/workflows/substitutes", away).await);
        Self { ann, all }
    }

    fn of_guid(&self, guid: &str) -> i64 {
        let found = self.all.iter().chain([&self.ann]).find(|account| account.guid == guid);
        found.unwrap_or_else(|| panic!("nobody has the guid {guid}")).id
    }

    fn guids(&self, dice: &mut Dice, most: usize) -> Vec<String> {
        let mut guids: Vec<String> = Vec::new();
        for _ in 0..dice.below(most + 1) {
            let one =
                dice.pick(&[&self.ann, &self.all[0], &self.all[1], &self.all[2], &self.all[3]]).guid.clone();
            if !guids.contains(&one) {
                guids.push(one);
            }
        }
        guids
    }
}

/// A definition in the making.
struct Maker<'a> {
    dice: Dice,
    people: &'a People,
    count: usize,
    chosen: BTreeMap<String, Vec<String>>,
    /// Somewhere one of several decides, or branches run beside each other: who has approved later on is not certain.
    open: bool,
}

impl Maker<'_> {
    fn code(&mut self) -> String {
        self.count += 1;
        format!("n{}", self.count)
    }

    fn rules(&mut self, code: &str) -> Value {
        match self.dice.below(8) {
            0 => json!([{ "kind": "initiator_head" }]),
            1 => json!([{ "kind": "initiator" }]),
            2 => {
                json!([{ "kind": "role", "code": self.dice.pick(&["only.dee", "only.eve", "only.nobody"]) }])
            }
            3 => json!([{ "kind": "field", "name": "who" }]),
            4 => {
                let chosen = vec![self.dice.pick(&self.people.all).guid];
                self.chosen.insert(code.to_owned(), chosen);
                json!([{ "kind": "initiator_chooses", "min": 1, "max": 2 }])
            }
            _ => json!([{ "kind": "users", "guids": self.people.guids(&mut self.dice, 4) }]),
        }
    }

    fn nodes(&mut self, depth: usize, beside: bool) -> Vec<Value> {
        let long = 1 + self.dice.below(if depth == 0 { 6 } else { 3 });
        (0..long).map(|_| self.node(depth, beside)).collect()
    }

    fn node(&mut self, depth: usize, beside: bool) -> Value {
        let code = self.code();
        let dice = &mut self.dice;
        let mut node = match dice.below(if depth < 2 { 14 } else { 11 }) {
            0 => {
                let assignees = self.rules(&code);
                json!({ "kind": "copy", "assignees": assignees })
            }
            1 => json!({ "kind": "delay", "minutes": 5 }),
            2 => {
                json!({ "kind": "auto", "decision": if beside { "approve" } else { dice.pick(&["approve", "approve", "reject"]) } })
            }
            11.. => self.split(depth, beside),
            _ => self.work(&code, beside),
        };
        node["code"] = json!(code);
        node["name"] = json!(code);
        node
    }

    fn split(&mut self, depth: usize, beside: bool) -> Value {
        let mode = self.dice.pick(&["exclusive", "parallel", "inclusive"]);
        let beside = beside || mode != "exclusive";
        self.open |= mode != "exclusive";
        let mut branches = Vec::new();
        for place in 0..2 + self.dice.below(2) {
            let least = self.dice.below(5);
            let when = json!({ "field": { "field": "days", "op": "ge", "value": least } });
            let when = if place == 0 || mode == "parallel" { Value::Null } else { when };
            let nodes = if self.dice.below(4) == 0 { Vec::new() } else { self.nodes(depth + 1, beside) };
            branches.push(json!({ "code": self.code(), "name": "b", "when": when, "nodes": nodes }));
        }
        json!({ "kind": "condition", "mode": mode, "branches": branches })
    }

    fn work(&mut self, code: &str, beside: bool) -> Value {
        let assignees = self.rules(code);
        let dice = &mut self.dice;
        let mode = dice.pick(&["any", "all", "all", "sequential", "vote"]);
        self.open |= mode == "any" || mode == "vote";
        let mode =
            if mode == "vote" { json!({ "kind": mode, "percent": 60 }) } else { json!({ "kind": mode }) };
        let empty =
            [json!({ "kind": "approve" }), json!({ "kind": "managers" }), json!({ "kind": "reject" })];
        json!({
            "kind": dice.pick(&["approve", "approve", "handle"]),
            "assignees": assignees,
            "mode": mode,
            "when_initiator": dice.pick(&["skip", "allow", "head"]),
            "when_repeated": dice.pick(&["ask", "consecutive", "once", "once"]),
            "when_empty": dice.pick(&empty[..if beside { 2 } else { 3 }]),
        })
    }
}

/// The steps of a preview, those of branches after the node that branches.
fn flat<'a>(steps: &'a Value, found: &mut Vec<&'a Value>) {
    for step in steps.as_array().expect("a list of steps") {
        found.push(step);
        for branch in step["branches"].as_array().expect("a list of branches") {
            flat(&branch["steps"], found);
        }
    }
}

/// What the log keeps of an instance: of each node that was entered what was found out there.
async fn happened(server: &TestServer, guid: &str) -> (String, BTreeSet<String>, BTreeMap<String, Value>) {
    let mut conn = server.core.db.read().await.unwrap();
    let (id, status) = livegrant::sql_one!(
        &mut conn,
        (i64, String),
        "SELECT id, status FROM wf_instance WHERE guid = $1",
        guid
    )
    .unwrap();
    let runs = livegrant::sql_all!(
        &mut conn,
        (String,),
        "SELECT node_code FROM wf_node_run WHERE instance_id = $1",
        id
    )
    .unwrap();
    let entered: BTreeSet<String> = runs.iter().map(|row| row.0.clone()).collect();
    assert_eq!(entered.len(), runs.len(), "nothing goes back, so each node is entered once");
    let lines = livegrant::sql_all!(
        &mut conn,
        (String, Json<Value>),
        "SELECT node_code, detail FROM wf_log WHERE instance_id = $1 AND action IN ('assigned', 'ruled', 'copied')",
        id
    )
    .unwrap();
    (status, entered, lines.into_iter().map(|(node, detail)| (node, detail.0)).collect())
}

/// Everybody who is asked approves, in any order, until it is over.
async fn agree(server: &TestServer, people: &People, guid: &str, dice: &mut Dice) {
    let client = Client::new(Duration::from_secs(5));
    loop {
        let mut conn = server.core.db.read().await.unwrap();
        let open = livegrant::sql_all!(
            &mut conn,
            (String, i64),
            "SELECT task.guid, task.assignee_id FROM wf_task task JOIN wf_instance it ON it.id = task.instance_id
              WHERE it.guid = $1 AND task.state = 'pending' ORDER BY task.id",
            guid
        )
        .unwrap();
        drop(conn);
        if open.is_empty() {
            if happened(server, guid).await.0 != "running" {
                return;
            }
            // A delay is over now: the clock stands, so that everybody stays signed in.
            let mut work = server.core.db.begin(&Author::system("tests")).await.unwrap();
            livegrant::sql_exec!(work.conn(), "UPDATE wf_timer SET fire_at = 1 WHERE fired_at IS NULL")
                .unwrap();
            work.commit(SystemTask::Bootstrap).await.unwrap();
            fire_due(&server.core, &client).await.expect("timers are looked for");
            continue;
        }
        let (task, assignee) = dice.pick(&open);
        let mut everybody = people.all.iter().chain([&people.ann]);
        let by = everybody.find(|account| account.id == assignee).expect("somebody of these");
        ok(by.post(&format!("/api/v1/workflows/tasks/{task}/approve"), json!({})).await);
    }
}

/// Compares one node with people; answers how many were left out because they approved before.
fn compare(people: &People, step: &Value, line: Option<&Value>, certain: bool) -> Result<usize, String> {
    let line = line.ok_or("nothing was found out there")?;
    if step["reason"] == "nobody_found" && !step["decided"].is_null() {
        let approve = step["decided"] == "approved";
        let same = line["event"] == "ruled" && line["approve"] == approve;
        return if same { Ok(0) } else { Err(format!("it was to decide by itself, and {line}")) };
    }
    let foretold: Vec<(i64, Option<i64>)> = step["people"]
        .as_array()
        .expect("a list of people")
        .iter()
        .map(|one| {
            (
                people.of_guid(one["guid"].as_str().unwrap()),
                one["insteadOf"].as_str().map(|guid| people.of_guid(guid)),
            )
        })
        .collect();
    if line["event"] == "copied" {
        let told: Vec<(i64, Option<i64>)> =
            line["people"].as_array().unwrap().iter().map(|id| (id.as_i64().unwrap(), None)).collect();
        return if foretold == told {
            Ok(0)
        } else {
            Err(format!("{foretold:?} were foretold, {told:?} are informed"))
        };
    }
    let seats = line["seats"].as_array().ok_or_else(|| format!("people were to be asked, and {line}"))?;
    let asked: Vec<(i64, Option<i64>)> =
        seats.iter().map(|seat| (seat["account"].as_i64().unwrap(), seat["instead_of"].as_i64())).collect();
    if foretold != asked {
        return Err(format!("{foretold:?} were foretold, {asked:?} were asked"));
    }
    let mut spared = 0;
    for (one, seat) in step["people"].as_array().unwrap().iter().zip(seats) {
        let (said, so) = (one["earlier"] == true, seat["skipped"].is_string());
        if (said && !so) || (certain && so != said) {
            return Err(format!("approved earlier: foretold {said}, and it is {so}, of {one}"));
        }
        spared += usize::from(said);
    }
    Ok(spared)
}

served! {
    // FW28
    async fn what_was_foretold_happens(server: TestServer) {
        let people = People::gather(&server).await;
        let (mut ends, mut nodes, mut spared) = (BTreeMap::new(), 0, 0);
        for seed in 0..MANY {
            let mut maker = Maker {
                dice: Dice::of(seed),
                people: &people,
                count: 0,
                chosen: BTreeMap::new(),
                open: false,
            };
            let graph = Value::Array(maker.nodes(0, false));
            let code = format!("p{seed}");
            let form = json!([{ "code": "days", "name": "d", "type": "number" }, { "code": "who", "name": "w", "type": "text" }]);
            define(&server, &code, json!({}), form, graph.clone()).await;
            let who = maker.dice.pick(&people.all).guid;
            let body = json!({
                "definition": code, "form": { "days": maker.dice.below(5), "who": who }, "chosen": maker.chosen,
            });
            let ahead = people.ann.post("/api/v1/workflows/instances/preview", body.clone()).await;
            let started = people.ann.post("/api/v1/workflows/instances", body).await;
            assert_eq!((ahead.0, started.0), (200, 201), "seed {seed}: {} {}", ahead.1, started.1);
            let guid = started.1["guid"].as_str().expect("a guid");
            agree(&server, &people, guid, &mut maker.dice).await;
            let (status, entered, lines) = happened(&server, guid).await;
            let ahead = ahead.1;
            assert_eq!(ahead["end"], json!(status), "seed {seed}: {graph}");
            let mut steps = Vec::new();
            flat(&ahead["steps"], &mut steps);
            let foretold: BTreeSet<String> =
                steps.iter().map(|step| step["code"].as_str().unwrap().to_owned()).collect();
            assert_eq!(foretold, entered, "seed {seed}: {graph}");
            for step in steps.into_iter().filter(|step| ["approve", "handle", "copy"].contains(&step["kind"].as_str().unwrap())) {
                let code = step["code"].as_str().unwrap();
                let same = compare(&people, step, lines.get(code), !maker.open);
                spared += same.unwrap_or_else(|problem| panic!("seed {seed}, {code}: {problem}\n{graph}\n{ahead}"));
                nodes += 1;
            }
            *ends.entry(status).or_insert(0) += 1;
        }
        // The definitions are worth something: they end both ways, and people are asked, and spared.
        assert!(ends.contains_key("approved") && ends.contains_key("rejected"), "{ends:?}");
        assert!(nodes > 30 && spared > 3, "{ends:?}: {nodes} nodes, {spared} spared");
    }
}
