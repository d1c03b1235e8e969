//! The handle's part for inboxes: a change reaches this node's tabs, and the nodes that hold further ones; answers from
//! the database are for this node's tabs alone.
//!
//! What does not fit the bus travels as its revisions: whoever holds a tab asks. What is lost is found by whoever compares
//! revisions with the database ([`EngineHandle::compare_mail`]).

use std::sync::Arc;

use futures_util::future::join_all;

use super::reach::{CHANNELS_AT_ONCE, report};
use super::{Signal, wire};
use crate::bus::PAYLOAD_MAX;
use crate::change::Audience;
use crate::handle::{EngineError, EngineHandle};
use crate::mail::{Answer, Content, Parcel};
use crate::protocol::ids::{AccountId, CompanyId};
use crate::registry::{Answers, Parcels, Views};

/// Accounts named in one message to all nodes. 10,000: at most 400 KB of ids and revisions, below the largest payload.
const NAMED_AT_ONCE: usize = 10_000;
/// A part of what fits the bus is the message's own words.
const CONTENT_MAX: usize = PAYLOAD_MAX / 2;

impl EngineHandle {
    /// Says at which revisions inboxes are, as the database has it: tabs here that are behind ask.
    ///
    /// # Errors
    /// When a shard is gone.
    pub async fn compare_mail(&self, at: &[(AccountId, i64)]) -> Result<(), EngineError> {
        self.mail_here(at, None).await
    }

    /// Carries a committed change of inboxes, each at its revision, to their accounts' tabs on this node; without its
    /// content they have to ask.
    ///
    /// # Errors
    /// When a shard is gone.
    pub async fn mail_here(
        &self,
        to: &[(AccountId, i64)],
        content: Option<&Arc<Content>>,
    ) -> Result<(), EngineError> {
        let mut parts: Vec<Vec<(AccountId, i64)>> = vec![Vec::new(); self.0.shards.len()];
        for (account, rev) in to {
            parts[self.shard_index(*account)].push((*account, *rev));
        }
        let asked = self.0.shards.iter().zip(parts).filter(|(_, to)| !to.is_empty());
        let asked = asked.map(|(shard, to)| shard.ask(Parcels { to, content: content.cloned() }));
        join_all(asked).await.into_iter().collect()
    }

    /// Tells the other nodes of a committed change of inboxes; a hint, as all that goes over the bus.
    pub async fn mail_elsewhere(&self, to: &[(AccountId, i64)], content: &Arc<Content>) {
        if self.bus().is_alone() {
            return;
        }
        let fits = wire::write(&**content).is_some_and(|text| text.len() <= CONTENT_MAX);
        let content = fits.then(|| Arc::clone(content));
        if to.len() <= CHANNELS_AT_ONCE {
            let signals = to.iter().map(|(account, rev)| {
                let parcel = Parcel { account: *account, rev: *rev, content: content.clone() };
                async move { self.signal(*account, &Signal::Mail(parcel)).await }
            });
            join_all(signals).await;
            return;
        }
        for part in to.chunks(NAMED_AT_ONCE) {
            let content = content.as_deref().cloned();
            report(self.post().mail(part.to_vec(), content).await);
        }
    }

    /// Takes answers from the database to this node's tabs.
    ///
    /// # Errors
    /// When a shard is gone.
    pub async fn answer(&self, answers: Vec<Answer>) -> Result<(), EngineError> {
        let mut parts: Vec<Vec<Answer>> = self.0.shards.iter().map(|_| Vec::new()).collect();
        for answer in answers {
            parts[self.shard_index(answer.account)].push(answer);
        }
        let asked = self.0.shards.iter().zip(parts).filter(|(_, part)| !part.is_empty());
        join_all(asked.map(|(shard, part)| shard.ask(Answers(part)))).await.into_iter().collect()
    }

    /// Names the accounts with a tab here that an audience means, with their tabs' companies.
    pub async fn views(&self, audience: &Audience) -> Vec<(AccountId, CompanyId)> {
        let (parts, _) = self.parts(audience);
        let asked = self.0.shards.iter().zip(parts);
        let asked = asked.map(|(shard, accounts)| shard.ask(Views { audience: audience.clone(), accounts }));
        join_all(asked).await.into_iter().flatten().flatten().collect()
    }
}
