//! Changes that wait to be told together (S3-92, S3-95).
//!
//! Latest wins: the frame that is told at last compares what the tab has with what then holds, so only
//! the changes' names are kept, and the words of the last one.

use std::sync::Arc;

use crate::change::Change;
use crate::protocol::envelope::Operator;
use crate::protocol::ids::Rev;

/// Changes remembered for their receipts. 256: what the receipts themselves keep.
const CHANGES_MAX: usize = 256;

pub(crate) struct Merged {
    pub changes: Vec<Rev>,
    pub reason: Arc<str>,
    pub operator: Option<Operator>,
    pub always: bool,
}

impl Merged {
    pub fn new(change: &Change, always: bool) -> Self {
        let (reason, operator) = (Arc::clone(&change.reason), change.operator.clone());
        Self { changes: vec![change.rev], reason, operator, always }
    }

    /// Adds a change: its words stand for all, and one that tells everything makes all do. Gives the one that is no
    /// longer remembered.
    pub fn add(&mut self, change: &Change, always: bool) -> Option<Rev> {
        let forgotten = (self.changes.len() >= CHANGES_MAX).then(|| self.changes.remove(0));
        self.changes.push(change.rev);
        self.reason = Arc::clone(&change.reason);
        self.operator.clone_from(&change.operator);
        self.always |= always;
        forgotten
    }
}
