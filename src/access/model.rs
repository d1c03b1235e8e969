//! Roles and grants: shapes and rules without IO.

use crate::refusal::Refusal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A role as REST shows it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RoleOut {
    /// Integer id.
    pub id: i64,
    /// Unique in its company and application.
    pub code: String,
    /// Display name.
    pub name: String,
    /// `builtin` or `custom`.
    pub kind: String,
    /// 1 enabled, 0 disabled.
    pub status: i64,
    /// For optimistic locking.
    pub version: i64,
    /// What its permissions reach: `all`, `chosen`, `own_and_below`, `own` or `self`.
    pub data_scope: String,
    /// Guids of the organisations of the data scope `chosen`.
    pub data_scope_organizations: Vec<String>,
    /// Its codes, sorted.
    pub permissions: Vec<String>,
    /// Accounts that hold it.
    pub holders: i64,
}

/// A row of `sys_role` with the number of its holders.
#[expect(missing_docs, reason = "the fields are the columns of the same name")]
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct RoleRow {
    pub id: i64,
    pub code: String,
    pub name: String,
    pub kind: String,
    pub status: i64,
    pub data_scope: String,
    pub version: i64,
    pub holders: i64,
}

/// A new role. It starts with no permission (S1-44).
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRole {
    /// 1 to 64 of a–z, 0–9, `_`, `-`, `.`.
    pub code: String,
    /// Display name.
    pub name: String,
    /// What its permissions reach: `all` (when absent), `chosen`, `own_and_below`, `own` or `self`.
    #[serde(default)]
    pub data_scope: Option<String>,
    /// Guids of the organisations of the data scope `chosen`.
    #[serde(default)]
    pub data_scope_organizations: Option<Vec<String>>,
}

/// What of a role is to change; what is absent stays.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RolePatch {
    /// Display name.
    pub name: Option<String>,
    /// 1 enabled, 0 disabled: its holders lose what only it gave.
    pub status: Option<i64>,
    /// What its permissions reach: `all`, `chosen`, `own_and_below`, `own` or `self`.
    pub data_scope: Option<String>,
    /// Guids of the organisations of the data scope `chosen`.
    pub data_scope_organizations: Option<Vec<String>>,
    /// The version that was read; a different one now is refused.
    pub version: Option<i64>,
}

/// Permission codes to set, add or remove.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Codes {
    /// Codes of the catalogue.
    pub permissions: Vec<String>,
    /// Must be true to grant a critical permission such as `system:admin` (S1-47).
    #[serde(default)]
    pub confirm: bool,
    /// Why; the log and the pushed frames carry it.
    #[serde(default)]
    pub reason: String,
}

/// One role in an account's list.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GrantIn {
    /// The role.
    pub role_id: i64,
    /// ISO 8601; at once when absent.
    #[serde(default)]
    pub valid_from: Option<String>,
    /// ISO 8601, exclusive; for good when absent.
    #[serde(default)]
    pub valid_to: Option<String>,
}

/// One role that an account holds.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct GrantOut {
    /// The role.
    pub role_id: i64,
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// ISO 8601.
    pub valid_from: Option<String>,
    /// ISO 8601, exclusive.
    pub valid_to: Option<String>,
    /// Its time has come.
    pub started: bool,
}

/// When a grant counts, in UTC milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Period {
    /// Starts at.
    pub from: Option<i64>,
    /// Ends before.
    pub to: Option<i64>,
}

impl Period {
    /// Reads a period from its ISO 8601 texts.
    pub fn parse(from: Option<&str>, to: Option<&str>, now: i64) -> Result<Self, Refusal> {
        let read = |field: &str, text: Option<&str>| match text {
            None => Ok(None),
            Some(text) => crate::clock::parse_iso(text)
                .map(Some)
                .ok_or_else(|| Refusal::invalid(field, "invalid", "not an ISO 8601 time with an offset")),
        };
        let period = Self { from: read("valid_from", from)?, to: read("valid_to", to)? };
        if period.to.is_some_and(|to| to <= now.max(period.from.unwrap_or(now))) {
            return Err(Refusal::invalid(
                "valid_to",
                "invalid",
                "must lie in the future and after valid_from",
            ));
        }
        Ok(period)
    }

    /// Answers whether the grant has started.
    pub fn started(self, now: i64) -> bool {
        self.from.is_none_or(|from| from <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_ends_after_it_starts_and_in_the_future() {
        let period = Period::parse(None, Some("1970-01-01T00:00:02Z"), 1_000).expect("valid");
        assert_eq!(period, Period { from: None, to: Some(2_000) });
        assert!(Period::parse(None, Some("1970-01-01T00:00:01Z"), 1_000).is_err());
        assert!(Period::parse(Some("1970-01-01T00:00:03Z"), Some("1970-01-01T00:00:02Z"), 1_000).is_err());
        assert!(Period::parse(Some("tomorrow"), None, 1_000).is_err());
    }
}
