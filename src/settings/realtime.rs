//! The section `realtime`: the sockets of open tabs and their limits.
//!
//! Every limit is here because a queue or table without one is not allowed (I11).

use serde::{Deserialize, Serialize};

use super::SettingError;

/// The sockets of open tabs and their limits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Realtime {
    /// Origins that may open a socket besides the server's own, each `scheme://host[:port]`, compared exactly.
    /// `*` allows every origin, but a socket is then never authenticated by cookie (C2).
    pub allowed_origins: Vec<String>,
    /// Tabs of the whole process (S3-84).
    pub max_connections: usize,
    /// Tabs of one account (S3-85, C5).
    pub max_connections_per_user: usize,
    /// Time between the server's heartbeats, in seconds.
    pub heartbeat_seconds: u64,
    /// Silence after which a tab counts as gone, in seconds.
    pub heartbeat_timeout_seconds: u64,
    /// Time without any message either way, heartbeats apart, after which a tab is closed, in seconds (S3-86).
    pub idle_timeout_seconds: u64,
    /// Time between the heartbeats of an event stream, in seconds.
    pub event_heartbeat_seconds: u64,
    /// What an event stream tells a browser to wait before it comes back, in milliseconds (S0-20).
    pub event_retry_ms: u64,
    /// Longest wait of one poll, in seconds.
    pub poll_seconds: u64,
    /// Time after which a silent tab is told where it stands, in seconds (I9).
    pub checkpoint_seconds: u64,
    /// How long before its end a tab is told that its token ends, in seconds (E34).
    pub expiry_warning_seconds: u64,
    /// Changes of one account within this time after one that was told are told as one, in milliseconds (S3-95).
    /// 0 tells each at once.
    pub merge_window_ms: u64,
    /// `off`, or `aes-256-gcm`: every stream's payloads are encrypted, and a client must know how to open them (C4).
    pub payload_encryption: PayloadEncryption,
    /// Largest frame a tab may send, in bytes.
    pub frame_max_bytes: usize,
    /// Frames that wait for one slow tab, in bytes.
    pub outbox_bytes: usize,
    /// Frames one tab may send in a minute.
    pub messages_per_minute: u32,
    /// The kernel's send buffer of one socket, in bytes.
    pub send_buffer_bytes: u32,
    /// Handshakes from one address in a minute.
    pub handshakes_per_minute_per_address: u32,
    /// Streams that one account opens in a minute, over all addresses.
    pub handshakes_per_minute_per_account: u32,
    /// Points of offences within ten minutes that ban an address, or an account at an address, from opening streams
    /// (S3-118); 0 bans nobody.
    pub abuse_limit: u32,
    /// Length of a ban, in seconds; 0 bans nobody.
    pub ban_seconds: u64,
    /// Time between two clean-ups, each with one line of figures in the log, in seconds (S3-87, S3-112).
    pub cleanup_interval_seconds: u64,
    /// Time over which tabs are told to move when the process stops, in seconds.
    pub drain_seconds: u64,
}

/// Whether payloads are encrypted inside the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PayloadEncryption {
    /// TLS alone protects them.
    Off,
    /// With a key of the connection's own, handed out in its first message.
    #[serde(rename = "aes-256-gcm")]
    Aes256Gcm,
}

impl Default for Realtime {
    fn default() -> Self {
        Self {
            allowed_origins: Vec::new(),
            max_connections: 10_000,
            max_connections_per_user: 5,
            heartbeat_seconds: 25,
            heartbeat_timeout_seconds: 60,
            idle_timeout_seconds: 1800,
            event_heartbeat_seconds: 15,
            event_retry_ms: 5000,
            poll_seconds: 25,
            checkpoint_seconds: 60,
            expiry_warning_seconds: 60,
            merge_window_ms: 1000,
            payload_encryption: PayloadEncryption::Off,
            frame_max_bytes: 65_536,
            outbox_bytes: 262_144,
            messages_per_minute: 100,
            send_buffer_bytes: 65_536,
            handshakes_per_minute_per_address: 300,
            handshakes_per_minute_per_account: 120,
            abuse_limit: 100,
            ban_seconds: 600,
            cleanup_interval_seconds: 300,
            drain_seconds: 5,
        }
    }
}

impl Realtime {
    /// Tells whether every origin may open a socket.
    pub fn allows_any_origin(&self) -> bool {
        self.allowed_origins.iter().any(|origin| origin == "*")
    }

    /// Checks the values.
    ///
    /// # Errors
    /// The first key with a bad value.
    pub fn validate(&self) -> Result<(), SettingError> {
        if let Some(bad) = self.allowed_origins.iter().find(|origin| !is_origin(origin)) {
            let problem =
                format!("`{bad}` is not an origin: write scheme://host[:port] without a path, or *");
            return Err(SettingError::new("realtime.allowed_origins", problem));
        }
        self.validate_heartbeat()?;
        let within = SettingError::unless_within::<usize>;
        within("realtime.max_connections", self.max_connections, 1..=1_000_000)?;
        within("realtime.max_connections_per_user", self.max_connections_per_user, 1..=1000)?;
        within("realtime.frame_max_bytes", self.frame_max_bytes, 1024..=16_777_216)?;
        within("realtime.outbox_bytes", self.outbox_bytes, 16_384..=67_108_864)?;
        let within = SettingError::unless_within::<u32>;
        within("realtime.messages_per_minute", self.messages_per_minute, 1..=1_000_000)?;
        within("realtime.send_buffer_bytes", self.send_buffer_bytes, 4096..=16_777_216)?;
        let key = "realtime.handshakes_per_minute_per_address";
        within(key, self.handshakes_per_minute_per_address, 1..=1_000_000)?;
        let key = "realtime.handshakes_per_minute_per_account";
        within(key, self.handshakes_per_minute_per_account, 1..=1_000_000)?;
        within("realtime.abuse_limit", self.abuse_limit, 0..=1_000_000)?;
        let within = SettingError::unless_within::<u64>;
        within("realtime.ban_seconds", self.ban_seconds, 0..=2_592_000)?;
        within("realtime.cleanup_interval_seconds", self.cleanup_interval_seconds, 1..=86_400)?;
        within("realtime.idle_timeout_seconds", self.idle_timeout_seconds, 60..=31_536_000)?;
        within("realtime.event_heartbeat_seconds", self.event_heartbeat_seconds, 1..=3600)?;
        within("realtime.event_retry_ms", self.event_retry_ms, 100..=3_600_000)?;
        within("realtime.poll_seconds", self.poll_seconds, 1..=50)?;
        within("realtime.checkpoint_seconds", self.checkpoint_seconds, 1..=86_400)?;
        within("realtime.expiry_warning_seconds", self.expiry_warning_seconds, 1..=3600)?;
        within("realtime.merge_window_ms", self.merge_window_ms, 0..=60_000)?;
        within("realtime.drain_seconds", self.drain_seconds, 0..=3600)
    }

    fn validate_heartbeat(&self) -> Result<(), SettingError> {
        SettingError::unless_within("realtime.heartbeat_seconds", self.heartbeat_seconds, 1..=3600)?;
        let key = "realtime.heartbeat_timeout_seconds";
        SettingError::unless_within(key, self.heartbeat_timeout_seconds, 1..=7200)?;
        if self.heartbeat_timeout_seconds <= self.heartbeat_seconds {
            let problem = format!("must be more than realtime.heartbeat_seconds, {}", self.heartbeat_seconds);
            return Err(SettingError::new(key, problem));
        }
        Ok(())
    }
}

/// Tells whether a text is what a browser sends as `Origin`: lower case, no path, no user, no default port.
fn is_origin(text: &str) -> bool {
    if text == "*" {
        return true;
    }
    let Some((scheme, authority)) = text.split_once("://") else { return false };
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let default_port = match scheme {
        "http" => "80",
        "https" => "443",
        _ => return false,
    };
    let port_fits = port.is_none_or(|port| port != default_port && port.parse::<u16>().is_ok_and(|n| n > 0));
    let bracketed = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let host_fits = match bracketed {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !host.is_empty()
                && host.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-._".contains(&b))
        }
    };
    port_fits && host_fits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_scheme_host_and_port_as_a_browser_writes_them() {
        for good in
            ["*", "https://app.example", "http://localhost:5173", "https://[::1]:8443", "https://[::1]"]
        {
            assert!(is_origin(good), "{good}");
        }
        for bad in [
            "app.example",
            "https://",
            "https://app.example/",
            "https://App.example",
            "https://u@app.example",
            "https://app.example:443",
            "https://app.example:x",
            "ws://app.example",
            "null",
            "https://*.example",
        ] {
            assert!(!is_origin(bad), "{bad}");
        }
    }
}
