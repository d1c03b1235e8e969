//! An account's `role` field (S2-46): the grant of the builtin role with that code. Writing the field moves the grant.

use super::dominance::dominates_holder;
use super::{last_administrator, store};
use crate::core::Core;
use crate::db::Work;
use crate::policy::{HolderId, PolicyChange, Principal};
use crate::refusal::Refusal;
use livegrant_actors::AccountId;

/// Takes the old builtin role, if there was one, and gives the new one, inside the caller's unit of work.
pub async fn replace(
    core: &Core,
    work: &mut Work,
    by: &Principal,
    account: AccountId,
    old: Option<&str>,
    new: &str,
) -> Result<(), Refusal> {
    let now = work.now();
    let given = store::builtin_role(work.conn(), new).await?.ok_or(Refusal::NotFound { what: "role" })?;
    dominates_holder(core, by, HolderId::Role(given))?;
    let mut removed = Vec::new();
    if let Some(old) = old
        && let Some(taken) = store::builtin_role(work.conn(), old).await?
        && store::take_role(work.conn(), account, taken).await? > 0
    {
        removed.push(taken);
    }
    let added = store::give_role(work.conn(), account, given, None, None, by.account(), now).await?;
    let added = if added > 0 { vec![given] } else { Vec::new() };
    if !removed.is_empty() {
        last_administrator::stays(work).await?;
    }
    work.change(PolicyChange::UserRoles { account, added, removed });
    Ok(())
}
