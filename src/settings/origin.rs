//! Where a value came from, for messages.

use std::path::PathBuf;

use super::SettingsError;
use super::environment::PREFIX;

/// Where a layer comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    BuiltIn,
    File(PathBuf),
    DotEnv,
    Environment,
}

impl Origin {
    /// Words a problem with a setting of this layer.
    pub(super) fn problem(&self, key: &str, problem: &str) -> SettingsError {
        let file = match self {
            Self::Environment | Self::DotEnv => {
                let variable = format!("{PREFIX}{}", key.to_uppercase().replace('.', "__"));
                return self.problem_of_variable(&variable, problem);
            }
            Self::BuiltIn => "the compiled-in config/base.toml".to_owned(),
            Self::File(file) => file.display().to_string(),
        };
        SettingsError::InFile { key: key.to_owned(), file, problem: problem.to_owned() }
    }

    /// Words a problem with a variable of this layer.
    pub(super) fn problem_of_variable(&self, variable: &str, problem: &str) -> SettingsError {
        let place = if *self == Self::DotEnv { " (from .env)" } else { "" }.to_owned();
        SettingsError::InEnvironment { variable: variable.to_owned(), place, problem: problem.to_owned() }
    }
}
