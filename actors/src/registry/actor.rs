//! The registry actor of a shard: hands sockets and changes to session actors, and sweeps.
//!
//! It waits for a full session mailbox instead of dropping (the session runs on the same thread,
//! so it drains as soon as the registry yields). Callers are bounded by the handle's permits. When
//! it dies unasked, the engine's failure is reported: a shard without its registry is deaf.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix::dev::{SendError, ToEnvelope};
use actix::{Actor, AsyncContext, Context, Handler, Message, ResponseFuture, WrapFuture};
use tokio::sync::watch;
use tokio::time::Instant;

use super::line::{Wishes, follow_wishes, hear};
use super::{Directory, Shard};
use crate::bus::Bus;
use crate::change::{Audience, Change, Effect, Publication};
use crate::config::EngineConfig;
use crate::counters::Counters;
use crate::handle::AttachError;
use crate::notices::Notices;
use crate::protocol::ids::{AccountId, ConnectionId};
use crate::receipts::{Receipts, Way};
use crate::session::{
    Adopt, Bodies, Deliver, Describe, OnlineAccount, Publish, SendAway, SessionActor, Sweep, TellMerged,
};
use crate::subject::{Ids, Observer, Time};
use crate::trace::{Trace, Traces};

/// Parts into which one sweep of all accounts is cut. 10: no tick is long.
const SLICES: u64 = 10;

/// What a registry is made from; crosses to its arbiter's thread.
pub(crate) struct Seed {
    pub index: usize,
    pub bus: Arc<dyn Bus>,
    pub config: Arc<EngineConfig>,
    pub time: Arc<dyn Time>,
    pub ids: Arc<dyn Ids>,
    pub counters: Arc<Counters>,
    pub receipts: Arc<Receipts>,
    pub notices: Arc<Notices>,
    pub observer: Arc<dyn Observer>,
    pub failure: watch::Sender<Option<String>>,
    pub stopping: Arc<AtomicBool>,
}

/// Hand this to the account's session actor.
#[derive(Message)]
#[rtype(result = "Result<ConnectionId, AttachError>")]
pub(crate) struct Attach(pub AccountId, pub Adopt);

/// Carry a change to the accounts of this shard that it may concern.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Carry {
    pub change: Arc<Change>,
    /// This shard's part of [`Audience::Accounts`].
    pub accounts: Vec<AccountId>,
    /// Goes with it to every account.
    pub way: Arc<Way>,
}

/// Name the accounts that listen to a topic.
#[derive(Message)]
#[rtype(result = "Vec<AccountId>")]
pub(crate) struct Listeners(pub Arc<str>);

/// Name those of these accounts that have no tab.
#[derive(Message)]
#[rtype(result = "Vec<AccountId>")]
pub(crate) struct Absent(pub Vec<AccountId>);

/// List the accounts online.
#[derive(Message)]
#[rtype(result = "Vec<OnlineAccount>")]
pub(crate) struct Census;

/// Ask the account's session actor; `None` when it has none here.
pub(crate) struct ToAccount<M>(pub AccountId, pub M);

impl<M: Message> Message for ToAccount<M> {
    type Result = Option<M::Result>;
}

/// Carry a publication to the accounts of this shard that listen.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Spread {
    pub publication: Arc<Publication>,
    /// This shard's part of [`Audience::Accounts`].
    pub accounts: Vec<AccountId>,
}

/// Find a message of late.
#[derive(Message)]
#[rtype(result = "Option<Arc<Trace>>")]
pub(crate) struct FindTrace(pub Arc<str>);

/// Send all tabs away, spread over the window.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct DrainTabs(pub Duration);

pub(crate) struct Registry {
    shard: Rc<Shard>,
    index: usize,
    bus: Arc<dyn Bus>,
    ticks: u64,
    drain: Option<(Instant, Duration)>,
    failure: watch::Sender<Option<String>>,
    stopping: Arc<AtomicBool>,
}

impl Registry {
    pub fn new(seed: Seed) -> Self {
        let wishes = (!seed.bus.is_alone()).then(Rc::<Wishes>::default);
        let shard = Rc::new(Shard {
            directory: RefCell::new(Directory::new(Arc::clone(&seed.counters), wishes.clone())),
            wishes: wishes.unwrap_or_default(),
            bodies: RefCell::new(Bodies::new(seed.config.shared_bodies)),
            traces: RefCell::new(Traces::new(seed.config.traces_kept)),
            config: seed.config,
            time: seed.time,
            ids: seed.ids,
            counters: seed.counters,
            receipts: seed.receipts,
            notices: seed.notices,
            observer: seed.observer,
            due: RefCell::default(),
            noticed: Cell::new(0),
            snapshot_reason: Arc::from("snapshot"),
            repair_reason: Arc::from("resync"),
            resume_reason: Arc::from("resume"),
        });
        Self {
            shard,
            index: seed.index,
            bus: seed.bus,
            ticks: 0,
            drain: None,
            failure: seed.failure,
            stopping: seed.stopping,
        }
    }

    fn start_session(&self, account: AccountId, guid: &str) {
        let generation = self.shard.directory.borrow_mut().next_generation();
        let session = SessionActor::new(Rc::clone(&self.shard), account, Arc::from(guid), generation);
        self.shard.directory.borrow_mut().insert(account, session.start(), generation);
    }

    pub(super) fn shard(&self) -> &Rc<Shard> {
        &self.shard
    }

    fn tick(&mut self) {
        self.ticks += 1;
        self.tell_due();
        let directory = self.shard.directory.borrow();
        let due = directory.all().filter(|(account, _)| account.0 as u64 % SLICES == self.ticks % SLICES);
        for (_, addr) in due {
            // A full mailbox has its actor's attention anyway; the next sweep comes.
            let _ = addr.try_send(Sweep);
        }
        let Some((since, window)) = self.drain else { return };
        let passed = since.elapsed().as_secs_f64() / window.as_secs_f64().max(0.001);
        for (account, addr) in directory.all() {
            if share(account) <= passed {
                // Repeated with every tick until the account is gone.
                let _ = addr.try_send(SendAway);
            }
        }
    }
}

impl Registry {
    /// Wakes the accounts whose window is over.
    fn tell_due(&self) {
        let now = self.shard.time.steady_ms();
        let mut due = self.shard.due.borrow_mut();
        let directory = self.shard.directory.borrow();
        while let Some(Reverse((at, account))) = due.peek().copied() {
            if at > now {
                return;
            }
            due.pop();
            let sent = directory.addr(account).map(|addr| addr.try_send(TellMerged));
            if let Some(Err(SendError::Full(_))) = sent {
                // Busy with what it was sent already: it is asked again with the next tick.
                due.push(Reverse((now + 1, account)));
                return;
            }
        }
    }
}

/// Spreads accounts evenly over 0..1.
fn share(account: AccountId) -> f64 {
    f64::from((crate::handle::spread(account) % 1000) as u32) / 1000.0
}

/// Sends to a session actor, waiting while its mailbox is full; `false` when there is none.
pub(super) async fn hand_over<M>(shard: &Shard, account: AccountId, mut message: M) -> bool
where
    M: Message<Result = ()> + Send + 'static,
    SessionActor: Handler<M>,
    <SessionActor as Actor>::Context: ToEnvelope<SessionActor, M>,
{
    loop {
        let sent = match shard.directory.borrow().addr(account) {
            Some(addr) => addr.try_send(message),
            None => return false,
        };
        match sent {
            Ok(()) => return true,
            Err(SendError::Closed(_)) => return false,
            Err(SendError::Full(back)) => message = back,
        }
        tokio::task::yield_now().await;
    }
}

impl Actor for Registry {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(self.shard.config.registry_mailbox);
        let tick = (self.shard.config.sweep_interval / SLICES as u32).max(Duration::from_millis(1));
        ctx.run_interval(tick, |registry, _| registry.tick());
        if !self.bus.is_alone() {
            let line = self.bus.line(&format!("shard-{}", self.index));
            ctx.spawn(follow_wishes(Rc::clone(&self.shard), line.ears()).into_actor(self));
            ctx.spawn(hear(Rc::clone(&self.shard), line).into_actor(self));
        }
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        if !self.stopping.load(Ordering::Acquire) {
            let failure = format!("registry shard {} has stopped", self.index);
            tracing::error!(
                shard = self.index,
                "a registry shard has stopped, the engine is no longer whole"
            );
            self.failure.send_replace(Some(failure));
        }
    }
}

impl Handler<Attach> for Registry {
    type Result = ResponseFuture<Result<ConnectionId, AttachError>>;

    fn handle(&mut self, Attach(account, mut adopt): Attach, _: &mut Self::Context) -> Self::Result {
        // What is noticed later reaches the tab through its actor's mailbox, behind this.
        adopt.since = self.shard.noticed.get().max(self.shard.notices.recalled());
        let known = self.shard.directory.borrow().addr(account).is_some_and(actix::Addr::connected);
        if !known {
            self.start_session(account, adopt.admission.subject.account_guid());
        }
        let mut directory = self.shard.directory.borrow_mut();
        directory.adopting(account);
        // Never refused for a full mailbox: one message a handshake, bounded by the handle's permits.
        let request = directory.addr(account).map(|addr| addr.send(adopt));
        Box::pin(async move {
            match request {
                Some(request) => request.await.unwrap_or(Err(AttachError::ShardGone)),
                None => Err(AttachError::ShardGone),
            }
        })
    }
}

impl Handler<Carry> for Registry {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, message: Carry, _: &mut Self::Context) -> Self::Result {
        let Carry { change, accounts, way } = message;
        let shard = Rc::clone(&self.shard);
        if let Effect::Notice(_) = change.effect {
            shard.noticed.set(shard.noticed.get().max(change.rev.0));
        }
        let mut refused: Vec<AccountId> = Vec::new();
        {
            let directory = shard.directory.borrow();
            let mut send = |account: AccountId| {
                let addr = directory.addr(account);
                let sent = addr.map(|addr| addr.try_send(Deliver(Arc::clone(&change), Arc::clone(&way))));
                if let Some(Err(SendError::Full(_))) = sent {
                    refused.push(account);
                }
            };
            match &change.audience {
                Audience::Accounts(_) => accounts.into_iter().for_each(&mut send),
                Audience::Holder(holder) => directory.with(*holder).for_each(&mut send),
                Audience::AnyOf(holders) => directory.with_any(holders).into_iter().for_each(&mut send),
                Audience::Everyone => directory.all().for_each(|(account, _)| send(account)),
            }
        }
        Box::pin(async move {
            for account in refused {
                hand_over(&shard, account, Deliver(Arc::clone(&change), Arc::clone(&way))).await;
            }
        })
    }
}

impl Handler<Census> for Registry {
    type Result = ResponseFuture<Vec<OnlineAccount>>;

    fn handle(&mut self, _: Census, _: &mut Self::Context) -> Self::Result {
        let directory = self.shard.directory.borrow();
        let requests: Vec<_> = directory.all().map(|(_, addr)| addr.send(Describe)).collect();
        Box::pin(async move {
            let mut online = Vec::with_capacity(requests.len());
            for request in requests {
                online.extend(request.await.ok().flatten());
            }
            online
        })
    }
}

impl<M> Handler<ToAccount<M>> for Registry
where
    M: Message + Send + 'static,
    M::Result: Send,
    SessionActor: Handler<M>,
    <SessionActor as Actor>::Context: ToEnvelope<SessionActor, M>,
{
    type Result = ResponseFuture<Option<M::Result>>;

    fn handle(&mut self, ToAccount(account, message): ToAccount<M>, _: &mut Self::Context) -> Self::Result {
        let request = self.shard.directory.borrow().addr(account).map(|addr| addr.send(message));
        Box::pin(async move { request?.await.ok() })
    }
}

impl Handler<Spread> for Registry {
    type Result = ResponseFuture<()>;

    /// A publication for many that finds a full mailbox is dropped there: it is told again when it matters. One for
    /// named accounts waits.
    fn handle(&mut self, message: Spread, _: &mut Self::Context) -> Self::Result {
        let Spread { publication, accounts } = message;
        let shard = Rc::clone(&self.shard);
        let mut refused: Vec<AccountId> = Vec::new();
        {
            let directory = shard.directory.borrow();
            let send = |account: AccountId| {
                let sent =
                    directory.addr(account).map(|addr| addr.try_send(Publish(Arc::clone(&publication))));
                if let Some(Err(SendError::Full(_))) = sent {
                    refused.push(account);
                }
            };
            match (&publication.audience, &publication.topic) {
                (Audience::Accounts(_), _) => accounts.into_iter().for_each(send),
                (_, Some(topic)) => directory.listening(topic).for_each(send),
                (Audience::Holder(holder), None) => directory.with(*holder).for_each(send),
                (Audience::AnyOf(holders), None) => directory.with_any(holders).into_iter().for_each(send),
                (Audience::Everyone, None) => directory.all().map(|(account, _)| account).for_each(send),
            }
        }
        let named = matches!(publication.audience, Audience::Accounts(_));
        Box::pin(async move {
            for account in refused {
                if named {
                    hand_over(&shard, account, Publish(Arc::clone(&publication))).await;
                } else {
                    shard.counters.count_dropped();
                }
            }
        })
    }
}

impl Handler<Listeners> for Registry {
    type Result = Vec<AccountId>;

    fn handle(&mut self, Listeners(topic): Listeners, _: &mut Self::Context) -> Self::Result {
        self.shard.directory.borrow().listening(&topic).collect()
    }
}

impl Handler<Absent> for Registry {
    type Result = Vec<AccountId>;

    fn handle(&mut self, Absent(mut accounts): Absent, _: &mut Self::Context) -> Self::Result {
        let directory = self.shard.directory.borrow();
        accounts.retain(|account| directory.addr(*account).is_none());
        accounts
    }
}

impl Handler<FindTrace> for Registry {
    type Result = Option<Arc<Trace>>;

    fn handle(&mut self, FindTrace(message_id): FindTrace, _: &mut Self::Context) -> Self::Result {
        self.shard.traces.borrow().find(&message_id)
    }
}

impl Handler<DrainTabs> for Registry {
    type Result = ();

    fn handle(&mut self, DrainTabs(window): DrainTabs, _: &mut Self::Context) {
        self.drain = Some((Instant::now(), window));
    }
}
