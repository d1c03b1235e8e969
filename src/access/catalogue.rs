//! The permission catalogue (S1-18): list, new, changed, deleted. Menus and buttons are permissions with display data.
//! A change concerns everybody whose set or menu tree it touches (S3-19, E5). Only `system:admin` writes here, which is
//! every permission there is: nothing can be switched on or off that the caller does not hold sway over.

use super::permission_model::{NewPermission, PermissionPatch, check, levels};
use super::roles::Holders;
use super::store::{self, catalogue as rows};
use crate::core::Core;
use crate::db::Work;
use crate::db::listing::{Conditions, Wanted};
use crate::db::paging::Page;
use crate::policy::store::permissions;
use crate::policy::{Edit, HolderId, Permission, PolicyChange, Principal, SYSTEM_ADMIN};
use crate::refusal::Refusal;
use livegrant_actors::{ApplicationId, Rev};

/// Reads a list's query.
pub fn wanted(query: &str) -> Result<Wanted, Refusal> {
    rows::CATALOGUE.read(query, &[])
}

/// What a caller wants who only looks for a text.
pub fn searched(search: Option<&str>, page: Page) -> Result<Wanted, Refusal> {
    rows::CATALOGUE.searched(search, page)
}

/// Which permissions are asked for, beyond what a list's query says.
#[derive(Debug, Clone, Default)]
pub struct Among {
    /// Of this application; 0 is the core.
    pub application: Option<i64>,
    /// `api`, `menu` or `button`.
    pub kind: Option<String>,
}

/// Lists the catalogue, in the order of ids unless another is asked for.
pub async fn list(
    core: &Core,
    by: &Principal,
    among: &Among,
    wanted: &Wanted,
) -> Result<(i64, Vec<Permission>), Refusal> {
    by.require("permission:view")?;
    let mut own = Conditions::default();
    if let Some(application) = among.application {
        own.push("p.application_id = ?", [application.into()]);
    }
    if let Some(kind) = among.kind.as_deref() {
        own.push("p.kind = ?", [kind.into()]);
    }
    Ok(rows::permissions(&mut core.db.read().await?, own, wanted).await?)
}

/// Creates a permission, menu or button. Nobody has it until it is granted (S1-44).
pub async fn create(core: &Core, by: &Principal, new: &NewPermission) -> Result<Permission, Refusal> {
    by.require(SYSTEM_ADMIN)?;
    let mut row = new.clone().into_row();
    check(&row)?;
    known_application(core, row.application_id)?;
    let mut work = begin(core, by).await?;
    let present = permissions(work.conn()).await?;
    unused_code(&present, &row)?;
    row.level = levels(&present, &row)?.first().map_or(1, |(_, level)| *level);
    row.id = rows::insert(work.conn(), &row).await.map_err(Refusal::on_duplicate("code"))?;
    commit(core, by, work, &row, vec![row.code.clone()], Edit::Made).await?;
    Ok(row)
}

/// Changes a permission. `None`: it already was so, and nothing was written.
pub async fn update(
    core: &Core,
    by: &Principal,
    id: i64,
    patch: &PermissionPatch,
) -> Result<(Option<Rev>, Permission), Refusal> {
    by.require(SYSTEM_ADMIN)?;
    let mut work = begin(core, by).await?;
    let present = permissions(work.conn()).await?;
    let row = find(&present, id)?;
    if patch.version.is_some_and(|version| version != row.version) {
        return Err(Refusal::Outdated);
    }
    let mut next = patch.applied_to(row)?;
    check(&next)?;
    if next == *row {
        return Ok((None, next));
    }
    if next.code != row.code {
        unused_code(&present, &next)?;
    }
    if next.parent_id != row.parent_id {
        for (moved, level) in levels(&present, &next)? {
            if moved == id {
                next.level = level;
            } else {
                rows::set_level(work.conn(), moved, level).await?;
            }
        }
    }
    if rows::update(work.conn(), &next).await.map_err(Refusal::on_duplicate("code"))? == 0 {
        return Err(Refusal::Outdated);
    }
    next.version += 1;
    let mut codes = vec![next.code.clone()];
    codes.extend((next.code != row.code).then(|| row.code.clone()));
    let edit = if next.status == row.status { Edit::Renamed } else { Edit::Switched };
    let rev = commit(core, by, work, &next, codes, edit).await?;
    Ok((rev, next))
}

/// Deletes a permission that is not builtin.
pub async fn delete(core: &Core, by: &Principal, id: i64, holders: Holders) -> Result<Option<Rev>, Refusal> {
    by.require(SYSTEM_ADMIN)?;
    let mut work = begin(core, by).await?;
    let present = permissions(work.conn()).await?;
    let row = find(&present, id)?;
    if row.builtin {
        let detail = "builtin permissions cannot be deleted; switch them off or take them".to_owned();
        return Err(Refusal::Forbidden { code: "builtin", detail });
    }
    if present.iter().any(|child| child.parent_id == Some(id)) {
        return Err(Refusal::conflict("in_use", "something hangs under this menu; move or delete it first"));
    }
    let held_by = rows::holders(work.conn(), id).await?;
    if !held_by.is_empty() && holders == Holders::Refuse {
        let detail = format!("{} roles and positions have this permission; add ?force=true", held_by.len());
        return Err(Refusal::conflict("permission_held", detail));
    }
    let now = work.now();
    for holder in held_by {
        if let HolderId::Role(role) = holder {
            store::touch_role(work.conn(), role, now).await?;
        }
        store::revoke(work.conn(), holder, id).await?;
        let (added, removed) = (Vec::new(), vec![row.code.clone()]);
        work.change(match holder {
            HolderId::Role(role) => PolicyChange::RolePermissions { role, added, removed },
            HolderId::Position(position) => PolicyChange::PositionPermissions { position, added, removed },
        });
    }
    rows::delete(work.conn(), id).await?;
    commit(core, by, work, row, vec![row.code.clone()], Edit::Deleted).await
}

/// One change of the catalogue after the other: the tree and the codes are rules over several rows.
async fn begin(core: &Core, by: &Principal) -> Result<Work, Refusal> {
    let mut work = core.db.begin(&by.author()).await?;
    work.serialise("rows of the catalogue").await?;
    Ok(work)
}

async fn commit(
    core: &Core,
    by: &Principal,
    mut work: Work,
    row: &Permission,
    codes: Vec<String>,
    edit: Edit,
) -> Result<Option<Rev>, Refusal> {
    work.because(format!("permission:{}", row.code));
    work.change(PolicyChange::Catalogue { permissions: codes, edit });
    work.audit("authz_change", "permission", &row.id.to_string(), SYSTEM_ADMIN).await?;
    let committed = work.commit(&by.stamp()).await?;
    Ok(core.settle(committed).await)
}

fn find(present: &[Permission], id: i64) -> Result<&Permission, Refusal> {
    present.iter().find(|row| row.id == id).ok_or(Refusal::NotFound { what: "permission" })
}

/// A check names a permission by its code alone, so a code is used once in all applications.
fn unused_code(present: &[Permission], row: &Permission) -> Result<(), Refusal> {
    let taken = present.iter().any(|other| other.id != row.id && other.code == row.code);
    if taken { Err(Refusal::on_duplicate("code")(crate::db::DbError::Duplicate)) } else { Ok(()) }
}

fn known_application(core: &Core, application: i64) -> Result<(), Refusal> {
    let known = core.policy.with_facts(|facts| facts.applications.contains_key(&ApplicationId(application)));
    if known || application == 0 {
        return Ok(());
    }
    Err(Refusal::invalid("application_id", "invalid", format!("there is no application {application}")))
}
