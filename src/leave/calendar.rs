//! How much of the company's time a span takes: working days and hours, with holidays, make-up days, year ends, leap days
//! and clocks that are changed. Pure: the days come from the database, the hours from the settings.
//!
//! Amounts are minutes of working time. A day has [`DAY`] of them and a half day half as many, whatever the company's hours
//! are; hours count in proportion, so that all hours of a day are a day.

use super::span::{Span, Unit};
use crate::settings;
use crate::zone::Zone;
use jiff::ToSpan;
use jiff::civil::Date;
use std::collections::BTreeMap;

/// A day in minutes: the eight hours of the labour law.
pub const DAY: i64 = 480;

/// What a day is by decree, whatever day of the week it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decree {
    /// Nobody works.
    Holiday,
    /// It is worked.
    Working,
}

/// Which days count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Counts {
    /// Days that are worked.
    WorkingDays,
    /// All days.
    CalendarDays,
}

impl Counts {
    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WorkingDays => "working_days",
            Self::CalendarDays => "calendar_days",
        }
    }

    /// Reads what is stored.
    pub fn read(text: &str) -> Self {
        if text == "calendar_days" { Self::CalendarDays } else { Self::WorkingDays }
    }
}

/// The company's time.
#[derive(Debug, Clone)]
pub struct Calendar {
    zone: Zone,
    hours: [(i64, i64); 2],
    weekend: Vec<u8>,
    decrees: BTreeMap<Date, Decree>,
}

impl Calendar {
    /// Makes the calendar of the settings, without holidays.
    pub fn of(settings: &settings::Calendar) -> Self {
        Self {
            zone: settings.zone(),
            hours: settings.hours(),
            weekend: settings.weekend.clone(),
            decrees: BTreeMap::new(),
        }
    }

    /// Adds what days are by decree.
    #[must_use]
    pub fn with(mut self, decrees: impl IntoIterator<Item = (Date, Decree)>) -> Self {
        self.decrees.extend(decrees);
        self
    }

    /// Where the company is.
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// Minute of the day that divides it into halves.
    pub fn noon(&self) -> i64 {
        self.hours[0].1
    }

    /// Answers whether a day is worked.
    pub fn is_worked(&self, day: Date) -> bool {
        match self.decrees.get(&day) {
            Some(decree) => *decree == Decree::Working,
            None => !self.weekend.contains(&day.weekday().to_monday_one_offset().unsigned_abs()),
        }
    }

    /// Answers how many minutes of which year a span takes. A year of which it takes nothing is left out.
    pub fn shares(&self, span: &Span, counts: Counts) -> BTreeMap<i64, i64> {
        let (first, last) = span.days(&self.zone);
        let mut shares = BTreeMap::new();
        let counted = days(first, last).filter(|day| counts == Counts::CalendarDays || self.is_worked(*day));
        for day in counted {
            let minutes = match span.unit {
                Unit::Day | Unit::HalfDay => self.halves(day, span) * DAY / 2,
                Unit::Hour => self.working_minutes(day, span),
            };
            if minutes > 0 {
                *shares.entry(i64::from(day.year())).or_default() += minutes;
            }
        }
        shares
    }

    fn halves(&self, day: Date, span: &Span) -> i64 {
        let bounds = [0, self.noon(), 1_440].map(|minute| self.zone.minute(day, minute));
        bounds.windows(2).filter(|half| span.start <= half[0] && half[1] <= span.end).count() as i64
    }

    /// Working time of the day inside the span, as if the whole day had [`DAY`]; rounded up to a minute.
    fn working_minutes(&self, day: Date, span: &Span) -> i64 {
        let all: i64 = self.hours.iter().map(|(from, to)| to - from).sum();
        let inside = self.hours.iter().map(|(from, to)| {
            let (from, to) = (self.zone.minute(day, *from), self.zone.minute(day, *to));
            (to.min(span.end) - from.max(span.start)).max(0)
        });
        let inside = inside.sum::<i64>() / 60_000;
        (inside * DAY + all - 1) / all.max(1)
    }
}

/// The days from one to another, both included.
pub fn days(first: Date, last: Date) -> impl Iterator<Item = Date> {
    first.series(1.day()).take_while(move |day| *day <= last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leave::span::{Asked, Half};
    use jiff::civil::date;
    use proptest::prelude::*;

    use Counts::{CalendarDays as C, WorkingDays as W};

    fn shanghai() -> Calendar {
        Calendar::of(&settings::Calendar::default())
    }

    fn taken(calendar: &Calendar, unit: Unit, start: &str, end: &str, counts: Counts) -> Vec<(i64, i64)> {
        let asked = Asked { unit: Some(unit), start, end, start_half: None, end_half: None };
        let span = asked.span(calendar, unit).unwrap_or_else(|error| panic!("{start} {end}: {error}"));
        calendar.shares(&span, counts).into_iter().collect()
    }

    /// Start, end, what counts, and minutes a year.
    type Case<'a> = (&'a str, &'a str, Counts, &'a [(i64, i64)]);

    /// Start, end and minutes a year, of a calendar in which 1 January 2027 (a Friday) is a holiday and Sunday the 3rd is
    /// worked instead.
    #[test]
    fn days_are_counted_over_weekends_holidays_year_ends_and_leap_days() {
        let new_year = [(date(2027, 1, 1), Decree::Holiday), (date(2027, 1, 3), Decree::Working)];
        let calendar = shanghai().with(new_year);
        let cases: [Case; 9] = [
            ("2026-11-23", "2026-11-23", W, &[(2026, 480)]),
            ("2026-11-20", "2026-11-23", W, &[(2026, 960)]),
            ("2026-11-21", "2026-11-22", W, &[]),
            ("2026-11-21", "2026-11-22", C, &[(2026, 960)]),
            ("2026-12-31", "2027-01-04", W, &[(2026, 480), (2027, 960)]),
            ("2026-12-31", "2027-01-04", C, &[(2026, 480), (2027, 4 * 480)]),
            ("2027-01-01", "2027-01-01", W, &[]),
            ("2028-02-28", "2028-03-01", W, &[(2028, 3 * 480)]),
            ("2027-02-26", "2027-03-01", C, &[(2027, 4 * 480)]),
        ];
        for (start, end, counts, expected) in cases {
            assert_eq!(taken(&calendar, Unit::Day, start, end, counts), expected, "{start} {end} {counts:?}");
        }
    }

    #[test]
    fn half_days_and_hours_are_parts_of_a_day() {
        let calendar = shanghai();
        let half = |start, start_half, end, end_half| {
            let asked = Asked { unit: None, start, end, start_half, end_half };
            let span = asked.span(&calendar, Unit::HalfDay).expect("a span");
            calendar.shares(&span, Counts::WorkingDays).values().sum::<i64>()
        };
        assert_eq!(half("2026-11-23", Some(Half::Pm), "2026-11-23", None), 240);
        assert_eq!(half("2026-11-23", None, "2026-11-23", Some(Half::Am)), 240);
        assert_eq!(half("2026-11-23", Some(Half::Pm), "2026-11-25", Some(Half::Am)), 960);
        assert_eq!(half("2026-11-20", Some(Half::Pm), "2026-11-23", Some(Half::Am)), 480);
        for (start, end, minutes) in [
            ("2026-11-23T09:00", "2026-11-23T18:00", 480),
            ("2026-11-23T11:00", "2026-11-23T14:00", 120),
            ("2026-11-23T17:00", "2026-11-24T10:00", 120),
            ("2026-11-23T00:00", "2026-11-24T00:00", 480),
            ("2026-11-23T01:00:00Z", "2026-11-23T02:30:00Z", 90),
        ] {
            let shares = taken(&calendar, Unit::Hour, start, end, Counts::WorkingDays);
            assert_eq!(shares, [(2026, minutes)], "{start} {end}");
        }
        assert_eq!(
            taken(&calendar, Unit::Hour, "2026-11-23T12:00", "2026-11-23T13:00", Counts::WorkingDays),
            []
        );
    }

    #[test]
    fn all_hours_of_a_shorter_day_are_a_day() {
        let mut settings = settings::Calendar::default();
        "13:00-17:30".clone_into(&mut settings.afternoon);
        let calendar = Calendar::of(&settings);
        let hours = |start, end| taken(&calendar, Unit::Hour, start, end, Counts::WorkingDays);
        assert_eq!(hours("2026-11-23T09:00", "2026-11-23T17:30"), [(2026, 480)]);
        assert_eq!(hours("2026-11-23T09:00", "2026-11-23T10:00"), [(2026, 64)]);
    }

    #[test]
    fn a_day_is_a_day_where_clocks_are_changed() {
        let settings = settings::Calendar {
            timezone: "America/New_York".to_owned(),
            weekend: Vec::new(),
            ..settings::Calendar::default()
        };
        let calendar = Calendar::of(&settings);
        for (unit, start, end) in [
            (Unit::Day, "2026-03-08", "2026-03-08"),
            (Unit::Day, "2026-11-01", "2026-11-01"),
            (Unit::Hour, "2026-11-01T00:00", "2026-11-02T00:00"),
            // The same day in its own offsets.
            (Unit::Hour, "2026-11-01T00:00:00-04:00", "2026-11-02T00:00:00-05:00"),
        ] {
            assert_eq!(taken(&calendar, unit, start, end, Counts::WorkingDays), [(2026, 480)], "{start}");
        }
    }

    proptest! {
        /// Two spans that touch take together what the span over both takes.
        #[test]
        fn amounts_add_up(first in 0_i16..300, one in 0_i16..40, two in 1_i16..40, calendar_days: bool) {
            let calendar = shanghai();
            let counts = if calendar_days { Counts::CalendarDays } else { Counts::WorkingDays };
            let day = |number: i16| date(2026, 6, 1).saturating_add(i64::from(number).days());
            let sum = |from: i16, to: i16| {
                let (from, to) = (day(from).to_string(), day(to).to_string());
                taken(&calendar, Unit::Day, &from, &to, counts).iter().map(|(_, minutes)| minutes).sum::<i64>()
            };
            let whole = sum(first, first + one + two);
            prop_assert_eq!(whole, sum(first, first + one) + sum(first + one + 1, first + one + two));
        }
    }
}
