//! What a hand writes down of everything that its tabs hear, and how they answer.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::frame::{Op, find, masked};
use crate::order::{Kind, Tally};
use crate::tab::{Stage, Tab, kind_of, text_behind};

/// What is waited for: which frame, since when, and when it came.
pub struct Watch {
    /// The kind.
    pub kind: Kind,
    /// Of this account alone.
    pub account: Option<usize>,
    /// Names the round: a tab counts once in each.
    pub round: u32,
    /// When the clock started.
    pub since: Instant,
    /// Arrivals, in microseconds.
    pub micros: Vec<u64>,
    /// The last such frame.
    pub frame: Vec<u8>,
}

/// The book.
#[derive(Default)]
pub struct Book {
    /// What is waited for.
    pub watch: Option<Watch>,
    /// Permission frames are acknowledged later, not at once.
    pub acks_wait: bool,
    /// The incarnation of the policy log, as the last permission frame named it.
    pub epoch: String,
    /// Pongs to JSON pings.
    pub pongs: usize,
    frames: BTreeMap<Kind, u64>,
    closed: BTreeMap<u16, u64>,
    faults: BTreeMap<String, u64>,
}

impl Book {
    /// Notes a frame and lets the tab answer it.
    pub fn heard(&mut self, tab: &mut Tab, op: Op, text: &[u8], whole: &[u8]) {
        match op {
            Op::Text => self.told(tab, text, whole),
            Op::Ping => tab.send(&masked(Op::Pong, text)),
            Op::Pong => {}
            Op::Close => {
                let code = text.get(..2).map_or(1005, |code| u16::from_be_bytes([code[0], code[1]]));
                *self.closed.entry(code).or_default() += 1;
                tab.send(&masked(Op::Close, text.get(..2).unwrap_or_default()));
                tab.leave();
            }
        }
    }

    fn told(&mut self, tab: &mut Tab, text: &[u8], whole: &[u8]) {
        let kind = kind_of(text);
        *self.frames.entry(kind).or_default() += 1;
        match kind {
            Kind::PermissionUpdate => {
                tab.learn(text);
                tab.settled = true;
                if let Some(epoch) = text_behind(text, b"\"epoch\":\"")
                    && epoch != self.epoch.as_bytes()
                {
                    self.epoch = String::from_utf8_lossy(epoch).into_owned();
                }
                if self.acks_wait {
                    tab.unacked = true;
                } else {
                    tab.acknowledge();
                }
            }
            Kind::Checkpoint => tab.settled = true,
            // "You are current": no state follows.
            Kind::Connected if find(text, b"\"current\"").is_some() => tab.settled = true,
            Kind::Pong => self.pongs += 1,
            _ => {}
        }
        self.watched(tab, kind, whole);
    }

    fn watched(&mut self, tab: &mut Tab, kind: Kind, whole: &[u8]) {
        let Some(watch) = &mut self.watch else { return };
        if watch.kind == kind
            && tab.round != watch.round
            && watch.account.is_none_or(|account| account == tab.account)
        {
            tab.round = watch.round;
            watch.micros.push(watch.since.elapsed().as_micros() as u64);
            watch.frame.clear();
            watch.frame.extend_from_slice(whole);
        }
    }

    /// Notes a connection that ended without a close.
    pub fn ended(&mut self, tab: &Tab) {
        if tab.stage == Stage::Open {
            *self.closed.entry(1006).or_default() += 1;
        } else {
            self.fault("the connection ended before the handshake was answered".to_owned());
        }
    }

    /// Notes what should not have happened.
    pub fn fault(&mut self, words: String) {
        *self.faults.entry(words).or_default() += 1;
    }

    /// Answers what was written down.
    pub fn tally(&self) -> Tally {
        Tally {
            frames: self.frames.iter().map(|(kind, count)| (*kind, *count)).collect(),
            closed: self.closed.iter().map(|(code, count)| (*code, *count)).collect(),
            faults: self.faults.iter().map(|(words, count)| (words.clone(), *count)).collect(),
            ..Tally::default()
        }
    }
}
