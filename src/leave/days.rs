//! The company's days: holidays, make-up days, and days on which leave is not given. Everybody reads them.
//! A request that was sent keeps what it was reckoned with; only what is asked for later is reckoned anew.

use super::calendar::{Calendar, Decree};
use super::sight::may_rule;
use super::store::days::{self as store, Block, CalendarDay};
use super::store::types::coded;
use crate::core::Core;
use crate::db::{Conn, DbError};
use crate::hr::resolve::parse_guid;
use crate::policy::Principal;
use crate::refusal::Refusal;
use crate::settings;
use crate::text::{check_name, check_text};
use jiff::ToSpan;
use jiff::civil::Date;
use livegrant_actors::CompanyId;
use serde::Deserialize;
use utoipa::ToSchema;

/// Days that one request may set: those of a year's holidays and then some.
pub const DAYS_AT_ONCE: usize = 100;
/// Blocks of one company at most.
pub const BLOCKS_MAX: i64 = 1_000;
/// The longest stretch of days that is read at once: two years.
const DAYS_READ: i32 = 732;

/// Makes the company's calendar of the days from one to another.
pub async fn calendar(
    conn: &mut Conn,
    settings: &settings::Calendar,
    company: CompanyId,
    (first, last): (Date, Date),
) -> Result<Calendar, DbError> {
    let rows = store::days(conn, company, &first.to_string(), &last.to_string()).await?;
    let decrees = rows.iter().filter_map(|row| {
        let decree = if row.kind == "working" { Decree::Working } else { Decree::Holiday };
        row.day.parse().ok().map(|day| (day, decree))
    });
    Ok(Calendar::of(settings).with(decrees))
}

/// Reads a day.
pub fn parse_day(field: &str, text: &str) -> Result<Date, Refusal> {
    let day = text.parse::<Date>().ok().filter(|day| text.len() == 10 && (2000..=2199).contains(&day.year()));
    day.ok_or_else(|| Refusal::invalid(field, "invalid", "a day of the years 2000 to 2199, like 2026-11-22"))
}

/// Reads from when to when; a year from today when nothing is said.
pub fn parse_range(core: &Core, from: Option<&str>, to: Option<&str>) -> Result<(Date, Date), Refusal> {
    let today = core.settings.calendar.zone().day(core.clock.now_ms());
    let first = from.map_or(Ok(today), |text| parse_day("from", text))?;
    let last = to.map_or(Ok(first.saturating_add(365.days())), |text| parse_day("to", text))?;
    if last < first || first.saturating_add(DAYS_READ.days()) < last {
        return Err(Refusal::invalid("to", "invalid", format!("at most {DAYS_READ} days after from")));
    }
    Ok((first, last))
}

/// Lists what days are by decree.
pub async fn list(
    core: &Core,
    by: &Principal,
    from: Option<&str>,
    to: Option<&str>,
) -> Result<Vec<CalendarDay>, Refusal> {
    let (first, last) = parse_range(core, from, to)?;
    let mut conn = core.db.read().await?;
    Ok(store::days(&mut conn, by.company(), &first.to_string(), &last.to_string()).await?)
}

/// What a day is to be.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DaySetting {
    /// `2026-10-01`.
    pub day: String,
    /// `holiday`, `working`, or null: what it is by its day of the week.
    pub kind: Option<String>,
    /// `国庆节`.
    #[serde(default)]
    pub name: String,
}

/// Days to be set.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DaySettings {
    /// All or none of them is set.
    pub days: Vec<DaySetting>,
}

/// Says what days are. Repeating is harmless.
pub async fn set(core: &Core, by: &Principal, wanted: &DaySettings) -> Result<u64, Refusal> {
    let permission = may_rule(by)?;
    if wanted.days.len() > DAYS_AT_ONCE {
        return Err(Refusal::invalid("days", "too_many", format!("at most {DAYS_AT_ONCE} days")));
    }
    for (number, each) in wanted.days.iter().enumerate() {
        let field = |name: &str| format!("days[{number}].{name}");
        parse_day(&field("day"), &each.day)?;
        match each.kind.as_deref() {
            None => check_text(&field("name"), &each.name)?,
            Some("holiday" | "working") => check_name(&field("name"), &each.name)?,
            Some(_) => return Err(Refusal::invalid(field("kind"), "invalid", "holiday, working or null")),
        }
    }
    let mut work = core.db.begin(&by.author()).await?;
    let mut changed = 0;
    for each in &wanted.days {
        changed += match &each.kind {
            Some(kind) => {
                let day = CalendarDay { day: each.day.clone(), kind: kind.clone(), name: each.name.clone() };
                store::put_day(work.conn(), by.company(), &day).await?
            }
            None => store::delete_day(work.conn(), by.company(), &each.day).await?,
        };
    }
    if changed > 0 {
        let named: Vec<&str> = wanted.days.iter().map(|each| each.day.as_str()).collect();
        work.audit("calendar_changed", "calendar", &named.join(","), permission).await?;
        work.commit(&by.stamp()).await?;
    }
    Ok(changed)
}

/// Lists the blocks that are not over.
pub async fn blocks(core: &Core, by: &Principal) -> Result<Vec<Block>, Refusal> {
    let today = core.settings.calendar.zone().day(core.clock.now_ms());
    Ok(store::blocks(&mut core.db.read().await?, by.company(), &today.to_string()).await?)
}

/// Days on which leave is not to be given.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBlock {
    /// Code of the type that it concerns; all that do not ignore such days when absent.
    #[serde(default, alias = "leaveType")]
    pub leave_type: Option<String>,
    /// The first day.
    pub first_day: String,
    /// The last day; the first when absent.
    #[serde(default)]
    pub last_day: Option<String>,
    /// Why; people are told.
    pub reason: String,
}

/// Blocks days. Requests that were sent stay as they are.
pub async fn block(core: &Core, by: &Principal, new: &NewBlock) -> Result<Block, Refusal> {
    let permission = may_rule(by)?;
    let first = parse_day("first_day", &new.first_day)?;
    let last = new.last_day.as_deref().map_or(Ok(first), |text| parse_day("last_day", text))?;
    if last < first {
        return Err(Refusal::invalid("last_day", "invalid", "must not be before first_day"));
    }
    check_name("reason", &new.reason)?;
    let mut work = core.db.begin(&by.author()).await?;
    let type_id = match &new.leave_type {
        Some(code) => {
            let of = coded(work.conn(), by.company(), code).await?;
            let unknown =
                || Refusal::invalid("leave_type", "unknown_leave_type", "there is no such type of leave");
            Some(of.ok_or_else(unknown)?.id)
        }
        None => None,
    };
    work.serialise(&format!("leave blocks of {}", by.company().0)).await?;
    if store::block_count(work.conn(), by.company()).await? >= BLOCKS_MAX {
        return Err(Refusal::invalid("first_day", "too_many", format!("at most {BLOCKS_MAX} blocks")));
    }
    let block = Block {
        guid: crate::clock::guid(),
        leave_type: new.leave_type.clone(),
        first_day: first.to_string(),
        last_day: last.to_string(),
        reason: new.reason.clone(),
    };
    let now = work.now();
    store::insert_block(work.conn(), by.company(), type_id, &block, now).await?;
    work.audit("leave_block_created", "leave_block", &block.guid, permission).await?;
    work.commit(&by.stamp()).await?;
    Ok(block)
}

/// Takes a block away.
pub async fn unblock(core: &Core, by: &Principal, guid: &str) -> Result<(), Refusal> {
    let permission = may_rule(by)?;
    let guid = parse_guid("guid", guid)?;
    let mut work = core.db.begin(&by.author()).await?;
    if store::delete_block(work.conn(), by.company(), &guid).await? == 0 {
        return Err(Refusal::NotFound { what: "leave block" });
    }
    work.audit("leave_block_deleted", "leave_block", &guid, permission).await?;
    work.commit(&by.stamp()).await?;
    Ok(())
}
