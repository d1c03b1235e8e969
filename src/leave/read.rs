//! Reading requests: one, a list, and how one is shown.

use super::model::{Leave, Status, in_days};
use super::sight::{is_mine, listed, may_change, reach, reaches};
use super::span::{Span, Unit};
use super::store::leaves::{self as store, LeaveRow};
use super::store::lists::{self, Filter};
use super::{MISSING, days, people};
use crate::clock::iso;
use crate::core::Core;
use crate::db::Conn;
use crate::db::paging::Page;
use crate::hr::resolve::parse_guid;
use crate::leave::calendar::Calendar;
use crate::policy::{DataScope, Principal};
use crate::refusal::Refusal;
use crate::workflow::view;
use jiff::ToSpan;
use serde::Deserialize;
use std::borrow::Cow;
use utoipa::IntoParams;

/// Shows a request to a caller who may read it.
pub(super) fn shown(core: &Core, by: &Principal, row: LeaveRow) -> Leave {
    let calendar = Calendar::of(&core.settings.calendar);
    let span = Span { unit: Unit::read(&row.unit), start: row.start_at, end: row.end_at };
    let (first, last) = span.days(calendar.zone());
    let (start_half, end_half) = span.halves(&calendar);
    // The database holds no other word: a CHECK of the table.
    let status = Status::read(&row.status).unwrap_or(Status::Draft);
    let days = in_days(row.amount);
    let amount = if row.type_unit == "hour" { row.amount as f64 / 60.0 } else { days };
    let allowed_actions = if is_mine(by, &row) { actions(status) } else { Vec::new() };
    Leave {
        guid: row.guid,
        staff_guid: row.staff_guid,
        staff_name: row.staff_name,
        leave_type: row.type_code,
        leave_type_name: row.type_name,
        unit: span.unit,
        start_at: iso(span.start),
        end_at: iso(span.end),
        first_day: first.to_string(),
        last_day: last.to_string(),
        start_half,
        end_half,
        amount,
        days,
        reason: row.reason,
        attachments: row.attachments.0,
        status,
        status_display: Cow::Borrowed(status.words()),
        approval_no: row.approval_no,
        instance_guid: row.instance_guid,
        version: row.version,
        created_at: iso(row.created_at),
        updated_at: iso(row.updated_at),
        allowed_actions,
    }
}

/// What whoever asked may do; the definition may forbid to withdraw what somebody has decided on.
fn actions(status: Status) -> Vec<&'static str> {
    match status {
        Status::Draft => vec!["update", "delete", "submit"],
        Status::Running => vec!["withdraw"],
        Status::Returned => vec!["update", "resubmit", "withdraw"],
        Status::Approved | Status::Rejected | Status::Withdrawn | Status::Cancelled => Vec::new(),
    }
}

/// Reads a request that the caller may change.
pub(super) async fn mine(core: &Core, by: &Principal, guid: &str) -> Result<LeaveRow, Refusal> {
    let guid = parse_guid("guid", guid)?;
    let mut conn = core.db.read().await?;
    let row = store::leave(&mut conn, by.company(), &guid).await?.ok_or(MISSING)?;
    may_change(core, &mut conn, by, &row).await.map(|()| row)
}

/// Reads one request: one's own, those that one wrote, with `leave:view` those of whom it reaches.
pub async fn get(core: &Core, by: &Principal, guid: &str) -> Result<Leave, Refusal> {
    let guid = parse_guid("guid", guid)?;
    let mut conn = core.db.read().await?;
    let row = store::leave(&mut conn, by.company(), &guid).await?.ok_or(MISSING)?;
    let sees = is_mine(by, &row)
        || reaches(core, &mut conn, by, "leave:view", &row).await?
        || takes_part(core, &mut conn, by, &row).await?;
    if !sees {
        return Err(MISSING);
    }
    Ok(shown(core, by, row))
}

/// Whoever may look at its instance may read the request: approvers, those who were informed, the definition's managers.
async fn takes_part(core: &Core, conn: &mut Conn, by: &Principal, row: &LeaveRow) -> Result<bool, Refusal> {
    let Some(instance) = row.instance_guid.as_deref() else { return Ok(false) };
    match view::seen(core, conn, by, instance).await {
        Ok(_) => Ok(true),
        Err(Refusal::NotFound { .. }) => Ok(false),
        Err(other) => Err(other),
    }
}

/// Which requests are listed.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
pub struct LeaveQuery {
    /// Account or staff guid of whose they are.
    pub staff: Option<String>,
    /// `draft`, `running`, `approved`, `rejected`, `returned`, `withdrawn` or `cancelled`.
    pub status: Option<String>,
    /// Code of the type.
    pub leave_type: Option<String>,
    /// They end on this day or later: `2026-11-22`.
    pub from: Option<String>,
    /// They begin on this day or before: `2026-11-22`.
    pub to: Option<String>,
    /// Only the caller's own and those that he wrote.
    pub mine: Option<bool>,
    /// `start_at` or `-start_at`; the newest first when absent.
    pub ordering: Option<String>,
}

/// Lists requests: one's own and those that one wrote, with `leave:view` those of whom it reaches.
pub async fn list(
    core: &Core,
    by: &Principal,
    query: &LeaveQuery,
    page: Page,
) -> Result<(i64, Vec<Leave>), Refusal> {
    let zone = core.settings.calendar.zone();
    let day = |field: &str, text: &Option<String>| {
        text.as_deref().map(|text| days::parse_day(field, text)).transpose()
    };
    let (from, to) = (day("from", &query.from)?, day("to", &query.to)?);
    if query.status.as_deref().is_some_and(|status| Status::read(status).is_none()) {
        return Err(Refusal::invalid("status", "invalid", "not a status of leave"));
    }
    if query.ordering.as_deref().is_some_and(|by| !matches!(by, "start_at" | "-start_at")) {
        return Err(Refusal::invalid("ordering", "invalid", "start_at or -start_at"));
    }
    let mut conn = core.db.read().await?;
    let staff = match query.staff.as_deref() {
        None => None,
        Some(guid) => match people::named(core, &mut conn, by, guid).await? {
            Some(person) => Some(person.id),
            // Nobody has any.
            None => return Ok((0, Vec::new())),
        },
    };
    let others = if query.mine == Some(true) { DataScope::default() } else { reach(core, by, "leave:view") };
    let others = listed(&others);
    let filter = Filter {
        others: &others,
        status: query.status.as_deref(),
        leave_type: query.leave_type.as_deref(),
        staff,
        from: from.map(|day| zone.minute(day, 0)),
        to: to.map(|day| zone.minute(day.saturating_add(1.day()), 0)),
        ordering: query.ordering.as_deref(),
    };
    let (count, rows) = lists::leaves(&mut conn, by.company(), by.account(), &filter, page).await?;
    Ok((count, rows.into_iter().map(|row| shown(core, by, row)).collect()))
}
