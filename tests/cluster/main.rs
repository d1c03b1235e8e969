//! Several nodes behave as one: what happens when one of them, its database or a link between them dies, hangs or is
//! restarted, scene by scene. Real processes on a real PostgreSQL and a real Redis; `tests/chaos` does the same at random.
//!
//! No time is asserted: what must come is waited for, and what must not happen is looked for by the checkers.

#[path = "../support/nodes/mod.rs"]
mod nodes;

mod database;
mod deaths;
mod everywhere;
mod inbox;
mod links;
mod moving;
mod outages;
mod redis;
mod rolling;

use crate::nodes::cluster::{Cluster, Plan};
use crate::nodes::report::{Report, settle};
use crate::nodes::workload::Workload;
use std::time::Duration;

/// How long everything may take to be the same again on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime starts")
}

/// Plays a scene in a cluster with its people and their tabs; then one more change for everyone, and everything must be
/// the same everywhere.
fn scene(plan: &Plan, play: impl AsyncFnOnce(&mut Cluster, &Workload)) -> Report {
    runtime().block_on(async {
        let (mut cluster, workload) = nodes::scenes::quiet(plan).await;
        play(&mut cluster, &workload).await;
        for node in 0..cluster.nodes.len() {
            cluster.ready(node).await;
        }
        workload.last_words().await;
        let mut report = settle(&mut cluster, &workload, PATIENCE).await;
        if !report.violations.is_empty() {
            report.keep(&cluster);
        }
        report.assert_clean();
        report
    })
}
