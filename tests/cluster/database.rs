//! The database dies and is started again, from what it had written.

use std::time::Duration;

use tokio::sync::watch;

use crate::nodes::cluster::Plan;
use crate::nodes::history::{Event, Outcome};
use crate::nodes::wait::{pass, until};
use crate::{PATIENCE, scene};

/// How long clients work before and after.
const WHILE: Duration = Duration::from_secs(1);

/// What was answered with yes is there afterwards; what was under way is there whole or not at all (S2-78).
#[test]
fn what_was_answered_before_the_database_died_is_there_afterwards() {
    let report = scene(&Plan::default(), async |cluster, workload| {
        let (stop, stopped) = watch::channel(false);
        let working = tokio::spawn({
            let workload = workload.clone();
            async move { workload.run(stopped).await }
        });
        for _ in 0..2 {
            pass(WHILE).await;
            cluster.recorder.fault("database: kill -9".to_owned());
            cluster.postgres.kill();
            until("every node says that it is not ready", PATIENCE, async || {
                for node in 0..3 {
                    (cluster.readiness(node).await.0 == 503).then_some(())?;
                }
                Some(())
            })
            .await;
            cluster.postgres.up().await;
            cluster.recorder.fault("database: up".to_owned());
            for node in 0..3 {
                cluster.ready(node).await;
            }
        }
        pass(WHILE).await;
        stop.send_replace(true);
        working.await.expect("the workload does not crash");
    });
    let unknown =
        |event: &Event| matches!(event, Event::Op(op) if matches!(op.outcome, Outcome::Unknown { .. }));
    assert!(report.evidence.entries.iter().any(|entry| unknown(&entry.event)), "nobody noticed: {report}");
    let ended = |event: &Event| matches!(event, Event::Fault(what) if what.contains("ended by itself"));
    assert!(!report.evidence.entries.iter().any(|entry| ended(&entry.event)), "a node ended: {report}");
}
