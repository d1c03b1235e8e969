//! One account's change while everybody is told something else all the time: from Save to that account's tabs.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;
use serde_json::{Value, json};

use super::{Field, NOTICE, Plan};
use crate::http::{self, Request};
use crate::order::{Kind, Want};
use crate::report::{Table, millis, quantile};

/// Pause between two changes; each is another account's, so nothing is merged.
const PAUSE: Duration = Duration::from_millis(20);

/// What the table shows.
pub const TITLE: &str = "One account's change, from Save to its last tab.";

/// The columns of [`run`].
pub const COLUMNS: [&str; 8] = ["load", "tabs", "an account", "changes", "p50", "p90", "p99", "slowest"];

/// Measures without and with a broadcast to everybody every `every`, and adds two rows.
pub fn run(
    plan: &Plan,
    tabs: usize,
    tabs_per_account: usize,
    changes: usize,
    every: Duration,
    table: &mut Table,
) -> anyhow::Result<()> {
    let mut field = Field::open(plan, tabs, tabs_per_account, 1)?;
    field.connect(false)?;
    let role = extra_role(&field)?;
    let accounts = accounts_of(&field)?;
    let changes = changes.min(accounts.len());
    let quiet = measure(&mut field, &accounts, role, "POST", changes)?;
    let load = Load::start(&field, every);
    let loaded = measure(&mut field, &accounts, role, "DELETE", changes);
    load.stop();
    let under = format!("a broadcast every {} ms", every.as_millis());
    for (load, micros) in [("none", quiet), (under.as_str(), loaded?)] {
        let at = |part| quantile(&micros, part);
        let (p50, p90, p99, slowest) = (at(0.5), at(0.9), at(0.99), at(1.0));
        let numbers = [p50, p90, p99, slowest].map(millis);
        let head = [load.to_owned(), tabs.to_string(), tabs_per_account.to_string(), changes.to_string()];
        table.row(
            head.into_iter().chain(numbers).collect(),
            json!({
                "load": load, "tabs": tabs, "tabs_per_account": tabs_per_account, "changes": changes,
                "p50_micros": p50, "p90_micros": p90, "p99_micros": p99, "slowest_micros": slowest,
            }),
        );
    }
    Ok(())
}

/// From Save to the last tab of each account, sorted.
fn measure(
    field: &mut Field,
    accounts: &[i64],
    role: i64,
    method: &str,
    changes: usize,
) -> anyhow::Result<Vec<u64>> {
    let mut micros = Vec::with_capacity(changes);
    // Spread over all accounts, so that every shard has its part.
    let step = (accounts.len() / changes.max(1)).max(1);
    for number in (0..accounts.len()).step_by(step).take(changes) {
        let body = if method == "POST" { json!({}) } else { Value::Null };
        let path = format!("/api/v1/accounts/{}/roles/{role}", accounts[number]);
        let request = field.server.request(method, &path, &body);
        let tabs = field.tabs_per_account.min(field.tabs - number * field.tabs_per_account);
        let want = Want { kind: Kind::PermissionUpdate, tabs, account: Some(number) };
        let measured = field.round(request, want)?;
        micros.extend(measured.micros.last());
        std::thread::sleep(PAUSE);
    }
    micros.sort_unstable();
    Ok(micros)
}

fn extra_role(field: &Field) -> anyhow::Result<i64> {
    let code = format!("loadtest-extra-{}", std::process::id());
    let made =
        field.server.ask("POST", "/api/v1/roles", &json!({ "code": code, "name": "Load test, extra" }))?;
    let role = made["id"].as_i64().with_context(|| format!("no role: {made}"))?;
    let path = format!("/api/v1/roles/{role}/permissions/add");
    field.server.ask("POST", &path, &json!({ "permissions": ["org:create"] }))?;
    Ok(role)
}

fn accounts_of(field: &Field) -> anyhow::Result<Vec<i64>> {
    let file = field.server.accounts.as_ref().context("no accounts")?;
    let text = fs::read_to_string(file)?;
    let accounts = field.tabs.div_ceil(field.tabs_per_account);
    let ids = text.lines().skip(1).take(accounts).map(|line| {
        let line: Value = serde_json::from_str(line)?;
        line["account"].as_i64().context("a line without an account")
    });
    ids.collect()
}

/// Broadcasts, one behind the other.
struct Load {
    enough: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Load {
    fn start(field: &Field, every: Duration) -> Self {
        let enough = Arc::new(AtomicBool::new(false));
        let (address, request): (_, Request) = (field.server.address, field.server.broadcast(NOTICE));
        let stop = Arc::clone(&enough);
        let thread = std::thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                if let Err(error) = http::ask(address, &request).and_then(|answer| answer.json()) {
                    eprintln!("a broadcast failed: {error:#}");
                }
                std::thread::sleep(every);
            }
        });
        Self { enough, thread }
    }

    fn stop(self) {
        self.enough.store(true, Ordering::Relaxed);
        // It prints its failures itself.
        let _ = self.thread.join();
    }
}
