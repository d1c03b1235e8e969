//! What a tab may listen to beyond what concerns it anyway, and by which permission (C29, S3-71). The engine asks at
//! subscribe and after every change. A topic that is not in the table is not heard by anybody; a parameter has exactly one
//! spelling, so that nobody listens to a topic that is never spoken to.
//!
//! Who may listen is one question, whom a message is for another: it names its audience besides (accounts, a company).

use livegrant_actors::CompanyId;

/// Notices that S0's streams show by default; a WebSocket asks for them.
pub const NOTIFICATIONS: &str = "notifications";
/// What became of the caller's own changes, as it happens (S3-140).
pub const RECEIPTS: &str = "receipts";
/// Who comes and goes in the caller's company (E35).
pub const PRESENCE: &str = "admin:presence";
/// The caller's own tasks and processes (E17, E18).
pub const APPROVALS: &str = "approvals";
/// Before the id of a company: its organisations (E29).
const ORGANIZATIONS: &str = "org:";
/// Before the guid of a staff record: that person's leaves (E21).
const LEAVES: &str = "leave:";
/// Length of a guid in its usual writing.
const GUID: usize = 36;

/// Who wants to listen.
#[derive(Debug, Clone, Copy)]
pub struct Listener<'a> {
    /// The company of the session.
    pub company: CompanyId,
    /// The guid of the account.
    pub guid: &'a str,
    /// The guid of the account's staff record.
    pub staff_guid: Option<&'a str>,
}

/// Names the topic of a company's organisations.
pub fn organizations(company: CompanyId) -> String {
    format!("{ORGANIZATIONS}{company}")
}

/// Names the topic of a person's leaves.
pub fn leaves(staff_guid: &str) -> String {
    format!("{LEAVES}{staff_guid}")
}

/// Tells whether a session that holds what `holds` says may listen to a topic.
pub fn may_hear(topic: &str, who: Listener<'_>, holds: impl Fn(&str) -> bool) -> bool {
    if let Some(company) = topic.strip_prefix(ORGANIZATIONS) {
        return company == who.company.to_string() && holds("org:view");
    }
    if let Some(guid) = topic.strip_prefix(LEAVES) {
        let own = guid == who.guid || Some(guid) == who.staff_guid;
        return is_guid(guid) && (own || holds("leave:view"));
    }
    match topic {
        NOTIFICATIONS | RECEIPTS | APPROVALS => true,
        PRESENCE => holds("session:view"),
        _ => false,
    }
}

fn is_guid(text: &str) -> bool {
    let fits = |(at, byte): (usize, u8)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
    };
    text.len() == GUID && text.bytes().enumerate().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUID_OF_STAFF: &str = "5e79d2e9-9af4-44b8-ae4a-0b286fcb7d44";
    const ANOTHER: &str = "6e79d2e9-9af4-44b8-ae4a-0b286fcb7d44";

    fn hears(topic: &str, codes: &[&str]) -> bool {
        let who = Listener { company: CompanyId(7), guid: "account", staff_guid: Some(GUID_OF_STAFF) };
        may_hear(topic, who, |code| codes.contains(&code))
    }

    #[test]
    fn presence_is_for_those_who_may_see_sessions_and_the_unknown_for_nobody() {
        assert!(hears(RECEIPTS, &[]) && hears(NOTIFICATIONS, &[]) && hears(APPROVALS, &[]));
        assert!(hears(PRESENCE, &["session:view"]));
        assert!(!hears(PRESENCE, &["org:view"]));
        for unknown in ["", "admin:*", "receipts ", "policy", "admin:presence/1", "approvals:7"] {
            assert!(!may_hear(
                unknown,
                Listener { company: CompanyId(7), guid: "account", staff_guid: None },
                |_| true
            ));
        }
    }

    #[test]
    fn organisations_are_those_of_the_own_company_and_leaves_ones_own() {
        let everything: &[&str] = &["org:view", "leave:view", "session:view"];
        assert!(hears("org:7", &["org:view"]) && hears(&organizations(CompanyId(7)), &["org:view"]));
        assert!(!hears("org:7", &["leave:view"]));
        for other in ["org:8", "org:07", "org:+7", "org:", "org:7 ", "org:7:8"] {
            assert!(!hears(other, everything), "{other}");
        }
        assert!(hears(&leaves(GUID_OF_STAFF), &[]));
        assert!(!hears(&leaves(ANOTHER), &["org:view"]));
        assert!(hears(&leaves(ANOTHER), &["leave:view"]));
        for other in [
            "leave:",
            "leave:*",
            "leave:1",
            &*leaves(&GUID_OF_STAFF.to_uppercase()),
            &*leaves(&"f".repeat(5_000)),
        ] {
            assert!(!hears(other, everything), "{other}");
        }
    }
}
