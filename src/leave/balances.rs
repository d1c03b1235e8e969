//! Balances: what somebody has of each type in a year, and giving him more or less. The person's lock is held while it is
//! set, so that what is left is true for whoever asks at the same moment.

use super::admission::lock;
use super::model::{YEARLY_MAX, check_days, check_reason, in_days};
use super::people;
use super::sight::{is_own, reaches_person};
use super::span::Unit;
use super::store::balances::{self as store, Account, BalanceRow, LogRow};
use super::store::people::Person;
use super::store::types::coded;
use crate::clock::iso;
use crate::core::Core;
use crate::db::Conn;
use crate::hr::resolve::is_caller;
use crate::policy::Principal;
use crate::refusal::Refusal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Lines of the log that an answer carries.
const LOG_MAX: i64 = 50;

const NOBODY: Refusal = Refusal::NotFound { what: "staff" };

/// What somebody has of a type.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Balance {
    /// Code of the type.
    pub leave_type: String,
    /// Name of the type.
    pub leave_type_name: String,
    /// The type's unit.
    pub unit: Unit,
    /// Given.
    pub granted_days: f64,
    /// Taken, or given leave that is still to come.
    pub used_days: f64,
    /// Asked for and not yet decided, or sent back.
    pub pending_days: f64,
    /// Left to be asked for.
    pub left_days: f64,
    /// For optimistic locking; 0 where nothing was set.
    pub version: i64,
}

impl From<&BalanceRow> for Balance {
    fn from(row: &BalanceRow) -> Self {
        Self {
            leave_type: row.code.clone(),
            leave_type_name: row.name.clone(),
            unit: Unit::read(&row.unit),
            granted_days: in_days(row.granted),
            used_days: in_days(row.used),
            pending_days: in_days(row.pending),
            left_days: in_days(row.left()),
            version: row.version,
        }
    }
}

/// One change of what was given.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct BalanceChange {
    /// Code of the type.
    pub leave_type: String,
    /// Given before.
    pub from_days: f64,
    /// Given after.
    pub to_days: f64,
    /// Why.
    pub reason: String,
    /// By whom.
    pub operator: String,
    /// ISO 8601.
    pub at: String,
}

impl From<LogRow> for BalanceChange {
    fn from(row: LogRow) -> Self {
        Self {
            leave_type: row.code,
            from_days: in_days(row.granted_from),
            to_days: in_days(row.granted_to),
            reason: row.reason,
            operator: row.operator_name,
            at: iso(row.at),
        }
    }
}

/// What somebody has in a year.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Balances {
    /// Whose.
    pub staff_guid: String,
    /// The person's name.
    pub staff_name: String,
    /// The year, where the company is.
    pub year: i64,
    /// By type.
    pub balances: Vec<Balance>,
    /// Who gave or took how much, the newest first.
    pub history: Vec<BalanceChange>,
}

/// Answers what somebody has: the caller himself, or with `leave:view` somebody whom it reaches.
pub async fn get(
    core: &Core,
    by: &Principal,
    staff: Option<&str>,
    year: Option<i64>,
) -> Result<Balances, Refusal> {
    let mut conn = core.db.read().await?;
    let person = match staff {
        None => people::oneself(&mut conn, by).await?,
        Some(guid) => {
            let found = people::named(core, &mut conn, by, guid).await?;
            let own = found.as_ref().is_some_and(|person| is_own(by, person));
            if !own {
                by.require("leave:view")?;
            }
            let person = found.ok_or(NOBODY)?;
            if !own && !reaches_person(core, &mut conn, by, "leave:view", &person).await? {
                return Err(NOBODY);
            }
            person
        }
    };
    let year = checked(core, year)?;
    answer(&mut conn, by, &person, year).await
}

async fn answer(conn: &mut Conn, by: &Principal, person: &Person, year: i64) -> Result<Balances, Refusal> {
    let rows = store::balances(conn, by.company(), person.id, year, 0).await?;
    let history = store::history(conn, person.id, year, LOG_MAX).await?;
    Ok(Balances {
        staff_guid: person.guid.clone(),
        staff_name: person.name.clone(),
        year,
        balances: rows.iter().map(Into::into).collect(),
        history: history.into_iter().map(Into::into).collect(),
    })
}

fn checked(core: &Core, year: Option<i64>) -> Result<i64, Refusal> {
    let this = i64::from(core.settings.calendar.zone().day(core.clock.now_ms()).year());
    let year = year.unwrap_or(this);
    if (2000..=2199).contains(&year) {
        return Ok(year);
    }
    Err(Refusal::invalid("year", "invalid", "2000 to 2199"))
}

/// What somebody is to have.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBalance {
    /// Account or staff guid.
    #[serde(alias = "staffGuid")]
    pub staff_guid: String,
    /// Code of a type that keeps a balance.
    #[serde(alias = "leaveType")]
    pub leave_type: String,
    /// This year when absent.
    #[serde(default)]
    pub year: Option<i64>,
    /// All that is given for the year; not less than what was taken and is asked for.
    pub granted_days: f64,
    /// Why; it stays in the log.
    pub reason: String,
    /// The version that was read; a different one now is refused.
    #[serde(default)]
    pub version: Option<i64>,
    /// Account or staff guid of the caller; anybody else's is refused (C3).
    #[serde(default, rename = "operatorGuid")]
    pub operator_guid: Option<String>,
}

/// Sets what somebody is given.
pub async fn set(core: &Core, by: &Principal, new: &NewBalance) -> Result<Balances, Refusal> {
    by.require("staff:update")?;
    is_caller(core, by, new.operator_guid.as_deref()).await?;
    let granted = check_days("granted_days", new.granted_days, YEARLY_MAX)?;
    check_reason(&new.reason)?;
    if new.reason.trim().is_empty() {
        return Err(Refusal::invalid("reason", "invalid", "say why: it stays in the log"));
    }
    let year = checked(core, new.year)?;
    let mut work = core.db.begin(&by.author()).await?;
    let person = people::named(core, work.conn(), by, &new.staff_guid).await?;
    let person = person.ok_or(NOBODY)?;
    if !reaches_person(core, work.conn(), by, "staff:update", &person).await? {
        return Err(NOBODY);
    }
    let of = coded(work.conn(), by.company(), &new.leave_type).await?.filter(|of| of.keeps_balance);
    let unknown = "there is no type of leave of this code that keeps a balance";
    let of = of.ok_or_else(|| Refusal::invalid("leave_type", "unknown_leave_type", unknown))?;
    lock(&mut work, &person).await?;
    let rows = store::balances(work.conn(), by.company(), person.id, year, 0).await?;
    let Some(before) = rows.iter().find(|row| row.type_id == of.id) else { return Err(Refusal::Outdated) };
    if new.version.is_some_and(|version| version != before.version) {
        return Err(Refusal::Outdated);
    }
    if granted < before.used + before.pending {
        return Err(Refusal::Conflict {
            code: "leave_balance",
            field: Some("granted_days".to_owned()),
            detail: format!(
                "{} days are taken and {} asked for in {year}",
                in_days(before.used),
                in_days(before.pending)
            ),
        });
    }
    let (now, author) = (work.now(), by.author());
    let account = Account { staff: person.id, type_id: of.id, year };
    store::set_granted(work.conn(), account, granted, now).await?;
    store::log(work.conn(), account, (before.granted, granted), &new.reason, &author, now).await?;
    work.audit("leave_balance_set", "staff", &person.guid, "staff:update").await?;
    let after = answer(work.conn(), by, &person, year).await?;
    work.commit(&by.stamp()).await?;
    Ok(after)
}
