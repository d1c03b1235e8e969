//! A role with very many holders online loses a permission and gets it back: from Save to the last tab, against a plain
//! broadcast to the same tabs in the same run.

use serde_json::{Value, json};

use super::broadcast::{cells, summary};
use super::{Field, PAUSE, Plan};
use crate::order::Measured;
use crate::report::{Table, median};

/// Counts statements, where the server has it.
const STATEMENTS: &str = "livegrant_sql_statements_total";

/// What the table shows.
pub const TITLE: &str =
    "A role that everybody holds loses a permission or gets it back, against a broadcast to the same tabs.";

/// The columns of [`run`].
pub const COLUMNS: [&str; 11] = [
    "sender",
    "tabs",
    "an account",
    "CPU a frame",
    "ratio of the last tab",
    "answered",
    "p50",
    "p99",
    "last tab",
    "writes a frame",
    "SQL statements",
];

/// Measures and adds two rows.
pub fn run(
    plan: &Plan,
    tabs: usize,
    tabs_per_account: usize,
    rounds: usize,
    table: &mut Table,
) -> anyhow::Result<()> {
    let mut field = Field::open(plan, tabs, tabs_per_account, 1)?;
    field.connect(false)?;
    let (mut broadcasts, mut changes, mut statements) = (Vec::new(), Vec::new(), Vec::new());
    // One more than counts: the first settles caches and allocators.
    for round in 0..=rounds {
        for way in ["remove", "add"] {
            let broadcast = field.broadcast()?;
            std::thread::sleep(PAUSE);
            let (change, sql) = counted(&mut field, way)?;
            if round > 0 {
                broadcasts.push(broadcast);
                changes.push(change);
                statements.extend(sql);
            }
        }
    }
    let (plain, changed) = (summary(&broadcasts), summary(&changes));
    let last = |summary: &Value| summary["last_micros"].as_f64().unwrap_or_default();
    let ratio = last(&changed) / last(&plain).max(1.0);
    let sql = (!statements.is_empty()).then(|| median(statements.clone()));
    for (name, summary, ratio, sql) in
        [("broadcast", plain, None, None), ("role change", changed, Some(ratio), sql)]
    {
        let mut line = cells(name, &field, &summary, ratio);
        line.push(sql.map_or_else(String::new, |sql| format!("{sql:.0}")));
        let data = json!({
            "sender": name, "tabs": tabs, "tabs_per_account": tabs_per_account, "summary": summary,
            "ratio_of_the_last_tab": ratio, "sql_statements": sql,
        });
        table.row(line, data);
    }
    Ok(())
}

fn counted(field: &mut Field, way: &str) -> anyhow::Result<(Measured, Option<f64>)> {
    let before = field.server.counter(STATEMENTS);
    let measured = field.role_change(way)?;
    let statements = before.zip(field.server.counter(STATEMENTS)).map(|(before, now)| now - before);
    Ok((measured, statements))
}
