//! The engine's numbers, each with its reason.
//!
//! Pure data: the application reads settings and fills this; nothing here reads anything.

use std::time::Duration;

/// Limits and intervals of the engine (I11).
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// Registry shards, one arbiter thread each. 2: what the smallest machine has; set it to the worker threads.
    pub shards: usize,
    /// Requests in flight to one shard. 1024: a reconnect storm queues in the gateway, not in memory here.
    pub registry_mailbox: usize,
    /// Messages waiting for one session actor. 64: a burst of changes within one turn of its thread.
    pub session_mailbox: usize,
    /// Tabs on this node. 10,000 (S3-84).
    pub max_tabs: usize,
    /// Tabs of one account; a newer one replaces the one that was idle longest. 5 (S3-85).
    pub max_tabs_per_account: usize,
    /// Bytes waiting for one tab. 256 KiB: four of the largest states.
    pub outbox_bytes: usize,
    /// Frames waiting for one tab. 256: small notices would fit in the bytes by the thousand.
    pub outbox_frames: usize,
    /// Largest message a tab may send, bytes. 65,536 (OWASP WebSocket cheat sheet).
    pub frame_max_bytes: usize,
    /// Silence after which a tab is pinged. 25 s: below the 60 s at which common proxies cut idle connections.
    pub heartbeat_interval: Duration,
    /// Silence after which a tab is closed as idle. 60 s: two unanswered pings.
    pub heartbeat_timeout: Duration,
    /// Time without any message either way, heartbeats apart, after which a tab is closed as idle. 30 min (S3-86);
    /// it comes back when its page needs it, and goes on where it was.
    pub idle_timeout: Duration,
    /// Time between two heartbeats of an event stream, which cannot be pinged. 15 s: proxies cut silent answers.
    pub event_heartbeat: Duration,
    /// Time between two checkpoints of a tab that is told nothing else. 60 s: the longest silent gap (I9).
    pub checkpoint_interval: Duration,
    /// How long before its end a tab is told that its token ends (E34). 60 s: time for a refresh.
    pub expiry_warning: Duration,
    /// Changes of one account within this time after one that was told are told together (S3-95). 1 s; 0 switches it off.
    pub merge_window: Duration,
    /// Frames a tab may send in a minute, pings included. 120 (OWASP says start at 100; heartbeats take some).
    pub client_messages_per_minute: u32,
    /// Kernel send buffer a tab, bytes. 64 KiB: by default a slow reader pins 4 MiB of kernel memory.
    pub so_sndbuf: usize,
    /// Time without any progress after which a tab that does not read is closed. 15 s: longer than a lost Wi-Fi hop.
    pub stuck_after: Duration,
    /// Time that a closing tab has to take its last frames and answer. 3 s: a slow round trip; then the socket is cut.
    pub close_grace: Duration,
    /// Time between two sweeps of one account. 1 s: the precision of expiry and of repair.
    pub sweep_interval: Duration,
    /// Revisions whose receipts are kept. 256: minutes of busy administration.
    pub receipts_kept: usize,
    /// Account lines over all receipts. 100,000: ten changes that concern 10,000 accounts each, about 6 MB.
    pub receipt_accounts_kept: usize,
    /// Unacknowledged changes remembered a tab. 32: an older one counts as never acknowledged.
    pub unacked_kept: usize,
    /// Notices kept for tabs that come back. 200: the replay window.
    pub notices_kept: usize,
    /// Messages whose way to each tab is remembered, a shard. 1,024: the last seconds of a busy node.
    pub traces_kept: usize,
    /// Encoded message bodies shared between accounts, a shard. 64: the changes of one burst, at most a few MB.
    pub shared_bodies: usize,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            shards: 2,
            registry_mailbox: 1024,
            session_mailbox: 64,
            max_tabs: 10_000,
            max_tabs_per_account: 5,
            outbox_bytes: 256 * 1024,
            outbox_frames: 256,
            frame_max_bytes: 65_536,
            heartbeat_interval: Duration::from_secs(25),
            heartbeat_timeout: Duration::from_mins(1),
            idle_timeout: Duration::from_mins(30),
            event_heartbeat: Duration::from_secs(15),
            checkpoint_interval: Duration::from_mins(1),
            expiry_warning: Duration::from_mins(1),
            merge_window: Duration::from_secs(1),
            client_messages_per_minute: 120,
            so_sndbuf: 64 * 1024,
            stuck_after: Duration::from_secs(15),
            close_grace: Duration::from_secs(3),
            sweep_interval: Duration::from_secs(1),
            receipts_kept: 256,
            receipt_accounts_kept: 100_000,
            unacked_kept: 32,
            notices_kept: 200,
            traces_kept: 1_024,
            shared_bodies: 64,
        }
    }
}
