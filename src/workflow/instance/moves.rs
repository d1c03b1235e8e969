//! Tasks that change hands, and people who are added: transfer, delegate, add-sign, remove-sign.

use super::event::{Fault, Position};
use super::model::{ADDED_DEPTH_MAX, Origin, Task, TaskState};
use super::seats::children;
use super::step::Machine;
use livegrant_actors::AccountId;

impl Machine<'_> {
    /// Somebody else has the task now. A waiting one may be handed over by an administrator or a timer, too.
    pub(super) fn moved(&mut self, number: i64, to: AccountId, origin: Origin) -> Result<(), Fault> {
        let task = self.state.task(number).ok_or(Fault::NoTask(number))?.clone();
        if !task.state.is_open() {
            return Err(Fault::NotOpen(number));
        }
        if origin == Origin::Transfer {
            self.pending(number)?;
            if task.origin == Origin::Delegate {
                return Err(Fault::OnlyAdvice(number));
            }
        }
        self.is_new(&task, to)?;
        let place = task.place;
        // Advice stays advice, and what was added stays added: only who has to act is another one.
        let kept =
            if task.origin == Origin::Delegate || task.origin.is_added() { task.origin } else { origin };
        let new = self.add_task(task.run, to, place)?;
        new.parent = task.parent;
        new.owner = Some(task.owner.unwrap_or(task.assignee));
        new.origin = kept;
        let new = new.number;
        for child in self.state.tasks.iter_mut().filter(|child| child.parent == Some(number)) {
            child.parent = Some(new);
        }
        let gone = self.task_mut(number)?;
        gone.state = TaskState::Transferred;
        // Who handed it over himself has no more to do with it; who lost it to the clock or his leave has (FW6).
        origin.word().clone_into(&mut gone.reason);
        self.settle(task.run)
    }

    /// Somebody is asked for advice; the task waits for it.
    pub(super) fn delegated(&mut self, number: i64, to: AccountId) -> Result<(), Fault> {
        let (task, _) = self.pending(number)?;
        if task.origin == Origin::Delegate {
            return Err(Fault::OnlyAdvice(number));
        }
        self.is_new(&task, to)?;
        let child = self.add_task(task.run, to, task.place)?;
        child.parent = Some(number);
        child.owner = Some(task.assignee);
        child.origin = Origin::Delegate;
        self.settle(task.run)
    }

    /// People are added to a task.
    pub(super) fn signed(
        &mut self,
        number: i64,
        people: &[AccountId],
        position: Position,
    ) -> Result<(), Fault> {
        let (task, _) = self.pending(number)?;
        if task.origin == Origin::Delegate {
            return Err(Fault::OnlyAdvice(number));
        }
        if self.depth(&task) >= ADDED_DEPTH_MAX {
            return Err(Fault::TooMany);
        }
        for to in people {
            self.is_new(&task, *to)?;
            let child = self.add_task(task.run, *to, task.place)?;
            child.parent = Some(number);
            child.origin = position.origin();
        }
        self.settle(task.run)
    }

    /// Somebody who was added is no longer needed, nor are those whom he added.
    pub(super) fn unsigned(&mut self, number: i64) -> Result<(), Fault> {
        let task = self.state.task(number).ok_or(Fault::NoTask(number))?.clone();
        if !task.origin.is_added() {
            return Err(Fault::NotAdded(number));
        }
        if !task.state.is_open() {
            return Err(Fault::NotOpen(number));
        }
        let mut gone = vec![number];
        let mut at = 0;
        while let Some(above) = gone.get(at).and_then(|number| self.state.task(*number)) {
            let below: Vec<&Task> = children(&self.state, above).collect();
            if below.iter().any(|child| !child.state.is_open()) {
                return Err(Fault::TooLate);
            }
            let below: Vec<i64> = below.into_iter().map(|child| child.number).collect();
            gone.extend(below);
            at += 1;
        }
        self.give_up("removed", |task| gone.contains(&task.number));
        self.settle(task.run)
    }

    /// Goes on only if somebody has no task of this run yet, the given one included: nobody has two.
    fn is_new(&self, task: &Task, to: AccountId) -> Result<(), Fault> {
        let there = |other: &Task| {
            other.assignee == to && !matches!(other.state, TaskState::Cancelled | TaskState::Transferred)
        };
        if self.state.tasks_of(task.run).any(there) { Err(Fault::There(to)) } else { Ok(()) }
    }

    fn depth(&self, task: &Task) -> usize {
        let above = |task: &Task| task.parent.and_then(|parent| self.state.task(parent)).cloned();
        std::iter::successors(above(task), above).take(ADDED_DEPTH_MAX).count()
    }
}
