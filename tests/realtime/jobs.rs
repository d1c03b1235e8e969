//! Work that one node does for all: two nodes on one database, one does it; when it goes, the other takes it over.

use livegrant::cluster::jobs::{self, Job};
use livegrant::cluster::store::take_job;
use livegrant::core::Core;
use livegrant::db::{Author, SystemTask};
use livegrant::sql_one;
use livegrant_actors::NodeId;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::task::JoinHandle;

use crate::support::{PATIENCE, Setup, TestServer, both_databases, run_on_postgres, served};

const EVERY: Duration = Duration::from_millis(5);

/// Counts the turns that a node works.
fn count(core: &Core, turns: &Arc<AtomicU32>) -> JoinHandle<()> {
    let turns = Arc::clone(turns);
    let work = move |_| {
        turns.fetch_add(1, Ordering::SeqCst);
        std::future::ready(Ok(()))
    };
    actix::spawn(jobs::run_once(core.clone(), "count", EVERY, work))
}

async fn until(counter: &AtomicU32, least: u32) {
    let reached = async {
        while counter.load(Ordering::SeqCst) < least {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, reached).await.expect("a node works");
}

#[test]
fn of_two_nodes_one_works_and_the_other_takes_over() {
    run_on_postgres(async |database| {
        let one = TestServer::start(Setup::on(&database)).await;
        let other = TestServer::start(Setup::on(&database)).await;
        assert_ne!(one.core.node, other.core.node);
        let (of_one, of_other) = (Arc::default(), Arc::default());
        let worker = count(&one.core, &of_one);
        until(&of_one, 1).await;
        let waiting = count(&other.core, &of_other);
        // The other has looked: it is told that the job is not its own.
        until(&of_one, 20).await;
        assert_eq!(of_other.load(Ordering::SeqCst), 0, "one works at a time");

        // Killed: nothing is given back, its time runs out.
        worker.abort();
        until(&of_other, 1).await;
        let back = count(&one.core, &of_one);
        let done = of_one.load(Ordering::SeqCst);
        until(&of_other, 20).await;
        assert_eq!(of_one.load(Ordering::SeqCst), done, "the job is the other's now");

        // Stopped in order: given back.
        waiting.abort();
        other.stop().await;
        until(&of_one, done + 1).await;
        back.abort();
        one.stop().await;
    });
}

served! {
    async fn who_has_lost_a_job_stops_in_the_middle(server: TestServer) {
        let (started, mut has_started) = tokio::sync::oneshot::channel();
        let core = server.core.clone();
        let working = actix::spawn(async move {
            let endless = async {
                let _ = started.send(());
                std::future::pending::<()>().await;
            };
            Job::new(core, "endless", EVERY).work(endless).await
        });
        (&mut has_started).await.unwrap();
        // What another node does once this one has been away for longer than its time.
        let mut work = server.core.db.begin(&Author::system("tests")).await.unwrap();
        livegrant::sql_exec!(work.conn(), "UPDATE sys_job SET until = 1 WHERE name = 'endless'").unwrap();
        assert!(take_job(work.conn(), "endless", NodeId(1), 3_600_000).await.unwrap());
        work.commit(SystemTask::Upkeep).await.unwrap();
        let done = tokio::time::timeout(PATIENCE, working).await.expect("it stops").unwrap();
        assert_eq!(done, None);
    }
}

both_databases! {
    /// S3-91.
    async fn the_houses_own_jobs_are_done_and_given_back(database: TestDatabase) {
        let held = async |server: &TestServer| {
            let mut conn = server.core.db.read().await.unwrap();
            sql_one!(
                &mut conn,
                (i64,),
                "SELECT count(*) FROM sys_job WHERE name IN ('purge', 'timed grants') AND node_id = $1",
                server.core.node.0
            )
            .unwrap()
            .0
        };
        let server = TestServer::start(Setup::on(&database)).await;
        let taken = async {
            while held(&server).await < 2 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, taken).await.expect("the jobs are taken");
        let again = server.restarted(Setup::on(&database)).await;
        let mut conn = again.core.db.read().await.unwrap();
        let (left,) =
            sql_one!(&mut conn, (i64,), "SELECT count(*) FROM sys_job WHERE node_id = $1", server.core.node.0).unwrap();
        assert_eq!(left, 0, "what a stopped node had is free");
        drop(conn);
        again.stop().await;
    }
}
