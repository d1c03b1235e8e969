//! The section `redis`: the doorbell between nodes, and the view of all sessions that they share.
//!
//! Without an address there is no Redis: one node, the bus within the process. Redis is never the truth (I6).
//! Addresses may hold a password: [`RedisUrl`] prints without it. TLS is not built in; a `rediss://` address is refused
//! rather than spoken to in the clear.

use std::fmt;

use livegrant_actors::bus::redis::Topology;
use serde::{Deserialize, Serialize, Serializer};

use super::{Secret, SettingError};

/// Longest prefix. Every channel carries it: it costs Redis memory an online account.
const PREFIX_MAX: usize = 32;

/// How Redis is reached, and how it is used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Redis {
    /// How Redis is made fail-safe.
    pub mode: RedisMode,
    /// The one server's address, in the mode `standalone`; empty: no Redis.
    pub url: RedisUrl,
    /// The sentinels or the cluster's nodes, in the other two modes.
    pub urls: Vec<RedisUrl>,
    /// The name that the sentinels know the server by.
    pub sentinel_master: String,
    /// The sentinels' own password; empty: they ask for none.
    pub sentinel_password: Secret,
    /// Begins the name of every channel.
    pub prefix: String,
    /// Connections for the shared view of sessions.
    pub pool_size: u32,
    /// Time that one step of the shared view may take, in milliseconds.
    pub timeout_ms: u64,
}

/// How Redis is made fail-safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RedisMode {
    /// One server.
    Standalone,
    /// A server with replicas, watched by sentinels.
    Sentinel,
    /// Redis Cluster.
    Cluster,
}

impl Default for Redis {
    fn default() -> Self {
        Self {
            mode: RedisMode::Standalone,
            url: RedisUrl::default(),
            urls: Vec::new(),
            sentinel_master: "mymaster".to_owned(),
            sentinel_password: Secret::default(),
            prefix: "livegrant".to_owned(),
            pool_size: 8,
            timeout_ms: 1000,
        }
    }
}

impl Redis {
    /// Tells whether there is a Redis at all.
    pub fn is_set(&self) -> bool {
        !self.url.is_empty() || !self.urls.is_empty()
    }

    /// Gives what the bus connects to; `None`: there is no Redis.
    pub fn topology(&self) -> Option<Topology> {
        let urls = || self.urls.iter().map(|url| url.expose().to_owned()).collect();
        self.is_set().then(|| match self.mode {
            RedisMode::Standalone => Topology::Standalone { url: self.url.expose().to_owned() },
            RedisMode::Sentinel => Topology::Sentinel {
                urls: urls(),
                master: self.sentinel_master.clone(),
                password: Some(self.sentinel_password.expose().to_owned()).filter(|text| !text.is_empty()),
            },
            RedisMode::Cluster => Topology::Cluster { urls: urls() },
        })
    }

    /// Checks the values.
    ///
    /// # Errors
    /// The first key with a bad value.
    pub fn validate(&self) -> Result<(), SettingError> {
        self.validate_addresses()?;
        if self.mode == RedisMode::Sentinel && self.sentinel_master.is_empty() {
            return Err(SettingError::new(
                "redis.sentinel_master",
                "must name the server that the sentinels watch",
            ));
        }
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if self.prefix.is_empty() || self.prefix.len() > PREFIX_MAX || !self.prefix.bytes().all(is_plain) {
            let problem = format!("must be 1 to {PREFIX_MAX} letters, digits, -, _ and .");
            return Err(SettingError::new("redis.prefix", problem));
        }
        SettingError::unless_within("redis.pool_size", self.pool_size, 1..=256)?;
        SettingError::unless_within("redis.timeout_ms", self.timeout_ms, 50..=60_000)
    }

    fn validate_addresses(&self) -> Result<(), SettingError> {
        if !self.url.is_empty() {
            self.url.check().map_err(|problem| SettingError::new("redis.url", problem))?;
        }
        for url in &self.urls {
            url.check().map_err(|problem| SettingError::new("redis.urls", problem))?;
        }
        match self.mode {
            RedisMode::Standalone if !self.urls.is_empty() => Err(SettingError::new(
                "redis.urls",
                "belongs to the modes sentinel and cluster; use redis.url",
            )),
            RedisMode::Sentinel | RedisMode::Cluster if !self.url.is_empty() => {
                Err(SettingError::new("redis.url", "belongs to the mode standalone; use redis.urls"))
            }
            RedisMode::Sentinel | RedisMode::Cluster if self.urls.is_empty() => {
                Err(SettingError::new("redis.urls", "must name at least one server in this mode"))
            }
            _ => Ok(()),
        }
    }
}

/// A server's address, printed without its password.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct RedisUrl(String);

impl RedisUrl {
    /// Wraps an address; [`Redis::validate`] checks it.
    pub fn new(url: impl Into<String>) -> Self {
        Self(url.into())
    }

    /// Gives the address with its password, for the one place that connects.
    pub fn expose(&self) -> &str {
        &self.0
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn check(&self) -> Result<(), &'static str> {
        match self.0.split_once("://") {
            Some(("rediss", _)) => Err("must begin with redis://: TLS to Redis is not built in"),
            Some(("redis", rest)) if !rest.is_empty() => {
                Topology::check(&self.0).map_err(|_| "must be redis://[user:password@]host[:port][/database]")
            }
            _ => Err("must begin with redis://"),
        }
    }

    /// The address with `***` for a password, which stands before the last `@`.
    fn shown(&self) -> String {
        if self.0.is_empty() {
            return String::new();
        }
        let Some((scheme, rest)) = self.0.split_once("://") else {
            return "***".to_owned(); // not an address: nobody knows which part is secret
        };
        let Some((credentials, host)) = rest.rsplit_once('@') else { return self.0.clone() };
        let user = credentials.split_once(':').map_or(credentials, |(user, _)| user);
        format!("{scheme}://{user}:***@{host}")
    }
}

impl fmt::Display for RedisUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.shown())
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "RedisUrl({})", self.shown())
    }
}

impl Serialize for RedisUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.shown())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(change: impl FnOnce(&mut Redis)) -> String {
        let mut redis = Redis::default();
        change(&mut redis);
        redis.validate().map_or_else(|error| error.to_string(), |()| "accepted".to_owned())
    }

    #[test]
    fn without_an_address_there_is_no_redis() {
        assert_eq!(refusal(|_| ()), "accepted");
        assert!(!Redis::default().is_set() && Redis::default().topology().is_none());
    }

    #[test]
    fn each_mode_takes_its_own_addresses() {
        let one = || RedisUrl::new("redis://h");
        assert_eq!(refusal(|redis| redis.url = RedisUrl::new("redis://u:p@h:6380/2")), "accepted");
        let both = |mode| move |redis: &mut Redis| (redis.mode, redis.urls) = (mode, vec![one(), one()]);
        assert_eq!(refusal(both(RedisMode::Sentinel)), "accepted");
        assert_eq!(refusal(both(RedisMode::Cluster)), "accepted");
        assert!(refusal(both(RedisMode::Standalone)).starts_with("setting redis.urls: belongs to"));
        let with_url = |redis: &mut Redis| (redis.mode, redis.url) = (RedisMode::Cluster, one());
        assert!(refusal(with_url).starts_with("setting redis.url: belongs to"));
        let text = refusal(|redis| redis.mode = RedisMode::Sentinel);
        assert_eq!(text, "setting redis.urls: must name at least one server in this mode");
    }

    #[test]
    fn an_address_that_cannot_be_used_is_refused_without_being_quoted() {
        for (url, expected) in [
            (
                "rediss://u:hunter2@h",
                "setting redis.url: must begin with redis://: TLS to Redis is not built in",
            ),
            ("http://hunter2", "setting redis.url: must begin with redis://"),
            ("redis://", "setting redis.url: must begin with redis://"),
            (
                "redis://h:hunter2",
                "setting redis.url: must be redis://[user:password@]host[:port][/database]",
            ),
        ] {
            assert_eq!(refusal(|redis| redis.url = RedisUrl::new(url)), expected);
        }
        assert!(refusal(|redis| redis.prefix = "a b".to_owned()).starts_with("setting redis.prefix: "));
        assert!(refusal(|redis| redis.pool_size = 0).starts_with("setting redis.pool_size: "));
    }

    #[test]
    fn an_address_prints_without_its_password() {
        for (url, shown) in [
            ("redis://lg:pa@ss:word@h:6379/1", "redis://lg:***@h:6379/1"),
            ("redis://:hunter2@h", "redis://:***@h"),
            ("redis://h:6379", "redis://h:6379"),
            ("hunter2", "***"),
            ("", ""),
        ] {
            assert_eq!(RedisUrl::new(url).to_string(), shown);
        }
    }
}
