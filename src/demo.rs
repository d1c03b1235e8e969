//! Demo data (`livegrant seed --demo`): six accounts, a custom role and a few organisations, positions and people.
//! Can be repeated: what is there already stays as it is. Knows several areas on purpose, like `app.rs`.

use crate::access::init::DEFAULT_COMPANY;
use crate::access::store as access;
use crate::auth::accounts::{Platform, bootstrap};
use crate::auth::model::NewAccount;
use crate::auth::{Keys, store::account_named};
use crate::db::{Author, Db, SystemTask};
use crate::policy::{HolderId, PolicyChange};
use crate::refusal::Refusal;
use crate::sql_opt;
use crate::web::page::DEMO_PASSWORD;
use livegrant_actors::{AccountId, CompanyId, RoleId};

/// Login name, display name, department, roles.
const PEOPLE: [(&str, &str, &str, &[&str]); 6] = [
    ("admin", "平台管理员", "IT", &[]),
    ("hr", "何人事", "人事部", &["hr"]),
    ("manager", "马经理", "前台部", &["department_head"]),
    ("alice", "爱丽丝", "前台部", &["desk"]),
    ("bob", "鲍勃", "前台部", &["desk"]),
    ("auditor", "沈审计", "审计部", &["audit"]),
];

/// Custom roles: code, name, permissions.
const ROLES: [(&str, &str, &[&str]); 2] = [
    (
        "desk",
        "前台",
        &["org:view", "position:view", "staff:view", "ticket:create", "menu:organization", "menu:staff"],
    ),
    (
        "audit",
        "审计",
        &["audit:view", "role:view", "permission:view", "account:view", "session:view", "menu:access"],
    ),
];

/// Seeds what is missing and answers how many accounts were added.
pub async fn seed(db: &Db, keys: &Keys) -> Result<usize, Refusal> {
    let company = CompanyId(DEFAULT_COMPANY);
    for (code, name, permissions) in ROLES {
        role(db, company, code, name, permissions).await?;
    }
    let mut added = 0;
    for (username, display_name, department, roles) in PEOPLE {
        if account_named(&mut db.read().await?, username).await?.is_some() {
            continue;
        }
        let new = NewAccount {
            display_name: display_name.to_owned(),
            department: department.to_owned(),
            ..NewAccount::named(username, DEMO_PASSWORD)
        };
        let platform = if username == "admin" { Platform::Administrator } else { Platform::Member };
        let account = bootstrap(db, keys, &new, company, platform).await?;
        give(db, account, roles).await?;
        added += 1;
    }
    Ok(added)
}

async fn role(
    db: &Db,
    company: CompanyId,
    code: &str,
    name: &str,
    permissions: &[&str],
) -> Result<(), Refusal> {
    let mut work = db.begin(&Author::system("demo data")).await?;
    if role_named(work.conn(), code).await?.is_some() {
        return Ok(());
    }
    let now = work.now();
    let id = access::insert_role(work.conn(), company, code, name, now).await?;
    for permission in permissions {
        let row = sql_opt!(work.conn(), (i64,), "SELECT id FROM sys_permission WHERE code = $1", permission)?;
        if let Some((permission,)) = row {
            access::grant(work.conn(), HolderId::Role(id), permission, AccountId(0), now).await?;
        }
    }
    let added = permissions.iter().map(|code| (*code).to_owned()).collect();
    work.change(PolicyChange::RolePermissions { role: id, added, removed: Vec::new() });
    work.commit(SystemTask::Bootstrap).await?;
    Ok(())
}

async fn role_named(conn: &mut crate::db::Conn, code: &str) -> Result<Option<RoleId>, Refusal> {
    let row = sql_opt!(conn, (i64,), "SELECT id FROM sys_role WHERE code = $1", code)?;
    Ok(row.map(|row| RoleId(row.0)))
}

async fn give(db: &Db, account: AccountId, roles: &[&str]) -> Result<(), Refusal> {
    let mut work = db.begin(&Author::system("demo data")).await?;
    let now = work.now();
    let mut added = Vec::new();
    for code in roles {
        if let Some(role) = role_named(work.conn(), code).await? {
            access::give_role(work.conn(), account, role, None, None, AccountId(0), now).await?;
            added.push(role);
        }
    }
    if !added.is_empty() {
        work.change(PolicyChange::UserRoles { account, added, removed: Vec::new() });
        work.commit(SystemTask::Bootstrap).await?;
    }
    Ok(())
}
