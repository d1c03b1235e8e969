//! Reminding (催办, FW15): the initiator nudges those whose turn it is, not more often than the definition lets him.

use super::instance::{Fault, Status, TaskState};
use super::outcome::{Outcome, check_comment, finish};
use super::running::Act;
use super::store::tasks;
use super::view;
use super::withdraw::Why;
use crate::core::Core;
use crate::db::bulk;
use crate::hr::resolve::is_caller;
use crate::policy::Principal;
use crate::refusal::Refusal;
use livegrant_actors::AccountId;
use serde_json::json;

/// A minute in milliseconds.
const MINUTE: i64 = 60_000;

/// Reminds everybody who has to act.
///
/// # Errors
/// [`Refusal::Throttled`] while everybody who has to act was reminded a short time ago.
pub async fn remind(core: &Core, by: &Principal, guid: &str, why: &Why) -> Result<Outcome, Refusal> {
    is_caller(core, by, why.operator_guid.as_deref()).await?;
    check_comment(&why.comment)?;
    let mut work = core.db.begin(&by.author()).await?;
    let (mut running, _) = view::locked(core, &mut work, by, guid).await?;
    if running.state.initiator != by.account() {
        return Err(Refusal::denied("of the initiator"));
    }
    if running.state.status != Status::Running {
        return Err(running.refusal(&Fault::NotRunning));
    }
    let (now, pause) = (work.now(), i64::from(running.definition.settings.remind_minutes) * MINUTE);
    let open: Vec<(i64, AccountId, i64)> = running
        .tasks()
        .iter()
        .filter(|task| task.state == TaskState::Pending.word())
        .map(|task| (task.id, AccountId(task.assignee_id), task.reminded_at.map_or(0, |at| at + pause)))
        .collect();
    let due: Vec<_> = open.iter().filter(|(.., free_at)| *free_at <= now).collect();
    if due.is_empty() {
        let Some(first) = open.iter().map(|(.., free_at)| *free_at).min() else {
            return Err(Refusal::conflict("not_running", "it waits for nobody"));
        };
        return Err(Refusal::Throttled { retry_after_seconds: ((first - now + 999) / 1000) as u64 });
    }
    for (task, ..) in &due {
        tasks::remind(work.conn(), *task, now).await?;
    }
    let people: Vec<AccountId> = due.iter().map(|(_, account, _)| *account).collect();
    let author = by.author();
    let act = Act { actor: author.account, name: &author.name, comment: &why.comment };
    running.note(&mut work, &act, "reminded", None, &json!({ "people": people.len() })).await?;
    let names = bulk::cards(work.conn(), &[by.account().0]).await?;
    let name = names.into_iter().next().map(|(.., name)| name).unwrap_or_default();
    running.remind(&mut work, &people, &name, &why.comment);
    finish(core, work, by, &mut running, "workflow_remind", "").await
}
