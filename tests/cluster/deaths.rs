//! A node dies, hangs, or has another time.

use std::time::Duration;

use crate::nodes::cluster::Plan;
use crate::nodes::history::{Event, Outcome};
use crate::nodes::proxy::Link;
use crate::nodes::report::LEASE_MS;
use crate::nodes::scenes;
use crate::nodes::wait::{pass, until};
use crate::{PATIENCE, scene};

const REST: Duration = Duration::from_millis(20);

/// Its tabs come back elsewhere, to their places, and hear what is changed meanwhile.
#[test]
fn the_tabs_of_a_killed_node_come_back_elsewhere() {
    let report = scene(&Plan::default(), async |cluster, workload| {
        until("somebody is on node 1", PATIENCE, async || {
            workload.with_tabs(|tabs| tabs.iter().any(|tab| tab.state().open == Some(1))).then_some(())
        })
        .await;
        cluster.kill(1);
        for person in cluster.people.accounts.clone() {
            let role = cluster.people.first_role(person.id).expect("everyone begins with a role");
            workload.take(0, person.id, role).await;
            workload.give(2, person.id, role).await;
        }
        workload.notice(2).await;
        until("everyone is elsewhere", PATIENCE, async || {
            let elsewhere = |node: Option<usize>| matches!(node, Some(0 | 2));
            workload.with_tabs(|tabs| tabs.iter().all(|tab| elsewhere(tab.state().open))).then_some(())
        })
        .await;
        cluster.start_again(1);
    });
    let lost = |event: &Event| matches!(event, Event::Closed { code: None, .. });
    assert!(report.evidence.entries.iter().any(|entry| lost(&entry.event)), "{report}");
}

/// Stopped past its lease and woken, a node decides nothing by what it knew before.
#[test]
fn a_node_that_slept_past_its_lease_decides_nothing_by_what_it_knew() {
    let report = scene(&Plan::default(), async |cluster, workload| {
        let sessions = workload.sessions();
        let (revoked, ended) = (&sessions[0], &sessions[1]);
        for session in [revoked, ended] {
            workload.look_as(1, session).await;
            workload.write_as(1, session).await;
        }
        cluster.signal(1, "STOP");
        let role = cluster.people.first_role(revoked.person.id).expect("everyone begins with a role");
        workload.take(0, revoked.person.id, role).await;
        workload.end(2, ended).await;
        let awake = cluster.recorder.now() + LEASE_MS + 500;
        while cluster.recorder.now() < awake {
            pass(REST).await;
        }
        // They are asked while it sleeps, and answered when it wakes.
        let asked = async {
            tokio::join!(
                workload.look_as(1, revoked),
                workload.write_as(1, revoked),
                workload.me_as(1, ended),
                workload.write_as(1, ended),
            )
        };
        let wake = async {
            pass(REST).await;
            cluster.signal(1, "CONT");
        };
        tokio::join!(asked, wake);
    });
    let entries = &report.evidence.entries;
    let slept =
        entries.iter().position(|entry| matches!(&entry.event, Event::Fault(what) if what == "node 1: STOP"));
    let asked = entries[slept.expect("it slept")..].iter().filter_map(|entry| match &entry.event {
        Event::Op(op) if op.node == 1 => Some(op),
        _ => None,
    });
    let outcomes: Vec<_> = asked.map(|op| (&op.deed, &op.outcome)).collect();
    assert_eq!(outcomes.len(), 4, "all four were asked while it slept: {outcomes:?}");
    let done = outcomes.iter().filter(|(_, outcome)| matches!(outcome, Outcome::Done { .. })).count();
    assert_eq!(done, 0, "{outcomes:?}");
}

/// A node that falls asleep with the revision row in its hands does not keep the others from changing anything: the
/// database ends its transaction.
#[test]
fn a_node_that_falls_asleep_amid_a_change_holds_up_nobody_for_good() {
    scene(&Plan::default(), async |cluster, workload| {
        let people = cluster.people.accounts.clone();
        let role = |number: usize| {
            cluster.people.first_role(people[number].id).expect("everyone begins with a role")
        };
        // Slow: so that it can be caught between two statements.
        cluster.link(1, Link::Slow(Duration::from_millis(30)));
        let (asleep, sleeps) = tokio::sync::watch::channel(false);
        let changes = tokio::spawn({
            let (workload, account, role) = (workload.clone(), people[0].id, role(0));
            async move {
                while !*sleeps.borrow() {
                    workload.take(1, account, role).await;
                    workload.give(1, account, role).await;
                }
            }
        });
        until("node 1 has the revision row", PATIENCE, async || {
            cluster.postgres.is_amid("UPDATE policy_revision").await.then_some(())
        })
        .await;
        cluster.signal(1, "STOP");
        asleep.send_replace(true);
        until("node 0 changes something", PATIENCE, async || {
            workload.take(0, people[1].id, role(1)).await.good().map(drop)
        })
        .await;
        cluster.signal(1, "CONT");
        cluster.link(1, Link::Whole);
        changes.await.expect("the change does not crash");
    });
}

/// What a clock says is nobody's business but the log's readers': one node's is an hour wrong, either way.
#[test]
fn a_node_whose_clock_jumps_loses_nothing_and_keeps_nothing() {
    // The first is within the life of a token: its tabs stay.
    for seconds in [600, 3_600, -3_600] {
        let plan = Plan { clock: Some(2), ..Plan::default() };
        scene(&plan, async |cluster, workload| {
            let sessions = workload.sessions();
            cluster.turn_clock(2, seconds);
            for (number, session) in sessions.iter().enumerate() {
                let role = cluster.people.first_role(session.person.id).expect("everyone begins with a role");
                workload.write_as(2, session).await;
                workload.take(number % 2, session.person.id, role).await;
                workload.write_as(2, session).await;
                workload.look_as(2, session).await;
                workload.give(2, session.person.id, role).await;
            }
            cluster.turn_clock(2, 0);
        });
    }
}

/// A node that cannot prove that it is current says no to everyone, by a lease that no clock of its own can stretch.
#[test]
fn a_clock_that_is_set_back_does_not_stretch_the_lease() {
    let plan = Plan { clock: Some(2), ..Plan::default() };
    crate::runtime().block_on(scenes::cut_off(&plan, Link::Cut, -3_600)).assert_clean();
}
