//! The days and hours of a time zone: what day it is somewhere, and when that day begins.
//! The zones' rules are compiled in, so that every node reckons alike whatever is installed on it. It reads no clock.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// A time zone of the IANA database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone(TimeZone);

impl Zone {
    /// Finds a zone by its name, `Asia/Shanghai`.
    pub fn named(name: &str) -> Option<Self> {
        TimeZone::get(name).ok().map(Self)
    }

    /// Coordinated universal time.
    pub fn utc() -> Self {
        Self(TimeZone::UTC)
    }

    /// Answers the day and time there at an instant in UTC milliseconds; what is beyond all calendars as their last.
    pub fn local(&self, at_ms: i64) -> DateTime {
        let latest = Timestamp::MAX.as_millisecond();
        let at = Timestamp::from_millisecond(at_ms.clamp(-latest, latest)).unwrap_or(Timestamp::UNIX_EPOCH);
        self.0.to_datetime(at)
    }

    /// Answers the day there at an instant.
    pub fn day(&self, at_ms: i64) -> Date {
        self.local(at_ms).date()
    }

    /// Answers when it is that day and time there, in UTC milliseconds. A time that the clocks leave out is taken as much
    /// later as they are put forward, of one that comes twice the first.
    pub fn instant(&self, local: DateTime) -> i64 {
        let at = self.0.to_ambiguous_timestamp(local).compatible();
        at.map_or(i64::MAX, Timestamp::as_millisecond)
    }

    /// Answers when a minute of a day comes, counted on the clock from midnight; 1,440 is the next midnight.
    pub fn minute(&self, day: Date, minute: i64) -> i64 {
        let midnight = day.at(0, 0, 0, 0);
        self.instant(midnight.saturating_add(minute.minutes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::parse_iso;
    use jiff::civil::date;
    use proptest::prelude::*;

    fn at(text: &str) -> i64 {
        parse_iso(text).expect("a time")
    }

    #[test]
    fn days_begin_where_people_are() {
        let shanghai = Zone::named("Asia/Shanghai").expect("known");
        assert_eq!(shanghai.day(at("2026-12-31T15:59:59Z")), date(2026, 12, 31));
        assert_eq!(shanghai.day(at("2026-12-31T16:00:00Z")), date(2027, 1, 1));
        assert_eq!(shanghai.minute(date(2028, 2, 29), 0), at("2028-02-28T16:00:00Z"));
        assert_eq!(shanghai.minute(date(2028, 2, 29), 1_440), at("2028-02-29T16:00:00Z"));
        assert_eq!(Zone::named("Asia/Nowhere"), None);
    }

    #[test]
    fn a_day_has_23_or_25_hours_where_clocks_are_changed() {
        let berlin = Zone::named("Europe/Berlin").expect("known");
        let hours = |day: Date| (berlin.minute(day, 1_440) - berlin.minute(day, 0)) / 3_600_000;
        assert_eq!(
            (hours(date(2026, 3, 29)), hours(date(2026, 10, 25)), hours(date(2026, 6, 1))),
            (23, 25, 24)
        );
        // 02:30 is left out: it is 03:30 by the clocks that were put forward.
        assert_eq!(berlin.minute(date(2026, 3, 29), 150), at("2026-03-29T01:30:00Z"));
    }

    proptest! {
        #[test]
        fn the_day_of_an_instant_contains_it(ms in 0_i64..4_102_444_800_000) {
            for name in ["Asia/Shanghai", "Europe/Berlin", "America/St_Johns", "Pacific/Apia", "UTC"] {
                let zone = Zone::named(name).expect("known");
                let day = zone.day(ms);
                prop_assert!(zone.minute(day, 0) <= ms && ms < zone.minute(day, 1_440), "{name} {day}");
            }
        }
    }
}
