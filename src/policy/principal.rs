//! The caller of a use case: who, in which session, with what permissions, derived from which epochs.
//! Always the authenticated one; a guid in a parameter never makes a principal (C3).

use super::member::{Member, SessionEntry};
use super::snapshot::Snapshot;
use super::{PolicyTable, Stamp};
use crate::db::Author;
use crate::refusal::Refusal;
use livegrant_actors::{AccountId, CompanyId, SessionId};
use std::sync::Arc;

/// Where a request came from; goes into logs.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// The request's id.
    pub request_id: String,
    /// The caller's address.
    pub ip: String,
    /// With what he calls: `web`, `mcp` …; goes into the audit log.
    pub client: &'static str,
}

/// See the head of this file.
#[derive(Debug, Clone)]
pub struct Principal {
    member: Arc<Member>,
    session: Arc<SessionEntry>,
    snapshot: Snapshot,
    origin: Origin,
}

impl Principal {
    /// Makes the principal of a live session, or says why there is none.
    pub async fn of_session(policy: &PolicyTable, sid: &SessionId, origin: Origin) -> Result<Self, Refusal> {
        let Some(session) = policy.session(sid).await? else { return Err(Refusal::session_ended()) };
        let Some(member) = policy.member(session.account).await? else {
            return Err(Refusal::session_ended());
        };
        Self::renewed(policy, member, session, origin)
    }

    /// Looks again, after something behind the old one has changed.
    pub fn renew(&self, policy: &PolicyTable) -> Result<Self, Refusal> {
        Self::renewed(policy, Arc::clone(&self.member), Arc::clone(&self.session), self.origin.clone())
    }

    fn renewed(
        policy: &PolicyTable,
        member: Arc<Member>,
        session: Arc<SessionEntry>,
        origin: Origin,
    ) -> Result<Self, Refusal> {
        if !policy.has_lease() {
            return Err(Refusal::lease_lost());
        }
        // First: a session that had ended by the revision of the snapshot is found ended after it. The other way round its
        // end could fall between the two, and the stamp would be current.
        let snapshot = policy.snapshot(&member, &session);
        if !session.is_active() || session.expires_at() <= policy.clock.now_ms() {
            return Err(Refusal::session_ended());
        }
        if !member.facts().enabled {
            return Err(Refusal::session_ended());
        }
        Ok(Self { member, session, snapshot, origin })
    }

    /// The acting account.
    pub fn account(&self) -> AccountId {
        self.session.account
    }

    /// The company that the session works in.
    pub fn company(&self) -> CompanyId {
        self.session.view.company
    }

    /// The session's id.
    pub fn sid(&self) -> &SessionId {
        &self.session.sid
    }

    /// The session.
    pub fn session(&self) -> &Arc<SessionEntry> {
        &self.session
    }

    /// The account as known on this node.
    pub fn member(&self) -> &Arc<Member> {
        &self.member
    }

    /// What the account may do.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// A platform administrator (C23).
    pub fn is_platform(&self) -> bool {
        self.member.facts().is_platform
    }

    /// Answers whether the code is held.
    pub fn holds(&self, code: &str) -> bool {
        self.snapshot.holds(code)
    }

    /// Goes on only with the permission.
    pub fn require(&self, code: &str) -> Result<(), Refusal> {
        if self.holds(code) { Ok(()) } else { Err(Refusal::denied(code)) }
    }

    /// Goes on only as a platform administrator.
    pub fn require_platform(&self) -> Result<(), Refusal> {
        if self.is_platform() { Ok(()) } else { Err(Refusal::denied("platform administrator")) }
    }

    /// The stamp that guards this caller's writes.
    pub fn stamp(&self) -> Stamp {
        self.snapshot.stamp(&self.session.sid)
    }

    /// Says with what he calls, where the token does not tell.
    #[must_use]
    pub fn calling_with(mut self, client: &'static str) -> Self {
        self.origin.client = client;
        self
    }

    /// In whose name the caller's units of work write.
    pub fn author(&self) -> Author {
        Author {
            account: self.account(),
            name: self.member.facts().username.to_string(),
            company: self.company(),
            request_id: self.origin.request_id.clone(),
            ip: self.origin.ip.clone(),
            client: self.origin.client.to_owned(),
        }
    }
}
