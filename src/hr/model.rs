//! Organisations, positions and staff: shapes and rules without IO.

use crate::clock::iso;
use crate::refusal::Refusal;
use livegrant_actors::AccountId;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

/// Positions of one person at most: an effective set is computed over all of them.
pub const POSITIONS_MAX: usize = 100;

/// How somebody comes into a position; the words of the personnel file.
pub const CHANGE_TYPES: [&str; 5] = ["入职", "晋升", "调岗", "兼任", "降职"];

/// Id of a staff record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StaffId(pub i64);

/// An organisation.
#[derive(Debug, Clone, Serialize, sqlx::FromRow, ToSchema)]
pub struct Organization {
    /// Its row.
    #[serde(skip)]
    pub id: i64,
    /// 36-character id.
    pub guid: String,
    /// Unique in its company.
    pub code: String,
    /// Display name.
    pub name: String,
    /// For optimistic locking.
    pub version: i64,
}

/// A new organisation.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOrganization {
    /// 1 to 64 letters, digits, `_`, `-`, `.` or `:`.
    pub code: String,
    /// Display name.
    pub name: String,
}

/// What of an organisation is to change; what is absent stays.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OrganizationPatch {
    /// Unique in its company.
    pub code: Option<String>,
    /// Display name.
    pub name: Option<String>,
    /// The version that was read; a different one now is refused.
    pub version: Option<i64>,
    /// Account or staff guid of the caller; anybody else's is refused (C3).
    #[serde(rename = "operatorGuid")]
    pub operator_guid: Option<String>,
}

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
    /// 1 enabled, 0 disabled.
    pub status: i64,
    /// For optimistic locking.
    pub version: i64,
    /// People in it.
    pub holders: i64,
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
    /// The version that was read; a different one now is refused.
    pub version: Option<i64>,
}

/// A staff record.
#[derive(Debug, Clone, Serialize, sqlx::FromRow, ToSchema)]
pub struct Staff {
    /// Integer id, as the change log names it.
    pub id: i64,
    /// 36-character id.
    pub guid: String,
    /// Personnel number, unique in its company.
    pub staff_no: String,
    /// The person's name.
    pub name: String,
    /// Telephone number.
    pub mobile: String,
    /// Address for mail.
    pub email: String,
    /// `active`, `on_leave` or `left`; positions count only while it is `active`.
    pub status: String,
    /// The organisation the person belongs to.
    pub organization_guid: Option<String>,
    /// The login, if the person has one.
    pub account_id: Option<i64>,
    /// The login's name.
    pub username: Option<String>,
    /// For optimistic locking.
    pub version: i64,
}

impl Staff {
    /// Answers the account that holds this person's positions: none while the person is away or has no login.
    pub fn holder(&self) -> Option<AccountId> {
        self.account_id.filter(|_| self.status == "active").map(AccountId)
    }
}

/// A staff record with the positions that the person is in.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct StaffOut {
    /// The record.
    #[serde(flatten)]
    pub staff: Staff,
    /// By id.
    pub positions: Vec<HeldOut>,
}

/// A new staff record; the person is `active` and in no position.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewStaff {
    /// Personnel number: 1 to 64 letters, digits, `_`, `-`, `.` or `:`.
    pub staff_no: String,
    /// The person's name.
    pub name: String,
    /// Telephone number.
    #[serde(default)]
    pub mobile: String,
    /// Address for mail.
    #[serde(default)]
    pub email: String,
    /// The organisation the person belongs to.
    #[serde(default)]
    pub organization_guid: Option<String>,
    /// The login, by id.
    #[serde(default)]
    pub account_id: Option<i64>,
    /// The login, by name.
    #[serde(default)]
    pub username: Option<String>,
}

/// What of a staff record is to change; what is absent stays.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StaffPatch {
    /// Personnel number.
    pub staff_no: Option<String>,
    /// The person's name.
    pub name: Option<String>,
    /// Telephone number.
    pub mobile: Option<String>,
    /// Address for mail.
    pub email: Option<String>,
    /// `active` or `on_leave`; `left` does what deleting does and needs the same permission.
    pub status: Option<String>,
    /// The organisation; null for none.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub organization_guid: Field<String>,
    /// The login, by id; null takes it away.
    #[serde(default)]
    #[schema(value_type = Option<i64>)]
    pub account_id: Field<i64>,
    /// The login, by name.
    pub username: Option<String>,
    /// The version that was read; a different one now is refused.
    pub version: Option<i64>,
}

/// A position for a person (`AssignStaffPosition`, S1-35).
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewHeld {
    /// The position.
    pub position_guid: String,
    /// The person's main position; another one is so no longer.
    pub is_primary: Option<bool>,
    /// 入职, 晋升, 调岗, 兼任 or 降职.
    pub change_type: Option<String>,
    /// ISO 8601; at once when absent.
    pub valid_from: Option<String>,
    /// ISO 8601, exclusive; for good when absent.
    pub valid_to: Option<String>,
    /// Account or staff guid of the caller; anybody else's is refused (C3).
    #[serde(rename = "operatorGuid")]
    pub operator_guid: Option<String>,
}

/// A row of `hr_r_staff_position` with its position.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct HeldRow {
    /// The staff record.
    pub staff_id: i64,
    /// The position's row.
    pub position_id: i64,
    /// The position.
    pub position_guid: String,
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// The person's main position.
    pub is_primary: bool,
    /// How the person came into it.
    pub change_type: String,
    /// Starts at, in UTC milliseconds.
    pub valid_from: Option<i64>,
    /// Ends before, in UTC milliseconds.
    pub valid_to: Option<i64>,
    /// The log says that it has started.
    pub started: bool,
}

/// One position that a person is in.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct HeldOut {
    /// The position.
    pub position_guid: String,
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// The person's main position.
    pub is_primary: bool,
    /// 入职, 晋升, 调岗, 兼任, 降职 or empty.
    pub change_type: String,
    /// ISO 8601.
    pub valid_from: Option<String>,
    /// ISO 8601, exclusive.
    pub valid_to: Option<String>,
    /// Its time has come.
    pub started: bool,
}

impl From<HeldRow> for HeldOut {
    fn from(row: HeldRow) -> Self {
        Self {
            position_guid: row.position_guid,
            code: row.code,
            name: row.name,
            is_primary: row.is_primary,
            change_type: row.change_type,
            valid_from: row.valid_from.map(iso),
            valid_to: row.valid_to.map(iso),
            started: row.started,
        }
    }
}

/// A field of a patch that can also be emptied.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Field<T> {
    /// Not in the body: stays.
    #[default]
    Absent,
    /// `null`: is emptied.
    Null,
    /// Has a new value.
    Given(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Option::<T>::deserialize(from).map(|value| value.map_or(Self::Null, Self::Given))
    }
}

impl<T> Field<T> {
    /// Answers the value after the patch.
    pub fn or(self, old: Option<T>) -> Option<T> {
        match self {
            Self::Absent => old,
            Self::Null => None,
            Self::Given(new) => Some(new),
        }
    }
}

/// Checks a position's status.
pub fn check_status(status: Option<i64>) -> Result<(), Refusal> {
    if status.is_none_or(|status| matches!(status, 0 | 1)) {
        return Ok(());
    }
    Err(Refusal::invalid("status", "invalid", "1 (enabled) or 0 (disabled)"))
}

/// Checks the status of staff.
pub fn check_staff_status(status: &str) -> Result<(), Refusal> {
    if matches!(status, "active" | "on_leave" | "left") {
        return Ok(());
    }
    Err(Refusal::invalid("status", "invalid", "one of active, on_leave, left"))
}

/// Checks how somebody comes into a position.
pub fn check_change_type(change_type: &str) -> Result<(), Refusal> {
    if CHANGE_TYPES.contains(&change_type) {
        return Ok(());
    }
    Err(Refusal::invalid("change_type", "invalid", format!("one of {}", CHANGE_TYPES.join(", "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_tells_an_absent_field_from_an_emptied_one() {
        let read = |body: &str| serde_json::from_str::<StaffPatch>(body).map(|patch| patch.account_id);
        assert_eq!(read("{}").ok(), Some(Field::Absent));
        assert_eq!(read(r#"{"account_id":null}"#).ok(), Some(Field::Null));
        assert_eq!(read(r#"{"account_id":7}"#).ok(), Some(Field::Given(7)));
        assert!(read(r#"{"account_id":"7"}"#).is_err());
    }

    #[test]
    fn only_active_staff_with_a_login_hold_their_positions() {
        let staff = |status: &str, account_id| Staff {
            id: 1,
            guid: String::new(),
            staff_no: String::new(),
            name: String::new(),
            mobile: String::new(),
            email: String::new(),
            status: status.to_owned(),
            organization_guid: None,
            account_id,
            username: None,
            version: 1,
        };
        assert_eq!(staff("active", Some(7)).holder(), Some(AccountId(7)));
        assert_eq!(staff("active", None).holder(), None);
        assert_eq!(staff("on_leave", Some(7)).holder(), None);
        assert_eq!(staff("left", Some(7)).holder(), None);
    }
}
