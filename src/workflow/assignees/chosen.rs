//! Whom the initiator chose (`initiator_chooses`): read from guids, and checked against what the definition asks for. The
//! one place for the preview, the start and the handing in again.

use crate::db::Conn;
use crate::hr::reporting;
use crate::refusal::Refusal;
use crate::workflow::graph::{AssigneeRule, Graph, Node, NodeKind};
use crate::workflow::running::all_ahead;
use crate::workflow::variables::Variables;
use crate::workflow::walk;
use livegrant_actors::{AccountId, CompanyId};
use std::collections::BTreeMap;

/// Nodes for which the initiator chooses people at most, and people of each: what a form can show.
const CHOSEN_MAX: usize = 50;

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
/// `chosen.NODE`. Too few are no fault here: a preview is asked for before all are chosen.
pub async fn read(
    conn: &mut Conn,
    company: CompanyId,
    graph: &Graph,
    given: &BTreeMap<String, Vec<String>>,
) -> Result<BTreeMap<String, Vec<AccountId>>, Refusal> {
    if given.len() > CHOSEN_MAX {
        return Err(Refusal::invalid("chosen", "too_many", format!("at most {CHOSEN_MAX} nodes")));
    }
    let mut chosen = BTreeMap::new();
    for (code, guids) in given {
        let shown: String = code.chars().take(64).collect();
        let field = format!("chosen.{shown}");
        let Some(choice) = walk::find(graph, code).and_then(choice_of) else {
            return Err(Refusal::invalid(field, "invalid", "nobody is chosen at this node"));
        };
        let most = choice.max.min(CHOSEN_MAX);
        if guids.len() > most {
            return Err(Refusal::invalid(field, "too_many", format!("at most {most} people")));
        }
        let accounts = super::each_once(reporting::accounts_named(conn, company, guids).await?);
        if accounts.len() < guids.len() {
            let detail = "names somebody twice, or somebody who is not there or cannot act now";
            return Err(Refusal::invalid(field, "unknown_account", detail));
        }
        chosen.insert(code.clone(), accounts);
    }
    Ok(chosen)
}

/// Checks that enough people were chosen for every node that will be entered, as the form is now.
///
/// # Errors
/// `required` for the first node with too few; the field is `chosen.NODE`.
pub fn check_enough(
    graph: &Graph,
    variables: &Variables,
    chosen: &BTreeMap<String, Vec<AccountId>>,
) -> Result<(), Refusal> {
    for code in all_ahead(graph, variables) {
        let Some(choice) = walk::find(graph, &code).and_then(choice_of) else { continue };
        if chosen.get(&code).map_or(0, Vec::len) < choice.min {
            let detail = format!("choose at least {}", choice.min);
            return Err(Refusal::invalid(format!("chosen.{code}"), "required", detail));
        }
    }
    Ok(())
}
