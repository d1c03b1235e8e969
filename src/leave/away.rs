//! Who is away: given leave of one's own organisation, with `leave:view` of whom it reaches, and one's own also while it is being
//! decided on. Of others it says that they are away, not in what kind of leave.

use super::calendar::Calendar;
use super::days::parse_range;
use super::model::Status;
use super::sight::{listed, reach};
use super::span::{Half, Span, Unit};
use super::store;
use super::store::days::CalendarDay;
use super::store::lists::{self, AwayRow};
use super::store::people::of_account;
use crate::clock::iso;
use crate::core::Core;
use crate::policy::Principal;
use crate::refusal::Refusal;
use jiff::ToSpan;
use serde::Serialize;
use utoipa::ToSchema;

/// Entries of one answer at most: a month of a company of a few hundred.
pub const ENTRIES_MAX: i64 = 2_000;

/// Somebody who is away.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Away {
    /// Who.
    pub staff_guid: String,
    /// The person's name.
    pub staff_name: String,
    /// ISO 8601.
    pub start_at: String,
    /// ISO 8601, exclusive.
    pub end_at: String,
    /// First day, where the company is.
    pub first_day: String,
    /// Last day, where the company is; included.
    pub last_day: String,
    /// In what it is taken.
    pub unit: Unit,
    /// Half of the first day that it begins with.
    pub start_half: Half,
    /// Half of the last day that it ends with.
    pub end_half: Half,
    /// `approved` or `running`.
    pub status: Status,
    /// The request; null for who may not read it.
    pub guid: Option<String>,
    /// Code of the type; null for who may not read it.
    pub leave_type: Option<String>,
    /// Name of the type; null for who may not read it.
    pub leave_type_name: Option<String>,
}

/// Days and who is away on them.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AwayCalendar {
    /// The first day.
    pub from: String,
    /// The last day.
    pub to: String,
    /// Holidays and make-up days.
    pub days: Vec<CalendarDay>,
    /// By when they begin.
    pub away: Vec<Away>,
    /// There are more than an answer can hold: ask for fewer days.
    pub more: bool,
}

/// Answers who is away from one day to another.
pub async fn get(
    core: &Core,
    by: &Principal,
    from: Option<&str>,
    to: Option<&str>,
) -> Result<AwayCalendar, Refusal> {
    let (first, last) = parse_range(core, from, to)?;
    let calendar = Calendar::of(&core.settings.calendar);
    let zone = calendar.zone();
    let range = (zone.minute(first, 0), zone.minute(last.saturating_add(1.day()), 0));
    let mut conn = core.db.read().await?;
    let own = of_account(&mut conn, by.company(), by.account()).await?;
    let others = listed(&reach(core, by, "leave:view"));
    let who = (by.account(), &others, own.and_then(|person| person.org_id));
    let mut rows = lists::away(&mut conn, by.company(), who, range, ENTRIES_MAX + 1).await?;
    let more = rows.len() as i64 > ENTRIES_MAX;
    rows.truncate(ENTRIES_MAX as usize);
    let (from, to) = (first.to_string(), last.to_string());
    let days = store::days::days(&mut conn, by.company(), &from, &to).await?;
    let away = rows.into_iter().map(|row| entry(&calendar, row));
    Ok(AwayCalendar { from, to, days, away: away.collect(), more })
}

fn entry(calendar: &Calendar, row: AwayRow) -> Away {
    let reads = row.readable;
    let span = Span { unit: Unit::read(&row.unit), start: row.start_at, end: row.end_at };
    let (first, last) = span.days(calendar.zone());
    let (start_half, end_half) = span.halves(calendar);
    Away {
        staff_guid: row.staff_guid,
        staff_name: row.staff_name,
        start_at: iso(span.start),
        end_at: iso(span.end),
        first_day: first.to_string(),
        last_day: last.to_string(),
        unit: span.unit,
        start_half,
        end_half,
        status: Status::read(&row.status).unwrap_or(Status::Approved),
        guid: reads.then_some(row.guid),
        leave_type: reads.then_some(row.type_code),
        leave_type_name: reads.then_some(row.type_name),
    }
}
