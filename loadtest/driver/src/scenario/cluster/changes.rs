//! Roles change all the time; half of the changes are of accounts whose tabs are watched on every node.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::json;

use super::super::PAUSE;
use super::usage::Usage;
use super::{Field, MEASURED, Shape, rev_of, switch};
use crate::http::{self, Request};
use crate::machine::load_average;
use crate::report::{Table, millis, quantile};

/// How long the last change may take to every node's log.
const APPLIED: Duration = Duration::from_secs(10);
/// Between two looks at the logs.
const LOOK: Duration = Duration::from_millis(100);

/// Measures for the time that was asked for; one table of times, one of processors.
pub fn run(field: &mut Field, shape: &Shape, others: &[i64]) -> anyhow::Result<Vec<Table>> {
    // Caches and allocators settle, and every role has changed once.
    for account in 0..MEASURED {
        field.change(account, account)?;
    }
    let every = Duration::from_mins(2) / shape.per_minute.max(1);
    // Within the merging window of those, the first that count would wait.
    std::thread::sleep(PAUSE);
    let load = Load::start(field, others, every);
    let (before, start) = (Usage::of(field)?, Instant::now());
    let (mut answered, mut delivered, mut saved) = (Vec::new(), Vec::new(), Vec::new());
    let mut number = 0;
    while start.elapsed() < shape.time {
        std::thread::sleep((every * number as u32).saturating_sub(start.elapsed()));
        // The node moves on by one with every turn of the accounts.
        let node = number + number / MEASURED;
        let measured = field.change(number % MEASURED, node)?;
        answered.push(measured.answered);
        delivered.extend(measured.micros.last());
        saved.extend(rev_of(&measured.text).map(|rev| (rev, node % field.cluster.nodes.len())));
        number += 1;
    }
    let (usage, minutes) = (Usage::of(field)?.since(&before), start.elapsed().as_secs_f64() / 60.0);
    let after = load_average();
    saved.extend(load.stop());
    let (here, elsewhere) = enforced(field, &saved)?;
    let title = format!(
        "One account's change, Save to its ten tabs on {} nodes; {} other tabs, {:.0} changes a minute in all.",
        shape.nodes,
        shape.tabs,
        saved.len() as f64 / minutes
    );
    let mut times = Table::new(title, &["what", "changes", "p50", "p90", "p99", "slowest", "bar of p99"]);
    for (what, mut micros, bar) in [
        ("Save answered", answered, None),
        ("enforced on the node that saved, from the change's instant", here, None),
        ("enforced on the other nodes, from the change's instant", elsewhere, Some(20)),
        ("delivered, from Save to the last tab", delivered, Some(50)),
    ] {
        micros.sort_unstable();
        let at = [0.5, 0.9, 0.99, 1.0].map(|part| quantile(&micros, part));
        let mut cells = vec![what.to_owned(), micros.len().to_string()];
        cells.extend(at.map(millis));
        cells.push(bar.map_or_else(String::new, |bar: u64| format!("{bar} ms")));
        times.row(
            cells,
            json!({
                "what": what, "changes": micros.len(), "p50_micros": at[0], "p90_micros": at[1],
                "p99_micros": at[2], "slowest_micros": at[3], "bar_ms": bar,
            }),
        );
    }
    let mut busy = Table::new("Cores that were busy meanwhile.", &["who", "cores"]);
    for (who, cores) in usage {
        busy.row(vec![who.clone(), format!("{cores:.2}")], json!({ "who": who, "cores": cores }));
    }
    busy.row(
        vec!["load average at the end".to_owned(), after.clone()],
        json!({ "load_average_after": after }),
    );
    Ok(vec![times, busy])
}

/// How long it took until nodes enforced these revisions, as their logs say, in microseconds: on the node that saved each,
/// and on all others.
fn enforced(field: &Field, saved: &[(i64, usize)]) -> anyhow::Result<(Vec<u64>, Vec<u64>)> {
    let start = Instant::now();
    let logs = loop {
        let logs = field.cluster.applied()?;
        let missing = logs.iter().map(|log| saved.iter().filter(|(rev, _)| !log.contains_key(rev)).count());
        let missing: Vec<usize> = missing.collect();
        if missing.iter().all(|count| *count == 0) {
            break logs;
        }
        anyhow::ensure!(start.elapsed() < APPLIED, "the nodes have not applied so many changes: {missing:?}");
        std::thread::sleep(LOOK);
    };
    let (mut here, mut elsewhere) = (Vec::new(), Vec::new());
    for (rev, saver) in saved {
        for (node, log) in logs.iter().enumerate() {
            let micros = log.get(rev).map_or(0, |ms| ms.unsigned_abs() * 1000);
            if node == *saver { here.push(micros) } else { elsewhere.push(micros) }
        }
    }
    Ok((here, elsewhere))
}

/// Changes of other roles, one behind the other.
struct Load {
    enough: Arc<AtomicBool>,
    thread: JoinHandle<Vec<(i64, usize)>>,
}

impl Load {
    fn start(field: &Field, roles: &[i64], every: Duration) -> Self {
        let enough = Arc::new(AtomicBool::new(false));
        let (stop, nodes) = (Arc::clone(&enough), field.cluster.nodes.clone());
        let requests: Vec<[Request; 2]> =
            roles.iter().map(|role| [true, false].map(|has| switch(&field.cluster, *role, has))).collect();
        let thread = std::thread::spawn(move || {
            let (start, mut number, mut saved) = (Instant::now(), 0, Vec::new());
            while !stop.load(Ordering::Relaxed) {
                // Half a step beside the changes that are measured.
                std::thread::sleep((every * number as u32 + every / 2).saturating_sub(start.elapsed()));
                let request = &requests[number % requests.len()][number / requests.len() % 2];
                let node = number % nodes.len();
                match http::ask(nodes[node], request).and_then(|answer| answer.json()) {
                    Ok(answer) => saved.extend(answer["rev"].as_i64().map(|rev| (rev, node))),
                    Err(error) => eprintln!("a change failed: {error:#}"),
                }
                number += 1;
            }
            saved
        });
        Self { enough, thread }
    }

    fn stop(self) -> Vec<(i64, usize)> {
        self.enough.store(true, Ordering::Relaxed);
        // It prints its failures itself.
        self.thread.join().unwrap_or_default()
    }
}
