//! A new tab: takes its place, is told how it continues what was before, and what it missed (I9).
//!
//! Who names a state that holds is told nothing of it; who names one that was this account's of late
//! is told the difference; everyone else gets the whole.

use std::rc::Rc;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::Adopt;
use super::actor::SessionActor;
use super::link::Link;
use super::mail::MailPlace;
use super::outbox::Outbox;
use super::tab::{Allowance, Extras, Stage, Tab};
use super::topics::listen_to;
use crate::handle::AttachError;
use crate::protocol::close::CloseReason;
use crate::protocol::envelope::{Connected, MessageType, Resumed};
use crate::protocol::frame::{Frame, Transport, raw};
use crate::protocol::ids::{ConnectionId, Rev};
use crate::protocol::permission::State;
use crate::protocol::seal::Seal;
use crate::subject::Wishes;
use crate::transport::inbound::Inbound;
use crate::transport::socket::Socket;

/// Closing sockets kept for an account, as a multiple of its tabs. 2: a client that opens and
/// opens again without answering closes holds no more than this.
const CLOSING_TABS: usize = 2;

/// What a tab comes with.
pub(crate) enum Arrival {
    /// A socket whose handshake was answered, and what its client said since.
    WebSocket { stream: std::net::TcpStream, leftover: Bytes },
    /// A socket whose request was read, and the head of the answer.
    Events { stream: std::net::TcpStream, head: Bytes },
    /// Nothing: its client asks again and again.
    Poll,
}

impl SessionActor {
    pub(super) fn adopt(&mut self, message: Adopt) -> Result<ConnectionId, AttachError> {
        let shard = Rc::clone(&self.desk.shard);
        let Adopt { arrival, admission, seat, since } = message;
        let (link, head, leftover) = link(arrival, shard.config.so_sndbuf, &shard.config.heartbeat_timeout)?;
        self.make_room();
        let now = self.desk.now();
        let state = admission.subject.state();
        let wishes = admission.wishes;
        let seal = (wishes.signed || wishes.encrypted).then(|| Seal {
            mac: wishes.signed.then(|| shard.ids.key()),
            cipher: wishes.encrypted.then(|| shard.ids.key()),
            sealed: 0,
        });
        // A place in another log says nothing of this one's inboxes.
        let resume = wishes.resume.as_ref().filter(|place| *place.epoch == *state.epoch);
        let inbox_rev = resume.and_then(|place| place.inbox_rev);
        let mut tab = Tab {
            id: shard.ids.connection_id(),
            control: wishes.control || link.transport() != Transport::WebSocket,
            at_place: false,
            link,
            holders: Arc::clone(&state.holders),
            state,
            inbox_seq: since,
            retold: since,
            mail: MailPlace::claimed(inbox_rev),
            subject: admission.subject,
            client: admission.client,
            connected_at: now,
            expires_at: admission.expires_at,
            last_heard: now,
            last_ping: now,
            last_active: now,
            last_placed: now,
            blocked_since: None,
            untold: false,
            warned: false,
            acked: None,
            counted: Rev(0),
            unacked: Vec::new(),
            outbox: Outbox::default(),
            allowance: Allowance::default(),
            said: 0,
            stage: Stage::Open,
            extras: seal.map(|seal| Box::new(Extras { topics: Vec::new(), seal: Some(seal) })),
            _seat: seat,
        };
        shard.observer.opened(self.desk.account, &tab.info());
        tracing::info!(
            account = self.desk.account.0,
            connection_id = %tab.id,
            sid = %tab.subject.session(),
            transport = tab.link.transport().label(),
            rev = tab.state.rev.0,
            "connection established"
        );
        if let Some(head) = head {
            tab.outbox.push(Frame::head(head), self.desk.bounds());
        }
        self.welcome(&mut tab, &wishes);
        let id = tab.id.clone();
        // Most accounts have one tab; a vector grows to four at first.
        self.tabs.reserve_exact(1);
        self.tabs.push(tab);
        self.settle();
        let Some(tab) = self.tabs.last_mut() else { return Ok(id) };
        // Only now: a session that ends from here on finds the tab in the table.
        if tab.subject.is_active() {
            self.desk.ask(tab);
            self.desk.hear(tab, &mut BytesMut::from(leftover));
        } else {
            let (code, reason) = tab.subject.ending();
            self.desk.end(tab, code, &reason, None);
        }
        Ok(id)
    }

    /// Tells a new tab who it is, what changed since it was here, and what it missed.
    fn welcome(&self, tab: &mut Tab, wishes: &Wishes) {
        let desk = &self.desk;
        let refused = listen_to(tab, &wishes.topics);
        let after = Arc::clone(&tab.state);
        let since = tab.inbox_seq;
        // A place in another log, or one that is still to come, is none.
        let resume = wishes.resume.as_ref().filter(|at| *at.epoch == *after.epoch);
        let before = match resume {
            Some(at) if at.is_at(&after) => Some(Arc::clone(&after)),
            Some(at) => tab.subject.state_at(at),
            None => None,
        };
        let resumed = match &before {
            Some(before) if before.says_the_same(&after) => Resumed::Current,
            Some(_) => Resumed::Diff,
            None => Resumed::Snapshot,
        };
        if let Some(at) = resume.filter(|at| at.inbox_seq < since) {
            (tab.inbox_seq, tab.retold) = (at.inbox_seq, at.inbox_seq);
        }
        tab.at_place = resumed == Resumed::Current;
        self.introduce(tab, resumed, &refused);
        match (resumed, before) {
            (Resumed::Diff, Some(before)) => self.tell_difference(tab, &before, &after),
            (Resumed::Snapshot, _) | (Resumed::Diff, None) => desk.tell_snapshot(tab),
            (Resumed::Current, _) => {}
        }
        metrics::counter!("livegrant_resumes_total", "result" => match resumed {
            Resumed::Current => "current",
            Resumed::Diff => "diff",
            Resumed::Snapshot => "snapshot",
        })
        .increment(1);
        if tab.inbox_seq < since {
            desk.tell_missed(tab, since, "window");
            (tab.inbox_seq, tab.retold) = (tab.inbox_seq.max(since), tab.retold.max(since));
        } else {
            // What was noticed since the registry saw this tab, while the mailbox was full.
            for noted in desk.shard.notices.after(tab.inbox_seq).0 {
                desk.tell_again(tab, &noted);
                tab.retold = tab.retold.max(noted.seq);
            }
        }
    }

    fn introduce(&self, tab: &mut Tab, resumed: Resumed, refused: &[Arc<str>]) {
        if !tab.control {
            return;
        }
        let seal = tab.extras.as_ref().and_then(|extras| extras.seal.as_ref());
        let (hash_key, data_key) = (seal.and_then(|seal| seal.mac), seal.and_then(|seal| seal.cipher));
        let body = raw(&Connected {
            connection_id: &tab.id,
            sid: tab.subject.session(),
            epoch: &tab.state.epoch,
            rev: tab.state.rev,
            permission_version: tab.state.rev,
            hash: &tab.state.hash,
            inbox_seq: tab.inbox_seq,
            inbox_rev: tab.mail.rev(),
            resume: resumed,
            server_time: tab.connected_at,
            expires_at: tab.expires_at,
            heartbeat_seconds: self.desk.shard.config.heartbeat_interval.as_secs(),
            topics: tab.topics(),
            refused,
            hash_key: hash_key.as_ref().map(Seal::text),
            data_key: data_key.as_ref().map(Seal::text),
        });
        let letter = self.desk.letter(MessageType::Connected, &body, None);
        // The keys cannot be read with themselves.
        let seal = tab.extras.as_mut().and_then(|extras| extras.seal.take());
        self.desk.tell(tab, &letter, None);
        if let Some(extras) = &mut tab.extras {
            extras.seal = seal;
        }
    }

    fn tell_difference(&self, tab: &mut Tab, before: &Arc<State>, after: &Arc<State>) {
        let desk = &self.desk;
        let reason = Arc::clone(&desk.shard.resume_reason);
        let parts = desk.shard.bodies.borrow_mut().difference(before, after, &reason);
        for (kind, body) in parts.iter() {
            let letter = desk.letter(*kind, body, None);
            desk.tell(tab, &letter, Some(after.rev));
        }
    }

    /// Closes the tab that was idle longest when all places are taken (S3-85, C5), and cuts closing sockets that pile up.
    fn make_room(&mut self) {
        let max = self.desk.shard.config.max_tabs_per_account.max(1);
        let desk = &self.desk;
        while self.tabs.iter().filter(|tab| tab.is_open()).count() >= max {
            let idlest = self.tabs.iter_mut().filter(|tab| tab.is_open()).min_by_key(|tab| tab.last_active);
            let Some(tab) = idlest else { break };
            desk.close(tab, CloseReason::Replaced, CloseReason::Replaced.text());
        }
        let closing = self.tabs.iter().filter(|tab| !tab.is_open()).count();
        for tab in
            self.tabs.iter_mut().filter(|tab| !tab.is_open()).take(closing.saturating_sub(max * CLOSING_TABS))
        {
            tab.stage = Stage::Gone;
        }
    }
}

fn link(
    arrival: Arrival,
    send_buffer: usize,
    patience: &std::time::Duration,
) -> Result<(Link, Option<Bytes>, Bytes), AttachError> {
    let adopt = |stream| Socket::adopt(stream, send_buffer, *patience).map_err(AttachError::Socket);
    Ok(match arrival {
        Arrival::WebSocket { stream, leftover } => {
            (Link::WebSocket { socket: adopt(stream)?, inbound: Inbound::default() }, None, leftover)
        }
        Arrival::Events { stream, head } => (Link::Events(adopt(stream)?), Some(head), Bytes::new()),
        Arrival::Poll => (Link::Poll(Box::default()), None, Bytes::new()),
    })
}
