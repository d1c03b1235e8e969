//! Delegate (委派, FW7): somebody prepares the decision; what he says is advice, and the task comes back.

use super::decide::{allowed, may_act, not_the_initiator, people, rules};
use super::instance::Event;
use super::outcome::{Outcome, check_comment, finish};
use super::running::Act;
use super::transfer::To;
use super::view;
use crate::core::Core;
use crate::hr::resolve::is_caller;
use crate::policy::Principal;
use crate::refusal::Refusal;

/// Asks somebody for advice.
pub async fn delegate(core: &Core, by: &Principal, task: &str, to: &To) -> Result<Outcome, Refusal> {
    is_caller(core, by, to.operator_guid.as_deref()).await?;
    check_comment(&to.comment)?;
    let mut work = core.db.begin(&by.author()).await?;
    let (mut running, _, number) = view::locked_task(core, &mut work, by, task).await?;
    let node = may_act(core, &mut work, by, &running, number).await?;
    allowed(rules(&node).allows.delegate)?;
    let found = people(&mut work, by, "staffGuid", std::slice::from_ref(&to.staff_guid)).await?;
    not_the_initiator(&running, &node, "staffGuid", &found)?;
    let author = by.author();
    let act = Act { actor: author.account, name: &author.name, comment: &to.comment };
    for account in found {
        running.apply(core, &mut work, &act, Event::Delegated { task: number, to: account }).await?;
    }
    finish(core, work, by, &mut running, "workflow_delegate", "").await
}
