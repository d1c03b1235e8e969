//! How a session actor deals with one tab: tell it, show it where it stands, part from it.
//!
//! Everything here touches one tab only, so that no tab delays another (I11). Last words
//! (`FORCE_LOGOUT`, close) go ahead of all that waits; a closing tab is cut when its time is up.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::value::RawValue;

use super::link::Link;
use super::outbox::{Bounds, Debt, Pushed};
use super::tab::{Stage, Tab, Unacked};
use crate::notices::{Missing, Noted};
use crate::protocol::close::CloseReason;
use crate::protocol::envelope::{
    Checkpoint, EndCode, Envelope, ForceLogout, Group, MessageType, NoticeView, Operator, Resync,
    TokenExpiring,
};
use crate::protocol::frame::{Frame, Letter, raw};
use crate::protocol::ids::{AccountId, Rev};
use crate::protocol::position::At;
use crate::registry::Shard;

/// The account's side of its tabs.
pub(super) struct Desk {
    pub shard: Rc<Shard>,
    pub account: AccountId,
    pub guid: Arc<str>,
}

impl Desk {
    pub fn now(&self) -> i64 {
        self.shard.time.now_ms()
    }

    /// Puts a body into this account's envelope.
    pub fn letter(&self, kind: MessageType, data: &RawValue, operator: Option<&Operator>) -> Letter {
        self.named_letter(kind, data, operator, (self.shard.ids.message_id(), 0))
    }

    /// The same with an id and a place in the inbox of its own.
    pub fn named_letter(
        &self,
        kind: MessageType,
        data: &RawValue,
        operator: Option<&Operator>,
        (message_id, seq): (Arc<str>, i64),
    ) -> Letter {
        let envelope = Envelope {
            kind,
            user_id: self.account,
            user_guid: &self.guid,
            timestamp: self.now(),
            message_id: &message_id,
            operator,
            data,
        };
        Letter::new(&envelope, Arc::clone(&message_id), seq)
    }

    /// Makes a notice's letter, for every tab of the account.
    pub fn notice(&self, seq: i64, notice: &NoticeView, operator: Option<&Operator>) -> Letter {
        let body = self.shard.bodies.borrow_mut().notice(seq, notice);
        let message_id = notice.message_id.clone().unwrap_or_else(|| self.shard.ids.message_id());
        let name = (message_id, seq);
        self.named_letter(MessageType::SystemNotice, &body, operator, name)
    }

    /// Queues a message for a tab, if this client takes its type (S3-83).
    ///
    /// The tab's state and notice must already be the ones that it has once it has read this.
    pub fn tell(&self, tab: &mut Tab, letter: &Letter, rev: Option<Rev>) {
        if !tab.takes(letter.kind, None) {
            return;
        }
        self.push(tab, letter, rev, None);
    }

    /// The same for a message of a topic.
    pub fn publish(&self, tab: &mut Tab, letter: &Letter, topic: Option<&str>) {
        if tab.takes(letter.kind, topic) {
            self.push(tab, letter, None, None);
        }
    }

    /// Tells a tab of the revision of its inbox that it has now come to; answers whether it was taken.
    pub fn tell_mail(&self, tab: &mut Tab, letter: &Letter) -> bool {
        let at = tab.mail.rev();
        tab.takes(letter.kind, None) && self.push(tab, letter, None, at) == Pushed::Queued
    }

    /// Tells a tab how its inbox stands; a tab that loses this has to ask.
    pub fn tell_inbox(&self, tab: &mut Tab, letter: &Letter) {
        if tab.takes(letter.kind, None) {
            let next = tab.mail.rev().map_or(0, |rev| rev + 1);
            self.push(tab, letter, None, Some(next));
        }
    }

    /// Queues a message; `mail` is the inbox's revision from which to ask again when it is lost.
    fn push(&self, tab: &mut Tab, letter: &Letter, rev: Option<Rev>, mail: Option<i64>) -> Pushed {
        let now = letter.at;
        // Told only where the tab's place is then true: the roles come before the state they belong to.
        let places = matches!(
            letter.kind,
            MessageType::PermissionUpdate | MessageType::SystemNotice | MessageType::Checkpoint
        ) || mail.is_some()
            || (letter.kind == MessageType::Connected && tab.at_place);
        // Nothing places a tab behind what it is still owed.
        let places = places && !tab.outbox.owes_snapshot();
        let seq = tab.outbox.lost().map_or(tab.inbox_seq, |lost| tab.inbox_seq.min(lost - 1));
        let read = tab.mail.rev().map(|rev| tab.outbox.lost_mail().map_or(rev, |lost| rev.min(lost - 1)));
        let inbox_rev = read.filter(|rev| *rev >= 0);
        let at = At { state: &tab.state, inbox_seq: seq, inbox_rev, connection: &tab.id };
        let seal = tab.extras.as_mut().and_then(|extras| extras.seal.as_mut());
        let frame = letter.frame(tab.link.transport(), places.then_some(&at), seal);
        let frame = match mail {
            Some(rev) => frame.of_inbox(rev),
            None => frame,
        };
        // What comes to the inbox names no hash: it must not put off the checkpoint.
        if places && mail.is_none() {
            tab.last_placed = now;
        }
        // How an inbox stands is told to every tab that comes; it would drive out what is worth following.
        let traced = letter.kind.group() != Group::Control && letter.kind != MessageType::NotificationState;
        if traced {
            tab.last_active = now;
        }
        let pushed = tab.outbox.push(frame, self.bounds());
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
        self.shard.counters.count_message(letter.kind, pushed);
        if traced {
            self.shard.traces.borrow_mut().note(letter, self.account, rev, now, tab, pushed);
        }
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
        pushed
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

    /// Tells a tab one notice, unless it has it.
    pub fn tell_notice(&self, tab: &mut Tab, letter: &Letter) {
        if letter.seq <= tab.retold {
            return;
        }
        // Where it stands once it has read this; a notice that is lost on the way is owed from its place on.
        tab.inbox_seq = tab.inbox_seq.max(letter.seq);
        self.tell(tab, letter, Some(Rev(letter.seq)));
    }

    /// Tells a tab a notice of late, if it is for it and not past.
    pub fn tell_again(&self, tab: &mut Tab, noted: &Noted) {
        let past = noted.notice.expires_at.is_some_and(|at| at <= self.now());
        if !past && tab.is_meant(&noted.audience) {
            self.tell_notice(tab, &self.notice(noted.seq, &noted.notice, noted.operator.as_ref()));
        }
    }

    /// Tells a tab the notices since its place; what is no longer known it is told to fetch.
    pub fn tell_missed(&self, tab: &mut Tab, up_to: i64, reason: &'static str) {
        let (missed, missing) = self.shard.notices.after(tab.inbox_seq);
        if missing == Missing::Some {
            self.tell_resync(tab, up_to, reason);
        }
        for noted in missed {
            self.tell_again(tab, &noted);
            // Its own delivery may still be under way to this account.
            tab.retold = tab.retold.max(noted.seq);
        }
    }

    fn tell_resync(&self, tab: &mut Tab, to: i64, reason: &'static str) {
        let body = raw(&Resync { of: "broadcasts", from: tab.inbox_seq + 1, to, reason });
        self.tell(tab, &self.letter(MessageType::Resync, &body, None), None);
    }

    /// Tells a tab that more came to its inbox than is told again.
    pub fn tell_resync_mail(&self, tab: &mut Tab, (from, to): (i64, i64)) {
        let body = raw(&Resync { of: "inbox", from, to, reason: "window" });
        self.tell(tab, &self.letter(MessageType::Resync, &body, None), None);
    }

    /// Tells what was given up while the tab did not read.
    pub fn pay(&self, tab: &mut Tab, debt: Debt) {
        let up_to = tab.inbox_seq;
        // Before anything is told: what is told now must not say that the tab has what it only gets next.
        if let Some(lost) = debt.notices.filter(|lost| *lost != i64::MAX) {
            (tab.inbox_seq, tab.retold) = (lost - 1, lost - 1);
        }
        if debt.snapshot {
            self.tell_snapshot(tab);
        }
        if let Some(lost) = debt.mail {
            tab.mail.fall_back(lost - 1);
            self.ask(tab);
        }
        let Some(lost) = debt.notices else { return };
        if lost == i64::MAX {
            self.tell_resync(tab, up_to, "slow");
            return;
        }
        self.tell_missed(tab, up_to, "slow");
        tab.inbox_seq = tab.inbox_seq.max(up_to);
    }

    /// Tells a tab where it stands, so that it notices a silent gap (I9).
    pub fn tell_checkpoint(&self, tab: &mut Tab) {
        if tab.outbox.is_in_debt() {
            return;
        }
        let body = raw(&Checkpoint {
            epoch: &tab.state.epoch,
            rev: tab.state.rev,
            permission_version: tab.state.rev,
            hash: &tab.state.hash,
            inbox_seq: tab.inbox_seq,
            inbox_rev: tab.mail.rev(),
        });
        self.tell(tab, &self.letter(MessageType::Checkpoint, &body, None), None);
    }

    /// Tells a tab that its token ends soon (E34).
    pub fn warn(&self, tab: &mut Tab) {
        tab.warned = true;
        let body = raw(&TokenExpiring { expires_at: tab.expires_at });
        self.tell(tab, &self.letter(MessageType::TokenExpiring, &body, None), None);
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

    pub(super) fn part(&self, tab: &mut Tab, reason: CloseReason, text: &str, peer_closed: bool) {
        if let Some(close) = Frame::close(tab.link.transport(), reason, text) {
            tab.outbox.push(close, self.bounds());
        }
        if let Link::Poll(line) = &mut tab.link {
            line.closed = Some((reason, text.to_owned()));
        }
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

    /// Remembers a change until it is acknowledged; past the bound the oldest counts as one that never will be.
    pub fn remember(&self, tab: &mut Tab, unacked: Unacked) {
        if tab.unacked.len() >= self.shard.config.unacked_kept.max(1) {
            let oldest = tab.unacked.remove(0);
            self.shard.receipts.gone(oldest.change, self.account);
        }
        tab.unacked.push(unacked);
    }

    /// Notes that a tab that has gone acknowledges nothing any more.
    pub fn give_up(&self, tab: &Tab) {
        for unacked in &tab.unacked {
            self.shard.receipts.gone(unacked.change, self.account);
        }
    }

    fn note_closed(&self, tab: &Tab, reason: CloseReason, text: &str) {
        self.shard.counters.count_closed(reason);
        self.shard.observer.closed(self.account, &tab.info(), reason);
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

    pub fn bounds(&self) -> Bounds {
        Bounds { bytes: self.shard.config.outbox_bytes, frames: self.shard.config.outbox_frames }
    }
}
