//! Positions: list, one, new, changed, deleted. A new position has no permission (S1-44).
//! Switching or deleting one gives or takes all it carries, so it asks for the same sway as granting it.

use super::model::{NewPosition, Position, PositionPatch, check_status};
use super::organizations;
use super::resolve::parse_guid;
use super::store::positions::{self as store, PositionColumns};
use crate::access::dominance::{Lasting, dominates_holder};
use crate::access::last_administrator;
use crate::core::Core;
use crate::db::paging::Page;
use crate::policy::{Edit, HolderId, PolicyChange, Principal};
use crate::refusal::Refusal;
use crate::text::{check_code, check_name};
use livegrant_actors::{PositionId, Rev};

const MISSING: Refusal = Refusal::NotFound { what: "position" };

/// Lists the positions of the caller's company.
pub async fn list(
    core: &Core,
    by: &Principal,
    search: Option<&str>,
    page: Page,
) -> Result<(i64, Vec<Position>), Refusal> {
    by.require("position:view")?;
    Ok(store::positions(&mut core.db.read().await?, by.company(), search, page).await?)
}

/// Reads one position.
pub async fn get(core: &Core, by: &Principal, guid: &str) -> Result<Position, Refusal> {
    by.require("position:view")?;
    find(core, by, guid).await
}

/// Reads a position for a use case that has asked for its own permission.
pub(super) async fn find(core: &Core, by: &Principal, guid: &str) -> Result<Position, Refusal> {
    let guid = parse_guid("guid", guid)?;
    store::position(&mut core.db.read().await?, by.company(), &guid).await?.ok_or(MISSING)
}

/// Creates a position.
pub async fn create(core: &Core, by: &Principal, new: &NewPosition) -> Result<Position, Refusal> {
    by.require("position:create")?;
    check_code(&new.code)?;
    check_name("name", &new.name)?;
    check_status(new.status)?;
    let mut work = core.db.begin(&by.author()).await?;
    let (now, guid) = (work.now(), crate::clock::guid());
    let columns = PositionColumns {
        code: &new.code,
        name: &new.name,
        org_id: organizations::named(work.conn(), by, new.organization_guid.as_deref()).await?,
        is_manager: new.is_manager,
        status: new.status.unwrap_or(1),
    };
    let id = store::insert_position(work.conn(), by.company(), &guid, &columns, now)
        .await
        .map_err(Refusal::on_duplicate("code"))?;
    work.because(format!("position:{}", new.code));
    work.change(PolicyChange::PositionEdited { position: id, edit: Edit::Made });
    work.audit("authz_change", "position", &guid, "position:create").await?;
    let made = store::position(work.conn(), by.company(), &guid).await?.ok_or(MISSING)?;
    let committed = work.commit(&by.stamp()).await?;
    core.settle(committed).await;
    Ok(made)
}

/// Renames, moves, enables or disables a position.
pub async fn update(
    core: &Core,
    by: &Principal,
    guid: &str,
    patch: &PositionPatch,
) -> Result<Position, Refusal> {
    by.require("position:update")?;
    let guid = parse_guid("guid", guid)?;
    patch.code.as_deref().map_or(Ok(()), check_code)?;
    patch.name.as_deref().map_or(Ok(()), |name| check_name("name", name))?;
    check_status(patch.status)?;
    let mut work = core.db.begin(&by.author()).await?;
    let now = work.now();
    store::lock_position(work.conn(), by.company(), &guid, now).await?;
    let row = store::position(work.conn(), by.company(), &guid).await?.ok_or(MISSING)?;
    if patch.version.is_some_and(|version| version != row.version) {
        return Err(Refusal::Outdated);
    }
    let id = PositionId(row.id);
    let switched = patch.status.is_some_and(|status| status != row.status);
    if switched {
        let lasting = if patch.status == Some(1) { Lasting::ForGood } else { Lasting::Now };
        dominates_holder(core, &mut work, by, HolderId::Position(id), lasting)?;
    }
    let organization = patch.organization_guid.clone().or(row.organization_guid.clone());
    let columns = PositionColumns {
        code: patch.code.as_deref().unwrap_or(&row.code),
        name: patch.name.as_deref().unwrap_or(&row.name),
        org_id: organizations::named(work.conn(), by, organization.as_deref()).await?,
        is_manager: patch.is_manager.unwrap_or(row.is_manager),
        status: patch.status.unwrap_or(row.status),
    };
    store::update_position(work.conn(), id, &columns, now).await.map_err(Refusal::on_duplicate("code"))?;
    if switched {
        last_administrator::stays(&mut work).await?;
    }
    work.because(format!("position:{}", columns.code));
    let edit = if switched { Edit::Switched } else { Edit::Renamed };
    work.change(PolicyChange::PositionEdited { position: id, edit });
    work.audit("authz_change", "position", &guid, "position:update").await?;
    let changed = store::position(work.conn(), by.company(), &guid).await?.ok_or(MISSING)?;
    let committed = work.commit(&by.stamp()).await?;
    core.settle(committed).await;
    Ok(changed)
}

/// What happens to people in a position that is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holders {
    /// Refuse while there are any.
    Refuse,
    /// Take it from them.
    Take,
}

/// Deletes a position.
pub async fn delete(
    core: &Core,
    by: &Principal,
    guid: &str,
    holders: Holders,
) -> Result<Option<Rev>, Refusal> {
    by.require("position:delete")?;
    let guid = parse_guid("guid", guid)?;
    let mut work = core.db.begin(&by.author()).await?;
    let now = work.now();
    store::lock_position(work.conn(), by.company(), &guid, now).await?;
    let row = store::position(work.conn(), by.company(), &guid).await?.ok_or(MISSING)?;
    if row.holders > 0 && holders == Holders::Refuse {
        return Err(Refusal::conflict(
            "position_held",
            format!("{} people are in this position; add ?force=true", row.holders),
        ));
    }
    let id = PositionId(row.id);
    dominates_holder(core, &mut work, by, HolderId::Position(id), Lasting::Now)?;
    store::delete_position(work.conn(), id).await?;
    last_administrator::stays(&mut work).await?;
    work.because(format!("position:{}", row.code));
    work.change(PolicyChange::PositionEdited { position: id, edit: Edit::Deleted });
    work.audit("authz_change", "position", &guid, "position:delete").await?;
    let committed = work.commit(&by.stamp()).await?;
    Ok(core.settle(committed).await)
}
