//! From when to when: reading what somebody asks for as whole days, half days or hours.
//!
//! Invariant: a [`Span`] is `[start, end)` in UTC milliseconds, at the bounds of its unit, not empty, at most [`DAYS_MAX`] long,
//! so that two spans that touch do not overlap whatever their units are.

use super::calendar::Calendar;
use crate::clock::parse_iso;
use crate::refusal::Refusal;
use crate::zone::Zone;
use jiff::ToSpan;
use jiff::civil::{Date, DateTime};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Longest request, in days: a year. The longest that the law knows is half a year.
pub const DAYS_MAX: i32 = 366;
/// Hours begin and end at these minutes: what people write into a timetable.
const STEP_MS: i64 = 30 * 60_000;
/// Years that a request may be in; what lies outside is a slip of the pen.
const YEARS: std::ops::RangeInclusive<i16> = 2000..=2199;

/// In what leave is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Whole days.
    Day,
    /// Mornings and afternoons.
    HalfDay,
    /// From one time to another.
    Hour,
}

impl Unit {
    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::HalfDay => "half_day",
            Self::Hour => "hour",
        }
    }

    /// Reads what is stored.
    pub fn read(text: &str) -> Self {
        match text {
            "half_day" => Self::HalfDay,
            "hour" => Self::Hour,
            _ => Self::Day,
        }
    }
}

/// Half of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Half {
    /// Before noon.
    Am,
    /// After noon.
    Pm,
}

/// See the head of this file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// In what it is taken.
    pub unit: Unit,
    /// UTC milliseconds.
    pub start: i64,
    /// UTC milliseconds, exclusive.
    pub end: i64,
}

impl Span {
    /// Answers its first and its last day.
    pub fn days(&self, zone: &Zone) -> (Date, Date) {
        (zone.day(self.start), zone.day(self.end - 1))
    }

    /// Answers in which halves of its first and last day it begins and ends.
    pub fn halves(&self, calendar: &Calendar) -> (Half, Half) {
        let (first, last) = self.days(calendar.zone());
        let noon = |day| calendar.zone().minute(day, calendar.noon());
        let begins = if self.start < noon(first) { Half::Am } else { Half::Pm };
        let ends = if self.end <= noon(last) { Half::Am } else { Half::Pm };
        (begins, ends)
    }
}

/// What somebody asks for, as it was written.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// In what; `None`: as `start` and `end` are written.
    pub unit: Option<Unit>,
    /// A day (`2026-11-22`), a time where the company is (`2026-11-22T14:00`) or anywhere (RFC 3339).
    pub start: &'a str,
    /// The same; a day is included.
    pub end: &'a str,
    /// Where it begins on its first day.
    pub start_half: Option<Half>,
    /// Where it ends on its last day.
    pub end_half: Option<Half>,
}

enum Point {
    Day(Date),
    Instant(i64),
}

impl Asked<'_> {
    /// Answers in what it is asked for, where `finest` is the finest unit of the type.
    pub fn unit(&self, finest: Unit) -> Unit {
        let days = |text: &str| text.len() == 10;
        self.unit.unwrap_or(match (days(self.start) && days(self.end), finest) {
            (true, _) if self.start_half.is_none() && self.end_half.is_none() => Unit::Day,
            (true, _) => Unit::HalfDay,
            (false, finest) => finest,
        })
    }

    /// Reads it. Times that a whole or half day is given by mean the day or half day that they lie in.
    ///
    /// # Errors
    /// The refusal names the field.
    pub fn span(&self, calendar: &Calendar, finest: Unit) -> Result<Span, Refusal> {
        let unit = self.unit(finest);
        if unit != Unit::HalfDay && (self.start_half.is_some() || self.end_half.is_some()) {
            return Err(Refusal::invalid("start_half", "invalid", "halves are for the unit half_day"));
        }
        let zone = calendar.zone();
        let (start, end) = (point("start_at", self.start, zone)?, point("end_at", self.end, zone)?);
        let (start, end) = match unit {
            Unit::Hour => (instant("start_at", &start)?, instant("end_at", &end)?),
            Unit::Day => (zone.minute(first(&start, zone), 0), zone.minute(last(&end, zone), 1_440)),
            Unit::HalfDay => self.half_days(calendar, &start, &end),
        };
        let span = Span { unit, start, end };
        if start >= end {
            return Err(Refusal::invalid("end_at", "invalid", "must be after start_at"));
        }
        let (first, last) = span.days(zone);
        if !YEARS.contains(&first.year()) || !YEARS.contains(&last.year()) {
            let detail = format!("must be in the years {} to {}", YEARS.start(), YEARS.end());
            return Err(Refusal::invalid("start_at", "invalid", detail));
        }
        if first.saturating_add(DAYS_MAX.days()) <= last {
            return Err(Refusal::invalid("end_at", "invalid", format!("at most {DAYS_MAX} days")));
        }
        Ok(span)
    }

    fn half_days(&self, calendar: &Calendar, start: &Point, end: &Point) -> (i64, i64) {
        let (zone, noon) = (calendar.zone(), calendar.noon());
        let (from, to) = (first(start, zone), last(end, zone));
        let begins = self.start_half.unwrap_or(match start {
            Point::Instant(at) if *at >= zone.minute(from, noon) => Half::Pm,
            _ => Half::Am,
        });
        let ends = self.end_half.unwrap_or(match end {
            Point::Instant(at) if *at <= zone.minute(to, noon) => Half::Am,
            _ => Half::Pm,
        });
        let start = zone.minute(from, if begins == Half::Am { 0 } else { noon });
        let end = zone.minute(to, if ends == Half::Am { noon } else { 1_440 });
        (start, end)
    }
}

fn point(field: &str, text: &str, zone: &Zone) -> Result<Point, Refusal> {
    if text.len() == 10
        && let Ok(day) = text.parse::<Date>()
    {
        return Ok(Point::Day(day));
    }
    if let Some(at) = parse_iso(text) {
        return Ok(Point::Instant(at));
    }
    let local = matches!(text.len(), 16 | 19) && text.as_bytes()[10] == b'T';
    match text.parse::<DateTime>() {
        Ok(time) if local => Ok(Point::Instant(zone.instant(time))),
        _ => {
            let detail = "a day (2026-11-22) or a time (2026-11-22T14:00, 2026-11-22T14:00:00+08:00)";
            Err(Refusal::invalid(field, "invalid", detail))
        }
    }
}

fn instant(field: &str, point: &Point) -> Result<i64, Refusal> {
    match point {
        Point::Instant(at) if at % STEP_MS == 0 => Ok(*at),
        Point::Instant(_) => Err(Refusal::invalid(field, "invalid", "a full or a half hour")),
        Point::Day(_) => Err(Refusal::invalid(field, "invalid", "the unit hour needs a time")),
    }
}

fn first(point: &Point, zone: &Zone) -> Date {
    match point {
        Point::Day(day) => *day,
        Point::Instant(at) => zone.day(*at),
    }
}

/// The day that ends with it: midnight ends the day before.
fn last(point: &Point, zone: &Zone) -> Date {
    match point {
        Point::Day(day) => *day,
        Point::Instant(at) => zone.day(*at - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::iso;
    use crate::settings;

    fn read(asked: Asked<'_>, finest: Unit) -> Result<(Unit, String, String), (String, &'static str)> {
        let calendar = Calendar::of(&settings::Calendar::default());
        match asked.span(&calendar, finest) {
            Ok(span) => Ok((span.unit, iso(span.start), iso(span.end))),
            Err(Refusal::Invalid { field, code, .. }) => Err((field, code)),
            Err(other) => panic!("{other}"),
        }
    }

    fn of<'a>(unit: Option<Unit>, start: &'a str, end: &'a str) -> Asked<'a> {
        Asked { unit, start, end, start_half: None, end_half: None }
    }

    #[test]
    fn what_is_written_says_the_unit() {
        use Unit::{Day, HalfDay, Hour};
        let (eve, day) = ("2026-11-22T16:00:00.000Z", "2026-11-23T16:00:00.000Z");
        let noon = "2026-11-23T04:00:00.000Z";
        #[rustfmt::skip] // a table
        let cases = [
            (of(None, "2026-11-23", "2026-11-23"), Hour, Day, eve, day),
            (of(None, "2026-11-23T00:00:00+08:00", "2026-11-24T00:00:00+08:00"), Day, Day, eve, day),
            (of(None, "2026-11-23T09:00", "2026-11-23T18:00"), HalfDay, HalfDay, eve, day),
            (of(None, "2026-11-23T09:00", "2026-11-23T12:00"), HalfDay, HalfDay, eve, noon),
            (of(None, "2026-11-23T13:00", "2026-11-23T18:00"), HalfDay, HalfDay, noon, day),
            (of(None, "2026-11-23T12:00", "2026-11-23T23:59:59"), HalfDay, HalfDay, noon, day),
            (of(None, "2026-11-23T00:00", "2026-11-24T00:00"), Hour, Hour, eve, day),
            (of(Some(Day), "2026-11-23T09:00", "2026-11-23T18:00"), Hour, Day, eve, day),
            (of(Some(HalfDay), "2026-11-23", "2026-11-23"), HalfDay, HalfDay, eve, day),
            (Asked { start_half: Some(Half::Pm), ..of(None, "2026-11-23", "2026-11-23") }, Hour, HalfDay, noon, day),
            (Asked { end_half: Some(Half::Am), ..of(None, "2026-11-23", "2026-11-23") }, Day, HalfDay, eve, noon),
        ];
        for (asked, finest, unit, start, end) in cases {
            assert_eq!(read(asked, finest), Ok((unit, start.to_owned(), end.to_owned())), "{asked:?}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_its_field() {
        use Unit::{Day, Hour};
        let half =
            |start_half, end_half| Asked { start_half, end_half, ..of(None, "2026-11-23", "2026-11-23") };
        #[rustfmt::skip] // a table
        let cases = [
            (of(None, "tomorrow", "2026-11-23"), "start_at"),
            (of(None, "2026-11-23", "2026-02-30"), "end_at"),
            (of(None, "2026-11-23", ""), "end_at"),
            (of(None, "2026-11-23", "2026-11-22"), "end_at"),
            (of(None, "2026-11-23T10:00", "2026-11-23T10:00"), "end_at"),
            (of(None, "2026-11-23T10:10", "2026-11-23T11:00"), "start_at"),
            (of(Some(Hour), "2026-11-23", "2026-11-23"), "start_at"),
            (of(None, "1026-11-23", "1026-11-23"), "start_at"),
            (of(None, "2026-01-01", "2027-01-02"), "end_at"),
            (half(Some(Half::Pm), Some(Half::Am)), "end_at"),
            (Asked { unit: Some(Day), ..half(Some(Half::Pm), None) }, "start_half"),
            (of(None, "2026-11-23 10:00", "2026-11-23 11:00"), "start_at"),
            (of(None, "二零二六年十一", "2026-11-23"), "start_at"),
        ];
        for (asked, field) in cases {
            assert_eq!(read(asked, Hour), Err((field.to_owned(), "invalid")), "{asked:?}");
        }
        assert!(read(of(None, "2026-01-01", "2027-01-01"), Hour).is_ok(), "366 days");
    }
}
