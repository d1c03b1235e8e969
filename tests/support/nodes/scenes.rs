//! Scenes that are played with a defence and without it: once the checkers must be silent, once they must not.

use std::sync::Arc;
use std::time::Duration;

use super::cluster::{Cluster, Plan};
use super::people::Session;
use super::proxy::Link;
use super::report::{LEASE_MS, Report, settle};
use super::wait::pass;
use super::workload::{Load, Mix, Workload};

/// How long everything may take to be the same again.
const PATIENCE: Duration = Duration::from_secs(20);
/// Time between two tries.
const REST: Duration = Duration::from_millis(20);

/// A cluster with its people, two tabs each, and no work.
pub async fn quiet(plan: &Plan) -> (Cluster, Workload) {
    let cluster = Cluster::start(plan).await;
    let load = Load { clients: 1, rest: REST, tabs: 2, hop_ms: 0, mix: Mix::Writes };
    let workload = Workload::begin(&cluster, load, 1).await;
    (cluster, workload)
}

/// A node whose link to the database is gone, while elsewhere a right is taken and a session is ended: what does it
/// answer to both, from before until long after the lease? Its clock, if it has one of its own, is set by so many seconds
/// just then.
pub async fn cut_off(plan: &Plan, link: Link, clock: i64) -> Report {
    let (mut cluster, workload) = quiet(plan).await;
    let sessions = workload.sessions();
    let (reader, ended) = (&sessions[0], &sessions[1]);
    // In use there: known without the database.
    for session in [reader, ended] {
        workload.look_as(2, session).await;
    }
    cluster.link(2, link);
    if clock != 0 {
        cluster.turn_clock(2, clock);
    }
    let role = cluster.people.first_role(reader.person.id).expect("everyone begins with a role");
    workload.take(0, reader.person.id, role).await;
    workload.end(1, ended).await;
    let until = cluster.recorder.now() + LEASE_MS + 1_500;
    while cluster.recorder.now() < until {
        tokio::join!(workload.look_as(2, reader), workload.me_as(2, ended));
        pass(REST).await;
    }
    cluster.link(2, Link::Whole);
    if clock != 0 {
        cluster.turn_clock(2, 0);
    }
    cluster.ready(2).await;
    workload.last_words().await;
    settle(&mut cluster, &workload, PATIENCE).await
}

/// A node that has not heard yet of a right that was taken, or of a session that was ended: does what they order there
/// still commit?
pub async fn unheard(plan: &Plan) -> Report {
    // The node looks at the log seldom, and its lease is long: only the fence is left.
    let plan = plan.clone().with("POLICY__TAIL_POLL_MS", 3_000).with("POLICY__LEASE_MS", 60_000);
    let (mut cluster, workload) = quiet(&plan).await;
    for pair in workload.sessions().chunks(2) {
        let [writer, ended] = pair else { continue };
        for node in [1, 2] {
            let both: [&Arc<Session>; 2] = [writer, ended];
            for session in both {
                workload.write_as(node, session).await;
            }
        }
        let role = cluster.people.first_role(writer.person.id).expect("everyone begins with a role");
        workload.take(0, writer.person.id, role).await;
        workload.end(0, ended).await;
        for node in [1, 2] {
            tokio::join!(workload.write_as(node, writer), workload.write_as(node, ended));
        }
    }
    workload.last_words().await;
    settle(&mut cluster, &workload, PATIENCE).await
}
