//! A version as the audit log compares it (FC5): each setting, each field of the form and each node by itself, so that what
//! was changed can be read, and a long graph does not hide it.

use super::model::Definition;
use crate::workflow::graph::{Branch, Graph, Node, NodeKind};
use crate::workflow::walk;
use serde_json::{Map, Value, json};

/// Entries of one version at most: twice the nodes that can be published (`validate::NODES_MAX`), and room for the rest. Of
/// a draft that holds more the log compares the first.
const ENTRIES_MAX: usize = 500;

/// Answers what a version says, piece by piece.
pub fn audited(of: &Definition) -> Map<String, Value> {
    let mut pieces = Map::new();
    let plain = json!({
        "number": of.number,
        "status": of.status,
        "name": of.name,
        "category": of.category,
        "starters": of.starters,
        "managers": of.managers,
    });
    extend(&mut pieces, "", &plain);
    extend(&mut pieces, "settings.", &json!(of.settings));
    for field in &of.form.fields {
        pieces.insert(format!("form.{}", field.code), json!(field));
    }
    pieces.insert("nodes".to_owned(), order(&of.graph));
    for node in walk::all(&of.graph) {
        pieces.insert(format!("nodes.{}", node.code), json!(bare(node)));
    }
    pieces.into_iter().take(ENTRIES_MAX).collect()
}

fn extend(pieces: &mut Map<String, Value>, before: &str, fields: &Value) {
    for (name, value) in fields.as_object().into_iter().flatten() {
        pieces.insert(format!("{before}{name}"), value.clone());
    }
}

/// The codes in the order in which they are written.
fn order(graph: &Graph) -> Value {
    walk::all(graph).iter().map(|node| node.code.as_str()).collect()
}

/// A node without what its branches hold: those nodes stand by themselves.
fn bare(node: &Node) -> Node {
    let kind = match &node.kind {
        NodeKind::Condition { mode, branches } => NodeKind::Condition {
            mode: *mode,
            branches: branches
                .iter()
                .map(|branch| Branch {
                    code: branch.code.clone(),
                    name: branch.name.clone(),
                    when: branch.when.clone(),
                    nodes: Vec::new(),
                })
                .collect(),
        },
        other => other.clone(),
    };
    Node { code: node.code.clone(), name: node.name.clone(), kind }
}
