//! The session actor: one an account with a tab on this node.
//!
//! It owns its tabs' sockets and lives on its shard's arbiter. Handlers only queue; one future
//! polls all sockets after the mailbox in every turn and flushes each tab once. It stops with its
//! last tab, and never while the registry has a socket under way to it. It keeps no permissions:
//! what an account may do is asked from the [`Subject`](crate::Subject).

use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{self, Poll};

use actix::{Actor, ActorContext, ActorFuture, AsyncContext, Context, Handler};
use bytes::BytesMut;

use super::desk::{Desk, Letter};
use super::sweep::{Verdict, judge};
use super::tab::{Allowance, OnlineAccount, Stage, Tab, Unacked};
use super::{Adopt, CloseTab, Deliver, Describe, Extend, SendAway, Sweep};
use crate::change::{Change, Effect, RepushKind};
use crate::handle::AttachError;
use crate::protocol::close::CloseReason;
use crate::protocol::envelope::{EndCode, MessageType, NoticeView, Operator};
use crate::protocol::frame::raw;
use crate::protocol::ids::{AccountId, ApplicationId, CompanyId, Holder, Rev, SessionId};
use crate::protocol::permission::State;
use crate::registry::{Generation, Shard};
use crate::transport::socket::Socket;

/// Closing sockets kept for an account, as a multiple of its tabs. 2: a client that opens and
/// opens again without answering closes holds no more than this.
const CLOSING_TABS: usize = 2;

pub(crate) struct SessionActor {
    desk: Desk,
    generation: Generation,
    tabs: Vec<Tab>,
    /// What the registry finds this account by.
    holders: Vec<Holder>,
    /// The last sweep found a state that no change had told.
    suspect: bool,
}

/// Why states are compared.
struct Occasion<'a> {
    reason: &'a Arc<str>,
    operator: Option<&'a Operator>,
    change: Option<Rev>,
    always: bool,
}

/// Messages made in one turn, for the tabs that go from one state to the same other.
struct Told {
    before: Arc<State>,
    after: Arc<State>,
    letters: Vec<Letter>,
}

impl SessionActor {
    pub fn new(shard: Rc<Shard>, account: AccountId, guid: Arc<str>, generation: Generation) -> Self {
        let desk = Desk { shard, account, guid };
        Self { desk, generation, tabs: Vec::new(), holders: Vec::new(), suspect: false }
    }

    fn open_tabs(&mut self) -> impl Iterator<Item = &mut Tab> {
        self.tabs.iter_mut().filter(|tab| tab.is_open())
    }

    fn adopt(&mut self, message: Adopt) -> Result<(), AttachError> {
        let shard = Rc::clone(&self.desk.shard);
        let Adopt { stream, leftover, admission, seat } = message;
        let socket = Socket::adopt(stream, shard.config.so_sndbuf).map_err(AttachError::Socket)?;
        self.make_room();
        let now = self.desk.now();
        let state = admission.subject.state();
        let mut tab = Tab {
            id: shard.ids.connection_id(),
            socket,
            holders: Arc::clone(&state.holders),
            state,
            subject: admission.subject,
            client: admission.client,
            connected_at: now,
            expires_at: admission.expires_at,
            last_heard: now,
            last_ping: now,
            blocked_since: None,
            acked: None,
            unacked: Vec::new(),
            outbox: super::outbox::Outbox::default(),
            inbound: crate::transport::inbound::Inbound::default(),
            allowance: Allowance::default(),
            stage: Stage::Open,
            _seat: seat,
        };
        tracing::info!(
            account = self.desk.account.0,
            connection_id = %tab.id,
            sid = %tab.subject.session(),
            rev = tab.state.rev.0,
            "connection established"
        );
        self.desk.tell_snapshot(&mut tab);
        self.tabs.push(tab);
        self.settle_holders();
        let Some(tab) = self.tabs.last_mut() else { return Ok(()) };
        // Only now: a session that ends from here on finds the tab in the table.
        if tab.subject.is_active() {
            self.desk.hear(tab, &mut BytesMut::from(leftover));
        } else {
            let (code, reason) = tab.subject.ending();
            self.desk.end(tab, code, &reason, None);
        }
        Ok(())
    }

    /// Closes the oldest tab when all places are taken (S3-85), and cuts closing sockets that pile up.
    fn make_room(&mut self) {
        let max = self.desk.shard.config.max_tabs_per_account.max(1);
        let open = self.tabs.iter().filter(|tab| tab.is_open()).count();
        let desk = &self.desk;
        for tab in self.tabs.iter_mut().filter(|tab| tab.is_open()).take((open + 1).saturating_sub(max)) {
            desk.close(tab, CloseReason::Replaced, CloseReason::Replaced.text());
        }
        let closing = self.tabs.iter().filter(|tab| !tab.is_open()).count();
        for tab in
            self.tabs.iter_mut().filter(|tab| !tab.is_open()).take(closing.saturating_sub(max * CLOSING_TABS))
        {
            tab.stage = Stage::Gone;
        }
    }

    fn deliver(&mut self, change: &Change) {
        match &change.effect {
            Effect::Refresh { always } => {
                self.refresh(&Occasion {
                    reason: &change.reason,
                    operator: change.operator.as_ref(),
                    change: Some(change.rev),
                    always: *always,
                });
                self.suspect = false;
            }
            Effect::EndSessions { sids, keep, code, reason } => {
                let meant = |sid: &SessionId| {
                    keep.as_ref() != Some(sid) && sids.as_ref().is_none_or(|sids| sids.contains(sid))
                };
                self.end_sessions(change, meant, *code, reason);
            }
            Effect::Notice(notice) => self.notify(change, notice),
            Effect::Repush(kind) => self.repush(change, *kind),
        }
    }

    /// Tells each open tab how its state differs from the one it was told last.
    fn refresh(&mut self, occasion: &Occasion<'_>) {
        let desk = &self.desk;
        let kept = desk.shard.config.unacked_kept;
        let mut views: Vec<((ApplicationId, CompanyId), Arc<State>)> = Vec::new();
        let mut told: Vec<Told> = Vec::new();
        let (mut sent, mut already_acked) = (0, 0);
        for tab in self.tabs.iter_mut().filter(|tab| tab.is_open()) {
            let view = tab.subject.view();
            let known = views.iter().find(|(other, _)| *other == view).map(|(_, state)| Arc::clone(state));
            let after = known.unwrap_or_else(|| {
                let state = tab.subject.state();
                views.push((view, Arc::clone(&state)));
                state
            });
            tab.holders = Arc::clone(&after.holders);
            if !occasion.always && tab.state.says_the_same(&after) {
                // An earlier turn may have told a state that already held this change.
                if let Some(rev) = occasion.change.filter(|rev| tab.state.rev >= *rev) {
                    sent += 1;
                    if tab.acked.is_some_and(|acked| acked >= tab.state.rev) {
                        already_acked += 1;
                    } else {
                        tab.remember(Unacked { change: rev, by: Some(tab.state.rev) }, kept);
                    }
                }
                continue;
            }
            let letters = letters(desk, &mut told, &tab.state, &after, occasion);
            for letter in letters {
                desk.tell(tab, letter, Some(after.rev));
            }
            if let Some(rev) = occasion.change {
                sent += 1;
                tab.remember(Unacked { change: rev, by: Some(after.rev) }, kept);
            }
            tab.state = after;
        }
        if let Some(rev) = occasion.change {
            desk.shard.receipts.sent(rev, desk.account, sent);
            for _ in 0..already_acked {
                desk.shard.receipts.acked(rev, desk.account, desk.now());
            }
        }
        self.settle_holders();
    }

    fn end_sessions(
        &mut self,
        change: &Change,
        meant: impl Fn(&SessionId) -> bool,
        code: EndCode,
        reason: &str,
    ) {
        let desk = &self.desk;
        let mut sent = 0;
        for tab in self.tabs.iter_mut().filter(|tab| tab.is_open() && meant(tab.subject.session())) {
            desk.end(tab, code, reason, change.operator.as_ref());
            tab.remember(Unacked { change: change.rev, by: None }, desk.shard.config.unacked_kept);
            sent += 1;
        }
        desk.shard.receipts.sent(change.rev, desk.account, sent);
        self.settle_holders();
    }

    fn notify(&mut self, change: &Change, notice: &NoticeView) {
        let desk = &self.desk;
        let letter = desk.letter(MessageType::SystemNotice, &raw(notice), change.operator.as_ref());
        let mut sent = 0;
        for tab in self.tabs.iter_mut().filter(|tab| tab.is_open()) {
            desk.tell(tab, &letter, Some(change.rev));
            sent += 1;
        }
        desk.shard.receipts.sent(change.rev, desk.account, sent);
    }

    /// Tells every open tab again what holds now.
    fn repush(&mut self, change: &Change, kind: RepushKind) {
        if kind == RepushKind::PermissionUpdate {
            self.refresh(&Occasion {
                reason: &change.reason,
                operator: change.operator.as_ref(),
                change: Some(change.rev),
                always: true,
            });
            return;
        }
        let desk = &self.desk;
        let mut sent = 0;
        for tab in self.tabs.iter_mut().filter(|tab| tab.is_open()) {
            let parts = desk.shard.bodies.borrow_mut().roles(&tab.state, &change.reason);
            for (kind, body) in parts.iter() {
                let letter = desk.letter(*kind, body, change.operator.as_ref());
                desk.tell(tab, &letter, Some(tab.state.rev));
            }
            tab.remember(
                Unacked { change: change.rev, by: Some(tab.state.rev) },
                desk.shard.config.unacked_kept,
            );
            sent += 1;
        }
        desk.shard.receipts.sent(change.rev, desk.account, sent);
    }

    fn sweep(&mut self) {
        let desk = &self.desk;
        let now = desk.now();
        for tab in &mut self.tabs {
            match judge(&tab.facts(), now, &desk.shard.config) {
                Verdict::Keep => {}
                Verdict::Ping => {
                    tab.last_ping = now;
                    tab.outbox.push(
                        crate::protocol::frame::Frame::ping(),
                        super::outbox::Bounds {
                            bytes: desk.shard.config.outbox_bytes,
                            frames: desk.shard.config.outbox_frames,
                        },
                    );
                }
                Verdict::End => {
                    let (code, reason) = tab.subject.ending();
                    desk.end(tab, code, &reason, None);
                }
                Verdict::Close(reason) => desk.close(tab, reason, reason.text()),
                Verdict::Cut => tab.stage = Stage::Gone,
            }
        }
        self.repair();
    }

    /// Heals what no change told (a time limit passed, a doorbell was lost). Only what two sweeps
    /// in a row find: a change that is just under way tells it better, with its reason.
    fn repair(&mut self) {
        let differs = self.open_tabs().any(|tab| !tab.state.says_the_same(&tab.subject.state()));
        if differs && self.suspect {
            let reason = Arc::clone(&self.desk.shard.repair_reason);
            self.refresh(&Occasion { reason: &reason, operator: None, change: None, always: false });
        } else {
            self.settle_holders();
        }
        self.suspect = differs && !self.suspect;
    }

    /// Keeps the registry's index of what this account is found by.
    fn settle_holders(&mut self) {
        let mut now: Vec<Holder> = Vec::new();
        let mut last: Option<&Arc<[Holder]>> = None;
        for tab in self.tabs.iter().filter(|tab| tab.is_open()) {
            if last.is_none_or(|last| !Arc::ptr_eq(last, &tab.holders)) {
                now.extend_from_slice(&tab.holders);
                last = Some(&tab.holders);
            }
        }
        now.sort_unstable();
        now.dedup();
        if now != self.holders {
            let mut directory = self.desk.shard.directory.borrow_mut();
            directory.find_by(self.desk.account, &self.holders, &now);
            self.holders = now;
        }
    }

    fn leave(&mut self) {
        if let Ok(mut directory) = self.desk.shard.directory.try_borrow_mut() {
            directory.remove(self.desk.account, self.generation, &self.holders);
        }
    }
}

/// Finds or makes the messages that lead from one state to another.
fn letters<'a>(
    desk: &Desk,
    told: &'a mut Vec<Told>,
    before: &Arc<State>,
    after: &Arc<State>,
    occasion: &Occasion<'_>,
) -> &'a [Letter] {
    let same = |one: &State, other: &State| one.says_the_same(other) && one.rev == other.rev;
    let found = told
        .iter()
        .position(|told| same(&told.after, after) && (occasion.always || same(&told.before, before)));
    let index = found.unwrap_or_else(|| {
        let mut bodies = desk.shard.bodies.borrow_mut();
        let parts = if occasion.always {
            bodies.snapshot(after, occasion.reason)
        } else {
            bodies.difference(before, after, occasion.reason)
        };
        let letters = parts.iter().map(|(kind, body)| desk.letter(*kind, body, occasion.operator)).collect();
        told.push(Told { before: Arc::clone(before), after: Arc::clone(after), letters });
        told.len() - 1
    });
    &told[index].letters
}

impl Actor for SessionActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(self.desk.shard.config.session_mailbox);
        ctx.spawn(PollTabs);
    }
}

impl Drop for SessionActor {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!(account = self.desk.account.0, "a session actor panicked, its tabs are lost");
        }
        self.leave();
    }
}

/// Polls the sockets of all tabs; runs after the mailbox in every turn of the actor.
struct PollTabs;

impl ActorFuture<SessionActor> for PollTabs {
    type Output = ();

    fn poll(
        self: Pin<&mut Self>,
        actor: &mut SessionActor,
        ctx: &mut Context<SessionActor>,
        cx: &mut task::Context<'_>,
    ) -> Poll<()> {
        let (desk, tabs) = (&actor.desk, &mut actor.tabs);
        for tab in tabs.iter_mut() {
            desk.read(tab, cx);
        }
        for tab in tabs.iter_mut() {
            desk.flush(tab, cx);
        }
        let held = tabs.len();
        tabs.retain(|tab| tab.stage != Stage::Gone);
        if tabs.len() < held {
            actor.settle_holders();
        }
        let shard = Rc::clone(&actor.desk.shard);
        if actor.tabs.is_empty() && !shard.directory.borrow().is_adopting(actor.desk.account) {
            // Gone from the table before the mailbox closes, so no new socket is sent here.
            actor.leave();
            ctx.stop();
            return Poll::Ready(());
        }
        Poll::Pending
    }
}

impl Handler<Adopt> for SessionActor {
    type Result = Result<(), AttachError>;

    fn handle(&mut self, message: Adopt, _: &mut Self::Context) -> Self::Result {
        self.desk.shard.directory.borrow_mut().adopted(self.desk.account);
        self.adopt(message)
    }
}

impl Handler<Deliver> for SessionActor {
    type Result = ();

    fn handle(&mut self, Deliver(change): Deliver, _: &mut Self::Context) {
        self.deliver(&change);
    }
}

impl Handler<Sweep> for SessionActor {
    type Result = ();

    fn handle(&mut self, _: Sweep, _: &mut Self::Context) {
        self.sweep();
    }
}

impl Handler<SendAway> for SessionActor {
    type Result = ();

    fn handle(&mut self, _: SendAway, _: &mut Self::Context) {
        let desk = &self.desk;
        for tab in self.tabs.iter_mut().filter(|tab| tab.is_open()) {
            desk.close(tab, CloseReason::Restart, CloseReason::Restart.text());
        }
    }
}

impl Handler<Describe> for SessionActor {
    type Result = Option<OnlineAccount>;

    fn handle(&mut self, _: Describe, _: &mut Self::Context) -> Self::Result {
        let tabs: Vec<_> = self.tabs.iter().filter(|tab| tab.is_open()).map(Tab::info).collect();
        let online = OnlineAccount { account: self.desk.account, guid: Arc::clone(&self.desk.guid), tabs };
        (!online.tabs.is_empty()).then_some(online)
    }
}

impl Handler<CloseTab> for SessionActor {
    type Result = bool;

    fn handle(&mut self, message: CloseTab, _: &mut Self::Context) -> bool {
        let desk = &self.desk;
        let tab = self.tabs.iter_mut().find(|tab| tab.is_open() && tab.id == message.connection);
        tab.map(|tab| desk.close(tab, message.reason, message.reason.text())).is_some()
    }
}

impl Handler<Extend> for SessionActor {
    type Result = ();

    fn handle(&mut self, message: Extend, _: &mut Self::Context) {
        for tab in self.open_tabs().filter(|tab| *tab.subject.session() == message.session) {
            tab.expires_at = message.expires_at;
        }
    }
}
