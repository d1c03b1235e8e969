//! The role of load tests: what `src/loadtest.rs` asks of this area.

use super::store;
use crate::db::{Author, Db, SystemTask, Work};
use crate::policy::{HolderId, PolicyChange};
use crate::refusal::Refusal;
use crate::text::check_code;
use crate::{sql_one, sql_opt};
use livegrant_actors::{AccountId, CompanyId, RoleId};

/// The role's name, by which it is told from a role that somebody made for people.
const NAME: &str = "Load test";

/// What the role may do: a few reads and menus, nothing that changes anything.
pub const PERMISSIONS: [&str; 6] =
    ["org:view", "position:view", "staff:view", "ticket:create", "menu:organization", "menu:staff"];

/// Finds or makes the role, with all of [`PERMISSIONS`] however an earlier load test has left it.
///
/// # Errors
/// `already_exists` when the code belongs to a role that load tests did not make.
pub async fn role(db: &Db, company: CompanyId, code: &str) -> Result<RoleId, Refusal> {
    check_code(code)?;
    let mut work = db.begin(&Author::system("load test")).await?;
    let now = work.now();
    let row = sql_opt!(
        work.conn(),
        (i64, String, String),
        "SELECT id, kind, name FROM sys_role WHERE code = $1 AND company_id = $2 ORDER BY id LIMIT 1",
        code,
        company.0
    )?;
    let id = match row {
        Some((id, kind, name)) if kind == "custom" && name == NAME => RoleId(id),
        Some(_) => {
            let detail = format!("the role {code} was not made for load tests");
            return Err(Refusal::conflict("already_exists", detail));
        }
        None => store::insert_role(work.conn(), company, code, NAME, now).await?,
    };
    let mut added = Vec::new();
    for permission in PERMISSIONS {
        let (permission_id,) = sql_one!(
            work.conn(),
            (i64,),
            "SELECT id FROM sys_permission WHERE code = $1 AND application_id = 0",
            permission
        )?;
        if store::grant(work.conn(), HolderId::Role(id), permission_id, AccountId(0), now).await? > 0 {
            added.push(permission.to_owned());
        }
    }
    if !added.is_empty() {
        work.change(PolicyChange::RolePermissions { role: id, added, removed: Vec::new() });
    }
    work.commit(SystemTask::Bootstrap).await?;
    Ok(id)
}

/// Gives an account the role, inside somebody else's unit of work.
pub async fn give(work: &mut Work, account: AccountId, role: RoleId) -> Result<(), Refusal> {
    let now = work.now();
    if store::give_role(work.conn(), account, role, None, None, AccountId(0), now).await? > 0 {
        work.change(PolicyChange::UserRoles { account, added: vec![role], removed: Vec::new() });
    }
    Ok(())
}
