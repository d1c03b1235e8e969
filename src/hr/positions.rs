//! Positions: list, one, new, changed, deleted. A new position has no permission (S1-44).
//! Switching or deleting one gives or takes all it carries, and its data scope says what that reaches, so each asks for the
//! same sway as granting it.

use super::model::{
    HeldRow, LEAVING, MOVED_MAX, NewPosition, Position, PositionOut, PositionPatch, StaffId, check_numbers,
    check_status, has_room,
};
use super::organizations::row_for;
use super::position_notices::{self, Change};
use super::resolve::parse_guid;
use super::store::positions::{self as store, PositionColumns, of_company};
use super::store::staff_positions::{held_by, holders_of};
use crate::access::dominance::{Lasting, Own, dominates_holder, dominates_new_reach, dominates_reach};
use crate::access::last_administrator;
use crate::access::scope::{self, Columns, within};
use crate::core::Core;
use crate::db::listing::{Conditions, Wanted};
use crate::db::paging::Page;
use crate::db::{Conn, Work};
use crate::policy::{DataScope, Edit, HolderId, PolicyChange, Principal, Reach};
use crate::refusal::Refusal;
use crate::text::{check_code, check_name};
use livegrant_actors::{AccountId, PositionId, Rev};

pub(super) const MISSING: Refusal = Refusal::NotFound { what: "position" };

/// The positions of the caller's company that a scope reaches.
pub(super) fn reached(by: &Principal, scope: &DataScope) -> Conditions {
    let columns = Columns { organization: "p.org_id", account: None };
    of_company(by.company()).and(within(scope, columns, by.account()))
}

/// What a caller wants who only looks for a text.
pub fn searched(search: Option<&str>, page: Page) -> Result<Wanted, Refusal> {
    store::POSITIONS.searched(search, page)
}

/// Reads a list's query.
pub fn wanted(query: &str) -> Result<Wanted, Refusal> {
    store::POSITIONS.read(query, &[])
}

/// Lists the positions that the caller reaches.
pub async fn list(core: &Core, by: &Principal, wanted: &Wanted) -> Result<(i64, Vec<Position>), Refusal> {
    let scope = scope::require(core, by, "position:view")?;
    Ok(store::positions(&mut core.db.read().await?, reached(by, &scope), wanted).await?)
}

/// Reads one position.
pub async fn get(core: &Core, by: &Principal, guid: &str) -> Result<PositionOut, Refusal> {
    let scope = scope::require(core, by, "position:view")?;
    let position = find(core, by, &scope, guid).await?;
    shown(&mut core.db.read().await?, position).await
}

async fn shown(conn: &mut Conn, position: Position) -> Result<PositionOut, Refusal> {
    let holder = HolderId::Position(PositionId(position.id));
    Ok(PositionOut { data_scope_organizations: scope::chosen(conn, holder).await?, position })
}

/// Reads a position that a scope reaches, for a use case that has asked for its own permission.
pub(super) async fn find(
    core: &Core,
    by: &Principal,
    scope: &DataScope,
    guid: &str,
) -> Result<Position, Refusal> {
    let guid = parse_guid("guid", guid)?;
    store::position(&mut core.db.read().await?, reached(by, scope), &guid).await?.ok_or(MISSING)
}

/// Creates a position. Nobody is in it and it carries nothing, so its data scope gives nobody anything yet.
pub async fn create(core: &Core, by: &Principal, new: &NewPosition) -> Result<PositionOut, Refusal> {
    let scope = scope::require(core, by, "position:create")?;
    check_code(&new.code)?;
    check_name("name", &new.name)?;
    check_status(new.status)?;
    check_numbers(new.level, new.headcount)?;
    let mut work = core.db.begin(&by.author()).await?;
    let (now, guid) = (work.now(), crate::clock::guid());
    let name = new.data_scope.as_deref().unwrap_or("all");
    let reach = scope::read(work.conn(), by, name, new.data_scope_organizations.as_deref()).await?;
    let columns = PositionColumns {
        code: &new.code,
        name: &new.name,
        org_id: super::organizations::place(
            work.conn(),
            by,
            &scope,
            "organization_guid",
            new.organization_guid.as_deref(),
        )
        .await?
        .map(|found| found.id),
        is_manager: new.is_manager,
        status: new.status.unwrap_or(1),
        level: new.level.unwrap_or(0),
        headcount: new.headcount,
        data_scope: reach.name(),
    };
    let id = store::insert_position(work.conn(), by.company(), &guid, &columns, now)
        .await
        .map_err(Refusal::on_duplicate("code"))?;
    scope::store(work.conn(), HolderId::Position(id), &reach).await?;
    work.because(format!("position:{}", new.code));
    work.change(PolicyChange::PositionEdited { position: id, edit: Edit::Made });
    let made = store::position(work.conn(), of_company(by.company()), &guid).await?.ok_or(MISSING)?;
    let made = shown(work.conn(), made).await?;
    work.audit_diff("authz_change", "position", &guid, "position:create", None::<&()>, Some(&made)).await?;
    let committed = work.commit(&by.stamp()).await?;
    core.settle(committed).await;
    Ok(made)
}

/// Changes a position: its names, where it belongs, what it reaches, how many may be in it, whether it counts.
pub async fn update(
    core: &Core,
    by: &Principal,
    guid: &str,
    patch: &PositionPatch,
) -> Result<PositionOut, Refusal> {
    let scope = scope::require(core, by, "position:update")?;
    let guid = parse_guid("guid", guid)?;
    patch.code.as_deref().map_or(Ok(()), check_code)?;
    patch.name.as_deref().map_or(Ok(()), |name| check_name("name", name))?;
    check_status(patch.status)?;
    let mut work = core.db.begin(&by.author()).await?;
    let now = work.now();
    store::lock_position(work.conn(), by.company(), &guid, now).await?;
    let row = store::position(work.conn(), reached(by, &scope), &guid).await?.ok_or(MISSING)?;
    if patch.version.is_some_and(|version| version != row.version) {
        return Err(Refusal::Outdated);
    }
    let holder = HolderId::Position(PositionId(row.id));
    let before = shown(work.conn(), row.clone()).await?;
    let headcount = patch.headcount.clone().or(row.headcount);
    check_numbers(patch.level, headcount)?;
    has_room(headcount, row.holders)?;
    let org_id = row_for(work.conn(), by, &scope, &patch.organization_guid, row.org_id).await?;
    let reach = wanted_reach(&mut work, by, patch, &before).await?;
    let rescoped = reach.is_some() || org_id != row.org_id;
    if rescoped {
        // Taking a scope away and giving another asks for the same as granting what the position carries.
        dominates_holder(core, &mut work, by, holder, Lasting::Now)?;
        let present = Reach::read(&row.data_scope, Vec::new());
        let own = org_id.map_or(Own::Anybodys, |row| Own::Of(Some(row)));
        dominates_new_reach(core, &mut work, by, holder, reach.as_ref().unwrap_or(&present), own).await?;
    }
    let switched = patch.status.is_some_and(|status| status != row.status);
    if switched {
        let lasting = if patch.status == Some(1) { Lasting::ForGood } else { Lasting::Now };
        dominates_holder(core, &mut work, by, holder, lasting)?;
        if patch.status == Some(1) {
            dominates_reach(core, &mut work, by, holder, lasting, Own::Anybodys, None).await?;
        }
    }
    let columns = PositionColumns {
        code: patch.code.as_deref().unwrap_or(&row.code),
        name: patch.name.as_deref().unwrap_or(&row.name),
        org_id,
        is_manager: patch.is_manager.unwrap_or(row.is_manager),
        status: patch.status.unwrap_or(row.status),
        level: patch.level.unwrap_or(row.level),
        headcount,
        data_scope: match &reach {
            Some(reach) => reach.name(),
            None => &row.data_scope,
        },
    };
    store::update_position(work.conn(), PositionId(row.id), &columns, now)
        .await
        .map_err(Refusal::on_duplicate("code"))?;
    if let Some(reach) = &reach {
        scope::store(work.conn(), holder, reach).await?;
    }
    if switched {
        last_administrator::stays(&mut work).await?;
    }
    work.because(format!("position:{}", columns.code));
    let edit = match (switched, rescoped) {
        (true, _) => Edit::Switched,
        (false, true) => Edit::Rescoped,
        (false, false) => Edit::Renamed,
    };
    work.change(PolicyChange::PositionEdited { position: PositionId(row.id), edit });
    let changed = store::position(work.conn(), of_company(by.company()), &guid).await?.ok_or(MISSING)?;
    let changed = shown(work.conn(), changed).await?;
    work.audit_diff("authz_change", "position", &guid, "position:update", Some(&before), Some(&changed))
        .await?;
    let committed = work.commit(&by.stamp()).await?;
    core.settle(committed).await;
    Ok(changed)
}

/// Answers the data scope that the patch asks for, if it is another one.
async fn wanted_reach(
    work: &mut Work,
    by: &Principal,
    patch: &PositionPatch,
    before: &PositionOut,
) -> Result<Option<Reach>, Refusal> {
    if patch.data_scope.is_none() && patch.data_scope_organizations.is_none() {
        return Ok(None);
    }
    let name = patch.data_scope.as_deref().unwrap_or(&before.position.data_scope);
    let kept = (name == "chosen").then_some(before.data_scope_organizations.as_slice());
    let organizations = patch.data_scope_organizations.as_deref().or(kept);
    scope::read(work.conn(), by, name, organizations).await.map(Some)
}

/// What happens to people in a position that is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holders {
    /// Refuse while there are any.
    Refuse,
    /// Take it from them.
    Take,
}

/// Deletes a position; whoever is in it is told that he no longer is.
pub async fn delete(
    core: &Core,
    by: &Principal,
    guid: &str,
    holders: Holders,
) -> Result<Option<Rev>, Refusal> {
    let scope = scope::require(core, by, "position:delete")?;
    let guid = parse_guid("guid", guid)?;
    let mut work = core.db.begin(&by.author()).await?;
    let now = work.now();
    store::lock_position(work.conn(), by.company(), &guid, now).await?;
    let row = store::position(work.conn(), reached(by, &scope), &guid).await?.ok_or(MISSING)?;
    if row.holders > 0 && holders == Holders::Refuse {
        return Err(Refusal::conflict(
            "position_held",
            format!("{} people are in this position; add ?force=true", row.holders),
        ));
    }
    if row.holders > MOVED_MAX {
        let detail = format!("more than {MOVED_MAX} people are in this position; take some out of it first");
        return Err(Refusal::conflict("position_held", detail));
    }
    let id = PositionId(row.id);
    dominates_holder(core, &mut work, by, HolderId::Position(id), Lasting::Now)?;
    for (staff, account, _) in holders_of(work.conn(), id).await? {
        let staff = StaffId(staff);
        let held = held_by(work.conn(), staff).await?;
        let (position, new) = (id, remaining(&held, id));
        let (old, change_type) = (row.name.as_str(), LEAVING);
        let change = Change { staff, position, old, new, change_type, from: None, over: false };
        position_notices::tell(&mut work, by.company(), account.map(AccountId), &change).await?;
    }
    store::delete_position(work.conn(), id).await?;
    last_administrator::stays(&mut work).await?;
    work.because(format!("position:{}", row.code));
    work.change(PolicyChange::PositionEdited { position: id, edit: Edit::Deleted });
    work.audit_diff("authz_change", "position", &guid, "position:delete", Some(&row), None::<&()>).await?;
    let committed = work.commit(&by.stamp()).await?;
    Ok(core.settle(committed).await)
}

/// Answers the name of the main position that somebody has besides one; empty: none.
pub(super) fn remaining(held: &[HeldRow], besides: PositionId) -> &str {
    let others = || held.iter().filter(|row| row.position_id != besides.0 && row.started);
    others().find(|row| row.is_primary).or_else(|| others().next()).map_or("", |row| row.name.as_str())
}
