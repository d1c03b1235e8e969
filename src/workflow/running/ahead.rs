//! What comes next, as the form is now.

use crate::workflow::graph::{AutoDecision, Graph, Node, NodeKind};
use crate::workflow::instance::{Instance, Run, RunState};
use crate::workflow::variables::Variables;
use crate::workflow::walk::{self, Next};
use std::collections::BTreeSet;

/// Nodes that are looked ahead at most; a definition has fewer.
const AHEAD_MAX: usize = 500;

/// Lists the nodes that come after one.
pub fn ahead(graph: &Graph, variables: &Variables, from: &str) -> Vec<String> {
    let mut look = Look { variables, stood: None, found: Vec::new() };
    if !walk::find(graph, from).is_some_and(ends) {
        look.after(graph, from);
    }
    look.found
}

/// Lists the nodes that will be entered from the start, the first included.
pub fn all_ahead(graph: &Graph, variables: &Variables) -> Vec<String> {
    Look { variables, stood: None, found: Vec::new() }.whole(graph)
}

/// Lists the nodes of the whole way of an instance, those that lie behind it included: where the way divided it is the one
/// that was taken, from here on as the form is now.
pub fn way(graph: &Graph, state: &Instance) -> Vec<String> {
    let variables = Variables { form: state.form.clone(), initiator: state.facts.clone() };
    Look { variables: &variables, stood: Some(Stood { graph, state }), found: Vec::new() }.whole(graph)
}

fn ends(node: &Node) -> bool {
    matches!(node.kind, NodeKind::End | NodeKind::Auto { decision: AutoDecision::Reject })
}

#[derive(PartialEq)]
enum Way {
    GoesOn,
    Ends,
}

struct Look<'a> {
    variables: &'a Variables,
    stood: Option<Stood<'a>>,
    found: Vec<String>,
}

impl Look<'_> {
    fn whole(mut self, graph: &Graph) -> Vec<String> {
        if let Some(first) = walk::start(graph) {
            self.enter(first);
            self.after(graph, &first.code);
        }
        self.found
    }

    fn after(&mut self, graph: &Graph, from: &str) {
        let mut at = from.to_owned();
        loop {
            match walk::next_after(graph, &at) {
                Some(Next::Node(node)) => {
                    if self.enter(node) == Way::Ends {
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

    /// Notes a node and what its branches hold.
    fn enter(&mut self, node: &Node) -> Way {
        if self.found.len() >= AHEAD_MAX {
            return Way::Ends;
        }
        self.found.push(node.code.clone());
        let stood = self.stood.as_ref().and_then(|stood| stood.branches(node));
        let taken = walk::taken(node, self.variables).unwrap_or_default();
        let taken = walk::branches(node).iter().filter(|branch| match &stood {
            Some(codes) => codes.contains(branch.code.as_str()),
            None => taken.iter().any(|other| other.code == branch.code),
        });
        // One branch that ends it does not keep the others beside it from being entered.
        let mut way = if ends(node) { Way::Ends } else { Way::GoesOn };
        for branch in taken {
            if branch.nodes.iter().any(|inner| self.enter(inner) == Way::Ends) {
                way = Way::Ends;
            }
        }
        way
    }
}

/// Where the way of an instance has divided so far.
struct Stood<'a> {
    graph: &'a Graph,
    state: &'a Instance,
}

impl<'a> Stood<'a> {
    /// The branches that were taken where an instance has divided; `None`: it has not come there since it last began anew.
    fn branches(&self, node: &Node) -> Option<BTreeSet<&'a str>> {
        let state = self.state;
        let last = state.runs.iter().rev().find(|run| run.node == node.code && !run.branches.is_empty())?;
        self.stands(last).then(|| last.branches.iter().map(|fork| fork.code.as_str()).collect())
    }

    /// What was taken in this round stands unless it was given up; of an earlier round stands what is written before the
    /// node that this one began with.
    fn stands(&self, run: &Run) -> bool {
        let state = self.state;
        if run.round == state.round {
            return run.state != RunState::Cancelled;
        }
        let place = |code: &str| walk::all(self.graph).iter().position(|node| node.code == code);
        let began = state.runs.iter().find(|run| run.round == state.round);
        began.is_some_and(|began| place(&run.node) < place(&began.node))
    }
}
