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
use tokio::sync::oneshot;

use super::desk::Desk;
use super::link::{Link, Polled};
use super::merge::Merged;
use super::tab::{OnlineAccount, Stage, Tab};
use super::{
    Acknowledge, Adopt, CloseTab, CompaniesOf, Deliver, Describe, Extend, Follow, Learn, Poll as PollTab,
    Publish, Receive, SendAway, Sweep, TellMerged,
};
use crate::handle::AttachError;
use crate::protocol::client::ClientMessage;
use crate::protocol::close::CloseReason;
use crate::protocol::ids::{AccountId, CompanyId, ConnectionId, Holder, Rev, SessionId};
use crate::registry::{Generation, Shard};
use crate::trace::{Followed, TracedTab};

pub(crate) struct SessionActor {
    pub(super) desk: Desk,
    generation: Generation,
    pub(super) tabs: Vec<Tab>,
    /// What the registry finds this account by.
    pub(super) holders: Vec<Holder>,
    /// What the registry knows that this account listens to.
    pub(super) topics: Vec<Arc<str>>,
    /// The highest revision of the inbox that went by.
    pub(super) newest_mail: i64,
    /// The last sweep found a state that no change had told.
    pub(super) suspect: bool,
    /// When a change was told last.
    pub(super) told_at: Option<i64>,
    /// Changes that wait for the end of the window.
    pub(super) merged: Option<Box<Merged>>,
}

impl SessionActor {
    pub fn new(shard: Rc<Shard>, account: AccountId, guid: Arc<str>, generation: Generation) -> Self {
        Self {
            desk: Desk { shard, account, guid },
            generation,
            tabs: Vec::new(),
            holders: Vec::new(),
            topics: Vec::new(),
            newest_mail: 0,
            suspect: false,
            told_at: None,
            merged: None,
        }
    }

    pub(super) fn open_tabs(&mut self) -> impl Iterator<Item = &mut Tab> {
        self.tabs.iter_mut().filter(|tab| tab.is_open())
    }

    fn leave(&mut self) {
        if let Ok(mut directory) = self.desk.shard.directory.try_borrow_mut() {
            directory.remove(self.desk.account, self.generation, &self.holders, &self.topics);
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
        for rev in self.merged.take().into_iter().flat_map(|merged| merged.changes) {
            self.desk.shard.receipts.waited(rev);
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
        for tab in tabs.iter().filter(|tab| tab.stage == Stage::Gone) {
            desk.give_up(tab);
        }
        tabs.retain(|tab| tab.stage != Stage::Gone);
        if tabs.len() < held {
            actor.settle();
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
    type Result = Result<ConnectionId, AttachError>;

    fn handle(&mut self, message: Adopt, _: &mut Self::Context) -> Self::Result {
        self.desk.shard.directory.borrow_mut().adopted(self.desk.account);
        self.adopt(message)
    }
}

impl Handler<Deliver> for SessionActor {
    type Result = ();

    fn handle(&mut self, Deliver(change, _way): Deliver, _: &mut Self::Context) {
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
            // Two refreshes may overtake each other on their way between nodes.
            tab.expires_at = tab.expires_at.max(message.expires_at);
            tab.warned = false;
        }
    }
}

impl Handler<TellMerged> for SessionActor {
    type Result = ();

    fn handle(&mut self, _: TellMerged, _: &mut Self::Context) {
        self.tell_merged();
    }
}

impl Handler<Publish> for SessionActor {
    type Result = ();

    fn handle(&mut self, Publish(publication): Publish, _: &mut Self::Context) {
        self.publish(&publication);
    }
}

impl Handler<Receive> for SessionActor {
    type Result = ();

    fn handle(&mut self, Receive(parcel): Receive, _: &mut Self::Context) {
        self.receive(&parcel);
    }
}

impl Handler<Learn> for SessionActor {
    type Result = ();

    fn handle(&mut self, Learn(answer): Learn, _: &mut Self::Context) {
        self.learn(&answer);
    }
}

impl Handler<CompaniesOf> for SessionActor {
    type Result = Vec<CompanyId>;

    fn handle(&mut self, CompaniesOf(audience): CompaniesOf, _: &mut Self::Context) -> Self::Result {
        let meant = self.tabs.iter().filter(|tab| tab.is_open() && tab.is_meant(&audience));
        let mut companies: Vec<CompanyId> = meant.map(|tab| tab.subject.view().1).collect();
        companies.sort_unstable();
        companies.dedup();
        companies
    }
}

impl Handler<PollTab> for SessionActor {
    type Result = Option<oneshot::Receiver<Polled>>;

    /// Makes a poll wait; the flush at the end of this turn answers it if there is something to say.
    fn handle(&mut self, message: PollTab, _: &mut Self::Context) -> Self::Result {
        let (desk, now) = (&self.desk, self.desk.now());
        let tab = tab_of(&mut self.tabs, &message.connection, &message.session)?;
        tab.last_heard = now;
        if let Some(rev) = message.ack {
            acknowledge(desk, tab, rev, now);
        }
        let Link::Poll(line) = &mut tab.link else { return None };
        let (answer, answered) = oneshot::channel();
        if message.cursor < line.cursor && !line.held.is_empty() {
            // The last batch did not arrive.
            let (cursor, messages, closed) = (line.cursor, line.held.clone(), line.closed.clone());
            // Nobody waits for it any more: then the next poll gets it.
            let _ = answer.send(Polled { cursor, messages, closed });
        } else {
            line.held = Vec::new();
            line.waiter = Some(answer);
        }
        Some(answered)
    }
}

impl Handler<Acknowledge> for SessionActor {
    type Result = bool;

    fn handle(&mut self, message: Acknowledge, _: &mut Self::Context) -> bool {
        let (desk, now) = (&self.desk, self.desk.now());
        let tab = tab_of(&mut self.tabs, &message.connection, &message.session);
        tab.map(|tab| acknowledge(desk, tab, message.rev, now)).is_some()
    }
}

/// Finds a tab for its own session only.
fn tab_of<'a>(tabs: &'a mut [Tab], connection: &ConnectionId, session: &SessionId) -> Option<&'a mut Tab> {
    tabs.iter_mut()
        .find(|tab| tab.stage != Stage::Gone && tab.id == *connection && tab.subject.session() == session)
}

fn acknowledge(desk: &Desk, tab: &mut Tab, permission_version: Rev, now: i64) {
    tab.last_active = now;
    desk.obey(tab, ClientMessage::Ack { permission_version }, now);
}

impl Handler<Follow> for SessionActor {
    type Result = Followed;

    fn handle(&mut self, Follow(trace): Follow, _: &mut Self::Context) -> Followed {
        let tabs = trace.tabs.iter().map(|told| {
            let tab = self.tabs.iter().find(|tab| tab.id == told.connection);
            TracedTab::new(told, trace.rev, tab)
        });
        Followed(tabs.collect())
    }
}
