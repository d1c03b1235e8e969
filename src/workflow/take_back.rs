//! Taking back (拿回, FW13): an approver takes his own decision back while the next node is untouched.

use super::decide::{allowed, rules};
use super::instance::Event;
use super::outcome::{Outcome, check_comment, finish};
use super::running::Act;
use super::view;
use super::walk;
use super::withdraw::Why;
use crate::core::Core;
use crate::hr::resolve::is_caller;
use crate::policy::Principal;
use crate::refusal::Refusal;

/// Takes one's decision back.
pub async fn take_back(core: &Core, by: &Principal, task: &str, why: &Why) -> Result<Outcome, Refusal> {
    is_caller(core, by, why.operator_guid.as_deref()).await?;
    check_comment(&why.comment)?;
    let mut work = core.db.begin(&by.author()).await?;
    let (mut running, _, number) = view::locked_task(core, &mut work, by, task).await?;
    let found = running.state.task(number).ok_or(view::MISSING)?;
    if found.decided_by.unwrap_or(found.assignee) != by.account() {
        return Err(Refusal::denied("of whoever decided"));
    }
    let code = running.state.run(found.run).map_or("", |run| run.node.as_str());
    let node = walk::find(&running.definition.graph, code).ok_or(view::MISSING)?;
    allowed(rules(node).allows.take_back)?;
    let author = by.author();
    let act = Act { actor: author.account, name: &author.name, comment: &why.comment };
    running.apply(core, &mut work, &act, Event::TakenBack { task: number }).await?;
    finish(core, work, by, &mut running, "workflow_take_back", "").await
}
