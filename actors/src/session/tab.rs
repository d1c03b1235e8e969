//! One tab: how it hangs here, who it is, what it was last told.
//!
//! Plain data with the small questions about it; `desk.rs` acts on it. About 300 bytes, nothing
//! allocated while idle.

use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::link::Link;
use super::mail::MailPlace;
use super::outbox::Outbox;
use super::sweep::Facts;
use crate::change::Audience;
use crate::counters::Seat;
use crate::protocol::envelope::{Group, MessageType};
use crate::protocol::frame::Transport;
use crate::protocol::ids::{AccountId, ConnectionId, Holder, Rev, SessionId};
use crate::protocol::permission::State;
use crate::protocol::seal::Seal;
use crate::subject::{ClientInfo, Subject};

/// The topic by which a WebSocket hears what SSE and poll hear anyway ([`Group::Inbox`]).
pub(super) const INBOX_TOPIC: &str = "notifications";

/// An account with at least one open tab on this node.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OnlineAccount {
    /// The account.
    pub account: AccountId,
    /// The account's guid.
    pub guid: Arc<str>,
    /// Its open tabs, oldest first.
    pub tabs: Vec<TabInfo>,
}

/// An open tab; times in UTC ms.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TabInfo {
    /// The connection.
    pub connection_id: ConnectionId,
    /// The session.
    pub sid: SessionId,
    /// How it is held.
    pub transport: Transport,
    /// The client's address.
    pub ip: IpAddr,
    /// The client's browser.
    pub browser: Arc<str>,
    /// When it connected.
    pub connected_at: i64,
    /// When it was last heard.
    pub last_heartbeat: i64,
    /// The revision it last acknowledged, else the one last sent.
    pub rev: Rev,
    /// The revision it last acknowledged.
    pub acked: Option<Rev>,
}

/// How far a tab's life is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Open,
    /// A close was queued; the socket is cut at `until`.
    Closing {
        until: i64,
        peer_closed: bool,
    },
    Gone,
}

/// A change that the tab has not acknowledged.
pub(crate) struct Unacked {
    pub change: Rev,
    /// The revision that acknowledges it; `None`: the answer to the close does.
    pub by: Option<Rev>,
}

/// What few tabs have.
#[derive(Default)]
pub(crate) struct Extras {
    pub topics: Vec<Arc<str>>,
    pub seal: Option<Seal>,
}

#[expect(clippy::struct_excessive_bools, reason = "independent facts of a tab, a byte each")]
pub(crate) struct Tab {
    pub id: ConnectionId,
    pub link: Link,
    pub subject: Arc<dyn Subject>,
    pub client: ClientInfo,
    pub connected_at: i64,
    pub expires_at: i64,
    pub last_heard: i64,
    pub last_ping: i64,
    /// When something other than heartbeats went over it.
    pub last_active: i64,
    /// When it was last told where it stands.
    pub last_placed: i64,
    pub blocked_since: Option<i64>,
    /// A sweep has found its session ended, and no change told it.
    pub untold: bool,
    /// It was told that its token ends.
    pub warned: bool,
    /// It gets control messages.
    pub control: bool,
    /// It came back with what holds: its introduction places it.
    pub at_place: bool,
    /// The state it was last told.
    pub state: Arc<State>,
    /// The last notice it was told.
    pub inbox_seq: i64,
    /// Where it stands in the account's inbox.
    pub mail: MailPlace,
    /// Notices up to this place it has been told apart from their delivery.
    pub retold: i64,
    /// What it is found by; follows the subject even when the state says the same.
    pub holders: Arc<[Holder]>,
    pub acked: Option<Rev>,
    /// The newest change that its receipt counts this tab for.
    pub counted: Rev,
    pub unacked: Vec<Unacked>,
    pub outbox: Outbox,
    pub allowance: Allowance,
    /// The client's own count of its messages.
    pub said: u64,
    pub stage: Stage,
    /// Boxed: most tabs have none.
    pub extras: Option<Box<Extras>>,
    /// Held for its drop: gives the tab's place on the node back.
    pub _seat: Seat,
}

impl Tab {
    pub fn is_open(&self) -> bool {
        self.stage == Stage::Open
    }

    pub fn topics(&self) -> &[Arc<str>] {
        self.extras.as_ref().map_or(&[], |extras| &extras.topics)
    }

    pub fn hears(&self, topic: &str) -> bool {
        self.topics().iter().any(|heard| **heard == *topic)
    }

    /// Tells whether this client takes this type of message (S3-83).
    pub fn takes(&self, kind: MessageType, topic: Option<&str>) -> bool {
        let plain = self.link.transport() == Transport::WebSocket;
        match kind.group() {
            Group::Plain => true,
            Group::Control => self.control,
            Group::Inbox => !plain || self.hears(INBOX_TOPIC),
            Group::Topic => topic.is_some_and(|topic| self.hears(topic)),
        }
    }

    /// Tells whether an audience that its account belongs to means this tab: an account may have tabs in several
    /// companies and applications.
    pub fn is_meant(&self, audience: &Audience) -> bool {
        match audience {
            Audience::Accounts(accounts) => accounts.contains(&self.subject.account()),
            Audience::Holder(holder) => self.is_held_by(*holder),
            Audience::AnyOf(holders) => holders.iter().any(|holder| self.is_held_by(*holder)),
            Audience::Everyone => true,
        }
    }

    fn is_held_by(&self, holder: Holder) -> bool {
        match holder {
            Holder::Company(company) => self.subject.view().1 == company,
            Holder::Application(application) => self.subject.view().0 == application,
            Holder::Role(_) | Holder::Position(_) => self.holders.contains(&holder),
        }
    }

    pub fn info(&self) -> TabInfo {
        TabInfo {
            connection_id: self.id.clone(),
            sid: self.subject.session().clone(),
            transport: self.link.transport(),
            ip: self.client.ip,
            browser: Arc::clone(&self.client.browser),
            connected_at: self.connected_at,
            last_heartbeat: self.last_heard,
            rev: self.acked.unwrap_or(self.state.rev),
            acked: self.acked,
        }
    }

    pub fn facts(&self) -> Facts {
        let closing_until = match self.stage {
            Stage::Closing { until, .. } => Some(until),
            Stage::Open | Stage::Gone => None,
        };
        Facts {
            transport: self.link.transport(),
            active: self.subject.is_active(),
            expires_at: self.expires_at,
            last_heard: self.last_heard,
            last_ping: self.last_ping,
            last_active: self.last_active,
            last_placed: self.control.then_some(self.last_placed),
            warn: self.control && !self.warned,
            blocked_since: self.blocked_since,
            closing_until,
        }
    }
}

/// How many frames a tab may still send in the running minute.
#[derive(Default)]
pub(crate) struct Allowance {
    since: i64,
    used: u32,
}

impl Allowance {
    /// Spends one; `false` when the minute's are used up.
    pub fn spend(&mut self, now: i64, a_minute: u32) -> bool {
        if now - self.since >= 60_000 {
            *self = Self { since: now, used: 0 };
        }
        self.used += 1;
        self.used <= a_minute
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allowance_is_for_a_minute() {
        let mut allowance = Allowance::default();
        assert!(allowance.spend(100_000, 2));
        assert!(allowance.spend(159_999, 2));
        assert!(!allowance.spend(159_999, 2));
        assert!(allowance.spend(160_000, 2));
    }
}
