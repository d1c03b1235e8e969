//! Whether somebody may have what he asks for: reckoned by the company's calendar, looked at under the person's lock.
//!
//! Invariants: of all requests of one person that have not come to nothing no two have time in common; what was taken and
//! is asked for of a type in a year is at most what was given. Two requests at once come one after the other, because both
//! hold the person's lock until their transactions end. The lock comes before every row of leave and of instances.

use super::calendar::Calendar;
use super::days;
use super::model::{LeaveType, Status, in_days};
use super::sight::reaches_person;
use super::span::{Asked, Span};
use super::store::leaves::in_the_way;
use super::store::people::Person;
use super::store::{balances, days as blocks};
use crate::clock::iso;
use crate::core::Core;
use crate::db::{Conn, DbError, Work};
use crate::policy::Principal;
use crate::refusal::Refusal;
use jiff::ToSpan;
use jiff::civil::Date;
use std::collections::BTreeMap;

/// What is asked for, reckoned.
#[derive(Debug, Clone)]
pub struct Weighed {
    /// From when to when.
    pub span: Span,
    /// Its first and its last day.
    pub days: (Date, Date),
    /// Minutes of working time by year.
    pub shares: BTreeMap<i64, i64>,
}

impl Weighed {
    /// All minutes.
    pub fn amount(&self) -> i64 {
        self.shares.values().sum()
    }
}

/// Holds a person's leave still until the transaction ends.
pub async fn lock(work: &mut Work, person: &Person) -> Result<(), DbError> {
    work.serialise(&format!("leave of {}", person.id)).await
}

/// Reckons what is asked for by the company's calendar, and what the type says of it.
pub async fn weigh(
    core: &Core,
    conn: &mut Conn,
    by: &Principal,
    of: &LeaveType,
    asked: Asked<'_>,
) -> Result<Weighed, Refusal> {
    let settings = &core.settings.calendar;
    of.check_unit(asked.unit(of.finest()))?;
    let bare = Calendar::of(settings);
    let span = asked.span(&bare, of.finest())?;
    let weighed = reckon(core, conn, by, of, span).await?;
    of.check_amount(weighed.amount())?;
    Ok(weighed)
}

/// Reckons a span by the calendar as it is now.
pub async fn reckon(
    core: &Core,
    conn: &mut Conn,
    by: &Principal,
    of: &LeaveType,
    span: Span,
) -> Result<Weighed, Refusal> {
    let settings = &core.settings.calendar;
    let days = span.days(&settings.zone());
    let calendar = days::calendar(conn, settings, by.company(), days).await?;
    Ok(Weighed { span, days, shares: calendar.shares(&span, of.counts) })
}

/// Answers whether the caller may put aside, for this person, what binds everybody else (FW41): he holds `staff:create`,
/// and it reaches the person (FC7).
async fn is_exempt(core: &Core, conn: &mut Conn, by: &Principal, person: &Person) -> Result<bool, Refusal> {
    reaches_person(core, conn, by, "staff:create", person).await
}

/// Goes on when it begins no earlier than the type lets it, or the caller may ask for others and this person is one of
/// them.
pub async fn check_backdated(
    core: &Core,
    conn: &mut Conn,
    by: &Principal,
    person: &Person,
    of: &LeaveType,
    wanted: &Weighed,
) -> Result<(), Refusal> {
    let today = core.settings.calendar.zone().day(core.clock.now_ms());
    let earliest = today.saturating_sub(of.backdate_days.days());
    if wanted.days.0 >= earliest || is_exempt(core, conn, by, person).await? {
        return Ok(());
    }
    let detail = format!("{} begins on {earliest} at the earliest; ask somebody with staff:create", of.name);
    Err(Refusal::Forbidden { code: "leave_backdated", detail })
}

/// Goes on when the person has no other request for any of the time. The person is locked.
pub async fn check_free(conn: &mut Conn, person: &Person, wanted: &Weighed, own: i64) -> Result<(), Refusal> {
    let (start, end) = (wanted.span.start, wanted.span.end);
    let Some(other) = in_the_way(conn, person.id, (start, end), own).await? else { return Ok(()) };
    let status = Status::read(&other.status).map_or("", Status::words);
    Err(Refusal::Conflict {
        code: "leave_overlap",
        field: Some("start_at".to_owned()),
        detail: format!(
            "{} {} from {} to {} ({status}) is in the way",
            other.type_name,
            other.guid,
            iso(other.start_at),
            iso(other.end_at)
        ),
    })
}

/// Goes on when leave is given on these days. Who may ask for this person and others may ask for blocked days.
pub async fn check_open(
    core: &Core,
    conn: &mut Conn,
    by: &Principal,
    person: &Person,
    of: &LeaveType,
    wanted: &Weighed,
) -> Result<(), Refusal> {
    if of.ignores_blocks || is_exempt(core, conn, by, person).await? {
        return Ok(());
    }
    let (first, last) = (wanted.days.0.to_string(), wanted.days.1.to_string());
    let Some(block) = blocks::block_in_the_way(conn, by.company(), of.id, &first, &last).await? else {
        return Ok(());
    };
    Err(Refusal::Conflict {
        code: "leave_blocked",
        field: Some("start_at".to_owned()),
        detail: format!("no leave from {} to {}: {}", block.first_day, block.last_day, block.reason),
    })
}

/// Goes on when so much is left in every year. The person is locked.
pub async fn check_left(
    conn: &mut Conn,
    by: &Principal,
    person: &Person,
    of: &LeaveType,
    wanted: &Weighed,
    own: i64,
) -> Result<(), Refusal> {
    if !of.keeps_balance {
        return Ok(());
    }
    for (year, minutes) in &wanted.shares {
        let rows = balances::balances(conn, by.company(), person.id, *year, own).await?;
        let left = rows.iter().find(|row| row.type_id == of.id).map_or(0, balances::BalanceRow::left);
        if *minutes > left {
            return Err(Refusal::Conflict {
                code: "leave_balance",
                field: Some("end_at".to_owned()),
                detail: format!(
                    "{} days of {} are left in {year}, this needs {}",
                    in_days(left.max(0)),
                    of.name,
                    in_days(*minutes)
                ),
            });
        }
    }
    Ok(())
}
