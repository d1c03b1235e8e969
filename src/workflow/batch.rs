//! Approving many tasks in one request (FW37): each in a transaction of its own, each with its own result.

use super::decide::{Decision, Verdict, decide};
use super::outcome::Outcome;
use crate::core::Core;
use crate::policy::Principal;
use crate::refusal::Refusal;
use serde::Deserialize;
use utoipa::ToSchema;

/// Tasks of one request at most: a page of a list.
pub const TASKS_MAX: usize = 100;

/// Which tasks.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Batch {
    /// Their guids, each once.
    pub task_guids: Vec<String>,
    /// Said with each.
    #[serde(default)]
    pub comment: String,
    /// Account or staff guid of the caller; anybody else's is refused (C3).
    #[serde(default)]
    pub operator_guid: Option<String>,
}

/// Checks a batch as a whole.
pub fn check(batch: &Batch) -> Result<(), Refusal> {
    let mut seen = std::collections::BTreeSet::new();
    if batch.task_guids.is_empty() || batch.task_guids.len() > TASKS_MAX {
        return Err(Refusal::invalid("taskGuids", "too_many", format!("1 to {TASKS_MAX} tasks")));
    }
    if !batch.task_guids.iter().all(|guid| seen.insert(guid)) {
        return Err(Refusal::invalid("taskGuids", "invalid", "a task is named twice"));
    }
    super::outcome::check_comment(&batch.comment)
}

/// Approves one task of a batch.
pub async fn approve_one(core: &Core, by: &Principal, task: &str, batch: &Batch) -> Result<Outcome, Refusal> {
    let decision = Decision {
        comment: batch.comment.clone(),
        operator_guid: batch.operator_guid.clone(),
        ..Decision::default()
    };
    decide(core, by, task, Verdict::Approve, &decision).await
}
