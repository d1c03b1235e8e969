//! Every setting of the process, one struct a section, read once at the start.
//!
//! Later layers win: `config/base.toml` (compiled in, so that the binary runs from anywhere, and overridden by
//! the file when there is one), `config/{LIVEGRANT_ENV}.toml` (`local` when unset), the file `.env`, and the
//! environment variables `LIVEGRANT__SECTION__KEY`.
//! An unknown key, a wrong type or a bad value is refused in one line that names the key and where it came from.
//! No secret is ever printed: [`Settings`] prints itself with `***` in their place.
//! It does not watch the files: a changed setting needs a restart.

mod auth;
mod calendar;
mod cluster;
mod database;
mod demo;
mod docs;
mod environment;
mod error;
mod inbox;
mod layers;
mod loadtest;
mod mcp;
mod network;
mod origin;
mod policy;
mod realtime;
mod redis;
mod retention;
mod secret;
mod server;
mod telemetry;
mod workflow;

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

pub use self::auth::Auth;
pub use self::calendar::Calendar;
pub use self::cluster::{CLUSTER_SECRET_MIN_BYTES, Cluster};
pub use self::database::{Database, DatabaseKind, DatabaseUrl, Synchronous};
pub use self::demo::Demo;
pub use self::docs::Docs;
use self::environment::Surroundings;
pub use self::error::{SettingError, SettingsError};
pub use self::inbox::Inbox;
use self::layers::Layers;
pub use self::loadtest::Loadtest;
pub use self::mcp::Mcp;
pub use self::network::Network;
pub use self::policy::Policy;
pub use self::realtime::{PayloadEncryption, Realtime};
pub use self::redis::{Redis, RedisMode, RedisUrl};
pub use self::retention::Retention;
pub use self::secret::Secret;
pub use self::server::Server;
pub use self::telemetry::{LogFormat, Telemetry};
pub use self::workflow::Workflow;

/// All settings; `Default` is what `config/base.toml` says.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where and how the HTTP port is served.
    pub server: Server,
    /// Which database, and how it is used.
    pub database: Database,
    /// Tokens, passwords and the throttling of sign-ins.
    pub auth: Auth,
    /// The sockets of open tabs and their limits.
    pub realtime: Realtime,
    /// How permission changes are followed and enforced.
    pub policy: Policy,
    /// The doorbell between nodes, and the view of all sessions.
    pub redis: Redis,
    /// How nodes know, trust and wait for each other.
    pub cluster: Cluster,
    /// What a day, a half day and a working hour are.
    pub calendar: Calendar,
    /// What processes do by themselves.
    pub workflow: Workflow,
    /// How long what is over stays in the database.
    pub retention: Retention,
    /// The endpoint for models.
    pub mcp: Mcp,
    /// What people are told and can find again.
    pub inbox: Inbox,
    /// Logs.
    pub telemetry: Telemetry,
    /// The API's own documentation pages.
    pub docs: Docs,
    /// What only a demonstration shows.
    pub demo: Demo,
    /// What load tests may do.
    pub loadtest: Loadtest,
}

impl Settings {
    /// Reads all layers; `dir` is the folder of the `.toml` files (usually `config`), and `.env` is looked for
    /// in the working directory.
    ///
    /// # Errors
    /// The first setting that is unknown, of a wrong type or out of range; an unreadable or malformed file; or
    /// a `LIVEGRANT_ENV` without a file.
    pub fn load(dir: &Path) -> Result<Self, SettingsError> {
        Self::from_surroundings(dir, Surroundings::of_process(Path::new(".env"))?)
    }

    fn from_surroundings(dir: &Path, surroundings: Surroundings) -> Result<Self, SettingsError> {
        let layers = Layers::collect(dir, surroundings)?;
        let settings = layers.extract()?;
        settings.validate().map_err(|error| layers.locate(error.key, &error.problem))?;
        Ok(settings)
    }

    /// Checks every section's values against their ranges and against each other.
    ///
    /// # Errors
    /// The first key with a bad value.
    pub fn validate(&self) -> Result<(), SettingError> {
        self.server.validate()?;
        self.database.validate()?;
        self.auth.validate()?;
        self.realtime.validate()?;
        self.policy.validate()?;
        self.redis.validate()?;
        self.cluster.validate(&self.redis)?;
        self.calendar.validate()?;
        self.workflow.validate()?;
        self.retention.validate()?;
        self.mcp.validate()?;
        self.inbox.validate()?;
        self.telemetry.validate()?;
        self.docs.validate()?;
        self.demo.validate()?;
        self.loadtest.validate()
    }
}

/// Prints all settings as TOML, without secrets.
impl fmt::Display for Settings {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut blank = "";
        for (section, keys) in layers::tree(self) {
            writeln!(out, "{blank}[{section}]")?;
            for (key, value) in keys {
                writeln!(out, "{key} = {value}")?;
            }
            blank = "\n";
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
