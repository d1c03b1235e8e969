//! The scenarios, and what they share: a server with a hand that holds its tabs. Every scenario fails when a frame that
//! was due did not come; none fails because something took long.

pub mod broadcast;
pub mod cluster;
pub mod density;
pub mod one_user;
pub mod reconnect;
pub mod role_change;
pub mod soak;
pub mod stuck;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{bail, ensure};
use serde_json::{Value, json};

use crate::child::Hand;
use crate::http::Request;
use crate::order::{Acks, Aim, Kind, Measured, Order, Reply, Want};
use crate::server::{Build, Server, raised};

/// The permission that scenarios take from the role and give back.
pub const PERMISSION: &str = "staff:view";
/// Pause between two changes of one account: past the server's merging window of 1000 ms, each is told at once.
pub const PAUSE: Duration = Duration::from_millis(1_250);
/// A notice as people write them: with its envelope half a kilobyte on the wire.
pub const NOTICE: &str = "Livegrant restarts at 22:00. Tabs come back by themselves; nothing that is saved is lost. \
                          Please finish what you are typing.";

/// How servers and hands are started.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The server.
    pub build: Build,
    /// The core that hands are bound to.
    pub hand_core: Option<usize>,
    /// A server that runs already: address, process, file of accounts.
    pub visited: Option<(SocketAddr, u32, PathBuf)>,
    /// Sub-protocol that tabs ask for.
    pub protocol: Option<String>,
}

impl Plan {
    /// The settings that a reader of the results needs.
    pub fn settings(&self) -> Value {
        json!({
            "database": self.build.database(),
            "away": self.build.away,
            "workers": self.build.workers,
            "server_core": self.build.core,
            "hand_core": self.hand_core,
            "log_filter": self.build.log_filter,
            "raised": raised(0).into_iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>(),
            "further": self.build.settings.iter().filter(|setting| !setting.contains("URL")).collect::<Vec<_>>(),
            "protocol": self.protocol,
            "visited": self.visited.is_some(),
        })
    }
}

/// How connecting went.
#[derive(Clone, Copy, Debug)]
pub struct Connected {
    /// Seconds until the last handshake was answered.
    pub open: f64,
    /// Seconds until the last tab knew its state.
    pub settled: f64,
    /// How many were opened.
    pub opened: usize,
}

impl Connected {
    /// Handshakes a second.
    pub fn rate(&self) -> f64 {
        self.opened as f64 / self.open.max(0.001)
    }
}

/// A server and the hand that holds its tabs.
pub struct Field {
    /// The hand; goes first, so that the server has no tabs to send away when it stops.
    pub hand: Hand,
    /// The server.
    pub server: Server,
    /// How many tabs.
    pub tabs: usize,
    /// Tabs of one account.
    pub tabs_per_account: usize,
}

impl Field {
    /// Starts a server with accounts for these tabs, and some to spare, and a hand; connects nothing yet.
    pub fn open(plan: &Plan, tabs: usize, tabs_per_account: usize, network: u8) -> anyhow::Result<Self> {
        // A tenth to spare, for what must not happen to an account with tabs.
        let used = tabs.div_ceil(tabs_per_account);
        let accounts = used + used.div_ceil(10);
        eprintln!("starting a server with {accounts} accounts, {tabs_per_account} tabs each");
        let server = match &plan.visited {
            Some((address, pid, file)) => Server::visit(*address, *pid, file)?,
            None => Server::start(&plan.build, accounts, tabs_per_account)?,
        };
        Self::with(plan, server, tabs, tabs_per_account, network)
    }

    /// Starts a bare writer and a hand.
    pub fn bare(plan: &Plan, tabs: usize, network: u8) -> anyhow::Result<Self> {
        Self::with(plan, Server::bare(plan.build.core)?, tabs, 1, network)
    }

    fn with(
        plan: &Plan,
        server: Server,
        tabs: usize,
        tabs_per_account: usize,
        network: u8,
    ) -> anyhow::Result<Self> {
        let aim = Aim {
            addresses: vec![server.address],
            accounts: server.accounts.clone(),
            skip: 0,
            tabs,
            tabs_per_account,
            protocol: plan.protocol.clone().filter(|_| server.accounts.is_some()),
            network,
        };
        let hand = Hand::start(aim, plan.hand_core)?;
        Ok(Self { hand, server, tabs, tabs_per_account })
    }

    /// Opens all tabs that are not open; every one of them must come to know its state.
    pub fn connect(&mut self, resume: bool) -> anyhow::Result<Connected> {
        let reply = self.hand.tell(&Order::Connect { resume })?;
        let Reply::Connected { connected_seconds, settled_seconds, opened, settled } = reply else {
            bail!("expected a connection, got {reply:?}")
        };
        if settled < self.tabs {
            let ended = self.server.ended().unwrap_or_else(|| "runs".to_owned());
            bail!(
                "{settled} of {} tabs know their state; the server {ended}; {:?}",
                self.tabs,
                self.hand.tally()?
            );
        }
        Ok(Connected { open: connected_seconds, settled: settled_seconds, opened })
    }

    /// Sends a request whose frame must reach so many tabs.
    pub fn round(&mut self, request: Request, want: Want) -> anyhow::Result<Measured> {
        let expected = want.tabs;
        let kind = want.kind;
        let (to, pid) = (self.server.address, self.server.pid);
        let order = Order::Round { request, to, want, pid, acks: Acks::Afterwards };
        let measured = self.hand.round(&order)?;
        ensure!((200..300).contains(&measured.status), "answered {}: {}", measured.status, measured.text);
        if measured.arrived < expected {
            bail!("{kind:?} reached {} of {expected} tabs; {:?}", measured.arrived, self.hand.tally()?);
        }
        Ok(measured)
    }

    /// A notice to all tabs.
    pub fn broadcast(&mut self) -> anyhow::Result<Measured> {
        let request = self.server.broadcast(NOTICE);
        self.round(request, Want { kind: Kind::SystemNotice, tabs: self.tabs, account: None })
    }

    /// Takes a permission from everybody, or gives it back.
    pub fn role_change(&mut self, way: &str) -> anyhow::Result<Measured> {
        let request = self.server.role_change(way, PERMISSION);
        self.round(request, Want { kind: Kind::PermissionUpdate, tabs: self.tabs, account: None })
    }
}
