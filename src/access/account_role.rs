//! An account's `role` field (S2-46): a view of the grant of one of the four builtin roles. Writing the field moves the
//! grant; whatever else moves a grant writes the field.

use super::dominance::{Lasting, dominates_grant, dominates_holder};
use super::{scope, store};
use crate::auth::accounts::show_role;
use crate::auth::model::ACCOUNT_ROLES;
use crate::core::Core;
use crate::db::Work;
use crate::policy::{HolderId, PolicyChange, Principal};
use crate::refusal::Refusal;
use livegrant_actors::{AccountId, RoleId};

/// Takes the builtin role that the account has, if any, and gives the new one for good, inside the caller's unit of work.
pub async fn replace(
    core: &Core,
    work: &mut Work,
    by: &Principal,
    account: AccountId,
    new: &str,
) -> Result<(), Refusal> {
    let now = work.now();
    let given = store::builtin_role(work.conn(), by.company(), new)
        .await?
        .ok_or(Refusal::NotFound { what: "role" })?;
    let organization = scope::own_organization(core, account).await?;
    dominates_grant(core, work, by, HolderId::Role(given), Lasting::ForGood, organization).await?;
    let mut removed = Vec::new();
    for held in store::roles_of(work.conn(), account).await? {
        if held.kind == "builtin" && ACCOUNT_ROLES.contains(&held.code.as_str()) {
            let taken = RoleId(held.role_id);
            dominates_holder(core, work, by, HolderId::Role(taken), Lasting::Now)?;
            store::take_role(work.conn(), account, taken).await?;
            removed.push(taken);
        }
    }
    store::give_role(work.conn(), account, given, None, None, by.account(), now).await?;
    show(work, account).await?;
    work.change(PolicyChange::UserRoles { account, added: vec![given], removed });
    Ok(())
}

/// Writes the field after the grants have changed: the first of the four that is held, or none.
pub async fn show(work: &mut Work, account: AccountId) -> Result<(), Refusal> {
    let held = store::roles_of(work.conn(), account).await?;
    let builtin = |code: &&str| held.iter().any(|role| role.kind == "builtin" && role.code == **code);
    let role = ACCOUNT_ROLES.iter().copied().find(|code| builtin(code));
    show_role(work, account, role).await
}
