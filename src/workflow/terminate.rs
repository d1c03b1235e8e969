//! Terminating (终止, FW14): an administrator or a manager of the definition ends an instance, with a reason.

use super::instance::{Event, Fault};
use super::outcome::{Outcome, check_comment, finish, need_comment};
use super::running::Act;
use super::view;
use super::withdraw::Why;
use crate::core::Core;
use crate::hr::resolve::is_caller;
use crate::policy::Principal;
use crate::refusal::Refusal;

/// Ends an instance.
pub async fn terminate(core: &Core, by: &Principal, guid: &str, why: &Why) -> Result<Outcome, Refusal> {
    is_caller(core, by, why.operator_guid.as_deref()).await?;
    check_comment(&why.comment)?;
    let mut work = core.db.begin(&by.author()).await?;
    let (mut running, standing) = view::locked(core, &mut work, by, guid).await?;
    if standing != view::Standing::Manager {
        return Err(Refusal::denied("workflow:admin"));
    }
    need_comment(&why.comment)?;
    if running.state.status.is_over() {
        return Err(running.refusal(&Fault::NotRunning));
    }
    let author = by.author();
    let act = Act { actor: author.account, name: &author.name, comment: &why.comment };
    running.apply(core, &mut work, &act, Event::Terminated).await?;
    finish(core, work, by, &mut running, "workflow_terminate", "workflow:admin").await
}
