//! Types of leave: list, new, changed. Everybody reads them, because everybody asks for leave; who writes them writes the
//! rules of the whole company.

use super::calendar::Counts;
use super::model::{LeaveType, YEARLY_MAX, check_days};
use super::sight::may_rule;
use super::span::Unit;
use super::store::types::{self as store, TypeColumns};
use crate::core::Core;
use crate::hr::model::Field;
use crate::policy::Principal;
use crate::refusal::Refusal;
use crate::text::{check_code, check_name};
use serde::Deserialize;
use utoipa::ToSchema;

/// Types of one company at most: a list that people choose from.
pub const TYPES_MAX: i64 = 100;

const MISSING: Refusal = Refusal::NotFound { what: "leave type" };

/// A new type.
#[expect(clippy::struct_excessive_bools, reason = "each is a column of its own")]
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewLeaveType {
    /// 1 to 64 letters, digits, `_`, `-`, `.` or `:`.
    pub code: String,
    /// Display name.
    pub name: String,
    /// `day` (when absent) or `hour`.
    #[serde(default)]
    pub unit: Option<Unit>,
    /// Mornings and afternoons can be taken.
    #[serde(default)]
    pub allow_half_day: bool,
    /// `working_days` when absent.
    #[serde(default)]
    pub counts: Option<Counts>,
    /// Wages go on.
    #[serde(default)]
    pub paid: bool,
    /// Each person has so much of it a year.
    #[serde(default)]
    pub keeps_balance: bool,
    /// What a person has in a year for which nothing else was set.
    #[serde(default)]
    pub yearly_days: f64,
    /// It needs an attachment, from `attachment_from_days` on or always.
    #[serde(default)]
    pub requires_attachment: bool,
    /// From how many days on.
    #[serde(default)]
    pub attachment_from_days: Option<f64>,
    /// The longest request.
    #[serde(default)]
    pub max_days: Option<f64>,
    /// How many days back it may begin without the permission to ask for others.
    #[serde(default)]
    pub backdate_days: i64,
    /// Block days do not concern it.
    #[serde(default)]
    pub ignores_blocks: bool,
    /// The definition that decides on it; `leave` when absent.
    #[serde(default)]
    pub definition_code: Option<String>,
    /// Place in lists.
    #[serde(default)]
    pub sort: i64,
}

/// What of a type is to change; what is absent stays. The code stays for good.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LeaveTypePatch {
    /// Display name.
    pub name: Option<String>,
    /// `day` or `hour`.
    pub unit: Option<Unit>,
    /// Mornings and afternoons can be taken.
    pub allow_half_day: Option<bool>,
    /// Which days count.
    pub counts: Option<Counts>,
    /// Wages go on.
    pub paid: Option<bool>,
    /// Each person has so much of it a year.
    pub keeps_balance: Option<bool>,
    /// What a person has in a year for which nothing else was set.
    pub yearly_days: Option<f64>,
    /// It needs an attachment.
    pub requires_attachment: Option<bool>,
    /// From how many days on; null: always.
    #[serde(default)]
    #[schema(value_type = Option<f64>)]
    pub attachment_from_days: Field<f64>,
    /// The longest request; null: any.
    #[serde(default)]
    #[schema(value_type = Option<f64>)]
    pub max_days: Field<f64>,
    /// How many days back it may begin.
    pub backdate_days: Option<i64>,
    /// Block days do not concern it.
    pub ignores_blocks: Option<bool>,
    /// The definition that decides on it.
    pub definition_code: Option<String>,
    /// Place in lists.
    pub sort: Option<i64>,
    /// 1 enabled, 0 disabled: no new requests.
    pub status: Option<i64>,
    /// The version that was read; a different one now is refused.
    pub version: Option<i64>,
}

/// Lists the types of the caller's company.
pub async fn list(core: &Core, by: &Principal) -> Result<Vec<LeaveType>, Refusal> {
    Ok(store::types(&mut core.db.read().await?, by.company()).await?)
}

/// Makes a type.
pub async fn create(core: &Core, by: &Principal, new: &NewLeaveType) -> Result<LeaveType, Refusal> {
    let permission = may_rule(by)?;
    check_code(&new.code)?;
    let wanted = LeaveType {
        id: 0,
        code: new.code.clone(),
        name: new.name.clone(),
        unit: new.unit.unwrap_or(Unit::Day),
        allow_half_day: new.allow_half_day,
        counts: new.counts.unwrap_or(Counts::WorkingDays),
        paid: new.paid,
        keeps_balance: new.keeps_balance,
        yearly_days: new.yearly_days,
        requires_attachment: new.requires_attachment,
        attachment_from_days: new.attachment_from_days,
        max_days: new.max_days,
        backdate_days: new.backdate_days,
        ignores_blocks: new.ignores_blocks,
        definition_code: new.definition_code.clone().unwrap_or_else(|| "leave".to_owned()),
        sort: new.sort,
        status: 1,
        version: 1,
    };
    let columns = columns(&wanted)?;
    let mut work = core.db.begin(&by.author()).await?;
    work.serialise(&format!("leave types of {}", by.company().0)).await?;
    if store::count(work.conn(), by.company()).await? >= TYPES_MAX {
        return Err(Refusal::invalid("code", "too_many", format!("at most {TYPES_MAX} types")));
    }
    let now = work.now();
    if store::insert(work.conn(), by.company(), &columns, now).await? == 0 {
        return Err(Refusal::Conflict {
            code: "already_exists",
            field: Some("code".to_owned()),
            detail: "this code is taken".to_owned(),
        });
    }
    work.audit("leave_type_created", "leave_type", &new.code, permission).await?;
    let made = store::coded(work.conn(), by.company(), &new.code).await?.ok_or(MISSING)?;
    work.commit(&by.stamp()).await?;
    Ok(made)
}

/// Changes a type. Requests that were sent keep what they were reckoned with.
pub async fn update(
    core: &Core,
    by: &Principal,
    code: &str,
    patch: &LeaveTypePatch,
) -> Result<LeaveType, Refusal> {
    let permission = may_rule(by)?;
    let mut work = core.db.begin(&by.author()).await?;
    let before = store::coded(work.conn(), by.company(), code).await?.ok_or(MISSING)?;
    if patch.version.is_some_and(|version| version != before.version) {
        return Err(Refusal::Outdated);
    }
    let wanted = patched(before.clone(), patch);
    let columns = columns(&wanted)?;
    let now = work.now();
    if store::update(work.conn(), before.id, before.version, &columns, now).await? == 0 {
        return Err(Refusal::Outdated);
    }
    work.audit("leave_type_updated", "leave_type", code, permission).await?;
    let after = store::coded(work.conn(), by.company(), code).await?.ok_or(MISSING)?;
    work.commit(&by.stamp()).await?;
    Ok(after)
}

fn patched(before: LeaveType, patch: &LeaveTypePatch) -> LeaveType {
    LeaveType {
        name: patch.name.clone().unwrap_or(before.name),
        unit: patch.unit.unwrap_or(before.unit),
        allow_half_day: patch.allow_half_day.unwrap_or(before.allow_half_day),
        counts: patch.counts.unwrap_or(before.counts),
        paid: patch.paid.unwrap_or(before.paid),
        keeps_balance: patch.keeps_balance.unwrap_or(before.keeps_balance),
        yearly_days: patch.yearly_days.unwrap_or(before.yearly_days),
        requires_attachment: patch.requires_attachment.unwrap_or(before.requires_attachment),
        attachment_from_days: patch.attachment_from_days.clone().or(before.attachment_from_days),
        max_days: patch.max_days.clone().or(before.max_days),
        backdate_days: patch.backdate_days.unwrap_or(before.backdate_days),
        ignores_blocks: patch.ignores_blocks.unwrap_or(before.ignores_blocks),
        definition_code: patch.definition_code.clone().unwrap_or(before.definition_code),
        sort: patch.sort.unwrap_or(before.sort),
        status: patch.status.unwrap_or(before.status),
        ..before
    }
}

/// Checks a type and turns days into minutes.
fn columns(wanted: &LeaveType) -> Result<TypeColumns<'_>, Refusal> {
    check_name("name", &wanted.name)?;
    if wanted.unit == Unit::HalfDay {
        return Err(Refusal::invalid("unit", "invalid", "day or hour"));
    }
    if check_code(&wanted.definition_code).is_err() {
        return Err(Refusal::invalid("definition_code", "invalid", "not a definition's code"));
    }
    if !matches!(wanted.status, 0 | 1) {
        return Err(Refusal::invalid("status", "invalid", "1 (enabled) or 0 (disabled)"));
    }
    if !(0..=366).contains(&wanted.backdate_days) {
        return Err(Refusal::invalid("backdate_days", "invalid", "0 to 366"));
    }
    if !(-1_000_000..=1_000_000).contains(&wanted.sort) {
        return Err(Refusal::invalid("sort", "invalid", "-1000000 to 1000000"));
    }
    let days =
        |field: &str, days: Option<f64>| days.map(|days| check_days(field, days, YEARLY_MAX)).transpose();
    let from = days("attachment_from_days", wanted.attachment_from_days)?.unwrap_or(0);
    let max_amount = days("max_days", wanted.max_days)?;
    if max_amount == Some(0) {
        return Err(Refusal::invalid("max_days", "invalid", "more than 0, or null for any"));
    }
    Ok(TypeColumns {
        code: &wanted.code,
        name: &wanted.name,
        unit: wanted.unit,
        allow_half_day: wanted.allow_half_day,
        counts: wanted.counts,
        paid: wanted.paid,
        keeps_balance: wanted.keeps_balance,
        yearly: check_days("yearly_days", wanted.yearly_days, YEARLY_MAX)?,
        attachment_from: wanted.requires_attachment.then_some(from),
        max_amount,
        backdate_days: wanted.backdate_days,
        ignores_blocks: wanted.ignores_blocks,
        definition_code: &wanted.definition_code,
        sort: wanted.sort,
        status: wanted.status,
    })
}
