//! What happens to an instance, what it asks of the world, and why something does not fit.

use super::model::{Origin, SYSTEM, Seat, Status};
use crate::workflow::variables::Initiator;
use livegrant_actors::AccountId;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use utoipa::ToSchema;

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
    /// Another instance is over without a decision: withdrawn, ended by somebody, or it could not be started.
    ChildGone {
        run: i64,
        status: Status,
        #[serde(default, skip_serializing_if = "String::is_empty")]
        reason: String,
    },
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
            Self::ChildEnded { .. } | Self::ChildGone { .. } => "subprocess_ended",
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
            | Self::ChildEnded { run, .. }
            | Self::ChildGone { run, .. } => Some(*run),
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
    /// Start another instance: `ChildEnded` or `ChildGone` comes back.
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
