//! Commenting (FW36): a question or an answer; it moves nothing, and the other side is told.

use super::instance::TaskState;
use super::outcome::{Outcome, check_comment, finish, need_comment};
use super::running::Act;
use super::view::{self, Standing};
use super::withdraw::Why;
use crate::core::Core;
use crate::db::bulk;
use crate::hr::resolve::is_caller;
use crate::policy::Principal;
use crate::refusal::Refusal;
use livegrant_actors::AccountId;
use serde_json::json;

/// Says something about an instance.
pub async fn comment(core: &Core, by: &Principal, guid: &str, said: &Why) -> Result<Outcome, Refusal> {
    is_caller(core, by, said.operator_guid.as_deref()).await?;
    check_comment(&said.comment)?;
    need_comment(&said.comment)?;
    let mut work = core.db.begin(&by.author()).await?;
    let (mut running, standing) = view::locked(core, &mut work, by, guid).await?;
    if standing == Standing::Viewer {
        return Err(Refusal::denied("of somebody who takes part"));
    }
    let author = by.author();
    let act = Act { actor: author.account, name: &author.name, comment: &said.comment };
    running.note(&mut work, &act, "commented", None, &json!({})).await?;
    let mut people = running.state.pending();
    people.push(running.state.initiator);
    // Whoever has decided already is part of the talk, too.
    let decided = running.state.tasks.iter().filter(|task| task.state != TaskState::Transferred);
    people.extend(decided.filter_map(|task| task.decided_by).filter(|by| *by != AccountId(0)));
    let names = bulk::cards(work.conn(), &[by.account().0]).await?;
    let name = names.into_iter().next().map(|(.., name)| name).unwrap_or_default();
    running.talk(&mut work, &people, &name, &said.comment);
    finish(core, work, by, &mut running, "workflow_comment", "").await
}
