//! What people and operators see while Redis is away, hangs, is slow, forgets, or is cut off from one node: everything is
//! answered, `/readyz` and the metrics tell, kicks are carried out, and afterwards the bus and the shared view are whole
//! again by themselves. `redis.rs` looks at how changes travel meanwhile.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use crate::nodes::caller::Caller;
use crate::nodes::cluster::{Cluster, Plan};
use crate::nodes::people::{login, signed_in};
use crate::nodes::proxy::{Link, Way};
use crate::nodes::wait::until;
use crate::nodes::workload::Workload;
use crate::{PATIENCE, scene};

/// How long Redis may take for one answer.
const ANSWER: Duration = Duration::from_secs(2);

/// While it is away every node says so and is ready, everything is answered, and a kick is carried out at once.
#[test]
fn redis_is_killed_and_comes_back_with_its_data_and_without() {
    let report = scene(&Plan::default().with_redis(), async |cluster, workload| {
        let sessions = workload.sessions();
        for (number, forgets) in [true, false].into_iter().enumerate() {
            fault(cluster, "Redis: kill -9");
            cluster.redis.as_mut().expect("it was asked for").kill();
            // Before anybody can have noticed, and afterwards.
            for early in [true, false] {
                if !early {
                    trouble(cluster, &[0, 1, 2]).await;
                }
                let session = &sessions[2 * number + usize::from(early)];
                assert!(workload.end(number, session).await.good().is_some());
                everybody_is_out(workload, &session.sid).await;
                for node in 0..cluster.nodes.len() {
                    workload.me_as(node, session).await;
                }
            }
            everything_answers(cluster, workload).await;
            let redis = cluster.redis.as_mut().expect("it was asked for");
            if forgets {
                redis.forget();
            }
            redis.up().await;
            fault(cluster, "Redis: up");
            comes_back(cluster).await;
        }
    });
    assert_eq!(report.done("kick"), 4, "{report}");
}

#[test]
fn a_redis_that_hangs_or_is_slow_holds_nothing_up() {
    scene(&Plan::default().with_redis(), async |cluster, workload| {
        signal(cluster, "STOP");
        // Nobody can know yet that it hangs.
        everything_answers(cluster, workload).await;
        trouble(cluster, &[0, 1, 2]).await;
        everything_answers(cluster, workload).await;
        signal(cluster, "CONT");
        comes_back(cluster).await;
        for node in 0..3 {
            cluster.bus_link(node, Link::Slow(Duration::from_millis(700)));
        }
        everything_answers(cluster, workload).await;
        for node in 0..3 {
            cluster.bus_link(node, Link::Whole);
        }
        comes_back(cluster).await;
    });
}

#[test]
fn a_node_that_is_cut_off_from_redis_hears_of_changes_and_others_hear_of_its() {
    scene(&Plan::default().with_redis(), async |cluster, workload| {
        for link in [Link::Holding(Way::Back), Link::Swallowing(Way::There), Link::Swallowing(Way::Back)] {
            cluster.bus_link(1, link);
            trouble(cluster, &[1]).await;
            for node in [0, 1] {
                change(cluster, workload, node).await;
            }
            cluster.bus_link(1, Link::Whole);
            comes_back(cluster).await;
        }
    });
}

#[test]
fn what_a_flush_takes_from_the_shared_view_is_told_again() {
    scene(&Plan::default().with_redis(), async |cluster, _| {
        view_is_whole(cluster).await;
        for _ in 0..2 {
            fault(cluster, "Redis: flush");
            cluster.redis.as_ref().expect("it was asked for").flush().await;
            view_is_whole(cluster).await;
        }
    });
}

/// Takes a role from everyone and gives it back, ordered at one node; waits until all nodes enforce it.
async fn change(cluster: &Cluster, workload: &Workload, node: usize) {
    let mut newest = 0;
    for person in &cluster.people.accounts {
        let role = cluster.people.first_role(person.id).expect("everyone begins with a role");
        for answer in [workload.take(node, person.id, role).await, workload.give(node, person.id, role).await]
        {
            let rev = answer.good().and_then(|body| body["rev"].as_i64());
            newest = rev.unwrap_or_else(|| panic!("node {node}: {answer:?}"));
        }
    }
    for other in 0..cluster.nodes.len() {
        until("the change is enforced everywhere", PATIENCE, async || {
            let (_, readiness) = cluster.readiness(other).await;
            (readiness["applied_rev"].as_i64()? >= newest).then_some(())
        })
        .await;
    }
}

/// On every node a Save, a sign-in, a read and a write are answered, and what is changed reaches the others.
async fn everything_answers(cluster: &Cluster, workload: &Workload) {
    let sessions = workload.sessions();
    for node in 0..cluster.nodes.len() {
        change(cluster, workload, node).await;
        let person = &cluster.people.accounts[node];
        let answer = cluster.caller.ask(node, &login(person, String::new())).await;
        let body = answer.good().unwrap_or_else(|| panic!("node {node}, sign-in: {answer:?}"));
        let token = body["access"].as_str().expect("a token");
        for path in ["/api/v1/me/permissions", "/api/v1/online-users"] {
            let answer = cluster.caller.get(node, path, token).await;
            assert!(answer.good().is_some(), "node {node}, {path}: {answer:?}");
        }
        workload.write_as(node, &sessions[node % sessions.len()]).await;
    }
}

/// Waits until no tab of an ended session is open.
async fn everybody_is_out(workload: &Workload, sid: &str) {
    until("the tabs of an ended session are closed", PATIENCE, async || {
        let is_out = |tab: &crate::nodes::tab::Tab| tab.session.sid != sid || tab.state().over;
        workload.with_tabs(|tabs| tabs.iter().all(is_out)).then_some(())
    })
    .await;
}

fn fault(cluster: &Cluster, what: &str) {
    cluster.recorder.fault(what.to_owned());
}

fn signal(cluster: &Cluster, signal: &str) {
    fault(cluster, &format!("Redis: {signal}"));
    cluster.redis.as_ref().expect("it was asked for").signal(signal);
}

/// Waits until these nodes say that their bus is in trouble, and that they are ready all the same.
pub async fn trouble(cluster: &Cluster, nodes: &[usize]) {
    for node in nodes {
        until("the node says that its bus is in trouble and that it is ready", PATIENCE, async || {
            let (status, readiness) = cluster.readiness(*node).await;
            (status == 200 && readiness["bus"] != "ok").then_some(())
        })
        .await;
        until("the metrics say so", PATIENCE, async || {
            let metrics = metrics(&cluster.caller, *node).await?;
            metrics.lines().any(|line| line == "livegrant_bus_trouble 1").then_some(())
        })
        .await;
    }
}

async fn metrics(caller: &Caller, node: usize) -> Option<String> {
    let url = format!("http://127.0.0.1:{}/metrics", caller.port(node));
    reqwest::get(url).await.ok()?.text().await.ok()
}

/// Waits until the bus is well again, every node hears every other, and the shared view is whole.
async fn comes_back(cluster: &Cluster) {
    until("the bus is well on every node", PATIENCE, async || {
        cluster.bus_troubles().await.is_empty().then_some(())
    })
    .await;
    view_is_whole(cluster).await;
}

/// Waits until every node hears all others, and the shared view has the tabs that they say they have.
async fn view_is_whole(cluster: &Cluster) {
    let admin = signed_in(&cluster.caller, 0, &cluster.people.admin).await;
    for node in 0..cluster.nodes.len() {
        until("the shared view is what the nodes say together", PATIENCE, async || {
            let answer = cluster.caller.get(node, "/api/v1/connections", &admin.access()).await;
            let body = answer.good()?;
            let rows =
                body["results"].as_array().filter(|_| body["silent_nodes"] == serde_json::json!([]))?;
            for person in &cluster.people.accounts {
                let theirs = rows.iter().filter(|row| row["account_id"] == person.id);
                let open: BTreeSet<String> = theirs.map(|row| text(&row["connection_id"])).collect();
                (shared(cluster, person.id)? == open).then_some(())?;
            }
            (!rows.is_empty()).then_some(())
        })
        .await;
    }
}

/// An account's connections in the shared view; `None`: Redis does not answer.
pub fn shared(cluster: &Cluster, account: i64) -> Option<BTreeSet<String>> {
    let address = cluster.redis.as_ref().expect("it was asked for").address;
    let client = ::redis::Client::open(format!("redis://{address}")).ok()?;
    let mut connection = client.get_connection_with_timeout(ANSWER).ok()?;
    connection.set_read_timeout(Some(ANSWER)).ok()?;
    let key = format!("websocket:user:{account}");
    let value: Option<String> = ::redis::cmd("GET").arg(key).query(&mut connection).ok()?;
    let Some(value) = value else { return Some(BTreeSet::new()) };
    let value: Value = serde_json::from_str(&value).expect("the view is JSON");
    let connections = value["connections"].as_array().expect("it has connections");
    Some(connections.iter().map(|tab| text(&tab["sessionId"])).collect())
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
