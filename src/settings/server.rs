//! The section `server`: where the port is and what one request may take.
//!
//! It does not speak of TLS: that ends before this process.

use serde::{Deserialize, Serialize};

use super::{Network, SettingError};

/// Where and how the HTTP port is served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    /// Name or address to listen on.
    pub host: String,
    /// Port to listen on; 0 lets the system choose one.
    pub port: u16,
    /// A second port that serves the event streams, for clients that expect them beside the port of MCP (S0-45); 0 is none.
    pub compat_sse_port: u16,
    /// Worker threads, and with them registry shards; 0 is one a core.
    pub workers: usize,
    /// Largest request body, in bytes.
    pub body_limit_bytes: usize,
    /// Time a client has to send a request's head, and again its body, in seconds.
    pub request_timeout_seconds: u64,
    /// Connections that speak HTTP at one time, in the whole process; further ones wait to be accepted. Tabs are not
    /// among them: `realtime.max_connections` counts those.
    pub max_connections: usize,
    /// Connections that speak HTTP at one time from one address (an IPv6 network of 64 bits is one); further ones are
    /// hung up on. Trusted proxies are not counted.
    pub max_connections_per_address: usize,
    /// Time running requests have to finish after a stop was asked for, in seconds.
    pub shutdown_seconds: u64,
    /// Time between the moment at which the node says that it is not ready and the first step of its stop, in seconds.
    pub leave_seconds: u64,
    /// Addresses and networks whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port: 8080,
            compat_sse_port: 0,
            workers: 0,
            body_limit_bytes: 262_144,
            request_timeout_seconds: 30,
            max_connections: 8192,
            max_connections_per_address: 2048,
            shutdown_seconds: 10,
            leave_seconds: 0,
            trusted_proxies: Vec::new(),
        }
    }
}

impl Server {
    /// Gives the number of worker threads: as set, or one a core.
    pub fn worker_count(&self) -> usize {
        match self.workers {
            0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            set => set,
        }
    }

    /// Checks the values.
    ///
    /// # Errors
    /// The first key with a bad value.
    pub fn validate(&self) -> Result<(), SettingError> {
        if self.host.is_empty() || self.host.contains(char::is_whitespace) {
            return Err(SettingError::new("server.host", "must be a host name or an address"));
        }
        if self.compat_sse_port != 0 && self.compat_sse_port == self.port {
            return Err(SettingError::new("server.compat_sse_port", "must be another port than server.port"));
        }
        SettingError::unless_within("server.workers", self.workers, 0..=1024)?;
        SettingError::unless_within("server.body_limit_bytes", self.body_limit_bytes, 1024..=67_108_864)?;
        SettingError::unless_within(
            "server.request_timeout_seconds",
            self.request_timeout_seconds,
            1..=3600,
        )?;
        let within = SettingError::unless_within::<usize>;
        within("server.max_connections", self.max_connections, 16..=1_000_000)?;
        within("server.max_connections_per_address", self.max_connections_per_address, 1..=1_000_000)?;
        SettingError::unless_within("server.shutdown_seconds", self.shutdown_seconds, 0..=3600)?;
        SettingError::unless_within("server.leave_seconds", self.leave_seconds, 0..=600)
    }
}
