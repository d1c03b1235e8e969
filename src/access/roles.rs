//! Roles: list, one, new, changed, deleted. A new role has no permission (S1-44).

use super::dominance::{Lasting, Own, dominates_holder, dominates_new_reach, dominates_reach};
use super::model::{NewRole, RoleOut, RolePatch, RoleRow};
use super::{last_administrator, scope, store};
use crate::core::Core;
use crate::db::listing::Wanted;
use crate::db::{Conn, Work};
use crate::policy::{Edit, HolderId, PolicyChange, Principal, Reach};
use crate::refusal::Refusal;
use crate::text::{check_code, check_name};
use livegrant_actors::{Rev, RoleId};

const MISSING: Refusal = Refusal::NotFound { what: "role" };

/// Reads a list's query.
pub fn wanted(query: &str) -> Result<Wanted, Refusal> {
    store::ROLES.read(query, &[])
}

/// Lists the roles of the caller's company with their codes.
pub async fn list(core: &Core, by: &Principal, wanted: &Wanted) -> Result<(i64, Vec<RoleOut>), Refusal> {
    by.require("role:view")?;
    let mut conn = core.db.read().await?;
    let (count, rows) = store::roles(&mut conn, by.company(), wanted).await?;
    let mut roles = Vec::with_capacity(rows.len());
    for row in rows {
        roles.push(with_permissions(&mut conn, row).await?);
    }
    Ok((count, roles))
}

/// Reads one role.
pub async fn get(core: &Core, by: &Principal, id: RoleId) -> Result<RoleOut, Refusal> {
    by.require("role:view")?;
    read(core, by, id).await
}

/// Reads a role for an answer to a caller who has just changed it.
pub async fn read(core: &Core, by: &Principal, id: RoleId) -> Result<RoleOut, Refusal> {
    let mut conn = core.db.read().await?;
    let row = store::role(&mut conn, by.company(), id).await?.ok_or(MISSING)?;
    with_permissions(&mut conn, row).await
}

async fn with_permissions(conn: &mut Conn, row: RoleRow) -> Result<RoleOut, Refusal> {
    let holder = HolderId::Role(RoleId(row.id));
    let permissions = store::permissions_of(conn, holder).await?;
    // Only one scope names organisations; the others cost no statement.
    let chosen = if row.data_scope == "chosen" { scope::chosen(conn, holder).await? } else { Vec::new() };
    Ok(RoleOut {
        id: row.id,
        code: row.code,
        name: row.name,
        kind: row.kind,
        status: row.status,
        data_scope: row.data_scope,
        data_scope_organizations: chosen,
        version: row.version,
        permissions: permissions.into_iter().map(|(_, code)| code).collect(),
        holders: row.holders,
    })
}

/// Creates a role.
pub async fn create(core: &Core, by: &Principal, new: &NewRole) -> Result<RoleOut, Refusal> {
    by.require("role:create")?;
    check_code(&new.code)?;
    check_name("name", &new.name)?;
    let mut work = core.db.begin(&by.author()).await?;
    let now = work.now();
    let name = new.data_scope.as_deref().unwrap_or("all");
    let reach = scope::read(work.conn(), by, name, new.data_scope_organizations.as_deref()).await?;
    let id = store::insert_role(work.conn(), by.company(), &new.code, &new.name, now)
        .await
        .map_err(Refusal::on_duplicate("code"))?;
    store::set_data_scope(work.conn(), id, reach.name()).await?;
    scope::store(work.conn(), HolderId::Role(id), &reach).await?;
    work.change(PolicyChange::RoleEdited { role: id, edit: Edit::Made });
    let row = store::role(work.conn(), by.company(), id).await?.ok_or(MISSING)?;
    let made = with_permissions(work.conn(), row).await?;
    work.audit_diff("authz_change", "role", &id.to_string(), "role:create", None::<&()>, Some(&made)).await?;
    let committed = work.commit(&by.stamp()).await?;
    core.settle(committed).await;
    read(core, by, id).await
}

/// Renames, enables or disables a role.
pub async fn update(core: &Core, by: &Principal, id: RoleId, patch: &RolePatch) -> Result<RoleOut, Refusal> {
    by.require("role:update")?;
    patch.name.as_deref().map_or(Ok(()), |name| check_name("name", name))?;
    if patch.status.is_some_and(|status| !matches!(status, 0 | 1)) {
        return Err(Refusal::invalid("status", "invalid", "1 (enabled) or 0 (disabled)"));
    }
    let mut work = core.db.begin(&by.author()).await?;
    let row = store::role(work.conn(), by.company(), id).await?.ok_or(MISSING)?;
    if patch.version.is_some_and(|version| version != row.version) {
        return Err(Refusal::Outdated);
    }
    let (holder, now, version) = (HolderId::Role(id), work.now(), row.version);
    let before = with_permissions(work.conn(), row.clone()).await?;
    let reach = wanted_reach(&mut work, by, patch, &before).await?;
    if let Some(reach) = &reach {
        // Taking a scope away and giving another asks for the same as granting what the role carries.
        dominates_holder(core, &mut work, by, holder, Lasting::Now)?;
        dominates_new_reach(core, &mut work, by, holder, reach, Own::Anybodys).await?;
    }
    let switched = patch.status.is_some_and(|status| status != row.status);
    if switched {
        // Switching a role on or off gives or takes all it carries.
        let lasting = if patch.status == Some(1) { Lasting::ForGood } else { Lasting::Now };
        dominates_holder(core, &mut work, by, holder, lasting)?;
        if patch.status == Some(1) {
            dominates_reach(core, &mut work, by, holder, lasting, Own::Anybodys, None).await?;
        }
    }
    if store::update_role(work.conn(), id, patch.name.as_deref(), patch.status, version, now).await? == 0 {
        return Err(Refusal::Outdated);
    }
    if let Some(reach) = &reach {
        store::set_data_scope(work.conn(), id, reach.name()).await?;
        scope::store(work.conn(), holder, reach).await?;
    }
    if switched {
        last_administrator::stays(&mut work).await?;
    }
    let edit = match (switched, &reach) {
        (true, _) => Edit::Switched,
        (false, Some(_)) => Edit::Rescoped,
        (false, None) => Edit::Renamed,
    };
    work.because(format!("role:{}", row.code));
    work.change(PolicyChange::RoleEdited { role: id, edit });
    let changed = store::role(work.conn(), by.company(), id).await?.ok_or(MISSING)?;
    let changed = with_permissions(work.conn(), changed).await?;
    work.audit_diff("authz_change", "role", &id.to_string(), "role:update", Some(&before), Some(&changed))
        .await?;
    let committed = work.commit(&by.stamp()).await?;
    core.settle(committed).await;
    read(core, by, id).await
}

/// Answers the data scope that the patch asks for, if it is another one.
async fn wanted_reach(
    work: &mut Work,
    by: &Principal,
    patch: &RolePatch,
    before: &RoleOut,
) -> Result<Option<Reach>, Refusal> {
    if patch.data_scope.is_none() && patch.data_scope_organizations.is_none() {
        return Ok(None);
    }
    let name = patch.data_scope.as_deref().unwrap_or(&before.data_scope);
    let kept = (name == "chosen").then_some(before.data_scope_organizations.as_slice());
    let organizations = patch.data_scope_organizations.as_deref().or(kept);
    scope::read(work.conn(), by, name, organizations).await.map(Some)
}

/// What happens to people who hold a role that is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holders {
    /// Refuse while there are any.
    Refuse,
    /// Take it from them.
    Take,
}

/// Deletes a role that is not builtin.
pub async fn delete(
    core: &Core,
    by: &Principal,
    id: RoleId,
    holders: Holders,
) -> Result<Option<Rev>, Refusal> {
    by.require("role:delete")?;
    let mut work = core.db.begin(&by.author()).await?;
    let now = work.now();
    store::touch_role(work.conn(), id, now).await?;
    let row = store::role(work.conn(), by.company(), id).await?.ok_or(MISSING)?;
    if row.kind == "builtin" {
        let detail = "builtin roles cannot be deleted; take their permissions or switch them off".to_owned();
        return Err(Refusal::Forbidden { code: "builtin", detail });
    }
    if row.holders > 0 && holders == Holders::Refuse {
        return Err(Refusal::conflict(
            "role_held",
            format!("{} accounts hold this role; add ?force=true", row.holders),
        ));
    }
    dominates_holder(core, &mut work, by, HolderId::Role(id), Lasting::Now)?;
    work.because(format!("role:{}", row.code));
    let gone = with_permissions(work.conn(), row).await?;
    store::delete_role(work.conn(), id).await?;
    last_administrator::stays(&mut work).await?;
    work.change(PolicyChange::RoleEdited { role: id, edit: Edit::Deleted });
    work.audit_diff("authz_change", "role", &id.to_string(), "role:delete", Some(&gone), None::<&()>).await?;
    let committed = work.commit(&by.stamp()).await?;
    Ok(core.settle(committed).await)
}
