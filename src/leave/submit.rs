//! Sending a request: it gets an instance of its type's definition, in one transaction (FW42). Sending it again after it was
//! sent back keeps instance, number and history (FW11).
//!
//! Before it is sent, everything is looked at as it is now: the calendar, attachments, blocked days, what is left.

use super::MISSING;
use super::admission::{Weighed, check_backdated, check_free, check_left, check_open, reckon};
use super::ask::offered;
use super::change::{locked, same_course, state_of, write};
use super::follow::KIND;
use super::model::{Leave, LeaveType, check_reason, in_days};
use super::read::shown;
use super::span::{Span, Unit};
use super::store::leaves::{self as store, LeaveColumns, LeaveRow};
use super::store::people::Person;
use crate::core::Core;
use crate::db::Work;
use crate::hr::resolve::is_caller;
use crate::policy::Principal;
use crate::refusal::Refusal;
use crate::workflow::definitions::{self, Definition};
use crate::workflow::resubmit::{self, Again};
use crate::workflow::start;
use crate::workflow::withdraw::{self, Why};
use livegrant_actors::AccountId;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// What is said when a request is sent, sent again or taken back.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Sending {
    /// Said to the approvers; when sent again or taken back.
    pub comment: String,
    /// By code of the node: account or staff guids of those who decide there, where the definition leaves it to whoever asks.
    pub approvers: BTreeMap<String, Vec<String>>,
    /// The version that was read; a different one now is refused.
    pub version: Option<i64>,
    /// Account or staff guid of the caller; anybody else's is refused (C3).
    #[serde(rename = "operatorGuid")]
    pub operator_guid: Option<String>,
}

/// Sends a draft.
pub async fn submit(core: &Core, by: &Principal, guid: &str, what: &Sending) -> Result<Leave, Refusal> {
    is_caller(core, by, what.operator_guid.as_deref()).await?;
    let mut work = core.db.begin(&by.author()).await?;
    let (row, whose) = locked(core, &mut work, by, guid).await?;
    current(&row, what)?;
    if row.status != "draft" {
        return Err(state_of(&row, "only a draft can be sent"));
    }
    let sent = send(core, &mut work, by, row, &whose, &what.approvers).await?;
    work.audit("leave_submitted", "leave", &sent.guid, "").await?;
    let sent = shown(core, by, sent);
    let committed = work.commit(&by.stamp()).await?;
    core.settle(committed).await;
    Ok(sent)
}

/// Sends a draft inside a unit of work. The person is locked.
pub(super) async fn send(
    core: &Core,
    work: &mut Work,
    by: &Principal,
    row: LeaveRow,
    whose: &Person,
    approvers: &BTreeMap<String, Vec<String>>,
) -> Result<LeaveRow, Refusal> {
    let (of, wanted) = admitted(core, work, by, &row, whose).await?;
    let row = reckoned(work, by, row, &wanted).await?;
    let definition = definitions::published(work.conn(), by.company(), &of.definition_code).await?;
    let unknown = || {
        let detail = format!("there is no published definition {}", of.definition_code);
        Refusal::conflict("unknown_definition", detail)
    };
    let new = start::New {
        definition: of.definition_code.clone(),
        business_type: KIND.to_owned(),
        business_id: row.guid.clone(),
        form: form(&definition.ok_or_else(unknown)?, &row),
        chosen: approvers.clone(),
        operator_guid: None,
        initiator: Some(initiator(&row)),
    };
    start::begin(core, work, by, &new).await?;
    store::leave(work.conn(), by.company(), &row.guid).await?.ok_or(MISSING)
}

/// Sends a request again that was sent back: as it is now.
pub async fn resubmit(core: &Core, by: &Principal, guid: &str, what: &Sending) -> Result<Leave, Refusal> {
    is_caller(core, by, what.operator_guid.as_deref()).await?;
    let mut work = core.db.begin(&by.author()).await?;
    let (row, whose) = locked(core, &mut work, by, guid).await?;
    current(&row, what)?;
    let (Some(instance), "returned") = (row.instance_guid.clone(), row.status.as_str()) else {
        return Err(state_of(&row, "only what was sent back can be sent again"));
    };
    let (of, wanted) = admitted(core, &mut work, by, &row, &whose).await?;
    same_course(&row, &of)?;
    let row = reckoned(&mut work, by, row, &wanted).await?;
    let chosen = (!what.approvers.is_empty()).then(|| what.approvers.clone());
    let again = Again { form: Map::new(), chosen, comment: what.comment.clone(), operator_guid: None };
    resubmit::within(core, &mut work, by, &instance, &again, |definition| form(definition, &row)).await?;
    let sent = store::leave(work.conn(), by.company(), &row.guid).await?.ok_or(MISSING)?;
    work.audit("leave_resubmitted", "leave", &sent.guid, "").await?;
    let sent = shown(core, by, sent);
    let committed = work.commit(&by.stamp()).await?;
    core.settle(committed).await;
    Ok(sent)
}

/// Takes a request back, as far as its definition lets one.
pub async fn withdraw(core: &Core, by: &Principal, guid: &str, what: &Sending) -> Result<Leave, Refusal> {
    is_caller(core, by, what.operator_guid.as_deref()).await?;
    check_reason(&what.comment)?;
    let row = super::read::mine(core, by, guid).await?;
    current(&row, what)?;
    let (Some(instance), "running" | "returned") = (row.instance_guid.as_deref(), row.status.as_str()) else {
        return Err(state_of(&row, "only what was sent can be taken back"));
    };
    let why = Why { comment: what.comment.clone(), operator_guid: None };
    withdraw::withdraw(core, by, instance, &why).await?;
    super::read::get(core, by, guid).await
}

fn current(row: &LeaveRow, what: &Sending) -> Result<(), Refusal> {
    if what.version.is_some_and(|version| version != row.version) {
        return Err(Refusal::Outdated);
    }
    Ok(())
}

/// Whoever it is for is the initiator, so that his own heads decide and never he himself; of people without a login it is
/// whoever wrote it.
fn initiator(row: &LeaveRow) -> AccountId {
    AccountId(row.account_id.unwrap_or(row.created_by))
}

/// Goes on when everything that a request needs is so now; answers what it takes by the calendar of now.
async fn admitted(
    core: &Core,
    work: &mut Work,
    by: &Principal,
    row: &LeaveRow,
    whose: &Person,
) -> Result<(LeaveType, Weighed), Refusal> {
    let of = offered(work.conn(), by.company(), &row.type_code).await?;
    let span = Span { unit: Unit::read(&row.unit), start: row.start_at, end: row.end_at };
    of.check_unit(span.unit)?;
    let wanted = reckon(core, work.conn(), by, &of, span).await?;
    of.check_amount(wanted.amount())?;
    of.check_attached(wanted.amount(), &row.attachments)?;
    check_backdated(core, work.conn(), by, whose, &of, &wanted).await?;
    check_open(core, work.conn(), by, whose, &of, &wanted).await?;
    check_free(work.conn(), whose, &wanted, row.id).await?;
    check_left(work.conn(), by, whose, &of, &wanted, row.id).await?;
    Ok((of, wanted))
}

/// Writes what a request takes of which year, by the calendar of now.
async fn reckoned(
    work: &mut Work,
    by: &Principal,
    row: LeaveRow,
    wanted: &Weighed,
) -> Result<LeaveRow, Refusal> {
    let columns = LeaveColumns {
        type_id: row.type_id,
        unit: &row.unit,
        start_at: row.start_at,
        end_at: row.end_at,
        amount: wanted.amount(),
        reason: &row.reason,
        attachments: &row.attachments,
    };
    write(work, by, &row, &columns, wanted).await
}

/// The fields that [`form`] fills.
pub(super) const FILLED: [&str; 14] = [
    "leave_type",
    "leave_type_name",
    "unit",
    "start_at",
    "end_at",
    "days",
    "hours",
    "reason",
    "attachments",
    "leaveType",
    "startTime",
    "endTime",
    "staff",
    "staff_name",
];

/// What the definition's form hears of a request: of all that there is to say, the fields that it has. `leaveType` is the
/// type's name, `leave_type` its code.
fn form(definition: &Definition, row: &LeaveRow) -> Map<String, Value> {
    let days = in_days(row.amount);
    let all = json!({
        "leave_type": row.type_code,
        "leave_type_name": row.type_name,
        "unit": row.unit,
        "start_at": crate::clock::iso(row.start_at),
        "end_at": crate::clock::iso(row.end_at),
        "days": days,
        "hours": row.amount as f64 / 60.0,
        "reason": row.reason,
        "attachments": row.attachments.0,
        "leaveType": row.type_name,
        "startTime": crate::clock::iso(row.start_at),
        "endTime": crate::clock::iso(row.end_at),
        "staff": row.staff_guid,
        "staff_name": row.staff_name,
    });
    let Value::Object(mut fields) = all else { return Map::new() };
    fields.retain(|field, _| definition.form.field(field).is_some());
    fields
}
