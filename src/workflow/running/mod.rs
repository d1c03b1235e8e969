//! An instance in a transaction: locked, moved by events, stored, and everybody told.
//!
//! Invariants: whoever moves an instance locks its row first, so two decisions come one after the other and the second sees
//! what the first has done (FW32). Every event is in the log before the transaction ends, in the order in which it was
//! taken. Notices are derived from the difference between the first state and the last, so nobody is told of a step that
//! another step of the same transaction undid (FW33).

mod ahead;
mod notices;
mod save;
pub mod told;
mod world;

pub use ahead::{ahead, all_ahead, way};
pub use save::Parent;

use crate::core::Core;
use crate::db::{Conn, Work};
use crate::refusal::Refusal;
use crate::workflow::definitions::{self, Definition};
use crate::workflow::instance::model::{Run, SYSTEM, Task};
use crate::workflow::instance::{Effect, Event, Fault, Instance, Origin, RunState, Status, TaskState, step};
use crate::workflow::store::instances::{self, InstanceRow, RunRow};
use crate::workflow::store::logs::{self, NewLine};
use crate::workflow::store::tasks::{self, TaskRow};
use livegrant_actors::{AccountId, CompanyId};
use serde_json::Value;
use std::collections::VecDeque;

/// Who does something, and what he says.
#[derive(Debug, Clone, Copy)]
pub struct Act<'a> {
    /// 0: the system.
    pub actor: AccountId,
    /// His name.
    pub name: &'a str,
    /// What he says.
    pub comment: &'a str,
}

impl Act<'static> {
    /// The system.
    pub fn system() -> Self {
        Self { actor: SYSTEM, name: "system", comment: "" }
    }
}

/// What a decision brings along for its task.
#[derive(Debug, Clone)]
pub struct Words {
    /// The task's number.
    pub task: i64,
    /// What was said.
    pub comment: String,
    /// What was signed.
    pub signature: String,
    /// Names or addresses of attachments.
    pub attachments: Vec<String>,
}

/// See the head of this file.
#[derive(Debug)]
pub struct Running {
    /// The row, as it was read.
    pub row: InstanceRow,
    /// What it runs by.
    pub definition: Definition,
    /// Where it stood.
    pub before: Instance,
    /// Where it stands.
    pub state: Instance,
    /// The runs that are stored.
    pub(super) runs: Vec<RunRow>,
    /// The tasks that are stored.
    pub(super) tasks: Vec<TaskRow>,
    /// What is stored with tasks.
    words: Vec<Words>,
    /// Who is informed from now on.
    copied: Vec<AccountId>,
    /// Runs that start another instance once their rows are there.
    children: Vec<(i64, String)>,
    /// The last one who did something, and what he said.
    last: (AccountId, String, String),
}

impl Running {
    /// Locks an instance and reads it; `None`: there is none.
    pub async fn lock(work: &mut Work, id: i64) -> Result<Option<Self>, Refusal> {
        let Some(row) = instances::lock(work.conn(), id).await? else { return Ok(None) };
        Self::of(work.conn(), row).await.map(Some)
    }

    /// Reads an instance without locking it.
    pub async fn read(conn: &mut Conn, id: i64) -> Result<Option<Self>, Refusal> {
        let Some(row) = instances::by_id(conn, id).await? else { return Ok(None) };
        Self::of(conn, row).await.map(Some)
    }

    /// Reads an instance of a company without locking it.
    pub async fn find(conn: &mut Conn, company: CompanyId, guid: &str) -> Result<Option<Self>, Refusal> {
        let Some(row) = instances::find(conn, company, guid).await? else { return Ok(None) };
        Self::of(conn, row).await.map(Some)
    }

    /// Reads what belongs to a row.
    pub async fn of(conn: &mut Conn, row: InstanceRow) -> Result<Self, Refusal> {
        let definition = definitions::by_id(conn, row.definition_id)
            .await?
            .ok_or_else(|| defect(format!("instance {} has no definition", row.id)))?;
        let runs = instances::runs(conn, row.id).await?;
        let tasks = tasks::of_instance(conn, row.id).await?;
        let state = state_of(&row, &runs, &tasks)?;
        Ok(Self {
            row,
            definition,
            before: state.clone(),
            state,
            runs,
            tasks,
            words: Vec::new(),
            copied: Vec::new(),
            children: Vec::new(),
            last: (SYSTEM, String::new(), String::new()),
        })
    }

    /// Answers the company.
    pub fn company(&self) -> CompanyId {
        CompanyId(self.row.company_id)
    }

    /// The row of a task, if it is stored.
    pub fn task_row(&self, number: i64) -> Option<&TaskRow> {
        self.tasks.iter().find(|task| task.number == number)
    }

    /// The runs that are stored.
    pub fn runs(&self) -> &[RunRow] {
        &self.runs
    }

    /// The tasks that are stored.
    pub fn tasks(&self) -> &[TaskRow] {
        &self.tasks
    }

    /// Names who acts, for what is told.
    pub fn acts(&mut self, act: &Act<'_>) {
        self.last = (act.actor, act.name.to_owned(), act.comment.to_owned());
    }

    /// Keeps what a decision brings along, to be stored with its task.
    pub fn say(&mut self, words: Words) {
        self.words.push(words);
    }

    /// Informs people from now on (FW16); those who are informed already are not told twice.
    pub async fn inform(
        &mut self,
        work: &mut Work,
        people: &[AccountId],
        node: &str,
    ) -> Result<Vec<AccountId>, Refusal> {
        let now = work.now();
        let mut new = Vec::new();
        for account in people {
            if crate::workflow::store::copies::add(work.conn(), self.row.id, *account, node, now).await? == 1
            {
                new.push(*account);
            }
        }
        self.copied.extend(&new);
        Ok(new)
    }

    /// Takes an event and everything that follows from it by itself.
    pub async fn apply(
        &mut self,
        core: &Core,
        work: &mut Work,
        act: &Act<'_>,
        event: Event,
    ) -> Result<(), Refusal> {
        self.acts(act);
        let mut effects: VecDeque<Effect> = self.take(work, act, &event).await?.into();
        while let Some(effect) = effects.pop_front() {
            if let Some(event) = self.perform(core, work, effect).await? {
                effects.extend(self.take(work, &Act::system(), &event).await?);
            }
        }
        Ok(())
    }

    /// Takes one event, and logs it.
    async fn take(&mut self, work: &mut Work, act: &Act<'_>, event: &Event) -> Result<Vec<Effect>, Refusal> {
        let from = self.state.status;
        let (state, effects) =
            step(&self.definition.graph, &self.state, event).map_err(|fault| self.refusal(&fault))?;
        self.state = state;
        let run = event.run().or_else(|| self.state.task(event.task()?).map(|task| task.run));
        let node = run.and_then(|run| self.state.run(run)).map(|run| run.node.clone()).unwrap_or_default();
        let detail = serde_json::to_value(event).map_err(|error| defect(error.to_string()))?;
        let line = NewLine {
            instance: self.row.id,
            task: event.task(),
            actor: act.actor,
            actor_name: act.name,
            action: event.word(),
            from_state: from.word(),
            to_state: self.state.status.word(),
            node_code: &node,
            comment: act.comment,
            detail: &detail,
        };
        let now = work.now();
        logs::add(work.conn(), &line, now).await?;
        Ok(effects)
    }

    /// Logs something that moves nothing: a comment, a reminder.
    pub async fn note(
        &self,
        work: &mut Work,
        act: &Act<'_>,
        action: &str,
        task: Option<i64>,
        detail: &Value,
    ) -> Result<(), Refusal> {
        let status = self.state.status.word();
        let line = NewLine {
            instance: self.row.id,
            task,
            actor: act.actor,
            actor_name: act.name,
            action,
            from_state: status,
            to_state: status,
            node_code: "",
            comment: act.comment,
            detail,
        };
        let now = work.now();
        logs::add(work.conn(), &line, now).await?;
        Ok(())
    }

    /// Answers a fault in the words of the API.
    pub fn refusal(&self, fault: &Fault) -> Refusal {
        let (code, detail) = match fault {
            Fault::NotRunning => {
                return Refusal::conflict(
                    "not_running",
                    format!("it is {} already", self.state.status.word()),
                );
            }
            Fault::NotOpen(task) => {
                let row = self.task_row(*task);
                return Refusal::Handled {
                    by: String::new(),
                    at: row.and_then(|row| row.decided_at),
                    state: self.state.task(*task).map_or("cancelled", |task| task.state.word()),
                };
            }
            Fault::NoTask(_) | Fault::NoNode(_) | Fault::Condition { .. } => {
                return defect(fault.to_string());
            }
            Fault::NotReturned => ("not_returned", "only what was returned can be handed in again"),
            Fault::NotItsTurn(_) => ("not_your_turn", "somebody else has to act first"),
            Fault::NotWaiting(_) => ("not_running", "it does not wait for this any more"),
            Fault::CannotReject => ("cannot_reject", "who handles something cannot refuse it"),
            Fault::There(_) => ("already_there", "this person has a task at this node already"),
            Fault::OnlyAdvice(_) => ("only_advice", "who is asked for advice can only give it"),
            Fault::NotAdded(_) => ("not_added", "only people who were added can be taken away"),
            Fault::NotReturnable => ("not_returnable", "it cannot go back there from here"),
            Fault::TooLate => ("too_late", "what came after has been touched already"),
            Fault::TooMany => ("too_many", "too many steps, tasks or levels in one instance"),
        };
        Refusal::conflict(code, detail)
    }
}

pub(super) fn defect(what: impl Into<String>) -> Refusal {
    Refusal::Defect(anyhow::anyhow!(what.into()))
}

/// Makes the value of an instance from its rows.
fn state_of(row: &InstanceRow, runs: &[RunRow], tasks: &[TaskRow]) -> Result<Instance, Refusal> {
    let unknown = |what: &str, word: &str| defect(format!("instance {}: unknown {what} {word}", row.id));
    let runs = runs.iter().map(|run| {
        Ok(Run {
            number: run.number,
            node: run.node_code.clone(),
            revision: run.revision,
            round: run.round,
            state: RunState::parse(&run.state).ok_or_else(|| unknown("state of a run", &run.state))?,
            branches: run.branches.0.clone(),
            reason: run.reason.clone(),
        })
    });
    let tasks = tasks.iter().map(|task| {
        Ok(Task {
            number: task.number,
            run: task.run,
            assignee: AccountId(task.assignee_id),
            owner: task.owner_id.map(AccountId),
            origin: Origin::parse(&task.origin).ok_or_else(|| unknown("origin", &task.origin))?,
            parent: task.parent,
            place: task.place,
            state: TaskState::parse(&task.state).ok_or_else(|| unknown("state of a task", &task.state))?,
            reason: task.reason.clone(),
            decided_by: task.decided_by.map(AccountId),
        })
    });
    Ok(Instance {
        initiator: AccountId(row.initiator_id),
        form: row.form_data.0.clone(),
        facts: row.facts.0.clone(),
        chosen: row.chosen.0.clone(),
        chose: row.chose.0.clone(),
        status: Status::parse(&row.status).ok_or_else(|| unknown("status", &row.status))?,
        revision: row.revision,
        round: row.round,
        resume: row.resume_node.clone(),
        runs: runs.collect::<Result<_, Refusal>>()?,
        tasks: tasks.collect::<Result<_, Refusal>>()?,
    })
}
