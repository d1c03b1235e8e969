//! Watches tabs come and go for the application: hands each of both to the records, the presence, the shared view
//! and the bans, and what they ask to the postman. Called from every shard's thread, so it neither reads nor waits: bounded queues, and for the few offences one short lock.
//! A queue that is full loses the event and says so; who reads it then compares with the engine.

use super::bans::{Bans, Offence};
use super::dismissed::Dismissed;
use super::postman::Letterbox;
use super::presence::Listeners;
use crate::clock::Clock;
use livegrant_actors::{AccountId, CloseReason, Observer, TabInfo, Transport, Want, stream_name};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{self, Receiver, Sender};

/// A tab that came or went.
#[derive(Debug, Clone)]
pub struct Event {
    /// Whose tab.
    pub account: AccountId,
    /// The tab as it was then.
    pub tab: TabInfo,
    /// When and why it was closed; `None`: it was opened.
    pub closed: Option<(i64, CloseReason)>,
}

/// The end of a queue that shards put events into.
#[derive(Debug)]
pub struct Feed<T> {
    sender: Sender<T>,
    missed: Arc<AtomicBool>,
    name: &'static str,
}

/// The end of a queue that its task takes events out of.
#[derive(Debug)]
pub struct Source<T> {
    /// The events.
    pub events: Receiver<T>,
    missed: Arc<AtomicBool>,
}

/// Makes a queue of at most `bound` events; its name is the label of what is counted.
pub fn queue<T>(name: &'static str, bound: usize) -> (Feed<T>, Source<T>) {
    let (sender, events) = mpsc::channel(bound);
    let missed = Arc::new(AtomicBool::new(false));
    (Feed { sender, missed: Arc::clone(&missed), name }, Source { events, missed })
}

impl<T> Feed<T> {
    /// Puts an event in, if there is room.
    pub fn put(&self, event: T) {
        if let Err(TrySendError::Full(_)) = self.sender.try_send(event) {
            self.missed.store(true, Ordering::Release);
            metrics::counter!("livegrant_watch_overflows_total", "queue" => self.name).increment(1);
        }
    }

    /// Says that events may have been lost.
    pub fn miss(&self) {
        self.missed.store(true, Ordering::Release);
    }

    /// Waits for room.
    pub async fn put_waiting(&self, event: T) {
        // Nobody reads any more: the process stops.
        let _ = self.sender.send(event).await;
    }

    /// Answers how many events wait.
    pub fn waiting(&self) -> usize {
        self.sender.max_capacity() - self.sender.capacity()
    }
}

impl<T> Source<T> {
    /// Answers, once, whether events were lost since the last time.
    pub fn take_missed(&self) -> bool {
        self.missed.swap(false, Ordering::AcqRel)
    }
}

/// See the head of this file.
#[derive(Debug)]
pub struct Watch {
    clock: Clock,
    records: Arc<Feed<super::recorder::Note>>,
    presence: Arc<Listeners>,
    shared: Option<Arc<Feed<Event>>>,
    bans: Arc<Bans>,
    dismissed: Arc<Dismissed>,
    letterbox: Letterbox,
}

impl Watch {
    /// Takes whom to tell.
    pub fn new(
        clock: Clock,
        records: Arc<Feed<super::recorder::Note>>,
        presence: Arc<Listeners>,
        bans: Arc<Bans>,
        dismissed: Arc<Dismissed>,
        letterbox: Letterbox,
    ) -> Self {
        Self { clock, records, presence, shared: None, bans, dismissed, letterbox }
    }

    /// Tells the shared view too.
    #[must_use]
    pub fn with_shared(self, shared: Arc<Feed<Event>>) -> Self {
        Self { shared: Some(shared), ..self }
    }

    fn tell(&self, event: Event) {
        if self.presence.is_any() {
            self.presence.feed(event.clone());
        }
        if let Some(shared) = &self.shared {
            shared.put(event.clone());
        }
        self.records.put(super::recorder::Note::Event(Box::new(event)));
    }
}

impl Observer for Watch {
    fn wants(&self, want: Want) -> bool {
        self.letterbox.put(want)
    }

    fn opened(&self, account: AccountId, tab: &TabInfo) {
        self.tell(Event { account, tab: tab.clone(), closed: None });
    }

    fn closed(&self, account: AccountId, tab: &TabInfo, reason: CloseReason) {
        let now = self.clock.now_ms();
        let offence = match reason {
            CloseReason::Protocol => Some(Offence::Protocol),
            CloseReason::TooLarge => Some(Offence::TooLarge),
            CloseReason::RateLimited => Some(Offence::Flood),
            _ => None,
        };
        if let Some(offence) = offence {
            self.bans.note(tab.ip, Some(account), offence, now);
        }
        if reason == CloseReason::Replaced && tab.transport == Transport::Sse {
            self.dismissed.note_here(stream_name(&tab.connection_id), now);
        }
        self.tell(Event { account, tab: tab.clone(), closed: Some((now, reason)) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_does_not_fit_is_lost_and_said_once() {
        let (feed, mut source) = queue("test", 2);
        for event in 1..=3 {
            feed.put(event);
        }
        assert_eq!(feed.waiting(), 2);
        assert!(source.take_missed() && !source.take_missed());
        assert_eq!((source.events.recv().await, source.events.recv().await), (Some(1), Some(2)));
        feed.put(4);
        assert_eq!(source.events.recv().await, Some(4));
        assert!(!source.take_missed());
    }
}
