//! Time, randomness and the ids made of both.
//!
//! The only place that reads the wall clock; everything else is handed a [`Clock`], so that a test can turn it.
//! Times are UTC milliseconds since 1970 (`i64`); ISO 8601 with milliseconds and `Z` where a person or a REST client reads them.
//! Randomness comes from the operating system and is not seeded: it makes tokens and ids, not decisions.
//! It does not wait: tokio's timers do.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};
use uuid::{Builder, Uuid};

/// Where the time comes from; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    source: Source,
}

#[derive(Debug, Clone, Default)]
enum Source {
    #[default]
    System,
    Manual(Arc<Manual>),
}

#[derive(Debug)]
struct Manual {
    wall: AtomicI64,
    monotonic: AtomicI64,
}

impl Clock {
    /// The machine's wall clock.
    pub fn system() -> Self {
        Self { source: Source::System }
    }

    /// A clock that stands at `start_ms` and moves only by [`Clock::advance`].
    pub fn manual(start_ms: i64) -> Self {
        let manual = Manual { wall: AtomicI64::new(start_ms), monotonic: AtomicI64::new(0) };
        Self { source: Source::Manual(Arc::new(manual)) }
    }

    /// Tells whether it stands until it is moved.
    pub fn is_manual(&self) -> bool {
        matches!(self.source, Source::Manual(_))
    }

    /// Gives the time in UTC milliseconds since 1970.
    pub fn now_ms(&self) -> i64 {
        match &self.source {
            Source::System => system_ms(),
            Source::Manual(manual) => manual.wall.load(Ordering::SeqCst),
        }
    }

    /// Gives the milliseconds since an instant of this process: they go on evenly whatever is done to the wall clock.
    pub fn monotonic_ms(&self) -> i64 {
        static START: OnceLock<Instant> = OnceLock::new();
        match &self.source {
            Source::System => START.get_or_init(Instant::now).elapsed().as_millis() as i64,
            Source::Manual(manual) => manual.monotonic.load(Ordering::SeqCst),
        }
    }

    /// Lets time pass on a manual clock and all its clones.
    ///
    /// # Panics
    /// On the system clock: that is a mistake in a test.
    pub fn advance(&self, by: Duration) {
        let Source::Manual(manual) = &self.source else { panic!("the system clock cannot be advanced") };
        // The wall clock last: who sees it moved finds that the time has passed, too.
        manual.monotonic.fetch_add(by.as_millis() as i64, Ordering::SeqCst);
        manual.wall.fetch_add(by.as_millis() as i64, Ordering::SeqCst);
    }

    /// Sets a manual clock and all its clones forward, or back, without time passing.
    ///
    /// # Panics
    /// On the system clock: that is a mistake in a test.
    pub fn jump(&self, by_ms: i64) {
        let Source::Manual(manual) = &self.source else { panic!("the system clock cannot be set") };
        manual.wall.fetch_add(by_ms, Ordering::SeqCst);
    }

    /// Makes a message id: UUIDv7 text, so that ids sort by the time they were made. Order within one millisecond does
    /// not matter to anyone.
    ///
    /// A broadcast makes one an account, so its randomness is drawn once a process and counted on from there
    /// (`SplitMix64`): a message id is a name, never a secret.
    pub fn message_id(&self) -> Arc<str> {
        static SEED: OnceLock<[u8; 10]> = OnceLock::new();
        static MADE: AtomicU64 = AtomicU64::new(0);
        let seed = SEED.get_or_init(random_bytes);
        let start = seed.last_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        let made = MADE.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        let mut mixed = start.wrapping_add(made.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let mut tail = *seed;
        tail[2..].copy_from_slice(&(mixed ^ (mixed >> 31)).to_le_bytes());
        let id = Builder::from_unix_timestamp_millis(self.now_ms().max(0).unsigned_abs(), &tail).into_uuid();
        Arc::from(&*id.hyphenated().encode_lower(&mut Uuid::encode_buffer()))
    }
}

fn system_ms() -> i64 {
    #[expect(clippy::disallowed_methods, reason = "clock.rs is where the wall clock comes in")]
    let now = SystemTime::now();
    match now.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => after.as_millis() as i64,
        Err(before) => -(before.duration().as_millis() as i64),
    }
}

/// Writes a time as `2026-11-21T10:00:00.123Z`; a time beyond the year 9999 as the last one before.
pub fn iso(ms: i64) -> String {
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    let nanos = i128::from(ms.clamp(EARLIEST_MS, LATEST_MS)) * 1_000_000;
    OffsetDateTime::from_unix_timestamp_nanos(nanos)
        .ok()
        .and_then(|at| at.format(format).ok())
        .expect("times between the years 0000 and 9999 have a date and can be written")
}

/// `0000-01-01T00:00:00.000Z` and `9999-12-31T23:59:59.999Z`: what four digits of a year can say.
const EARLIEST_MS: i64 = -62_167_219_200_000;
const LATEST_MS: i64 = 253_402_300_799_999;

/// Reads an ISO 8601 time with an offset (RFC 3339); what is finer than milliseconds is cut off.
pub fn parse_iso(text: &str) -> Option<i64> {
    let at = OffsetDateTime::parse(text, &Rfc3339).ok()?.to_offset(UtcOffset::UTC);
    let ms = at.unix_timestamp_nanos().div_euclid(1_000_000) as i64;
    (EARLIEST_MS..=LATEST_MS).contains(&ms).then_some(ms)
}

/// Draws `N` bytes from the operating system.
///
/// # Panics
/// When the system has no randomness to give: nothing that needs a token can go on then.
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes once it has started");
    bytes
}

/// Draws a text of `N` characters that is safe in URLs, headers and cookies; 6 bits each, so 43 carry 256.
pub fn random_text<const N: usize>() -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    random_bytes::<N>().iter().map(|byte| char::from(ALPHABET[usize::from(byte % 64)])).collect()
}

/// Draws a number above 0 and below 2^53, which JSON carries whole: a node's id.
pub fn random_number() -> i64 {
    (i64::from_le_bytes(random_bytes()) & ((1 << 53) - 1)).max(1)
}

/// Makes a random id (UUIDv4 text, 36 characters): a row's `guid`, a session's `sid`.
pub fn guid() -> String {
    Uuid::new_v4().to_string()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn clones_of_a_manual_clock_move_together() {
        let clock = Clock::manual(1000);
        let clone = clock.clone();
        clock.advance(Duration::from_millis(250));
        assert_eq!((clock.now_ms(), clone.now_ms()), (1250, 1250));
    }

    #[test]
    fn a_clock_that_jumps_does_not_let_time_pass() {
        let clock = Clock::manual(1000);
        clock.jump(-400);
        assert_eq!((clock.now_ms(), clock.monotonic_ms()), (600, 0));
        clock.advance(Duration::from_millis(5));
        assert_eq!((clock.now_ms(), clock.monotonic_ms()), (605, 5));
        let system = Clock::system();
        let before = system.monotonic_ms();
        while system.monotonic_ms() == before {}
        assert!(system.clone().monotonic_ms() > before);
    }

    #[test]
    fn the_system_clock_tells_a_time_of_this_century() {
        let now = Clock::system().now_ms();
        assert!(parse_iso("2026-01-01T00:00:00Z").unwrap() < now);
        assert!(now < parse_iso("2126-01-01T00:00:00Z").unwrap());
    }

    #[test]
    fn a_time_is_written_with_milliseconds_and_z() {
        assert_eq!(iso(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(iso(1_795_255_200_123), "2026-11-21T10:00:00.123Z");
        assert_eq!(iso(-1), "1969-12-31T23:59:59.999Z");
        assert_eq!(iso(i64::MAX), "9999-12-31T23:59:59.999Z");
        assert_eq!(iso(i64::MIN), "0000-01-01T00:00:00.000Z");
    }

    #[test]
    fn a_time_is_read_with_any_offset() {
        assert_eq!(parse_iso("2026-11-21T18:00:00.1239+08:00"), Some(1_795_255_200_123));
        assert_eq!(parse_iso("2026-11-21T10:00:00Z"), Some(1_795_255_200_000));
        for bad in ["2026-11-21", "2026-11-21T10:00:00", "2026-02-30T10:00:00Z", "", "now"] {
            assert_eq!(parse_iso(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_back(ms in EARLIEST_MS..=LATEST_MS) {
            prop_assert_eq!(parse_iso(&iso(ms)), Some(ms));
        }
    }

    #[test]
    fn message_ids_sort_by_time_and_are_version_7() {
        let clock = Clock::manual(1_795_255_200_123);
        let first = clock.message_id();
        clock.advance(Duration::from_millis(1));
        let second = clock.message_id();
        assert!(first < second, "{first} {second}");
        let id = Uuid::parse_str(&first).unwrap();
        assert_eq!((id.get_version_num(), first.len()), (7, 36));
        assert_eq!(id.get_timestamp().unwrap().to_unix(), (1_795_255_200, 123_000_000));
    }

    #[test]
    fn message_ids_of_one_millisecond_differ() {
        let clock = Clock::manual(1);
        let ids: HashSet<_> = (0..1000).map(|_| clock.message_id()).collect();
        assert_eq!(ids.len(), 1000);
    }

    #[test]
    fn random_texts_differ_and_are_safe_in_a_url() {
        let texts: HashSet<_> = (0..1000).map(|_| random_text::<43>()).collect();
        assert_eq!(texts.len(), 1000);
        assert!(texts.iter().all(|text| text.len() == 43));
        assert!(
            texts.iter().flat_map(|text| text.chars()).all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
        );
    }
}
