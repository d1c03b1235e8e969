//! Who is in which position: shapes without IO.

use super::Field;
use crate::clock::iso;
use serde::{Deserialize, Serialize, Serializer};
use utoipa::ToSchema;

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

/// How a person is in a position from now on; what is absent stays.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HeldPatch {
    /// The person's main position; another one is so no longer.
    pub is_primary: Option<bool>,
    /// 入职, 晋升, 调岗, 兼任 or 降职.
    pub change_type: Option<String>,
    /// ISO 8601.
    pub valid_from: Option<String>,
    /// ISO 8601, exclusive; null for good.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub valid_to: Field<String>,
    /// Account or staff guid of the caller; anybody else's is refused (C3).
    #[serde(rename = "operatorGuid")]
    pub operator_guid: Option<String>,
}

/// One line of a person's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow, ToSchema)]
pub struct PositionChange {
    /// Its place in the history.
    pub id: i64,
    /// The position; null once it is deleted.
    pub position_guid: Option<String>,
    /// What the person was before, as it was called then; empty: nothing.
    pub old_position: String,
    /// What the person has been since.
    pub new_position: String,
    /// 入职, 晋升, 调岗, 兼任, 降职 or 离任.
    pub change_type: String,
    /// Who ordered it; 0 is the system itself.
    pub operator_id: i64,
    /// His login name.
    pub operator_name: Option<String>,
    /// ISO 8601.
    #[serde(serialize_with = "when")]
    #[schema(value_type = String)]
    pub at: i64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn when<S: Serializer>(at: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&iso(*at))
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
