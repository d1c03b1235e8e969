//! Putting people into positions (`AssignStaffPosition`, S1-35), changing how they are in them, and taking them out, for good
//! or for a time. Repeating is harmless; whoever comes in, goes out or is in one otherwise is told (`position_notices`).
//! Nobody puts anybody into a position that carries more than he holds himself, nor into one beyond his reach, nor out of
//! one there.

use super::change_staff::{Change, locked};
use super::model::{
    Field, HeldOut, HeldPatch, HeldRow, LEAVING, NewHeld, POSITIONS_MAX, Position, Staff, StaffId,
    check_change_type, has_room,
};
use super::position_notices;
use super::positions::{reached, remaining};
use super::resolve::{is_caller, parse_guid};
use super::staff::MISSING;
use super::store::positions::{lock_position, of_company, position};
use super::store::staff_positions::{self as store, Hold};
use crate::access::dominance::{Lasting, dominates_grant, dominates_holder};
use crate::access::last_administrator;
use crate::access::model::Period;
use crate::access::scope::{self, covers};
use crate::core::Core;
use crate::db::Work;
use crate::policy::{DataScope, HolderId, PolicyChange, Principal};
use crate::refusal::Refusal;
use livegrant_actors::{AccountId, PositionId, Rev};

/// How the person is to be in the position; `None` stays, or is as for a new one.
#[derive(Debug, Clone)]
struct Wanted<'a> {
    is_primary: Option<bool>,
    change_type: Option<&'a str>,
    from: Option<&'a str>,
    to: Field<&'a str>,
}

/// Puts a person into a position, or changes since when, until when and how he is in it.
pub async fn assign(
    core: &Core,
    by: &Principal,
    guid: &str,
    new: &NewHeld,
) -> Result<(Option<Rev>, Change, HeldOut), Refusal> {
    let scope = scope::require(core, by, "staff:update")?;
    is_caller(core, by, new.operator_guid.as_deref()).await?;
    let wanted = Wanted {
        is_primary: new.is_primary,
        change_type: new.change_type.as_deref(),
        from: new.valid_from.as_deref(),
        to: new.valid_to.as_deref().map_or(Field::Null, Field::Given),
    };
    let position_guid = parse_guid("position_guid", &new.position_guid)?;
    put(core, by, &scope, guid, &position_guid, &wanted, Entry::MayBeNew).await
}

/// Changes how a person is in a position that he is in.
pub async fn change(
    core: &Core,
    by: &Principal,
    guid: &str,
    position_guid: &str,
    patch: &HeldPatch,
) -> Result<(Option<Rev>, Change, HeldOut), Refusal> {
    let scope = scope::require(core, by, "staff:update")?;
    is_caller(core, by, patch.operator_guid.as_deref()).await?;
    let wanted = Wanted {
        is_primary: patch.is_primary,
        change_type: patch.change_type.as_deref(),
        from: patch.valid_from.as_deref(),
        to: match &patch.valid_to {
            Field::Absent => Field::Absent,
            Field::Null => Field::Null,
            Field::Given(text) => Field::Given(text),
        },
    };
    let position_guid = parse_guid("position_guid", position_guid)?;
    put(core, by, &scope, guid, &position_guid, &wanted, Entry::IsThere).await
}

/// Whether the person may come into the position by this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Entry {
    MayBeNew,
    IsThere,
}

async fn put(
    core: &Core,
    by: &Principal,
    scope: &DataScope,
    guid: &str,
    position_guid: &str,
    asked: &Wanted<'_>,
    entry: Entry,
) -> Result<(Option<Rev>, Change, HeldOut), Refusal> {
    let guid = parse_guid("guid", guid)?;
    asked.change_type.map_or(Ok(()), check_change_type)?;
    let mut work = core.db.begin(&by.author()).await?;
    let now = work.now();
    let until = if let Field::Given(text) = asked.to { Some(text) } else { None };
    let period = Period::parse(asked.from, until, now)?;
    let person = locked(&mut work, by, scope, &guid).await?;
    if person.status == "left" {
        return Err(Refusal::conflict("staff_left", "this person has left; set the status to active first"));
    }
    let into = reached_position(&mut work, by, scope, position_guid).await?;
    let (staff, id) = (StaffId(person.id), PositionId(into.id));
    let held = store::held_by(work.conn(), staff).await?;
    let before = held.iter().find(|row| row.position_id == id.0);
    if before.is_none() && entry == Entry::IsThere {
        return Err(Refusal::NotFound { what: "position" });
    }
    let change_type =
        asked.change_type.map_or_else(|| usual_type(&held, before, asked.is_primary), str::to_owned);
    let wanted = Hold {
        is_primary: asked.is_primary.unwrap_or(before.is_some_and(|row| row.is_primary)),
        change_type: &change_type,
        from: period.from.or(before.and_then(|row| row.valid_from)),
        to: if asked.to == Field::Absent { before.and_then(|row| row.valid_to) } else { period.to },
    };
    let moves = before.is_none_or(|row| row.valid_from != wanted.from || row.valid_to != wanted.to);
    if let Some(row) = before.filter(|row| !moves && same(row, &wanted)) {
        return Ok((None, Change::Unchanged, row.clone().into()));
    }
    if before.is_none() {
        if held.len() >= POSITIONS_MAX {
            let detail = format!("at most {POSITIONS_MAX} positions");
            return Err(Refusal::invalid("position_guid", "too_many", detail));
        }
        has_room(into.headcount, into.holders + 1)?;
    }
    if wanted.is_primary {
        leaves_what_is_reached(&mut work, by, scope, &held, id).await?;
    }
    if moves {
        let holder = HolderId::Position(id);
        dominates_grant(core, &mut work, by, holder, wanted.to.into(), person.org_id).await?;
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
    tell_put(&mut work, by, &person, &into, &held, &wanted).await?;
    let now_held = store::held_by(work.conn(), staff).await?;
    let row = now_held.into_iter().find(|row| row.position_id == id.0).ok_or(MISSING)?;
    let (old, out) = (before.cloned().map(HeldOut::from), HeldOut::from(row));
    work.audit_diff("authz_change", "staff", &guid, "staff:update", old.as_ref(), Some(&out)).await?;
    let committed = work.commit(&by.stamp()).await?;
    Ok((core.settle(committed).await, Change::Changed, out))
}

/// Locks the position, so that its headcount is counted by one after the other, and reads it.
async fn reached_position(
    work: &mut Work,
    by: &Principal,
    scope: &DataScope,
    guid: &str,
) -> Result<Position, Refusal> {
    let unknown = || {
        Refusal::invalid(
            "position_guid",
            "unknown_position",
            format!("there is no position {guid} within your reach"),
        )
    };
    let now = work.now();
    lock_position(work.conn(), by.company(), guid, now).await?;
    let found = position(work.conn(), of_company(by.company()), guid).await?.ok_or_else(unknown)?;
    if covers(work.conn(), scope, found.org_id).await? { Ok(found) } else { Err(unknown()) }
}

/// A new main position takes the place of the one before: the caller reaches that too.
async fn leaves_what_is_reached(
    work: &mut Work,
    by: &Principal,
    scope: &DataScope,
    held: &[HeldRow],
    to: PositionId,
) -> Result<(), Refusal> {
    for row in held.iter().filter(|row| row.is_primary && row.position_id != to.0) {
        if position(work.conn(), reached(by, scope), &row.position_guid).await?.is_none() {
            return Err(Refusal::Denied {
                permission: "staff:update".to_owned(),
                detail: "your data scope does not reach the position that is this person's main one"
                    .to_owned(),
            });
        }
    }
    Ok(())
}

/// What it is called when nobody says: somebody's first position, his new main one, or one more.
fn usual_type(held: &[HeldRow], before: Option<&HeldRow>, is_primary: Option<bool>) -> String {
    let word = match (before, is_primary) {
        (Some(row), _) => return row.change_type.clone(),
        (None, _) if held.is_empty() => "入职",
        (None, Some(true)) => "调岗",
        (None, _) => "兼任",
    };
    word.to_owned()
}

async fn tell_put(
    work: &mut Work,
    by: &Principal,
    person: &Staff,
    into: &Position,
    held: &[HeldRow],
    wanted: &Hold<'_>,
) -> Result<(), Refusal> {
    let is_there = held.iter().any(|row| row.position_id == into.id);
    // A new main position takes the place of the one before; another one comes beside it.
    let replaced = held.iter().find(|row| row.is_primary && row.started).filter(|_| wanted.is_primary);
    let old = if is_there { into.name.as_str() } else { replaced.map_or("", |row| row.name.as_str()) };
    let change_type = if wanted.change_type.is_empty() { "调岗" } else { wanted.change_type };
    let change = position_notices::Change {
        staff: StaffId(person.id),
        position: PositionId(into.id),
        old,
        new: &into.name,
        change_type,
        from: wanted.from.filter(|from| *from > work.now()),
        over: false,
    };
    position_notices::tell(work, by.company(), person.account_id.map(AccountId), &change).await
}

fn same(row: &HeldRow, wanted: &Hold<'_>) -> bool {
    row.is_primary == wanted.is_primary && row.change_type == wanted.change_type
}

/// Takes a person out of a position that the caller reaches. `None`: he was not in it.
pub async fn end(
    core: &Core,
    by: &Principal,
    guid: &str,
    position_guid: &str,
) -> Result<Option<Rev>, Refusal> {
    let scope = scope::require(core, by, "staff:update")?;
    let guid = parse_guid("guid", guid)?;
    let position_guid = parse_guid("position_guid", position_guid)?;
    let mut work = core.db.begin(&by.author()).await?;
    let person = locked(&mut work, by, &scope, &guid).await?;
    let staff = StaffId(person.id);
    let out_of = position(work.conn(), reached(by, &scope), &position_guid).await?;
    let out_of = out_of.ok_or(Refusal::NotFound { what: "position" })?;
    let id = PositionId(out_of.id);
    let held = store::held_by(work.conn(), staff).await?;
    if store::end_hold(work.conn(), staff, id).await? == 0 {
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
    let change = position_notices::Change {
        staff,
        position: id,
        old: &out_of.name,
        new: remaining(&held, id),
        change_type: LEAVING,
        from: None,
        over: false,
    };
    position_notices::tell(&mut work, by.company(), person.account_id.map(AccountId), &change).await?;
    let before = held.into_iter().find(|row| row.position_id == id.0).map(HeldOut::from);
    work.audit_diff("authz_change", "staff", &guid, "staff:update", before.as_ref(), None::<&()>).await?;
    let committed = work.commit(&by.stamp()).await?;
    Ok(core.settle(committed).await)
}
