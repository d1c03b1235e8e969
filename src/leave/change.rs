//! Changing a request that is a draft or was sent back, and throwing a draft away: by whoever it is for or wrote it.
//!
//! One that was sent back still counts as asked for, so what is left is looked at when it changes. Its instance hears of the
//! change when it is sent again.

use super::admission::{Weighed, check_backdated, check_free, check_left, lock, reckon, weigh};
use super::ask::offered;
use super::model::{Leave, LeavePatch, LeaveType, Status, check_attachments, check_reason};
use super::read::shown;
use super::sight::may_change;
use super::span::{Asked, Span, Unit};
use super::store::leaves::{self as store, LeaveColumns, LeaveRow};
use super::store::people::{Person, person};
use super::store::types::coded;
use super::{MISSING, tell};
use crate::core::Core;
use crate::db::Work;
use crate::hr::resolve::{is_caller, parse_guid};
use crate::policy::Principal;
use crate::refusal::Refusal;

/// Changes a request; absent fields stay.
pub async fn update(core: &Core, by: &Principal, guid: &str, patch: &LeavePatch) -> Result<Leave, Refusal> {
    is_caller(core, by, patch.operator_guid.as_deref()).await?;
    patch.reason.as_deref().map_or(Ok(()), check_reason)?;
    patch.attachments.as_deref().map_or(Ok(()), check_attachments)?;
    let mut work = core.db.begin(&by.author()).await?;
    let (row, whose) = locked(core, &mut work, by, guid).await?;
    can_change(&row)?;
    if patch.version.is_some_and(|version| version != row.version) {
        return Err(Refusal::Outdated);
    }
    let of = match patch.leave_type.as_deref() {
        Some(code) if code != row.type_code => offered(work.conn(), by.company(), code).await?,
        _ => coded(work.conn(), by.company(), &row.type_code).await?.ok_or(MISSING)?,
    };
    same_course(&row, &of)?;
    let wanted = wanted(core, &mut work, by, &of, &row, patch).await?;
    if wanted.span.start != row.start_at {
        check_backdated(core, work.conn(), by, &whose, &of, &wanted).await?;
    }
    check_free(work.conn(), &whose, &wanted, row.id).await?;
    if row.status == "returned" {
        check_left(work.conn(), by, &whose, &of, &wanted, row.id).await?;
    }
    let columns = LeaveColumns {
        type_id: of.id,
        unit: wanted.span.unit.as_str(),
        start_at: wanted.span.start,
        end_at: wanted.span.end,
        amount: wanted.amount(),
        reason: patch.reason.as_deref().unwrap_or(&row.reason),
        attachments: patch.attachments.as_deref().unwrap_or(&row.attachments),
    };
    let after = write(&mut work, by, &row, &columns, &wanted).await?;
    work.audit("leave_updated", "leave", &row.guid, "").await?;
    tell::changed(&mut work, by.company(), &after, "updated").await?;
    let after = shown(core, by, after);
    work.commit(&by.stamp()).await?;
    Ok(after)
}

/// Writes a request and its shares, where it still is as it was read.
pub(super) async fn write(
    work: &mut Work,
    by: &Principal,
    row: &LeaveRow,
    columns: &LeaveColumns<'_>,
    wanted: &Weighed,
) -> Result<LeaveRow, Refusal> {
    let now = work.now();
    if store::update(work.conn(), row.id, row.version, columns, now).await? == 0 {
        return Err(Refusal::Outdated);
    }
    store::delete_shares(work.conn(), row.id).await?;
    for (year, amount) in &wanted.shares {
        store::insert_share(work.conn(), row.id, *year, *amount).await?;
    }
    store::leave(work.conn(), by.company(), &row.guid).await?.ok_or(MISSING)
}

async fn wanted(
    core: &Core,
    work: &mut Work,
    by: &Principal,
    of: &LeaveType,
    row: &LeaveRow,
    patch: &LeavePatch,
) -> Result<Weighed, Refusal> {
    let halves = patch.start_half.is_some() || patch.end_half.is_some();
    match (&patch.start_at, &patch.end_at) {
        (Some(start), Some(end)) => {
            let (start_half, end_half) = (patch.start_half, patch.end_half);
            weigh(core, work.conn(), by, of, Asked { unit: patch.unit, start, end, start_half, end_half })
                .await
        }
        (None, None) if patch.unit.is_none() && !halves => {
            let span = Span { unit: Unit::read(&row.unit), start: row.start_at, end: row.end_at };
            of.check_unit(span.unit)?;
            let wanted = reckon(core, work.conn(), by, of, span).await?;
            of.check_amount(wanted.amount())?;
            Ok(wanted)
        }
        (None, _) => Err(Refusal::invalid("start_at", "invalid", "start_at and end_at are changed together")),
        (_, None) => Err(Refusal::invalid("end_at", "invalid", "start_at and end_at are changed together")),
    }
}

/// Throws a draft away.
pub async fn discard(core: &Core, by: &Principal, guid: &str) -> Result<(), Refusal> {
    let mut work = core.db.begin(&by.author()).await?;
    let (row, _) = locked(core, &mut work, by, guid).await?;
    if row.status != "draft" {
        return Err(state_of(&row, "only a draft can be deleted"));
    }
    store::delete_shares(work.conn(), row.id).await?;
    if store::delete_draft(work.conn(), row.id, row.version).await? == 0 {
        return Err(Refusal::Outdated);
    }
    work.audit("leave_deleted", "leave", &row.guid, "").await?;
    work.commit(&by.stamp()).await?;
    Ok(())
}

/// Finds a request that the caller may change, with its person locked.
pub(super) async fn locked(
    core: &Core,
    work: &mut Work,
    by: &Principal,
    guid: &str,
) -> Result<(LeaveRow, Person), Refusal> {
    let guid = parse_guid("guid", guid)?;
    let row = store::leave(work.conn(), by.company(), &guid).await?.ok_or(MISSING)?;
    may_change(core, work.conn(), by, &row).await?;
    let whose = person(work.conn(), by.company(), row.staff_id).await?.ok_or(MISSING)?;
    lock(work, &whose).await?;
    // As it is now that nobody else of this person's is under way.
    let row = store::leave(work.conn(), by.company(), &guid).await?.ok_or(MISSING)?;
    Ok((row, whose))
}

/// Whoever decides on a type decides on all requests of it: one that was sent back goes on as it began, so it cannot become
/// of a type that others decide on.
pub(super) fn same_course(row: &LeaveRow, of: &LeaveType) -> Result<(), Refusal> {
    if row.definition_code.as_ref().is_none_or(|code| *code == of.definition_code) {
        return Ok(());
    }
    let detail = format!("{} is decided on in another way; take this request back and ask anew", of.name);
    Err(Refusal::Conflict { code: "leave_state", field: Some("leave_type".to_owned()), detail })
}

fn can_change(row: &LeaveRow) -> Result<(), Refusal> {
    if Status::read(&row.status).is_some_and(Status::can_change) {
        return Ok(());
    }
    Err(state_of(row, "only a draft or a request that was sent back can be changed"))
}

/// The request's state does not allow it.
pub(super) fn state_of(row: &LeaveRow, detail: &str) -> Refusal {
    Refusal::conflict("leave_state", format!("the request is {}; {detail}", row.status))
}
