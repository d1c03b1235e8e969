//! Roles: list, one, new, changed, deleted. A new role has no permission (S1-44).

use super::dominance::{Lasting, dominates_holder};
use super::model::{NewRole, RoleOut, RolePatch, RoleRow};
use super::{last_administrator, store};
use crate::core::Core;
use crate::db::Conn;
use crate::db::paging::Page;
use crate::policy::{Edit, HolderId, PolicyChange, Principal};
use crate::refusal::Refusal;
use crate::text::{check_code, check_name};
use livegrant_actors::{Rev, RoleId};

/// Lists the roles of the caller's company with their codes.
pub async fn list(
    core: &Core,
    by: &Principal,
    search: Option<&str>,
    page: Page,
) -> Result<(i64, Vec<RoleOut>), Refusal> {
    by.require("role:view")?;
    let mut conn = core.db.read().await?;
    let (count, rows) = store::roles(&mut conn, by.company(), search, page).await?;
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
    let row = store::role(&mut conn, by.company(), id).await?.ok_or(Refusal::NotFound { what: "role" })?;
    with_permissions(&mut conn, row).await
}

async fn with_permissions(conn: &mut Conn, row: RoleRow) -> Result<RoleOut, Refusal> {
    let permissions = store::permissions_of(conn, HolderId::Role(RoleId(row.id))).await?;
    Ok(RoleOut {
        id: row.id,
        code: row.code,
        name: row.name,
        kind: row.kind,
        status: row.status,
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
    let id = store::insert_role(work.conn(), by.company(), &new.code, &new.name, now)
        .await
        .map_err(Refusal::on_duplicate("code"))?;
    work.change(PolicyChange::RoleEdited { role: id, edit: Edit::Made });
    work.audit("authz_change", "role", &id.to_string(), "role:create").await?;
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
    let row = store::role(work.conn(), by.company(), id).await?.ok_or(Refusal::NotFound { what: "role" })?;
    if patch.version.is_some_and(|version| version != row.version) {
        return Err(Refusal::Outdated);
    }
    let switched = patch.status.is_some_and(|status| status != row.status);
    if switched {
        // Switching a role on or off gives or takes all it carries.
        let lasting = if patch.status == Some(1) { Lasting::ForGood } else { Lasting::Now };
        dominates_holder(core, &mut work, by, HolderId::Role(id), lasting)?;
    }
    let now = work.now();
    if store::update_role(work.conn(), id, patch.name.as_deref(), patch.status, row.version, now).await? == 0
    {
        return Err(Refusal::Outdated);
    }
    if switched {
        last_administrator::stays(&mut work).await?;
    }
    let edit = if switched { Edit::Switched } else { Edit::Renamed };
    work.because(format!("role:{}", row.code));
    work.change(PolicyChange::RoleEdited { role: id, edit });
    work.audit("authz_change", "role", &id.to_string(), "role:update").await?;
    let committed = work.commit(&by.stamp()).await?;
    core.settle(committed).await;
    read(core, by, id).await
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
    let row = store::role(work.conn(), by.company(), id).await?.ok_or(Refusal::NotFound { what: "role" })?;
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
    store::delete_role(work.conn(), id).await?;
    last_administrator::stays(&mut work).await?;
    work.because(format!("role:{}", row.code));
    work.change(PolicyChange::RoleEdited { role: id, edit: Edit::Deleted });
    work.audit("authz_change", "role", &id.to_string(), "role:delete").await?;
    let committed = work.commit(&by.stamp()).await?;
    Ok(core.settle(committed).await)
}
