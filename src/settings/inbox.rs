//! The section `inbox`: how long and how many notices people keep, and how late the clock may be noticed.

use serde::{Deserialize, Serialize};

use super::SettingError;

/// What people are told and can find again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Inbox {
    /// How long a notice stays that nobody has put away; 0: for ever (FN17).
    pub retention_days: u32,
    /// Most notices of one account; beyond, the oldest go.
    pub max_per_account: u32,
    /// Time between two looks for snoozes and notices that are over, in milliseconds.
    pub look_ms: u64,
}

impl Default for Inbox {
    fn default() -> Self {
        Self { retention_days: 180, max_per_account: 100_000, look_ms: 2_000 }
    }
}

impl Inbox {
    /// Checks the values.
    ///
    /// # Errors
    /// The first key with a bad value.
    pub fn validate(&self) -> Result<(), SettingError> {
        SettingError::unless_within("inbox.retention_days", self.retention_days, 0..=36_500)?;
        SettingError::unless_within("inbox.max_per_account", self.max_per_account, 100..=10_000_000)?;
        SettingError::unless_within("inbox.look_ms", self.look_ms, 10..=3_600_000)
    }
}
