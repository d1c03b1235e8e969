//! Organisations, positions and staff: shapes and rules without IO.

mod held;
mod organization;
mod position;
mod staff;

pub use held::*;
pub use organization::*;
pub use position::*;
pub use staff::*;

use crate::refusal::Refusal;
use serde::{Deserialize, Deserializer, Serialize};

/// Positions of one person at most: an effective set is computed over all of them.
pub const POSITIONS_MAX: usize = 100;

/// How somebody comes into a position; the words of the personnel file.
pub const CHANGE_TYPES: [&str; 5] = ["入职", "晋升", "调岗", "兼任", "降职"];
/// How somebody comes out of one.
pub const LEAVING: &str = "离任";

/// Id of a staff record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StaffId(pub i64);

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
}
