//! Event streams that were closed for good while their session goes on: another tab took their place (C5). A browser's
//! own `EventSource` knows no close codes and comes back by itself; answered as usual, it would take a sibling's place,
//! and so on for ever. So its return is answered with 204 once, which keeps it away.

use super::nodes::news::{self, News};
use crate::core::Core;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::MissedTickBehavior;

/// How long a return is expected. Ten times the pause that browsers are told to make.
const EXPECTED_MS: i64 = 60_000;
/// Streams remembered at one time; past it nobody new is, and comes back as anybody does.
const STREAMS: usize = 10_000;

/// Streams that wait to be named to other nodes. 1,000: what is closed between two looks.
const UNTOLD: usize = 1_000;
/// Time between two looks: a browser waits for longer before it comes back.
const TELL_EVERY: Duration = Duration::from_millis(500);

/// See the head of this file.
#[derive(Debug, Default)]
pub struct Dismissed {
    streams: Mutex<HashMap<String, i64>>,
    /// What other nodes are to be told: the browser may come back there.
    untold: Mutex<Vec<(String, i64)>>,
}

impl Dismissed {
    /// Notes that a stream was closed for good on this node; it is named as in positions.
    pub fn note_here(&self, stream: &str, now: i64) {
        self.note(stream, now);
        let mut untold = self.untold.lock().unwrap_or_else(PoisonError::into_inner);
        if untold.len() < UNTOLD {
            untold.push((stream.to_owned(), now));
        }
    }

    /// Takes what was closed since the last time.
    fn take_untold(&self) -> Vec<(String, i64)> {
        std::mem::take(&mut self.untold.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The same on any node.
    pub fn note(&self, stream: &str, now: i64) {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        if streams.len() >= STREAMS {
            streams.retain(|_, at| now - *at < EXPECTED_MS);
        }
        if streams.len() < STREAMS {
            streams.insert(stream.to_owned(), now);
        }
    }

    /// Answers, once, whether a stream that comes back is one that was closed for good.
    pub fn take(&self, stream: &str, now: i64) -> bool {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        streams.remove(stream).is_some_and(|at| now - at < EXPECTED_MS)
    }
}

/// Names them to the other nodes for as long as the process lives.
pub async fn tell(core: Core, dismissed: Arc<Dismissed>) {
    let mut every = tokio::time::interval(TELL_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        for (stream, at) in dismissed.take_untold() {
            news::say(&core, &News::Dismissed { stream, at }).await;
        }
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
