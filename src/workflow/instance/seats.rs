//! Who decides at a node, and what their decisions amount to.
//!
//! A *seat* is a task that the node's rules made (or that took the place of one). People who were added hang below the seat
//! of whoever added them: the threshold of the node does not change with them, a seat agrees once all of its own do.

use super::model::{Instance, Origin, Task, TaskState};
use crate::workflow::graph::{Mode, RejectRule, Work};

/// What a seat, or a task with those below it, amounts to so far.
pub fn verdict(state: &Instance, task: &Task) -> Option<bool> {
    let own = match task.state {
        TaskState::Approved | TaskState::Skipped => Some(true),
        TaskState::Rejected => Some(false),
        // Whether the system approved or rejected for want of a person is in the reason.
        TaskState::Expired => Some(task.reason != EXPIRED_REJECTED),
        _ => None,
    };
    if own == Some(false) {
        return Some(false);
    }
    let mut below = children(state, task).filter(|child| child.origin != Origin::Delegate);
    let mut all = true;
    if below.any(|child| {
        if let Some(agreed) = verdict(state, child) {
            !agreed
        } else {
            all = false;
            false
        }
    }) {
        return Some(false);
    }
    own.filter(|_| all)
}

/// The reason of a task that the system approved.
pub const EXPIRED_APPROVED: &str = "expired: approved";
/// The reason of a task that the system rejected.
pub const EXPIRED_REJECTED: &str = "expired: rejected";

/// The tasks that were added to a task and still count.
pub fn children<'a>(state: &'a Instance, task: &'a Task) -> impl Iterator<Item = &'a Task> {
    state
        .tasks
        .iter()
        .filter(|child| child.parent == Some(task.number))
        .filter(|child| !matches!(child.state, TaskState::Cancelled | TaskState::Transferred))
}

/// The seats of a run, in their turn.
pub fn seats(state: &Instance, run: i64) -> Vec<&Task> {
    let mut seats: Vec<&Task> = state
        .tasks_of(run)
        .filter(|task| task.parent.is_none())
        .filter(|task| !matches!(task.state, TaskState::Cancelled | TaskState::Transferred))
        .collect();
    seats.sort_by_key(|task| (task.place, task.number));
    seats
}

/// What the seats amount to: `None` while it is open.
pub fn outcome(work: &Work, verdicts: &[Option<bool>]) -> Option<bool> {
    let all = verdicts.len();
    let agreed = verdicts.iter().filter(|verdict| **verdict == Some(true)).count();
    let refused = verdicts.iter().filter(|verdict| **verdict == Some(false)).count();
    let veto = work.reject_rule == RejectRule::Veto && refused > 0;
    match work.mode {
        Mode::Any if veto => Some(false),
        Mode::Any if agreed > 0 => Some(true),
        Mode::Any => (refused == all).then_some(false),
        // All have to agree: the first refusal makes that impossible, whatever the rule.
        Mode::All | Mode::Sequential if refused > 0 => Some(false),
        Mode::All | Mode::Sequential => (agreed == all).then_some(true),
        // A vote counts; a veto would make it another mode.
        Mode::Vote { percent } => {
            let needed = (all * usize::from(percent)).div_ceil(100).max(1);
            if agreed >= needed { Some(true) } else { (all - refused < needed).then_some(false) }
        }
    }
}

/// Decides whose turn it is, and answers what the run amounts to.
pub fn settle(state: &mut Instance, run: i64, work: &Work) -> Option<bool> {
    let seats: Vec<(i64, Option<bool>)> =
        seats(state, run).into_iter().map(|task| (task.number, verdict(state, task))).collect();
    let verdicts: Vec<_> = seats.iter().map(|(_, verdict)| *verdict).collect();
    if let Some(decided) = outcome(work, &verdicts) {
        return Some(decided);
    }
    let mut may = true;
    for (seat, verdict) in seats {
        activate(state, seat, may);
        if work.mode == Mode::Sequential && verdict.is_none() {
            may = false;
        }
    }
    None
}

/// Gives a task its turn, if it may have one, and those below it theirs.
fn activate(state: &mut Instance, number: i64, may: bool) {
    let Some(task) = state.task(number) else { return };
    let open = task.state.is_open();
    let agreed = matches!(task.state, TaskState::Approved | TaskState::Skipped | TaskState::Expired);
    let below: Vec<(i64, Origin, bool)> = children(state, task)
        .map(|child| {
            let done = match child.origin {
                // Advice is given by a decision of any kind.
                Origin::Delegate => !child.state.is_open(),
                _ => verdict(state, child).is_some(),
            };
            (child.number, child.origin, done)
        })
        .collect();
    let blocked =
        below.iter().any(|(_, origin, done)| matches!(origin, Origin::Delegate | Origin::AddBefore) && !done);
    if open {
        let turn = if may && !blocked { TaskState::Pending } else { TaskState::Waiting };
        if let Some(task) = state.tasks.get_mut((number - 1) as usize) {
            task.state = turn;
        }
    }
    for (child, origin, _) in below {
        let may = if origin == Origin::AddAfter { may && agreed } else { may };
        activate(state, child, may);
    }
}
