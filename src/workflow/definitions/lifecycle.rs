//! The life of a definition: checked, published, suspended, activated, retired (FW26). Running instances stay on the
//! version that they started on, whatever becomes of it; a new version counts from the moment it is committed, on every
//! node, because an instance finds its definition in the database (S0-6).

use super::audited::audited;
use super::draft::ADMIN;
use super::known;
use super::model::{Definition, DefinitionOut, Status};
use super::read::{MISSING, find};
use crate::core::Core;
use crate::policy::Principal;
use crate::refusal::Refusal;
use crate::workflow::store::definitions as store;
use crate::workflow::validate::Fault;

/// What is done with a definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// The draft takes new instances; what was published before takes none any more.
    Publish,
    /// No new instances for now.
    Suspend,
    /// New instances again.
    Activate,
    /// No new instances any more; a draft that was never published is given up.
    Retire,
}

impl Move {
    fn action(self) -> &'static str {
        match self {
            Self::Publish => "definition_published",
            Self::Suspend => "definition_suspended",
            Self::Activate => "definition_activated",
            Self::Retire => "definition_retired",
        }
    }
}

/// Lists everything that is wrong with a version: the draft, if there is one and no number is given.
pub async fn validate(
    core: &Core,
    by: &Principal,
    code: &str,
    number: Option<i64>,
) -> Result<Vec<Fault>, Refusal> {
    by.require(ADMIN)?;
    let mut conn = core.db.read().await?;
    let definition = draft_or(&mut conn, by, code, number).await?;
    known::faults(core, &mut conn, by.company(), code, &definition.content()).await
}

/// Finds the draft, else what [`find`] finds.
pub(super) async fn draft_or(
    conn: &mut crate::db::Conn,
    by: &Principal,
    code: &str,
    number: Option<i64>,
) -> Result<Definition, Refusal> {
    if number.is_none()
        && let Some(row) = store::of_status(conn, by.company(), code, Status::Draft.word()).await?
    {
        return Definition::try_from(row);
    }
    find(conn, by, code, number).await?.ok_or(MISSING)
}

/// Publishes, suspends, activates or retires.
pub async fn change(
    core: &Core,
    by: &Principal,
    code: &str,
    order: Move,
    version: Option<i64>,
) -> Result<DefinitionOut, Refusal> {
    by.require(ADMIN)?;
    let mut work = core.db.begin(&by.author()).await?;
    let now = work.now();
    let wanted: &[Status] = match order {
        Move::Publish => &[Status::Draft],
        Move::Suspend => &[Status::Published],
        Move::Activate => &[Status::Suspended],
        Move::Retire => &[Status::Published, Status::Suspended, Status::Draft],
    };
    let mut row = None;
    for status in wanted {
        if row.is_none() {
            row = store::of_status(work.conn(), by.company(), code, status.word()).await?;
        }
    }
    let Some(row) = row else { return Err(wrong_state(work.conn(), by, code, order).await?) };
    if version.is_some_and(|version| version != row.version) {
        return Err(Refusal::Outdated);
    }
    let definition = Definition::try_from(row)?;
    let mut before = None;
    let to = match order {
        Move::Publish => {
            let faults = known::faults(core, work.conn(), by.company(), code, &definition.content()).await?;
            first_of(&faults)?;
            before = live(work.conn(), by, code).await?;
            store::retire_live(work.conn(), by.company(), code, now).await?;
            Status::Published
        }
        Move::Suspend => Status::Suspended,
        Move::Activate => Status::Published,
        Move::Retire => Status::Retired,
    };
    let done = store::set_status(work.conn(), definition.id, to.word(), definition.version, now).await?;
    if done == 0 {
        return Err(Refusal::Outdated);
    }
    let changed = super::by_id(work.conn(), definition.id).await?.ok_or(MISSING)?;
    // What a new version changes is the difference to what was live before it.
    let (old, new) = (audited(before.as_ref().unwrap_or(&definition)), audited(&changed));
    work.audit_diff(order.action(), "workflow_definition", code, ADMIN, Some(&old), Some(&new)).await?;
    work.commit(&by.stamp()).await?;
    Ok(DefinitionOut::whole(&changed))
}

/// The version that takes, or for now does not take, new instances.
async fn live(conn: &mut crate::db::Conn, by: &Principal, code: &str) -> Result<Option<Definition>, Refusal> {
    for status in [Status::Published, Status::Suspended] {
        if let Some(row) = store::of_status(conn, by.company(), code, status.word()).await? {
            return Definition::try_from(row).map(Some);
        }
    }
    Ok(None)
}

/// Refuses to publish what is wrong; all of it is in the text, the first place in the field.
fn first_of(faults: &[Fault]) -> Result<(), Refusal> {
    let Some(first) = faults.first() else { return Ok(()) };
    let all: Vec<String> =
        faults.iter().take(10).map(|fault| format!("{}: {}", fault.at, fault.detail)).collect();
    Err(Refusal::invalid(first.at.clone(), "definition_invalid", all.join("; ")))
}

async fn wrong_state(
    conn: &mut crate::db::Conn,
    by: &Principal,
    code: &str,
    order: Move,
) -> Result<Refusal, Refusal> {
    let Some(row) = store::best(conn, by.company(), code).await? else { return Ok(MISSING) };
    let detail = match order {
        Move::Publish => format!("{code} has no draft; it is {}", row.status),
        _ => format!("{code} is {}", row.status),
    };
    Ok(Refusal::conflict("definition_state", detail))
}
