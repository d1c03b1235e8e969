//! The demo's roles, and giving them: what `src/demo.rs` asks of this area.

use super::store;
use crate::db::{Author, Conn, Db, SystemTask};
use crate::policy::{HolderId, PolicyChange};
use crate::refusal::Refusal;
use crate::sql_opt;
use livegrant_actors::{AccountId, CompanyId, RoleId};

/// Makes a custom role with its permissions, if there is none of this code.
pub async fn role(
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
    let id = store::insert_role(work.conn(), company, code, name, now).await?;
    for permission in permissions {
        let row = sql_opt!(work.conn(), (i64,), "SELECT id FROM sys_permission WHERE code = $1", permission)?;
        if let Some((permission,)) = row {
            store::grant(work.conn(), HolderId::Role(id), permission, AccountId(0), now).await?;
        }
    }
    let added = permissions.iter().map(|code| (*code).to_owned()).collect();
    work.change(PolicyChange::RolePermissions { role: id, added, removed: Vec::new() });
    work.commit(SystemTask::Bootstrap).await?;
    Ok(())
}

async fn role_named(conn: &mut Conn, code: &str) -> Result<Option<RoleId>, Refusal> {
    let row = sql_opt!(conn, (i64,), "SELECT id FROM sys_role WHERE code = $1", code)?;
    Ok(row.map(|row| RoleId(row.0)))
}

/// Gives an account these roles.
pub async fn give(db: &Db, account: AccountId, roles: &[&str]) -> Result<(), Refusal> {
    let mut work = db.begin(&Author::system("demo data")).await?;
    let now = work.now();
    let mut added = Vec::new();
    for code in roles {
        if let Some(role) = role_named(work.conn(), code).await? {
            store::give_role(work.conn(), account, role, None, None, AccountId(0), now).await?;
            added.push(role);
        }
    }
    if !added.is_empty() {
        work.change(PolicyChange::UserRoles { account, added, removed: Vec::new() });
        work.commit(SystemTask::Bootstrap).await?;
    }
    Ok(())
}
