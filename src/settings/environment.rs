//! Reads the environment and the `.env` file: the only place of the application that does.
//!
//! Keeps only what is Livegrant's, and quotes no value in a refusal: it may be a secret.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use super::SettingsError;
use super::origin::Origin;

/// Begins every setting: `LIVEGRANT__SECTION__KEY`.
pub(super) const PREFIX: &str = "LIVEGRANT__";
/// Names the file beside `base.toml`.
pub(super) const ENV_NAME: &str = "LIVEGRANT_ENV";

/// The environment variables and the `.env` file that count.
#[derive(Debug, Default)]
pub(super) struct Surroundings {
    pub(super) environment: BTreeMap<String, String>,
    pub(super) dotenv: BTreeMap<String, String>,
}

impl Surroundings {
    /// Reads the process's environment and one `.env` file, which need not exist.
    pub(super) fn of_process(dotenv: &Path) -> Result<Self, SettingsError> {
        #[expect(clippy::disallowed_methods, reason = "settings/ is where the environment comes in")]
        let environment = std::env::vars_os().filter_map(ours).collect::<Result<_, _>>()?;
        Ok(Self { environment, dotenv: read_dotenv(dotenv)? })
    }

    /// The value of `LIVEGRANT_ENV`, unless it is empty.
    pub(super) fn name(&self) -> Option<&str> {
        let name = self.environment.get(ENV_NAME).or_else(|| self.dotenv.get(ENV_NAME))?;
        Some(name.as_str()).filter(|name| !name.is_empty())
    }
}

fn is_ours(name: &str) -> bool {
    name == ENV_NAME || name.starts_with(PREFIX)
}

fn ours((name, value): (OsString, OsString)) -> Option<Result<(String, String), SettingsError>> {
    let name = name.into_string().ok().filter(|name| is_ours(name))?;
    Some(match value.into_string() {
        Ok(value) => Ok((name, value)),
        Err(_) => Err(Origin::Environment.problem_of_variable(&name, "is not UTF-8")),
    })
}

fn read_dotenv(file: &Path) -> Result<BTreeMap<String, String>, SettingsError> {
    if !file.is_file() {
        return Ok(BTreeMap::new());
    }
    // The error's own text quotes the line, which may hold a secret.
    let refuse = |_| SettingsError::File {
        file: file.to_owned(),
        problem: "cannot be read as lines of NAME=value".to_owned(),
    };
    let pairs =
        dotenvy::from_path_iter(file).map_err(refuse)?.collect::<Result<Vec<_>, _>>().map_err(refuse)?;
    Ok(pairs.into_iter().filter(|(name, _)| is_ours(name)).collect())
}
