//! The link between a node and the database breaks in one of the ways that links break in.

use std::time::Duration;

use crate::nodes::cluster::Plan;
use crate::nodes::history::{Event, Outcome};
use crate::nodes::proxy::{Link, Way};
use crate::nodes::scenes;
use crate::nodes::wait::until;
use crate::{PATIENCE, scene};

/// Past its lease the node says no to what it cannot know, and when the link is whole again it goes on.
fn fails_closed(link: Link) {
    let report = crate::runtime().block_on(scenes::cut_off(&Plan::default(), link, 0));
    report.assert_clean();
    let unproven = report.evidence.entries.iter().any(|entry| {
        matches!(&entry.event, Event::Op(op)
            if op.node == 2 && op.outcome == Outcome::Unknown { cause: "503 policy_unproven".to_owned() })
    });
    assert!(unproven, "it never said that it could not know: {report}");
}

#[test]
fn a_cut_link_lets_the_node_fail_closed() {
    fails_closed(Link::Cut);
}

#[test]
fn a_link_that_holds_both_ways_lets_the_node_fail_closed() {
    fails_closed(Link::Holding(Way::Both));
}

#[test]
fn a_link_that_holds_what_the_database_answers_lets_the_node_fail_closed() {
    fails_closed(Link::Holding(Way::Back));
}

#[test]
fn a_link_that_swallows_what_the_node_asks_lets_the_node_fail_closed() {
    fails_closed(Link::Swallowing(Way::There));
}

#[test]
fn a_slow_link_loses_nothing() {
    scene(&Plan::default(), async |cluster, workload| {
        cluster.link(1, Link::Slow(Duration::from_millis(15)));
        for session in workload.sessions().into_iter().take(3) {
            let role = cluster.people.first_role(session.person.id).expect("everyone begins with a role");
            for node in [1, 0, 1] {
                workload.take(node, session.person.id, role).await;
                tokio::join!(workload.write_as(1, &session), workload.give(node, session.person.id, role));
                workload.notice(node).await;
            }
        }
        cluster.link(1, Link::Whole);
    });
}

/// Its connections are dead and nobody has told it, as behind a firewall that was restarted: it notices by itself, and
/// makes new ones.
#[test]
fn connections_that_were_forgotten_are_given_up() {
    scene(&Plan::default(), async |cluster, workload| {
        let sessions = workload.sessions();
        // Slow: so that questions are under way, and not only connections open.
        cluster.link(1, Link::Slow(Duration::from_millis(300)));
        until("the node waits for answers", PATIENCE, async || {
            (cluster.readiness(1).await.0 == 503).then_some(())
        })
        .await;
        cluster.forget_connections(1);
        cluster.link(1, Link::Whole);
        // It could not know when they were forgotten, and nothing comes over them any more.
        until("the node knows again", PATIENCE, async || (cluster.readiness(1).await.0 == 200).then_some(()))
            .await;
        workload.write_as(1, &sessions[0]).await;
    });
}
