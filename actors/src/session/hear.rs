//! What a tab says, and what the actor does about it.
//!
//! Size, rate and form are checked before a word is understood; what is not understood closes the
//! tab. No word reaches another account (S3-71).

use std::ops::ControlFlow;
use std::task::{Context, Poll};

use bytes::BytesMut;

use super::desk::Desk;
use super::link::Link;
use super::tab::{Stage, Tab, Unacked};
use crate::protocol::client::{ClientMessage, Said};
use crate::protocol::close::CloseReason;
use crate::protocol::frame::{Frame, Transport};
use crate::transport::inbound::{Fault, Heard};

/// Reads of one tab in one turn. 4 (256 KiB): then its siblings have their turn.
const READS: usize = 4;

impl Desk {
    /// Reads what a tab said; registers the waker for more.
    pub fn read(&self, tab: &mut Tab, cx: &mut Context<'_>) {
        for _ in 0..READS {
            if tab.stage == Stage::Gone {
                return;
            }
            let (Link::WebSocket { socket, .. } | Link::Events(socket)) = &tab.link else { return };
            let mut chunk = BytesMut::new();
            let read = socket.poll_read(cx, |buffer| chunk = buffer.split());
            match read {
                Poll::Pending => return,
                Poll::Ready(Ok(1..)) => self.hear(tab, &mut chunk),
                Poll::Ready(Ok(0) | Err(_)) => self.lose(tab),
            }
        }
        // More may wait; the siblings come first.
        cx.waker().wake_by_ref();
    }

    /// Takes bytes from a tab.
    pub fn hear(&self, tab: &mut Tab, chunk: &mut BytesMut) {
        let Link::WebSocket { inbound, .. } = &mut tab.link else { return self.overhear(tab) };
        let limit = self.shard.config.frame_max_bytes;
        let mut inbound = std::mem::take(inbound);
        let (before, mut spoke) = (tab.last_heard, false);
        let result = inbound.feed(chunk, limit, |heard| {
            spoke |= matches!(heard, Heard::Text(_) | Heard::Binary(_));
            self.heard(tab, &heard)
        });
        if inbound.is_unfinished() && !spoke {
            // Pings between fragments must not keep a message alive that never ends.
            tab.last_heard = before;
        }
        if let Link::WebSocket { inbound: place, .. } = &mut tab.link {
            *place = inbound;
        }
        match result {
            Err(Fault::TooLarge) if tab.is_open() => {
                self.close(tab, CloseReason::TooLarge, CloseReason::TooLarge.text());
            }
            Err(Fault::Protocol(text)) if tab.is_open() => self.close(tab, CloseReason::Protocol, text),
            // A closing tab's breach changes nothing: its time runs out.
            Ok(()) | Err(_) => {}
        }
    }

    /// Nothing is to be heard on a stream of events; who goes on talking is cut off.
    fn overhear(&self, tab: &mut Tab) {
        let now = self.now();
        if !tab.allowance.spend(now, self.shard.config.client_messages_per_minute) && tab.is_open() {
            self.close(tab, CloseReason::RateLimited, CloseReason::RateLimited.text());
        }
    }

    fn heard(&self, tab: &mut Tab, heard: &Heard<'_>) -> ControlFlow<()> {
        if let Stage::Closing { until, .. } = tab.stage {
            if matches!(heard, Heard::Close) {
                tab.stage = Stage::Closing { until, peer_closed: true };
                self.answered_close(tab);
                return ControlFlow::Break(());
            }
            return ControlFlow::Continue(());
        }
        let now = self.now();
        if !matches!(heard, Heard::Part) {
            tab.last_heard = now;
        }
        if matches!(heard, Heard::Close) {
            tab.outbox.clear();
            self.part(tab, CloseReason::ClientLeft, CloseReason::ClientLeft.text(), true);
            return ControlFlow::Break(());
        }
        if !tab.allowance.spend(now, self.shard.config.client_messages_per_minute) {
            self.close(tab, CloseReason::RateLimited, CloseReason::RateLimited.text());
            return ControlFlow::Break(());
        }
        match heard {
            Heard::Ping(payload) => {
                tab.outbox.push(Frame::pong(payload), self.bounds());
            }
            Heard::Text(text) => {
                let Some(said) = Said::parse(text) else {
                    self.close(tab, CloseReason::Protocol, "unknown message");
                    return ControlFlow::Break(());
                };
                self.listen(tab, said, now);
            }
            Heard::Binary(_) => {
                self.close(tab, CloseReason::Protocol, "binary messages are not understood");
                return ControlFlow::Break(());
            }
            Heard::Part | Heard::Pong | Heard::Close => {}
        }
        ControlFlow::Continue(())
    }

    fn listen(&self, tab: &mut Tab, said: Said, now: i64) {
        if let Some(n) = said.n {
            if n <= tab.said {
                metrics::counter!("livegrant_replayed_total").increment(1);
                return;
            }
            tab.said = n;
        }
        if said.message != ClientMessage::Ping {
            tab.last_active = now;
        }
        self.obey(tab, said.message, now);
    }

    /// Does what a tab asks.
    pub fn obey(&self, tab: &mut Tab, message: ClientMessage, now: i64) {
        match message {
            ClientMessage::Ping => {
                if tab.link.transport() == Transport::WebSocket {
                    tab.outbox.push(Frame::json_pong(now), self.bounds());
                }
            }
            ClientMessage::Snapshot => self.tell_snapshot(tab),
            ClientMessage::Ack { permission_version } => {
                // Nobody has applied what it was not sent.
                let rev = permission_version.min(tab.state.rev);
                tab.acked = tab.acked.max(Some(rev));
                self.acknowledge(tab, |unacked| unacked.by.is_some_and(|by| by <= rev));
            }
            ClientMessage::Subscribe { topics } => self.subscribe(tab, &topics),
            ClientMessage::Unsubscribe { topics } => self.unsubscribe(tab, &topics),
        }
    }

    pub(super) fn answered_close(&self, tab: &mut Tab) {
        self.acknowledge(tab, |unacked| unacked.by.is_none());
    }

    fn acknowledge(&self, tab: &mut Tab, done: impl Fn(&Unacked) -> bool) {
        let now = self.now();
        tab.unacked.retain(|unacked| {
            let done = done(unacked);
            if done {
                self.shard.receipts.acked(unacked.change, self.account, now);
            }
            !done
        });
    }
}
