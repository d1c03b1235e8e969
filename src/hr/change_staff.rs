//! Changing a staff record, and a person's leaving. Login and status decide who holds the person's positions: whoever
//! moves them gives and takes what they carry, so both ends are recorded (I2) and the caller needs sway over it.

use super::model::{Field, HeldRow, Staff, StaffId, StaffOut, StaffPatch, check_staff_status};
use super::organizations;
use super::resolve::parse_guid;
use super::staff::{MISSING, check, is_free, login, with_positions};
use super::store::staff::{self as store, StaffColumns};
use super::store::staff_positions::{end_holds, held_by};
use crate::access::dominance::{Lasting, dominates_holder};
use crate::access::last_administrator;
use crate::core::Core;
use crate::db::Work;
use crate::policy::{HolderId, PolicyChange, Principal};
use crate::refusal::Refusal;
use livegrant_actors::{AccountId, PositionId, Rev};

/// Changes a staff record; absent fields stay.
pub async fn update(
    core: &Core,
    by: &Principal,
    guid: &str,
    patch: &StaffPatch,
) -> Result<StaffOut, Refusal> {
    by.require("staff:update")?;
    let guid = parse_guid("guid", guid)?;
    check(patch.staff_no.as_deref(), patch.name.as_deref(), patch.mobile.as_deref(), patch.email.as_deref())?;
    patch.status.as_deref().map_or(Ok(()), check_staff_status)?;
    let account = wanted_login(core, by, patch).await?;
    let mut work = core.db.begin(&by.author()).await?;
    let before = locked(&mut work, by, &guid).await?;
    if patch.version.is_some_and(|version| version != before.version) {
        return Err(Refusal::Outdated);
    }
    let id = StaffId(before.id);
    if let Field::Given(account) = account {
        is_free(work.conn(), by, account, Some(id)).await?;
    }
    let (organization, now) =
        (patch.organization_guid.clone().or(before.organization_guid.clone()), work.now());
    let columns = StaffColumns {
        staff_no: patch.staff_no.as_deref().unwrap_or(&before.staff_no),
        name: patch.name.as_deref().unwrap_or(&before.name),
        mobile: patch.mobile.as_deref().unwrap_or(&before.mobile),
        email: patch.email.as_deref().unwrap_or(&before.email),
        status: patch.status.as_deref().unwrap_or(&before.status),
        org_id: organizations::named(work.conn(), by, organization.as_deref()).await?,
        account: account.or(before.account_id.map(AccountId)),
    };
    store::update_staff(work.conn(), id, &columns, now).await.map_err(Refusal::on_duplicate("staff_no"))?;
    let after = store::staff_of_guid(work.conn(), by.company(), &guid).await?.ok_or(MISSING)?;
    if after.status == "left" && before.status != "left" {
        by.require("staff:delete")?;
        end_positions(core, by, &mut work, &before).await?;
    } else {
        move_positions(core, by, &mut work, &before, &after).await?;
    }
    work.audit("staff_updated", "staff", &guid, "staff:update").await?;
    let changed = with_positions(work.conn(), after).await?;
    let committed = work.commit(&by.stamp()).await?;
    core.settle(committed).await;
    Ok(changed)
}

/// Marks a person as left and ends all positions; the record stays. `None`: the person had left before.
pub async fn leave(core: &Core, by: &Principal, guid: &str) -> Result<(Option<Rev>, Change), Refusal> {
    by.require("staff:delete")?;
    let guid = parse_guid("guid", guid)?;
    let mut work = core.db.begin(&by.author()).await?;
    let before = locked(&mut work, by, &guid).await?;
    if before.status == "left" {
        return Ok((None, Change::Unchanged));
    }
    let now = work.now();
    store::mark_left(work.conn(), StaffId(before.id), now).await?;
    end_positions(core, by, &mut work, &before).await?;
    work.audit("staff_deleted", "staff", &guid, "staff:delete").await?;
    let committed = work.commit(&by.stamp()).await?;
    Ok((core.settle(committed).await, Change::Changed))
}

/// Whether something had to change; a change that nobody's permissions rest on takes no revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It was done.
    Changed,
    /// It already was so.
    Unchanged,
}

/// Locks a staff record and reads it.
pub(super) async fn locked(work: &mut Work, by: &Principal, guid: &str) -> Result<Staff, Refusal> {
    let now = work.now();
    store::lock_staff(work.conn(), by.company(), guid, now).await?;
    store::staff_of_guid(work.conn(), by.company(), guid).await?.ok_or(MISSING)
}

async fn wanted_login(core: &Core, by: &Principal, patch: &StaffPatch) -> Result<Field<AccountId>, Refusal> {
    let id = match patch.account_id {
        Field::Null if patch.username.is_none() => return Ok(Field::Null),
        Field::Null | Field::Absent => None,
        Field::Given(id) => Some(id),
    };
    let found = login(core, by, id, patch.username.as_deref()).await?;
    Ok(found.map_or(Field::Absent, Field::Given))
}

/// Moves what the person's positions carry from the login that held it to the one that holds it now.
async fn move_positions(
    core: &Core,
    by: &Principal,
    work: &mut Work,
    before: &Staff,
    after: &Staff,
) -> Result<(), Refusal> {
    if before.holder() == after.holder() {
        return Ok(());
    }
    let held = held_by(work.conn(), StaffId(before.id)).await?;
    if held.is_empty() {
        return Ok(());
    }
    let given = if after.holder().is_some() { Given::Yes } else { Given::No };
    let positions = held_with_sway(core, work, by, &held, given)?;
    if let Some(account) = before.holder() {
        last_administrator::stays(work).await?;
        record(work, before.id, Some(account), Vec::new(), positions.clone());
    }
    if let Some(account) = after.holder() {
        record(work, before.id, Some(account), positions, Vec::new());
    }
    Ok(())
}

/// Takes the person out of all positions.
async fn end_positions(core: &Core, by: &Principal, work: &mut Work, before: &Staff) -> Result<(), Refusal> {
    let held = held_by(work.conn(), StaffId(before.id)).await?;
    if held.is_empty() {
        return Ok(());
    }
    let positions = held_with_sway(core, work, by, &held, Given::No)?;
    end_holds(work.conn(), StaffId(before.id)).await?;
    last_administrator::stays(work).await?;
    record(work, before.id, before.holder(), Vec::new(), positions);
    Ok(())
}

/// Answers the positions, when the caller holds everything that they carry; for somebody who gets them, as long as they
/// are held.
fn held_with_sway(
    core: &Core,
    work: &mut Work,
    by: &Principal,
    held: &[HeldRow],
    given: Given,
) -> Result<Vec<PositionId>, Refusal> {
    let mut positions = Vec::with_capacity(held.len());
    for row in held {
        let position = PositionId(row.position_id);
        let lasting = if given == Given::Yes { row.valid_to.into() } else { Lasting::Now };
        dominates_holder(core, work, by, HolderId::Position(position), lasting)?;
        positions.push(position);
    }
    Ok(positions)
}

/// Whether somebody gets the positions, or they only end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Given {
    Yes,
    No,
}

fn record(
    work: &mut Work,
    staff: i64,
    account: Option<AccountId>,
    added: Vec<PositionId>,
    removed: Vec<PositionId>,
) {
    work.because("positions");
    work.change(PolicyChange::StaffPositions { staff, account, added, removed });
}
