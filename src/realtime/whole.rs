//! One receipt out of every node's: a change is *enforced* when each node that lives has applied it, or can no longer act
//! on what was before (its lease is over, I7); *delivered* when all tabs on all nodes have said so.
//!
//! That a node which says nothing counts as enforced rests on its own lease: after `policy.lease_ms` without proof that it
//! has read the log to its end it refuses guarded requests, and a node that has read it to its end applies the change.

use super::nodes::questions::Everywhere;
use crate::clock::iso;
use crate::cluster::members::Members;
use livegrant_actors::{AccountId, AccountReceipt, NodeId, Receipt, Rev};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// How far a change has come on a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NodeProgress {
    /// Not known to have applied it.
    Pending,
    /// Every check there sees it.
    Enforced,
    /// It says nothing, and refuses guarded requests until it has applied it.
    LeaseOver,
}

/// What a node did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct NodeReceiptOut {
    /// Its name.
    pub node: String,
    /// How far it is.
    pub state: NodeProgress,
    /// Since when its tabs are being told, ISO 8601; null when it has not said so.
    pub enforced_at: Option<String>,
}

/// A change's receipt over all nodes.
#[derive(Debug)]
pub struct Whole {
    /// All lines together. `applied_at` is the last node's; `settled` only when all nodes have answered and are.
    pub receipt: Receipt,
    /// Each node.
    pub nodes: Vec<NodeReceiptOut>,
}

impl Whole {
    /// Tells whether a node is still to be heard of.
    pub fn is_pending(&self) -> bool {
        self.nodes.iter().any(|node| node.state != NodeProgress::Enforced)
    }
}

/// Puts the nodes' receipts together; `None` when none of them has one. `is_over` tells whether so much time has passed
/// since the commit that a node which has not applied it refuses.
pub fn merge(
    members: &Members,
    rev: Rev,
    is_over: bool,
    everywhere: Everywhere<Option<Receipt>>,
) -> Option<Whole> {
    let Everywhere { parts, silent } = everywhere;
    let accepted_at =
        parts.iter().filter_map(|(_, part)| part.as_ref()).map(|part| part.accepted_at).min()?;
    let mut whole =
        Receipt { rev, accepted_at, applied_at: None, settled: true, waiting: 0, accounts: Vec::new() };
    let known = members.all();
    // Applied before it could open a receipt, or so long ago that it was dropped.
    let has_applied = |node: NodeId| known.iter().any(|row| row.node == node && row.applied >= rev);
    let began_later = |node: NodeId| {
        known.iter().any(|row| row.node == node && row.started_at > accepted_at && row.applied >= rev)
    };
    let progress = |node: NodeId, applied_at: Option<i64>| match applied_at {
        Some(_) => NodeProgress::Enforced,
        None if has_applied(node) => NodeProgress::Enforced,
        None if is_over => NodeProgress::LeaseOver,
        None => NodeProgress::Pending,
    };
    let mut lines: BTreeMap<AccountId, AccountReceipt> = BTreeMap::new();
    let mut nodes = Vec::new();
    for (node, part) in parts {
        let applied_at = part.as_ref().and_then(|part| part.applied_at);
        let state = progress(node, applied_at);
        nodes.push(NodeReceiptOut { node: members.name_of(node), state, enforced_at: applied_at.map(iso) });
        whole.applied_at = whole.applied_at.max(applied_at);
        match part {
            Some(part) => {
                whole.settled &= part.settled;
                whole.waiting += part.waiting;
                part.accounts.into_iter().for_each(|line| add(&mut lines, line));
            }
            // One that began later loaded it; of any other it is not known which tabs were told.
            None => whole.settled &= began_later(node),
        }
    }
    for node in silent {
        whole.settled = false;
        nodes.push(NodeReceiptOut {
            node: members.name_of(node),
            state: progress(node, None),
            enforced_at: None,
        });
    }
    if nodes.iter().any(|node| node.state == NodeProgress::Pending) {
        whole.applied_at = None;
    }
    whole.accounts = lines.into_values().collect();
    Some(Whole { receipt: whole, nodes })
}

fn add(lines: &mut BTreeMap<AccountId, AccountReceipt>, line: AccountReceipt) {
    match lines.get_mut(&line.account) {
        Some(sum) => {
            sum.tabs_sent += line.tabs_sent;
            sum.tabs_acked += line.tabs_acked;
            sum.tabs_gone += line.tabs_gone;
            sum.slowest_ms = sum.slowest_ms.max(line.slowest_ms);
        }
        None => drop(lines.insert(line.account, line)),
    }
}

#[cfg(test)]
mod tests {
    use super::NodeProgress::{Enforced, LeaseOver, Pending};
    use super::*;
    use crate::settings;

    fn members() -> Members {
        Members::new(NodeId(1), &settings::Cluster { name: "one".to_owned(), ..Default::default() }, "")
    }

    fn part(applied_at: Option<i64>, accounts: &[(i64, u32, u32)]) -> Receipt {
        let line = |&(account, tabs_sent, tabs_acked): &(i64, u32, u32)| AccountReceipt {
            account: AccountId(account),
            tabs_sent,
            tabs_acked,
            tabs_gone: 0,
            slowest_ms: (tabs_acked > 0).then_some(i64::from(tabs_acked)),
        };
        let accounts = accounts.iter().map(line).collect();
        Receipt { rev: Rev(5), accepted_at: 100, applied_at, settled: true, waiting: 0, accounts }
    }

    fn merged(parts: Vec<Option<Receipt>>, silent: &[i64], is_over: bool) -> Option<Whole> {
        let parts =
            parts.into_iter().enumerate().map(|(index, part)| (NodeId(index as i64 + 1), part)).collect();
        let silent = silent.iter().copied().map(NodeId).collect();
        merge(&members(), Rev(5), is_over, Everywhere { parts, silent })
    }

    #[test]
    fn lines_of_one_account_are_added_up() {
        let parts = vec![Some(part(Some(101), &[(7, 2, 2), (8, 1, 0)])), Some(part(Some(109), &[(7, 3, 1)]))];
        let whole = merged(parts, &[], false).unwrap();
        assert_eq!((whole.receipt.applied_at, whole.receipt.settled), (Some(109), true));
        let lines: Vec<_> = whole
            .receipt
            .accounts
            .iter()
            .map(|l| (l.account.0, l.tabs_sent, l.tabs_acked, l.slowest_ms))
            .collect();
        assert_eq!(lines, [(7, 5, 3, Some(2)), (8, 1, 0, None)]);
        assert!(!whole.is_pending());
    }

    #[test]
    fn it_is_not_enforced_while_a_node_may_still_act_on_what_was() {
        let parts = || vec![Some(part(Some(101), &[])), None];
        let whole = merged(parts(), &[3], false).unwrap();
        let states: Vec<_> = whole.nodes.iter().map(|node| (node.node.as_str(), node.state)).collect();
        assert_eq!(states, [("one", Enforced), ("2", Pending), ("3", Pending)]);
        assert_eq!((whole.receipt.applied_at, whole.receipt.settled), (None, false));
        let whole = merged(parts(), &[3], true).unwrap();
        let states: Vec<_> = whole.nodes.iter().map(|node| node.state).collect();
        assert_eq!(states, [Enforced, LeaseOver, LeaseOver]);
        assert_eq!(whole.receipt.applied_at, Some(101), "nobody acts on what was before");
        assert!(!whole.receipt.settled && whole.is_pending(), "their tabs have not been heard of");
    }

    #[test]
    fn without_any_receipt_there_is_none() {
        assert!(merged(vec![None, None], &[], true).is_none());
    }
}
