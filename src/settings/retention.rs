//! The section `retention`: how long what is over stays in the database.
//!
//! Days, because nobody waits for a row to go; 0 keeps for ever. What the rules still need is never purged, whatever
//! stands here: epochs (I2), sessions with an open tab, the newest part of the policy log.

use serde::{Deserialize, Serialize};

use super::SettingError;

/// How long what is over stays in the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retention {
    /// Records of connections, after their end.
    pub connections_days: u32,
    /// Sessions with what their refresh tokens were compared with, after their time is over.
    pub sessions_days: u32,
    /// Lines of the audit log.
    pub audit_days: u32,
    /// Rows of the log of permission changes.
    pub changes_days: u32,
    /// Rows of the policy log; kept at least as long as the changes, which show its operators.
    pub policy_log_days: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self { connections_days: 90, sessions_days: 30, audit_days: 365, changes_days: 0, policy_log_days: 0 }
    }
}

impl Retention {
    /// Checks the values.
    ///
    /// # Errors
    /// The first key with a bad value.
    pub fn validate(&self) -> Result<(), SettingError> {
        for (key, days) in [
            ("retention.connections_days", self.connections_days),
            ("retention.sessions_days", self.sessions_days),
            ("retention.audit_days", self.audit_days),
            ("retention.changes_days", self.changes_days),
            ("retention.policy_log_days", self.policy_log_days),
        ] {
            SettingError::unless_within(key, days, 0..=36_500)?;
        }
        let changes_stay_longer = self.changes_days == 0 || self.changes_days > self.policy_log_days;
        if self.policy_log_days > 0 && changes_stay_longer {
            let problem = "must be at least retention.changes_days, which must not be 0 then".to_owned();
            return Err(SettingError::new("retention.policy_log_days", problem));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_log_stays_as_long_as_the_changes_that_show_its_operators() {
        let of = |changes_days, policy_log_days| {
            Retention { changes_days, policy_log_days, ..Retention::default() }.validate().is_ok()
        };
        assert!(of(0, 0) && of(30, 0) && of(30, 30) && of(30, 31));
        assert!(!of(0, 30) && !of(31, 30) && !of(1, 36_501));
    }
}
