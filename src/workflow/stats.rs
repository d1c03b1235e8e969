//! How processes do (FW40): how many instances, how long people took at each node, what is overdue.
//! Over the instances that started in a period of up to a year. The median and not the mean: one task that lay over the
//! holidays says nothing of the others.

use super::store::stats::{self as store, Period};
use super::walk;
use crate::clock::{iso, parse_iso};
use crate::core::Core;
use crate::policy::Principal;
use crate::refusal::Refusal;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

const DAY_MS: i64 = 86_400_000;
/// Longest period, in days: every instance of it is looked at.
const DAYS_MAX: i64 = 366;
/// Period when none is asked for, in days: a quarter.
const DAYS_USUAL: i64 = 90;

/// How processes do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct StatsOut {
    /// ISO 8601.
    pub from: String,
    /// ISO 8601, exclusive.
    pub to: String,
    /// By code; at most 200.
    pub definitions: Vec<DefinitionStats>,
}

/// How one process does, over all its versions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DefinitionStats {
    /// The definition.
    pub code: String,
    /// Its name now.
    pub name: String,
    /// Instances that started, by status.
    pub instances: BTreeMap<String, i64>,
    /// From start to end, of those that were approved or rejected: half took less. Milliseconds.
    pub median_ms: Option<i64>,
    /// Tasks that somebody has to do now.
    pub open_tasks: i64,
    /// Those of them whose time is over.
    pub overdue_tasks: i64,
    /// By node with people.
    pub nodes: Vec<NodeStats>,
}

/// How long people took at a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeStats {
    /// The node.
    pub code: String,
    /// Its name in the version that counts now; empty when it has no such node any more.
    pub name: String,
    /// How often it was done.
    pub runs: i64,
    /// From entering to leaving: half took less. Milliseconds.
    pub median_ms: i64,
}

/// Counts. Needs `workflow:view` or `workflow:admin` (C24).
pub async fn stats(
    core: &Core,
    by: &Principal,
    from: Option<&str>,
    to: Option<&str>,
    definition: Option<&str>,
) -> Result<StatsOut, Refusal> {
    if !by.holds("workflow:admin") {
        by.require("workflow:view")?;
    }
    let now = core.clock.now_ms();
    let period = period(from, to, now)?;
    let mut conn = core.db.read().await?;
    let company = by.company();
    let mut found: BTreeMap<String, DefinitionStats> = BTreeMap::new();
    for row in store::instances(&mut conn, company, period, definition).await? {
        found.entry(row.code).or_default().instances.insert(row.status, row.count);
    }
    for (code, median) in store::medians(&mut conn, company, period, definition).await? {
        found.entry(code).or_default().median_ms = Some(median);
    }
    for (code, open, overdue) in store::tasks(&mut conn, company, period, definition, now).await? {
        let of = found.entry(code).or_default();
        (of.open_tasks, of.overdue_tasks) = (open, overdue);
    }
    for row in store::nodes(&mut conn, company, period, definition).await? {
        let node =
            NodeStats { code: row.node_code, name: String::new(), runs: row.runs, median_ms: row.median_ms };
        found.entry(row.code).or_default().nodes.push(node);
    }
    for (code, of) in &mut found {
        of.code.clone_from(code);
        if let Some(row) = super::store::definitions::best(&mut conn, company, code).await? {
            for node in &mut of.nodes {
                node.name =
                    walk::find(&row.graph.0, &node.code).map(|it| it.name.clone()).unwrap_or_default();
            }
            of.name = row.name;
        }
    }
    let definitions = found.into_values().collect();
    Ok(StatsOut { from: iso(period.from), to: iso(period.to), definitions })
}

fn period(from: Option<&str>, to: Option<&str>, now: i64) -> Result<Period, Refusal> {
    let read = |field: &'static str, text: Option<&str>| match text.map(parse_iso) {
        None => Ok(None),
        Some(Some(at)) => Ok(Some(at)),
        Some(None) => {
            Err(Refusal::invalid(field, "invalid", "an ISO 8601 time like 2025-09-12T00:00:00+08:00"))
        }
    };
    let to = read("to", to)?.unwrap_or(now);
    let from = read("from", from)?.unwrap_or(to.saturating_sub(DAYS_USUAL * DAY_MS));
    if from >= to || to.saturating_sub(from) > DAYS_MAX * DAY_MS {
        return Err(Refusal::invalid("from", "invalid", format!("before `to`, by at most {DAYS_MAX} days")));
    }
    Ok(Period { from, to })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_bounded_and_has_a_beginning() {
        let now = parse_iso("2026-01-01T00:00:00Z").unwrap();
        let usual = period(None, None, now).unwrap();
        assert_eq!((usual.from, usual.to), (now - 90 * DAY_MS, now));
        let year = period(Some("2025-01-01T00:00:00Z"), None, now).unwrap();
        assert_eq!(year.to - year.from, 365 * DAY_MS);
        for (from, to) in [
            (Some("2024-01-01T00:00:00Z"), None),
            (Some("2026-01-01T00:00:00Z"), None),
            (Some("yesterday"), None),
            (None, Some("2026-13-01T00:00:00Z")),
        ] {
            assert!(period(from, to, now).is_err(), "{from:?} {to:?}");
        }
    }
}
