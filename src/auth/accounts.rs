//! Accounts: the list, one's own, a new one. A new account starts with no permission (S1-44).

use super::Keys;
use super::model::{AccountRow, NewAccount, check_password, check_role, check_username};
use super::store::{self, Place};
use crate::access::account_role;
use crate::access::scope::{self, Columns, within};
use crate::core::Core;
use crate::db::listing::{Conditions, Wanted};
use crate::db::{Author, SystemTask};
use crate::policy::{DataScope, PolicyChange, Principal};
use crate::refusal::Refusal;
use crate::text::check_text;
use livegrant_actors::{AccountId, CompanyId};

/// Reads a list's query.
pub fn wanted(query: &str) -> Result<Wanted, Refusal> {
    store::ACCOUNTS.read(query, &[])
}

/// Lists the accounts of the caller's company, as far as his data scope reaches their people.
pub async fn list(core: &Core, by: &Principal, wanted: &Wanted) -> Result<(i64, Vec<AccountRow>), Refusal> {
    let scope = scope::require(core, by, "account:view")?;
    let own = Conditions::new("u.company_id = ?", [by.company().0.into()]).and(reached(by, &scope));
    Ok(store::accounts(&mut core.db.read().await?, own, wanted).await?)
}

fn reached(by: &Principal, scope: &DataScope) -> Conditions {
    let columns = Columns { organization: "s.org_id", account: Some("u.user_id") };
    within(scope, columns, by.account())
}

/// Reads the caller's own account and the names of the place that his session works in.
pub async fn me(core: &Core, by: &Principal) -> Result<(AccountRow, Place), Refusal> {
    let missing = || Refusal::NotFound { what: "account" };
    let mut conn = core.db.read().await?;
    let row = store::account(&mut conn, by.account()).await?.ok_or_else(missing)?;
    let view = by.session().view;
    let place = store::place(&mut conn, view.company, view.application).await?.ok_or_else(missing)?;
    Ok((row, place))
}

/// Reads an account of the caller's company; what lies outside is not found.
pub async fn in_company(core: &Core, by: &Principal, id: AccountId) -> Result<AccountRow, Refusal> {
    let row = store::account(&mut core.db.read().await?, id).await?;
    row.filter(|row| row.company_id == by.company().0 || by.is_platform())
        .ok_or(Refusal::NotFound { what: "account" })
}

/// The same for a caller who goes on with a permission: what it does not reach is not found either (FC7).
pub async fn in_reach(core: &Core, by: &Principal, id: AccountId, code: &str) -> Result<AccountRow, Refusal> {
    let scope = scope::require(core, by, code)?;
    let row = in_company(core, by, id).await?;
    let own = Conditions::new("u.user_id = ?", [id.0.into()]).and(reached(by, &scope));
    let is_reached = scope.all || store::account_among(&mut core.db.read().await?, own).await?.is_some();
    if is_reached { Ok(row) } else { Err(Refusal::NotFound { what: "account" }) }
}

/// Reads an account of the caller's company by its login name.
pub async fn named(core: &Core, by: &Principal, username: &str) -> Result<AccountRow, Refusal> {
    let id = store::account_named(&mut core.db.read().await?, username).await?;
    in_company(core, by, id.ok_or(Refusal::NotFound { what: "account" })?).await
}

/// Creates an account; needs one of the three permissions of S2-31 and C8.
pub async fn create(
    core: &Core,
    keys: &Keys,
    by: &Principal,
    new: &NewAccount,
) -> Result<AccountRow, Refusal> {
    let through = ["account:create", "staff:create"].into_iter().find(|code| by.holds(code));
    let through = through.ok_or_else(|| Refusal::denied("account:create"))?;
    check(core, new)?;
    let hash = keys.hasher.hash(new.password.clone()).await?;
    let mut work = core.db.begin(&by.author()).await?;
    let now = work.now();
    let guid = crate::clock::guid();
    let id = store::insert_account(work.conn(), new, by.company(), &guid, &hash, now)
        .await
        .map_err(Refusal::on_duplicate("username"))?;
    work.change(PolicyChange::UserStatus { account: id, enabled: true });
    if let Some(role) = &new.role {
        by.require("role:grant")?;
        account_role::replace(core, &mut work, by, id, role).await?;
    }
    work.audit("user_created", "account", &id.to_string(), through).await?;
    let row = store::account(work.conn(), id).await?.ok_or(Refusal::NotFound { what: "account" })?;
    let committed = work.commit(&by.stamp()).await?;
    core.settle(committed).await;
    Ok(row)
}

fn check(core: &Core, new: &NewAccount) -> Result<(), Refusal> {
    check_username(&new.username)?;
    check_password("password", &new.password, &new.username, core.settings.auth.password_min_length)?;
    for (field, text) in [
        ("display_name", &new.display_name),
        ("email", &new.email),
        ("phone", &new.phone),
        ("department", &new.department),
    ] {
        check_text(field, text)?;
    }
    new.role.as_deref().map_or(Ok(()), check_role)
}

/// Shows a role in the account's `role` field, inside somebody else's unit of work.
pub async fn show_role(
    work: &mut crate::db::Work,
    account: AccountId,
    role: Option<&str>,
) -> Result<(), Refusal> {
    store::set_role(work.conn(), account, role).await?;
    Ok(())
}

/// Answers whether the login name is taken.
pub async fn exists(db: &crate::db::Db, username: &str) -> Result<bool, Refusal> {
    Ok(store::account_named(&mut db.read().await?, username).await?.is_some())
}

/// Finds an account and its company by the login name, for the operator's shell.
pub async fn place_of(db: &crate::db::Db, username: &str) -> Result<Option<(AccountId, CompanyId)>, Refusal> {
    let mut conn = db.read().await?;
    let Some(id) = store::account_named(&mut conn, username).await? else { return Ok(None) };
    let row = store::account(&mut conn, id).await?;
    Ok(row.map(|row| (id, CompanyId(row.company_id))))
}

/// Creates an account from the operator's shell (`livegrant user add`), as a platform administrator if asked.
pub async fn bootstrap(
    db: &crate::db::Db,
    keys: &Keys,
    new: &NewAccount,
    company: CompanyId,
    platform: Platform,
) -> Result<AccountId, Refusal> {
    check_username(&new.username)?;
    let hash = keys.hasher.hash(new.password.clone()).await?;
    let mut work = db.begin(&Author::system("user add")).await?;
    let now = work.now();
    let id = store::insert_account(work.conn(), new, company, &crate::clock::guid(), &hash, now)
        .await
        .map_err(Refusal::on_duplicate("username"))?;
    if platform == Platform::Administrator {
        store::make_platform(work.conn(), id).await?;
    }
    work.change(PolicyChange::UserStatus { account: id, enabled: true });
    work.audit("user_created", "account", &id.to_string(), "operator's shell").await?;
    work.commit(SystemTask::Bootstrap).await?;
    Ok(id)
}

/// Whether a new account administrates the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Platform {
    /// Every permission, in every company.
    Administrator,
    /// No permission until roles are granted.
    Member,
}
