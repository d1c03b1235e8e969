//! Types of leave and requests: shapes and rules without IO. Days and hours outside, minutes of working time inside.

use super::calendar::{Counts, DAY};
use super::span::{Half, Unit};
use crate::refusal::Refusal;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use utoipa::ToSchema;

/// Longest reason, in characters: a page of text.
pub const REASON_MAX: usize = 2_000;
/// Attachments of one request at most.
pub const ATTACHMENTS_MAX: usize = 10;
/// Longest name or address of an attachment, in characters.
pub const ATTACHMENT_MAX: usize = 500;
/// Most days that a year can give: more than a year has makes no sense.
pub const YEARLY_MAX: f64 = 366.0;

/// Where a request stands: where its instance stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Not yet sent.
    Draft,
    /// Being decided on.
    Running,
    /// Given.
    Approved,
    /// Refused.
    Rejected,
    /// Sent back to be changed.
    Returned,
    /// Taken back by whoever asked.
    Withdrawn,
    /// Ended by an administrator.
    Cancelled,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 7] = [
        Self::Draft,
        Self::Running,
        Self::Approved,
        Self::Rejected,
        Self::Returned,
        Self::Withdrawn,
        Self::Cancelled,
    ];

    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Running => "running",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Returned => "returned",
            Self::Withdrawn => "withdrawn",
            Self::Cancelled => "cancelled",
        }
    }

    /// Reads what is stored or asked for.
    pub fn read(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// The words that notices say it in (C27).
    pub fn words(self) -> &'static str {
        match self {
            Self::Draft => "草稿",
            Self::Running => "审批中",
            Self::Approved => "已通过",
            Self::Rejected => "已拒绝",
            Self::Returned => "已退回",
            Self::Withdrawn => "已撤回",
            Self::Cancelled => "已取消",
        }
    }

    /// Whoever asked may still change it.
    pub fn can_change(self) -> bool {
        matches!(self, Self::Draft | Self::Returned)
    }
}

/// A type of leave.
#[expect(clippy::struct_excessive_bools, reason = "each is a column of its own")]
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct LeaveType {
    /// Its row.
    #[serde(skip)]
    pub id: i64,
    /// Unique in its company.
    pub code: String,
    /// Display name.
    pub name: String,
    /// In what it is counted: `day` or `hour`. What is counted in hours can be taken by the hour.
    pub unit: Unit,
    /// Mornings and afternoons can be taken.
    pub allow_half_day: bool,
    /// Which days count.
    pub counts: Counts,
    /// Wages go on.
    pub paid: bool,
    /// Each person has so much of it a year.
    pub keeps_balance: bool,
    /// What a person has in a year for which nothing else was set.
    pub yearly_days: f64,
    /// It may need an attachment.
    pub requires_attachment: bool,
    /// From how many days on it does.
    pub attachment_from_days: Option<f64>,
    /// The longest request.
    pub max_days: Option<f64>,
    /// How many days back it may begin without the permission to ask for others.
    pub backdate_days: i64,
    /// Block days do not concern it.
    pub ignores_blocks: bool,
    /// The definition that decides on it.
    pub definition_code: String,
    /// Place in lists.
    pub sort: i64,
    /// 1 enabled, 0 disabled.
    pub status: i64,
    /// For optimistic locking.
    pub version: i64,
}

impl LeaveType {
    /// The finest unit that it can be taken in.
    pub fn finest(&self) -> Unit {
        match (self.unit, self.allow_half_day) {
            (Unit::Hour, _) => Unit::Hour,
            (_, true) => Unit::HalfDay,
            (_, false) => Unit::Day,
        }
    }

    /// Goes on when it can be taken in this unit.
    pub fn check_unit(&self, unit: Unit) -> Result<(), Refusal> {
        let allowed = match unit {
            Unit::Day => true,
            Unit::HalfDay => self.allow_half_day,
            Unit::Hour => self.unit == Unit::Hour,
        };
        if allowed {
            return Ok(());
        }
        let detail = format!("{} cannot be taken in the unit {}", self.name, unit.as_str());
        Err(Refusal::invalid("unit", "invalid", detail))
    }

    /// Goes on when a request of so many minutes is not too long.
    pub fn check_amount(&self, amount: i64) -> Result<(), Refusal> {
        if amount <= 0 {
            return Err(Refusal::invalid(
                "end_at",
                "invalid",
                "there is no working time from start_at to end_at",
            ));
        }
        match self.max_days {
            Some(max) if amount > minutes(max) => {
                let detail = format!("at most {max} days of {} at once", self.name);
                Err(Refusal::invalid("end_at", "too_many", detail))
            }
            _ => Ok(()),
        }
    }

    /// Goes on when there are the attachments that so many minutes need.
    pub fn check_attached(&self, amount: i64, attachments: &[String]) -> Result<(), Refusal> {
        match self.attachment_from_days {
            Some(from) if self.requires_attachment && attachments.is_empty() && amount >= minutes(from) => {
                let detail = format!("{} from {from} days on needs an attachment", self.name);
                Err(Refusal::invalid("attachments", "attachment_required", detail))
            }
            _ => Ok(()),
        }
    }
}

/// Checks what is attached: names or addresses of files.
pub fn check_attachments(attachments: &[String]) -> Result<(), Refusal> {
    if attachments.len() > ATTACHMENTS_MAX {
        return Err(Refusal::invalid("attachments", "too_many", format!("at most {ATTACHMENTS_MAX}")));
    }
    for (number, text) in attachments.iter().enumerate() {
        let long = !(1..=ATTACHMENT_MAX).contains(&text.trim().chars().count());
        // What is clicked on is no script.
        let script = text.trim_start().to_lowercase().starts_with("javascript:");
        if long || script || text.chars().any(char::is_control) {
            let detail = format!("1 to {ATTACHMENT_MAX} characters, the name or address of a file");
            return Err(Refusal::invalid(format!("attachments[{number}]"), "invalid", detail));
        }
    }
    Ok(())
}

/// Checks a reason.
pub fn check_reason(reason: &str) -> Result<(), Refusal> {
    let control = |letter: char| letter.is_control() && !matches!(letter, '\n' | '\r' | '\t');
    if reason.chars().count() > REASON_MAX || reason.chars().any(control) {
        let detail = format!("at most {REASON_MAX} characters and no control characters but line breaks");
        return Err(Refusal::invalid("reason", "invalid", detail));
    }
    Ok(())
}

/// Turns days into minutes of working time.
pub fn minutes(days: f64) -> i64 {
    (days * DAY as f64).round() as i64
}

/// Turns minutes of working time into days.
pub fn in_days(minutes: i64) -> f64 {
    minutes as f64 / DAY as f64
}

/// Reads a number of days: so many at most, in steps of half an hour.
pub fn check_days(field: &str, days: f64, max: f64) -> Result<i64, Refusal> {
    let rounded = minutes(if days.is_finite() { days.clamp(-1.0, max + 1.0) } else { -1.0 });
    if (0.0..=max).contains(&days) && rounded % 30 == 0 && (in_days(rounded) - days).abs() < 1e-9 {
        return Ok(rounded);
    }
    Err(Refusal::invalid(field, "invalid", format!("0 to {max} days, in steps of a sixteenth")))
}

/// A request.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Leave {
    /// 36-character id.
    pub guid: String,
    /// Whose leave it is.
    pub staff_guid: String,
    /// The person's name.
    pub staff_name: String,
    /// Code of the type.
    pub leave_type: String,
    /// Name of the type.
    pub leave_type_name: String,
    /// In what it is taken.
    pub unit: Unit,
    /// ISO 8601.
    pub start_at: String,
    /// ISO 8601, exclusive.
    pub end_at: String,
    /// First day, where the company is.
    pub first_day: String,
    /// Last day, where the company is; included.
    pub last_day: String,
    /// Half of the first day that it begins with.
    pub start_half: Half,
    /// Half of the last day that it ends with.
    pub end_half: Half,
    /// Working time, in the type's unit: days or hours.
    pub amount: f64,
    /// Working time in days.
    pub days: f64,
    /// Why.
    pub reason: String,
    /// What is attached.
    pub attachments: Vec<String>,
    /// Where it stands.
    pub status: Status,
    /// Where it stands, in the words of notices: `审批中`, `已通过` …
    #[schema(value_type = String)]
    pub status_display: Cow<'static, str>,
    /// The number of its instance.
    pub approval_no: Option<String>,
    /// Its instance.
    pub instance_guid: Option<String>,
    /// For optimistic locking.
    pub version: i64,
    /// ISO 8601.
    pub created_at: String,
    /// ISO 8601.
    pub updated_at: String,
    /// What the caller may do with it now: `update`, `delete`, `submit`, `withdraw`, `resubmit`.
    pub allowed_actions: Vec<&'static str>,
}

/// A new request (`CreateLeave`, S1-31 … S1-33).
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewLeave {
    /// Account or staff guid of the caller; anybody else's is refused (C3).
    #[serde(default, rename = "operatorGuid")]
    pub operator_guid: Option<String>,
    /// Account or staff guid of whoever goes; the caller when absent.
    #[serde(default, alias = "staffGuid", alias = "StaffGuid")]
    pub staff_guid: Option<String>,
    /// Code of the type.
    #[serde(alias = "leaveType")]
    pub leave_type: String,
    /// `day`, `half_day` or `hour`; as `start_at` and `end_at` are written when absent.
    #[serde(default)]
    pub unit: Option<Unit>,
    /// A day (`2026-11-22`), a time where the company is (`2026-11-22T14:00`) or anywhere (RFC 3339).
    #[serde(alias = "startAt")]
    pub start_at: String,
    /// The same; a day is included.
    #[serde(alias = "endAt")]
    pub end_at: String,
    /// Half of the first day that it begins with, for the unit `half_day`.
    #[serde(default)]
    pub start_half: Option<Half>,
    /// Half of the last day that it ends with, for the unit `half_day`.
    #[serde(default)]
    pub end_half: Option<Half>,
    /// Why; up to 2,000 characters.
    #[serde(default)]
    pub reason: String,
    /// What is attached.
    #[serde(default)]
    pub attachments: Vec<String>,
    /// Sent at once; a draft otherwise.
    #[serde(default)]
    pub submit: bool,
    /// By code of the node: account or staff guids of those who decide there, where the definition leaves it to whoever asks.
    #[serde(default)]
    pub approvers: std::collections::BTreeMap<String, Vec<String>>,
}

/// What of a draft or returned request is to change; what is absent stays. Start, end, unit and halves are one thing: who
/// names one of them names `start_at` and `end_at`.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LeavePatch {
    /// Code of the type.
    #[serde(default, alias = "leaveType")]
    pub leave_type: Option<String>,
    /// As for a new one.
    #[serde(default)]
    pub unit: Option<Unit>,
    /// As for a new one.
    #[serde(default, alias = "startAt")]
    pub start_at: Option<String>,
    /// As for a new one.
    #[serde(default, alias = "endAt")]
    pub end_at: Option<String>,
    /// As for a new one.
    #[serde(default)]
    pub start_half: Option<Half>,
    /// As for a new one.
    #[serde(default)]
    pub end_half: Option<Half>,
    /// Why.
    #[serde(default)]
    pub reason: Option<String>,
    /// All that is attached.
    #[serde(default)]
    pub attachments: Option<Vec<String>>,
    /// The version that was read; a different one now is refused.
    #[serde(default)]
    pub version: Option<i64>,
    /// Account or staff guid of the caller; anybody else's is refused (C3).
    #[serde(default, rename = "operatorGuid")]
    pub operator_guid: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_come_in_steps_of_half_an_hour() {
        for (days, expected) in [(0.0, 0), (0.5, 240), (1.0, 480), (0.0625, 30), (366.0, 175_680)] {
            assert_eq!(check_days("x", days, YEARLY_MAX).ok(), Some(expected), "{days}");
            assert!((in_days(expected) - days).abs() < 1e-12);
        }
        for bad in [-0.5, 0.3, 366.5, 1e300, f64::NAN, f64::INFINITY] {
            assert!(check_days("x", bad, YEARLY_MAX).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_status_is_read_as_it_is_written() {
        for status in Status::ALL {
            assert_eq!(Status::read(status.as_str()), Some(status));
        }
        assert_eq!(Status::read("已通过"), None);
    }

    #[test]
    fn reasons_and_attachments_have_limits() {
        assert!(check_reason("看医生 😀\n'\"").is_ok());
        assert!(check_reason(&"长".repeat(REASON_MAX)).is_ok());
        assert!(check_reason(&"长".repeat(REASON_MAX + 1)).is_err());
        assert!(check_reason("\u{0}").is_err());
        let of = |text: &str| vec![text.to_owned()];
        assert!(check_attachments(&vec!["病假条.jpg".to_owned(); ATTACHMENTS_MAX]).is_ok());
        assert!(check_attachments(&vec!["x".to_owned(); ATTACHMENTS_MAX + 1]).is_err());
        for bad in ["", " ", &"长".repeat(501), " JavaScript:alert(1)", "a\nb"] {
            assert!(check_attachments(&of(bad)).is_err());
        }
    }
}
