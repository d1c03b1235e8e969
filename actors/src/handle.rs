//! The handle that hides every actor's address.
//!
//! Requests to a shard hold a permit until they are answered: that is the bound of the shard's
//! mailbox (an `Addr`'s own bound does not hold for `send`), and callers wait, nothing is dropped.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix::dev::ToEnvelope;
use actix::{Actor, Addr, Handler, Message};
use actix_rt::ArbiterHandle;
use bytes::Bytes;
use futures_util::future::join_all;
use tokio::sync::{Semaphore, watch};

use crate::bus::Bus;
use crate::change::{Audience, Change, Effect, Publication};
use crate::cluster::Post;
use crate::config::EngineConfig;
use crate::counters::{Counters, EngineStats, Seat};
use crate::notices::{Noted, Notices};
use crate::protocol::close::CloseReason;
use crate::protocol::ids::{AccountId, ConnectionId, Rev, SessionId};
use crate::receipts::{Receipt, Receipts};
use crate::registry::{
    Absent, Attach, Carry, Census, DrainTabs, FindTrace, Listeners, Registry, Spread, ToAccount,
};
use crate::session::{Acknowledge, Adopt, Arrival, CloseTab, Follow, OnlineAccount, Poll, Polled};
use crate::subject::{Admission, Time};
use crate::trace::{Trace, TracedMessage, TracedTab};
use crate::transport::ws;

/// Why a tab is not let in, before its handshake is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Every place on the node is taken.
    #[error("the node is full")]
    Full,
    /// The node is going away.
    #[error("the node is draining")]
    Draining,
}

/// Why a socket could not become a tab; the client was told as far as it listens.
#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    /// It is not let in.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The shard or the session actor died.
    #[error("the shard is gone")]
    ShardGone,
    /// The socket is already broken.
    #[error("the socket is broken")]
    Socket(#[source] std::io::Error),
}

/// Why the engine could not do what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// A shard died; the process should end.
    #[error("a shard of the engine is gone")]
    ShardGone,
}

/// The way to a running engine; clones share it.
#[derive(Clone)]
pub struct EngineHandle(pub(crate) Arc<Parts>);

pub(crate) struct Parts {
    pub config: Arc<EngineConfig>,
    pub shards: Vec<ShardRef>,
    pub counters: Arc<Counters>,
    pub receipts: Arc<Receipts>,
    pub notices: Arc<Notices>,
    pub bus: Arc<dyn Bus>,
    pub post: Post,
    pub time: Arc<dyn Time>,
    /// Kept so that `failed` waits for ever when nothing fails.
    pub failure: watch::Sender<Option<String>>,
    pub failed: watch::Receiver<Option<String>>,
    pub stopping: Arc<AtomicBool>,
}

pub(crate) struct ShardRef {
    addr: Addr<Registry>,
    arbiter: ArbiterHandle,
    permits: Semaphore,
}

impl ShardRef {
    pub fn new(addr: Addr<Registry>, arbiter: ArbiterHandle, permits: usize) -> Self {
        Self { addr, arbiter, permits: Semaphore::new(permits.max(1)) }
    }

    pub(crate) async fn ask<M>(&self, message: M) -> Result<M::Result, EngineError>
    where
        M: Message + Send + 'static,
        M::Result: Send,
        Registry: Handler<M>,
        <Registry as Actor>::Context: ToEnvelope<Registry, M>,
    {
        let _permit = self.permits.acquire().await.map_err(|_| EngineError::ShardGone)?;
        self.addr.send(message).await.map_err(|_| EngineError::ShardGone)
    }
}

impl EngineHandle {
    pub(crate) fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// Tells whether a new tab has a place, before its handshake is answered.
    ///
    /// # Errors
    /// Why not.
    pub fn admit(&self, account: AccountId, ip: IpAddr) -> Result<(), Refused> {
        let refused = if self.0.counters.is_draining() {
            Refused::Draining
        } else if self.0.counters.tabs() >= self.0.config.max_tabs {
            Refused::Full
        } else {
            return Ok(());
        };
        tracing::warn!(account = account.0, %ip, reason = %refused, "connection refused");
        count_connection("refused");
        Err(refused)
    }

    /// Makes a socket, whose handshake was answered with 101, a tab of its account.
    ///
    /// # Errors
    /// When it could not become one; the socket is closed.
    pub async fn attach(
        &self,
        stream: std::net::TcpStream,
        leftover: Bytes,
        admission: Admission,
    ) -> Result<ConnectionId, AttachError> {
        let seat = self.seat(&admission).inspect_err(|refused| match refused {
            Refused::Full => ws::turn_away(&stream, CloseReason::TryLater),
            Refused::Draining => ws::turn_away(&stream, CloseReason::Restart),
        })?;
        self.adopt(Arrival::WebSocket { stream, leftover }, admission, seat).await
    }

    /// Makes a socket, whose request for events was read, a tab of its account; `head` is the head of the answer.
    ///
    /// # Errors
    /// When it could not become one; the socket is closed.
    pub async fn attach_events(
        &self,
        stream: std::net::TcpStream,
        head: Bytes,
        admission: Admission,
    ) -> Result<ConnectionId, AttachError> {
        let seat = self.seat(&admission)?;
        self.adopt(Arrival::Events { stream, head }, admission, seat).await
    }

    /// Opens a tab for a client that polls.
    ///
    /// # Errors
    /// When there is no place.
    pub async fn open_poll(&self, admission: Admission) -> Result<ConnectionId, AttachError> {
        let seat = self.seat(&admission)?;
        self.adopt(Arrival::Poll, admission, seat).await
    }

    /// Waits up to `wait` for messages of a polling tab; `None` when the session has no such tab.
    ///
    /// `cursor` is the last batch that arrived, `ack` the revision that was applied. A batch that is not
    /// asked past is given again.
    pub async fn poll(
        &self,
        account: AccountId,
        session: &SessionId,
        connection: &ConnectionId,
        (cursor, ack): (u64, Option<Rev>),
        wait: Duration,
    ) -> Option<Polled> {
        let poll = Poll { connection: connection.clone(), session: session.clone(), cursor, ack };
        let answered = self.ask_account(account, poll).await??;
        let answer = tokio::time::timeout(wait, answered).await;
        // Nothing to say yet, or a newer poll of the same tab waits now.
        Some(answer.ok().and_then(Result::ok).unwrap_or(Polled { cursor, ..Polled::default() }))
    }

    /// Notes what a tab has applied, for clients that cannot say so on their stream; answers whether the session has
    /// such a tab.
    pub async fn acknowledge(
        &self,
        account: AccountId,
        session: &SessionId,
        connection: &ConnectionId,
        rev: Rev,
    ) -> bool {
        let acknowledge = Acknowledge { connection: connection.clone(), session: session.clone(), rev };
        self.ask_account(account, acknowledge).await.unwrap_or(false)
    }

    fn seat(&self, admission: &Admission) -> Result<Seat, Refused> {
        self.admit(admission.subject.account(), admission.client.ip)?;
        Seat::take(&self.0.counters, self.0.config.max_tabs).ok_or(Refused::Full)
    }

    async fn adopt(
        &self,
        arrival: Arrival,
        admission: Admission,
        seat: Seat,
    ) -> Result<ConnectionId, AttachError> {
        let account = admission.subject.account();
        let adopt = Adopt { arrival, admission, seat, since: 0 };
        let asked = self.shard(account).ask(Attach(account, adopt)).await;
        let result = asked.unwrap_or(Err(AttachError::ShardGone));
        count_connection(if result.is_ok() { "accepted" } else { "failed" });
        result
    }

    /// Asks an account's session actor; `None` when it has none, or its shard is dead (`failed` reports that).
    pub(crate) async fn ask_account<M>(&self, account: AccountId, message: M) -> Option<M::Result>
    where
        M: Message + Send + 'static,
        M::Result: Send,
        Registry: Handler<ToAccount<M>>,
        <Registry as Actor>::Context: ToEnvelope<Registry, ToAccount<M>>,
    {
        self.shard(account).ask(ToAccount(account, message)).await.ok().flatten()
    }

    /// Carries a committed change to every tab that it may concern; answers when every shard has accepted it.
    ///
    /// Waits while a shard is busy, and drops nothing.
    ///
    /// # Errors
    /// When a shard is gone.
    pub async fn apply(&self, change: Change) -> Result<(), EngineError> {
        let rev = change.rev;
        self.0.receipts.open(rev, change.accepted_at);
        if let Effect::Notice(notice) = &change.effect {
            let (notice, operator) = (notice.clone(), change.operator.clone());
            // Before it is told: a tab that comes meanwhile has it from one of both.
            let audience = change.audience.clone();
            self.0.notices.add(Noted { seq: rev.0, notice, operator, audience });
        }
        let (parts, everywhere) = self.parts(&change.audience);
        let way = self.0.receipts.set_out(rev);
        let change = Arc::new(change);
        let asked = self.0.shards.iter().zip(parts).filter(|(_, part)| everywhere || !part.is_empty()).map(
            |(shard, accounts)| {
                shard.ask(Carry { change: Arc::clone(&change), accounts, way: Arc::clone(&way) })
            },
        );
        let answers = join_all(asked).await;
        answers.into_iter().collect::<Result<(), _>>()?;
        self.0.receipts.applied(rev, self.0.time.now_ms());
        Ok(())
    }

    /// Carries a message that is no change to the tabs of this node that take it.
    ///
    /// # Errors
    /// When a shard is gone.
    pub async fn publish_here(&self, publication: Publication) -> Result<(), EngineError> {
        let (parts, everywhere) = self.parts(&publication.audience);
        let publication = Arc::new(publication);
        let asked =
            self.0.shards.iter().zip(parts).filter(|(_, part)| everywhere || !part.is_empty()).map(
                |(shard, accounts)| shard.ask(Spread { publication: Arc::clone(&publication), accounts }),
            );
        join_all(asked).await.into_iter().collect()
    }

    /// Divides an audience among the shards; tells whether every shard is concerned.
    pub(crate) fn parts(&self, audience: &Audience) -> (Vec<Vec<AccountId>>, bool) {
        let mut parts: Vec<Vec<AccountId>> = vec![Vec::new(); self.0.shards.len()];
        let Audience::Accounts(accounts) = audience else { return (parts, true) };
        for account in accounts.iter() {
            parts[self.shard_index(*account)].push(*account);
        }
        (parts, false)
    }

    /// Takes over the notices that were told before this start, oldest first; `forgotten` is the place of the last
    /// one that is not among them.
    pub fn recall(&self, notices: Vec<Noted>, forgotten: i64) {
        self.0.notices.recall(notices, forgotten);
    }

    /// Follows a message of late to each tab; `None` when it is not remembered.
    pub async fn trace(&self, message_id: &str) -> Option<TracedMessage> {
        let asked = self.0.shards.iter().map(|shard| shard.ask(FindTrace(message_id.into())));
        let trace = join_all(asked).await.into_iter().find_map(|found| found.ok().flatten())?;
        let followed = self.ask_account(trace.account, Follow(Arc::clone(&trace))).await;
        let tabs = followed.map_or_else(
            || trace.tabs.iter().map(|told| TracedTab::new(told, trace.rev, None)).collect(),
            |followed| followed.0,
        );
        let Trace { message_id, account, kind, rev, at, .. } = (*trace).clone();
        Some(TracedMessage { message_id, account, kind, rev, at, tabs })
    }

    /// Gives the receipts that have filled since the last call, for whoever shows them live.
    pub fn changed_receipts(&self) -> Vec<Rev> {
        self.0.receipts.take_changed()
    }

    /// Names the accounts of which a tab listens to a topic.
    pub async fn listeners(&self, topic: &str) -> Vec<AccountId> {
        let topic: Arc<str> = topic.into();
        let asked = self.0.shards.iter().map(|shard| shard.ask(Listeners(Arc::clone(&topic))));
        join_all(asked).await.into_iter().flatten().flatten().collect()
    }

    /// Names those of these accounts that have no tab here.
    pub async fn absent(&self, accounts: &[AccountId]) -> Vec<AccountId> {
        let (parts, _) = self.parts(&Audience::Accounts(accounts.into()));
        let asked = self.0.shards.iter().zip(parts).map(|(shard, part)| shard.ask(Absent(part)));
        join_all(asked).await.into_iter().flatten().flatten().collect()
    }

    /// Lists the accounts with an open tab, by account.
    pub async fn online(&self) -> Vec<OnlineAccount> {
        let answers = join_all(self.0.shards.iter().map(|shard| shard.ask(Census))).await;
        let mut online: Vec<_> = answers.into_iter().flatten().flatten().collect();
        online.sort_unstable_by_key(|online| online.account);
        online
    }

    /// Closes one tab of this node; answers whether it was open.
    pub async fn close_tab(
        &self,
        account: AccountId,
        connection: &ConnectionId,
        reason: CloseReason,
    ) -> bool {
        let close = CloseTab { connection: connection.clone(), reason };
        self.ask_account(account, close).await.unwrap_or(false)
    }

    /// Gives what became of a change, if it is still kept.
    pub fn receipt(&self, rev: Rev) -> Option<Receipt> {
        self.0.receipts.get(rev)
    }

    /// Gives what became of the newest change.
    pub fn latest_receipt(&self) -> Option<Receipt> {
        self.0.receipts.latest()
    }

    /// Gives what the engine counts.
    pub fn stats(&self) -> EngineStats {
        self.0.counters.stats()
    }

    /// Gives the bus that the engine was started with.
    pub fn bus(&self) -> &Arc<dyn Bus> {
        &self.0.bus
    }

    /// Tells whether every shard lives; for readiness.
    ///
    /// # Errors
    /// What has failed, in words.
    pub fn healthy(&self) -> Result<(), String> {
        if let Some(failure) = self.0.failed.borrow().as_ref() {
            return Err(failure.clone());
        }
        match self.0.shards.iter().position(|shard| !shard.addr.connected()) {
            Some(index) => Err(format!("registry shard {index} is gone")),
            None => Ok(()),
        }
    }

    /// Waits until a shard fails, and says what happened; the process should log it and end.
    pub async fn failed(&self) -> String {
        let mut failed = self.0.failure.subscribe();
        match failed.wait_for(Option::is_some).await {
            Ok(failure) => failure.clone().unwrap_or_default(),
            // The handle holds the sender, so this does not come.
            Err(_) => std::future::pending().await,
        }
    }

    /// Lets no new tab in, sends the present ones away (1012) spread over the window, and waits until they are gone.
    ///
    /// Answers at the latest when the window and the grace for closing are over.
    pub async fn drain(&self, window: Duration) {
        self.0.counters.draining.store(true, Ordering::Release);
        join_all(self.0.shards.iter().map(|shard| shard.ask(DrainTabs(window)))).await;
        let last = window + self.0.config.close_grace + self.0.config.sweep_interval;
        let empty = async {
            loop {
                let rung = self.0.counters.empty.notified();
                if self.0.counters.tabs() == 0 {
                    return;
                }
                rung.await;
            }
        };
        if tokio::time::timeout(last, empty).await.is_err() {
            tracing::warn!(tabs = self.0.counters.tabs(), "drain ended with open tabs");
        }
    }

    /// Stops the engine's arbiters; tabs that are still open are cut.
    pub fn stop(&self) {
        self.0.counters.draining.store(true, Ordering::Release);
        self.0.stopping.store(true, Ordering::Release);
        for shard in &self.0.shards {
            shard.arbiter.stop();
        }
    }

    fn shard(&self, account: AccountId) -> &ShardRef {
        &self.0.shards[self.shard_index(account)]
    }

    pub(crate) fn shard_index(&self, account: AccountId) -> usize {
        (spread(account) % self.0.shards.len() as u64) as usize
    }
}

/// Spreads account ids evenly (Fibonacci hashing).
pub(crate) fn spread(account: AccountId) -> u64 {
    (account.0 as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32
}

fn count_connection(result: &'static str) {
    metrics::counter!("websocket_connections_total", "result" => result).increment(1);
}
