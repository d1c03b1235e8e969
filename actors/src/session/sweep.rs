//! What a sweep finds at a tab; pure.
//!
//! One sweep an arbiter looks at every account about each second (registry); there is no timer a
//! tab. The order of the questions is the order of gravity: an ended session before all else.

use crate::config::EngineConfig;
use crate::protocol::close::CloseReason;

/// What a sweep needs to know of a tab; times in UTC ms.
pub(crate) struct Facts {
    pub active: bool,
    pub expires_at: i64,
    pub last_heard: i64,
    pub last_ping: i64,
    /// Since when its socket has taken nothing.
    pub blocked_since: Option<i64>,
    /// Until when a closing tab may take its last frames.
    pub closing_until: Option<i64>,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Keep,
    Ping,
    /// The session ended and the tab was not told.
    End,
    Close(CloseReason),
    /// Drop the socket.
    Cut,
}

pub(crate) fn judge(facts: &Facts, now: i64, config: &EngineConfig) -> Verdict {
    let past = |since: i64, limit: std::time::Duration| now - since >= limit.as_millis() as i64;
    if let Some(until) = facts.closing_until {
        return if now >= until { Verdict::Cut } else { Verdict::Keep };
    }
    if !facts.active {
        return Verdict::End;
    }
    if facts.expires_at <= now {
        return Verdict::Close(CloseReason::TokenExpired);
    }
    if facts.blocked_since.is_some_and(|since| past(since, config.stuck_after)) {
        return Verdict::Close(CloseReason::Slow);
    }
    if past(facts.last_heard, config.heartbeat_timeout) {
        return Verdict::Close(CloseReason::Idle);
    }
    if past(facts.last_heard.max(facts.last_ping), config.heartbeat_interval) {
        return Verdict::Ping;
    }
    Verdict::Keep
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(change: impl FnOnce(&mut Facts), now: i64) -> Verdict {
        let mut facts = Facts {
            active: true,
            expires_at: 1_000_000,
            last_heard: 0,
            last_ping: 0,
            blocked_since: None,
            closing_until: None,
        };
        change(&mut facts);
        judge(&facts, now, &EngineConfig::default())
    }

    #[test]
    fn a_silent_tab_is_pinged_then_closed() {
        assert_eq!(verdict(|_| {}, 24_999), Verdict::Keep);
        assert_eq!(verdict(|_| {}, 25_000), Verdict::Ping);
        assert_eq!(verdict(|facts| facts.last_ping = 25_000, 26_000), Verdict::Keep);
        assert_eq!(verdict(|facts| facts.last_ping = 50_000, 60_000), Verdict::Close(CloseReason::Idle));
        assert_eq!(verdict(|facts| facts.last_heard = 50_000, 60_000), Verdict::Keep);
    }

    #[test]
    fn an_ended_session_outranks_an_expired_token() {
        let ended = |facts: &mut Facts| {
            facts.active = false;
            facts.expires_at = 5;
        };
        assert_eq!(verdict(ended, 10), Verdict::End);
        assert_eq!(verdict(|facts| facts.expires_at = 10, 10), Verdict::Close(CloseReason::TokenExpired));
    }

    #[test]
    fn a_stuck_tab_is_closed_and_a_closing_one_cut() {
        let stuck = |facts: &mut Facts| facts.blocked_since = Some(0);
        assert_eq!(verdict(stuck, 15_000), Verdict::Close(CloseReason::Slow));
        assert_eq!(verdict(|facts| facts.closing_until = Some(100), 99), Verdict::Keep);
        assert_eq!(verdict(|facts| facts.closing_until = Some(100), 100), Verdict::Cut);
    }
}
