//! Service tokens: what they are and their rules, without IO.

use super::scope::Scopes;
use crate::clock::iso;
use crate::refusal::Refusal;
use crate::text::check_name;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How a service token begins, so that a leaked one is found by scanners.
pub const PREFIX: &str = "lgs_";
/// Longest life of a service token, in days: after a year somebody should have looked whether it is still needed.
pub const DAYS_MAX: u32 = 366;
const DAY_MS: i64 = 24 * 3600 * 1000;

/// A new service token.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewApiClient {
    /// What the program is called; unique in its company.
    pub name: String,
    /// The account that it acts as, by id.
    #[serde(default)]
    pub account_id: Option<i64>,
    /// The account that it acts as, by login name.
    #[serde(default)]
    pub username: Option<String>,
    /// `mcp:notify`, `mcp:org`, `mcp:workflow`, `mcp:read`; none: all that the account may do.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// May name the person on whose behalf it acts; the audit log has both.
    #[serde(default)]
    pub on_behalf: bool,
    /// Its life, 1 to 366 days.
    pub days: u32,
}

impl NewApiClient {
    /// Checks the fields; answers the scopes and when it is over.
    pub fn check(&self, now: i64) -> Result<(Scopes, i64), Refusal> {
        check_name("name", &self.name)?;
        if !(1..=DAYS_MAX).contains(&self.days) {
            return Err(Refusal::invalid("days", "invalid", format!("1 to {DAYS_MAX}")));
        }
        let scopes = Scopes::parse(self.scopes.iter().map(String::as_str))?;
        Ok((scopes, now + i64::from(self.days) * DAY_MS))
    }
}

/// A row of `sys_api_client`, without its secret.
#[expect(missing_docs, reason = "the fields are the columns of the same name")]
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ApiClientRow {
    pub guid: String,
    pub name: String,
    pub account_id: i64,
    pub username: String,
    pub sid: String,
    pub scopes: String,
    pub on_behalf: bool,
    pub status: i64,
    pub expires_at: i64,
    pub created_at: i64,
}

impl ApiClientRow {
    /// What the token is narrowed to.
    pub fn scopes(&self) -> Scopes {
        Scopes::stored(&self.scopes)
    }
}

/// A service token as REST shows it. The token itself is shown once, when it is made.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ApiClient {
    /// 36-character id.
    pub guid: String,
    /// What the program is called.
    pub name: String,
    /// The account that it acts as.
    pub account_id: i64,
    /// Its login name.
    pub username: String,
    /// What it is narrowed to; empty: all that the account may do.
    pub scopes: Vec<String>,
    /// May name the person on whose behalf it acts.
    pub on_behalf: bool,
    /// `active`, `expired` or `revoked`; ending its session revokes it too.
    pub state: &'static str,
    /// ISO 8601.
    pub expires_at: String,
    /// ISO 8601.
    pub created_at: String,
}

impl ApiClient {
    /// Shows a row; `alive`: its session has not ended.
    pub fn of(row: ApiClientRow, alive: bool, now: i64) -> Self {
        let state = match row.status {
            1 if row.expires_at <= now => "expired",
            1 if alive => "active",
            _ => "revoked",
        };
        Self {
            scopes: row.scopes().names().map(str::to_owned).collect(),
            guid: row.guid,
            name: row.name,
            account_id: row.account_id,
            username: row.username,
            on_behalf: row.on_behalf,
            state,
            expires_at: iso(row.expires_at),
            created_at: iso(row.created_at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_an_end_and_known_scopes() {
        let new = |days, scopes: &[&str]| NewApiClient {
            name: "报表".to_owned(),
            account_id: None,
            username: None,
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            on_behalf: false,
            days,
        };
        assert!(new(1, &["mcp:read"]).check(0).is_ok());
        assert!(new(0, &[]).check(0).is_err());
        assert!(new(DAYS_MAX + 1, &[]).check(0).is_err());
        assert!(new(1, &["admin"]).check(0).is_err());
    }
}
