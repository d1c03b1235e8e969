//! What the application tells the engine about one signed-in session.
//!
//! The engine asks, it never decides what an account may do. Both traits are called from every
//! shard's thread: no IO, no waiting.

use std::net::IpAddr;
use std::sync::Arc;

use crate::mail::Want;
use crate::protocol::close::CloseReason;
use crate::protocol::envelope::EndCode;
use crate::protocol::ids::{AccountId, ApplicationId, CompanyId, ConnectionId, SessionId};
use crate::protocol::permission::State;
use crate::protocol::position::Position;
use crate::protocol::seal::Key;
use crate::session::TabInfo;

/// One signed-in session, seen through the application's in-memory tables.
pub trait Subject: Send + Sync + 'static {
    /// Gives the account.
    fn account(&self) -> AccountId;
    /// Gives the account's guid.
    fn account_guid(&self) -> &str;
    /// Gives the session.
    fn session(&self) -> &SessionId;
    /// Gives the view: tabs of one account with an equal view share one state.
    fn view(&self) -> (ApplicationId, CompanyId);
    /// Tells whether the session still lives; once `false`, always `false`.
    fn is_active(&self) -> bool;
    /// Gives what the account may do now.
    fn state(&self) -> Arc<State>;
    /// Gives the state that a tab says it has, if it was this account's of late.
    fn state_at(&self, position: &Position) -> Option<Arc<State>>;
    /// Tells whether the session may hear a topic now; asked at subscribe and after every change (S3-71).
    fn may_hear(&self, topic: &str) -> bool;
    /// Says why the session is no longer active, for a tab that learns it without a change.
    fn ending(&self) -> (EndCode, Arc<str>) {
        (EndCode::SessionKicked, Arc::from("the session has ended"))
    }
}

/// Who is at the other end of a tab.
#[derive(Clone, Debug)]
pub struct ClientInfo {
    /// The client's address.
    pub ip: IpAddr,
    /// The browser, in words for an administrator.
    pub browser: Arc<str>,
}

/// A tab that the gateway has authenticated.
pub struct Admission {
    /// The session.
    pub subject: Arc<dyn Subject>,
    /// When the access token ends, UTC ms.
    pub expires_at: i64,
    /// The client.
    pub client: ClientInfo,
    /// What the client asked for.
    pub wishes: Wishes,
}

/// What a client asks for when it opens a tab.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// Control messages on a WebSocket: the sub-protocol `wsp.v1` (C29).
    pub control: bool,
    /// Topics, at most [`TOPICS_MAX`](crate::TOPICS_MAX).
    pub topics: Vec<String>,
    /// Where its stream is to go on.
    pub resume: Option<Position>,
    /// A `hash` in every message (C4).
    pub signed: bool,
    /// Encrypted `data` in every message (C4).
    pub encrypted: bool,
}

/// The clock.
pub trait Time: Send + Sync + 'static {
    /// Gives UTC milliseconds.
    fn now_ms(&self) -> i64;

    /// Gives milliseconds that go on evenly even when the clock is set: for what is measured and never shown. A clock
    /// that nobody sets is its own.
    fn steady_ms(&self) -> i64 {
        self.now_ms()
    }
}

/// The source of new ids.
pub trait Ids: Send + Sync + 'static {
    /// Makes a message id (`UUIDv7` text).
    fn message_id(&self) -> Arc<str>;
    /// Makes a connection id.
    fn connection_id(&self) -> ConnectionId;
    /// Makes a key; from a cryptographic source.
    fn key(&self) -> Key;
}

/// Is told of every tab that comes and goes, from every shard's thread: no IO, no waiting.
pub trait Observer: Send + Sync + 'static {
    /// A tab was opened.
    fn opened(&self, account: AccountId, tab: &TabInfo);
    /// A tab is closed or closing.
    fn closed(&self, account: AccountId, tab: &TabInfo, reason: CloseReason);
    /// Tabs need to be told from the database how an inbox stands; answers whether there was room for it. Who has no
    /// inboxes answers nothing.
    fn wants(&self, want: Want) -> bool {
        drop(want);
        true
    }
}

/// Does not look.
pub struct Nobody;

impl Observer for Nobody {
    fn opened(&self, _: AccountId, _: &TabInfo) {}
    fn closed(&self, _: AccountId, _: &TabInfo, _: CloseReason) {}
}
