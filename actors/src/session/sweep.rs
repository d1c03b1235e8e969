//! What a sweep finds at a tab; pure.
//!
//! One sweep an arbiter looks at every account about each second (registry); there is no timer a
//! tab. The order of the questions is the order of gravity: an ended session before all else.

use crate::config::EngineConfig;
use crate::protocol::close::CloseReason;
use crate::protocol::frame::Transport;

/// What a sweep needs to know of a tab; times in UTC ms.
pub(crate) struct Facts {
    pub transport: Transport,
    pub active: bool,
    pub expires_at: i64,
    pub last_heard: i64,
    pub last_ping: i64,
    pub last_active: i64,
    /// When it was last told where it stands; `None`: it is never told.
    pub last_placed: Option<i64>,
    /// It is still to be told that its token ends.
    pub warn: bool,
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
    /// Tell that the token ends soon.
    Warn,
    /// Tell where it stands.
    Place,
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
    let deaf = facts.transport == Transport::Sse;
    // A stream of events is not heard: the kernel tells when its other end is gone.
    if !deaf && past(facts.last_heard, config.heartbeat_timeout) {
        return Verdict::Close(CloseReason::Idle);
    }
    if past(facts.last_active, config.idle_timeout) {
        return Verdict::Close(CloseReason::Idle);
    }
    if facts.warn && facts.expires_at - now <= config.expiry_warning.as_millis() as i64 {
        return Verdict::Warn;
    }
    if facts.last_placed.is_some_and(|since| past(since, config.checkpoint_interval)) {
        return Verdict::Place;
    }
    let silent = match facts.transport {
        Transport::WebSocket => past(facts.last_heard.max(facts.last_ping), config.heartbeat_interval),
        Transport::Sse => past(facts.last_ping, config.event_heartbeat),
        Transport::Poll => false,
    };
    if silent { Verdict::Ping } else { Verdict::Keep }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(change: impl FnOnce(&mut Facts), now: i64) -> Verdict {
        let mut facts = Facts {
            transport: Transport::WebSocket,
            active: true,
            expires_at: 10_000_000,
            last_heard: 0,
            last_ping: 0,
            last_active: 0,
            last_placed: None,
            warn: false,
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

    #[test]
    fn a_stream_of_events_is_never_closed_for_its_silence() {
        let events = |facts: &mut Facts| facts.transport = Transport::Sse;
        assert_eq!(verdict(events, 14_999), Verdict::Keep);
        assert_eq!(verdict(events, 100_000), Verdict::Ping);
    }

    #[test]
    fn a_poll_that_does_not_come_back_is_closed_and_never_pinged() {
        let poll = |facts: &mut Facts| facts.transport = Transport::Poll;
        assert_eq!(verdict(poll, 59_999), Verdict::Keep);
        assert_eq!(verdict(poll, 60_000), Verdict::Close(CloseReason::Idle));
    }

    #[test]
    fn heartbeats_alone_do_not_keep_a_tab_from_being_idle() {
        let beating = |facts: &mut Facts| facts.last_heard = 1_799_000;
        assert_eq!(verdict(beating, 1_799_999), Verdict::Keep);
        assert_eq!(verdict(beating, 1_800_000), Verdict::Close(CloseReason::Idle));
    }

    #[test]
    fn a_tab_is_warned_before_its_token_ends_and_placed_now_and_then() {
        let ending = |facts: &mut Facts| (facts.warn, facts.expires_at) = (true, 70_000);
        assert_eq!(verdict(ending, 9_999), Verdict::Keep);
        assert_eq!(verdict(ending, 10_000), Verdict::Warn);
        let placed = |facts: &mut Facts| (facts.last_placed, facts.last_heard) = (Some(0), 60_000);
        assert_eq!(verdict(placed, 60_000), Verdict::Place);
    }
}
