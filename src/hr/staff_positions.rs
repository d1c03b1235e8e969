//! Putting people into positions (`AssignStaffPosition`, S1-35) and taking them out, for good or for a time.
//! Repeating is harmless. Nobody puts anybody into a position that carries more than he holds himself.

use super::change_staff::{Change, locked};
use super::model::{HeldOut, HeldRow, NewHeld, POSITIONS_MAX, StaffId, check_change_type};
use super::resolve::{is_caller, parse_guid};
use super::staff::MISSING;
use super::store::positions::position;
use super::store::staff_positions::{self as store, Hold};
use crate::access::dominance::{Lasting, dominates_holder};
use crate::access::last_administrator;
use crate::access::model::Period;
use crate::core::Core;
use crate::policy::{HolderId, PolicyChange, Principal};
use crate::refusal::Refusal;
use livegrant_actors::{PositionId, Rev};

/// Puts a person into a position, or changes since when, until when and how he is in it.
pub async fn assign(
    core: &Core,
    by: &Principal,
    guid: &str,
    new: &NewHeld,
) -> Result<(Option<Rev>, Change, HeldOut), Refusal> {
    by.require("staff:update")?;
    is_caller(core, by, new.operator_guid.as_deref()).await?;
    let guid = parse_guid("guid", guid)?;
    let position_guid = parse_guid("position_guid", &new.position_guid)?;
    new.change_type.as_deref().map_or(Ok(()), check_change_type)?;
    let mut work = core.db.begin(&by.author()).await?;
    let now = work.now();
    let period = Period::parse(new.valid_from.as_deref(), new.valid_to.as_deref(), now)?;
    let person = locked(&mut work, by, &guid).await?;
    if person.status == "left" {
        return Err(Refusal::conflict("staff_left", "this person has left; set the status to active first"));
    }
    let Some(into) = position(work.conn(), by.company(), &position_guid).await? else {
        let detail = format!("there is no position {position_guid}");
        return Err(Refusal::invalid("position_guid", "unknown_position", detail));
    };
    let (staff, id) = (StaffId(person.id), PositionId(into.id));
    let held = store::held_by(work.conn(), staff).await?;
    let before = held.iter().find(|row| row.position_id == id.0);
    let wanted = Hold {
        is_primary: new.is_primary.unwrap_or(before.is_some_and(|row| row.is_primary)),
        change_type: new.change_type.as_deref().unwrap_or(before.map_or("", |row| &row.change_type)),
        from: period.from.or(before.and_then(|row| row.valid_from)),
        to: period.to,
    };
    let moves = before.is_none_or(|row| row.valid_from != wanted.from || row.valid_to != wanted.to);
    if let Some(row) = before.filter(|row| !moves && same(row, &wanted)) {
        return Ok((None, Change::Unchanged, row.clone().into()));
    }
    if before.is_none() && held.len() >= POSITIONS_MAX {
        let detail = format!("at most {POSITIONS_MAX} positions");
        return Err(Refusal::invalid("position_guid", "too_many", detail));
    }
    if moves {
        dominates_holder(core, &mut work, by, HolderId::Position(id), wanted.to.into())?;
    }
    store::hold(work.conn(), staff, id, &wanted, by.account(), now).await?;
    if wanted.is_primary {
        store::make_others_secondary(work.conn(), staff, id).await?;
    }
    if moves {
        let removed = before.map_or(Vec::new(), |_| vec![id]);
        if !removed.is_empty() {
            last_administrator::stays(&mut work).await?;
        }
        let (account, added) = (person.holder(), vec![id]);
        work.because(format!("position:{}", into.code));
        work.change(PolicyChange::StaffPositions { staff: staff.0, account, added, removed });
    }
    work.audit("authz_change", "staff", &guid, "staff:update").await?;
    let now_held = store::held_by(work.conn(), staff).await?;
    let committed = work.commit(&by.stamp()).await?;
    let rev = core.settle(committed).await;
    let row = now_held.into_iter().find(|row| row.position_id == id.0).ok_or(MISSING)?;
    Ok((rev, Change::Changed, row.into()))
}

fn same(row: &HeldRow, wanted: &Hold<'_>) -> bool {
    row.is_primary == wanted.is_primary && row.change_type == wanted.change_type
}

/// Takes a person out of a position. `None`: he was not in it.
pub async fn end(
    core: &Core,
    by: &Principal,
    guid: &str,
    position_guid: &str,
) -> Result<Option<Rev>, Refusal> {
    by.require("staff:update")?;
    let guid = parse_guid("guid", guid)?;
    let position_guid = parse_guid("position_guid", position_guid)?;
    let mut work = core.db.begin(&by.author()).await?;
    let person = locked(&mut work, by, &guid).await?;
    let out_of = position(work.conn(), by.company(), &position_guid).await?;
    let out_of = out_of.ok_or(Refusal::NotFound { what: "position" })?;
    let id = PositionId(out_of.id);
    if store::end_hold(work.conn(), StaffId(person.id), id).await? == 0 {
        return Ok(None);
    }
    dominates_holder(core, &mut work, by, HolderId::Position(id), Lasting::Now)?;
    last_administrator::stays(&mut work).await?;
    work.because(format!("position:{}", out_of.code));
    work.change(PolicyChange::StaffPositions {
        staff: person.id,
        account: person.holder(),
        added: Vec::new(),
        removed: vec![id],
    });
    work.audit("authz_change", "staff", &guid, "staff:update").await?;
    let committed = work.commit(&by.stamp()).await?;
    Ok(core.settle(committed).await)
}
