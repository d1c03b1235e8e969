//! The handle's part that reaches over nodes: this node's own tabs first, then whoever hears it elsewhere.

use futures_util::future::join_all;

use super::{Post, Signal, wire};
use crate::bus::{BusError, Channel};
use crate::change::{Audience, Publication};
use crate::handle::{EngineError, EngineHandle};
use crate::protocol::close::CloseReason;
use crate::protocol::ids::{AccountId, ConnectionId, SessionId};
use crate::session::Extend;

/// Accounts that are told on their own channels; for more of them one message to all nodes is cheaper.
pub(super) const CHANNELS_AT_ONCE: usize = 32;

impl EngineHandle {
    /// Gives the way of news and questions between nodes.
    pub fn post(&self) -> &Post {
        &self.0.post
    }

    /// Carries a message that is no change to the tabs that take it, on every node. What another node misses is lost with
    /// the bus; whoever must be sure keeps it in the database.
    ///
    /// # Errors
    /// When a shard is gone.
    pub async fn publish(&self, publication: Publication) -> Result<(), EngineError> {
        let told = self.publish_here(publication.clone()).await;
        report(self.publish_elsewhere(&publication).await);
        told
    }

    /// Carries the same to the tabs on the other nodes.
    ///
    /// # Errors
    /// When not every part of it could be sent.
    pub async fn publish_elsewhere(&self, publication: &Publication) -> Result<(), BusError> {
        if self.0.bus.is_alone() {
            return Ok(());
        }
        let accounts = match &publication.audience {
            Audience::Accounts(accounts) if accounts.len() <= CHANNELS_AT_ONCE => accounts,
            _ => return self.0.post.publish(publication.clone()).await,
        };
        let signals = accounts.iter().map(|account| {
            let audience = Audience::Accounts([*account].into());
            let signal = Signal::Publish(Publication { audience, ..publication.clone() });
            async move { self.try_signal(*account, &signal).await }
        });
        join_all(signals).await.into_iter().collect()
    }

    /// Tells the nodes on which an account has a tab.
    pub(super) async fn signal(&self, account: AccountId, signal: &Signal) {
        if !self.0.bus.is_alone() {
            report(self.try_signal(account, signal).await);
        }
    }

    async fn try_signal(&self, account: AccountId, signal: &Signal) -> Result<(), BusError> {
        match wire::write(signal) {
            Some(payload) => self.0.bus.publish(Channel::Account(account), payload).await,
            None => Ok(()),
        }
    }

    /// Asks every other node to close a tab of the account, if it is there.
    pub async fn close_elsewhere(&self, account: AccountId, connection: &ConnectionId, reason: CloseReason) {
        self.signal(account, &Signal::Close { connection: connection.clone(), reason }).await;
    }

    /// Notes that a session's token was refreshed: its tabs live until `expires_at` (UTC ms).
    pub async fn extend(&self, account: AccountId, session: &SessionId, expires_at: i64) {
        let extend = Extend { session: session.clone(), expires_at };
        // Who has no tabs has nothing to prolong.
        let _ = self.ask_account(account, extend).await;
        self.signal(account, &Signal::Extend { session: session.clone(), expires_at }).await;
    }
}

/// A hint that was not sent is counted by the bus; what it hinted at is found without it.
pub(super) fn report(sent: Result<(), BusError>) {
    if let Err(error) = sent {
        tracing::debug!(%error, "other nodes were not told");
    }
}
