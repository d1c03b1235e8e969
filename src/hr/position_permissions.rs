//! What a position carries: read it, `AssignPermissionToPosition` (S1-38), `RemovePermissionFromPosition` (S1-39).
//! The change itself is the one use case that roles use too.

use super::positions::find;
use super::store::positions as store;
use crate::access::role_permissions::{self, Order};
use crate::access::scope;
use crate::core::Core;
use crate::policy::{HolderId, Principal};
use crate::refusal::Refusal;
use livegrant_actors::{PositionId, Rev};

/// Lists the codes that a position carries.
pub async fn list(core: &Core, by: &Principal, guid: &str) -> Result<Vec<String>, Refusal> {
    let scope = scope::require(core, by, "position:view")?;
    let position = find(core, by, &scope, guid).await?;
    read(core, PositionId(position.id)).await
}

/// Changes what a position carries, and answers the codes as they are now. No revision: it already was so.
pub async fn change(
    core: &Core,
    by: &Principal,
    guid: &str,
    order: &Order,
) -> Result<(Option<Rev>, Vec<String>), Refusal> {
    let scope = scope::require(core, by, "permission:assign")?;
    let id = PositionId(find(core, by, &scope, guid).await?.id);
    let rev = role_permissions::change(core, by, HolderId::Position(id), order).await?;
    Ok((rev, read(core, id).await?))
}

async fn read(core: &Core, id: PositionId) -> Result<Vec<String>, Refusal> {
    Ok(store::permissions_of(&mut core.db.read().await?, id).await?)
}
