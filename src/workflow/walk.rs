//! Moving through a graph: what comes next, what lies around a node, which branches are taken.
//!
//! Invariants: pure, and total over every graph that can be written. After the last node of a branch comes the end of the
//! branch, and the node that branched is where the way goes on; so every walk ends. Who decides at a node, and whether the
//! other branches of a parallel part are done, is not known here.

use super::condition::{self, ConditionError};
use super::graph::{Branch, Graph, Node, NodeKind, Split};
use super::variables::Variables;

/// What comes after a node.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Next<'g> {
    /// This node, in the same sequence.
    Node(&'g Node),
    /// Nothing more in this branch: the way goes on after `condition`, once all branches that were taken are here.
    BranchEnd {
        /// The node that branched.
        condition: &'g Node,
        /// The branch that is over.
        branch: &'g Branch,
    },
    /// The instance is finished.
    Finished,
}

/// A branch that a node lies in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Within<'g> {
    /// The node that branches.
    pub condition: &'g Node,
    /// The branch.
    pub branch: &'g Branch,
}

/// Answers where instances begin.
pub fn start(graph: &Graph) -> Option<&Node> {
    graph.nodes.first()
}

/// Finds a node, however deep.
pub fn find<'g>(graph: &'g Graph, code: &str) -> Option<&'g Node> {
    all(graph).into_iter().find(|node| node.code == code)
}

/// Lists all nodes in the order in which they are written: a node before what its branches hold.
pub fn all(graph: &Graph) -> Vec<&Node> {
    let mut found = Vec::new();
    // A stack instead of a recursion: the last is the next.
    let mut open: Vec<&Node> = graph.nodes.iter().rev().collect();
    while let Some(node) = open.pop() {
        found.push(node);
        let inner = branches(node).iter().flat_map(|branch| &branch.nodes);
        let place = open.len();
        open.extend(inner);
        open[place..].reverse();
    }
    found
}

/// Answers the branches of a node; none unless it is a condition.
pub fn branches(node: &Node) -> &[Branch] {
    match &node.kind {
        NodeKind::Condition { branches, .. } => branches,
        _ => &[],
    }
}

/// Answers the branches that a node lies in, the outermost first; `None`: there is no such node.
pub fn path_to<'g>(graph: &'g Graph, code: &str) -> Option<Vec<Within<'g>>> {
    seek(&graph.nodes, code, 0).map(|(mut path, ..)| {
        path.reverse();
        path
    })
}

/// Answers what comes after a node; `None`: there is no such node.
pub fn next_after<'g>(graph: &'g Graph, code: &str) -> Option<Next<'g>> {
    let (path, sequence, place) = seek(&graph.nodes, code, 0)?;
    if matches!(sequence[place].kind, NodeKind::End) {
        return Some(Next::Finished);
    }
    if let Some(next) = sequence.get(place + 1) {
        return Some(Next::Node(next));
    }
    Some(path.first().map_or(Next::Finished, |within| Next::BranchEnd {
        condition: within.condition,
        branch: within.branch,
    }))
}

/// Answers whether other branches may be under way besides the node's own: there the way cannot jump back to.
pub fn is_inside_parallel(graph: &Graph, code: &str) -> bool {
    let several = |within: &Within<'_>| {
        matches!(within.condition.kind, NodeKind::Condition { mode: Split::Parallel | Split::Inclusive, .. })
    };
    path_to(graph, code).is_some_and(|path| path.iter().any(several))
}

/// Answers the branches of a condition that are taken, in their order. Never none of a valid graph: where no condition
/// holds the default is taken (FW17).
///
/// # Errors
/// An expression that cannot be read, or costs too much; `validate.rs` lets none into a published definition.
pub fn taken<'g>(node: &'g Node, variables: &Variables) -> Result<Vec<&'g Branch>, ConditionError> {
    let NodeKind::Condition { mode, branches } = &node.kind else { return Ok(Vec::new()) };
    if *mode == Split::Parallel {
        return Ok(branches.iter().collect());
    }
    let mut held = Vec::new();
    for branch in branches {
        let Some(when) = &branch.when else { continue };
        if condition::holds(when, variables)? {
            held.push(branch);
            if *mode == Split::Exclusive {
                break;
            }
        }
    }
    if held.is_empty() {
        held.extend(branches.iter().find(|branch| branch.when.is_none()));
    }
    Ok(held)
}

/// Levels that a search goes down at most; what is deeper is not found. Past what `validate.rs` lets through (8).
const DEPTH_MAX: usize = 32;

/// Finds a node: the branches around it (the innermost first), its sequence and its place in it.
fn seek<'g>(nodes: &'g [Node], code: &str, depth: usize) -> Option<(Vec<Within<'g>>, &'g [Node], usize)> {
    if let Some(place) = nodes.iter().position(|node| node.code == code) {
        return Some((Vec::new(), nodes, place));
    }
    if depth == DEPTH_MAX {
        return None;
    }
    for condition in nodes {
        for branch in branches(condition) {
            if let Some((mut path, sequence, place)) = seek(&branch.nodes, code, depth + 1) {
                path.push(Within { condition, branch });
                return Some((path, sequence, place));
            }
        }
    }
    None
}

#[cfg(test)]
#[expect(clippy::needless_pass_by_value, reason = "json!(…) as the cases write it")]
pub(super) mod tests {
    use super::*;
    use crate::workflow::graph::AutoDecision;
    use crate::workflow::validate::{Known, faults};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    pub fn graph(nodes: Value) -> Graph {
        serde_json::from_value(json!({ "nodes": nodes })).expect("a graph")
    }

    fn variables(form: Value) -> Variables {
        Variables { form: form.as_object().cloned().expect("an object"), ..Variables::default() }
    }

    fn approve(code: &str) -> Value {
        json!({ "code": code, "name": code, "kind": "approve", "assignees": [{ "kind": "initiator_head" }] })
    }

    fn split(code: &str, mode: &str, branches: Value) -> Value {
        json!({ "code": code, "name": code, "kind": "condition", "mode": mode, "branches": branches })
    }

    fn branch(code: &str, least: Option<i64>, nodes: Value) -> Value {
        let when = least.map(|least| json!({ "field": { "field": "days", "op": "ge", "value": least } }));
        json!({ "code": code, "name": code, "when": when, "nodes": nodes })
    }

    /// `start a ?(x: b ‖(p: c, q: -), y: end) d`
    fn sample() -> Graph {
        let parallel = split(
            "both",
            "parallel",
            json!([branch("p", None, json!([approve("c")])), branch("q", None, json!([]))]),
        );
        let end = json!({ "code": "stop", "name": "stop", "kind": "end" });
        let choice = split(
            "choice",
            "exclusive",
            json!([branch("x", Some(3), json!([approve("b"), parallel])), branch("y", None, json!([end]))]),
        );
        graph(
            json!([{ "code": "start", "name": "start", "kind": "start" }, approve("a"), choice, approve("d")]),
        )
    }

    #[test]
    fn what_comes_next_is_in_the_sequence_the_end_of_a_branch_or_nothing() {
        let graph = sample();
        let next = |code: &str| match next_after(&graph, code) {
            Some(Next::Node(node)) => node.code.clone(),
            Some(Next::BranchEnd { condition, branch }) => format!("{}/{}", condition.code, branch.code),
            Some(Next::Finished) => "finished".to_owned(),
            None => "unknown".to_owned(),
        };
        let cases = [
            ("start", "a"),
            ("a", "choice"),
            ("b", "both"),
            ("c", "both/p"),
            ("both", "choice/x"),
            ("stop", "finished"),
            ("choice", "d"),
            ("d", "finished"),
            ("x", "unknown"),
        ];
        for (code, expected) in cases {
            assert_eq!(next(code), expected, "{code}");
        }
        let codes: Vec<_> = all(&graph).iter().map(|node| node.code.as_str()).collect();
        assert_eq!(codes, ["start", "a", "choice", "b", "both", "c", "stop", "d"]);
        assert_eq!(start(&graph).map(|node| node.code.as_str()), Some("start"));
        assert!(find(&graph, "c").is_some() && find(&graph, "p").is_none());
        let around: Vec<_> =
            path_to(&graph, "c").unwrap().iter().map(|within| within.branch.code.as_str()).collect();
        assert_eq!(around, ["x", "p"]);
        assert!(is_inside_parallel(&graph, "c") && !is_inside_parallel(&graph, "b"));
    }

    #[test]
    fn the_default_is_taken_where_nothing_holds() {
        // FW17
        let branches = json!([
            branch("week", Some(7), json!([])),
            branch("days", Some(3), json!([])),
            branch("rest", None, json!([]))
        ]);
        let cases = [
            ("exclusive", json!({ "days": 8 }), vec!["week"]),
            ("exclusive", json!({ "days": 3 }), vec!["days"]),
            ("exclusive", json!({ "days": 1 }), vec!["rest"]),
            ("exclusive", json!({}), vec!["rest"]),
            ("inclusive", json!({ "days": 8 }), vec!["week", "days"]),
            ("inclusive", json!({ "days": "8" }), vec!["rest"]),
            ("parallel", json!({}), vec!["week", "days", "rest"]),
        ];
        for (mode, form, expected) in cases {
            let node: Node = serde_json::from_value(split("s", mode, branches.clone())).unwrap();
            let taken = taken(&node, &variables(form.clone())).unwrap();
            let codes: Vec<_> = taken.iter().map(|branch| branch.code.as_str()).collect();
            assert_eq!(codes, expected, "{mode} {form}");
        }
        let node: Node = serde_json::from_value(approve("a")).unwrap();
        assert!(taken(&node, &Variables::default()).unwrap().is_empty());
        let broken = json!([{ "code": "x", "name": "x", "when": { "expression": "1 +" }, "nodes": [] }]);
        let node: Node = serde_json::from_value(split("s", "exclusive", broken)).unwrap();
        assert!(taken(&node, &Variables::default()).is_err());
    }

    /// Makes a valid sequence of what is drawn.
    fn grow(draw: &mut impl Iterator<Item = u8>, count: &mut u32, depth: u8, parallel: bool) -> Vec<Value> {
        let mut nodes = Vec::new();
        for _ in 0..draw.next().unwrap_or(0) % 4 {
            *count += 1;
            let code = format!("n{count}");
            let kind = draw.next().unwrap_or(0) % 10;
            nodes.push(match kind {
                0..=2 => approve(&code),
                3 => json!({ "code": code, "name": code, "kind": "handle", "assignees": [{ "kind": "initiator" }] }),
                4 => json!({ "code": code, "name": code, "kind": "copy", "assignees": [{ "kind": "initiator" }] }),
                5 => json!({ "code": code, "name": code, "kind": "delay", "minutes": 5 }),
                6 => json!({ "code": code, "name": code, "kind": "auto", "decision": "approve" }),
                _ if depth < 4 => {
                    let mode = ["exclusive", "parallel", "inclusive"][usize::from(kind - 7)];
                    let beside = parallel || mode != "exclusive";
                    let mut branches = Vec::new();
                    for place in 0..2 + draw.next().unwrap_or(0) % 2 {
                        *count += 1;
                        let code = format!("n{count}");
                        let least = (mode != "parallel" && place > 0).then(|| i64::from(draw.next().unwrap_or(0) % 5));
                        // The default goes on, so that what comes after the condition can be reached.
                        let mut inner = grow(draw, count, depth + 1, beside);
                        if place > 0 && draw.next().unwrap_or(0).is_multiple_of(4) {
                            *count += 1;
                            let code = format!("n{count}");
                            inner.push(if beside {
                                json!({ "code": code, "name": code, "kind": "auto", "decision": "reject" })
                            } else {
                                json!({ "code": code, "name": code, "kind": "end" })
                            });
                        }
                        branches.push(branch(&code, least, Value::Array(inner)));
                    }
                    split(&code, mode, Value::Array(branches))
                }
                _ => approve(&code),
            });
        }
        nodes
    }

    /// A valid graph.
    pub fn graphs() -> impl Strategy<Value = Graph> {
        proptest::collection::vec(any::<u8>(), 0..120).prop_map(|drawn| {
            let mut nodes = vec![json!({ "code": "start", "name": "start", "kind": "start" })];
            nodes.extend(grow(&mut drawn.into_iter(), &mut 0, 0, false));
            graph(Value::Array(nodes))
        })
    }

    #[derive(Debug, PartialEq)]
    enum Ended<'g> {
        Finished,
        Rejected,
        Branch(&'g str),
    }

    /// Goes on from a node, as a run does: by what comes next, and by the branches that are taken.
    fn go<'g>(graph: &'g Graph, from: &'g Node, form: &Variables, steps: &mut u32) -> Ended<'g> {
        let mut at = from;
        loop {
            *steps += 1;
            assert!(*steps < 10_000, "this does not end");
            if let NodeKind::Auto { decision: AutoDecision::Reject } = at.kind {
                return Ended::Rejected;
            }
            for branch in taken(at, form).unwrap() {
                let Some(first) = branch.nodes.first() else { continue };
                match go(graph, first, form, steps) {
                    Ended::Branch(back) => assert_eq!(back, at.code, "a branch comes back to where it split"),
                    over => return over,
                }
            }
            match next_after(graph, &at.code).expect("it is there") {
                Next::Node(next) => at = next,
                Next::BranchEnd { condition, .. } => return Ended::Branch(&condition.code),
                Next::Finished => return Ended::Finished,
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn what_can_be_published_comes_to_an_end(graph in graphs(), days in 0_i64..6) {
            let content = crate::workflow::validate::tests::content(&graph);
            let wrong = faults("x", &content, &Known::default());
            prop_assert!(wrong.iter().all(|fault| fault.code == "unreachable" || fault.code == "too_many"), "{wrong:?}");
            let form = variables(json!({ "days": days }));
            let ended = go(&graph, start(&graph).unwrap(), &form, &mut 0);
            prop_assert!(!matches!(ended, Ended::Branch(_)), "{ended:?}");
        }

        #[test]
        fn every_node_is_found_where_it_lies(graph in graphs()) {
            for node in all(&graph) {
                prop_assert_eq!(find(&graph, &node.code), Some(node));
                let path = path_to(&graph, &node.code).unwrap();
                for within in &path {
                    prop_assert!(branches(within.condition).contains(within.branch));
                }
                let inner = path.last().map_or(&graph.nodes, |within| &within.branch.nodes);
                prop_assert!(inner.contains(node));
                if let Some(Next::BranchEnd { condition, branch }) = next_after(&graph, &node.code) {
                    prop_assert_eq!(path.last(), Some(&Within { condition, branch }));
                }
            }
        }
    }
}
