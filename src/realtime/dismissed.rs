//! Event streams that were closed for good while their session goes on: another tab took their place (C5). A browser's
//! own `EventSource` knows no close codes and comes back by itself; answered as usual, it would take a sibling's place,
//! and so on for ever. So its return is answered with 204 once, which keeps it away.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// How long a return is expected. Ten times the pause that browsers are told to make.
const EXPECTED_MS: i64 = 60_000;
/// Streams remembered at one time; past it nobody new is, and comes back as anybody does.
const STREAMS: usize = 10_000;

/// See the head of this file.
#[derive(Debug, Default)]
pub struct Dismissed(Mutex<HashMap<String, i64>>);

impl Dismissed {
    /// Notes that a stream was closed for good; it is named as in positions.
    pub fn note(&self, stream: &str, now: i64) {
        let mut streams = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if streams.len() >= STREAMS {
            streams.retain(|_, at| now - *at < EXPECTED_MS);
        }
        if streams.len() < STREAMS {
            streams.insert(stream.to_owned(), now);
        }
    }

    /// Answers, once, whether a stream that comes back is one that was closed for good.
    pub fn take(&self, stream: &str, now: i64) -> bool {
        let mut streams = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        streams.remove(stream).is_some_and(|at| now - at < EXPECTED_MS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stream_is_kept_away_once_and_not_for_ever() {
        let dismissed = Dismissed::default();
        dismissed.note("one", 0);
        assert!(!dismissed.take("other", 2_000), "a sibling is somebody else");
        assert!(dismissed.take("one", 2_000));
        assert!(!dismissed.take("one", 2_000));
        dismissed.note("one", 3_000);
        assert!(!dismissed.take("one", 63_000));
    }
}
