//! Clients that work while things break: business writes that a right guards, rights that come and go, sessions that are
//! ended and begun again, notices, and the tabs of everyone. Every operation goes to any node, and is noted.
//!
//! Who is refused goes on; who gets no answer does not know. Dead sessions are tried again and again: nothing may open.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::caller::{Answer, Caller, Request};
use super::cluster::Cluster;
use super::dice::Dice;
use super::history::{Deed, Event, Op, Outcome, Recorder};
use super::people::{People, RIGHT, Session, login, signed_in};
use super::tab::Tab;
use super::wait::pass;

/// Ended sessions that are still tried; the oldest is forgotten.
const GHOSTS: usize = 40;

/// What most operations are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mix {
    /// Business writes.
    Writes,
    /// Reads that no database is asked for.
    Reads,
}

/// How much work.
#[derive(Debug, Clone)]
pub struct Load {
    /// Clients that ask at one time.
    pub clients: usize,
    /// Each rests so long between two operations.
    pub rest: Duration,
    /// Tabs an account.
    pub tabs: usize,
    /// The longest that a tab stays on one connection before it changes to another node by itself, in milliseconds; 0:
    /// for ever.
    pub hop_ms: usize,
    pub mix: Mix,
}

/// See the head of this file. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Workload {
    rooms: Arc<Rooms>,
}

#[derive(Debug)]
struct Rooms {
    caller: Caller,
    recorder: Recorder,
    people: People,
    load: Load,
    admin: Session,
    hop_ms: Arc<AtomicUsize>,
    /// The node that the load balancer has taken out; the number of nodes: none.
    out: AtomicUsize,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    dice: Dice,
    ops: u64,
    sessions: Vec<Arc<Session>>,
    ghosts: Vec<Arc<Session>>,
    tabs: Vec<Tab>,
    opened: usize,
}

impl Workload {
    /// Signs everyone in and opens their tabs, while everything works.
    pub async fn begin(cluster: &Cluster, load: Load, seed: u64) -> Self {
        let (caller, people) = (cluster.caller.clone(), cluster.people.clone());
        let admin = signed_in(&caller, 0, &people.admin).await;
        let inner = Inner {
            dice: Dice::of(seed),
            ops: 0,
            sessions: Vec::new(),
            ghosts: Vec::new(),
            tabs: Vec::new(),
            opened: 0,
        };
        let recorder = cluster.recorder.clone();
        let (hop_ms, out) = (Arc::new(AtomicUsize::new(load.hop_ms)), AtomicUsize::new(caller.nodes()));
        let rooms = Rooms { caller, recorder, people, load, admin, hop_ms, out, inner: Mutex::new(inner) };
        let workload = Self { rooms: Arc::new(rooms) };
        for (number, person) in workload.rooms.people.accounts.iter().enumerate() {
            let node = number % workload.rooms.caller.nodes();
            workload.adopt(signed_in(&workload.rooms.caller, node, person).await);
        }
        workload
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.rooms.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens the tabs of a new session.
    fn adopt(&self, session: Session) {
        let session = Arc::new(session);
        let (caller, recorder) = (&self.rooms.caller, &self.rooms.recorder);
        let mut inner = self.inner();
        for _ in 0..self.rooms.load.tabs {
            let (number, seed) = (inner.opened, inner.dice.below(usize::MAX) as u64);
            inner.opened += 1;
            let manner = (seed, Arc::clone(&self.rooms.hop_ms));
            let tab = Tab::open(number, Arc::clone(&session), caller.clone(), recorder.clone(), manner);
            inner.tabs.push(tab);
        }
        inner.sessions.push(session);
    }

    /// Works until it is stopped; operations under way are finished.
    pub async fn run(&self, stop: watch::Receiver<bool>) {
        let mut clients = JoinSet::new();
        for _ in 0..self.rooms.load.clients {
            let (workload, stop) = (self.clone(), stop.clone());
            clients.spawn(async move {
                while !*stop.borrow() {
                    workload.operation().await;
                    pass(workload.rooms.load.rest).await;
                }
            });
        }
        while let Some(ended) = clients.join_next().await {
            ended.expect("a client does not crash");
        }
    }

    /// One change for everyone and one notice, by one node, after everything else: whoever misses the last one misses it
    /// for good, because nothing comes after it.
    pub async fn last_words(&self) {
        self.rooms.hop_ms.store(0, Ordering::Relaxed);
        let role = self.rooms.people.last_role;
        for person in &self.rooms.people.accounts {
            self.give(0, person.id, role).await;
        }
        self.notice(0).await;
    }

    /// Sends nothing new to a node, as a load balancer does with one that is to be stopped; `None`: to all again. Tabs
    /// come and go as they like.
    pub fn leave_out(&self, node: Option<usize>) {
        self.rooms.out.store(node.unwrap_or(self.rooms.caller.nodes()), Ordering::Relaxed);
    }

    fn node(&self) -> usize {
        let (all, out) = (self.rooms.caller.nodes(), self.rooms.out.load(Ordering::Relaxed));
        let node = self.inner().dice.below(all);
        if node == out { (node + 1) % all } else { node }
    }

    /// Looks at every tab.
    pub fn with_tabs<T>(&self, look: impl FnOnce(&[Tab]) -> T) -> T {
        look(&self.inner().tabs)
    }

    /// Closes every tab and hands them over.
    pub fn take_tabs(&self) -> Vec<Tab> {
        std::mem::take(&mut self.inner().tabs)
    }

    pub async fn operation(&self) {
        let node = self.node();
        let kind = self.inner().dice.below(100);
        match (kind, self.rooms.load.mix) {
            (0..15, Mix::Reads) => return self.look(node, false).await,
            (15..25, Mix::Reads) => return self.me(node, false).await,
            (25..42, Mix::Reads) => return self.me(node, true).await,
            _ => {}
        }
        match kind {
            0..42 => self.write(node, false).await,
            42..54 => self.look(node, false).await,
            54..64 => self.shift_role(node).await,
            64..73 => self.shift_right(node).await,
            73..75 => self.kick(node).await,
            75..80 => self.sign_in(node).await,
            80..84 => self.refresh(node).await,
            84..88 => self.notice(node).await,
            88..92 => self.write(node, true).await,
            92..96 => self.look(node, true).await,
            _ => self.me(node, kind.is_multiple_of(2)).await,
        }
    }

    /// Runs one operation and notes it; answers what came.
    pub async fn run_op(&self, node: usize, sid: &str, deed: Deed, mut request: Request) -> Answer {
        let number = {
            let mut inner = self.inner();
            inner.ops += 1;
            inner.ops
        };
        request.id = format!("chaos-{number:06}");
        let began = self.rooms.recorder.now();
        let answer = self.rooms.caller.ask(node, &request).await;
        let outcome = outcome(&answer);
        let ended = self.rooms.recorder.now();
        let op = Op { id: request.id, deed, sid: sid.to_owned(), node, began, ended, outcome };
        self.rooms.recorder.note(Event::Op(op));
        answer
    }

    fn session(&self, dead: bool) -> Option<Arc<Session>> {
        let mut inner = self.inner();
        let Inner { dice, sessions, ghosts, .. } = &mut *inner;
        let from = if dead { ghosts } else { sessions };
        (!from.is_empty()).then(|| dice.pick(from))
    }

    /// Sends a session's request; whoever is told that it has ended believes it.
    async fn as_session(&self, node: usize, session: &Arc<Session>, deed: Deed, request: Request) {
        let answer = self.run_op(node, &session.sid, deed, request).await;
        if matches!(answer, Answer::Given(401, _)) && answer.code() == "session_revoked" {
            session.end();
            self.bury(session);
        }
    }

    fn bury(&self, session: &Arc<Session>) {
        let mut inner = self.inner();
        inner.sessions.retain(|living| living.sid != session.sid);
        if inner.ghosts.iter().all(|ghost| ghost.sid != session.sid) {
            inner.ghosts.push(Arc::clone(session));
            let many = inner.ghosts.len().saturating_sub(GHOSTS);
            inner.ghosts.drain(..many);
        }
    }

    async fn write(&self, node: usize, dead: bool) {
        if let Some(session) = self.session(dead) {
            self.write_as(node, &session).await;
        }
    }

    async fn look(&self, node: usize, dead: bool) {
        if let Some(session) = self.session(dead) {
            self.look_as(node, &session).await;
        }
    }

    async fn me(&self, node: usize, dead: bool) {
        if let Some(session) = self.session(dead) {
            self.me_as(node, &session).await;
        }
    }

    /// A session's business write.
    pub async fn write_as(&self, node: usize, session: &Arc<Session>) {
        let account = session.person.id;
        let phone = format!("138{:08}", self.inner().dice.below(100_000_000));
        let place = self.rooms.people.accounts.iter().position(|person| person.id == account);
        let target = self.rooms.people.targets[place.unwrap_or_default()];
        let path = format!("/api/accounts/users/{target}/");
        let request = call(Method::PATCH, path, json!({ "phone": phone }), &session.access());
        self.as_session(node, session, Deed::Write { account }, request).await;
    }

    /// A session's guarded read, from memory.
    pub async fn look_as(&self, node: usize, session: &Arc<Session>) {
        let request = call(Method::GET, "/api/v1/online-users".to_owned(), Value::Null, &session.access());
        self.as_session(node, session, Deed::Look { account: session.person.id }, request).await;
    }

    /// A session's read of itself, from memory.
    pub async fn me_as(&self, node: usize, session: &Arc<Session>) {
        let path = "/api/v1/me/permissions".to_owned();
        let request = call(Method::GET, path, Value::Null, &session.access());
        self.as_session(node, session, Deed::Me, request).await;
    }

    /// The administrator takes a role.
    pub async fn take(&self, node: usize, account: i64, role: i64) -> Answer {
        let (deed, path) = (Deed::Take { account, role }, format!("/api/v1/accounts/{account}/roles/{role}"));
        self.as_admin(node, deed, Method::DELETE, path, Value::Null).await
    }

    /// The administrator gives a role.
    pub async fn give(&self, node: usize, account: i64, role: i64) -> Answer {
        let (deed, path) = (Deed::Give { account, role }, format!("/api/v1/accounts/{account}/roles/{role}"));
        self.as_admin(node, deed, Method::POST, path, json!({})).await
    }

    /// The administrator ends a session.
    pub async fn end(&self, node: usize, session: &Arc<Session>) -> Answer {
        let sid = session.sid.clone();
        let path = format!("/api/v1/sessions/{sid}?reason=chaos");
        let answer = self.as_admin(node, Deed::Kick { sid }, Method::DELETE, path, Value::Null).await;
        if answer.good().is_some() {
            self.bury(session);
        }
        answer
    }

    /// The sessions that nobody has ended, in the order of their beginning.
    pub fn sessions(&self) -> Vec<Arc<Session>> {
        self.inner().sessions.clone()
    }

    async fn shift_role(&self, node: usize) {
        let (account, role, gives) = {
            let mut inner = self.inner();
            let account = inner.dice.pick(&self.rooms.people.accounts).id;
            (account, inner.dice.pick(&self.rooms.people.roles), inner.dice.below(2) == 0)
        };
        if gives {
            self.give(node, account, role).await
        } else {
            self.take(node, account, role).await
        };
    }

    async fn shift_right(&self, node: usize) {
        let (role, gives) = {
            let mut inner = self.inner();
            (inner.dice.pick(&self.rooms.people.roles), inner.dice.below(2) == 0)
        };
        let (how, deed) = if gives { ("add", Deed::Allow { role }) } else { ("remove", Deed::Deny { role }) };
        let body = json!({ "permissions": RIGHT, "confirm": true });
        self.as_admin(node, deed, Method::POST, format!("/api/v1/roles/{role}/permissions/{how}"), body)
            .await;
    }

    async fn kick(&self, node: usize) {
        if let Some(session) = self.session(false) {
            self.end(node, &session).await;
        }
    }

    /// Signs in whoever has no session.
    async fn sign_in(&self, node: usize) {
        let person = {
            let inner = self.inner();
            let alone = |id: i64| inner.sessions.iter().all(|session| session.person.id != id);
            self.rooms.people.accounts.iter().find(|person| alone(person.id)).cloned()
        };
        let Some(person) = person else { return };
        let request = login(&person, String::new());
        let answer = self.run_op(node, "", Deed::Login { account: person.id }, request).await;
        if let Some(body) = answer.good() {
            self.adopt(Session::of(&person, body));
        }
    }

    async fn refresh(&self, node: usize) {
        let Some(session) = self.session(false) else { return };
        let body = json!({ "refresh": session.refresh() });
        let request = call(Method::POST, "/api/auth/refresh/".to_owned(), body, "");
        if let Some(body) = self.run_op(node, &session.sid, Deed::Refresh, request).await.good() {
            session.renew(body);
        }
    }

    /// The administrator tells everyone something.
    pub async fn notice(&self, node: usize) {
        let title = format!("notice {}", self.inner().dice.below(1_000_000));
        let body = json!({ "title": title, "content": "chaos", "category": "chaos", "severity": "info" });
        let path = "/api/v1/notifications/broadcast".to_owned();
        self.as_admin(node, Deed::Notice { title }, Method::POST, path, body).await;
    }

    pub async fn as_admin(
        &self,
        node: usize,
        deed: Deed,
        method: Method,
        path: String,
        body: Value,
    ) -> Answer {
        let request = call(method, path, body, &self.rooms.admin.access());
        self.run_op(node, &self.rooms.admin.sid, deed, request).await
    }
}

fn call(method: Method, path: String, body: Value, token: &str) -> Request {
    Request { method, path, body, token: token.to_owned(), id: String::new() }
}

/// What an answer says about what was done: a failure of the server's says nothing.
fn outcome(answer: &Answer) -> Outcome {
    match answer {
        Answer::Given(200..=299, body) => Outcome::Done { rev: body["rev"].as_i64() },
        Answer::Given(status @ 500.., _) => Outcome::Unknown { cause: format!("{status} {}", answer.code()) },
        Answer::Given(status, _) => Outcome::Refused { status: *status, code: answer.code().to_owned() },
        Answer::NotSent => Outcome::Refused { status: 0, code: "not sent".to_owned() },
        Answer::Lost(cause) => {
            let why = if cause.contains("TimedOut") { "no answer in time" } else { "connection lost" };
            Outcome::Unknown { cause: why.to_owned() }
        }
    }
}
