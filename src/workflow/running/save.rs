//! Storing where an instance stands now: its rows, the instances that it waits for or that wait for it, its business row.

use super::{Act, Running, defect};
use crate::clock::guid;
use crate::core::Core;
use crate::db::Work;
use crate::refusal::Refusal;
use crate::workflow::business;
use crate::workflow::graph::{NodeKind, TimeoutAction};
use crate::workflow::instance::{Event, Run, RunState, Status, Task, TaskState};
use crate::workflow::start;
use crate::workflow::store::instances::{self, Moved, RunColumns};
use crate::workflow::store::tasks::{self, TaskColumns};
use crate::workflow::store::timers;
use crate::workflow::walk;
use serde_json::json;
use std::future::Future;
use std::pin::Pin;

/// Whether the instance that waits for this one still has to be told how it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parent {
    /// It is told.
    Tell,
    /// Whoever calls holds it and looks himself.
    Knows,
}

/// A minute in milliseconds.
pub(super) const MINUTE: i64 = 60_000;

impl Running {
    /// Stores everything and tells everybody. Boxed: instances wait for instances.
    pub fn save<'a>(
        &'a mut self,
        core: &'a Core,
        work: &'a mut Work,
        parent: Parent,
    ) -> Pin<Box<dyn Future<Output = Result<(), Refusal>> + Send + 'a>> {
        Box::pin(async move {
            self.flush(work).await?;
            while let Some((run, definition)) = self.children.pop() {
                self.start_child(core, work, run, &definition).await?;
                self.flush(work).await?;
            }
            self.store_instance(work).await?;
            self.end_children(core, work).await?;
            if self.state.status != self.before.status || self.before.revision == 0 {
                business::follow(work, self).await?;
                self.inform_at_the_end(work).await?;
            }
            self.tell(work).await?;
            if parent == Parent::Tell && self.state.status.is_over() && !self.before.status.is_over() {
                self.tell_parent(core, work).await?;
            }
            Ok(())
        })
    }

    async fn store_instance(&mut self, work: &mut Work) -> Result<(), Refusal> {
        let now = work.now();
        let state = &self.state;
        let ended_at = state.status.is_over().then(|| self.row.ended_at.unwrap_or(now));
        let moved = Moved {
            approval_no: &self.row.approval_no,
            title: &self.row.title,
            summary: &self.row.summary,
            form: &state.form,
            facts: &state.facts,
            chosen: &state.chosen,
            chose: &state.chose,
            status: state.status.word(),
            revision: state.revision,
            round: state.round,
            resume_node: state.resume.as_deref(),
            ended_at,
        };
        instances::store(work.conn(), self.row.id, &moved).await?;
        self.row.ended_at = ended_at;
        Ok(())
    }

    /// Stores the runs and tasks that are new or have moved.
    async fn flush(&mut self, work: &mut Work) -> Result<(), Refusal> {
        let now = work.now();
        for run in &self.state.runs {
            let stored = self.runs.iter().find(|stored| stored.number == run.number);
            let left_at = match stored.and_then(|stored| stored.left_at) {
                _ if matches!(run.state, RunState::Open | RunState::Asking) => None,
                Some(at) => Some(at),
                None => Some(now),
            };
            let columns = run_columns(run, left_at);
            match stored {
                None => {
                    instances::insert_run(work.conn(), self.row.id, &columns, now).await?;
                }
                Some(stored)
                    if stored.state != columns.state
                        || stored.branches.0 != run.branches
                        || stored.reason != run.reason =>
                {
                    instances::store_run(work.conn(), stored.id, &columns).await?;
                }
                Some(_) => {}
            }
        }
        self.runs = instances::runs(work.conn(), self.row.id).await?;
        self.flush_tasks(work, now).await?;
        self.tasks = tasks::of_instance(work.conn(), self.row.id).await?;
        for words in std::mem::take(&mut self.words) {
            if let Some(row) = self.task_row(words.task) {
                tasks::store_words(work.conn(), row.id, &words.comment, &words.signature, &words.attachments)
                    .await?;
            }
        }
        Ok(())
    }

    async fn flush_tasks(&mut self, work: &mut Work, now: i64) -> Result<(), Refusal> {
        for task in &self.state.tasks {
            let stored = self.tasks.iter().find(|stored| stored.number == task.number);
            let was_pending = stored.is_some_and(|stored| stored.state == TaskState::Pending.word());
            let due = self.due(task);
            let starts = task.state == TaskState::Pending && !was_pending;
            let due_at = match &due {
                Some((minutes, _)) if starts => Some(now + i64::from(*minutes) * MINUTE),
                _ => stored.and_then(|stored| stored.due_at),
            };
            let decided_at = match stored.and_then(|stored| stored.decided_at) {
                _ if task.state.is_open() => None,
                Some(at) => Some(at),
                None => Some(now),
            };
            let columns = task_columns(task, decided_at, due_at);
            match stored {
                None => {
                    let run = self.runs.iter().find(|run| run.number == task.run);
                    let run = run.ok_or_else(|| defect("a task without a run"))?.id;
                    tasks::insert(work.conn(), self.row.id, run, &guid(), &columns, now).await?;
                }
                Some(stored) if stored.state != columns.state || stored.parent != task.parent => {
                    if tasks::store(work.conn(), stored.id, stored.version, &columns).await? == 0 {
                        return Err(Refusal::Again);
                    }
                }
                Some(_) => {}
            }
            if let Some((minutes, repeat)) = due.filter(|_| starts) {
                if stored.is_some() {
                    // It was somebody's turn before: that time is over with that turn.
                    timers::forget(work.conn(), self.row.id, task.number).await?;
                }
                let payload = json!({ "minutes": minutes, "left": repeat });
                let fire_at = now + i64::from(minutes) * MINUTE;
                timers::add(work.conn(), self.row.id, task.number, "timeout", &payload, fire_at).await?;
            }
        }
        Ok(())
    }

    /// When a task's time is over, in minutes, and how often it is repeated.
    fn due(&self, task: &Task) -> Option<(u32, u32)> {
        let run = self.state.run(task.run)?;
        let node = walk::find(&self.definition.graph, &run.node)?;
        let (NodeKind::Approve(rules) | NodeKind::Handle(rules)) = &node.kind else { return None };
        let timeout = rules.timeout.as_ref()?;
        let repeat = if timeout.action == TimeoutAction::Remind { timeout.repeat } else { 0 };
        Some((timeout.minutes, repeat))
    }

    /// Starts the instance that a run waits for.
    async fn start_child(
        &mut self,
        core: &Core,
        work: &mut Work,
        run: i64,
        definition: &str,
    ) -> Result<(), Refusal> {
        let Some(row) = self.runs.iter().find(|row| row.number == run) else { return Ok(()) };
        if self.state.run(run).is_none_or(|run| run.state != RunState::Open) {
            return Ok(());
        }
        let ended = start::child(core, work, self, row.id, definition).await?;
        let Some((status, reason)) = ended else { return Ok(()) };
        let event = child_ended(run, status, reason);
        let last = self.last.clone();
        self.apply(core, work, &Act::system(), event).await?;
        self.last = last;
        Ok(())
    }

    /// Ends the instances that nobody waits for any more.
    async fn end_children(&mut self, core: &Core, work: &mut Work) -> Result<(), Refusal> {
        let given_up: Vec<i64> = self
            .state
            .runs
            .iter()
            .filter(|run| run.state == RunState::Cancelled)
            .filter(|run| self.before.run(run.number).is_some_and(|before| before.state == RunState::Open))
            .filter(|run| {
                let node = walk::find(&self.definition.graph, &run.node);
                node.is_some_and(|node| matches!(node.kind, NodeKind::Subprocess { .. }))
            })
            .filter_map(|run| self.runs.iter().find(|row| row.number == run.number).map(|row| row.id))
            .collect();
        for run in given_up {
            let Some(child) = instances::child_of_run(work.conn(), run).await? else { continue };
            let Some(mut child) = Self::lock(work, child).await? else { continue };
            if !child.state.status.is_over() {
                child.apply(core, work, &Act::system(), Event::Terminated).await?;
                child.save(core, work, Parent::Knows).await?;
            }
        }
        Ok(())
    }

    /// Tells the instance that waits for this one.
    async fn tell_parent(&mut self, core: &Core, work: &mut Work) -> Result<(), Refusal> {
        let Some(run) = self.row.parent_run_id else { return Ok(()) };
        let Some((instance, run)) = instances::of_run(work.conn(), run).await? else { return Ok(()) };
        let Some(mut parent) = Self::lock(work, instance).await? else { return Ok(()) };
        if parent.state.run(run).is_none_or(|run| run.state != RunState::Open) {
            return Ok(());
        }
        let event = child_ended(run, self.state.status, String::new());
        parent.apply(core, work, &Act::system(), event).await?;
        parent.save(core, work, Parent::Tell).await
    }
}

/// How a run's instance ended: nobody said no to what was withdrawn, or to what could not be started for some reason.
fn child_ended(run: i64, status: Status, reason: String) -> Event {
    match status {
        Status::Approved => Event::ChildEnded { run, approved: true },
        Status::Rejected if reason.is_empty() => Event::ChildEnded { run, approved: false },
        _ => Event::ChildGone { run, status, reason },
    }
}

fn run_columns(run: &Run, left_at: Option<i64>) -> RunColumns<'_> {
    RunColumns {
        number: run.number,
        node_code: &run.node,
        revision: run.revision,
        round: run.round,
        state: run.state.word(),
        branches: &run.branches,
        reason: &run.reason,
        left_at,
    }
}

fn task_columns(task: &Task, decided_at: Option<i64>, due_at: Option<i64>) -> TaskColumns<'_> {
    TaskColumns {
        number: task.number,
        assignee: task.assignee,
        owner: task.owner,
        origin: task.origin.word(),
        parent: task.parent,
        place: task.place,
        state: task.state.word(),
        reason: &task.reason,
        decided_by: task.decided_by,
        decided_at,
        due_at,
    }
}
