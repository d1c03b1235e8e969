//! Withdrawing (撤回, FW12): by the initiator, while nobody has decided; later if the definition allows it.

use super::definitions::Withdraw;
use super::instance::{Event, Fault, Instance, Origin, Status, TaskState};
use super::outcome::{Outcome, check_comment, finish};
use super::running::{Act, Running};
use super::view;
use crate::core::Core;
use crate::db::Work;
use crate::hr::resolve::is_caller;
use crate::policy::Principal;
use crate::refusal::Refusal;
use serde::Deserialize;
use utoipa::ToSchema;

/// Why.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Why {
    /// Why.
    pub comment: String,
    /// Account or staff guid of the caller; anybody else's is refused (C3).
    pub operator_guid: Option<String>,
}

/// Withdraws an instance.
pub async fn withdraw(core: &Core, by: &Principal, guid: &str, why: &Why) -> Result<Outcome, Refusal> {
    is_caller(core, by, why.operator_guid.as_deref()).await?;
    let mut work = core.db.begin(&by.author()).await?;
    let (mut running, _) = view::locked(core, &mut work, by, guid).await?;
    within(core, &mut work, by, &mut running, &why.comment).await?;
    finish(core, work, by, &mut running, "workflow_withdraw", "").await
}

/// Withdraws a locked instance inside a unit of work; whoever calls stores and commits it.
pub async fn within(
    core: &Core,
    work: &mut Work,
    by: &Principal,
    running: &mut Running,
    comment: &str,
) -> Result<(), Refusal> {
    check_comment(comment)?;
    if running.state.initiator != by.account() {
        return Err(Refusal::denied("of the initiator"));
    }
    if running.state.status.is_over() {
        return Err(running.refusal(&Fault::NotRunning));
    }
    let late = running.definition.settings.withdraw == Withdraw::Undecided;
    if late && running.state.status == Status::Running && was_decided(&running.state) {
        return Err(Refusal::conflict("too_late", "somebody has decided already"));
    }
    let author = by.author();
    let act = Act { actor: author.account, name: &author.name, comment };
    running.apply(core, work, &act, Event::Withdrawn).await
}

/// Answers whether somebody has decided since it was handed in last.
fn was_decided(state: &Instance) -> bool {
    state.tasks.iter().any(|task| {
        let this = state.run(task.run).is_some_and(|run| run.revision == state.revision);
        let decided = matches!(
            task.state,
            TaskState::Approved | TaskState::Rejected | TaskState::Returned | TaskState::Expired
        );
        this && decided && task.origin != Origin::Delegate
    })
}
