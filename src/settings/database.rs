//! The section `database`: which database, and how it is used.
//!
//! The URL's scheme picks the database. Its password is a secret: [`DatabaseUrl`] prints without it.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

use super::SettingError;

/// Which database, and how it is used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Database {
    /// `sqlite://path` or `postgres://user:password@host:port/name`.
    pub url: DatabaseUrl,
    /// Connections to PostgreSQL.
    pub max_connections: u32,
    /// Connections that only read, on SQLite; its one writer comes on top.
    pub read_connections: u32,
    /// Time a request waits for a connection before it fails, in seconds.
    pub acquire_timeout_seconds: u64,
    /// Time that PostgreSQL gives one statement, in milliseconds.
    pub statement_timeout_ms: u64,
    /// Time that PostgreSQL lets a statement wait for a lock, in milliseconds.
    pub lock_timeout_ms: u64,
    /// Time after which PostgreSQL ends a transaction in which nothing happens, in milliseconds.
    pub idle_in_transaction_timeout_ms: u64,
    /// Age at which a connection to PostgreSQL is replaced, in seconds.
    pub max_lifetime_seconds: u64,
    /// Time without use after which a connection to PostgreSQL is closed, in seconds.
    pub idle_timeout_seconds: u64,
    /// How hard SQLite pushes a commit to the disk.
    pub synchronous: Synchronous,
}

impl Default for Database {
    fn default() -> Self {
        Self {
            url: DatabaseUrl::new("sqlite://data/livegrant.db"),
            max_connections: 10,
            read_connections: 4,
            acquire_timeout_seconds: 5,
            statement_timeout_ms: 10_000,
            lock_timeout_ms: 3000,
            idle_in_transaction_timeout_ms: 30_000,
            max_lifetime_seconds: 1800,
            idle_timeout_seconds: 600,
            synchronous: Synchronous::Normal,
        }
    }
}

impl Database {
    /// Checks the values.
    ///
    /// # Errors
    /// The first key with a bad value.
    pub fn validate(&self) -> Result<(), SettingError> {
        if self.url.kind().is_none() {
            let problem = "must begin with sqlite://, postgres:// or postgresql://";
            return Err(SettingError::new("database.url", problem));
        }
        SettingError::unless_within("database.max_connections", self.max_connections, 2..=1000)?;
        SettingError::unless_within("database.read_connections", self.read_connections, 1..=256)?;
        SettingError::unless_within(
            "database.acquire_timeout_seconds",
            self.acquire_timeout_seconds,
            1..=300,
        )?;
        SettingError::unless_within(
            "database.statement_timeout_ms",
            self.statement_timeout_ms,
            100..=600_000,
        )?;
        SettingError::unless_within("database.lock_timeout_ms", self.lock_timeout_ms, 10..=600_000)?;
        // Else every wait for a lock would end as a statement that took too long.
        if self.lock_timeout_ms >= self.statement_timeout_ms {
            let problem =
                format!("must be less than database.statement_timeout_ms, {}", self.statement_timeout_ms);
            return Err(SettingError::new("database.lock_timeout_ms", problem));
        }
        let idle = self.idle_in_transaction_timeout_ms;
        SettingError::unless_within("database.idle_in_transaction_timeout_ms", idle, 1000..=600_000)?;
        SettingError::unless_within("database.max_lifetime_seconds", self.max_lifetime_seconds, 10..=86_400)?;
        SettingError::unless_within("database.idle_timeout_seconds", self.idle_timeout_seconds, 10..=86_400)
    }
}

/// The databases Livegrant runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DatabaseKind {
    /// Embedded: one file, one process.
    Sqlite,
    /// A server that several nodes share.
    Postgres,
}

/// How hard SQLite pushes a commit to the disk (`PRAGMA synchronous`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Synchronous {
    /// A power cut may lose the last commits, never the file's consistency.
    Normal,
    /// A power cut loses nothing; every commit waits for the disk.
    Full,
}

/// A database's address, printed without its password.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// Wraps a URL; [`Database::validate`] checks it.
    pub fn new(url: impl Into<String>) -> Self {
        Self(url.into())
    }

    /// Gives the URL with its password, for the one place that connects.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Tells which database the scheme names; `None` for any other scheme.
    pub fn kind(&self) -> Option<DatabaseKind> {
        let (scheme, rest) = self.0.split_once("://")?;
        match scheme {
            _ if rest.is_empty() => None,
            "sqlite" => Some(DatabaseKind::Sqlite),
            "postgres" | "postgresql" => Some(DatabaseKind::Postgres),
            _ => None,
        }
    }

    /// The URL with `***` for a password, wherever it stands: before the last `@` or as a parameter.
    fn shown(&self) -> String {
        let Some((scheme, rest)) = self.0.split_once("://") else {
            return "***".to_owned(); // not a URL: nobody knows which part is secret
        };
        let (place, parameters) =
            rest.split_once('?').map_or((rest, None), |(head, tail)| (head, Some(tail)));
        let place = match place.rsplit_once('@') {
            Some((credentials, host)) => {
                let user = credentials.split_once(':').map_or(credentials, |(user, _)| user);
                let password = if credentials.contains(':') { ":***" } else { "" };
                format!("{user}{password}@{host}")
            }
            None => place.to_owned(),
        };
        let parameters = parameters.map_or(String::new(), |all| {
            let shown: Vec<_> = all
                .split('&')
                .map(|pair| if pair.starts_with("password=") { "password=***" } else { pair })
                .collect();
            format!("?{}", shown.join("&"))
        });
        format!("{scheme}://{place}{parameters}")
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.shown())
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "DatabaseUrl({})", self.shown())
    }
}

impl Serialize for DatabaseUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.shown())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_picks_the_database() {
        let kind = |url| DatabaseUrl::new(url).kind();
        assert_eq!(kind("sqlite://data/a.db"), Some(DatabaseKind::Sqlite));
        assert_eq!(kind("postgres://h/a"), Some(DatabaseKind::Postgres));
        assert_eq!(kind("postgresql://h/a"), Some(DatabaseKind::Postgres));
        for refused in ["mysql://h/a", "sqlite:a.db", "sqlite://", "", "Postgres"] {
            assert_eq!(kind(refused), None, "{refused}");
        }
    }

    #[test]
    fn a_url_prints_without_its_password() {
        for (url, shown) in [
            (
                "postgres://lg:pa@ss:word@db:5432/lg?sslmode=require",
                "postgres://lg:***@db:5432/lg?sslmode=require",
            ),
            ("postgres://db/lg?user=lg&password=hunter2", "postgres://db/lg?user=lg&password=***"),
            ("postgres://lg@db/lg", "postgres://lg@db/lg"),
            ("sqlite://data/livegrant.db", "sqlite://data/livegrant.db"),
            ("hunter2", "***"),
        ] {
            assert_eq!(DatabaseUrl::new(url).to_string(), shown);
        }
    }
}
