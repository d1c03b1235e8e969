//! What nodes say to each other about tabs: `news.rs` (said to all), `questions.rs` (asked of some), and the clerk that
//! takes both in from others. A tab's id names its node, so that what concerns one tab is asked of one node.
//!
//! Nothing here decides who may do what, and nothing rests on an answer: a node that says nothing is named.

mod clerk;
pub mod news;
pub mod questions;
pub mod tasks;

pub use clerk::{Clerk, DOORBELLS, Desk, Filled, Rung};

use livegrant_actors::{ConnectionId, NodeId};

/// Length of the guid that a connection's id begins with.
const GUID: usize = 36;

/// Makes the id of a tab on a node.
pub fn connection_id(guid: &str, node: NodeId) -> ConnectionId {
    ConnectionId::from(format!("{guid}-{:x}", node.0))
}

/// Answers the node that an id names; `None`: it is none of ours.
pub fn node_of(connection: &ConnectionId) -> Option<NodeId> {
    let node = connection.as_str().get(GUID..)?.strip_prefix('-')?;
    i64::from_str_radix(node, 16).ok().filter(|node| *node >= 0).map(NodeId)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_names_its_node() {
        let node = NodeId((1 << 53) - 1);
        let id = connection_id(&crate::clock::guid(), node);
        assert_eq!(node_of(&id), Some(node));
        for other in ["", "x", "-", &crate::clock::guid(), &format!("{}-xyz", crate::clock::guid())] {
            assert_eq!(node_of(&ConnectionId::from(other)), None, "{other}");
        }
    }
}
