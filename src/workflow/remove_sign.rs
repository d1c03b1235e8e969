//! Remove-sign (减签, FW9): who was added is taken away again before he acts, by whoever added him.

use super::instance::{Event, Fault};
use super::outcome::{Outcome, check_comment, finish};
use super::running::Act;
use super::view;
use crate::core::Core;
use crate::hr::resolve::{account_of_guid, is_caller};
use crate::policy::Principal;
use crate::refusal::Refusal;
use serde::Deserialize;
use utoipa::ToSchema;

/// Who is taken away.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Removed {
    /// Account or staff guids of people who were added to the task.
    pub staff_guids: Vec<String>,
    /// Why.
    #[serde(default)]
    pub comment: String,
    /// Account or staff guid of the caller; anybody else's is refused (C3).
    #[serde(default)]
    pub operator_guid: Option<String>,
}

/// Takes people away who were added to one's task.
pub async fn remove_sign(
    core: &Core,
    by: &Principal,
    task: &str,
    removed: &Removed,
) -> Result<Outcome, Refusal> {
    is_caller(core, by, removed.operator_guid.as_deref()).await?;
    check_comment(&removed.comment)?;
    if removed.staff_guids.is_empty() || removed.staff_guids.len() > 20 {
        return Err(Refusal::invalid("staffGuids", "invalid", "1 to 20 people"));
    }
    // Also who cannot act now: whoever added him would wait for ever.
    let unknown =
        || Refusal::invalid("staffGuids", "unknown_account", "names somebody twice, or who is not there");
    let mut found = Vec::new();
    for guid in &removed.staff_guids {
        let person = account_of_guid(core, by, guid).await?;
        let account = person.and_then(|person| person.account).filter(|account| !found.contains(account));
        found.push(account.ok_or_else(unknown)?);
    }
    let mut work = core.db.begin(&by.author()).await?;
    let (mut running, _, number) = view::locked_task(core, &mut work, by, task).await?;
    let own = running.state.task(number).is_some_and(|task| task.assignee == by.account());
    if !own {
        return Err(Refusal::denied("of whoever added these people"));
    }
    let author = by.author();
    let act = Act { actor: author.account, name: &author.name, comment: &removed.comment };
    for account in found {
        let of_his = |task: &&super::instance::Task| task.parent == Some(number) && task.assignee == account;
        let added = running.state.tasks.iter().rev().find(of_his).map(|task| task.number);
        let Some(added) = added else { return Err(running.refusal(&Fault::NotAdded(number))) };
        running.apply(core, &mut work, &act, Event::Unsigned { task: added }).await?;
    }
    finish(core, work, by, &mut running, "workflow_remove_sign", "").await
}
