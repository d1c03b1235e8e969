//! A rolling restart: every node in turn is asked to stop, drains, and comes back, while everybody works.

use std::time::Duration;

use tokio::sync::watch;

use crate::nodes::cluster::{Cluster, Plan};
use crate::nodes::history::{Event, Outcome};
use crate::nodes::report::settle;
use crate::nodes::wait::pass;
use crate::nodes::workload::{Load, Mix, Workload};
use crate::{PATIENCE, runtime};

/// How long clients work between two restarts.
const WHILE: Duration = Duration::from_millis(700);

#[test]
fn three_nodes_are_restarted_one_after_the_other_and_nothing_is_lost() {
    let plan = Plan { accounts: 10, ..Plan::default() };
    let report = runtime().block_on(async {
        let mut cluster = Cluster::start(&plan).await;
        let load = Load { clients: 4, rest: Duration::from_millis(10), tabs: 3, hop_ms: 0, mix: Mix::Writes };
        let workload = Workload::begin(&cluster, load, 1).await;
        let (stop, stopped) = watch::channel(false);
        let working = tokio::spawn({
            let workload = workload.clone();
            async move { workload.run(stopped).await }
        });
        for node in 0..3 {
            pass(WHILE).await;
            workload.leave_out(Some(node));
            assert!(cluster.stop(node).await, "node {node} did not stop well: {}", cluster.logs());
            cluster.start_again(node);
            cluster.ready(node).await;
            workload.leave_out(None);
        }
        pass(WHILE).await;
        stop.send_replace(true);
        working.await.expect("the workload does not crash");
        workload.last_words().await;
        settle(&mut cluster, &workload, PATIENCE).await
    });
    report.assert_clean();
    let count =
        |is: &dyn Fn(&Event) -> bool| report.evidence.entries.iter().filter(|entry| is(&entry.event)).count();
    let told = count(&|event| matches!(event, Event::Closed { code: Some(1012), .. }));
    assert!(told > 0, "nobody was told to move: {report}");
    let cut = count(&|event| matches!(event, Event::Closed { code: None, .. }));
    assert_eq!(cut, 0, "every tab is told before it is let go: {report}");
    let lost = count(
        &|event| matches!(event, Event::Op(op) if op.outcome == Outcome::Unknown { cause: "connection lost".to_owned() }),
    );
    assert_eq!(lost, 0, "what was under way is answered: {report}");
}
