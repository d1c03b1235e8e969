//! What is wrong with a setting, in one line.
//!
//! Never holds a secret's value: messages about secret keys leave out what was found.

use std::ops::RangeInclusive;
use std::path::PathBuf;

/// A value that has the right type but cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("setting {key}: {problem}")]
pub struct SettingError {
    /// `section.key`.
    pub key: &'static str,
    /// What is wrong and what would be right.
    pub problem: String,
}

impl SettingError {
    pub(super) fn new(key: &'static str, problem: impl Into<String>) -> Self {
        Self { key, problem: problem.into() }
    }

    /// Refuses a number outside a range.
    pub(super) fn unless_within<N>(key: &'static str, value: N, range: RangeInclusive<N>) -> Result<(), Self>
    where
        N: Copy + PartialOrd + std::fmt::Display,
    {
        if range.contains(&value) {
            return Ok(());
        }
        Err(Self::new(key, format!("must be {} to {}, is {value}", range.start(), range.end())))
    }
}

/// Why the settings could not be read; each prints as one line.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A setting in a file.
    #[error("setting {key} in {file}: {problem}")]
    InFile {
        /// `section.key`.
        key: String,
        /// The file, as it was looked for.
        file: String,
        /// What is wrong and what would be right.
        problem: String,
    },
    /// A setting in the environment or in `.env`.
    #[error("environment variable {variable}{place}: {problem}")]
    InEnvironment {
        /// Its name.
        variable: String,
        /// Empty, or ` (from .env)`.
        place: String,
        /// What is wrong and what would be right.
        problem: String,
    },
    /// A file that cannot be read or is not what it should be.
    #[error("settings file {}: {problem}", file.display())]
    File {
        /// The file, as it was looked for.
        file: PathBuf,
        /// What is wrong.
        problem: String,
    },
}
