//! Moving an organisation with everything below it (FC10): under another one, or to the top, and to a place among its new
//! siblings. The paths below are rewritten by one statement, and the tree's epoch is raised: whoever reaches "everything
//! below" reaches something else from this commit on (I2).

use super::model::{Field, LEVELS_MAX, Organization, OrganizationMove, check_sort};
use super::organization_news::{News, tell};
use super::organizations::{MISSING, Place, found, in_turn, place, too_deep};
use super::resolve::{is_caller, parse_guid};
use super::store::organizations::{self as store, of_company};
use crate::access::scope::{self, covers};
use crate::core::Core;
use crate::db::Work;
use crate::policy::{PolicyChange, Principal};
use crate::refusal::Refusal;
use livegrant_actors::{CompanyId, Rev};

/// Moves an organisation. The caller reaches both ends: where it lies and where it is to lie; the top only those reach who
/// reach everything. `None`: it only came to another place among its siblings, or stayed.
pub async fn change(
    core: &Core,
    by: &Principal,
    guid: &str,
    wanted: &OrganizationMove,
) -> Result<(Option<Rev>, Organization), Refusal> {
    let scope = scope::require(core, by, "org:update")?;
    is_caller(core, by, wanted.operator_guid.as_deref()).await?;
    let guid = parse_guid("guid", guid)?;
    check_sort("position", wanted.position)?;
    let mut work = core.db.begin(&by.author()).await?;
    in_turn(&mut work, by).await?;
    let before = found(work.conn(), by, &scope, &guid).await?;
    if wanted.version.is_some_and(|version| version != before.version) {
        return Err(Refusal::Outdated);
    }
    let parent = match &wanted.parent_guid {
        Field::Absent => before.parent_guid.clone(),
        Field::Null => None,
        Field::Given(guid) => Some(guid.to_lowercase()),
    };
    if parent != before.parent_guid && !covers(work.conn(), &scope, before.parent_id()).await? {
        return Err(Refusal::Denied {
            permission: "org:update".to_owned(),
            detail: "your data scope does not reach where this organisation lies".to_owned(),
        });
    }
    let moves = parent != before.parent_guid;
    let to = if moves {
        let to = place(work.conn(), by, &scope, "parentGuid", parent.as_deref()).await?;
        under(&mut work, by.company(), &before, to.as_ref()).await?;
        to.map(|to| to.id)
    } else {
        before.parent_id()
    };
    let last = store::children(work.conn(), by.company(), to).await? - 1;
    if moves || wanted.position.is_some() {
        let position = wanted.position.unwrap_or(last).min(last);
        store::place(work.conn(), by.company(), to, before.id, position).await?;
    }
    let after = store::organization(work.conn(), of_company(by.company()), &guid).await?.ok_or(MISSING)?;
    if after == before {
        return Ok((None, before));
    }
    let at = |row: &Organization| (row.path.clone(), row.sort);
    let ((old_path, old_sort), (new_path, new_sort)) = (at(&before), at(&after));
    let (from, to) = (Place { path: &old_path, sort: old_sort }, Place { path: &new_path, sort: new_sort });
    work.audit_diff("organization_moved", "organization", &guid, "org:update", Some(&from), Some(&to))
        .await?;
    if moves {
        work.change(PolicyChange::OrganizationsMoved { company: by.company() });
    }
    tell(&mut work, by.company(), News::Moved, &after).await?;
    let committed = work.commit(&by.stamp()).await?;
    Ok((core.settle(committed).await, after))
}

/// Hangs an organisation and everything below it under another one, or at the top.
pub(super) async fn under(
    work: &mut Work,
    company: CompanyId,
    moved: &Organization,
    to: Option<&Organization>,
) -> Result<(), Refusal> {
    if to.is_some_and(|to| moved.contains(&to.path)) {
        let detail = "an organisation cannot lie in itself or below itself";
        return Err(Refusal::invalid("parentGuid", "cycle", detail));
    }
    let level = to.map_or(0, |to| to.level) + 1;
    let deepest = store::deepest(work.conn(), company, &moved.path).await?;
    if deepest - moved.level + level > LEVELS_MAX {
        return Err(too_deep("parentGuid"));
    }
    let now = work.now();
    store::hang(work.conn(), moved.id, to.map(|to| to.id), now).await?;
    let path = format!("{}{}/", to.map_or("/", |to| &to.path), moved.id);
    store::rewrite_paths(work.conn(), company, &moved.path, &path, level - moved.level).await?;
    Ok(())
}
