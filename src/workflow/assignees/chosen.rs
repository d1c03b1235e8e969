//! Whom the initiator chose (`initiator_chooses`): read from guids, and checked against what the definition asks for.

use crate::db::Conn;
use crate::hr::reporting;
use crate::refusal::Refusal;
use crate::workflow::graph::{AssigneeRule, Graph, Node, NodeKind};
use crate::workflow::walk;
use livegrant_actors::{AccountId, CompanyId};
use std::collections::BTreeMap;

/// How many people the initiator has to choose for a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// At least.
    pub min: usize,
    /// At most.
    pub max: usize,
}

/// Answers what the initiator has to choose for a node; `None`: nothing.
pub fn choice_of(node: &Node) -> Option<Choice> {
    let rules = match &node.kind {
        NodeKind::Approve(work) | NodeKind::Handle(work) => &work.assignees,
        NodeKind::Copy { assignees } => assignees,
        _ => return None,
    };
    rules.iter().find_map(|rule| match rule {
        AssigneeRule::InitiatorChooses { min, max } => {
            Some(Choice { min: *min as usize, max: *max as usize })
        }
        _ => None,
    })
}

/// Reads whom the initiator chose, by node: account or staff guids.
///
/// # Errors
/// A node at which nobody is chosen, too many people, somebody who is not there or cannot act; the field is
/// `chosen.NODE`. Too few are no fault: whoever asks has to choose still.
pub async fn read(
    conn: &mut Conn,
    company: CompanyId,
    graph: &Graph,
    given: &BTreeMap<String, Vec<String>>,
) -> Result<BTreeMap<String, Vec<AccountId>>, Refusal> {
    let mut chosen = BTreeMap::new();
    for (code, guids) in given {
        let shown: String = code.chars().take(64).collect();
        let field = format!("chosen.{shown}");
        let Some(choice) = walk::find(graph, code).and_then(choice_of) else {
            return Err(Refusal::invalid(field, "invalid", "nobody is chosen at this node"));
        };
        if guids.len() > choice.max {
            return Err(Refusal::invalid(field, "too_many", format!("at most {} people", choice.max)));
        }
        let accounts = super::each_once(reporting::accounts_named(conn, company, guids).await?);
        if accounts.len() < guids.len() {
            return Err(Refusal::invalid(
                field,
                "unknown_account",
                "somebody is not there, away, or named twice",
            ));
        }
        chosen.insert(code.clone(), accounts);
    }
    Ok(chosen)
}
