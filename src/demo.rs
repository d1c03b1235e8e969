//! Demo data (`livegrant seed --demo`): six accounts, a custom role and a few organisations, positions and people.
//! Can be repeated: what is there already stays as it is. Knows several areas on purpose, like `app.rs`.

use crate::access::demo as access;
use crate::access::init::DEFAULT_COMPANY;
use crate::auth::Keys;
use crate::auth::accounts::{Platform, bootstrap, exists};
use crate::auth::model::NewAccount;
use crate::db::Db;
use crate::refusal::Refusal;
use crate::web::page::DEMO_PASSWORD;
use livegrant_actors::CompanyId;

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
        access::role(db, company, code, name, permissions).await?;
    }
    let mut added = 0;
    for (username, display_name, department, roles) in PEOPLE {
        if exists(db, username).await? {
            continue;
        }
        let new = NewAccount {
            display_name: display_name.to_owned(),
            department: department.to_owned(),
            ..NewAccount::named(username, DEMO_PASSWORD)
        };
        let platform = if username == "admin" { Platform::Administrator } else { Platform::Member };
        let account = bootstrap(db, keys, &new, company, platform).await?;
        access::give(db, account, roles).await?;
        added += 1;
    }
    crate::hr::demo::seed(db, company).await?;
    crate::workflow::shipped::publish(db, company).await?;
    Ok(added)
}
