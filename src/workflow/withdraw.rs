//! Withdrawing (撤回, FW12): by the initiator, while nobody has decided; later if the definition allows it.

use super::definitions::Withdraw;
use super::graph::NodeKind;
use super::instance::{Event, Fault, Instance, Origin, Status, TaskState};
use super::outcome::{Outcome, check_comment, finish};
use super::running::{Act, Running};
use super::store::instances::{self, RunRow};
use super::view;
use super::walk;
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
    if running.state.status == Status::Running && is_too_late(work, running).await? {
        return Err(Refusal::conflict("too_late", "somebody has decided already"));
    }
    let author = by.author();
    let act = Act { actor: author.account, name: &author.name, comment };
    running.apply(core, work, &act, Event::Withdrawn).await
}

/// Answers whether somebody has decided already: in it, in what it waits for, or in what waits for it and would end with it.
async fn is_too_late(work: &mut Work, running: &Running) -> Result<bool, Refusal> {
    let undecided = |running: &Running| running.definition.settings.withdraw == Withdraw::Undecided;
    if undecided(running)
        && (was_decided(&running.state) || was_decided_inside(work, running, Inside::Held).await?)
    {
        return Ok(true);
    }
    let mut above = running.row.parent_run_id;
    while let Some(run) = above {
        let Some((instance, _)) = instances::of_run(work.conn(), run).await? else { break };
        let Some(waits) = Running::read(work.conn(), instance).await? else { break };
        if undecided(&waits)
            && (was_decided(&waits.state) || was_decided_inside(work, &waits, Inside::Seen).await?)
        {
            return Ok(true);
        }
        above = waits.row.parent_run_id;
    }
    Ok(false)
}

/// How the instances that one waits for are looked at.
#[derive(Clone, Copy)]
enum Inside {
    /// Locked, as they end with it: nobody decides between this look and their end (FW32).
    Held,
    /// As they are.
    Seen,
}

async fn was_decided_inside(work: &mut Work, of: &Running, inside: Inside) -> Result<bool, Refusal> {
    let mut open = waited_for(of);
    while let Some(run) = open.pop() {
        let Some(child) = instances::child_of_run(work.conn(), run).await? else { continue };
        let child = match inside {
            Inside::Held => Running::lock(work, child).await?,
            Inside::Seen => Running::read(work.conn(), child).await?,
        };
        let Some(child) = child else { continue };
        if was_decided(&child.state) {
            return Ok(true);
        }
        open.extend(waited_for(&child));
    }
    Ok(false)
}

/// The rows of the runs that wait, or waited, for another instance since it was handed in last.
fn waited_for(running: &Running) -> Vec<i64> {
    let waits = |run: &&RunRow| {
        let node = walk::find(&running.definition.graph, &run.node_code);
        run.revision == running.state.revision
            && node.is_some_and(|node| matches!(node.kind, NodeKind::Subprocess { .. }))
    };
    running.runs().iter().filter(waits).map(|run| run.id).collect()
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
