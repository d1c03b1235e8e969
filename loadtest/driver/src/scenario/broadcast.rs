//! What a broadcast frame costs against a bare writer that sends the same bytes to as many sockets, in one run, round
//! about: the machine's mood meets both alike.

use serde_json::{Value, json};

use super::{Field, Plan};
use crate::order::{Kind, Measured, Want};
use crate::report::{Table, median, millis, quantile};

/// Rounds that are not counted: caches and allocators settle.
const WARM: usize = 3;

/// What the table shows.
pub const TITLE: &str =
    "One broadcast to all tabs: medians over the rounds; `ratio` is of processor time to the bare writer's.";

/// The columns of [`run`].
pub const COLUMNS: [&str; 10] = [
    "sender",
    "tabs",
    "an account",
    "CPU a frame",
    "ratio",
    "answered",
    "p50",
    "p99",
    "last tab",
    "writes a frame",
];

/// Sums up some rounds: medians over rounds of each round's numbers.
pub fn summary(rounds: &[Measured]) -> Value {
    let over = |of: &dyn Fn(&Measured) -> f64| median(rounds.iter().map(of));
    let frames = |measured: &Measured| measured.arrived.max(1) as f64;
    json!({
        "rounds": rounds.len(),
        "cpu_nanos_a_frame": over(&|measured| measured.server_nanos as f64 / frames(measured)),
        "answered_micros": over(&|measured| measured.answered as f64),
        "slowest_answer_micros": rounds.iter().map(|measured| measured.answered).max(),
        "p50_micros": over(&|measured| quantile(&measured.micros, 0.5) as f64),
        "p99_micros": over(&|measured| quantile(&measured.micros, 0.99) as f64),
        "last_micros": over(&|measured| quantile(&measured.micros, 1.0) as f64),
        "writes_a_frame": over(&|measured| measured.server_writes as f64 / frames(measured)),
        "frame_bytes": rounds.last().map_or(0, |measured| measured.frame.len()),
    })
}

/// A row of [`COLUMNS`] from a summary.
pub fn cells(sender: &str, field: &Field, summary: &Value, ratio: Option<f64>) -> Vec<String> {
    let number = |name: &str| summary[name].as_f64().unwrap_or_default();
    vec![
        sender.to_owned(),
        field.tabs.to_string(),
        field.tabs_per_account.to_string(),
        format!("{:.2} µs", number("cpu_nanos_a_frame") / 1000.0),
        ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}")),
        millis(number("answered_micros") as u64),
        millis(number("p50_micros") as u64),
        millis(number("p99_micros") as u64),
        millis(number("last_micros") as u64),
        format!("{:.2}", number("writes_a_frame")),
    ]
}

/// Measures and adds two rows.
pub fn run(
    plan: &Plan,
    tabs: usize,
    tabs_per_account: usize,
    rounds: usize,
    table: &mut Table,
) -> anyhow::Result<()> {
    let mut served = Field::open(plan, tabs, tabs_per_account, 1)?;
    let mut bare = Field::bare(plan, tabs, 2)?;
    served.connect(false)?;
    bare.connect(false)?;
    let (mut of_server, mut of_bare) = (Vec::new(), Vec::new());
    for round in 0..WARM + rounds {
        let measured = served.broadcast()?;
        let mut request = served.server.request("POST", "/broadcast", &Value::Null);
        (request.token, request.body) = (None, measured.frame.clone());
        let baseline = bare.round(request, Want { kind: Kind::SystemNotice, tabs, account: None })?;
        if round >= WARM {
            of_server.push(measured);
            of_bare.push(baseline);
        }
    }
    let (server, baseline) = (summary(&of_server), summary(&of_bare));
    let nanos = |summary: &Value| summary["cpu_nanos_a_frame"].as_f64().unwrap_or_default();
    let ratio = nanos(&server) / nanos(&baseline).max(1.0);
    let data = |sender: &str, summary: Value, ratio: Option<f64>| json!({ "sender": sender, "tabs": tabs, "tabs_per_account": tabs_per_account, "summary": summary, "ratio": ratio });
    let line = cells("livegrant", &served, &server, Some(ratio));
    table.row(line, data("livegrant", server, Some(ratio)));
    let line = cells("bare tokio", &bare, &baseline, None);
    table.row(line, data("bare tokio", baseline, None));
    Ok(())
}
