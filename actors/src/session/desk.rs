//! How a session actor deals with one tab: hear it, tell it, flush it, part from it.
//!
//! Everything here touches one tab only, so that no tab delays another (I11). Last words
//! (`FORCE_LOGOUT`, close) go ahead of all that waits; a closing tab is cut when its time is up.

use std::io;
use std::ops::ControlFlow;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use bytes::BytesMut;
use serde_json::value::RawValue;

use super::outbox::{Bounds, Pushed};
use super::tab::{Stage, Tab, Unacked};
use crate::protocol::client::ClientMessage;
use crate::protocol::close::CloseReason;
use crate::protocol::envelope::{EndCode, Envelope, ForceLogout, MessageType, Operator};
use crate::protocol::frame::{Frame, raw};
use crate::protocol::ids::{AccountId, Rev};
use crate::registry::Shard;
use crate::transport::inbound::{Fault, Heard};

/// Reads of one tab in one turn. 4 (256 KiB): then its siblings have their turn.
const READS: usize = 4;

/// The account's side of its tabs.
pub(super) struct Desk {
    pub shard: Rc<Shard>,
    pub account: AccountId,
    pub guid: Arc<str>,
}

/// A message ready for every tab of the account.
pub(super) struct Letter {
    pub kind: MessageType,
    pub frame: Frame,
    pub message_id: Arc<str>,
}

impl Desk {
    pub fn now(&self) -> i64 {
        self.shard.time.now_ms()
    }

    /// Puts a body into this account's envelope.
    pub fn letter(&self, kind: MessageType, data: &RawValue, operator: Option<&Operator>) -> Letter {
        let message_id = self.shard.ids.message_id();
        let frame = Frame::message(&Envelope {
            kind,
            user_id: self.account,
            user_guid: &self.guid,
            timestamp: self.now(),
            data,
            message_id: &message_id,
            operator,
        });
        Letter { kind, frame, message_id }
    }

    /// Queues a message for a tab.
    pub fn tell(&self, tab: &mut Tab, letter: &Letter, rev: Option<Rev>) {
        let pushed = tab.outbox.push(letter.frame.clone(), self.bounds());
        let result = match pushed {
            Pushed::Queued => {
                self.shard.counters.frames_sent.fetch_add(1, Ordering::Relaxed);
                "sent"
            }
            Pushed::Coalesced => {
                self.shard.counters.count_coalesced();
                "coalesced"
            }
            Pushed::Dropped => {
                self.shard.counters.count_dropped();
                "dropped"
            }
        };
        metrics::counter!("websocket_messages_total", "type" => letter.kind.label(), "result" => result)
            .increment(1);
        tracing::debug!(
            account = self.account.0,
            connection_id = %tab.id,
            sid = %tab.subject.session(),
            message_id = %letter.message_id,
            rev = rev.map(|rev| rev.0),
            message_type = letter.kind.label(),
            result,
            "message pushed"
        );
    }

    /// Tells a tab its whole state as it is now.
    pub fn tell_snapshot(&self, tab: &mut Tab) {
        tab.state = tab.subject.state();
        tab.holders = Arc::clone(&tab.state.holders);
        let reason = Arc::clone(&self.shard.snapshot_reason);
        let parts = self.shard.bodies.borrow_mut().snapshot(&tab.state, &reason);
        for (kind, body) in parts.iter() {
            let letter = self.letter(*kind, body, None);
            self.tell(tab, &letter, Some(tab.state.rev));
        }
    }

    /// Ends a tab because its session ended: last words, then 4501 (I12).
    pub fn end(&self, tab: &mut Tab, code: EndCode, reason: &str, operator: Option<&Operator>) {
        let body = raw(&ForceLogout { reason, code, at: self.now(), sid: tab.subject.session() });
        let letter = self.letter(MessageType::ForceLogout, &body, operator);
        tab.outbox.clear();
        self.tell(tab, &letter, None);
        self.part(tab, CloseReason::SessionEnded, CloseReason::SessionEnded.text(), false);
    }

    /// Closes a tab with a code; the socket is cut when it does not answer in time.
    pub fn close(&self, tab: &mut Tab, reason: CloseReason, text: &str) {
        let polite = matches!(
            reason,
            CloseReason::Restart
                | CloseReason::TokenExpired
                | CloseReason::Disconnected
                | CloseReason::Replaced
        );
        if !polite {
            tab.outbox.clear();
        }
        self.part(tab, reason, text, false);
    }

    fn part(&self, tab: &mut Tab, reason: CloseReason, text: &str, peer_closed: bool) {
        tab.outbox.push(Frame::close(reason, text), self.bounds());
        let until = self.now() + self.shard.config.close_grace.as_millis() as i64;
        tab.stage = Stage::Closing { until, peer_closed };
        self.note_closed(tab, reason, text);
    }

    /// Drops a tab's socket.
    pub fn lose(&self, tab: &mut Tab) {
        match tab.stage {
            Stage::Open => self.note_closed(tab, CloseReason::Lost, CloseReason::Lost.text()),
            Stage::Closing { .. } => self.answered_close(tab),
            Stage::Gone => {}
        }
        tab.stage = Stage::Gone;
    }

    fn note_closed(&self, tab: &Tab, reason: CloseReason, text: &str) {
        self.shard.counters.count_closed(reason);
        tracing::info!(
            account = self.account.0,
            connection_id = %tab.id,
            sid = %tab.subject.session(),
            code = reason.code(),
            reason = reason.label(),
            detail = text,
            open_ms = self.now() - tab.connected_at,
            "connection closed"
        );
    }

    /// Reads what a tab said; registers the waker for more.
    pub fn read(&self, tab: &mut Tab, cx: &mut Context<'_>) {
        for _ in 0..READS {
            if tab.stage == Stage::Gone {
                return;
            }
            let mut chunk = BytesMut::new();
            let read = tab.socket.poll_read(cx, |buffer| chunk = buffer.split());
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
        let limit = self.shard.config.frame_max_bytes;
        let mut inbound = std::mem::take(&mut tab.inbound);
        let result = inbound.feed(chunk, limit, |heard| self.heard(tab, &heard));
        tab.inbound = inbound;
        match result {
            Err(Fault::TooLarge) if tab.is_open() => {
                self.close(tab, CloseReason::TooLarge, CloseReason::TooLarge.text());
            }
            Err(Fault::Protocol(text)) if tab.is_open() => self.close(tab, CloseReason::Protocol, text),
            // A closing tab's breach changes nothing: its time runs out.
            Ok(()) | Err(_) => {}
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
        tab.last_heard = now;
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
                let Some(message) = ClientMessage::parse(text) else {
                    self.close(tab, CloseReason::Protocol, "unknown message");
                    return ControlFlow::Break(());
                };
                self.obey(tab, message, now);
            }
            Heard::Pong | Heard::Close => {}
        }
        ControlFlow::Continue(())
    }

    fn obey(&self, tab: &mut Tab, message: ClientMessage, now: i64) {
        match message {
            ClientMessage::Ping => {
                tab.outbox.push(Frame::json_pong(now), self.bounds());
            }
            ClientMessage::Snapshot => self.tell_snapshot(tab),
            ClientMessage::Ack { permission_version } => {
                // Nobody has applied what it was not sent.
                let rev = permission_version.min(tab.state.rev);
                tab.acked = tab.acked.max(Some(rev));
                self.acknowledge(tab, |unacked| unacked.by.is_some_and(|by| by <= rev));
            }
        }
    }

    fn answered_close(&self, tab: &mut Tab) {
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

    /// Writes what waits, as far as the kernel takes it; registers the waker for more.
    pub fn flush(&self, tab: &mut Tab, cx: &mut Context<'_>) {
        loop {
            if tab.stage == Stage::Gone {
                return;
            }
            if tab.outbox.take_debt() && tab.is_open() {
                self.tell_snapshot(tab);
            }
            if tab.outbox.is_empty() {
                tab.blocked_since = None;
                if matches!(tab.stage, Stage::Closing { peer_closed: true, .. }) {
                    tab.stage = Stage::Gone;
                }
                return;
            }
            match tab.outbox.write(|slices| tab.socket.write(slices)) {
                Ok(_) => tab.blocked_since = None,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let now = self.now();
                    tab.blocked_since.get_or_insert(now);
                    match tab.socket.poll_write_ready(cx) {
                        Poll::Pending => return,
                        Poll::Ready(Ok(())) => {}
                        Poll::Ready(Err(_)) => self.lose(tab),
                    }
                }
                Err(_) => self.lose(tab),
            }
        }
    }

    pub fn bounds(&self) -> Bounds {
        Bounds { bytes: self.shard.config.outbox_bytes, frames: self.shard.config.outbox_frames }
    }
}
