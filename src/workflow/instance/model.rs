//! The state of an instance. Ids are numbers of this instance, from 1 in the order in which
//! things came to be, so that a replayed log names the same things.

use crate::workflow::graph::Graph;
use crate::workflow::variables::Initiator;
use crate::workflow::walk;
use livegrant_actors::AccountId;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The system as the one that acts.
pub const SYSTEM: AccountId = AccountId(0);

/// Where an instance stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Somebody or something has to act.
    Running,
    /// Went through.
    Approved,
    /// Somebody said no.
    Rejected,
    /// The initiator has to change it.
    Returned,
    /// Taken back by the initiator.
    Withdrawn,
    /// Ended by an administrator, or with the instance that it belongs to.
    Cancelled,
}

impl Status {
    /// The word in the database and in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Returned => "returned",
            Self::Withdrawn => "withdrawn",
            Self::Cancelled => "cancelled",
        }
    }

    /// The word that people are told (C27).
    pub fn told(self) -> &'static str {
        match self {
            Self::Running => "审批中",
            Self::Approved => "已通过",
            Self::Rejected => "已拒绝",
            Self::Returned => "已退回",
            Self::Withdrawn => "已撤回",
            Self::Cancelled => "已取消",
        }
    }

    /// Reads the word of the database.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Running, Self::Approved, Self::Rejected, Self::Returned, Self::Withdrawn, Self::Cancelled]
            .into_iter()
            .find(|status| status.word() == word)
    }

    /// Nothing more can happen to it.
    pub fn is_over(self) -> bool {
        !matches!(self, Self::Running | Self::Returned)
    }
}

/// An instance.
#[derive(Debug, Clone, PartialEq)]
pub struct Instance {
    /// Who started it.
    pub initiator: AccountId,
    /// The form as it is now.
    pub form: Map<String, Value>,
    /// What conditions may know of the initiator, as it was when he handed the form in.
    pub facts: Initiator,
    /// Whom the initiator chose, by node.
    pub chosen: BTreeMap<String, Vec<AccountId>>,
    /// Whom the last approver chose for the node after his.
    pub chose: Vec<AccountId>,
    /// Where it stands.
    pub status: Status,
    /// How often the form was handed in.
    pub revision: i64,
    /// Raised by every way back: approvals of an earlier round do not count again.
    pub round: i64,
    /// The node that returned it to the initiator.
    pub resume: Option<String>,
    /// Every entering of a node, by number.
    pub runs: Vec<Run>,
    /// Every task, by number.
    pub tasks: Vec<Task>,
}

impl Instance {
    /// One that has not begun.
    pub fn blank() -> Self {
        Self {
            initiator: SYSTEM,
            form: Map::new(),
            facts: Initiator::default(),
            chosen: BTreeMap::new(),
            chose: Vec::new(),
            status: Status::Running,
            revision: 0,
            round: 1,
            resume: None,
            runs: Vec::new(),
            tasks: Vec::new(),
        }
    }

    /// Finds a task.
    pub fn task(&self, number: i64) -> Option<&Task> {
        self.tasks.get(usize::try_from(number - 1).ok()?)
    }

    /// Finds a run.
    pub fn run(&self, number: i64) -> Option<&Run> {
        self.runs.get(usize::try_from(number - 1).ok()?)
    }

    /// The tasks of a run.
    pub fn tasks_of(&self, run: i64) -> impl Iterator<Item = &Task> {
        self.tasks.iter().filter(move |task| task.run == run)
    }

    /// Everybody who has to act now, each once.
    pub fn pending(&self) -> Vec<AccountId> {
        let mut people: Vec<AccountId> = self
            .tasks
            .iter()
            .filter(|task| task.state == TaskState::Pending)
            .map(|task| task.assignee)
            .collect();
        people.sort_unstable();
        people.dedup();
        people
    }

    /// Who approved in this round, and who of them at the node just before a run (FW22). What counted there without asking
    /// counts as approved there too: several nodes in a row ask once. Nodes of branches beside the run's own are not before
    /// it, whenever they were decided.
    pub fn approved_before(&self, graph: &Graph, run: i64) -> (Vec<AccountId>, Vec<AccountId>) {
        let own = self.run(run).and_then(|run| walk::path_to(graph, &run.node)).unwrap_or_default();
        let beside = |other: &Run| {
            let around = walk::path_to(graph, &other.node).unwrap_or_default();
            around.iter().zip(&own).any(|(other, own)| {
                other.condition.code == own.condition.code && other.branch.code != own.branch.code
            })
        };
        let of_round = |task: &&Task| self.run(task.run).is_some_and(|run| run.round == self.round);
        let approved = |task: &&Task| {
            task.state == TaskState::Approved
                && task.origin != Origin::Delegate
                && task.decided_by != Some(SYSTEM)
        };
        let by = |task: &Task| task.decided_by.unwrap_or(task.assignee);
        let all: Vec<_> = self.tasks.iter().filter(approved).filter(of_round).collect();
        let last = self.runs.iter().rev().filter(|other| other.number != run && !beside(other)).find(|run| {
            run.state == RunState::Done
                && run.round == self.round
                && self.tasks_of(run.number).next().is_some()
        });
        let counted = |task: &&Task| last.is_some_and(|run| run.number == task.run);
        let skipped = |task: &&Task| task.state == TaskState::Skipped && counted(task);
        let just = all.iter().copied().filter(counted).map(by);
        let just = just.chain(self.tasks.iter().filter(skipped).map(|task| task.assignee)).collect();
        (all.into_iter().map(by).collect(), just)
    }
}

/// One entering of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// From 1.
    pub number: i64,
    /// The node.
    pub node: String,
    /// The revision that it belongs to.
    pub revision: i64,
    /// The round that it belongs to.
    pub round: i64,
    /// Where it stands.
    pub state: RunState,
    /// The branches that were taken, of a condition.
    pub branches: Vec<Fork>,
    /// Why it was decided without people.
    pub reason: String,
}

/// A branch that was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fork {
    /// The branch.
    pub code: String,
    /// It has come to its end.
    pub done: bool,
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Its people are being looked for; never seen outside of a transaction.
    Asking,
    /// Somebody or something has to act.
    Open,
    /// Went through.
    Done,
    /// Said no.
    Rejected,
    /// Given up because something else decided.
    Cancelled,
}

impl RunState {
    /// The word in the database.
    pub fn word(self) -> &'static str {
        match self {
            Self::Asking => "asking",
            Self::Open => "open",
            Self::Done => "done",
            Self::Rejected => "rejected",
            Self::Cancelled => "cancelled",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Asking, Self::Open, Self::Done, Self::Rejected, Self::Cancelled]
            .into_iter()
            .find(|state| state.word() == word)
    }
}

/// What one person has to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// From 1.
    pub number: i64,
    /// The run that it belongs to.
    pub run: i64,
    /// Who has to do it.
    pub assignee: AccountId,
    /// For whom, of a substitute's or a delegate's task.
    pub owner: Option<AccountId>,
    /// How it came to be.
    pub origin: Origin,
    /// The task that it was added to.
    pub parent: Option<i64>,
    /// Its turn among the tasks of its run.
    pub place: i64,
    /// Where it stands.
    pub state: TaskState,
    /// Why nobody decided it.
    pub reason: String,
    /// Who decided it.
    pub decided_by: Option<AccountId>,
}

/// How a task came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// By the node's rules.
    Rule,
    /// Handed over by somebody.
    Transfer,
    /// Somebody asks for advice.
    Delegate,
    /// Added, to decide before.
    AddBefore,
    /// Added, to decide after.
    AddAfter,
    /// Added, to decide at the same time.
    AddParallel,
    /// Stands in for somebody who is away.
    Substitute,
    /// Nobody acted in time.
    Escalate,
    /// Handed over by an administrator.
    Handover,
}

impl Origin {
    const ALL: [Self; 9] = [
        Self::Rule,
        Self::Transfer,
        Self::Delegate,
        Self::AddBefore,
        Self::AddAfter,
        Self::AddParallel,
        Self::Substitute,
        Self::Escalate,
        Self::Handover,
    ];

    /// The word in the database.
    pub fn word(self) -> &'static str {
        match self {
            Self::Rule => "rule",
            Self::Transfer => "transfer",
            Self::Delegate => "delegate",
            Self::AddBefore => "add_before",
            Self::AddAfter => "add_after",
            Self::AddParallel => "add_parallel",
            Self::Substitute => "substitute",
            Self::Escalate => "escalate",
            Self::Handover => "handover",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|origin| origin.word() == word)
    }

    /// It was added by an approver, who may take it away again (FW9).
    pub fn is_added(self) -> bool {
        matches!(self, Self::AddBefore | Self::AddAfter | Self::AddParallel)
    }
}

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    /// Its turn has not come.
    Waiting,
    /// Its assignee has to act.
    Pending,
    /// Agreed, or done.
    Approved,
    /// Refused.
    Rejected,
    /// Sent the instance back.
    Returned,
    /// Somebody else has it now.
    Transferred,
    /// No longer needed.
    Cancelled,
    /// Counts as approved without asking.
    Skipped,
    /// Decided by the system as the time was over.
    Expired,
}

impl TaskState {
    const ALL: [Self; 9] = [
        Self::Waiting,
        Self::Pending,
        Self::Approved,
        Self::Rejected,
        Self::Returned,
        Self::Transferred,
        Self::Cancelled,
        Self::Skipped,
        Self::Expired,
    ];

    /// The word in the database.
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Returned => "returned",
            Self::Transferred => "transferred",
            Self::Cancelled => "cancelled",
            Self::Skipped => "skipped",
            Self::Expired => "expired",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }

    /// Not decided yet.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Waiting | Self::Pending)
    }
}

/// A place at a node: who decides there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seat {
    /// Who.
    pub account: AccountId,
    /// For whom he stands in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<AccountId>,
    /// Why his approval counts without asking him.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skipped: Option<String>,
}

/// Entered nodes of one instance at most: a definition holds a few dozen, so this is many rounds of returning.
pub const RUNS_MAX: usize = 500;
/// Tasks of one instance at most.
pub const TASKS_MAX: usize = 2_000;
/// How deep people may add people.
pub const ADDED_DEPTH_MAX: usize = 5;
