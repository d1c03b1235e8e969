//! What a tab may listen to beyond what concerns it anyway, and by which permission (C29, S3-71). The engine asks at
//! subscribe and after every change. A topic that is not in the table is not heard by anybody.

/// Notices that S0's streams show by default; a WebSocket asks for them.
pub const NOTIFICATIONS: &str = "notifications";
/// What became of the caller's own changes, as it happens (S3-140).
pub const RECEIPTS: &str = "receipts";
/// Who comes and goes in the caller's company (E35).
pub const PRESENCE: &str = "admin:presence";

/// Tells whether a session that holds what `holds` says may listen to a topic.
pub fn may_hear(topic: &str, holds: impl Fn(&str) -> bool) -> bool {
    match topic {
        NOTIFICATIONS | RECEIPTS => true,
        PRESENCE => holds("session:view"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presence_is_for_those_who_may_see_sessions_and_the_unknown_for_nobody() {
        assert!(may_hear(RECEIPTS, |_| false));
        assert!(may_hear(PRESENCE, |code| code == "session:view"));
        assert!(!may_hear(PRESENCE, |_| false));
        for unknown in ["", "admin:*", "receipts ", "policy", "admin:presence/1"] {
            assert!(!may_hear(unknown, |_| true), "{unknown}");
        }
    }
}
