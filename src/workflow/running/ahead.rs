//! What comes next, as the form is now.

use crate::workflow::graph::{Graph, Node, NodeKind};
use crate::workflow::variables::Variables;
use crate::workflow::walk::{self, Next};

/// Nodes that are looked ahead at most; a definition has fewer.
const AHEAD_MAX: usize = 500;

/// Lists the nodes that come after one.
pub fn ahead(graph: &Graph, variables: &Variables, from: &str) -> Vec<String> {
    let mut found = Vec::new();
    if !walk::find(graph, from).is_some_and(|node| matches!(node.kind, NodeKind::End)) {
        after(graph, variables, from, &mut found);
    }
    found
}

/// Lists the nodes that will be entered from the start, the first included.
pub fn all_ahead(graph: &Graph, variables: &Variables) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(first) = walk::start(graph) {
        enter(variables, first, &mut found);
        after(graph, variables, &first.code, &mut found);
    }
    found
}

fn after(graph: &Graph, variables: &Variables, from: &str, found: &mut Vec<String>) {
    let mut at = from.to_owned();
    loop {
        match walk::next_after(graph, &at) {
            Some(Next::Node(node)) => {
                if enter(variables, node, found) == Way::Ends {
                    return;
                }
                at.clone_from(&node.code);
            }
            // Behind a branch comes what follows the node that branched.
            Some(Next::BranchEnd { condition, .. }) => at.clone_from(&condition.code),
            Some(Next::Finished) | None => return,
        }
    }
}

#[derive(PartialEq)]
enum Way {
    GoesOn,
    Ends,
}

/// Notes a node and what its branches hold.
fn enter(variables: &Variables, node: &Node, found: &mut Vec<String>) -> Way {
    if found.len() >= AHEAD_MAX {
        return Way::Ends;
    }
    found.push(node.code.clone());
    for branch in walk::taken(node, variables).unwrap_or_default() {
        for inner in &branch.nodes {
            if enter(variables, inner, found) == Way::Ends {
                return Way::Ends;
            }
        }
    }
    if matches!(node.kind, NodeKind::End) { Way::Ends } else { Way::GoesOn }
}
