//! Add-sign (加签, FW8): an approver adds people who decide before him, after him, or at the same time.

use super::decide::{allowed, may_act, not_the_initiator, people, rules};
use super::instance::{Event, Position};
use super::outcome::{Outcome, check_comment, finish};
use super::running::Act;
use super::view;
use crate::core::Core;
use crate::hr::resolve::is_caller;
use crate::policy::Principal;
use crate::refusal::Refusal;
use serde::Deserialize;
use utoipa::ToSchema;

/// Who is added, and where.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Added {
    /// `before`, `after` or `parallel`.
    pub position: Position,
    /// Account or staff guids.
    pub staff_guids: Vec<String>,
    /// Why.
    #[serde(default)]
    pub comment: String,
    /// Account or staff guid of the caller; anybody else's is refused (C3).
    #[serde(default)]
    pub operator_guid: Option<String>,
}

/// Adds people to a task.
pub async fn add_sign(core: &Core, by: &Principal, task: &str, added: &Added) -> Result<Outcome, Refusal> {
    is_caller(core, by, added.operator_guid.as_deref()).await?;
    check_comment(&added.comment)?;
    if added.staff_guids.is_empty() {
        return Err(Refusal::invalid("staffGuids", "required", "name at least one person"));
    }
    let mut work = core.db.begin(&by.author()).await?;
    let (mut running, _, number) = view::locked_task(core, &mut work, by, task).await?;
    let node = may_act(core, &mut work, by, &running, number).await?;
    allowed(rules(&node).allows.add_sign)?;
    let found = people(&mut work, by, "staffGuids", &added.staff_guids).await?;
    not_the_initiator(&running, &node, "staffGuids", &found)?;
    let author = by.author();
    let act = Act { actor: author.account, name: &author.name, comment: &added.comment };
    let event = Event::Signed { task: number, people: found, position: added.position };
    running.apply(core, &mut work, &act, event).await?;
    finish(core, work, by, &mut running, "workflow_add_sign", "").await
}
