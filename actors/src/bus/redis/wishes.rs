//! Which channels a line wants, and which it hears.
//!
//! One entry a channel, whatever is asked how often: the table is bounded by what exists (the accounts with a tab on this
//! node, and two channels more), and who asks waits for the answer himself, so nothing queues. A channel that is left is
//! unsubscribed [`LINGER`] later: a tab that reloads costs no command.

use std::collections::HashMap;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::super::{BusError, Channel};

/// How long a channel is still heard after it was left. A page that reloads is back within a second or two, a node that
/// restarts its tabs' connections within five.
pub(super) const LINGER: Duration = Duration::from_secs(5);

/// What a caller of `listen` waits for.
pub(super) type Reply = oneshot::Sender<Result<(), BusError>>;

#[derive(Default)]
pub(super) struct Wishes {
    channels: HashMap<Channel, Wish>,
    /// New channels, and who waits for them.
    fresh: Vec<Channel>,
    waiting: Vec<Reply>,
    /// When the first of the left channels is due; there may be none by then.
    due: Option<Instant>,
    pub link: Link,
    /// Somebody was told that a channel is not heard; once it is, that something may be lost has to be said.
    owed: bool,
}

/// Whether the line's connection is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Link {
    /// The first try, or the first after a break.
    #[default]
    Connecting,
    Up,
    Away(String),
}

#[derive(Clone, Copy)]
struct Wish {
    heard: bool,
    left: Option<Instant>,
}

/// What is to be subscribed, and who waits for it.
pub(super) struct Batch {
    pub channels: Vec<Channel>,
    pub waiting: Vec<Reply>,
    /// Whether [`super::super::Heard::Missed`] is owed for these.
    pub owed: bool,
}

/// What became of a wish.
pub(super) enum Asked {
    /// All channels are heard already.
    Heard,
    /// The answer will come.
    Wait(oneshot::Receiver<Result<(), BusError>>),
    /// The connection is away; the wish is kept.
    Away(String),
}

impl Wishes {
    /// Wants more channels.
    pub fn listen(&mut self, channels: &[Channel]) -> Asked {
        let mut all_heard = true;
        for channel in channels {
            let known = self.channels.get(channel).copied();
            let heard = known.is_some_and(|wish| wish.heard);
            if known.is_none() && !matches!(self.link, Link::Away(_)) {
                self.fresh.push(*channel);
            }
            all_heard &= heard;
            self.channels.insert(*channel, Wish { heard, left: None });
        }
        match &self.link {
            Link::Away(why) => {
                self.owed = true;
                Asked::Away(why.clone())
            }
            Link::Up if all_heard => Asked::Heard,
            _ => {
                let (reply, answer) = oneshot::channel();
                // Whoever gave up leaves an entry behind until the connection is up or given up: a second at most.
                self.waiting.push(reply);
                Asked::Wait(answer)
            }
        }
    }

    /// Does not want channels any more, from [`LINGER`] after `now` on.
    pub fn leave(&mut self, channels: &[Channel], now: Instant) {
        let due = now + LINGER;
        for channel in channels {
            if let Some(wish) = self.channels.get_mut(channel) {
                wish.left = Some(due);
                self.due.get_or_insert(due);
            }
        }
    }

    /// Begins with a new connection: everything that is wanted is to be subscribed again.
    pub fn again(&mut self) -> Batch {
        self.channels.retain(|_, wish| wish.left.is_none());
        self.channels.values_mut().for_each(|wish| wish.heard = false);
        self.fresh.clear();
        self.due = None;
        // Before the lock is given back: what is wanted from now on is in no batch yet, and must not be told that all is away.
        self.link = Link::Connecting;
        Batch {
            channels: self.channels.keys().copied().collect(),
            waiting: std::mem::take(&mut self.waiting),
            owed: std::mem::take(&mut self.owed),
        }
    }

    /// Takes what is new, and who waits.
    pub fn fresh(&mut self) -> Option<Batch> {
        if self.fresh.is_empty() && self.waiting.is_empty() {
            return None;
        }
        Some(Batch {
            channels: std::mem::take(&mut self.fresh),
            waiting: std::mem::take(&mut self.waiting),
            owed: std::mem::take(&mut self.owed),
        })
    }

    /// Takes back what could not be subscribed: the next connection will.
    pub fn put_back(&mut self, batch: Batch) {
        self.waiting.extend(batch.waiting);
        self.owed |= batch.owed;
    }

    /// Notes that channels are heard.
    pub fn heard(&mut self, channels: &[Channel]) {
        for channel in channels {
            if let Some(wish) = self.channels.get_mut(channel) {
                wish.heard = true;
            }
        }
    }

    /// Takes the channels that were left long enough ago.
    pub fn due(&mut self, now: Instant) -> Vec<Channel> {
        if self.due.is_none_or(|due| due > now) {
            return Vec::new();
        }
        let is_due = |wish: &Wish| wish.left.is_some_and(|due| due <= now);
        let left: Vec<_> =
            self.channels.iter().filter(|(_, wish)| is_due(wish)).map(|(channel, _)| *channel).collect();
        self.channels.retain(|_, wish| !is_due(wish));
        self.due = self.channels.values().filter_map(|wish| wish.left).min();
        left
    }

    /// The connection is gone.
    pub fn lost(&mut self, link: Link) {
        if let Link::Away(why) = &link {
            self.owed |= !self.waiting.is_empty();
            for reply in self.waiting.drain(..) {
                let _gone = reply.send(Err(BusError::Unreachable(why.clone())));
            }
            self.fresh.clear(); // all of it is in the table
        }
        self.link = link;
    }

    /// Somebody was told that a channel is not heard.
    pub fn owe(&mut self) {
        self.owed = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::ids::AccountId;

    fn account(id: i64) -> Channel {
        Channel::Account(AccountId(id))
    }

    fn up() -> Wishes {
        Wishes { link: Link::Up, ..Wishes::default() }
    }

    fn fresh(wishes: &mut Wishes) -> Vec<Channel> {
        let mut channels = wishes.fresh().map(|batch| batch.channels).unwrap_or_default();
        channels.sort_unstable();
        wishes.heard(&channels);
        channels
    }

    #[test]
    fn a_channel_is_subscribed_once_however_often_it_is_wanted() {
        let mut wishes = up();
        let _first = wishes.listen(&[account(1), account(2)]);
        let _second = wishes.listen(&[account(2)]);
        assert_eq!(fresh(&mut wishes), [account(1), account(2)]);
        assert!(matches!(wishes.listen(&[account(1)]), Asked::Heard));
        assert_eq!(fresh(&mut wishes), []);
    }

    #[test]
    fn coming_back_within_the_linger_costs_nothing() {
        let (mut wishes, now) = (up(), Instant::now());
        let _asked = wishes.listen(&[account(1), account(2)]);
        fresh(&mut wishes);
        wishes.leave(&[account(1), account(2)], now);
        assert!(matches!(wishes.listen(&[account(1)]), Asked::Heard));
        assert_eq!(wishes.due(now + LINGER), [account(2)]);
        assert_eq!(wishes.due(now + 9 * LINGER), []);
        let _asked = wishes.listen(&[account(2)]);
        assert_eq!(fresh(&mut wishes), [account(2)], "it is subscribed anew");
    }

    #[test]
    fn every_left_channel_gets_its_turn() {
        let (mut wishes, now) = (up(), Instant::now());
        let _asked = wishes.listen(&[account(1), account(2)]);
        fresh(&mut wishes);
        wishes.leave(&[account(1)], now);
        wishes.leave(&[account(2)], now + LINGER / 2);
        assert_eq!(wishes.due(now + LINGER / 2), []);
        assert_eq!(wishes.due(now + LINGER), [account(1)]);
        assert_eq!(wishes.due(now + 2 * LINGER), [account(2)]);
    }

    #[test]
    fn a_wish_is_kept_while_the_connection_is_away() {
        let mut wishes = up();
        wishes.lost(Link::Away("gone".to_owned()));
        assert!(matches!(wishes.listen(&[account(1)]), Asked::Away(_)));
        wishes.lost(Link::Connecting);
        let batch = wishes.again();
        assert!(batch.owed && batch.channels == [account(1)]);
        assert!(!wishes.again().owed, "it is said once");
    }

    #[test]
    fn who_waits_is_told_when_the_connection_cannot_be_made() {
        let mut wishes = Wishes::default();
        let Asked::Wait(mut answer) = wishes.listen(&[account(1)]) else { panic!("it has to wait") };
        wishes.lost(Link::Away("refused".to_owned()));
        assert_eq!(answer.try_recv(), Ok(Err(BusError::Unreachable("refused".to_owned()))));
        assert!(wishes.again().owed);
    }
}
