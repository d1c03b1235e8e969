//! Some tabs stop reading: how much memory each pins in the kernel and in the server, whether everybody else notices, and
//! when they are closed. Several, because the kernel counts its buffers in megabytes.

use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use serde_json::json;

use super::{Field, Plan};
use crate::machine;
use crate::order::{Kind, Order, Want};
use crate::report::{Table, median, millis, quantile};

/// Rounds before the tab is deaf.
const BEFORE: usize = 20;
/// Pause between two broadcasts.
const EVERY: Duration = Duration::from_millis(20);
/// Tabs that stop reading: one in so many.
const DEAF: usize = 20;
/// Longer than any server should bear it.
const PATIENCE: Duration = Duration::from_mins(1);

/// What the table shows.
pub const TITLE: &str = "One tab in twenty stops reading while everybody is sent notices of six kilobytes; memory is of each such tab.";

/// The columns of [`run`].
pub const COLUMNS: [&str; 9] = [
    "tabs",
    "of them deaf",
    "sent to each",
    "kernel buffers, both ends",
    "unsent in the kernel",
    "server memory",
    "others, last tab before",
    "others, last tab meanwhile",
    "closed after",
];

/// Measures and adds a row.
pub fn run(plan: &Plan, tabs: usize, tabs_per_account: usize, table: &mut Table) -> anyhow::Result<()> {
    let mut field = Field::open(plan, tabs, tabs_per_account, 1)?;
    field.connect(false)?;
    let text = "权".repeat(2_000);
    let mut before = Vec::new();
    for _ in 0..BEFORE {
        let request = field.server.broadcast(&text);
        let want = Want { kind: Kind::SystemNotice, tabs, account: None };
        before.push(quantile(&field.round(request, want)?.micros, 1.0) as f64);
    }
    let deaf = tabs.div_ceil(DEAF);
    let (buffers, resident) = (machine::socket_buffers(), field.server.resident());
    field.hand.tell(&Order::Deafen { count: deaf })?;
    let (mut meanwhile, mut sent, mut peak) = (Vec::new(), 0, Peak::default());
    let start = Instant::now();
    let closed = loop {
        let request = field.server.broadcast(&text);
        let measured =
            field.round(request, Want { kind: Kind::SystemNotice, tabs: tabs - deaf, account: None })?;
        ensure!(measured.arrived == tabs - deaf, "a deaf tab heard");
        meanwhile.push(quantile(&measured.micros, 1.0) as f64);
        sent += measured.frame.len() as u64;
        peak.buffers = peak.buffers.max(machine::socket_buffers().saturating_sub(buffers) / deaf as u64);
        peak.resident = peak.resident.max(field.server.resident().saturating_sub(resident) / deaf as u64);
        peak.unsent = peak.unsent.max(machine::longest_send_queue(field.server.address.port()));
        if field.server.counter("livegrant_tabs").is_some_and(|open| open <= (tabs - deaf) as f64) {
            break start.elapsed();
        }
        if start.elapsed() > PATIENCE {
            bail!("the deaf tabs were not closed");
        }
        std::thread::sleep(EVERY);
    };
    let (before, meanwhile) = (median(before), median(meanwhile));
    let kib = |bytes: u64| format!("{} KiB", bytes / 1024);
    table.row(
        vec![
            tabs.to_string(),
            deaf.to_string(),
            kib(sent),
            kib(peak.buffers),
            kib(peak.unsent),
            kib(peak.resident),
            millis(before as u64),
            millis(meanwhile as u64),
            format!("{:.1} s", closed.as_secs_f64()),
        ],
        json!({
            "tabs": tabs, "tabs_per_account": tabs_per_account, "deaf": deaf, "bytes_sent": sent,
            "a_deaf_tab": {
                "kernel_buffer_bytes": peak.buffers, "unsent_bytes": peak.unsent, "server_bytes": peak.resident,
            },
            "last_micros_before": before, "last_micros_meanwhile": meanwhile,
            "closed_after_seconds": closed.as_secs_f64(),
        }),
    );
    Ok(())
}

/// The most that was seen.
#[derive(Default)]
struct Peak {
    buffers: u64,
    unsent: u64,
    resident: u64,
}
