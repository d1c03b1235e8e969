//! The section `telemetry`: what is logged, and in which form.

use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;

use super::SettingError;

/// Logs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Telemetry {
    /// The form of a log line.
    pub log_format: LogFormat,
    /// What is logged, as directives: `info`, `info,livegrant::policy=debug`.
    pub log_filter: String,
}

impl Default for Telemetry {
    fn default() -> Self {
        Self { log_format: LogFormat::Pretty, log_filter: "info".to_owned() }
    }
}

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For eyes: short, coloured when the output is a terminal.
    Pretty,
    /// For machines: one JSON object a line.
    Json,
}

impl Telemetry {
    /// Checks the values.
    ///
    /// # Errors
    /// The first key with a bad value.
    pub fn validate(&self) -> Result<(), SettingError> {
        match EnvFilter::try_new(&self.log_filter) {
            Ok(_) => Ok(()),
            Err(error) => Err(SettingError::new("telemetry.log_filter", error.to_string())),
        }
    }
}
