//! The section `mcp`: what the endpoint for models is, whom it lets in, and how often.

use serde::{Deserialize, Serialize};

use super::SettingError;

/// The endpoint for models.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mcp {
    /// Whether `/mcp` is served.
    pub enabled: bool,
    /// Scheme and authority under which clients reach this server, for the metadata of RFC 9728; empty: what the request's
    /// `Host` says.
    pub public_url: String,
    /// Names that a request's `Host` may carry: `host` with any port, or `host:port`. A page that was given this address
    /// under a foreign name (DNS rebinding) is refused by it.
    pub allowed_hosts: Vec<String>,
    /// Pages that may call: each exactly `scheme://host[:port]`, or `scheme://host:*` for any port. A request without
    /// `Origin` is no page's.
    pub allowed_origins: Vec<String>,
    /// Calls of one account a minute, on this node.
    pub calls_per_minute: u32,
    /// How long a client may keep the list of tools, in seconds.
    pub tools_ttl_seconds: u32,
}

impl Default for Mcp {
    fn default() -> Self {
        let texts = |texts: [&str; 3]| texts.map(str::to_owned).to_vec();
        Self {
            enabled: true,
            public_url: String::new(),
            allowed_hosts: texts(["localhost", "127.0.0.1", "[::1]"]),
            allowed_origins: texts(["http://localhost:*", "http://127.0.0.1:*", "http://[::1]:*"]),
            calls_per_minute: 240,
            tools_ttl_seconds: 60,
        }
    }
}

impl Mcp {
    /// Checks the values.
    ///
    /// # Errors
    /// The first key with a bad value.
    pub fn validate(&self) -> Result<(), SettingError> {
        let schemed = |text: &str| text.starts_with("https://") || text.starts_with("http://");
        let bare = |text: &str| !text.is_empty() && !text.contains(['/', ' ', '*', '@']);
        if !self.public_url.is_empty()
            && (!schemed(&self.public_url)
                || !bare(self.public_url.split_once("://").map_or("", |(_, at)| at)))
        {
            return Err(SettingError::new("mcp.public_url", "must be scheme://host[:port], without a path"));
        }
        if let Some(bad) = self.allowed_hosts.iter().find(|host| !bare(host)) {
            let problem = format!("{bad:?} is not host or host:port");
            return Err(SettingError::new("mcp.allowed_hosts", problem));
        }
        let origin = |text: &str| {
            let at = text.split_once("://").map_or("", |(_, at)| at);
            schemed(text) && bare(at.strip_suffix(":*").unwrap_or(at))
        };
        if let Some(bad) = self.allowed_origins.iter().find(|text| !origin(text)) {
            let problem = format!("{bad:?} is not scheme://host[:port] or scheme://host:*");
            return Err(SettingError::new("mcp.allowed_origins", problem));
        }
        SettingError::unless_within("mcp.calls_per_minute", self.calls_per_minute, 1..=1_000_000)?;
        SettingError::unless_within("mcp.tools_ttl_seconds", self.tools_ttl_seconds, 0..=86_400)
    }
}
