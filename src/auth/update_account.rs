//! Changing an account: one's own profile; with permissions also others', their role and whether they may sign in at all.
//! Disabling ends every session in the same transaction (S3-20, ASVS 7.4.2).

use super::end_sessions::end;
use super::model::{AccountPatch, AccountRow, SessionFilter, check_role};
use super::store;
use crate::access::dominance::{Lasting, dominates_account};
use crate::access::{account_role, last_administrator};
use crate::core::Core;
use crate::db::Work;
use crate::policy::{EndCode, PolicyChange, Principal};
use crate::refusal::Refusal;
use crate::text::check_text;
use livegrant_actors::{AccountId, Rev};

/// Changes an account and answers it with the revision, when the policy changed.
pub async fn update(
    core: &Core,
    by: &Principal,
    id: AccountId,
    patch: &AccountPatch,
) -> Result<(AccountRow, Option<Rev>), Refusal> {
    let mut through = "own profile";
    if id != by.account() {
        by.require("account:update")?;
        through = "account:update";
    }
    check(patch)?;
    let before = match through {
        "account:update" => super::accounts::in_reach(core, by, id, through).await?,
        _ => super::accounts::in_company(core, by, id).await?,
    };
    if before.is_platform && !by.is_platform() {
        return Err(Refusal::denied("platform administrator"));
    }
    let mut work = core.db.begin(&by.author()).await?;
    if patch.version.is_some_and(|version| version != before.version) {
        return Err(Refusal::Outdated);
    }
    let now = work.now();
    if store::update_account(work.conn(), id, patch, before.version, now).await? == 0 {
        return Err(Refusal::Outdated);
    }
    if let Some(role) = patch.role.as_ref().filter(|role| before.role.as_ref() != Some(role)) {
        by.require("role:grant")?;
        through = "role:grant";
        account_role::replace(core, &mut work, by, id, role).await?;
        last_administrator::stays(&mut work).await?;
    }
    match patch.status.filter(|status| *status != before.status) {
        Some(0) => {
            by.require("account:disable")?;
            through = "account:disable";
            dominates_account(core, &mut work, by, id, Lasting::Now).await?;
            disable(&mut work, id).await?;
        }
        Some(_) => {
            by.require("account:disable")?;
            through = "account:disable";
            dominates_account(core, &mut work, by, id, Lasting::Now).await?;
            work.change(PolicyChange::UserStatus { account: id, enabled: true });
        }
        None => {}
    }
    if patch.display_name.is_some() {
        work.change(PolicyChange::AccountEdited { account: id });
    }
    work.audit("user_updated", "account", &id.to_string(), through).await?;
    let row = store::account(work.conn(), id).await?.ok_or(Refusal::NotFound { what: "account" })?;
    let committed = work.commit(&by.stamp()).await?;
    Ok((row, core.settle(committed).await))
}

/// Disables an account inside somebody else's unit of work: what leaving a company does on request.
pub async fn switch_off(core: &Core, work: &mut Work, by: &Principal, id: AccountId) -> Result<(), Refusal> {
    by.require("account:disable")?;
    let missing = Refusal::NotFound { what: "account" };
    let before = store::account(work.conn(), id).await?.ok_or(missing)?;
    if before.status == 0 {
        return Ok(());
    }
    dominates_account(core, work, by, id, Lasting::Now).await?;
    let (patch, now) = (AccountPatch { status: Some(0), ..AccountPatch::default() }, work.now());
    if store::update_account(work.conn(), id, &patch, before.version, now).await? == 0 {
        return Err(Refusal::Again);
    }
    disable(work, id).await?;
    Ok(work.audit("user_updated", "account", &id.to_string(), "account:disable").await?)
}

async fn disable(work: &mut Work, id: AccountId) -> Result<(), Refusal> {
    work.change(PolicyChange::UserStatus { account: id, enabled: false });
    let filter = SessionFilter { account: Some(id), ..SessionFilter::default() };
    end(work, &filter, EndCode::AccountDisabled).await?;
    last_administrator::stays(work).await
}

fn check(patch: &AccountPatch) -> Result<(), Refusal> {
    for (field, text) in [
        ("display_name", &patch.display_name),
        ("email", &patch.email),
        ("phone", &patch.phone),
        ("department", &patch.department),
    ] {
        text.as_deref().map_or(Ok(()), |text| check_text(field, text))?;
    }
    if patch.status.is_some_and(|status| !matches!(status, 0 | 1)) {
        return Err(Refusal::invalid("status", "invalid", "1 (enabled) or 0 (disabled)"));
    }
    patch.role.as_deref().map_or(Ok(()), check_role)
}
