//! What a state is called when a tab comes from another node (I9). A state's revision is the one at which a node saw the
//! set change, and a node that nobody of the account was on has not seen it change and change back: to it the set of long ago
//! and the one of now are one. A tab that saw what lay between must not be told the older name: its revisions never go back.

use super::member::Member;
use super::table::lock;
use super::{PolicyTable, View};
use livegrant_actors::Position;
use std::sync::Arc;

impl PolicyTable {
    /// Names the account's present state no older than what a client has seen of the same log, which this node has applied.
    pub fn name_after(&self, member: &Member, view: View, seen: &Position) {
        let applied = self.applied();
        let state = self.published(member, view);
        if *state.epoch != *seen.epoch || seen.rev <= state.rev || seen.rev > applied {
            return;
        }
        // The same set keeps the name that the client knows; another one is newer than it.
        let rev = if *state.hash == *seen.hash { seen.rev } else { applied };
        if let Some(state) = member.rename(view, &state, rev) {
            lock(&self.versions).insert(member.account, (state.rev, Arc::clone(&state.hash)));
        }
    }
}
