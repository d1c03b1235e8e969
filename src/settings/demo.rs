//! The section `demo`: what only a demonstration shows.

use serde::{Deserialize, Serialize};

use super::SettingError;

/// What only a demonstration shows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Demo {
    /// Whether the sign-in page lists the demo accounts and their password.
    pub expose_accounts: bool,
}

impl Demo {
    /// Checks the values; either is good.
    ///
    /// # Errors
    /// None.
    pub fn validate(&self) -> Result<(), SettingError> {
        Ok(())
    }
}
