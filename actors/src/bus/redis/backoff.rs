//! How long to wait before the next try to connect: 50 ms, doubled up to 500 ms, without end.
//!
//! A bus that gives up is a bus that is silently dead; half a second bounds both the load on a Redis that comes back and
//! the time until it is noticed.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(50);
const LAST: Duration = Duration::from_millis(500);

/// The waits between tries.
pub(super) struct Backoff(Duration);

impl Default for Backoff {
    fn default() -> Self {
        Self(FIRST)
    }
}

impl Backoff {
    /// Gives the next wait.
    pub fn next(&mut self) -> Duration {
        let wait = self.0;
        self.0 = (wait * 2).min(LAST);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_never_gives_up_and_never_waits_longer_than_half_a_second() {
        let mut backoff = Backoff::default();
        let first: Vec<_> = (0..5).map(|_| backoff.next().as_millis()).collect();
        assert_eq!(first, [50, 100, 200, 400, 500]);
        assert!((0..100_000).all(|_| backoff.next() == LAST), "a day of tries");
    }
}
