//! A signed-in session as the engine sees it, and the clock as the engine takes it. Reads memory only.

use super::nodes::connection_id;
use super::presence::{Ear, Listeners};
use super::{effects, topics};
use crate::clock::Clock;
use crate::policy::{Member, PolicyTable, Principal, SessionEntry};
use livegrant_actors::{
    AccountId, ApplicationId, CompanyId, ConnectionId, EndCode, Ids, Key, NodeId, Position, SessionId, State,
    Subject, Time,
};
use std::sync::Arc;

/// One session's view of the policy tables. Holding it keeps account and session in memory.
#[derive(Debug)]
pub struct SessionSubject {
    policy: Arc<PolicyTable>,
    member: Arc<Member>,
    session: Arc<SessionEntry>,
    guid: Arc<str>,
    ear: Ear,
}

impl SessionSubject {
    /// Makes the subject of a caller's tab.
    pub fn of(policy: &Arc<PolicyTable>, by: &Principal, listeners: &Arc<Listeners>) -> Self {
        Self {
            policy: Arc::clone(policy),
            member: Arc::clone(by.member()),
            session: Arc::clone(by.session()),
            guid: Arc::clone(&by.member().facts().guid),
            ear: Ear::new(Arc::clone(listeners)),
        }
    }
}

impl Subject for SessionSubject {
    fn account(&self) -> AccountId {
        self.session.account
    }

    fn account_guid(&self) -> &str {
        &self.guid
    }

    fn session(&self) -> &SessionId {
        &self.session.sid
    }

    fn view(&self) -> (ApplicationId, CompanyId) {
        (self.session.view.application, self.session.view.company)
    }

    fn is_active(&self) -> bool {
        self.session.is_active()
    }

    fn ending(&self) -> (EndCode, Arc<str>) {
        match self.session.ending() {
            Some((code, reason)) => (*code, effects::reason_of(*code, reason)),
            None => (EndCode::SessionKicked, "the session has ended".into()),
        }
    }

    fn state(&self) -> Arc<State> {
        self.policy.published(&self.member, self.session.view)
    }

    fn state_at(&self, at: &Position) -> Option<Arc<State>> {
        self.policy.published_at(&self.member, self.session.view, &at.epoch, at.rev, &at.hash)
    }

    fn may_hear(&self, topic: &str) -> bool {
        let snapshot = || self.policy.snapshot(&self.member, &self.session);
        let facts = self.member.facts();
        let who = topics::Listener {
            company: self.session.view.company,
            guid: &self.guid,
            staff_guid: facts.staff_guid.as_deref(),
        };
        let may_hear =
            self.session.is_active() && topics::may_hear(topic, who, |code| snapshot().holds(code));
        if topic == topics::PRESENCE {
            self.ear.note(may_hear);
        }
        may_hear
    }
}

/// The clock as the engine's source of time and ids.
#[derive(Debug, Clone)]
pub struct EngineClock {
    /// The time.
    pub clock: Clock,
    /// Which node this is: the ids of its tabs say so.
    pub node: NodeId,
}

impl Time for EngineClock {
    fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    fn steady_ms(&self) -> i64 {
        self.clock.monotonic_ms()
    }
}

impl Ids for EngineClock {
    fn message_id(&self) -> Arc<str> {
        self.clock.message_id()
    }

    fn connection_id(&self) -> ConnectionId {
        connection_id(&crate::clock::guid(), self.node)
    }

    fn key(&self) -> Key {
        crate::clock::random_bytes()
    }
}
