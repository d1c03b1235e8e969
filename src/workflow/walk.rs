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
