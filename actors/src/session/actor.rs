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

use super::desk::Desk;
use super::outbox::Outbox;
use super::tab::{Allowance, OnlineAccount, Stage, Tab};
use super::{Adopt, CloseTab, Deliver, Describe, Extend, SendAway, Sweep};
use crate::handle::AttachError;
use crate::protocol::close::CloseReason;
use crate::protocol::ids::{AccountId, Holder};
use crate::registry::{Generation, Shard};
use crate::transport::inbound::Inbound;
use crate::transport::socket::Socket;

/// Closing sockets kept for an account, as a multiple of its tabs. 2: a client that opens and
/// opens again without answering closes holds no more than this.
const CLOSING_TABS: usize = 2;

pub(crate) struct SessionActor {
    pub(super) desk: Desk,
    generation: Generation,
    pub(super) tabs: Vec<Tab>,
    /// What the registry finds this account by.
    pub(super) holders: Vec<Holder>,
    /// The last sweep found a state that no change had told.
    pub(super) suspect: bool,
}

impl SessionActor {
    pub fn new(shard: Rc<Shard>, account: AccountId, guid: Arc<str>, generation: Generation) -> Self {
        let desk = Desk { shard, account, guid };
        Self { desk, generation, tabs: Vec::new(), holders: Vec::new(), suspect: false }
    }

    pub(super) fn open_tabs(&mut self) -> impl Iterator<Item = &mut Tab> {
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
            untold: false,
            acked: None,
            unacked: Vec::new(),
            outbox: Outbox::default(),
            inbound: Inbound::default(),
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
        // Most accounts have one tab; a vector grows to four at first.
        self.tabs.reserve_exact(1);
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

    fn leave(&mut self) {
        if let Ok(mut directory) = self.desk.shard.directory.try_borrow_mut() {
            directory.remove(self.desk.account, self.generation, &self.holders);
        }
    }
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
