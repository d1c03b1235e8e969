//! One event on one state. What has to be found out leaves as an effect; nothing else leaves.

use super::event::{Effect, Event, Fault};
use super::model::{
    Fork, Instance, Origin, RUNS_MAX, Run, RunState, SYSTEM, Seat, Status, TASKS_MAX, Task, TaskState,
};
use super::seats;
use crate::workflow::graph::{AutoDecision, Graph, Node, NodeKind, Work};
use crate::workflow::variables::Variables;
use crate::workflow::walk::{self, Next};
use livegrant_actors::AccountId;

/// Why a task was given up: its node was decided by others.
pub const NODE_DECIDED: &str = "node already decided";

/// Answers the state after an event, and what the world has to do.
///
/// # Errors
/// A [`Fault`] when the event does not fit the state; nothing has happened then.
pub fn step(graph: &Graph, state: &Instance, event: &Event) -> Result<(Instance, Vec<Effect>), Fault> {
    let mut machine = Machine { graph, state: state.clone(), effects: Vec::new() };
    machine.take(event)?;
    Ok((machine.state, machine.effects))
}

pub(super) struct Machine<'a> {
    pub graph: &'a Graph,
    pub state: Instance,
    pub effects: Vec<Effect>,
}

impl<'g> Machine<'g> {
    fn take(&mut self, event: &Event) -> Result<(), Fault> {
        if let Event::Resubmitted { form, facts, chosen, resume } = event {
            if self.state.status != Status::Returned {
                return Err(Fault::NotReturned);
            }
            self.state.form.clone_from(form);
            self.state.facts.clone_from(facts);
            self.state.chosen.clone_from(chosen);
            self.state.status = Status::Running;
            self.state.revision += 1;
            return match self.state.resume.take() {
                Some(node) if *resume => self.enter(&node),
                _ => self.begin(),
            };
        }
        if self.state.status != Status::Running
            && !(matches!(event, Event::Withdrawn | Event::Terminated)
                && self.state.status == Status::Returned)
        {
            return Err(Fault::NotRunning);
        }
        match event {
            Event::Started { initiator, form, facts, chosen } => {
                if !self.state.runs.is_empty() {
                    return Err(Fault::NotWaiting(1));
                }
                self.state.initiator = *initiator;
                self.state.form.clone_from(form);
                self.state.facts.clone_from(facts);
                self.state.chosen.clone_from(chosen);
                self.state.revision = 1;
                self.begin()
            }
            Event::Resubmitted { .. } => Err(Fault::NotReturned),
            Event::Found { run, seats } => self.found(*run, seats),
            Event::Ruled { run, approve, reason } => {
                let node = self.waits(*run, RunState::Asking)?;
                self.run_mut(*run)?.reason.clone_from(reason);
                self.conclude(*run, &node.code, *approve)
            }
            Event::Copied { run, .. } => {
                let node = self.waits(*run, RunState::Asking)?;
                self.conclude(*run, &node.code, true)
            }
            Event::Elapsed { run } => {
                let node = self.waits(*run, RunState::Open)?;
                self.conclude(*run, &node.code, true)
            }
            Event::ChildEnded { run, approved } => {
                let node = self.waits(*run, RunState::Open)?;
                self.conclude(*run, &node.code, *approved)
            }
            Event::ChildGone { run, status, reason } => {
                let node = self.waits(*run, RunState::Open)?;
                self.run_mut(*run)?.reason.clone_from(reason);
                match status {
                    Status::Withdrawn => self.end(*status, "withdrawn"),
                    Status::Cancelled => self.end(*status, "terminated"),
                    _ => return self.conclude(*run, &node.code, false),
                }
                Ok(())
            }
            Event::Decided { task, by, approve, chose, form } => {
                self.decided(*task, *by, *approve)?;
                let advice = self.state.task(*task).is_some_and(|task| task.origin == Origin::Delegate);
                if *approve && !advice && *by != SYSTEM {
                    self.state.chose.clone_from(chose);
                }
                for (field, value) in form {
                    self.state.form.insert(field.clone(), value.clone());
                }
                self.settle_task(*task)
            }
            Event::Returned { task, by, to } => self.returned(*task, *by, to),
            Event::Withdrawn => {
                self.end(Status::Withdrawn, "withdrawn");
                Ok(())
            }
            Event::Terminated => {
                self.end(Status::Cancelled, "terminated");
                Ok(())
            }
            Event::TakenBack { task } => self.taken_back(*task),
            Event::Moved { task, to, origin } => self.moved(*task, *to, *origin),
            Event::Delegated { task, to } => self.delegated(*task, *to),
            Event::Signed { task, people, position } => self.signed(*task, people, *position),
            Event::Unsigned { task } => self.unsigned(*task),
        }
    }

    fn begin(&mut self) -> Result<(), Fault> {
        let first = self.graph.nodes.first().ok_or_else(|| Fault::NoNode("start".to_owned()))?;
        let code = first.code.clone();
        self.enter(&code)
    }

    /// Enters a node.
    pub fn enter(&mut self, code: &str) -> Result<(), Fault> {
        if self.state.status != Status::Running {
            return Ok(());
        }
        if self.state.runs.len() >= RUNS_MAX {
            return Err(Fault::TooMany);
        }
        let node = self.node(code)?;
        let run = self.state.runs.len() as i64 + 1;
        self.state.runs.push(Run {
            number: run,
            node: code.to_owned(),
            revision: self.state.revision,
            round: self.state.round,
            state: RunState::Open,
            branches: Vec::new(),
            reason: String::new(),
        });
        match &node.kind {
            NodeKind::Start { .. } => self.conclude(run, code, true),
            NodeKind::Approve(_) | NodeKind::Handle(_) => {
                self.run_mut(run)?.state = RunState::Asking;
                self.effects.push(Effect::Ask { run });
                Ok(())
            }
            NodeKind::Copy { .. } => {
                self.run_mut(run)?.state = RunState::Asking;
                self.effects.push(Effect::Copy { run });
                Ok(())
            }
            NodeKind::Condition { .. } => self.divide(run, node),
            NodeKind::Auto { decision } => self.conclude(run, code, *decision == AutoDecision::Approve),
            NodeKind::Delay { minutes } => {
                self.effects.push(Effect::Wait { run, minutes: *minutes });
                Ok(())
            }
            NodeKind::Trigger { target } => {
                self.effects.push(Effect::Call { run, target: target.clone() });
                self.conclude(run, code, true)
            }
            NodeKind::Subprocess { definition } => {
                self.effects.push(Effect::Child { run, definition: definition.clone() });
                Ok(())
            }
            NodeKind::End => {
                self.run_mut(run)?.state = RunState::Done;
                self.end(Status::Approved, "approved");
                Ok(())
            }
        }
    }

    /// Takes the branches of a condition.
    fn divide(&mut self, run: i64, node: &'g Node) -> Result<(), Fault> {
        let variables = Variables { form: self.state.form.clone(), initiator: self.state.facts.clone() };
        let taken = walk::taken(node, &variables)
            .map_err(|cause| Fault::Condition { node: node.code.clone(), cause: cause.to_string() })?;
        let entered: Vec<(String, Option<String>)> = taken
            .into_iter()
            .map(|branch| (branch.code.clone(), branch.nodes.first().map(|node| node.code.clone())))
            .collect();
        if entered.is_empty() {
            return self.conclude(run, &node.code, true);
        }
        self.run_mut(run)?.branches =
            entered.iter().map(|(code, _)| Fork { code: code.clone(), done: false }).collect();
        for (branch, first) in entered {
            match first {
                Some(first) => self.enter(&first)?,
                None => self.leave_branch(&node.code, &branch)?,
            }
        }
        Ok(())
    }

    /// A branch has come to its end; the last of them goes on behind the condition.
    fn leave_branch(&mut self, condition: &str, branch: &str) -> Result<(), Fault> {
        let open = |run: &&mut Run| run.node == condition && run.state == RunState::Open;
        let Some(run) = self.state.runs.iter_mut().rev().find(open) else {
            // Somebody went back into the branch: what it belongs to was finished, or given up, before.
            return self.advance(condition);
        };
        for fork in run.branches.iter_mut().filter(|fork| fork.code == branch) {
            fork.done = true;
        }
        if run.branches.iter().any(|fork| !fork.done) {
            return Ok(());
        }
        let number = run.number;
        self.conclude(number, condition, true)
    }

    /// A run went through, or said no.
    fn conclude(&mut self, run: i64, code: &str, approved: bool) -> Result<(), Fault> {
        self.run_mut(run)?.state = if approved { RunState::Done } else { RunState::Rejected };
        self.give_up(NODE_DECIDED, |task| task.run == run);
        if approved {
            return self.advance(code);
        }
        self.end(Status::Rejected, "rejected");
        Ok(())
    }

    fn advance(&mut self, code: &str) -> Result<(), Fault> {
        if self.state.status != Status::Running {
            return Ok(());
        }
        let next = walk::next_after(self.graph, code).ok_or_else(|| Fault::NoNode(code.to_owned()))?;
        match next {
            Next::Node(next) => self.enter(&next.code),
            Next::BranchEnd { condition, branch } => self.leave_branch(&condition.code, &branch.code),
            Next::Finished => {
                self.end(Status::Approved, "approved");
                Ok(())
            }
        }
    }

    /// Ends the instance: nothing of it stays open.
    pub fn end(&mut self, status: Status, reason: &str) {
        self.state.status = status;
        self.close_all(reason);
    }

    /// Gives up everything that is open.
    pub fn close_all(&mut self, reason: &str) {
        self.give_up(reason, |_| true);
        for run in &mut self.state.runs {
            if matches!(run.state, RunState::Open | RunState::Asking) {
                run.state = RunState::Cancelled;
            }
        }
    }

    /// Gives up open tasks.
    pub fn give_up(&mut self, reason: &str, which: impl Fn(&Task) -> bool) {
        for task in self.state.tasks.iter_mut().filter(|task| task.state.is_open() && which(task)) {
            task.state = TaskState::Cancelled;
            reason.clone_into(&mut task.reason);
        }
    }

    fn found(&mut self, run: i64, seats: &[Seat]) -> Result<(), Fault> {
        self.waits(run, RunState::Asking)?;
        if seats.is_empty() {
            return Err(Fault::NotWaiting(run));
        }
        self.run_mut(run)?.state = RunState::Open;
        for (place, seat) in seats.iter().enumerate() {
            let task = self.add_task(run, seat.account, place as i64)?;
            task.owner = seat.instead_of;
            task.origin = if seat.instead_of.is_some() { Origin::Substitute } else { Origin::Rule };
            if let Some(reason) = &seat.skipped {
                task.state = TaskState::Skipped;
                task.reason.clone_from(reason);
                task.decided_by = Some(SYSTEM);
            }
        }
        self.settle(run)
    }

    pub fn add_task(&mut self, run: i64, assignee: AccountId, place: i64) -> Result<&mut Task, Fault> {
        if self.state.tasks.len() >= TASKS_MAX {
            return Err(Fault::TooMany);
        }
        let number = self.state.tasks.len() as i64 + 1;
        self.state.tasks.push(Task {
            number,
            run,
            assignee,
            owner: None,
            origin: Origin::Rule,
            parent: None,
            place,
            state: TaskState::Waiting,
            reason: String::new(),
            decided_by: None,
        });
        self.state.tasks.last_mut().ok_or(Fault::NoTask(number))
    }

    fn decided(&mut self, number: i64, by: AccountId, approve: bool) -> Result<(), Fault> {
        let (task, node) = self.pending(number)?;
        let advice = task.origin == Origin::Delegate;
        if !approve && !advice && matches!(node.kind, NodeKind::Handle(_)) {
            return Err(Fault::CannotReject);
        }
        let task = self.task_mut(number)?;
        task.decided_by = Some(by);
        task.state = match (by == SYSTEM, approve) {
            (true, true) => {
                seats::EXPIRED_APPROVED.clone_into(&mut task.reason);
                TaskState::Expired
            }
            (true, false) => {
                seats::EXPIRED_REJECTED.clone_into(&mut task.reason);
                TaskState::Expired
            }
            (false, true) => TaskState::Approved,
            (false, false) => TaskState::Rejected,
        };
        Ok(())
    }

    /// Gives everybody of the task's run his turn, and goes on if the run is decided.
    pub fn settle_task(&mut self, task: i64) -> Result<(), Fault> {
        let run = self.state.task(task).ok_or(Fault::NoTask(task))?.run;
        self.settle(run)
    }

    pub fn settle(&mut self, run: i64) -> Result<(), Fault> {
        let code = self.state.run(run).ok_or(Fault::NotWaiting(run))?.node.clone();
        let work = self.work(&code)?;
        match seats::settle(&mut self.state, run, work) {
            Some(approved) => self.conclude(run, &code, approved),
            None => Ok(()),
        }
    }

    /// Finds a task whose turn it is, and its node.
    pub fn pending(&self, number: i64) -> Result<(Task, &'g Node), Fault> {
        let task = self.state.task(number).ok_or(Fault::NoTask(number))?;
        match task.state {
            TaskState::Pending => {}
            TaskState::Waiting => return Err(Fault::NotItsTurn(number)),
            _ => return Err(Fault::NotOpen(number)),
        }
        let run = self.state.run(task.run).ok_or(Fault::NotWaiting(task.run))?;
        Ok((task.clone(), self.node(&run.node)?))
    }

    fn waits(&self, run: i64, state: RunState) -> Result<&'g Node, Fault> {
        let found = self.state.run(run).filter(|found| found.state == state).ok_or(Fault::NotWaiting(run))?;
        self.node(&found.node)
    }

    pub fn node(&self, code: &str) -> Result<&'g Node, Fault> {
        walk::find(self.graph, code).ok_or_else(|| Fault::NoNode(code.to_owned()))
    }

    fn work(&self, code: &str) -> Result<&'g Work, Fault> {
        match &self.node(code)?.kind {
            NodeKind::Approve(work) | NodeKind::Handle(work) => Ok(work),
            _ => Err(Fault::NoNode(code.to_owned())),
        }
    }

    pub fn run_mut(&mut self, number: i64) -> Result<&mut Run, Fault> {
        let index = usize::try_from(number - 1).map_err(|_| Fault::NotWaiting(number))?;
        self.state.runs.get_mut(index).ok_or(Fault::NotWaiting(number))
    }

    pub fn task_mut(&mut self, number: i64) -> Result<&mut Task, Fault> {
        let index = usize::try_from(number - 1).map_err(|_| Fault::NoTask(number))?;
        self.state.tasks.get_mut(index).ok_or(Fault::NoTask(number))
    }
}
