//! The types of leave that a company begins with: those of the labour law of the People's Republic. Running it again adds
//! what is missing and changes nothing that is there.

use super::calendar::{Counts, DAY};
use super::span::Unit;
use super::store::types::{TypeColumns, insert};
use crate::db::{Author, Db, SystemTask};
use crate::refusal::Refusal;
use livegrant_actors::CompanyId;

struct Preset {
    code: &'static str,
    name: &'static str,
    unit: Unit,
    half: bool,
    counts: Counts,
    paid: bool,
    yearly: Option<i64>,
    attachment_from: Option<i64>,
    max: Option<i64>,
    ignores_blocks: bool,
}

use Counts::{CalendarDays as Calendar, WorkingDays as Working};
use Unit::{Day, Hour};

/// Days. Five of annual leave: the least that the law gives after a year. Sick leave of more than one day needs the
/// doctor's note; a wedding, a birth or a death its paper. What a wedding and a birth give differs by province: the longest
/// is the limit.
#[rustfmt::skip] // a table
const PRESETS: [Preset; 9] = [
    Preset { code: "annual",       name: "年假",   unit: Day,  half: true,  counts: Working,  paid: true,  yearly: Some(5),  attachment_from: None,    max: None,      ignores_blocks: false },
    Preset { code: "personal",     name: "事假",   unit: Hour, half: true,  counts: Working,  paid: false, yearly: None,     attachment_from: None,    max: Some(30),  ignores_blocks: false },
    Preset { code: "sick",         name: "病假",   unit: Hour, half: true,  counts: Working,  paid: true,  yearly: None,     attachment_from: Some(2), max: Some(366), ignores_blocks: true },
    Preset { code: "compensatory", name: "调休",   unit: Hour, half: true,  counts: Working,  paid: true,  yearly: Some(0),  attachment_from: None,    max: None,      ignores_blocks: false },
    Preset { code: "marriage",     name: "婚假",   unit: Day,  half: false, counts: Calendar, paid: true,  yearly: None,     attachment_from: Some(0), max: Some(30),  ignores_blocks: false },
    Preset { code: "maternity",    name: "产假",   unit: Day,  half: false, counts: Calendar, paid: true,  yearly: None,     attachment_from: Some(0), max: Some(366), ignores_blocks: true },
    Preset { code: "paternity",    name: "陪产假", unit: Day,  half: false, counts: Calendar, paid: true,  yearly: None,     attachment_from: Some(0), max: Some(30),  ignores_blocks: true },
    Preset { code: "parental",     name: "育儿假", unit: Day,  half: true,  counts: Working,  paid: true,  yearly: Some(10), attachment_from: None,    max: None,      ignores_blocks: false },
    Preset { code: "bereavement",  name: "丧假",   unit: Day,  half: false, counts: Working,  paid: true,  yearly: None,     attachment_from: None,    max: Some(5),   ignores_blocks: true },
];

/// Adds what is missing.
pub async fn install(db: &Db, company: CompanyId) -> Result<(), Refusal> {
    let mut work = db.begin(&Author::system("first data")).await?;
    let (now, mut added) = (work.now(), 0);
    for (place, preset) in (1..).zip(&PRESETS) {
        let columns = TypeColumns {
            code: preset.code,
            name: preset.name,
            unit: preset.unit,
            allow_half_day: preset.half,
            counts: preset.counts,
            paid: preset.paid,
            keeps_balance: preset.yearly.is_some(),
            yearly: preset.yearly.unwrap_or(0) * DAY,
            attachment_from: preset.attachment_from.map(|days| days * DAY),
            max_amount: preset.max.map(|days| days * DAY),
            backdate_days: 0,
            ignores_blocks: preset.ignores_blocks,
            definition_code: "leave",
            sort: place * 10,
            status: 1,
        };
        added += insert(work.conn(), company, &columns, now).await?;
    }
    if added > 0 {
        work.commit(SystemTask::Bootstrap).await?;
    }
    Ok(())
}
