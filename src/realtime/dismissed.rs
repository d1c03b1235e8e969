//! Event streams that were closed for good while their session goes on: another tab took their place (C5). A browser's
//! own `EventSource` knows no close codes and comes back by itself; answered as usual, it would take a sibling's place,
//! and so on for ever. So its return is answered with 204 once, which keeps it away.

use livegrant_actors::SessionId;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// How long a return is expected. Ten times the pause that browsers are told to make.
const EXPECTED_MS: i64 = 60_000;
/// Sessions remembered at one time; past it nobody new is, and comes back as anybody does.
const SESSIONS: usize = 10_000;

/// See the head of this file.
#[derive(Debug, Default)]
pub struct Dismissed(Mutex<HashMap<SessionId, Vec<i64>>>);

impl Dismissed {
    /// Notes that a stream of a session was closed for good.
    pub fn note(&self, session: &SessionId, now: i64) {
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if sessions.len() >= SESSIONS && !sessions.contains_key(session) {
            sessions.retain(|_, at| at.iter().any(|at| now - at < EXPECTED_MS));
            if sessions.len() >= SESSIONS {
                return;
            }
        }
        let expected = sessions.entry(session.clone()).or_default();
        expected.retain(|at| now - at < EXPECTED_MS);
        expected.push(now);
    }

    /// Answers whether a stream of this session that comes back is one that was closed for good.
    pub fn take(&self, session: &SessionId, now: i64) -> bool {
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(expected) = sessions.get_mut(session) else { return false };
        expected.retain(|at| now - at < EXPECTED_MS);
        let was = expected.pop().is_some();
        if expected.is_empty() {
            sessions.remove(session);
        }
        was
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stream_is_kept_away_once_and_not_for_ever() {
        let dismissed = Dismissed::default();
        let (one, other): (SessionId, SessionId) = ("one".into(), "other".into());
        dismissed.note(&one, 0);
        dismissed.note(&one, 1_000);
        assert!(!dismissed.take(&other, 2_000));
        assert!(dismissed.take(&one, 2_000) && dismissed.take(&one, 2_000));
        assert!(!dismissed.take(&one, 2_000));
        dismissed.note(&one, 3_000);
        assert!(!dismissed.take(&one, 63_000));
    }
}
