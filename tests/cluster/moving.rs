//! Tabs that change from node to node while things change: a node that has not heard of the newest change leads nobody
//! back, and nobody is told anything twice or too late.

use std::time::Duration;

use crate::nodes::cluster::{Cluster, Plan};
use crate::nodes::history::Event;
use crate::nodes::report::settle;
use crate::nodes::wait::pass;
use crate::nodes::workload::{Load, Mix, Workload};
use crate::{PATIENCE, runtime};

#[test]
fn a_tab_that_comes_to_a_node_that_is_behind_is_not_led_back() {
    // Without bells a node hears of a change when it looks, seldom; the tabs move several times meanwhile.
    let plan = Plan::default().with("POLICY__TAIL_POLL_MS", 2_000).with("POLICY__LEASE_MS", 60_000);
    let report = runtime().block_on(async {
        let mut cluster = Cluster::start(&plan).await;
        let rest = Duration::from_millis(50);
        let load = Load { clients: 1, rest, tabs: 3, hop_ms: 400, mix: Mix::Writes };
        let workload = Workload::begin(&cluster, load, 1).await;
        for _ in 0..8 {
            for person in &cluster.people.accounts.clone() {
                let role = cluster.people.first_role(person.id).expect("everyone begins with a role");
                workload.take(0, person.id, role).await;
                pass(rest).await;
                workload.give(0, person.id, role).await;
            }
            workload.notice(0).await;
        }
        workload.last_words().await;
        settle(&mut cluster, &workload, PATIENCE).await
    });
    report.assert_clean();
    let moves =
        report.evidence.entries.iter().filter(|entry| matches!(entry.event, Event::Opened { .. })).count();
    assert!(moves > 3 * report.tabs(), "too few moves: {report}");
}
