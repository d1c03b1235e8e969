//! A small application in front of the engine, and a small client behind a socket.

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_http::ws::{OpCode, Parser};
use bytes::{Bytes, BytesMut};
use livegrant_actors::bus::memory::MemoryBus;
use livegrant_actors::{
    AccountId, Admission, ApplicationId, AttachError, Audience, Change, ClientInfo, CompanyId, ConnectionId,
    Effect, EndCode, Engine, EngineConfig, EngineHandle, Holder, Ids, KEY_BYTES, Key, Nobody, NodeId,
    Observer, Operator, Outside, Position, Rev, RoleId, RoleView, SessionId, State, Subject, Time, Wishes,
};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// How long a test waits for what must come.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// A clock that stands until it is moved.
pub struct Clock(AtomicI64);

impl Time for Clock {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

struct Counting(AtomicU64);

impl Ids for Counting {
    fn message_id(&self) -> Arc<str> {
        format!("message-{}", self.0.fetch_add(1, Ordering::SeqCst)).into()
    }

    fn connection_id(&self) -> ConnectionId {
        ConnectionId::from(format!("connection-{}", self.0.fetch_add(1, Ordering::SeqCst)))
    }

    fn key(&self) -> Key {
        [self.0.fetch_add(1, Ordering::SeqCst) as u8; KEY_BYTES]
    }
}

/// What accounts may do, as an application would keep it in memory.
#[derive(Default)]
pub struct Policy {
    states: Mutex<HashMap<AccountId, Arc<State>>>,
    past: Mutex<Vec<(AccountId, Arc<State>)>>,
    /// What everyone may hear.
    pub topics: Mutex<BTreeSet<&'static str>>,
}

impl Policy {
    pub fn set(&self, account: i64, rev: i64, codes: &[&str], roles: &[i64]) {
        let codes: BTreeSet<&str> = codes.iter().copied().collect();
        let roles: Vec<RoleView> = roles
            .iter()
            .map(|id| RoleView { id: RoleId(*id), code: format!("role-{id}").into(), name: "Role".into() })
            .collect();
        let holders = roles.iter().map(|role| Holder::Role(role.id)).collect();
        let state = State {
            epoch: "epoch".into(),
            rev: Rev(rev),
            hash: format!("{codes:?}{:?}", roles.iter().map(|role| role.id).collect::<Vec<_>>()).into(),
            menu_version: "menu".into(),
            data_scope_version: None,
            permissions: codes.into_iter().map(Arc::from).collect(),
            roles: roles.into(),
            positions: Arc::new([]),
            holders,
        };
        let before = self.states.lock().unwrap().insert(AccountId(account), Arc::new(state));
        self.past.lock().unwrap().extend(before.map(|before| (AccountId(account), before)));
    }

    fn at(&self, account: AccountId, position: &Position) -> Option<Arc<State>> {
        let past = self.past.lock().unwrap();
        let named = |state: &State| position.is_at(state) && state.rev == position.rev;
        past.iter()
            .find(|(whose, state)| *whose == account && named(state))
            .map(|(_, state)| Arc::clone(state))
    }

    fn get(&self, account: AccountId) -> Arc<State> {
        Arc::clone(&self.states.lock().unwrap()[&account])
    }
}

/// A defect of the application.
#[derive(Clone, Copy, PartialEq)]
pub enum Broken {
    /// Found by the registry.
    Guid,
    /// Found by the session actor.
    State,
}

/// A signed-in session.
pub struct Login {
    account: AccountId,
    guid: String,
    sid: SessionId,
    pub active: AtomicBool,
    /// Panics where the engine asks.
    pub broken: Mutex<Option<Broken>>,
    policy: Arc<Policy>,
}

impl Subject for Login {
    fn account(&self) -> AccountId {
        self.account
    }
    fn account_guid(&self) -> &str {
        assert!(*self.broken.lock().unwrap() != Some(Broken::Guid), "a defect, on purpose");
        &self.guid
    }
    fn session(&self) -> &SessionId {
        &self.sid
    }
    fn view(&self) -> (ApplicationId, CompanyId) {
        (ApplicationId(1), CompanyId(1))
    }
    fn is_active(&self) -> bool {
        self.active.load(Ordering::SeqCst)
    }
    fn state(&self) -> Arc<State> {
        let broken = *self.broken.lock().unwrap();
        assert!(broken != Some(Broken::State), "a defect, on purpose");
        self.policy.get(self.account)
    }
    fn state_at(&self, position: &Position) -> Option<Arc<State>> {
        self.policy.at(self.account, position)
    }
    fn may_hear(&self, topic: &str) -> bool {
        self.policy.topics.lock().unwrap().contains(topic)
    }
}

/// How much the kernel keeps for a client.
enum Width {
    Usual,
    Narrow,
}

/// The engine with its application.
pub struct World {
    pub engine: EngineHandle,
    pub clock: Arc<Clock>,
    pub policy: Arc<Policy>,
}

impl World {
    /// A world without sweeps: only changes are told.
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    /// A world whose tabs are swept all the time.
    pub fn swept() -> Self {
        Self::with(|config| config.sweep_interval = Duration::from_millis(20))
    }

    pub fn with(change: impl FnOnce(&mut EngineConfig)) -> Self {
        Self::on(MemoryBus::alone(NodeId(1)), change)
    }

    /// A world somebody watches.
    pub fn watched(observer: Arc<dyn Observer>, change: impl FnOnce(&mut EngineConfig)) -> Self {
        Self::watched_on(MemoryBus::alone(NodeId(1)), observer, change)
    }

    /// One node of several.
    pub fn on(bus: MemoryBus, change: impl FnOnce(&mut EngineConfig)) -> Self {
        Self::watched_on(bus, Arc::new(Nobody), change)
    }

    /// The same, and somebody watches.
    pub fn watched_on(
        bus: MemoryBus,
        observer: Arc<dyn Observer>,
        change: impl FnOnce(&mut EngineConfig),
    ) -> Self {
        let mut config = EngineConfig {
            sweep_interval: Duration::from_hours(1),
            merge_window: Duration::ZERO,
            ..EngineConfig::default()
        };
        change(&mut config);
        let clock = Arc::new(Clock(AtomicI64::new(1_000_000)));
        let ids = Arc::new(Counting(AtomicU64::new(1)));
        let bus = Arc::new(bus);
        let time = Arc::clone(&clock) as _;
        let engine = Engine::start(config, Outside { bus, time, ids, observer });
        Self { engine, clock, policy: Arc::default() }
    }

    pub fn now(&self) -> i64 {
        self.clock.now_ms()
    }

    pub fn pass(&self, time: Duration) {
        self.clock.0.fetch_add(time.as_millis() as i64, Ordering::SeqCst);
    }

    pub fn login(&self, account: i64, sid: &str) -> Arc<Login> {
        Arc::new(Login {
            account: AccountId(account),
            guid: format!("guid-{account}"),
            sid: sid.into(),
            active: AtomicBool::new(true),
            broken: Mutex::new(None),
            policy: Arc::clone(&self.policy),
        })
    }

    pub async fn try_attach(&self, login: &Arc<Login>, leftover: &[u8]) -> (Tab, Result<(), AttachError>) {
        self.try_attach_until(login, leftover, i64::MAX).await
    }

    pub async fn try_attach_until(
        &self,
        login: &Arc<Login>,
        leftover: &[u8],
        expires_at: i64,
    ) -> (Tab, Result<(), AttachError>) {
        self.attach_through(&Width::Usual, login, leftover, expires_at).await
    }

    async fn attach_through(
        &self,
        width: &Width,
        login: &Arc<Login>,
        leftover: &[u8],
        expires_at: i64,
    ) -> (Tab, Result<(), AttachError>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let socket = TcpSocket::new_v4().unwrap();
        if matches!(width, Width::Narrow) {
            socket.set_recv_buffer_size(4_096).unwrap();
        }
        let client = socket.connect(listener.local_addr().unwrap()).await.unwrap();
        let (server, _) = listener.accept().unwrap();
        let admission = admission(login, Wishes::default(), expires_at);
        let result = self.engine.attach(server, Bytes::copy_from_slice(leftover), admission).await;
        (Tab { socket: client, buffer: BytesMut::new() }, result.map(|_| ()))
    }

    /// Connects a tab without reading its snapshot.
    pub async fn connect(&self, login: &Arc<Login>) -> Tab {
        let (tab, result) = self.try_attach(login, &[]).await;
        result.unwrap();
        tab
    }

    /// Connects a tab and reads its snapshot.
    pub async fn open(&self, login: &Arc<Login>) -> Tab {
        let mut tab = self.connect(login).await;
        let snapshot = tab.message().await;
        assert_eq!(snapshot["data"]["reason"], "snapshot");
        tab
    }

    /// Opens a tab of which the kernel keeps little, so that it is soon full.
    pub async fn open_narrow(&self, login: &Arc<Login>) -> Tab {
        let (mut tab, result) = self.attach_through(&Width::Narrow, login, &[], i64::MAX).await;
        result.unwrap();
        tab.message().await;
        tab
    }

    pub async fn apply(&self, rev: i64, effect: Effect, audience: Audience) {
        let change = Change {
            rev: Rev(rev),
            accepted_at: self.now(),
            operator: Some(Operator { id: AccountId(1), name: "admin".into() }),
            reason: "saved".into(),
            effect,
            audience,
        };
        self.engine.apply(change).await.unwrap();
    }

    pub async fn refresh(&self, rev: i64, audience: Audience) {
        self.apply(rev, Effect::Refresh { always: false }, audience).await;
    }

    pub async fn end(&self, rev: i64, account: i64, sids: Option<&[&str]>, keep: Option<&str>) {
        let sids = sids.map(|sids| sids.iter().map(|sid| SessionId::from(*sid)).collect());
        let keep = keep.map(SessionId::from);
        let effect =
            Effect::EndSessions { sids, keep, code: EndCode::SessionKicked, reason: "kicked".into() };
        self.apply(rev, effect, accounts(&[account])).await;
    }

    pub fn closed(&self, reason: &str) -> u64 {
        self.engine.stats().closed[reason]
    }
}

/// Connects two ends of a socket.
pub async fn sockets() -> (TcpStream, std::net::TcpStream) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    (client, listener.accept().unwrap().0)
}

pub fn admission(login: &Arc<Login>, wishes: Wishes, expires_at: i64) -> Admission {
    let client = ClientInfo { ip: IpAddr::V4(Ipv4Addr::LOCALHOST), browser: "test".into() };
    Admission { subject: Arc::clone(login) as _, expires_at, client, wishes }
}

impl Drop for World {
    fn drop(&mut self) {
        self.engine.stop();
    }
}

pub fn accounts(ids: &[i64]) -> Audience {
    Audience::Accounts(ids.iter().copied().map(AccountId).collect())
}

/// Waits until a condition holds that no future announces.
pub async fn until(what: &str, condition: impl Fn() -> bool) {
    let wait = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("waited in vain until {what}"));
}

/// What a client receives.
#[derive(Debug, PartialEq)]
pub enum Got {
    Text(Value),
    Ping,
    Pong(Vec<u8>),
    Close(u16, String),
    End,
}

/// A client.
pub struct Tab {
    pub socket: TcpStream,
    buffer: BytesMut,
}

impl Tab {
    pub fn on(socket: TcpStream) -> Self {
        Self { socket, buffer: BytesMut::new() }
    }

    pub async fn next(&mut self) -> Got {
        tokio::time::timeout(PATIENCE, self.receive()).await.expect("nothing came")
    }

    async fn receive(&mut self) -> Got {
        loop {
            if let Some((_, op, payload)) = Parser::parse(&mut self.buffer, false, 1 << 24).unwrap() {
                let payload = payload.unwrap_or_default();
                return match op {
                    OpCode::Text => Got::Text(serde_json::from_slice(&payload).unwrap()),
                    OpCode::Ping => Got::Ping,
                    OpCode::Pong => Got::Pong(payload.to_vec()),
                    OpCode::Close => Got::Close(
                        u16::from_be_bytes([payload[0], payload[1]]),
                        String::from_utf8(payload[2..].to_vec()).unwrap(),
                    ),
                    other => panic!("unexpected {other:?}"),
                };
            }
            match self.socket.read_buf(&mut self.buffer).await {
                Ok(1..) => {}
                Ok(0) | Err(_) => return Got::End,
            }
        }
    }

    pub async fn message(&mut self) -> Value {
        match self.next().await {
            Got::Text(message) => message,
            other => panic!("expected a message, got {other:?}"),
        }
    }

    /// Reads up to the close and gives its code.
    pub async fn close_code(&mut self) -> u16 {
        loop {
            match self.next().await {
                Got::Close(code, _) => return code,
                Got::End => panic!("ended without a close"),
                _ => {}
            }
        }
    }

    pub async fn send(&mut self, op: OpCode, payload: &[u8]) {
        self.send_raw(&frame(true, op, payload)).await;
    }

    pub async fn say(&mut self, text: &str) {
        self.send(OpCode::Text, text.as_bytes()).await;
    }

    pub async fn send_raw(&mut self, bytes: &[u8]) {
        self.socket.write_all(bytes).await.unwrap();
    }

    /// Proves that nothing is under way to this tab: the answer to a ping is the next thing that comes.
    pub async fn hears_nothing(&mut self) {
        self.send(OpCode::Ping, b"quiet?").await;
        assert_eq!(self.next().await, Got::Pong(b"quiet?".to_vec()));
    }
}

pub fn frame(fin: bool, op: OpCode, payload: &[u8]) -> BytesMut {
    let mut bytes = BytesMut::new();
    Parser::write_message(&mut bytes, payload, op, fin, true);
    bytes
}
