//! Positions: shapes and rules without IO.

use super::Field;
use crate::refusal::Refusal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The highest rank, and the largest headcount.
const NUMBER_MAX: i64 = 100_000;

/// A position. What it carries is listed apart.
#[derive(Debug, Clone, Serialize, sqlx::FromRow, ToSchema)]
pub struct Position {
    /// Integer id, as the change log names it.
    pub id: i64,
    /// 36-character id.
    pub guid: String,
    /// Unique in its company.
    pub code: String,
    /// Display name.
    pub name: String,
    /// The organisation it belongs to.
    pub organization_guid: Option<String>,
    /// Whoever is in it leads others.
    pub is_manager: bool,
    /// Rank: a larger number stands higher.
    pub level: i64,
    /// People who may be in it at once; null for any number.
    pub headcount: Option<i64>,
    /// What its permissions reach: `all`, `chosen`, `own_and_below`, `own` or `self`.
    pub data_scope: String,
    /// 1 enabled, 0 disabled.
    pub status: i64,
    /// For optimistic locking.
    pub version: i64,
    /// People in it.
    pub holders: i64,
    /// The row of the organisation.
    #[serde(skip)]
    pub org_id: Option<i64>,
}

/// A position with the organisations that it reaches by choice.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PositionOut {
    /// The position.
    #[serde(flatten)]
    pub position: Position,
    /// Guids of the organisations of the data scope `chosen`.
    pub data_scope_organizations: Vec<String>,
}

/// A new position. It starts with no permission (S1-44).
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPosition {
    /// 1 to 64 letters, digits, `_`, `-`, `.` or `:`.
    pub code: String,
    /// Display name.
    pub name: String,
    /// The organisation it belongs to.
    #[serde(default)]
    pub organization_guid: Option<String>,
    /// Whoever is in it leads others.
    #[serde(default)]
    pub is_manager: bool,
    /// 1 enabled (when absent), 0 disabled.
    #[serde(default)]
    pub status: Option<i64>,
    /// Rank: a larger number stands higher; 0 when absent.
    #[serde(default)]
    pub level: Option<i64>,
    /// People who may be in it at once; any number when absent.
    #[serde(default)]
    pub headcount: Option<i64>,
    /// What its permissions reach: `all` (when absent), `chosen`, `own_and_below`, `own` or `self`.
    #[serde(default)]
    pub data_scope: Option<String>,
    /// Guids of the organisations of the data scope `chosen`.
    #[serde(default)]
    pub data_scope_organizations: Option<Vec<String>>,
}

/// What of a position is to change; what is absent stays.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PositionPatch {
    /// Unique in its company.
    pub code: Option<String>,
    /// Display name.
    pub name: Option<String>,
    /// The organisation it belongs to; null for none.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub organization_guid: Field<String>,
    /// Whoever is in it leads others.
    pub is_manager: Option<bool>,
    /// 1 enabled, 0 disabled: people in it lose what only it gave.
    pub status: Option<i64>,
    /// Rank: a larger number stands higher.
    pub level: Option<i64>,
    /// People who may be in it at once; null for any number.
    #[serde(default)]
    #[schema(value_type = Option<i64>)]
    pub headcount: Field<i64>,
    /// What its permissions reach: `all`, `chosen`, `own_and_below`, `own` or `self`.
    pub data_scope: Option<String>,
    /// Guids of the organisations of the data scope `chosen`.
    pub data_scope_organizations: Option<Vec<String>>,
    /// The version that was read; a different one now is refused.
    pub version: Option<i64>,
}

/// Checks a position's rank and headcount.
pub fn check_numbers(level: Option<i64>, headcount: Option<i64>) -> Result<(), Refusal> {
    if level.is_some_and(|level| !(0..=NUMBER_MAX).contains(&level)) {
        return Err(Refusal::invalid("level", "invalid", format!("0 to {NUMBER_MAX}")));
    }
    if headcount.is_some_and(|count| !(1..=NUMBER_MAX).contains(&count)) {
        return Err(Refusal::invalid("headcount", "invalid", format!("1 to {NUMBER_MAX}, or null")));
    }
    Ok(())
}

/// Goes on when so many people may be in a position.
pub fn has_room(headcount: Option<i64>, holders: i64) -> Result<(), Refusal> {
    match headcount {
        Some(most) if holders > most => Err(Refusal::conflict(
            "headcount",
            format!("at most {most} people may be in this position, and {holders} would be"),
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_headcount_is_a_limit_and_none_is_none() {
        assert!(has_room(None, 1_000).is_ok());
        assert!(has_room(Some(2), 2).is_ok());
        assert!(matches!(has_room(Some(2), 3), Err(Refusal::Conflict { code: "headcount", .. })));
        assert!(check_numbers(Some(0), Some(0)).is_err());
        assert!(check_numbers(Some(-1), None).is_err());
        assert!(check_numbers(Some(3), Some(1)).is_ok());
    }
}
