//! Ways back: sending an instance back, and taking one's own decision back.
//!
//! Going back gives everything up that is open and enters the node anew with all of its people. Nothing goes into, out of
//! or over the inside of a part whose branches run at the same time: what its other branches are worth then, nobody could
//! say.

use super::event::{Fault, Target};
use super::model::{Instance, Origin, Run, RunState, Status, Task, TaskState};
use super::seats::children;
use super::step::{Machine, NODE_DECIDED};
use crate::workflow::graph::{Graph, Mode, NodeKind};
use crate::workflow::walk;
use livegrant_actors::AccountId;

/// Answers whether an instance may go back from a node to another one.
pub fn returnable(graph: &Graph, state: &Instance, from: &str, to: &str) -> bool {
    from != to
        && !walk::is_inside_parallel(graph, from)
        && !walk::is_inside_parallel(graph, to)
        && state.runs.iter().any(|run| run.node == to && was_decided(graph, state, run))
        && is_on_the_way(graph, state, from, to)
}

/// Answers the node that people decided last before this one, if it may go back there.
pub fn previous<'a>(graph: &Graph, state: &'a Instance, from: &str) -> Option<&'a str> {
    let before = state.runs.iter().rev().filter(|run| was_decided(graph, state, run));
    before.map(|run| run.node.as_str()).find(|code| returnable(graph, state, from, code))
}

/// The node is written before the other one, and each branch around it is the one that was taken last.
fn is_on_the_way(graph: &Graph, state: &Instance, from: &str, to: &str) -> bool {
    let place = |code: &str| walk::all(graph).iter().position(|node| node.code == code);
    let (Some(there), Some(here)) = (place(to), place(from)) else { return false };
    let around = walk::path_to(graph, to).unwrap_or_default();
    let taken = |within: &walk::Within<'_>| {
        let last = state.runs.iter().rev().find(|run| run.node == within.condition.code);
        last.is_some_and(|run| run.branches.iter().any(|fork| fork.code == within.branch.code))
    };
    there < here && around.iter().all(taken)
}

fn was_decided(graph: &Graph, state: &Instance, run: &Run) -> bool {
    let people = walk::find(graph, &run.node)
        .is_some_and(|node| matches!(node.kind, NodeKind::Approve(_) | NodeKind::Handle(_)));
    people && run.state == RunState::Done && run.revision == state.revision
}

impl Machine<'_> {
    pub(super) fn returned(&mut self, number: i64, by: AccountId, to: &Target) -> Result<(), Fault> {
        let (task, node) = self.pending(number)?;
        if task.origin == Origin::Delegate {
            return Err(Fault::OnlyAdvice(number));
        }
        if walk::is_inside_parallel(self.graph, &node.code) {
            return Err(Fault::NotReturnable);
        }
        if let Target::Node(code) = to
            && !returnable(self.graph, &self.state, &node.code, code)
        {
            return Err(Fault::NotReturnable);
        }
        let task = self.task_mut(number)?;
        task.state = TaskState::Returned;
        task.decided_by = Some(by);
        self.state.round += 1;
        self.state.chose.clear();
        match to {
            Target::Start => {
                self.end(Status::Returned, "returned");
                self.state.resume = Some(node.code.clone());
                Ok(())
            }
            Target::Node(code) => {
                self.close_all("returned");
                self.enter(code)
            }
        }
    }

    /// An approver takes his decision back, while nobody and nothing has acted on it.
    pub(super) fn taken_back(&mut self, number: i64) -> Result<(), Fault> {
        let task = self.state.task(number).ok_or(Fault::NoTask(number))?.clone();
        if task.state != TaskState::Approved {
            return Err(Fault::NotOpen(number));
        }
        let run = self.state.run(task.run).ok_or(Fault::NotWaiting(task.run))?.clone();
        self.untouched_here(&task)?;
        match run.state {
            RunState::Open => {}
            RunState::Done => self.reopen(&run)?,
            _ => return Err(Fault::TooLate),
        }
        let task = self.task_mut(number)?;
        task.state = TaskState::Waiting;
        task.decided_by = None;
        self.state.chose.clear();
        self.settle(run.number)
    }

    /// Nobody of the same node has acted after it.
    fn untouched_here(&self, task: &Task) -> Result<(), Fault> {
        let acted = |other: &Task| !other.state.is_open() && other.decided_by.is_some();
        // In a row, those behind it have been asked because of it; whoever was added stands where those stand who added him.
        let behind = |other: &Task| other.place > task.place && acted(other);
        let run = self.state.run(task.run).ok_or(Fault::NotWaiting(task.run))?;
        let in_a_row = matches!(
            &self.node(&run.node)?.kind,
            NodeKind::Approve(work) | NodeKind::Handle(work) if work.mode == Mode::Sequential
        );
        // Whoever waited for it, as it was asked for before his own decision, or for somebody who did.
        let mut below = task;
        let mut above_acted = false;
        while let Some(above) = below.parent.and_then(|parent| self.state.task(parent)) {
            let waits = matches!(below.origin, Origin::Delegate | Origin::AddBefore);
            above_acted |= waits && acted(above);
            below = above;
        }
        let after = children(&self.state, task).filter(|child| child.origin == Origin::AddAfter);
        let mut after: Vec<&Task> = after.collect();
        while let Some(next) = after.pop() {
            if acted(next) {
                return Err(Fault::TooLate);
            }
            after.extend(children(&self.state, next));
        }
        if above_acted || (in_a_row && self.state.tasks_of(task.run).any(behind)) {
            return Err(Fault::TooLate);
        }
        Ok(())
    }

    /// Opens a run again, and gives up what came after it.
    fn reopen(&mut self, run: &Run) -> Result<(), Fault> {
        if walk::is_inside_parallel(self.graph, &run.node) || run.round != self.state.round {
            return Err(Fault::TooLate);
        }
        for later in self.state.runs.iter().filter(|later| later.number > run.number) {
            let untouched = match self.node(&later.node)?.kind {
                NodeKind::Approve(_) | NodeKind::Handle(_) => {
                    later.state == RunState::Open
                        && self.state.tasks_of(later.number).all(|task| task.state.is_open())
                }
                NodeKind::Delay { .. } => later.state == RunState::Open,
                NodeKind::Trigger { .. } | NodeKind::Subprocess { .. } | NodeKind::End => false,
                NodeKind::Start { .. }
                | NodeKind::Copy { .. }
                | NodeKind::Condition { .. }
                | NodeKind::Auto { .. } => true,
            };
            if !untouched {
                return Err(Fault::TooLate);
            }
        }
        let later = |number: i64| number > run.number;
        self.give_up("taken back", |task| later(task.run));
        for run in self.state.runs.iter_mut().filter(|run| later(run.number)) {
            run.state = RunState::Cancelled;
        }
        self.run_mut(run.number)?.state = RunState::Open;
        let again = |task: &&mut Task| {
            task.run == run.number && task.state == TaskState::Cancelled && task.reason == NODE_DECIDED
        };
        for task in self.state.tasks.iter_mut().filter(again) {
            task.state = TaskState::Waiting;
            task.reason.clear();
        }
        Ok(())
    }
}
