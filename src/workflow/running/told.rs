//! Who is to be told what, from the difference between two states of an instance. Pure, so that the model check can hold it
//! against what is so.
//!
//! Invariants (FW33): whoever is told of a task has it, now; the initiator and those who are informed hear of the end once,
//! when it is the end; a step says which of how many; whose list of open tasks changed is told; nobody is told the same
//! thing twice. Who asked for advice and who gave it is between the two.

use super::ahead::way;
use crate::workflow::graph::{Graph, NodeKind};
use crate::workflow::instance::{Instance, Origin, Status, Task, TaskState};
use crate::workflow::walk;
use livegrant_actors::AccountId;
use std::collections::BTreeSet;

/// Something that people are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// Somebody's turn has come (E17).
    Task {
        /// Who has to act.
        to: AccountId,
        /// On what.
        task: i64,
    },
    /// People are informed from now on (FW16). Of the end they are told with everybody.
    Copied {
        /// Who.
        to: Vec<AccountId>,
    },
    /// The initiator hears of a decision that did not end it (FW33).
    Step {
        /// The task that was decided.
        task: i64,
        /// Where it stands on the way: the run that was decided, or the one that it was sent back to.
        run: i64,
        /// Which step that is, from 1.
        step: usize,
        /// Of how many.
        of: usize,
    },
    /// The end, or the way back to the initiator (E19).
    End {
        /// Each once.
        to: Vec<AccountId>,
    },
    /// Lists of open tasks, and of what one started or is informed of, have changed (E18).
    Lists {
        /// Each once.
        to: Vec<AccountId>,
    },
}

/// Who is informed of an instance.
#[derive(Debug, Clone, Copy)]
pub struct Informed<'a> {
    /// Since this change.
    pub new: &'a [AccountId],
    /// All of them.
    pub all: &'a [AccountId],
}

/// Answers whether an instance has come to an end, or back to its initiator.
pub fn ends(before: &Instance, after: &Instance) -> bool {
    after.status != before.status && after.status != Status::Running
}

/// Answers who is to be told what.
pub fn told(graph: &Graph, before: &Instance, after: &Instance, informed: Informed<'_>) -> Vec<Told> {
    let starting = after.tasks.iter().filter(|task| starts(before, task));
    let mut all: Vec<Told> =
        starting.map(|task| Told::Task { to: task.assignee, task: task.number }).collect();
    let ends = ends(before, after);
    if !ends && !informed.new.is_empty() {
        all.push(Told::Copied { to: informed.new.to_vec() });
    }
    if after.status == Status::Running && before.revision > 0 {
        all.extend(after.tasks.iter().filter(|task| decided(before, task)).map(|task| {
            let run = if task.state == TaskState::Returned { last(graph, after) } else { task.run };
            let (step, of) = place(graph, after, run);
            Told::Step { task: task.number, run, step, of }
        }));
    }
    if ends {
        let mut to: BTreeSet<AccountId> = informed.all.iter().copied().collect();
        to.insert(after.initiator);
        to.extend(after.tasks.iter().filter(|task| loses(before, task)).map(|task| task.assignee));
        all.push(Told::End { to: to.into_iter().collect() });
    }
    let mut lists: BTreeSet<AccountId> =
        after.tasks.iter().filter(|task| moves(before, task)).map(|task| task.assignee).collect();
    lists.insert(after.initiator);
    lists.extend(informed.new);
    all.push(Told::Lists { to: lists.into_iter().collect() });
    all
}

/// A task that has come into a list of open ones, or left it.
pub fn moves(before: &Instance, task: &Task) -> bool {
    let was = was(before, task);
    was != Some(task.state) && (task.state == TaskState::Pending || was == Some(TaskState::Pending))
}

fn was(before: &Instance, task: &Task) -> Option<TaskState> {
    before.task(task.number).map(|task| task.state)
}

/// A task whose turn has come.
fn starts(before: &Instance, task: &Task) -> bool {
    task.state == TaskState::Pending && was(before, task) != Some(TaskState::Pending)
}

/// A task that was decided; advice is between two people.
fn decided(before: &Instance, task: &Task) -> bool {
    use TaskState::{Approved, Expired, Rejected, Returned};
    matches!(task.state, Approved | Rejected | Expired | Returned)
        && task.origin != Origin::Delegate
        && was(before, task) != Some(task.state)
}

/// A task that somebody has no more, without having decided it.
fn loses(before: &Instance, task: &Task) -> bool {
    task.state == TaskState::Cancelled && was(before, task) == Some(TaskState::Pending)
}

/// Which step a run is of how many, as the form is now.
fn place(graph: &Graph, state: &Instance, run: i64) -> (usize, usize) {
    let way: Vec<String> = way(graph, state).into_iter().filter(|code| has_people(graph, code)).collect();
    let here = state.run(run).and_then(|run| way.iter().position(|code| *code == run.node));
    // A node that is not on the way was left by a change of the form: what is decided is a step all the same.
    (here.map_or(1, |place| place + 1), way.len().max(1))
}

/// The node with people that was entered last.
fn last(graph: &Graph, state: &Instance) -> i64 {
    let entered = state.runs.iter().rev().find(|run| has_people(graph, &run.node));
    entered.map_or(1, |run| run.number)
}

fn has_people(graph: &Graph, code: &str) -> bool {
    walk::find(graph, code)
        .is_some_and(|node| matches!(node.kind, NodeKind::Approve(_) | NodeKind::Handle(_)))
}
