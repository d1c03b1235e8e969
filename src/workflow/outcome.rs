//! What every action on an instance answers, and how it ends.

use super::instance::{RunState, Status, TaskState};
use super::running::{Parent, Running};
use crate::core::Core;
use crate::db::Work;
use crate::policy::Principal;
use crate::refusal::Refusal;
use serde::Serialize;
use utoipa::ToSchema;

/// Longest comment, in characters: a page.
pub const COMMENT_MAX: usize = 2_000;

/// Where an instance stands after an action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// The instance.
    pub guid: String,
    /// Its number.
    pub approval_no: String,
    /// Where it stands.
    pub status: Status,
    /// The same in the words that people are told (C27).
    pub approval_state: &'static str,
    /// How often the form was handed in.
    pub revision: i64,
    /// The nodes where somebody or something has to act.
    pub current_nodes: Vec<CurrentNode>,
}

/// A node where somebody or something has to act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct CurrentNode {
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Tasks that are open there now.
    pub open: usize,
}

impl Outcome {
    /// Tells where an instance stands.
    pub fn of(running: &Running) -> Self {
        Self {
            guid: running.row.guid.clone(),
            approval_no: running.row.approval_no.clone(),
            status: running.state.status,
            approval_state: running.state.status.told(),
            revision: running.state.revision,
            current_nodes: current_nodes(running),
        }
    }
}

/// Lists the nodes where somebody or something has to act; a condition only waits for its branches.
pub fn current_nodes(running: &Running) -> Vec<CurrentNode> {
    let open = running.state.runs.iter().filter(|run| run.state == RunState::Open && run.branches.is_empty());
    open.map(|run| CurrentNode {
        code: run.node.clone(),
        name: running.node_name(run.number),
        open: running.state.tasks_of(run.number).filter(|task| task.state == TaskState::Pending).count(),
    })
    .collect()
}

/// Stores, tells, audits and commits.
pub(super) async fn finish(
    core: &Core,
    mut work: Work,
    by: &Principal,
    running: &mut Running,
    action: &str,
    permission: &str,
) -> Result<Outcome, Refusal> {
    running.save(core, &mut work, Parent::Tell).await?;
    work.audit(action, "workflow", &running.row.guid, permission).await?;
    let committed = work.commit(&by.stamp()).await?;
    core.settle(committed).await;
    Ok(Outcome::of(running))
}

/// Checks what somebody says: lines are allowed, other control characters are not.
pub fn check_comment(comment: &str) -> Result<(), Refusal> {
    let control = |letter: char| letter.is_control() && !matches!(letter, '\n' | '\r' | '\t');
    if comment.chars().count() > COMMENT_MAX || comment.chars().any(control) {
        let detail =
            format!("at most {COMMENT_MAX} characters, no control characters but line ends and tabs");
        return Err(Refusal::invalid("comment", "invalid", detail));
    }
    Ok(())
}

/// Checks that something was said.
pub fn need_comment(comment: &str) -> Result<(), Refusal> {
    if comment.trim().is_empty() {
        return Err(Refusal::invalid("comment", "required", "say why"));
    }
    Ok(())
}
