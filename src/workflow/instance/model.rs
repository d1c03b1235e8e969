//! The words of an instance: state, events, effects, faults. Ids are numbers of this instance, from 1 in the order in which
//! things came to be, so that a replayed log names the same things.

use crate::workflow::variables::Initiator;
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

    /// Who approved in this round, and who of them at the node that was decided last (FW22).
    pub fn approved_before(&self) -> (Vec<AccountId>, Vec<AccountId>) {
        let of_round = |task: &&Task| self.run(task.run).is_some_and(|run| run.round == self.round);
        let approved = |task: &&Task| {
            task.state == TaskState::Approved
                && task.origin != Origin::Delegate
                && task.decided_by != Some(SYSTEM)
        };
        let by = |task: &Task| task.decided_by.unwrap_or(task.assignee);
        let all: Vec<_> = self.tasks.iter().filter(approved).filter(of_round).collect();
        let last = self
            .runs
            .iter()
            .rev()
            .find(|run| run.state == RunState::Done && self.tasks_of(run.number).next().is_some());
        let just =
            all.iter().filter(|task| last.is_some_and(|run| run.number == task.run)).map(|task| by(task));
        let just = just.collect();
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

/// Where added people decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Position {
    /// Before who added them.
    Before,
    /// After him.
    After,
    /// At the same time.
    Parallel,
}

impl Position {
    /// The origin of the tasks.
    pub fn origin(self) -> Origin {
        match self {
            Self::Before => Origin::AddBefore,
            Self::After => Origin::AddAfter,
            Self::Parallel => Origin::AddParallel,
        }
    }
}

/// Where an instance is sent back to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// To the initiator.
    Start,
    /// To a node that was decided before.
    Node(String),
}

/// What happened. The log keeps it as it stands here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the fields are those of the state")]
pub enum Event {
    /// The form was handed in for the first time.
    Started {
        initiator: AccountId,
        form: Map<String, Value>,
        facts: Initiator,
        chosen: BTreeMap<String, Vec<AccountId>>,
    },
    /// The people of a node are known.
    Found { run: i64, seats: Vec<Seat> },
    /// A node was decided by its rules alone.
    Ruled { run: i64, approve: bool, reason: String },
    /// The people of a copy node are known.
    Copied { run: i64, people: Vec<AccountId> },
    /// A delay is over.
    Elapsed { run: i64 },
    /// Another instance has ended.
    ChildEnded { run: i64, approved: bool },
    /// Somebody decided, or the system as the time was over.
    Decided {
        task: i64,
        by: AccountId,
        approve: bool,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        chose: Vec<AccountId>,
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        form: Map<String, Value>,
    },
    /// Somebody sent it back.
    Returned { task: i64, by: AccountId, to: Target },
    /// The initiator handed the form in again.
    Resubmitted {
        form: Map<String, Value>,
        facts: Initiator,
        chosen: BTreeMap<String, Vec<AccountId>>,
        resume: bool,
    },
    /// The initiator withdrew.
    Withdrawn,
    /// An approver took his decision back.
    TakenBack { task: i64 },
    /// A task has another assignee.
    Moved { task: i64, to: AccountId, origin: Origin },
    /// Somebody is asked for advice.
    Delegated { task: i64, to: AccountId },
    /// People were added.
    Signed { task: i64, people: Vec<AccountId>, position: Position },
    /// Somebody who was added is no longer needed.
    Unsigned { task: i64 },
    /// An administrator ended it, or the instance that it belongs to was ended.
    Terminated,
}

impl Event {
    /// The word of the log.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Started { .. } => "started",
            Self::Found { .. } => "assigned",
            Self::Ruled { .. } => "ruled",
            Self::Copied { .. } => "copied",
            Self::Elapsed { .. } => "elapsed",
            Self::ChildEnded { .. } => "subprocess_ended",
            Self::Decided { by, approve, .. } => match (*by == SYSTEM, *approve) {
                (true, true) => "expired_approved",
                (true, false) => "expired_rejected",
                (false, true) => "approved",
                (false, false) => "rejected",
            },
            Self::Returned { .. } => "returned",
            Self::Resubmitted { .. } => "resubmitted",
            Self::Withdrawn => "withdrawn",
            Self::TakenBack { .. } => "taken_back",
            Self::Moved { origin: Origin::Escalate, .. } => "escalated",
            Self::Moved { origin: Origin::Handover, .. } => "handed_over",
            Self::Moved { origin: Origin::Substitute, .. } => "substituted",
            Self::Moved { .. } => "transferred",
            Self::Delegated { .. } => "delegated",
            Self::Signed { .. } => "signers_added",
            Self::Unsigned { .. } => "signer_removed",
            Self::Terminated => "terminated",
        }
    }

    /// The task that it is about.
    pub fn task(&self) -> Option<i64> {
        match self {
            Self::Decided { task, .. }
            | Self::Returned { task, .. }
            | Self::TakenBack { task }
            | Self::Moved { task, .. }
            | Self::Delegated { task, .. }
            | Self::Signed { task, .. }
            | Self::Unsigned { task } => Some(*task),
            _ => None,
        }
    }

    /// The run that it is about.
    pub fn run(&self) -> Option<i64> {
        match self {
            Self::Found { run, .. }
            | Self::Ruled { run, .. }
            | Self::Copied { run, .. }
            | Self::Elapsed { run }
            | Self::ChildEnded { run, .. } => Some(*run),
            _ => None,
        }
    }
}

/// What the world has to do.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of the node")]
pub enum Effect {
    /// Find the people of a node: `Found` or `Ruled` comes back.
    Ask { run: i64 },
    /// Find the people that are to be informed: `Copied` comes back.
    Copy { run: i64 },
    /// `Elapsed` comes back after so many minutes.
    Wait { run: i64, minutes: u32 },
    /// Call an address of the outside; nothing comes back.
    Call { run: i64, target: String },
    /// Start another instance: `ChildEnded` comes back.
    Child { run: i64, definition: String },
}

/// Why an event does not fit the state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each variant's sentence names its fields")]
pub enum Fault {
    #[error("the instance is not running")]
    NotRunning,
    #[error("the instance was not returned")]
    NotReturned,
    #[error("there is no task {0}")]
    NoTask(i64),
    #[error("task {0} is not open")]
    NotOpen(i64),
    #[error("it is not the turn of task {0}")]
    NotItsTurn(i64),
    #[error("run {0} does not wait for this")]
    NotWaiting(i64),
    #[error("people who handle something cannot refuse it")]
    CannotReject,
    #[error("account {} is there already", .0.0)]
    There(AccountId),
    #[error("task {0} gives advice only")]
    OnlyAdvice(i64),
    #[error("task {0} was not added by anybody")]
    NotAdded(i64),
    #[error("it cannot go back there")]
    NotReturnable,
    #[error("what came after has been touched already")]
    TooLate,
    #[error("too many steps")]
    TooMany,
    #[error("the definition has no node {0}")]
    NoNode(String),
    #[error("node {node}: {cause}")]
    Condition { node: String, cause: String },
}

/// Entered nodes of one instance at most: a definition holds a few dozen, so this is many rounds of returning.
pub const RUNS_MAX: usize = 500;
/// Tasks of one instance at most.
pub const TASKS_MAX: usize = 2_000;
/// How deep people may add people.
pub const ADDED_DEPTH_MAX: usize = 5;
