//! `CreateLeave` (S1-31 … S1-33): asking for leave, for oneself without a permission, for somebody else with `staff:create`.

use super::admission::{check_backdated, check_free, lock, weigh};
use super::model::{Leave, NewLeave, check_attachments, check_reason};
use super::read::shown;
use super::sight::{is_own, reaches_person};
use super::span::Asked;
use super::store::leaves::{self as store, LeaveColumns};
use super::store::people::Person;
use super::store::types::coded;
use super::submit::send;
use super::{MISSING, people};
use crate::core::Core;
use crate::db::Conn;
use crate::hr::resolve::is_caller;
use crate::leave::model::LeaveType;
use crate::policy::Principal;
use crate::refusal::Refusal;
use livegrant_actors::CompanyId;

/// Drafts of one person at most: more than anybody plans, and a bound for what one account can store.
pub const DRAFTS_MAX: i64 = 100;

/// Asks for leave.
pub async fn create(core: &Core, by: &Principal, new: &NewLeave) -> Result<Leave, Refusal> {
    is_caller(core, by, new.operator_guid.as_deref()).await?;
    check_reason(&new.reason)?;
    check_attachments(&new.attachments)?;
    let mut work = core.db.begin(&by.author()).await?;
    let (person, permission) = whose(core, work.conn(), by, new.staff_guid.as_deref()).await?;
    let of = offered(work.conn(), by.company(), &new.leave_type).await?;
    let asked = Asked {
        unit: new.unit,
        start: &new.start_at,
        end: &new.end_at,
        start_half: new.start_half,
        end_half: new.end_half,
    };
    let wanted = weigh(core, work.conn(), by, &of, asked).await?;
    check_backdated(core, work.conn(), by, &person, &of, &wanted).await?;
    lock(&mut work, &person).await?;
    check_free(work.conn(), &person, &wanted, 0).await?;
    if !new.submit && store::draft_count(work.conn(), person.id).await? >= DRAFTS_MAX {
        return Err(Refusal::conflict(
            "too_many",
            format!("at most {DRAFTS_MAX} drafts; send or delete some"),
        ));
    }
    let (now, guid) = (work.now(), crate::clock::guid());
    let columns = LeaveColumns {
        type_id: of.id,
        unit: wanted.span.unit.as_str(),
        start_at: wanted.span.start,
        end_at: wanted.span.end,
        amount: wanted.amount(),
        reason: &new.reason,
        attachments: &new.attachments,
    };
    let whose = (by.company(), person.id, guid.as_str());
    let id = store::insert(work.conn(), whose, &columns, by.account(), now).await?;
    for (year, amount) in &wanted.shares {
        store::insert_share(work.conn(), id, *year, *amount).await?;
    }
    work.audit("leave_created", "leave", &guid, permission).await?;
    let mut row = store::leave(work.conn(), by.company(), &guid).await?.ok_or(MISSING)?;
    if new.submit {
        row = send(core, &mut work, by, row, &person, &new.approvers).await?;
        work.audit("leave_submitted", "leave", &guid, permission).await?;
    }
    let made = shown(core, by, row);
    let committed = work.commit(&by.stamp()).await?;
    core.settle(committed).await;
    Ok(made)
}

/// Finds whose leave it is to be, and by which permission.
async fn whose(
    core: &Core,
    conn: &mut Conn,
    by: &Principal,
    guid: Option<&str>,
) -> Result<(Person, &'static str), Refusal> {
    let (person, permission) = match guid {
        None => (people::oneself(conn, by).await?, ""),
        Some(guid) => match people::named(core, conn, by, guid).await? {
            Some(person) if is_own(by, &person) => (person, ""),
            found => {
                by.require("staff:create")?;
                let unknown = || {
                    let detail = format!("there is nobody of the guid {guid} with a staff record");
                    Refusal::invalid("staff_guid", "unknown_staff", detail)
                };
                let person = found.ok_or_else(unknown)?;
                if !reaches_person(core, conn, by, "staff:create", &person).await? {
                    return Err(unknown());
                }
                (person, "staff:create")
            }
        },
    };
    if person.status == "left" {
        return Err(Refusal::conflict("staff_left", "this person has left"));
    }
    Ok((person, permission))
}

/// Finds a type that can be asked for.
pub(super) async fn offered(conn: &mut Conn, company: CompanyId, code: &str) -> Result<LeaveType, Refusal> {
    let found = coded(conn, company, code).await?.filter(|of| of.status == 1);
    let detail = "there is no such type of leave";
    found.ok_or_else(|| Refusal::invalid("leave_type", "unknown_leave_type", detail))
}
