//! The section `workflow`: what processes do by themselves.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use super::SettingError;

/// What processes do by themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Workflow {
    /// How often due timers are looked for, in milliseconds.
    pub timer_poll_ms: u64,
    /// How long a called address may take, in seconds.
    pub trigger_timeout_seconds: u64,
    /// The addresses that definitions may call, by name.
    pub triggers: BTreeMap<String, String>,
}

impl Default for Workflow {
    fn default() -> Self {
        Self { timer_poll_ms: 1_000, trigger_timeout_seconds: 10, triggers: BTreeMap::new() }
    }
}

impl Workflow {
    /// Checks the values.
    ///
    /// # Errors
    /// The first key with a bad value.
    pub fn validate(&self) -> Result<(), SettingError> {
        if !(10..=60_000).contains(&self.timer_poll_ms) {
            let problem = format!("must be 10 to 60000, is {}", self.timer_poll_ms);
            return Err(SettingError::new("workflow.timer_poll_ms", problem));
        }
        if !(1..=60).contains(&self.trigger_timeout_seconds) {
            let problem = format!("must be 1 to 60, is {}", self.trigger_timeout_seconds);
            return Err(SettingError::new("workflow.trigger_timeout_seconds", problem));
        }
        let whole = |url: &str| url.starts_with("http://") || url.starts_with("https://");
        if let Some((name, _)) = self.triggers.iter().find(|(_, url)| !whole(url)) {
            let problem = format!("{name} must begin with http:// or https://");
            return Err(SettingError::new("workflow.triggers", problem));
        }
        Ok(())
    }
}
