//! Staff: shapes and rules without IO.

use super::{Field, HeldOut};
use crate::clock::iso;
use livegrant_actors::AccountId;
use serde::{Deserialize, Serialize, Serializer};
use utoipa::ToSchema;

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
    /// First day, ISO 8601.
    #[serde(serialize_with = "instant")]
    #[schema(value_type = Option<String>)]
    pub hired_at: Option<i64>,
    /// When the person left, ISO 8601.
    #[serde(serialize_with = "instant")]
    #[schema(value_type = Option<String>)]
    pub left_at: Option<i64>,
    /// For optimistic locking.
    pub version: i64,
    /// The row of the organisation.
    #[serde(skip)]
    pub org_id: Option<i64>,
}

#[expect(clippy::ref_option, reason = "serde hands over a reference to the field")]
fn instant<S: Serializer>(at: &Option<i64>, serializer: S) -> Result<S::Ok, S::Error> {
    at.map(iso).serialize(serializer)
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
    /// First day, ISO 8601.
    #[serde(default)]
    pub hired_at: Option<String>,
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
    /// First day, ISO 8601; null for unknown.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub hired_at: Field<String>,
    /// The version that was read; a different one now is refused.
    pub version: Option<i64>,
}

#[cfg(test)]
mod tests {
    use super::*;

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
            hired_at: None,
            left_at: None,
            version: 1,
            org_id: None,
        };
        assert_eq!(staff("active", Some(7)).holder(), Some(AccountId(7)));
        assert_eq!(staff("active", None).holder(), None);
        assert_eq!(staff("on_leave", Some(7)).holder(), None);
        assert_eq!(staff("left", Some(7)).holder(), None);
    }
}
