//! Handing over (FW43): everything that somebody has to do becomes somebody else's, in one action. For people who leave.

use super::decide::not_the_initiator;
use super::instance::{Event, Fault, Origin, Task};
use super::running::{Act, Parent, Running};
use super::store::tasks;
use super::walk;
use crate::core::Core;
use crate::db::Work;
use crate::hr::resolve::{account_of_guid, is_caller};
use crate::policy::Principal;
use crate::refusal::Refusal;
use livegrant_actors::{AccountId, CompanyId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Tasks of one handover at most; whoever has more is handed over in several turns, and told so.
const TASKS_MAX: i64 = 1_000;

/// From whom to whom.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Handover {
    /// Account or staff guid.
    pub from_guid: String,
    /// Account or staff guid.
    pub to_guid: String,
    /// Why.
    #[serde(default)]
    pub comment: String,
    /// Account or staff guid of the caller; anybody else's is refused (C3).
    #[serde(default)]
    pub operator_guid: Option<String>,
}

/// What became of the tasks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct HandedOver {
    /// Tasks that have the new assignee.
    pub moved: usize,
    /// Tasks that stay, and why: the new one started the instance, or has a task at the node already.
    pub kept: Vec<Kept>,
    /// There are more: ask again.
    pub more: bool,
}

/// A task that was not handed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Kept {
    /// The task.
    pub task_guid: String,
    /// `own_instance` or `already_there`.
    pub code: String,
}

/// Hands the open tasks of somebody over.
pub async fn handover(core: &Core, by: &Principal, handover: &Handover) -> Result<HandedOver, Refusal> {
    by.require("workflow:admin")?;
    is_caller(core, by, handover.operator_guid.as_deref()).await?;
    super::outcome::check_comment(&handover.comment)?;
    let account = async |field: &'static str, guid: &str| {
        let person = account_of_guid(core, by, guid).await?;
        person.and_then(|person| person.account).ok_or_else(|| {
            Refusal::invalid(field, "unknown_account", "there is no such account in your company")
        })
    };
    let from = account("fromGuid", &handover.from_guid).await?;
    let to = account("toGuid", &handover.to_guid).await?;
    if from == to {
        return Err(Refusal::invalid("toGuid", "invalid", "the same person"));
    }
    let mut work = core.db.begin(&by.author()).await?;
    let done = within(core, &mut work, by.company(), from, to, Origin::Handover, &handover.comment).await?;
    work.audit("workflow_handover", "account", &handover.from_guid, "workflow:admin").await?;
    let committed = work.commit(&by.stamp()).await?;
    core.settle(committed).await;
    Ok(done)
}

/// The same inside a unit of work of an area that knows who may (somebody leaves, a substitute takes over what is open);
/// whoever calls commits.
pub async fn within(
    core: &Core,
    work: &mut Work,
    company: CompanyId,
    from: AccountId,
    to: AccountId,
    origin: Origin,
    comment: &str,
) -> Result<HandedOver, Refusal> {
    let able = crate::hr::reporting::able(work.conn(), company, &[to]).await?;
    if able.is_empty() {
        return Err(Refusal::invalid("toGuid", "unknown_account", "this person cannot act now"));
    }
    let mut open = tasks::open_of(work.conn(), company, from, 0, TASKS_MAX + 1).await?;
    let more = open.len() as i64 > TASKS_MAX;
    open.truncate(TASKS_MAX as usize);
    // Instances are locked in the order of their rows, as everybody who locks several does.
    let mut by_instance: BTreeMap<i64, Vec<(i64, String)>> = BTreeMap::new();
    for (_, instance, number, guid) in open {
        by_instance.entry(instance).or_default().push((number, guid));
    }
    let author = work.author().clone();
    let act = Act { actor: author.account, name: &author.name, comment };
    let mut done = HandedOver { more, ..HandedOver::default() };
    for (instance, tasks) in by_instance {
        let Some(mut running) = Running::lock(work, instance).await? else { continue };
        for (number, guid) in tasks {
            // Somebody may have decided it since it was listed.
            let Some(task) =
                running.state.task(number).filter(|task| task.state.is_open() && task.assignee == from)
            else {
                continue;
            };
            if let Some(code) = why_not(&running, task, to) {
                done.kept.push(Kept { task_guid: guid, code: code.to_owned() });
                continue;
            }
            running.apply(core, work, &act, Event::Moved { task: number, to, origin }).await?;
            done.moved += 1;
        }
        running.save(core, work, Parent::Tell).await?;
    }
    Ok(done)
}

/// Why a task cannot become somebody's.
pub(super) fn why_not(running: &Running, task: &Task, to: AccountId) -> Option<&'static str> {
    let code = running.state.run(task.run).map_or("", |run| run.node.as_str());
    let node = walk::find(&running.definition.graph, code)?;
    if not_the_initiator(running, node, "", &[to]).is_err() {
        return Some("own_instance");
    }
    let moved = Event::Moved { task: task.number, to, origin: Origin::Handover };
    match super::instance::step(&running.definition.graph, &running.state, &moved) {
        Err(Fault::There(_)) => Some("already_there"),
        Err(_) => Some("not_running"),
        Ok(_) => None,
    }
}
