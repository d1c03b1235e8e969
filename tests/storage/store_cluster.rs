//! The store functions of nodes and of jobs: the same expectations on both databases, by the databases' own clocks.

use livegrant::cluster::store::{self as cluster_store, Beat, NodeState};
use livegrant::db::Conn;
use livegrant::sql_exec;
use livegrant_actors::{NodeId, Rev};

use crate::house::{House, commit};
use crate::support::both_databases;

const ONE: NodeId = NodeId((1 << 53) - 1);
const OTHER: NodeId = NodeId(2);
const HOUR: i64 = 3_600_000;

fn beat(node: NodeId) -> Beat {
    Beat {
        node,
        name: "node ' \" 好".into(),
        version: "1.2.3".into(),
        address: "192.0.2.1:8080".into(),
        lease_ms: 2000,
        applied: Rev(7),
        state: NodeState::Up,
    }
}

async fn is_over(conn: &mut Conn, job: &str) {
    assert_eq!(sql_exec!(conn, "UPDATE sys_job SET until = 1 WHERE name = $1", job).unwrap(), 1);
}

both_databases! {
    async fn the_databases_clock_is_one_of_this_century_and_goes_on(database: TestDatabase) {
        let house = House::build(&database).await;
        let mut work = house.work().await;
        let conn = work.conn();
        let first = cluster_store::database_now(conn).await.unwrap();
        // 2026 and 2126: milliseconds, not seconds.
        assert!((1_767_225_600_000..4_922_899_200_000).contains(&first), "{first}");
        // Within one transaction, too.
        while cluster_store::database_now(conn).await.unwrap() == first {}
        assert!(cluster_store::database_now(conn).await.unwrap() > first);
        commit(work).await;
    }

    async fn a_node_is_listed_from_its_first_beat_until_it_leaves_or_is_forgotten(database: TestDatabase) {
        let house = House::build(&database).await;
        let mut work = house.work().await;
        let conn = work.conn();
        let (now, none) = cluster_store::nodes(conn).await.unwrap();
        assert!(none.is_empty() && now > 0);
        let first = cluster_store::beat(conn, &beat(ONE)).await.unwrap();
        let (_, nodes) = cluster_store::nodes(conn).await.unwrap();
        let node = &nodes[0];
        assert_eq!((node.node, node.applied, node.state), (ONE, Rev(7), NodeState::Up));
        assert_eq!(
            (node.name.as_str(), node.version.as_str(), node.address.as_str()),
            ("node ' \" 好", "1.2.3", "192.0.2.1:8080")
        );
        assert_eq!((node.started_at, node.seen_at), (first, first));
        assert!((first + 2000..first + 2010).contains(&node.lease_until), "{node:?} {first}");

        while cluster_store::database_now(conn).await.unwrap() == first {}
        let leaving = Beat { lease_ms: 0, applied: Rev(8), state: NodeState::Draining, ..beat(ONE) };
        let second = cluster_store::beat(conn, &leaving).await.unwrap();
        assert!(second > first);
        cluster_store::beat(conn, &beat(OTHER)).await.unwrap();
        let (now, nodes) = cluster_store::nodes(conn).await.unwrap();
        assert!(now >= second);
        assert_eq!(nodes.iter().map(|node| node.node).collect::<Vec<_>>(), [ONE, OTHER]);
        let node = &nodes[0];
        assert_eq!((node.started_at, node.seen_at, node.lease_until), (first, second, second));
        assert_eq!((node.applied, node.state), (Rev(8), NodeState::Draining));

        assert_eq!(cluster_store::forget(conn, first).await.unwrap(), 0);
        assert_eq!(cluster_store::leave(conn, OTHER).await.unwrap(), 1);
        assert_eq!(cluster_store::leave(conn, OTHER).await.unwrap(), 0);
        assert_eq!(cluster_store::forget(conn, second + 1).await.unwrap(), 1);
        assert!(cluster_store::nodes(conn).await.unwrap().1.is_empty());
        commit(work).await;
    }

    async fn a_job_is_one_nodes_until_its_time_is_over_or_it_is_given_back(database: TestDatabase) {
        let house = House::build(&database).await;
        let mut work = house.work().await;
        let conn = work.conn();
        assert!(cluster_store::take_job(conn, "sweep", ONE, HOUR).await.unwrap());
        assert!(!cluster_store::take_job(conn, "sweep", OTHER, HOUR).await.unwrap());
        assert!(!cluster_store::take_job(conn, "sweep", OTHER, 1).await.unwrap(), "however short its wish is");
        assert!(cluster_store::take_job(conn, "sweep", ONE, HOUR).await.unwrap(), "it keeps what it has");
        assert!(cluster_store::take_job(conn, "count", OTHER, HOUR).await.unwrap(), "another job is another");

        is_over(conn, "sweep").await;
        assert!(cluster_store::take_job(conn, "sweep", OTHER, HOUR).await.unwrap());
        assert!(!cluster_store::take_job(conn, "sweep", ONE, HOUR).await.unwrap());

        assert_eq!(cluster_store::give_jobs(conn, ONE).await.unwrap(), 0);
        assert_eq!(cluster_store::give_jobs(conn, OTHER).await.unwrap(), 2);
        assert!(cluster_store::take_job(conn, "sweep", ONE, HOUR).await.unwrap());
        commit(work).await;
    }
}

/// Two nodes that ask at the same moment.
#[test]
fn of_many_that_ask_at_once_one_has_the_job() {
    crate::support::run_on_postgres(async |database| {
        let house = House::build(&database).await;
        for round in 0..20 {
            let job = format!("job {round}");
            let asked = (1..=4).map(|node| {
                let (db, job) = (house.db.clone(), job.clone());
                async move {
                    let mut work = db.begin(&livegrant::db::Author::system("tests")).await.unwrap();
                    let taken = cluster_store::take_job(work.conn(), &job, NodeId(node), HOUR).await.unwrap();
                    commit(work).await;
                    taken
                }
            });
            let taken = futures_util::future::join_all(asked).await;
            assert_eq!(taken.iter().filter(|taken| **taken).count(), 1, "{taken:?}");
        }
    });
}
