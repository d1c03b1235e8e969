//! Definitions read: a page of them, one of them. Whoever may not administer sees what he may start, as it is published.

use super::model::{Definition, DefinitionOut, Status};
use super::rights;
use crate::core::Core;
use crate::db::Conn;
use crate::db::paging::Page;
use crate::policy::Principal;
use crate::refusal::Refusal;
use crate::workflow::store::definitions as store;
pub use crate::workflow::store::definitions::DefinitionFilter;
use crate::workflow::variables::Initiator;

pub(super) const MISSING: Refusal = Refusal::NotFound { what: "definition" };

/// Published definitions that one list looks through for whoever may not administer: a company with more has them in
/// categories, and a search.
const STARTABLE_MAX: i64 = 1_000;

/// Lists versions: for `workflow:admin` and `workflow:view` all that the filter asks for, for everybody else what he may
/// start.
pub async fn list(
    core: &Core,
    by: &Principal,
    filter: &DefinitionFilter,
    page: Page,
) -> Result<(i64, Vec<DefinitionOut>), Refusal> {
    let mut conn = core.db.read().await?;
    if sees_all(by) {
        let (count, rows) = store::list(&mut conn, by.company(), filter, page).await?;
        let rows: Result<Vec<_>, Refusal> = rows.into_iter().map(Definition::try_from).collect();
        return Ok((count, rows?.iter().map(DefinitionOut::short).collect()));
    }
    let filter = DefinitionFilter { status: Some(Status::Published.word().to_owned()), ..filter.clone() };
    let (_, rows) = store::list(&mut conn, by.company(), &filter, Page::first(STARTABLE_MAX)).await?;
    let who = Initiator::read(&mut conn, by.company(), by.account(), core.clock.now_ms()).await?;
    let mut mine = Vec::new();
    for row in rows {
        let definition = Definition::try_from(row)?;
        if rights::is_starter(&definition, &who) {
            mine.push(DefinitionOut::short(&definition));
        }
    }
    let count = mine.len() as i64;
    let (skip, take) = (page.offset() as usize, page.limit() as usize);
    Ok((count, mine.into_iter().skip(skip).take(take).collect()))
}

/// Reads one version: the one of a number, else the one that takes instances, else the draft, else the newest.
pub async fn get(
    core: &Core,
    by: &Principal,
    code: &str,
    number: Option<i64>,
) -> Result<DefinitionOut, Refusal> {
    let mut conn = core.db.read().await?;
    let definition = find(&mut conn, by, code, number).await?.ok_or(MISSING)?;
    if !sees_all(by) {
        let who = Initiator::read(&mut conn, by.company(), by.account(), core.clock.now_ms()).await?;
        let published = definition.status == Status::Published;
        if !published || !rights::is_starter(&definition, &who) {
            return Err(MISSING);
        }
    }
    let mut out = DefinitionOut::whole(&definition);
    if sees_all(by) {
        out.versions = store::versions(&mut conn, by.company(), code)
            .await?
            .into_iter()
            .map(|(number, status)| super::model::VersionOut { number, status })
            .collect();
    }
    Ok(out)
}

/// Finds the version that a path names, inside the caller's company.
pub(super) async fn find(
    conn: &mut Conn,
    by: &Principal,
    code: &str,
    number: Option<i64>,
) -> Result<Option<Definition>, Refusal> {
    let row = match number {
        Some(number) => store::numbered(conn, by.company(), code, number).await?,
        None => store::best(conn, by.company(), code).await?,
    };
    row.map(Definition::try_from).transpose()
}

fn sees_all(by: &Principal) -> bool {
    by.holds("workflow:admin") || by.holds("workflow:view")
}
