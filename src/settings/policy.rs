//! The section `policy`: how permission changes are followed and enforced.
//!
//! The times bound how late a change may be noticed when no doorbell rings (I6, I7).

use serde::{Deserialize, Serialize};

use super::SettingError;

/// How permission changes are followed and enforced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Time between two looks at the log's tail, in milliseconds (I6).
    pub tail_poll_ms: u64,
    /// Time without proof of being current after which guarded reads are refused, in milliseconds (I7).
    pub lease_ms: u64,
    /// Accounts whose effective sets are kept in memory.
    pub account_cache: usize,
    /// Time between two looks for grants that begin or end by the clock, in milliseconds.
    pub timed_grant_poll_ms: u64,
}

impl Default for Policy {
    fn default() -> Self {
        Self { tail_poll_ms: 250, lease_ms: 2000, account_cache: 100_000, timed_grant_poll_ms: 500 }
    }
}

impl Policy {
    /// Checks the values.
    ///
    /// # Errors
    /// The first key with a bad value.
    pub fn validate(&self) -> Result<(), SettingError> {
        SettingError::unless_within("policy.tail_poll_ms", self.tail_poll_ms, 10..=60_000)?;
        SettingError::unless_within("policy.lease_ms", self.lease_ms, 100..=300_000)?;
        // One slow poll must not cost the lease.
        if self.lease_ms < 2 * self.tail_poll_ms {
            let problem = format!("must be at least twice policy.tail_poll_ms, {}", self.tail_poll_ms);
            return Err(SettingError::new("policy.lease_ms", problem));
        }
        SettingError::unless_within("policy.account_cache", self.account_cache, 1..=100_000_000)?;
        SettingError::unless_within("policy.timed_grant_poll_ms", self.timed_grant_poll_ms, 10..=60_000)
    }
}
