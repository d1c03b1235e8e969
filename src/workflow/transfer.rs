//! Transfer (转办, FW6): somebody else decides in one's place, for good.

use super::decide::{allowed, may_act, not_the_initiator, people, rules};
use super::instance::{Event, Origin};
use super::outcome::{Outcome, check_comment, finish};
use super::running::Act;
use super::view;
use crate::core::Core;
use crate::hr::resolve::is_caller;
use crate::policy::Principal;
use crate::refusal::Refusal;
use serde::Deserialize;
use utoipa::ToSchema;

/// To whom, and why.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct To {
    /// Account or staff guid.
    pub staff_guid: String,
    /// Why.
    #[serde(default)]
    pub comment: String,
    /// Account or staff guid of the caller; anybody else's is refused (C3).
    #[serde(default)]
    pub operator_guid: Option<String>,
}

/// Hands a task over.
pub async fn transfer(core: &Core, by: &Principal, task: &str, to: &To) -> Result<Outcome, Refusal> {
    is_caller(core, by, to.operator_guid.as_deref()).await?;
    check_comment(&to.comment)?;
    let mut work = core.db.begin(&by.author()).await?;
    let (mut running, _, number) = view::locked_task(core, &mut work, by, task).await?;
    let node = may_act(core, &mut work, by, &running, number).await?;
    allowed(rules(&node).allows.transfer)?;
    let found = people(&mut work, by, "staffGuid", std::slice::from_ref(&to.staff_guid)).await?;
    not_the_initiator(&running, &node, "staffGuid", &found)?;
    let author = by.author();
    let act = Act { actor: author.account, name: &author.name, comment: &to.comment };
    for account in found {
        let event = Event::Moved { task: number, to: account, origin: Origin::Transfer };
        running.apply(core, &mut work, &act, event).await?;
    }
    finish(core, work, by, &mut running, "workflow_transfer", "").await
}
