//! The section `auth`: tokens, passwords and the throttling of sign-ins.
//!
//! An empty `token_secret` is allowed: the application then makes one and keeps it in the database.

use serde::{Deserialize, Serialize};

use super::{Secret, SettingError};

/// Tokens, passwords and the throttling of sign-ins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Auth {
    /// Key that signs access tokens; empty: made at the first start and kept in the database.
    pub token_secret: Secret,
    /// Life of an access token, in seconds.
    pub access_ttl_seconds: u64,
    /// Life of a refresh token, in seconds.
    pub refresh_ttl_seconds: u64,
    /// Longest life of a session, however often it is refreshed, in seconds.
    pub session_max_seconds: u64,
    /// Time a used refresh token still gives its successor, for two tabs that refresh at once, in seconds.
    pub refresh_grace_seconds: u64,
    /// Life of a one-time ticket for a socket, in seconds.
    pub ticket_ttl_seconds: u64,
    /// Tickets that may wait for use at one time.
    pub ticket_limit: usize,
    /// Memory of one password hash (Argon2id `m`), in KiB.
    pub hash_memory_kib: u32,
    /// Passes of one password hash (Argon2id `t`).
    pub hash_iterations: u32,
    /// Lanes of one password hash (Argon2id `p`).
    pub hash_parallelism: u32,
    /// Password hashes computed at one time.
    pub hash_concurrency: usize,
    /// Failed sign-ins of one account within the window before it is locked.
    pub throttle_account_attempts: u32,
    /// Failed sign-ins from one address within the window before it is locked.
    pub throttle_address_attempts: u32,
    /// The window in which failed sign-ins count, in seconds.
    pub throttle_window_seconds: u64,
    /// Length of the lock, in seconds.
    pub throttle_lock_seconds: u64,
    /// Sessions one account may have at one time; the oldest ends for a new one.
    pub max_sessions_per_account: u32,
    /// Whether cookies are sent over HTTPS alone.
    pub cookie_secure: bool,
    /// Shortest password accepted, in characters.
    pub password_min_length: usize,
}

impl Default for Auth {
    fn default() -> Self {
        Self {
            token_secret: Secret::default(),
            access_ttl_seconds: 900,
            refresh_ttl_seconds: 1_209_600,
            session_max_seconds: 7_776_000,
            refresh_grace_seconds: 30,
            ticket_ttl_seconds: 30,
            ticket_limit: 10_000,
            hash_memory_kib: 19_456,
            hash_iterations: 2,
            hash_parallelism: 1,
            hash_concurrency: 2,
            throttle_account_attempts: 10,
            throttle_address_attempts: 50,
            throttle_window_seconds: 300,
            throttle_lock_seconds: 60,
            max_sessions_per_account: 50,
            cookie_secure: false,
            password_min_length: 8,
        }
    }
}

/// A key for HMAC-SHA-256 shorter than its output weakens it (RFC 7518, 3.2).
const TOKEN_SECRET_MIN_BYTES: usize = 32;

impl Auth {
    /// Checks the values.
    ///
    /// # Errors
    /// The first key with a bad value.
    pub fn validate(&self) -> Result<(), SettingError> {
        if !self.token_secret.is_empty() && self.token_secret.expose().len() < TOKEN_SECRET_MIN_BYTES {
            let problem = format!("must be empty or at least {TOKEN_SECRET_MIN_BYTES} bytes long");
            return Err(SettingError::new("auth.token_secret", problem));
        }
        self.validate_lifetimes()?;
        self.validate_hash()?;
        let within = SettingError::unless_within::<u32>;
        within("auth.throttle_account_attempts", self.throttle_account_attempts, 1..=100_000)?;
        within("auth.throttle_address_attempts", self.throttle_address_attempts, 1..=1_000_000)?;
        within("auth.max_sessions_per_account", self.max_sessions_per_account, 1..=10_000)?;
        let within = SettingError::unless_within::<u64>;
        within("auth.throttle_window_seconds", self.throttle_window_seconds, 1..=86_400)?;
        within("auth.throttle_lock_seconds", self.throttle_lock_seconds, 1..=86_400)?;
        SettingError::unless_within("auth.password_min_length", self.password_min_length, 1..=128)
    }

    fn validate_lifetimes(&self) -> Result<(), SettingError> {
        let within = SettingError::unless_within::<u64>;
        within("auth.access_ttl_seconds", self.access_ttl_seconds, 1..=86_400)?;
        within("auth.refresh_ttl_seconds", self.refresh_ttl_seconds, 1..=31_536_000)?;
        within("auth.session_max_seconds", self.session_max_seconds, 1..=315_360_000)?;
        if self.session_max_seconds < self.refresh_ttl_seconds {
            let problem = "must not be shorter than auth.refresh_ttl_seconds";
            return Err(SettingError::new("auth.session_max_seconds", problem));
        }
        if self.refresh_ttl_seconds < self.access_ttl_seconds {
            let problem =
                format!("must not be less than auth.access_ttl_seconds, {}", self.access_ttl_seconds);
            return Err(SettingError::new("auth.refresh_ttl_seconds", problem));
        }
        within("auth.refresh_grace_seconds", self.refresh_grace_seconds, 0..=300)?;
        within("auth.ticket_ttl_seconds", self.ticket_ttl_seconds, 1..=300)?;
        SettingError::unless_within("auth.ticket_limit", self.ticket_limit, 1..=1_000_000)
    }

    fn validate_hash(&self) -> Result<(), SettingError> {
        SettingError::unless_within("auth.hash_parallelism", self.hash_parallelism, 1..=64)?;
        SettingError::unless_within("auth.hash_iterations", self.hash_iterations, 1..=100)?;
        // Argon2 needs 8 KiB a lane (RFC 9106, 3.1).
        let least = 8 * self.hash_parallelism;
        SettingError::unless_within("auth.hash_memory_kib", self.hash_memory_kib, least..=4_194_304)?;
        SettingError::unless_within("auth.hash_concurrency", self.hash_concurrency, 1..=256)
    }
}
