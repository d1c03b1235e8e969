//! The end of an organisation (FC9). While anything belongs to it the end is refused, unless it is said where everything
//! goes: people, positions and the organisations directly below move there together, with all that lies below those. What
//! would move can be asked for first, and is counted the same way. Positions and what they carry stay as they are.

use super::model::{Belongings, MOVED_MAX, MoveTo, Organization};
use super::move_organization::under;
use super::organization_news::{News, tell};
use super::organizations::{MISSING, found, in_turn, place};
use super::position_notices;
use super::resolve::parse_guid;
use super::store::organizations::{self as store, of_company};
use crate::access::scope;
use crate::core::Core;
use crate::db::Work;
use crate::policy::{DataScope, Edit, HolderId, PolicyChange, Principal};
use crate::refusal::Refusal;
use livegrant_actors::{AccountId, PositionId, Rev};
use serde::Serialize;
use utoipa::ToSchema;

/// What the end of an organisation moves, or would move.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Deletion {
    /// The revision; null where nothing that permissions reach has moved, and in a preview.
    pub rev: Option<i64>,
    /// False: it was a preview.
    pub changed: bool,
    /// The organisation.
    pub organization: Organization,
    /// What belonged to it.
    #[serde(flatten)]
    pub moves: Belongings,
    /// Where that goes; null: to the top.
    pub move_to: Option<Organization>,
    /// Without `move_staff_to` this end is refused.
    pub needs_target: bool,
}

/// Answers what the end of an organisation would move.
pub async fn preview(core: &Core, by: &Principal, guid: &str, to: &MoveTo) -> Result<Deletion, Refusal> {
    let scope = scope::require(core, by, "org:delete")?;
    let mut work = core.db.begin(&by.author()).await?;
    // The work is dropped, and what it read is one state.
    looked_up(&mut work, by, &scope, guid, to).await
}

/// Deletes an organisation.
pub async fn delete(core: &Core, by: &Principal, guid: &str, to: &MoveTo) -> Result<Deletion, Refusal> {
    let scope = scope::require(core, by, "org:delete")?;
    let mut work = core.db.begin(&by.author()).await?;
    in_turn(&mut work, by).await?;
    let mut deletion = looked_up(&mut work, by, &scope, guid, to).await?;
    let (gone, moves) = (deletion.organization.clone(), deletion.moves);
    if deletion.needs_target {
        return Err(Refusal::conflict(
            "in_use",
            format!(
                "{} people, {} positions and {} organisations belong to it; say with move_staff_to where they go",
                moves.staff, moves.positions, moves.organizations
            ),
        ));
    }
    if moves.staff + moves.positions + moves.organizations > MOVED_MAX {
        let detail =
            format!("more than {MOVED_MAX} people, positions and organisations would move; move some first");
        return Err(Refusal::conflict("in_use", detail));
    }
    move_everything(&mut work, by, &gone, deletion.move_to.as_ref()).await?;
    for holder in scope::forget_organization(work.conn(), gone.id).await? {
        work.change(rescoped(holder));
    }
    store::delete_organization(work.conn(), gone.id).await?;
    work.audit_diff(
        "organization_deleted",
        "organization",
        &gone.guid,
        "org:delete",
        Some(&deletion),
        None::<&()>,
    )
    .await?;
    work.because(format!("organization:{}", gone.code));
    tell(&mut work, by.company(), News::Deleted, &gone).await?;
    let committed = work.commit(&by.stamp()).await?;
    deletion.rev = core.settle(committed).await.map(|Rev(rev)| rev);
    deletion.changed = true;
    Ok(deletion)
}

async fn looked_up(
    work: &mut Work,
    by: &Principal,
    scope: &DataScope,
    guid: &str,
    to: &MoveTo,
) -> Result<Deletion, Refusal> {
    const FIELD: &str = "move_staff_to";
    let guid = parse_guid("guid", guid)?;
    let organization = found(work.conn(), by, scope, &guid).await?;
    let move_to = match to {
        MoveTo::Refuse => None,
        MoveTo::Top => place(work.conn(), by, scope, FIELD, None).await?,
        MoveTo::Organization(guid) => place(work.conn(), by, scope, FIELD, Some(guid)).await?,
    };
    if move_to.as_ref().is_some_and(|to| organization.contains(&to.path)) {
        let detail = "what belongs to an organisation that ends cannot go to itself or below itself";
        return Err(Refusal::invalid(FIELD, "cycle", detail));
    }
    let moves = store::belongings(work.conn(), organization.id).await?;
    let needs_target = *to == MoveTo::Refuse && !moves.is_empty();
    Ok(Deletion { rev: None, changed: false, organization, moves, move_to, needs_target })
}

async fn move_everything(
    work: &mut Work,
    by: &Principal,
    gone: &Organization,
    to: Option<&Organization>,
) -> Result<(), Refusal> {
    let (now, row) = (work.now(), to.map(|to| to.id));
    let mut told = Vec::new();
    for (_, account, is_there) in store::move_staff(work.conn(), gone.id, row, now).await? {
        let Some(account) = account.map(AccountId) else { continue };
        work.change(PolicyChange::AccountEdited { account });
        told.extend(is_there.then_some(account));
    }
    for position in store::move_positions(work.conn(), gone.id, row, now).await? {
        work.change(rescoped(HolderId::Position(PositionId(position))));
    }
    let children = store::children_of(work.conn(), gone.id).await?;
    for child in &children {
        under(work, by.company(), child, to).await?;
    }
    if !children.is_empty() {
        work.change(PolicyChange::OrganizationsMoved { company: by.company() });
    }
    for child in children {
        let moved =
            store::organization(work.conn(), of_company(by.company()), &child.guid).await?.ok_or(MISSING)?;
        tell(work, by.company(), News::Moved, &moved).await?;
    }
    position_notices::organization_changed(
        work,
        by.company(),
        &told,
        &gone.name,
        to.map(|to| to.name.as_str()),
    );
    Ok(())
}

fn rescoped(holder: HolderId) -> PolicyChange {
    let edit = Edit::Rescoped;
    match holder {
        HolderId::Role(role) => PolicyChange::RoleEdited { role, edit },
        HolderId::Position(position) => PolicyChange::PositionEdited { position, edit },
    }
}
