//! Giving roles to accounts and taking them (S3-17), for good or for a time. Repeating is harmless.

use super::dominance::{Lasting, dominates_grant, dominates_holder};
use super::model::{GrantIn, GrantOut, Period};
use super::store::{self, GrantRow};
use super::{account_role, last_administrator, scope};
use crate::clock::iso;
use crate::core::Core;
use crate::db::Work;
use crate::policy::{HolderId, PolicyChange, Principal};
use crate::refusal::Refusal;
use livegrant_actors::{AccountId, Rev, RoleId};

/// Roles of one account at most: an effective set is computed over all of them.
const ROLES_MAX: usize = 100;

/// Lists an account's roles.
pub async fn list(core: &Core, by: &Principal, account: AccountId) -> Result<Vec<GrantOut>, Refusal> {
    if account != by.account() {
        by.require("account:view")?;
    }
    crate::auth::accounts::in_company(core, by, account).await?;
    let rows = store::roles_of(&mut core.db.read().await?, account).await?;
    Ok(rows.into_iter().map(out).collect())
}

fn out(row: GrantRow) -> GrantOut {
    GrantOut {
        role_id: row.role_id,
        code: row.code,
        name: row.name,
        valid_from: row.valid_from.map(iso),
        valid_to: row.valid_to.map(iso),
        started: row.started,
    }
}

/// Gives one role.
pub async fn give(
    core: &Core,
    by: &Principal,
    account: AccountId,
    grant: &GrantIn,
) -> Result<Option<Rev>, Refusal> {
    change(core, by, account, |present| {
        let mut wanted: Vec<GrantIn> =
            present.iter().filter(|held| held.role_id != grant.role_id).map(as_wanted).collect();
        wanted.push(grant.clone());
        wanted
    })
    .await
}

/// Takes one role.
pub async fn take(
    core: &Core,
    by: &Principal,
    account: AccountId,
    role: RoleId,
) -> Result<Option<Rev>, Refusal> {
    change(core, by, account, |present| {
        present.iter().filter(|held| held.role_id != role.0).map(as_wanted).collect()
    })
    .await
}

/// Gives exactly these roles.
pub async fn set(
    core: &Core,
    by: &Principal,
    account: AccountId,
    grants: &[GrantIn],
) -> Result<Option<Rev>, Refusal> {
    change(core, by, account, |_| grants.to_vec()).await
}

fn as_wanted(row: &GrantRow) -> GrantIn {
    GrantIn { role_id: row.role_id, valid_from: row.valid_from.map(iso), valid_to: row.valid_to.map(iso) }
}

async fn change(
    core: &Core,
    by: &Principal,
    account: AccountId,
    wanted: impl Fn(&[GrantRow]) -> Vec<GrantIn> + Send + Sync,
) -> Result<Option<Rev>, Refusal> {
    by.require("role:grant")?;
    crate::auth::accounts::in_company(core, by, account).await?;
    let mut work = core.db.begin(&by.author()).await?;
    work.serialise(&format!("roles of account {account}")).await?;
    let present = store::roles_of(work.conn(), account).await?;
    let wanted = wanted(&present);
    if wanted.len() > ROLES_MAX {
        return Err(Refusal::invalid("roles", "too_many", format!("at most {ROLES_MAX} roles")));
    }
    let (mut added, mut removed) = (Vec::new(), Vec::new());
    for held in &present {
        if !wanted.iter().any(|grant| same(grant, held)) {
            take_one(core, by, &mut work, account, RoleId(held.role_id)).await?;
            removed.push(RoleId(held.role_id));
        }
    }
    for grant in &wanted {
        if !present.iter().any(|held| same(grant, held)) {
            give_one(core, by, &mut work, account, grant).await?;
            added.push(RoleId(grant.role_id));
        }
    }
    if added.is_empty() && removed.is_empty() {
        return Ok(None);
    }
    if !removed.is_empty() {
        last_administrator::stays(&mut work).await?;
    }
    account_role::show(&mut work, account).await?;
    work.because("roles");
    work.change(PolicyChange::UserRoles { account, added, removed });
    work.audit("authz_change", "account", &account.to_string(), "role:grant").await?;
    let committed = work.commit(&by.stamp()).await?;
    Ok(core.settle(committed).await)
}

fn same(grant: &GrantIn, held: &GrantRow) -> bool {
    let reads = |text: &Option<String>| text.as_deref().and_then(crate::clock::parse_iso);
    grant.role_id == held.role_id
        && reads(&grant.valid_to) == held.valid_to
        && (grant.valid_from.is_none() || reads(&grant.valid_from) == held.valid_from)
}

async fn take_one(
    core: &Core,
    by: &Principal,
    work: &mut Work,
    account: AccountId,
    role: RoleId,
) -> Result<(), Refusal> {
    dominates_holder(core, work, by, HolderId::Role(role), Lasting::Now)?;
    store::take_role(work.conn(), account, role).await?;
    Ok(())
}

async fn give_one(
    core: &Core,
    by: &Principal,
    work: &mut Work,
    account: AccountId,
    grant: &GrantIn,
) -> Result<(), Refusal> {
    let now = work.now();
    let role = RoleId(grant.role_id);
    let period = Period::parse(grant.valid_from.as_deref(), grant.valid_to.as_deref(), now)?;
    let known = store::role(work.conn(), by.company(), role).await?;
    if known.is_none() {
        return Err(Refusal::invalid("role_id", "unknown_role", format!("there is no role {role}")));
    }
    let organization = scope::own_organization(core, account).await?;
    dominates_grant(core, work, by, HolderId::Role(role), period.to.into(), organization).await?;
    store::give_role(work.conn(), account, role, period.from, period.to, by.account(), now).await?;
    Ok(())
}
