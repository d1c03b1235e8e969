//! Changing a staff record, and a person's leaving. Login and status decide who holds the person's positions: whoever
//! moves them gives and takes what they carry, so both ends are recorded (I2) and the caller needs sway over it. Whoever
//! moves a person to another organisation reaches both.

use super::model::{Field, HeldRow, LEAVING, Staff, StaffId, StaffOut, StaffPatch, check_staff_status};
use super::organizations::row_for;
use super::position_notices;
use super::reporting::able;
use super::resolve::{account_of_guid, parse_guid};
use super::staff::{MISSING, check, day, is_free, login, reached, with_positions};
use super::store::organizations::lead_no_more;
use super::store::staff::{self as store, StaffColumns, of_company};
use super::store::staff_positions::{end_holds, held_by};
use crate::access::dominance::{Lasting, dominates_grant, dominates_holder, stays_within};
use crate::access::last_administrator;
use crate::access::scope::{self, covers, covers_person};
use crate::auth::update_account;
use crate::core::Core;
use crate::db::Work;
use crate::policy::{DataScope, HolderId, PolicyChange, Principal};
use crate::refusal::Refusal;
use crate::workflow::handover::{self, HandedOver};
use crate::workflow::instance::Origin;
use livegrant_actors::{AccountId, PositionId, Rev};
use serde::Serialize;
use std::collections::BTreeSet;
use utoipa::ToSchema;

/// The parameter that names who gets the open tasks of a person who leaves.
const HEIR: &str = "hand_over_to";
/// What handing tasks over takes, alone or with somebody's leaving.
const HANDS_OVER: &str = "workflow:admin";

/// Changes a staff record; absent fields stay.
pub async fn update(
    core: &Core,
    by: &Principal,
    guid: &str,
    patch: &StaffPatch,
) -> Result<StaffOut, Refusal> {
    let scope = scope::require(core, by, "staff:update")?;
    let guid = parse_guid("guid", guid)?;
    check(patch.staff_no.as_deref(), patch.name.as_deref(), patch.mobile.as_deref(), patch.email.as_deref())?;
    patch.status.as_deref().map_or(Ok(()), check_staff_status)?;
    let hired_at = match &patch.hired_at {
        Field::Absent => Field::Absent,
        Field::Null => Field::Null,
        Field::Given(text) => day("hired_at", Some(text))?.map_or(Field::Null, Field::Given),
    };
    let account = wanted_login(core, by, patch).await?;
    let mut work = core.db.begin(&by.author()).await?;
    // What is told of another organisation of one's own; positions that move have a word of their own.
    work.because("organization");
    let before = locked(&mut work, by, &scope, &guid).await?;
    if patch.version.is_some_and(|version| version != before.version) {
        return Err(Refusal::Outdated);
    }
    let id = StaffId(before.id);
    if let Field::Given(account) = account {
        is_free(work.conn(), by, account, Some(id)).await?;
    }
    let now = work.now();
    let org_id = row_for(work.conn(), by, &scope, &patch.organization_guid, before.org_id).await?;
    if org_id != before.org_id && !covers(work.conn(), &scope, before.org_id).await? {
        // His own record is all that he reaches here.
        return Err(Refusal::Denied {
            permission: "staff:update".to_owned(),
            detail: "your data scope does not reach the organisation that this person would leave".to_owned(),
        });
    }
    if org_id != before.org_id && before.account_id == Some(by.account().0) {
        stays_within(core, &mut work, by, org_id).await?;
    }
    let columns = StaffColumns {
        staff_no: patch.staff_no.as_deref().unwrap_or(&before.staff_no),
        name: patch.name.as_deref().unwrap_or(&before.name),
        mobile: patch.mobile.as_deref().unwrap_or(&before.mobile),
        email: patch.email.as_deref().unwrap_or(&before.email),
        status: patch.status.as_deref().unwrap_or(&before.status),
        org_id,
        account: account.or(before.account_id.map(AccountId)),
        hired_at: hired_at.or(before.hired_at),
    };
    store::update_staff(work.conn(), id, &columns, now).await.map_err(Refusal::on_duplicate("staff_no"))?;
    let after = store::staff_of_guid(work.conn(), of_company(by.company()), &guid).await?.ok_or(MISSING)?;
    if after.status == "left" && before.status != "left" {
        let scope = scope::require(core, by, "staff:delete")?;
        let person = before.account_id.map(AccountId);
        if !covers_person(work.conn(), &scope, before.org_id, person, by.account()).await? {
            return Err(MISSING);
        }
        let_go(core, by, &mut work, &before).await?;
    } else {
        move_positions(core, by, &mut work, &before, &after).await?;
    }
    own_organization_changes(&mut work, &before, Some(&after));
    work.audit_diff("staff_updated", "staff", &guid, "staff:update", Some(&before), Some(&after)).await?;
    let changed = with_positions(work.conn(), after).await?;
    let committed = work.commit(&by.stamp()).await?;
    core.settle(committed).await;
    Ok(changed)
}

/// What else happens when a person leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Login {
    /// The account stays as it is.
    Keep,
    /// The account is disabled, and all its sessions end (E6).
    Disable,
}

/// What a person's leaving has changed.
#[derive(Debug, Serialize, ToSchema)]
pub struct StaffLeft {
    /// Its place in the policy log; null when nobody's permissions rest on it.
    pub rev: Option<i64>,
    /// False: it already was so.
    pub changed: bool,
    /// What became of the open tasks; absent when nobody was named for them, or the person has no login.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handed_over: Option<HandedOver>,
}

/// Marks a person as left: all positions end, and he leads no organisation any more; the record stays. What he still has to
/// decide becomes somebody else's, if one is named (FW43); this can be repeated for whoever has left before.
pub async fn leave(
    core: &Core,
    by: &Principal,
    guid: &str,
    login: Login,
    hand_over_to: Option<&str>,
) -> Result<StaffLeft, Refusal> {
    let scope = scope::require(core, by, "staff:delete")?;
    let guid = parse_guid("guid", guid)?;
    let heir = match hand_over_to {
        Some(to) => Some(heir(core, by, to).await?),
        None => None,
    };
    let mut work = core.db.begin(&by.author()).await?;
    let before = locked(&mut work, by, &scope, &guid).await?;
    if before.status == "left" && heir.is_none() {
        return Ok(StaffLeft { rev: None, changed: false, handed_over: None });
    }
    // First: whoever is switched off further down can be told nothing.
    let handed_over = hand_over(core, by, &mut work, &before, heir).await?;
    if before.status != "left" {
        let now = work.now();
        store::mark_left(work.conn(), StaffId(before.id), now).await?;
        let_go(core, by, &mut work, &before).await?;
        own_organization_changes(&mut work, &before, None);
        if let (Login::Disable, Some(account)) = (login, before.account_id) {
            update_account::switch_off(core, &mut work, by, AccountId(account)).await?;
        }
        let after = store::staff_of_guid(work.conn(), of_company(by.company()), &guid).await?;
        work.audit_diff("staff_deleted", "staff", &guid, "staff:delete", Some(&before), after.as_ref())
            .await?;
    }
    let moved = handed_over.as_ref().is_some_and(|done| done.moved > 0);
    let changed = moved || before.status != "left";
    let committed = work.commit(&by.stamp()).await?;
    let rev = core.settle(committed).await.map(|Rev(rev)| rev);
    Ok(StaffLeft { rev, changed, handed_over })
}

/// Whom the open tasks are to go to. They carry decisions: it takes what a handover takes by itself.
async fn heir(core: &Core, by: &Principal, guid: &str) -> Result<AccountId, Refusal> {
    by.require(HANDS_OVER)?;
    let person = account_of_guid(core, by, &parse_guid(HEIR, guid)?).await?;
    person.and_then(|person| person.account).ok_or_else(|| {
        Refusal::invalid(HEIR, "unknown_account", "there is nobody of this guid with a login in your company")
    })
}

async fn hand_over(
    core: &Core,
    by: &Principal,
    work: &mut Work,
    person: &Staff,
    heir: Option<AccountId>,
) -> Result<Option<HandedOver>, Refusal> {
    let (Some(to), Some(from)) = (heir, person.account_id.map(AccountId)) else { return Ok(None) };
    if from == to {
        return Err(Refusal::invalid(HEIR, "invalid", "the same person"));
    }
    if able(work.conn(), by.company(), &[to]).await?.is_empty() {
        return Err(Refusal::invalid(HEIR, "unknown_account", "this person cannot act now"));
    }
    let done = handover::within(core, work, by.company(), from, to, Origin::Handover, LEAVING).await?;
    work.audit("workflow_handover", "staff", &person.guid, HANDS_OVER).await?;
    Ok(Some(done))
}

/// Has the nodes read the accounts again whose own organisation is another one now.
fn own_organization_changes(work: &mut Work, before: &Staff, after: Option<&Staff>) {
    let own = |staff: &Staff| staff.account_id.filter(|_| staff.status != "left").zip(staff.org_id);
    let (old, new) = (own(before), after.and_then(own));
    if old == new {
        return;
    }
    let accounts: BTreeSet<i64> = [old, new].into_iter().flatten().map(|(account, _)| account).collect();
    for account in accounts {
        work.change(PolicyChange::AccountEdited { account: AccountId(account) });
    }
}

/// Whether something had to change; a change that nobody's permissions rest on takes no revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It was done.
    Changed,
    /// It already was so.
    Unchanged,
}

/// Locks a staff record that a scope reaches and reads it.
pub(super) async fn locked(
    work: &mut Work,
    by: &Principal,
    scope: &DataScope,
    guid: &str,
) -> Result<Staff, Refusal> {
    let now = work.now();
    store::lock_staff(work.conn(), by.company(), guid, now).await?;
    store::staff_of_guid(work.conn(), reached(by, scope), guid).await?.ok_or(MISSING)
}

async fn wanted_login(core: &Core, by: &Principal, patch: &StaffPatch) -> Result<Field<AccountId>, Refusal> {
    let id = match patch.account_id {
        Field::Null if patch.username.is_none() => return Ok(Field::Null),
        Field::Null | Field::Absent => None,
        Field::Given(id) => Some(id),
    };
    let found = login(core, by, id, patch.username.as_deref()).await?;
    Ok(found.map_or(Field::Absent, Field::Given))
}

/// Moves what the person's positions carry from the login that held it to the one that holds it now.
async fn move_positions(
    core: &Core,
    by: &Principal,
    work: &mut Work,
    before: &Staff,
    after: &Staff,
) -> Result<(), Refusal> {
    if before.holder() == after.holder() {
        return Ok(());
    }
    let held = held_by(work.conn(), StaffId(before.id)).await?;
    if held.is_empty() {
        return Ok(());
    }
    let given = if after.holder().is_some() { Given::Yes } else { Given::No };
    let positions = held_with_sway(core, work, by, &held, given, after.org_id).await?;
    if let Some(account) = before.holder() {
        last_administrator::stays(work).await?;
        record(work, before.id, Some(account), Vec::new(), positions.clone());
    }
    if let Some(account) = after.holder() {
        record(work, before.id, Some(account), positions, Vec::new());
    }
    Ok(())
}

/// Takes the person out of all positions and out of the lead of organisations, and tells him.
async fn let_go(core: &Core, by: &Principal, work: &mut Work, before: &Staff) -> Result<(), Refusal> {
    let (now, staff) = (work.now(), StaffId(before.id));
    lead_no_more(work.conn(), before.id, now).await?;
    let held = held_by(work.conn(), staff).await?;
    if held.is_empty() {
        return Ok(());
    }
    let positions = held_with_sway(core, work, by, &held, Given::No, None).await?;
    for row in &held {
        let (position, old, change_type) = (PositionId(row.position_id), row.name.as_str(), LEAVING);
        let told =
            position_notices::Change { staff, position, old, new: "", change_type, from: None, over: false };
        position_notices::tell(work, by.company(), before.account_id.map(AccountId), &told).await?;
    }
    end_holds(work.conn(), staff).await?;
    last_administrator::stays(work).await?;
    record(work, before.id, before.holder(), Vec::new(), positions);
    Ok(())
}

/// Answers the positions, when the caller holds everything that they carry; for somebody who gets them, as long as they
/// are held.
async fn held_with_sway(
    core: &Core,
    work: &mut Work,
    by: &Principal,
    held: &[HeldRow],
    given: Given,
    organization: Option<i64>,
) -> Result<Vec<PositionId>, Refusal> {
    let mut positions = Vec::with_capacity(held.len());
    for row in held {
        let position = PositionId(row.position_id);
        let holder = HolderId::Position(position);
        match given {
            Given::Yes => dominates_grant(core, work, by, holder, row.valid_to.into(), organization).await?,
            Given::No => dominates_holder(core, work, by, holder, Lasting::Now)?,
        }
        positions.push(position);
    }
    Ok(positions)
}

/// Whether somebody gets the positions, or they only end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Given {
    Yes,
    No,
}

fn record(
    work: &mut Work,
    staff: i64,
    account: Option<AccountId>,
    added: Vec<PositionId>,
    removed: Vec<PositionId>,
) {
    work.because("positions");
    work.change(PolicyChange::StaffPositions { staff, account, added, removed });
}
