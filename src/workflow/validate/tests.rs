//! What is found wrong with a definition, and where.

use super::*;
use crate::workflow::graph::Graph;
use proptest::prelude::*;
use serde_json::{Value, json};

/// A definition with this graph and a form with a field `days`.
pub fn content(graph: &Graph) -> Content {
    let text = json!({
        "name": "请假",
        "form": { "fields": [
            { "code": "days", "name": "天数", "type": "number" },
            { "code": "kind", "name": "类型", "type": "choice", "options": ["年假", "病假"] },
            { "code": "who", "name": "谁", "type": "account", "multiple": true },
            { "code": "urgent", "name": "急", "type": "bool" },
        ] },
        "graph": graph,
    });
    serde_json::from_value(text).expect("a definition")
}

fn approve() -> Value {
    json!({ "code": "a", "name": "a", "kind": "approve", "assignees": [{ "kind": "initiator_head" }] })
}

fn with(mut node: Value, key: &str, value: Value) -> Value {
    node[key] = value;
    node
}

fn found_in(nodes: &Value, known: &Known) -> Vec<String> {
    let graph: Graph = serde_json::from_value(json!({ "nodes": nodes })).expect("a graph");
    faults("x", &content(&graph), known)
        .into_iter()
        .map(|fault| format!("{} {}", fault.at, fault.code))
        .collect()
}

/// What is wrong with a graph of a start and these nodes.
fn found(nodes: &[Value]) -> Vec<String> {
    let mut all = vec![json!({ "code": "start", "name": "start", "kind": "start" })];
    all.extend_from_slice(nodes);
    found_in(&Value::Array(all), &Known::default())
}

#[expect(clippy::needless_pass_by_value, reason = "json!(…) as the cases write it")]
fn branch(code: &str, when: Value, nodes: &[Value]) -> Value {
    json!({ "code": code, "name": code, "when": when, "nodes": nodes })
}

fn split(mode: &str, branches: &[Value]) -> Value {
    json!({ "code": "s", "name": "s", "kind": "condition", "mode": mode, "branches": branches })
}

#[expect(clippy::needless_pass_by_value, reason = "json!(…) as the cases write it")]
fn days(op: &str, value: Value) -> Value {
    json!({ "field": { "field": "days", "op": op, "value": value } })
}

#[test]
fn a_right_definition_has_no_fault() {
    let when = json!({ "all": [days("gt", json!(3)), { "any": [
        { "expression": "form.days > 3 && '经理' in initiator.roles" },
        { "field": { "field": "kind", "op": "in", "value": ["年假"] } },
        { "field": { "field": "initiator.departments", "op": "contains", "value": "front" } },
        { "field": { "field": "urgent", "op": "eq", "value": true } },
    ] }] });
    let node = with(approve(), "fields", json!({ "days": "edit" }));
    assert_eq!(
        found(&[split("exclusive", &[branch("b1", when, &[node]), branch("b2", json!(null), &[])])]),
        [""; 0]
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn each_fault_is_named_with_its_place() {
    // FW17, FW20, FC14
    let none = json!(null);
    let two = |one: Value| vec![branch("b1", one, &[]), branch("b2", json!(null), &[])];
    let end = json!({ "code": "e", "name": "e", "kind": "end" });
    let reject = json!({ "code": "r", "name": "r", "kind": "auto", "decision": "reject" });
    let handle = with(approve(), "kind", json!("handle"));
    let rule = |rule: Value| with(approve(), "assignees", json!([rule]));
    let cases: Vec<(Vec<Value>, Vec<&str>)> = vec![
        (vec![with(approve(), "assignees", json!([]))], vec!["nodes.a.assignees assignees_empty"]),
        (vec![approve(), approve()], vec!["nodes.a.code code_taken"]),
        (vec![with(approve(), "code", json!("a b"))], vec!["nodes.a b.code invalid"]),
        (vec![with(approve(), "name", json!("x".repeat(101)))], vec!["nodes.a.name invalid"]),
        (vec![end.clone(), approve()], vec!["nodes.a unreachable"]),
        (vec![reject.clone(), approve()], vec!["nodes.a unreachable"]),
        (
            vec![
                split(
                    "exclusive",
                    &[
                        branch("b1", days("gt", json!(1)), std::slice::from_ref(&end)),
                        branch("b2", none.clone(), &[reject]),
                    ],
                ),
                approve(),
            ],
            vec!["nodes.a unreachable"],
        ),
        (
            vec![split("parallel", &[branch("b1", none.clone(), &[end]), branch("b2", none.clone(), &[])])],
            vec!["nodes.e end_in_parallel"],
        ),
        (vec![json!({ "code": "z", "name": "z", "kind": "start" })], vec!["nodes.z start"]),
        (vec![split("exclusive", &[branch("b1", none.clone(), &[])])], vec!["nodes.s branches"]),
        (
            vec![split("exclusive", &[branch("b1", none.clone(), &[]), branch("b2", none.clone(), &[])])],
            vec!["nodes.s default_twice"],
        ),
        (
            vec![split(
                "inclusive",
                &[branch("b1", days("gt", json!(1)), &[]), branch("b2", days("gt", json!(2)), &[])],
            )],
            vec!["nodes.s default_missing"],
        ),
        (vec![split("parallel", &two(days("gt", json!(1))))], vec!["nodes.s branches"]),
        (vec![split("exclusive", &two(days("gt", json!("1"))))], vec!["nodes.b1.when condition"]),
        (vec![split("exclusive", &two(days("in", json!(1))))], vec!["nodes.b1.when condition"]),
        (vec![split("exclusive", &two(json!({ "all": [] })))], vec!["nodes.b1.when condition"]),
        (vec![split("exclusive", &two(json!({ "expression": "days >" })))], vec!["nodes.b1.when expression"]),
        (
            vec![split("exclusive", &two(json!({ "expression": "day > 1" })))],
            vec!["nodes.b1.when unknown_field"],
        ),
        (
            vec![split("exclusive", &two(json!({ "expression": "form.day > 1" })))],
            vec!["nodes.b1.when unknown_field"],
        ),
        (
            vec![split("exclusive", &two(json!({ "expression": "initiator.salary > 1" })))],
            vec!["nodes.b1.when unknown_field"],
        ),
        (
            vec![split("exclusive", &two(json!({ "expression": "who.exists(w, w == 'x')" })))],
            vec!["nodes.b1.when expression"],
        ),
        (
            vec![split("exclusive", &two(json!({ "expression": "now() > days" })))],
            vec!["nodes.b1.when expression"],
        ),
        (
            vec![split(
                "exclusive",
                &two(json!({ "field": { "field": "kind", "op": "eq", "value": "事假" } })),
            )],
            vec!["nodes.b1.when condition"],
        ),
        (
            vec![split(
                "exclusive",
                &two(json!({ "field": { "field": "initiator.age", "op": "eq", "value": 1 } })),
            )],
            vec!["nodes.b1.when unknown_field"],
        ),
        (
            vec![with(approve(), "mode", json!({ "kind": "vote", "percent": 0 }))],
            vec!["nodes.a.mode invalid"],
        ),
        (vec![with(approve(), "fields", json!({ "day": "hide" }))], vec!["nodes.a.fields.day unknown_field"]),
        (
            vec![with(approve(), "timeout", json!({ "minutes": 0, "action": { "kind": "remind" } }))],
            vec!["nodes.a.timeout.minutes invalid"],
        ),
        (
            vec![with(handle.clone(), "when_empty", json!({ "kind": "reject" }))],
            vec!["nodes.a.when_empty handle"],
        ),
        (
            vec![with(handle, "timeout", json!({ "minutes": 5, "action": { "kind": "reject" } }))],
            vec!["nodes.a.timeout handle"],
        ),
        (vec![rule(json!({ "kind": "previous_chooses" }))], vec!["nodes.a.assignees rule"]),
        (vec![rule(json!({ "kind": "users", "guids": [] }))], vec!["nodes.a.assignees[0] assignees_empty"]),
        (
            vec![rule(json!({ "kind": "initiator_chooses", "min": 3, "max": 2 }))],
            vec!["nodes.a.assignees[0] rule"],
        ),
        (vec![rule(json!({ "kind": "initiator_heads", "levels": 0 }))], vec!["nodes.a.assignees[0] rule"]),
        (vec![rule(json!({ "kind": "field", "name": "days" }))], vec!["nodes.a.assignees[0] rule"]),
        (vec![rule(json!({ "kind": "field", "name": "day" }))], vec!["nodes.a.assignees[0] unknown_field"]),
        (vec![rule(json!({ "kind": "expression", "text": "(" }))], vec!["nodes.a.assignees[0] expression"]),
        (
            vec![json!({ "code": "d", "name": "d", "kind": "delay", "minutes": 0 })],
            vec!["nodes.d.minutes invalid"],
        ),
        (
            vec![json!({ "code": "t", "name": "t", "kind": "trigger", "target": "erp" })],
            vec!["nodes.t.target unknown_target"],
        ),
        (
            vec![json!({ "code": "p", "name": "p", "kind": "subprocess", "definition": "gone" })],
            vec!["nodes.p.definition unknown_definition"],
        ),
        (
            vec![json!({ "code": "p", "name": "p", "kind": "subprocess", "definition": "x" })],
            vec!["nodes.p.definition subprocess_cycle"],
        ),
    ];
    for (nodes, expected) in cases {
        assert_eq!(found(&nodes), expected, "{}", Value::Array(nodes.clone()));
    }
    assert_eq!(found_in(&json!([]), &Known::default()), ["nodes start"]);
    assert_eq!(found_in(&json!([approve()]), &Known::default()), ["nodes start"]);
}

#[test]
fn a_graph_is_bounded() {
    let many: Vec<Value> =
        (0..NODES_MAX).map(|number| with(approve(), "code", json!(format!("n{number}")))).collect();
    assert_eq!(found(&many), ["nodes too_many"]);
    let mut deep = approve();
    for level in 0..=DEPTH_MAX {
        let code = |letter: &str| format!("{letter}{level}");
        let inner = json!({ "code": code("x"), "name": "x", "when": days("gt", json!(1)), "nodes": [deep] });
        let rest = json!({ "code": code("y"), "name": "y", "nodes": [] });
        deep = with(split("exclusive", &[inner, rest]), "code", json!(code("s")));
    }
    assert_eq!(found(&[deep]), ["nodes.s0 too_deep"]);
    let faulty: Vec<Value> = (0..150)
        .map(|number| json!({ "code": format!("n{number}"), "name": "", "kind": "delay", "minutes": 1 }))
        .collect();
    assert_eq!(found(&faulty).len(), FAULTS_MAX);
}

#[test]
fn what_is_named_has_to_be_there() {
    let nodes = json!([
        { "code": "start", "name": "start", "kind": "start" },
        with(with(approve(), "assignees", json!([
            { "kind": "role", "code": "gone" }, { "kind": "position", "code": "p" }, { "kind": "head", "organization": "o" }])),
            "when_empty", json!({ "kind": "account", "guid": "g" })),
    ]);
    let missing = [
        Reference::Role("gone".to_owned()),
        Reference::Organization("o".to_owned()),
        Reference::Account("g".to_owned()),
    ];
    let known = Known { missing: missing.into(), ..Known::default() };
    let expected = [
        "nodes.a.assignees[0] unknown_role",
        "nodes.a.assignees[2] unknown_organization",
        "nodes.a.when_empty unknown_account",
    ];
    assert_eq!(found_in(&nodes, &known), expected);
}

#[test]
fn a_subprocess_must_not_come_back_and_needs_its_fields() {
    // FW38
    let nodes = json!([
        { "code": "start", "name": "start", "kind": "start" },
        { "code": "p", "name": "p", "kind": "subprocess", "definition": "one" },
    ]);
    let runs = |names: &[&str]| Subprocess {
        runs: names.iter().map(|name| (*name).to_owned()).collect(),
        ..Subprocess::default()
    };
    let known = |rows: &[(&str, Subprocess)]| Known {
        subprocesses: rows.iter().map(|(name, it)| ((*name).to_owned(), it.clone())).collect(),
        ..Known::default()
    };
    assert_eq!(found_in(&nodes, &known(&[("one", runs(&["two"])), ("two", runs(&["two"]))])), [""; 0]);
    let cycle = known(&[("one", runs(&["two"])), ("two", runs(&["x"]))]);
    assert_eq!(found_in(&nodes, &cycle), ["nodes.p.definition subprocess_cycle"]);
    let form = json!({ "fields": [
        { "code": "days", "name": "d", "type": "number", "required": true },
        { "code": "city", "name": "c", "type": "text", "required": true } ] });
    let needs = Subprocess { form: serde_json::from_value(form).unwrap(), ..Subprocess::default() };
    assert_eq!(found_in(&nodes, &known(&[("one", needs)])), ["nodes.p.definition unknown_field"]);
    let choosy = Subprocess { chosen_at: std::iter::once("a".to_owned()).collect(), ..Subprocess::default() };
    let choosy = known(&[("one", choosy)]);
    assert_eq!(found_in(&nodes, &choosy), ["nodes.p.definition nobody_chooses"]);
    let mut chooses = nodes;
    chooses.as_array_mut().unwrap().push(json!({
        "code": "a", "name": "a", "kind": "approve", "assignees": [{ "kind": "initiator_chooses", "min": 1, "max": 1 }] }));
    assert_eq!(found_in(&chooses, &choosy), [""; 0], "whom he chose here is chosen there");
}

#[test]
fn settings_and_lists_are_looked_at() {
    let graph: Graph =
        serde_json::from_value(json!({ "nodes": [{ "code": "s", "name": "s", "kind": "start" }] })).unwrap();
    let codes = |change: fn(&mut Content)| {
        let mut content = content(&graph);
        change(&mut content);
        faults("x", &content, &Known::default()).into_iter().map(|fault| fault.at).collect::<Vec<_>>()
    };
    assert_eq!(codes(|_| {}), [""; 0]);
    assert_eq!(codes(|of| of.settings.title = "{nothing}".to_owned()), ["settings.title"]);
    assert_eq!(codes(|of| of.settings.title = " ".to_owned()), ["settings.title"]);
    for bad in ["", "ap", "ABCDEFGHI", "A1"] {
        let mut content = content(&graph);
        content.settings.number_prefix = bad.to_owned();
        assert_eq!(faults("x", &content, &Known::default())[0].at, "settings.number_prefix", "{bad}");
    }
    assert_eq!(codes(|of| of.settings.remind_minutes = 0), ["settings.remind_minutes"]);
    assert_eq!(codes(|of| of.name = String::new()), ["name"]);
    assert_eq!(codes(|of| of.category = "x".repeat(201)), ["category"]);
    assert_eq!(codes(|of| of.starters.roles = vec!["r".to_owned(); 101]), ["starters"]);
    let chooses = crate::workflow::graph::AssigneeRule::PreviousChooses;
    let mut late = content(&graph);
    late.settings.copy_on_finish = vec![chooses];
    assert_eq!(faults("x", &late, &Known::default())[0].at, "settings.copy_on_finish");
}

#[test]
fn a_misspelt_word_is_refused_when_it_is_read() {
    for (key, value) in [("when_emtpy", json!({ "kind": "approve" })), ("mod", json!({ "kind": "any" }))] {
        let node = with(approve(), key, value);
        assert!(serde_json::from_value::<crate::workflow::graph::Node>(node).is_err(), "{key}");
    }
    assert!(serde_json::from_value::<crate::workflow::graph::Node>(approve()).is_ok());
    for node in [
        json!({ "code": "e", "name": "e", "kind": "delay", "minutes": 1, "x": 1 }),
        json!({ "code": "e", "name": "e", "kind": "jump" }),
    ] {
        assert!(serde_json::from_value::<crate::workflow::graph::Node>(node).is_err());
    }
}

proptest! {
    #[test]
    fn a_definition_is_written_as_it_was_read(graph in crate::workflow::walk::tests::graphs()) {
        let text = serde_json::to_string(&graph).unwrap();
        prop_assert_eq!(serde_json::from_str::<Graph>(&text).unwrap(), graph);
    }
}
