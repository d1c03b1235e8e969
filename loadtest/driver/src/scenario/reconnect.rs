//! All tabs lose their connection at once and come back at once: how long until every one of them is open and in the
//! state that the policy is in, which has changed meanwhile if that is asked for.

use anyhow::{bail, ensure};
use serde_json::json;

use super::{Field, PERMISSION, Plan};
use crate::order::Order;
use crate::report::Table;

/// Counts statements, where the server has it.
const STATEMENTS: &str = "livegrant_sql_statements_total";

/// What the table shows.
pub const TITLE: &str = "All tabs cut off at once.";

/// The columns of [`run`].
pub const COLUMNS: [&str; 9] = [
    "tabs",
    "an account",
    "resumes",
    "changed meanwhile",
    "all open",
    "all converged",
    "handshakes/s",
    "first time, handshakes/s",
    "SQL statements a tab",
];

/// What to measure.
#[derive(Clone, Copy, Debug)]
pub struct Reconnect {
    /// Tabs.
    pub tabs: usize,
    /// Tabs of one account.
    pub tabs_per_account: usize,
    /// Tabs say which state they know.
    pub resume: bool,
    /// The role loses a permission while they are away.
    pub changed: bool,
}

/// Measures and adds a row.
pub fn run(plan: &Plan, what: Reconnect, table: &mut Table) -> anyhow::Result<()> {
    let Reconnect { tabs, tabs_per_account, resume, changed } = what;
    let mut field = Field::open(plan, tabs, tabs_per_account, 1)?;
    let first = field.connect(false)?;
    field.broadcast()?;
    field.hand.tell(&Order::Cut { first: 0, count: tabs })?;
    if changed {
        field.server.ask(
            "POST",
            &format!("/api/v1/roles/{}/permissions/remove", field.server.role()),
            &json!({ "permissions": [PERMISSION] }),
        )?;
    }
    let before = field.server.counter(STATEMENTS);
    let again = field.connect(resume)?;
    let statements =
        before.zip(field.server.counter(STATEMENTS)).map(|(before, now)| (now - before) / tabs as f64);
    // All accounts have equal grants: one state means that nobody was left behind.
    let tally = field.hand.tally()?;
    ensure!(tally.states == 1, "tabs are in {} different states", tally.states);
    if again.opened != tabs {
        bail!("{} of {tabs} tabs came back", again.opened);
    }
    field.broadcast()?;
    table.row(
        vec![
            tabs.to_string(),
            tabs_per_account.to_string(),
            if resume { "yes" } else { "no" }.to_owned(),
            if changed { "yes" } else { "no" }.to_owned(),
            format!("{:.2} s", again.open),
            format!("{:.2} s", again.settled),
            format!("{:.0}", again.rate()),
            format!("{:.0}", first.rate()),
            statements.map_or_else(String::new, |statements| format!("{statements:.2}")),
        ],
        json!({
            "tabs": tabs, "tabs_per_account": tabs_per_account, "resume": resume, "changed": changed,
            "connected_seconds": again.open, "converged_seconds": again.settled,
            "handshakes_per_second": again.rate(), "first_handshakes_per_second": first.rate(),
            "sql_statements_a_tab": statements,
        }),
    );
    Ok(())
}
