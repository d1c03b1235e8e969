//! A tab that follows the rules for clients (`docs/protocol.md`) on a bad network: it comes back to its place on any
//! node, notes everything that it is told, and stays away only when it must.
//!
//! It keeps its state by what it is told and judges nothing: the checkers do.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::caller::{Caller, Request};
use super::dice::Dice;
use super::history::{Event, Recorder};
use super::people::Session;
use super::wait::{at_most, pass};

/// Silence after which a tab asks whether the server is there, and, after as much again, leaves.
const SILENCE: Duration = Duration::from_secs(4);
/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// The longest wait before a tab comes back, in milliseconds; real clients wait longer.
const BACKOFF_MS: usize = 400;

/// A tab that stays.
const FOR_EVER: Duration = Duration::from_hours(365 * 24);

/// A role as a tab is told it: id, code and name.
pub type Role = (i64, String, String);

/// What a tab knows.
#[derive(Debug, Clone, Default)]
pub struct State {
    pub epoch: String,
    pub rev: i64,
    pub hash: String,
    pub inbox_seq: i64,
    pub permissions: Vec<String>,
    pub roles: Vec<Role>,
    pub menu_version: String,
    /// On which node it is open now.
    pub open: Option<usize>,
    /// It was told to stay away.
    pub over: bool,
}

/// See the head of this file.
#[derive(Debug)]
pub struct Tab {
    pub number: usize,
    pub session: Arc<Session>,
    state: Arc<Mutex<State>>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Tab {
    /// Opens a tab that changes to another node after at most that many milliseconds, by itself; 0: never.
    pub fn open(
        number: usize,
        session: Arc<Session>,
        caller: Caller,
        recorder: Recorder,
        (seed, hop_ms): (u64, Arc<AtomicUsize>),
    ) -> Self {
        let (stop, stopped) = watch::channel(false);
        let state = Arc::<Mutex<State>>::default();
        let life = Life {
            number,
            session: Arc::clone(&session),
            caller,
            recorder,
            dice: Dice::of(seed),
            hop_ms,
            state: Arc::clone(&state),
        };
        let task = tokio::spawn(life.run(stopped));
        Self { number, session, state, stop, task }
    }

    pub fn state(&self) -> State {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Leaves, as a tab that is closed.
    pub async fn close(self) {
        self.stop.send_replace(true);
        self.task.await.expect("a tab does not crash");
    }
}

struct Life {
    number: usize,
    session: Arc<Session>,
    caller: Caller,
    recorder: Recorder,
    dice: Dice,
    hop_ms: Arc<AtomicUsize>,
    state: Arc<Mutex<State>>,
}

/// What a tab does after a connection.
enum Next {
    ComeBack,
    Refresh,
    StayAway,
}

type Socket = WebSocketStream<TcpStream>;

impl Life {
    async fn run(mut self, mut stopped: watch::Receiver<bool>) {
        loop {
            let turn = async {
                let longest = match self.hop_ms.load(Ordering::Relaxed) {
                    0 => FOR_EVER,
                    hop => Duration::from_millis(100 + self.dice.below(hop) as u64),
                };
                // Whoever leaves by himself says nothing: as a tab that was moved to another network.
                let hop_ms = Arc::clone(&self.hop_ms);
                let leaves = async {
                    pass(longest).await;
                    if hop_ms.load(Ordering::Relaxed) == 0 {
                        // Nobody is to move any more, also who had meant to.
                        std::future::pending::<()>().await;
                    }
                };
                let next = tokio::select! {
                    next = self.connection() => next,
                    () = leaves => Next::ComeBack,
                };
                self.change(|state| state.open = None);
                match next {
                    Next::ComeBack => {}
                    Next::Refresh => self.refresh().await,
                    Next::StayAway => {
                        self.session.end();
                        self.change(|state| state.over = true);
                        return false;
                    }
                }
                pass(Duration::from_millis(10 + self.dice.below(BACKOFF_MS) as u64)).await;
                true
            };
            tokio::select! {
                // Its state says where it was open to the end.
                _ = stopped.wait_for(|stop| *stop) => return,
                goes_on = turn => if !goes_on { return },
            }
        }
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn connection(&mut self) -> Next {
        let node = self.dice.below(self.caller.nodes());
        let asked = self.recorder.now();
        let mut socket = match at_most(HANDSHAKE, self.handshake(node)).await {
            Some(Ok(socket)) => socket,
            Some(Err(next)) => return next,
            None => return Next::ComeBack,
        };
        let mut silent = false;
        loop {
            let message = match at_most(SILENCE, socket.next()).await {
                Some(Some(Ok(message))) => message,
                None if !silent => {
                    silent = true;
                    if say(&mut socket, json!({ "type": "ping" })).await {
                        continue;
                    }
                    return self.lost();
                }
                None | Some(None | Some(Err(_))) => return self.lost(),
            };
            silent = false;
            match message {
                Message::Text(text) => {
                    let frame: Value = serde_json::from_str(&text).expect("frames are JSON");
                    if let Some(answer) = self.take(&frame, node, asked)
                        && !say(&mut socket, answer).await
                    {
                        return self.lost();
                    }
                }
                Message::Close(frame) => {
                    let code = frame.map_or(1006, |frame| u16::from(frame.code));
                    self.recorder.note(Event::Closed { tab: self.number, code: Some(code) });
                    return match code {
                        4001 => Next::Refresh,
                        4500..=4999 => Next::StayAway,
                        _ => Next::ComeBack,
                    };
                }
                _ => {}
            }
        }
    }

    fn lost(&self) -> Next {
        self.recorder.note(Event::Closed { tab: self.number, code: None });
        Next::ComeBack
    }

    async fn handshake(&self, node: usize) -> Result<Socket, Next> {
        let port = self.caller.port(node);
        let place = self.change(|state| {
            let State { epoch, rev, hash, inbox_seq, .. } = &*state;
            (!epoch.is_empty()).then(|| format!("?resume={epoch}:{rev}:{hash}:{inbox_seq}"))
        });
        let url = format!("ws://127.0.0.1:{port}/ws/permission{}", place.unwrap_or_default());
        let mut request = url.into_client_request().expect("an address");
        let headers = request.headers_mut();
        let bearer = format!("Bearer {}", self.session.access());
        headers.insert("authorization", bearer.parse().expect("a token is plain text"));
        headers.insert("sec-websocket-protocol", "wsp.v1".parse().expect("plain text"));
        let stream = TcpStream::connect(("127.0.0.1", port)).await.map_err(|_| Next::ComeBack)?;
        match tokio_tungstenite::client_async(request, stream).await {
            Ok((socket, _)) => Ok(socket),
            Err(Error::Http(answer)) => {
                let body = answer.body().as_deref().unwrap_or_default();
                let problem: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
                Err(match problem["code"].as_str() {
                    Some("session_revoked") => Next::StayAway,
                    Some("token_expired") => Next::Refresh,
                    _ => Next::ComeBack,
                })
            }
            Err(_) => Err(Next::ComeBack),
        }
    }

    /// Takes a message; answers what is to be said to it.
    fn take(&self, frame: &Value, node: usize, asked: u64) -> Option<Value> {
        let (tab, data) = (self.number, &frame["data"]);
        let number = |name: &str| data[name].as_i64().unwrap_or_default();
        let text = |name: &str| data[name].as_str().unwrap_or_default().to_owned();
        match frame["type"].as_str().unwrap_or_default() {
            "CONNECTED" => {
                let (rev, inbox_seq, hash, resume) =
                    (number("rev"), number("inboxSeq"), text("hash"), text("resume"));
                self.change(|state| {
                    state.open = Some(node);
                    state.inbox_seq = state.inbox_seq.max(inbox_seq);
                    if resume == "current" {
                        // The same state may have another revision on another node.
                        state.rev = rev;
                    }
                });
                let sid = self.session.sid.clone();
                self.recorder.note(Event::Opened { tab, sid, node, resume, inbox_seq, rev, hash, asked });
                None
            }
            "PERMISSION_UPDATE" => {
                let (rev, prev) = (number("rev"), data["prevRev"].as_i64());
                let (epoch, hash) = (text("epoch"), text("hash"));
                let continues =
                    prev.is_none() || self.change(|state| prev == Some(state.rev) && state.epoch == epoch);
                self.recorder.note(Event::Applied {
                    tab,
                    epoch: epoch.clone(),
                    rev,
                    prev,
                    hash: hash.clone(),
                });
                self.change(|state| {
                    (state.epoch, state.rev, state.hash) = (epoch, rev, hash);
                    state.permissions = texts(&data["permissions"]);
                    state.roles = roles(&data["roles"]);
                    state.menu_version = text("menuVersion");
                });
                Some(if continues {
                    json!({ "type": "ack", "permissionVersion": rev })
                } else {
                    json!({ "type": "snapshot" })
                })
            }
            "CHECKPOINT" => {
                let agrees = self.change(|state| state.hash == text("hash") && state.epoch == text("epoch"));
                (!agrees).then(|| json!({ "type": "snapshot" }))
            }
            "SYSTEM_NOTICE" => {
                let seq = number("seq");
                self.change(|state| state.inbox_seq = state.inbox_seq.max(seq));
                self.recorder.note(Event::Noticed { tab, seq });
                None
            }
            // What came to the inbox alone is another account of places.
            "RESYNC" if text("of") == "inbox" => None,
            "RESYNC" => {
                self.recorder.note(Event::Resync { tab, from: number("from"), to: number("to") });
                self.change(|state| state.inbox_seq = state.inbox_seq.max(number("to")));
                None
            }
            _ => None,
        }
    }

    async fn refresh(&mut self) {
        let request = Request {
            method: reqwest::Method::POST,
            path: "/api/auth/refresh/".to_owned(),
            body: json!({ "refresh": self.session.refresh() }),
            token: String::new(),
            id: String::new(),
        };
        let node = self.dice.below(self.caller.nodes());
        if let Some(body) = self.caller.ask(node, &request).await.good() {
            self.session.renew(body);
        }
    }
}

async fn say(socket: &mut Socket, message: Value) -> bool {
    let sent = at_most(SILENCE, socket.send(Message::text(message.to_string()))).await;
    matches!(sent, Some(Ok(())))
}

fn texts(list: &Value) -> Vec<String> {
    serde_json::from_value(list.clone()).expect("a list of texts")
}

fn roles(list: &Value) -> Vec<Role> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let rows = list.as_array().into_iter().flatten();
    rows.map(|row| (row["id"].as_i64().unwrap_or_default(), text(&row["code"]), text(&row["name"]))).collect()
}
