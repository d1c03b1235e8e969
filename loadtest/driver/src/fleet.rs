//! The tabs of one hand on one thread: nonblocking sockets on epoll, some hundreds of bytes each, one buffer for all.
//! While a round is measured it looks for frames between short naps instead of waiting in the kernel: a server that must
//! wake its client for every frame would pay 2 to 5 µs a frame that a real network does not charge it.

use std::collections::{HashSet, VecDeque};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::Context;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token, Waker};
use serde_json::Value;
use socket2::{Domain, Socket, Type};

use crate::book::Book;
use crate::frame;
use crate::order::{Aim, Tally};
use crate::tab::{Heard, Stage, Tab};

/// Handshakes under way at one time: what a listener's queue of 128 takes without dropping any.
const IN_FLIGHT: usize = 128;
/// Connections from one source address: a tenth of its ports, so that one that was closed rests a while.
const TABS_AN_ADDRESS: usize = 4_000;
/// The first and the last port that tabs take.
const PORTS: (u16, u16) = (10_000, 60_000);
/// Ports that may be taken by others one behind the other.
const TRIES: usize = 100;
/// Read at once: more than any state.
const CHUNK: usize = 256 * 1024;
/// The nap between two looks in a measured round.
pub const NAP: Duration = Duration::from_micros(200);
/// The token of the waker, beyond every tab.
const WAKER: Token = Token(usize::MAX);

/// The tabs.
pub struct Fleet {
    poll: Poll,
    events: Events,
    pub aim: Aim,
    tokens: Vec<String>,
    pub tabs: Vec<Tab>,
    chunk: Vec<u8>,
    waiting: VecDeque<usize>,
    in_flight: usize,
    port: u16,
    /// Newly connecting tabs say which state they know.
    pub resume: bool,
    pub book: Book,
}

impl Fleet {
    /// Reads the tokens; connects nothing yet.
    pub fn new(aim: Aim) -> anyhow::Result<Self> {
        anyhow::ensure!(!aim.addresses.is_empty(), "no server is named");
        let accounts = aim.tabs.div_ceil(aim.tabs_per_account.max(1));
        let tokens = match &aim.accounts {
            Some(file) => {
                let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
                let lines = text.lines().skip(1 + aim.skip).take(accounts);
                let tokens: Vec<String> = lines.map(token_of).collect::<anyhow::Result<_>>()?;
                anyhow::ensure!(tokens.len() == accounts, "{} has too few accounts", file.display());
                tokens
            }
            None => Vec::new(),
        };
        let tabs = (0..aim.tabs).map(|number| Tab::new(number / aim.tabs_per_account.max(1))).collect();
        Ok(Self {
            poll: Poll::new()?,
            events: Events::with_capacity(1024),
            aim,
            tokens,
            tabs,
            chunk: vec![0; CHUNK],
            waiting: VecDeque::new(),
            in_flight: 0,
            // Runs that follow each other do not meet each other's ports.
            port: PORTS.0 + (std::process::id() * 101 % 50_000) as u16,
            resume: false,
            book: Book::default(),
        })
    }

    /// Wakes a turn from another thread.
    pub fn waker(&self) -> io::Result<Waker> {
        Waker::new(self.poll.registry(), WAKER)
    }

    /// Queues every tab that is away for a connection.
    pub fn queue(&mut self) -> usize {
        self.waiting =
            (0..self.tabs.len()).filter(|number| self.tabs[*number].stage == Stage::Away).collect();
        self.waiting.len()
    }

    /// Tells whether connections are still to be made.
    pub fn connecting(&self) -> bool {
        self.in_flight > 0 || !self.waiting.is_empty()
    }

    /// Does what there is to do, waiting for it no longer than `patience`; answers whether there was anything.
    pub fn turn(&mut self, patience: Duration) -> anyhow::Result<bool> {
        while self.in_flight < IN_FLIGHT
            && let Some(number) = self.waiting.pop_front()
        {
            self.connect(number)?;
        }
        match self.poll.poll(&mut self.events, Some(patience)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(false),
            other => other?,
        }
        let ready: Vec<(usize, bool, bool)> = self
            .events
            .iter()
            .filter(|event| event.token() != WAKER)
            .map(|event| {
                (event.token().0, event.is_writable(), event.is_readable() || event.is_read_closed())
            })
            .collect();
        for (number, writable, readable) in &ready {
            if *writable {
                self.writable(*number);
            }
            if *readable && !self.tabs[*number].deaf {
                self.readable(*number);
            }
        }
        Ok(!ready.is_empty())
    }

    fn connect(&mut self, number: usize) -> anyhow::Result<()> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        socket.set_tcp_nodelay(true)?;
        // Ports of connections that were closed a moment ago may be used again.
        socket.set_reuse_address(true)?;
        self.bind(&socket, number)?;
        match socket.connect(&self.address(number).into()) {
            Ok(()) => {}
            Err(error) if error.raw_os_error() == Some(IN_PROGRESS) => {}
            Err(error) => {
                self.book.fault(format!("no connection: {error}"));
                return Ok(());
            }
        }
        let mut stream = TcpStream::from_std(socket.into());
        self.poll.registry().register(&mut stream, Token(number), Interest::READABLE | Interest::WRITABLE)?;
        let tab = &mut self.tabs[number];
        (tab.stream, tab.stage) = (Some(stream), Stage::Connecting);
        self.in_flight += 1;
        Ok(())
    }

    fn address(&self, number: usize) -> SocketAddr {
        self.aim.addresses[number % self.aim.addresses.len()]
    }

    /// Binds to the tab's source address and the next port. A port of the kernel's choice would cost it a search among
    /// all that were closed lately: 5 ms each after ten thousand, seen, and half a minute in all.
    fn bind(&mut self, socket: &Socket, number: usize) -> anyhow::Result<()> {
        let host = Ipv4Addr::new(127, self.aim.network, 0, 1 + (number / TABS_AN_ADDRESS) as u8);
        let mut result = Ok(());
        for _ in 0..TRIES {
            self.port = if self.port >= PORTS.1 { PORTS.0 } else { self.port + 1 };
            result = socket.bind(&SocketAddr::from((host, self.port)).into());
            if result.is_ok() {
                break;
            }
        }
        result.with_context(|| format!("the source address {host}"))
    }

    fn writable(&mut self, number: usize) {
        if self.tabs[number].stage != Stage::Connecting {
            self.tabs[number].flush();
            return;
        }
        let tab = &self.tabs[number];
        let failed = tab.stream.as_ref().and_then(|stream| stream.take_error().ok().flatten());
        if let Some(error) = failed {
            self.book.fault(format!("no connection: {error}"));
            self.leave(number);
            return;
        }
        let known = self.resume && tab.rev > 0;
        let path = if self.aim.accounts.is_none() {
            "/".to_owned()
        } else if known {
            let hash = String::from_utf8_lossy(&tab.hash);
            format!("/ws/permission?resume={}:{}:{hash}:0", self.book.epoch, tab.rev)
        } else {
            "/ws/permission".to_owned()
        };
        let token = self.tokens.get(tab.account).map(String::as_str);
        let host = self.address(number).to_string();
        let request = frame::handshake(&host, &path, token, self.aim.protocol.as_deref());
        let tab = &mut self.tabs[number];
        tab.stage = Stage::Asking;
        tab.send(&request);
    }

    fn readable(&mut self, number: usize) {
        let mut chunk = std::mem::take(&mut self.chunk);
        while self.tabs[number].stream.is_some() {
            match self.tabs[number].read(&mut chunk) {
                Heard::Some(length) => self.take(number, &chunk[..length]),
                Heard::Nothing => break,
                Heard::End => {
                    self.book.ended(&self.tabs[number]);
                    self.leave(number);
                }
            }
        }
        self.chunk = chunk;
    }

    fn take(&mut self, number: usize, bytes: &[u8]) {
        let tab = &mut self.tabs[number];
        let behind;
        let mut bytes = bytes;
        if tab.stage == Stage::Asking {
            match tab.answered(bytes) {
                Ok(None) => return,
                Ok(Some(rest)) => {
                    tab.stage = Stage::Open;
                    // The bare writer tells no state.
                    tab.settled = self.aim.accounts.is_none();
                    self.in_flight -= 1;
                    behind = rest;
                    bytes = &behind;
                }
                Err(fault) => {
                    self.book.fault(fault);
                    self.leave(number);
                    return;
                }
            }
        }
        let book = &mut self.book;
        let result = self.tabs[number].frames(bytes, |tab, op, text, whole| book.heard(tab, op, text, whole));
        if let Err(fault) = result {
            self.book.fault(fault);
            self.leave(number);
        } else if self.tabs[number].stream.is_none() {
            self.leave(number);
        }
    }

    /// Cuts a tab off without a word.
    pub fn leave(&mut self, number: usize) {
        let tab = &mut self.tabs[number];
        if matches!(tab.stage, Stage::Connecting | Stage::Asking) {
            self.in_flight -= 1;
        }
        tab.leave();
    }

    /// Sends what is owed: one acknowledgement a tab.
    pub fn acknowledge(&mut self) {
        for tab in &mut self.tabs {
            if std::mem::take(&mut tab.unacked) {
                tab.acknowledge();
            }
        }
    }

    /// How many tabs are open, and how many of them know their state.
    pub fn count(&self) -> (usize, usize) {
        let open = self.tabs.iter().filter(|tab| tab.stage == Stage::Open);
        open.fold((0, 0), |(open, settled), tab| (open + 1, settled + usize::from(tab.settled)))
    }

    /// Answers what has happened so far.
    pub fn tally(&self) -> Tally {
        let (open, settled) = self.count();
        let states: HashSet<&[u8]> =
            self.tabs.iter().filter(|tab| tab.settled && tab.rev > 0).map(|tab| &tab.hash[..]).collect();
        Tally { open, settled, states: states.len(), ..self.book.tally() }
    }
}

/// `EINPROGRESS`: the connection is on its way.
const IN_PROGRESS: i32 = 115;

fn token_of(line: &str) -> anyhow::Result<String> {
    let line: Value = serde_json::from_str(line)?;
    Ok(line["token"].as_str().context("a line without a token")?.to_owned())
}
