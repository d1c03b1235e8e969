//! The section `loadtest`: whether this database may be filled with accounts for load tests.

use serde::{Deserialize, Serialize};

use super::SettingError;

/// Whether load tests may prepare this database.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Loadtest {
    /// Whether `livegrant loadtest prepare` works.
    pub enabled: bool,
}

impl Loadtest {
    /// Checks the values; either is good.
    ///
    /// # Errors
    /// None.
    pub fn validate(&self) -> Result<(), SettingError> {
        Ok(())
    }
}
