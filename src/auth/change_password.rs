//! Passwords: the owner changes his (his other sessions end), an administrator resets somebody's (all of them end).
//! The new hash, the ended sessions and the account's epoch go into one transaction.

use super::Keys;
use super::end_sessions::end;
use super::model::{SessionFilter, check_password};
use super::store;
use crate::access::dominance::{Lasting, dominates_account};
use crate::core::Core;
use crate::policy::{EndCode, Principal};
use crate::refusal::Refusal;
use livegrant_actors::{AccountId, Rev};

/// The owner changes his password.
pub async fn change_own(
    core: &Core,
    keys: &Keys,
    by: &Principal,
    old: &str,
    new: &str,
) -> Result<Option<Rev>, Refusal> {
    let stored = store::password_of(&mut core.db.read().await?, by.account()).await?;
    let (hash, username) = stored.ok_or_else(Refusal::session_ended)?;
    check_password("new_password", new, &username, core.settings.auth.password_min_length)?;
    let ip = &by.author().ip;
    // The same throttle as signing in: an open page must not become a place to guess at.
    keys.throttle.begin(&username, ip, core.clock.now_ms())?;
    if !keys.hasher.verify(old.to_owned(), Some(hash)).await? {
        return Err(Refusal::invalid("old_password", "invalid_credentials", "this is not your password"));
    }
    keys.throttle.succeeded(&username, ip);
    store_new(core, keys, by, by.account(), new, EndCode::PasswordChanged).await
}

/// An administrator sets somebody's password; the owner is asked to change it.
pub async fn reset(
    core: &Core,
    keys: &Keys,
    by: &Principal,
    account: AccountId,
    new: &str,
) -> Result<Option<Rev>, Refusal> {
    let row = super::accounts::in_reach(core, by, account, "account:update").await?;
    if row.is_platform && !by.is_platform() {
        return Err(Refusal::denied("platform administrator"));
    }
    check_password("new_password", new, &row.username, core.settings.auth.password_min_length)?;
    store_new(core, keys, by, account, new, EndCode::PasswordReset).await
}

async fn store_new(
    core: &Core,
    keys: &Keys,
    by: &Principal,
    account: AccountId,
    new: &str,
    code: EndCode,
) -> Result<Option<Rev>, Refusal> {
    let hash = keys.hasher.hash(new.to_owned()).await?;
    let mut work = core.db.begin(&by.author()).await?;
    if account != by.account() {
        // Whoever sets a password can sign in with it: nobody takes over an account that may do more than he (C8).
        dominates_account(core, &mut work, by, account, Lasting::Now).await?;
    }
    let now = work.now();
    store::set_password(work.conn(), account, &hash, code == EndCode::PasswordReset, now).await?;
    let keep = (account == by.account()).then(|| by.sid().clone());
    let filter = SessionFilter { account: Some(account), keep, ..SessionFilter::default() };
    end(&mut work, &filter, code).await?;
    work.audit("authn_password_change", "account", &account.to_string(), code.as_str()).await?;
    let committed = work.commit(&by.stamp()).await?;
    Ok(core.settle(committed).await)
}
