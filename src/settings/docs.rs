//! The section `docs`: the API's own documentation pages.

use serde::{Deserialize, Serialize};

use super::SettingError;

/// The API's own documentation pages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Docs {
    /// Whether `/docs/` and `/api/v1/openapi.json` are served.
    pub enabled: bool,
}

impl Default for Docs {
    fn default() -> Self {
        Self { enabled: true }
    }
}

impl Docs {
    /// Checks the values; either is good.
    ///
    /// # Errors
    /// None.
    pub fn validate(&self) -> Result<(), SettingError> {
        Ok(())
    }
}
