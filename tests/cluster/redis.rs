//! Redis dies, hangs, forgets, or never comes back: bells are lost, and nothing else (I6).

use std::time::Duration;

use crate::nodes::cluster::{Cluster, Plan};
use crate::nodes::proxy::{Link, Way};
use crate::nodes::wait::pass;
use crate::nodes::workload::Workload;
use crate::scene;

/// How long Redis is away: longer than a client's first tries.
const AWAY: Duration = Duration::from_millis(1_500);

/// Some changes of every kind, by every node.
async fn changes(cluster: &Cluster, workload: &Workload) {
    for (number, session) in workload.sessions().iter().enumerate() {
        let role = cluster.people.first_role(session.person.id).expect("everyone begins with a role");
        workload.take(number % 3, session.person.id, role).await;
        tokio::join!(
            workload.write_as((number + 1) % 3, session),
            workload.look_as((number + 2) % 3, session)
        );
        workload.give((number + 1) % 3, session.person.id, role).await;
    }
    workload.notice(1).await;
}

/// Nobody looks at the log by himself: what arrives has come by a bell.
fn bells_only() -> Plan {
    Plan::default().with_redis().with("POLICY__TAIL_POLL_MS", 60_000).with("POLICY__LEASE_MS", 300_000)
}

/// S2-77, S3-10, S3-119.
#[test]
fn bells_alone_bring_every_change_to_every_node() {
    scene(&bells_only(), async |cluster, workload| changes(cluster, workload).await);
}

#[test]
fn bells_ring_again_after_redis_was_killed_with_and_without_what_it_kept() {
    scene(&bells_only(), async |cluster, workload| {
        for forgets in [false, true] {
            let redis = cluster.redis.as_mut().expect("it was asked for");
            redis.kill();
            changes(cluster, workload).await;
            let redis = cluster.redis.as_mut().expect("it was asked for");
            if forgets {
                redis.forget();
            }
            redis.up().await;
        }
    });
}

/// S2-77.
#[test]
fn without_redis_for_good_changes_reach_everyone_by_the_log() {
    scene(&Plan::default().with_redis(), async |cluster, workload| {
        changes(cluster, workload).await;
        cluster.redis.as_mut().expect("it was asked for").kill();
        pass(AWAY).await;
        changes(cluster, workload).await;
    });
}

#[test]
fn a_redis_that_hangs_holds_up_nobody() {
    scene(&Plan::default().with_redis(), async |cluster, workload| {
        cluster.redis.as_ref().expect("it was asked for").signal("STOP");
        changes(cluster, workload).await;
        pass(AWAY).await;
        changes(cluster, workload).await;
        cluster.redis.as_ref().expect("it was asked for").signal("CONT");
    });
}

#[test]
fn a_redis_that_forgets_everything_takes_nothing_with_it() {
    scene(&Plan::default().with_redis(), async |cluster, workload| {
        changes(cluster, workload).await;
        cluster.redis.as_ref().expect("it was asked for").flush().await;
        changes(cluster, workload).await;
    });
}

#[test]
fn a_node_that_redis_does_not_reach_misses_nothing() {
    scene(&Plan::default().with_redis(), async |cluster, workload| {
        for link in [Link::Cut, Link::Holding(Way::Back), Link::Holding(Way::There)] {
            cluster.bus_link(1, link);
            changes(cluster, workload).await;
            pass(AWAY).await;
            cluster.bus_link(1, Link::Whole);
        }
    });
}
