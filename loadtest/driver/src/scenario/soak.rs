//! An hour's churn in minutes: tabs come and go, sessions refresh and end, roles change, everybody is told things. The
//! server's memory must be level at the end, and every tab that is open in the same state.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use super::{Field, PAUSE, Plan};
use crate::http::{self, Request};
use crate::order::Order;
use crate::report::{Table, median};

/// Readings of the server's memory in a run.
const READINGS: u32 = 100;
/// Part of the tabs that goes and comes back at once.
const WAVE: usize = 20;

/// What the table shows.
pub const TITLE: &str = "Churn; medians of the server's memory over a quarter of the time each.";

/// The columns of [`run`].
pub const COLUMNS: [&str; 9] = [
    "seconds",
    "tabs",
    "reconnects",
    "broadcasts",
    "role changes",
    "refreshes",
    "kicks",
    "memory, second quarter",
    "memory, last quarter",
];

/// Draws numbers from a seed, so that a run can be repeated (xorshift64).
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound.max(1) as u64) as usize
    }
}

/// How often each thing was done.
#[derive(Default)]
struct Done {
    reconnects: usize,
    broadcasts: usize,
    role_changes: usize,
    refreshes: usize,
    kicks: usize,
}

/// Churns and adds a row.
pub fn run(
    plan: &Plan,
    tabs: usize,
    tabs_per_account: usize,
    time: Duration,
    seed: u64,
    table: &mut Table,
) -> anyhow::Result<()> {
    let mut field = Field::open(plan, tabs, tabs_per_account, 1)?;
    let mut spare = Spare::of(&field)?;
    field.connect(false)?;
    let (mut draw, mut done, mut readings) = (Draw(seed.max(1)), Done::default(), Vec::new());
    let (mut removed, mut changed, mut next) = (false, Instant::now(), Instant::now());
    let start = Instant::now();
    while start.elapsed() < time {
        match draw.below(10) {
            0..=3 => {
                let count = (tabs / WAVE).max(1);
                field.hand.tell(&Order::Cut { first: draw.below(tabs - count), count })?;
                done.reconnects += field.connect(false)?.opened;
            }
            4..=6 => {
                field.broadcast()?;
                done.broadcasts += 1;
            }
            7 => {
                // Within the merging window a change and its contrary are no news.
                std::thread::sleep(PAUSE.saturating_sub(changed.elapsed()));
                field.role_change(if removed { "add" } else { "remove" })?;
                (removed, changed) = (!removed, Instant::now());
                done.role_changes += 1;
            }
            8 => done.refreshes += usize::from(spare.refresh(&field, &mut draw)?),
            _ => done.kicks += usize::from(spare.kick(&field)?),
        }
        if next.elapsed() >= time / READINGS {
            readings.push(field.server.resident());
            next = Instant::now();
        }
    }
    let tally = field.hand.tally()?;
    ensure!(tally.settled == tabs && tally.states == 1, "not converged: {tally:?}");
    ensure!(tally.faults.is_empty(), "faults: {:?}", tally.faults);
    readings.push(field.server.resident());
    let quarter = readings.len() / 4;
    let mean = |part: &[u64]| median(part.iter().map(|bytes| *bytes as f64));
    let second = mean(&readings[quarter..=quarter * 2]);
    let last = mean(&readings[quarter * 3..]);
    let mib = |bytes: f64| format!("{:.1} MiB", bytes / 1024.0 / 1024.0);
    table.row(
        vec![
            format!("{}", time.as_secs()),
            tabs.to_string(),
            done.reconnects.to_string(),
            done.broadcasts.to_string(),
            done.role_changes.to_string(),
            done.refreshes.to_string(),
            done.kicks.to_string(),
            mib(second),
            format!("{} ({:+.1} %)", mib(last), (last / second.max(1.0) - 1.0) * 100.0),
        ],
        json!({
            "seconds": time.as_secs(), "tabs": tabs, "tabs_per_account": tabs_per_account, "seed": seed,
            "reconnects": done.reconnects, "broadcasts": done.broadcasts, "role_changes": done.role_changes,
            "refreshes": done.refreshes, "kicks": done.kicks, "resident_bytes": readings,
            "second_quarter": second, "last_quarter": last,
        }),
    );
    Ok(())
}

/// Accounts without tabs: what happens to their sessions disturbs no tab.
struct Spare {
    sids: Vec<String>,
    refresh: Vec<String>,
}

impl Spare {
    fn of(field: &Field) -> anyhow::Result<Self> {
        let file = field.server.accounts.as_ref().context("no accounts")?;
        let text = fs::read_to_string(file)?;
        let used = field.tabs.div_ceil(field.tabs_per_account);
        let mut spare = Self { sids: Vec::new(), refresh: Vec::new() };
        for line in text.lines().skip(1 + used) {
            let line: Value = serde_json::from_str(line)?;
            spare.sids.push(line["sid"].as_str().unwrap_or_default().to_owned());
            spare.refresh.push(line["refresh"].as_str().unwrap_or_default().to_owned());
        }
        Ok(spare)
    }

    fn refresh(&mut self, field: &Field, draw: &mut Draw) -> anyhow::Result<bool> {
        if self.refresh.is_empty() {
            return Ok(false);
        }
        let one = draw.below(self.refresh.len());
        let body = json!({ "refresh": self.refresh[one] }).to_string().into_bytes();
        let path = "/api/auth/refresh/".to_owned();
        let answer =
            http::ask(field.server.address, &Request { method: "POST".to_owned(), path, token: None, body })?;
        answer.json()?["refresh"].as_str().context("no refresh token")?.clone_into(&mut self.refresh[one]);
        Ok(true)
    }

    fn kick(&mut self, field: &Field) -> anyhow::Result<bool> {
        self.refresh.pop();
        let Some(sid) = self.sids.pop() else { return Ok(false) };
        field.server.ask("DELETE", &format!("/api/v1/sessions/{sid}?reason=soak"), &Value::Null)?;
        Ok(true)
    }
}
