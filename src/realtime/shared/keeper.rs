//! Keeps this node's part of the shared view: follows the tabs that come and go, tells all of them again every
//! [`REFRESH`], and everything at once after Redis was away, flushed, or events were lost.
//!
//! What it holds is bounded by the node's own tabs. Nothing waits for it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use livegrant_actors::{AccountId, ConnectionId, OnlineAccount, TabInfo};
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::super::watch::{Event, Feed, Source, queue};
use super::{SharedView, TTL, Telling};

/// Time in which every account is told again: a third of how long it is believed.
const REFRESH: Duration = Duration::from_secs(TTL.as_secs() / 3);

/// Time between two looks whether Redis is there and was not flushed.
const LOOK: Duration = Duration::from_secs(1);

/// Events that wait: what a reconnect storm brings in some seconds. Past it the tabs are compared with the engine.
const EVENTS_WAITING: usize = 16_384;

/// Events that are told in one step.
const EVENTS_AT_ONCE: usize = 500;

/// Connections of one account that are beyond the limit over all nodes; somebody has to close them where they hang.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beyond {
    /// Whose connections.
    pub account: AccountId,
    /// The one that was silent longest first.
    pub connections: Vec<ConnectionId>,
}

/// Whether Redis still held what this node had told before.
#[derive(PartialEq)]
enum Known {
    All,
    Lost,
}

/// Makes the queue of events for [`super::super::watch::Watch::with_shared`].
pub fn feed() -> (Arc<Feed<Event>>, Source<Event>) {
    let (feed, source) = queue("shared", EVENTS_WAITING);
    (Arc::new(feed), source)
}

/// See the head of this file.
pub struct Keeper<Online> {
    view: Arc<SharedView>,
    online: Online,
    beyond: mpsc::Sender<Beyond>,
    again: Arc<Notify>,
    tabs: HashMap<AccountId, HashMap<ConnectionId, TabInfo>>,
    /// Since when Redis is away.
    away: Option<Instant>,
    /// Accounts of which something could not be told. Nobody is added once Redis is away for [`TTL`]: by then it has
    /// forgotten by itself.
    untold: HashSet<AccountId>,
}

impl<Online, Answer> Keeper<Online>
where
    Online: Fn() -> Answer + Send + Sync,
    Answer: Future<Output = Vec<OnlineAccount>> + Send,
{
    /// Takes what it needs: `online` gives all open tabs of this node, `beyond` is told whom to close (bounded; what does
    /// not fit is found again by the next refresh), `again` rings when the bus may have missed something.
    pub fn new(
        view: Arc<SharedView>,
        online: Online,
        beyond: mpsc::Sender<Beyond>,
        again: Arc<Notify>,
    ) -> Self {
        Self { view, online, beyond, again, tabs: HashMap::new(), away: None, untold: HashSet::new() }
    }

    /// Keeps the view for as long as there are events.
    pub async fn run(mut self, mut source: Source<Event>) {
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let turns = REFRESH.as_secs();
        let (mut turn, again) = (0, Arc::clone(&self.again));
        let mut events = Vec::with_capacity(EVENTS_AT_ONCE);
        loop {
            tokio::select! {
                count = source.events.recv_many(&mut events, EVENTS_AT_ONCE) => {
                    if count == 0 {
                        return;
                    }
                    self.follow(events.drain(..)).await;
                }
                () = again.notified() => self.tell_all().await,
                _ = look.tick() => {
                    // Once a round the engine is asked: heartbeats are not told one by one.
                    if turn % turns == 0 || source.take_missed() {
                        self.compare().await;
                    }
                    self.look(turn % turns, turns).await;
                    turn += 1;
                }
            }
        }
    }

    /// Tells what came and went.
    async fn follow(&mut self, events: impl Iterator<Item = Event>) {
        let mut changed: HashMap<AccountId, Option<ConnectionId>> = HashMap::new();
        for Event { account, tab, closed } in events {
            let id = tab.connection_id.clone();
            let newest = changed.entry(account).or_default();
            let tabs = self.tabs.entry(account).or_default();
            if closed.is_some() {
                tabs.remove(&id);
            } else {
                *newest = Some(id.clone());
                tabs.insert(id, tab);
            }
        }
        self.tell(changed).await;
        self.tabs.retain(|_, tabs| !tabs.is_empty());
    }

    /// Makes the tabs what the engine says, and tells of those who are gone.
    async fn compare(&mut self) {
        let open = (self.online)().await;
        let mut gone: HashSet<AccountId> = self.tabs.drain().map(|(account, _)| account).collect();
        for online in open {
            gone.remove(&online.account);
            let tabs = online.tabs.into_iter().map(|tab| (tab.connection_id.clone(), tab));
            self.tabs.insert(online.account, tabs.collect());
        }
        self.tell(gone.into_iter().map(|account| (account, None)).collect()).await;
    }

    /// Looks whether Redis is there and has not forgotten; refreshes the accounts whose turn it is.
    async fn look(&mut self, turn: u64, turns: u64) {
        match self.view.mark().await {
            Ok(true) if self.away.is_none() => {
                let due = self.tabs.keys().filter(|account| account.0.unsigned_abs() % turns == turn);
                // One server of a cluster may have forgotten what it held while the mark is on another.
                if self.tell(due.map(|account| (*account, None)).collect()).await == Known::Lost {
                    self.tell_all().await;
                }
            }
            Ok(_) => {
                self.note_away(None);
                self.tell_all().await;
            }
            Err(error) => self.note_away(Some(&error)),
        }
    }

    async fn tell_all(&mut self) {
        let untold = std::mem::take(&mut self.untold);
        self.tell(self.tabs.keys().chain(&untold).map(|account| (*account, None)).collect()).await;
    }

    async fn tell(&mut self, accounts: HashMap<AccountId, Option<ConnectionId>>) -> Known {
        if self.away.is_some() {
            self.keep_for_later(accounts.into_keys());
            return Known::All;
        }
        if accounts.is_empty() {
            return Known::All;
        }
        let of = |account| self.tabs.get(account).map(|tabs| tabs.values().collect()).unwrap_or_default();
        let tellings = accounts.iter().map(|(account, stays)| Telling {
            account: *account,
            tabs: of(account),
            stays: stays.as_ref(),
        });
        match self.view.tell(tellings.collect()).await {
            Ok(placed) => {
                let lost = placed.iter().any(|placed| !placed.known);
                for (account, placed) in accounts.keys().zip(placed) {
                    if !placed.beyond.is_empty() {
                        metrics::counter!("livegrant_shared_beyond_total")
                            .increment(placed.beyond.len() as u64);
                        let beyond = Beyond { account: *account, connections: placed.beyond };
                        // Full: the next refresh finds them again.
                        let _ = self.beyond.try_send(beyond);
                    }
                }
                if lost { Known::Lost } else { Known::All }
            }
            Err(error) => {
                self.note_away(Some(&error));
                self.keep_for_later(accounts.into_keys());
                Known::All
            }
        }
    }

    fn keep_for_later(&mut self, accounts: impl Iterator<Item = AccountId>) {
        if self.away.is_some_and(|since| since.elapsed() < TTL) {
            self.untold.extend(accounts);
        }
    }

    fn note_away(&mut self, error: Option<&super::SharedError>) {
        match (error, self.away) {
            (Some(error), None) => {
                tracing::warn!(%error, "the shared view of sessions is away; each node's own limit holds");
                self.away = Some(Instant::now());
            }
            (None, Some(_)) => {
                tracing::info!("the shared view of sessions is back");
                self.away = None;
            }
            _ => {}
        }
        metrics::gauge!("livegrant_shared_view_away").set(f64::from(u8::from(self.away.is_some())));
    }
}
