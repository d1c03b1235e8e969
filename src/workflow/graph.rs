//! What a definition says: a sequence of nodes, some of which hold sequences of their own.
//!
//! Invariants: a graph is a tree, not a net. What follows a branch is what follows the node that branched, so that no
//! definition can wait for a branch that was not taken, and nothing can jump into the middle of a parallel part. Node codes
//! are unique in the whole graph; `validate.rs` sees to it. Pure data: who the assignees are is found out elsewhere.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A definition's graph: from the start to the end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Graph {
    /// In their order. The first is `start`; after the last, or at an `end`, the instance is approved.
    pub nodes: Vec<Node>,
}

/// A node. What its kind does not know is refused by the kind: a flattened field cannot be told from an unknown one here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Node {
    /// Unique in the graph: 1 to 64 letters, digits, `_`, `-`, `.` or `:`.
    pub code: String,
    /// For people.
    pub name: String,
    /// What it does.
    #[serde(flatten)]
    pub kind: NodeKind,
}

/// What a node does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum NodeKind {
    /// Where an instance begins; a returned one comes back here.
    Start {
        /// What the initiator may do with the form's fields.
        #[serde(default)]
        fields: BTreeMap<String, Access>,
    },
    /// People decide.
    Approve(Work),
    /// People do something; they cannot reject.
    Handle(Work),
    /// People are informed (FW16).
    Copy {
        /// Who.
        assignees: Vec<AssigneeRule>,
    },
    /// The way divides (FW17).
    Condition {
        /// How many of the branches are taken.
        mode: Split,
        /// In their order; of an exclusive one the first that holds is taken.
        branches: Vec<Branch>,
    },
    /// Decides by itself (FW23).
    Auto {
        /// What.
        decision: AutoDecision,
    },
    /// Waits.
    Delay {
        /// Minutes.
        minutes: u32,
    },
    /// Calls an address of the outside, through the outbox (FW38).
    Trigger {
        /// Name of one of the addresses that the settings allow.
        target: String,
    },
    /// Runs another definition and goes on when it is approved (FW38).
    Subprocess {
        /// Code of that definition.
        definition: String,
    },
    /// The instance is approved here.
    End,
}

impl NodeKind {
    /// Its word in a definition.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Start { .. } => "start",
            Self::Approve(_) => "approve",
            Self::Handle(_) => "handle",
            Self::Copy { .. } => "copy",
            Self::Condition { .. } => "condition",
            Self::Auto { .. } => "auto",
            Self::Delay { .. } => "delay",
            Self::Trigger { .. } => "trigger",
            Self::Subprocess { .. } => "subprocess",
            Self::End => "end",
        }
    }
}

/// What people have to do at a node, and by which rules.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Work {
    /// Who; together, each once, in the order of the rules.
    pub assignees: Vec<AssigneeRule>,
    /// How many of them decide.
    #[serde(default)]
    pub mode: Mode,
    /// What rejections do where several decide (FW5).
    #[serde(default)]
    pub reject_rule: RejectRule,
    /// What happens when nobody is found (FW20).
    #[serde(default)]
    pub when_empty: WhenEmpty,
    /// What happens when the initiator is among them (FW21).
    #[serde(default)]
    pub when_initiator: WhenInitiator,
    /// What happens with those who approved before (FW22).
    #[serde(default)]
    pub when_repeated: WhenRepeated,
    /// What happens when nobody acts in time (FW24).
    #[serde(default)]
    pub timeout: Option<Timeout>,
    /// What a decision has to bring along (FW30).
    #[serde(default)]
    pub needs: Needs,
    /// What the assignee may do besides deciding.
    #[serde(default)]
    pub allows: Allows,
    /// What the assignees may do with the form's fields; a field that is not named is read (FW29).
    #[serde(default)]
    pub fields: BTreeMap<String, Access>,
}

/// How many of the assignees decide.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Mode {
    /// The first decision decides (或签, FW2).
    #[default]
    Any,
    /// All must agree (会签, FW1).
    All,
    /// All must agree, one after the other (依次, FW3).
    Sequential,
    /// So many percent, 1 to 100, rounded up to people (票签, FW4).
    Vote {
        /// Of the assignees.
        percent: u8,
    },
}

/// What rejections do where several decide (FW5).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RejectRule {
    /// One rejection rejects.
    #[default]
    Veto,
    /// Rejected once so many have rejected that approval cannot be reached any more.
    Count,
}

/// What happens when nobody is found (FW20). There is never a task of nobody.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum WhenEmpty {
    /// The node approves by itself.
    Approve,
    /// The node rejects by itself.
    Reject,
    /// A person decides.
    Account {
        /// Account or staff guid.
        guid: String,
    },
    /// The definition's managers decide, and where there are none the holders of `workflow:admin`.
    #[default]
    Managers,
}

/// What happens when the initiator is among the assignees (FW21).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhenInitiator {
    /// He is left out; if nobody remains the node counts as empty.
    #[default]
    Skip,
    /// He decides on his own.
    Allow,
    /// His organisation's head decides in his place.
    Head,
}

/// What happens with those who approved before in this instance (FW22).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhenRepeated {
    /// They decide again.
    #[default]
    Ask,
    /// Their approval counts again if they decided at the node just before.
    Consecutive,
    /// Their approval counts again.
    Once,
}

/// What happens when nobody acts in time (FW24).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Timeout {
    /// Minutes from when the task is there.
    pub minutes: u32,
    /// What happens then.
    pub action: TimeoutAction,
    /// Reminders: how often at most, `minutes` apart each.
    #[serde(default)]
    pub repeat: u32,
}

/// What happens when the time is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum TimeoutAction {
    /// The assignees are told again.
    Remind,
    /// Approved by the system.
    Approve,
    /// Rejected by the system.
    Reject,
    /// The task goes to somebody else.
    Transfer {
        /// Account or staff guid.
        guid: String,
    },
    /// The task goes to the head of the assignee's organisation, and from a head to the one above.
    Escalate,
}

/// What a decision has to bring along (FW30).
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own in the definition")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Needs {
    /// A comment with an approval.
    pub comment_on_approve: bool,
    /// A comment with a rejection or return.
    pub comment_on_reject: bool,
    /// A signature.
    pub signature: bool,
    /// At least one attachment.
    pub attachment: bool,
}

impl Default for Needs {
    fn default() -> Self {
        Self { comment_on_approve: false, comment_on_reject: true, signature: false, attachment: false }
    }
}

/// What the assignee may do besides deciding; everything unless switched off, but taking a decision back.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own in the definition")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Allows {
    /// Hand the task over for good (FW6).
    pub transfer: bool,
    /// Ask somebody to prepare the decision (FW7).
    pub delegate: bool,
    /// Add people (FW8).
    pub add_sign: bool,
    /// Send the instance back (FW10).
    pub return_back: bool,
    /// Take the own decision back while the next node is untouched (FW13).
    pub take_back: bool,
}

impl Default for Allows {
    fn default() -> Self {
        Self { transfer: true, delegate: true, add_sign: true, return_back: true, take_back: false }
    }
}

/// What may be done with a form's field (FW29).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// Read and changed.
    Edit,
    /// Read.
    Read,
    /// Absent from every answer.
    Hide,
}

/// How many branches are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// The first that holds, else the default.
    Exclusive,
    /// All; conditions are not looked at.
    Parallel,
    /// All that hold, else the default.
    Inclusive,
}

/// A branch of a condition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Branch {
    /// Unique in the graph, among nodes too.
    pub code: String,
    /// For people.
    pub name: String,
    /// When it is taken; `None`: the default, of which there is exactly one unless all are taken.
    #[serde(default)]
    pub when: Option<Condition>,
    /// What happens in it; may be empty.
    #[schema(no_recursion)]
    pub nodes: Vec<Node>,
}

/// When a branch is taken: data, as a form makes it (FW18).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// All of these hold.
    #[schema(no_recursion)]
    All(Vec<Condition>),
    /// One of these holds.
    #[schema(no_recursion)]
    Any(Vec<Condition>),
    /// A field is compared with a value.
    Field {
        /// Of the form, or `initiator.department`, `initiator.roles`, `initiator.positions`.
        field: String,
        /// How.
        op: Comparison,
        /// With what.
        value: serde_json::Value,
    },
    /// An expression of the sandboxed language (`condition.rs` says which), true or false.
    Expression(String),
}

/// How a field is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Comparison {
    /// Equal.
    Eq,
    /// Not equal.
    Ne,
    /// Greater.
    Gt,
    /// Greater or equal.
    Ge,
    /// Less.
    Lt,
    /// Less or equal.
    Le,
    /// One of a list.
    In,
    /// None of a list.
    NotIn,
    /// A list or text that has the value in it.
    Contains,
}

/// What an `auto` node decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AutoDecision {
    /// Goes on.
    Approve,
    /// The instance is rejected.
    Reject,
}

/// Who (FW19). Guids are those of accounts or staff; people without a login, or switched off, are nobody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum AssigneeRule {
    /// These people.
    Users {
        /// Account or staff guids.
        guids: Vec<String>,
    },
    /// Everybody with a role.
    Role {
        /// Its code.
        code: String,
    },
    /// Everybody in a position.
    Position {
        /// Its code.
        code: String,
    },
    /// Everybody of an organisation.
    Members {
        /// Its guid.
        organization: String,
    },
    /// The head of an organisation.
    Head {
        /// Its guid.
        organization: String,
    },
    /// The head of the initiator's organisation; `up` levels above it.
    InitiatorHead {
        /// 0: his own organisation.
        #[serde(default)]
        up: u32,
    },
    /// The heads from the initiator's organisation upwards, one after the other.
    InitiatorHeads {
        /// So many levels at most.
        levels: u32,
    },
    /// The initiator himself.
    Initiator,
    /// Those whom the initiator chose when he started.
    InitiatorChooses {
        /// At least.
        #[serde(default = "one")]
        min: u32,
        /// At most.
        #[serde(default = "ten")]
        max: u32,
    },
    /// Those whom the approver before chose with his decision.
    PreviousChooses,
    /// The people that a field of the form names.
    Field {
        /// Its name; holds a guid or a list of guids.
        name: String,
    },
    /// An expression of the sandboxed language that gives a guid or a list of guids.
    Expression {
        /// Its text.
        text: String,
    },
}

const fn one() -> u32 {
    1
}

const fn ten() -> u32 {
    10
}
