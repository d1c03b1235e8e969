//! What a tab costs in memory: idle, after broadcasts, after one large message each way, after a burst of small ones.

use std::time::Duration;

use anyhow::ensure;
use serde_json::json;

use super::{Field, Plan};
use crate::machine;
use crate::order::{Kind, Order, Reply, Want};
use crate::report::{Table, median};

/// Broadcasts before the second reading.
const BROADCASTS: usize = 13;
/// Acknowledgements in the burst.
const BURST: usize = 20;
/// Notices of six kilobytes that make sixty: the largest that a server sends of itself.
const LARGE: usize = 10;
/// Length of the large message that a tab says.
const SAID: usize = 60_000;

/// What to measure.
#[derive(Clone, Copy, Debug)]
pub struct Density {
    /// Tabs in all.
    pub tabs: usize,
    /// Tabs of one account.
    pub tabs_per_account: usize,
    /// Server processes that share them.
    pub servers: usize,
    /// Rest before each reading.
    pub rest: Duration,
}

/// What the table shows.
pub const TITLE: &str =
    "User-space memory of the server, bytes a tab (`kernel`: the kernel's objects behind its socket).";

/// The columns of [`run`].
pub const COLUMNS: [&str; 10] = [
    "tabs",
    "an account",
    "servers",
    "idle",
    "after broadcasts",
    "after 60 KB out",
    "after 60 KB in",
    "after a burst in",
    "kernel",
    "handshakes/s",
];

/// Measures and adds a row; bytes a tab, of user space but for the kernel's column.
pub fn run(plan: &Plan, what: Density, table: &mut Table) -> anyhow::Result<()> {
    let each = what.tabs / what.servers;
    let mut fields = Vec::new();
    for number in 0..what.servers {
        fields.push(Field::open(plan, each, what.tabs_per_account, 1 + number as u8)?);
    }
    std::thread::sleep(what.rest);
    let before: Vec<u64> = fields.iter().map(|field| field.server.resident()).collect();
    let objects = machine::socket_objects();
    let mut rates = Vec::new();
    for field in &mut fields {
        rates.push(field.connect(false)?.rate());
    }
    let tabs = (each * what.servers) as f64;
    let reading = |fields: &[Field]| {
        std::thread::sleep(what.rest);
        let now = fields.iter().map(|field| field.server.resident()).zip(&before);
        (now.map(|(now, before)| now.saturating_sub(*before)).sum::<u64>() as f64 / tabs).round()
    };
    let idle = reading(&fields);
    // Both ends of each connection are on this machine: a half is the server's.
    let kernel = objects
        .zip(machine::socket_objects())
        .map(|(before, now)| now.saturating_sub(before) as f64 / tabs / 2.0);
    for field in &mut fields {
        for _ in 0..BROADCASTS {
            field.broadcast()?;
        }
    }
    let after_broadcasts = reading(&fields);
    for field in &mut fields {
        large_out(field)?;
    }
    let after_large_out = reading(&fields);
    for field in &mut fields {
        say(field, SAID, 1)?;
    }
    let after_large_in = reading(&fields);
    for field in &mut fields {
        say(field, 0, BURST)?;
    }
    let after_burst = reading(&fields);
    let rate = median(rates);
    let bytes = |value: f64| format!("{value:.0}");
    table.row(
        vec![
            format!("{tabs:.0}"),
            what.tabs_per_account.to_string(),
            what.servers.to_string(),
            bytes(idle),
            bytes(after_broadcasts),
            bytes(after_large_out),
            bytes(after_large_in),
            bytes(after_burst),
            kernel.map_or_else(|| "unknown".to_owned(), bytes),
            format!("{rate:.0}"),
        ],
        json!({
            "tabs": tabs, "tabs_per_account": what.tabs_per_account, "servers": what.servers,
            "bytes_a_tab": {
                "idle": idle, "after_broadcasts": after_broadcasts, "after_60_kb_out": after_large_out,
                "after_60_kb_in": after_large_in, "after_a_burst_in": after_burst, "kernel_idle": kernel,
            },
            "server_bytes_before": before, "handshakes_per_second": rate,
        }),
    );
    Ok(())
}

/// Ten notices of two thousand characters, three bytes each, one behind the other.
fn large_out(field: &mut Field) -> anyhow::Result<()> {
    let text = "权".repeat(2_000);
    for _ in 0..LARGE {
        let request = field.server.broadcast(&text);
        field.round(request, Want { kind: Kind::SystemNotice, tabs: field.tabs, account: None })?;
    }
    Ok(())
}

fn say(field: &mut Field, padded: usize, times: usize) -> anyhow::Result<()> {
    let text = "{\"type\":\"ack\",\"permissionVersion\":REV}".to_owned();
    let reply = field.hand.tell(&Order::Say { text, padded, times })?;
    let heard = matches!(reply, Reply::Said { heard, .. } if heard == field.tabs);
    ensure!(heard, "not every tab was answered: {reply:?}, {:?}", field.hand.tally()?);
    Ok(())
}
