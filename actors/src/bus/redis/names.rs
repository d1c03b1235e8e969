//! How channels are called in Redis: `PREFIX:nodes`, `PREFIX:node:ID`, `PREFIX:account:ID`, and a line's own
//! `PREFIX:canary:NODE:LINE`.

use super::super::Channel;
use crate::protocol::ids::{AccountId, NodeId};

/// Writes and reads the names of channels.
#[derive(Clone)]
pub(super) struct Names {
    prefix: String,
}

impl Names {
    pub fn new(prefix: &str) -> Self {
        Self { prefix: format!("{prefix}:") }
    }

    pub fn of(&self, channel: Channel) -> String {
        let prefix = &self.prefix;
        match channel {
            Channel::Nodes => format!("{prefix}nodes"),
            Channel::Node(id) => format!("{prefix}node:{id}"),
            Channel::Account(id) => format!("{prefix}account:{id}"),
        }
    }

    /// The channel of one line's canary.
    pub fn canary(&self, node: NodeId, line: u64) -> String {
        format!("{}canary:{node}:{line}", self.prefix)
    }

    /// Reads a name; `None`: it is a canary's, or none of ours.
    pub fn read(&self, name: &str) -> Option<Channel> {
        let name = name.strip_prefix(&self.prefix)?;
        match name.split_once(':') {
            None => (name == "nodes").then_some(Channel::Nodes),
            Some(("node", id)) => id.parse().ok().map(|id| Channel::Node(NodeId(id))),
            Some(("account", id)) => id.parse().ok().map(|id| Channel::Account(AccountId(id))),
            Some(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_reads_as_its_channel() {
        let names = Names::new("lg");
        for channel in [Channel::Nodes, Channel::Node(NodeId(-5)), Channel::Account(AccountId(7))] {
            assert_eq!(names.read(&names.of(channel)), Some(channel));
        }
        for foreign in ["lg:canary:1:2", "lg:node", "lg:account:x", "other:nodes", "lg:nodesx", ""] {
            assert_eq!(names.read(foreign), None, "{foreign}");
        }
    }
}
