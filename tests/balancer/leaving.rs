//! Nodes that stop, die and come back behind a balancer while people work.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::json;

use crate::behind_each;
use crate::cluster::until;
use crate::streams::open;
use crate::support::{Account, Event};

/// Together they keep several connections between balancer and node in use: one that is closed under a request shows.
const PEOPLE: usize = 8;

/// People who ask, and ask again, until they are told to stop; every answer must be a good one.
struct Work {
    stop: Arc<AtomicBool>,
    done: Arc<AtomicUsize>,
    people: Vec<tokio::task::JoinHandle<()>>,
}

impl Work {
    /// They read; with `writing` they also post, which no balancer may repeat.
    fn start(account: &Account, writing: bool) -> Self {
        let (stop, done) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let person = |account: Account, stopped: Arc<AtomicBool>, count: Arc<AtomicUsize>| async move {
            let question = json!({ "staffGuid": account.guid, "operation": "view", "resource": "staff" });
            while !stopped.load(Ordering::Relaxed) {
                let (status, body) = account.get("/api/accounts/users/me/").await;
                assert_eq!(status, 200, "{body}");
                if writing {
                    let (status, body) = account.post("/api/v1/access/check", question.clone()).await;
                    assert_eq!(status, 200, "{body}");
                }
                count.fetch_add(1, Ordering::Relaxed);
            }
        };
        let people =
            (0..PEOPLE).map(|_| tokio::spawn(person(account.clone(), Arc::clone(&stop), Arc::clone(&done))));
        Self { people: people.collect(), stop, done }
    }

    /// Waits until some more was answered.
    async fn goes_on(&self) {
        let so_far = self.done.load(Ordering::Relaxed);
        until("the work goes on", async || {
            assert!(!self.people.iter().any(tokio::task::JoinHandle::is_finished), "the work broke off");
            self.done.load(Ordering::Relaxed) > so_far + 20 * PEOPLE
        })
        .await;
    }

    async fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        for person in self.people {
            person.await.expect("every answer was good");
        }
    }
}

behind_each! {
    async fn a_node_that_stops_gets_nobody_new_and_its_tabs_move(cluster: Cluster) {
        let (admin, alice) = (cluster.signed_in("admin").await, cluster.signed_in("alice").await);
        let mut tabs = Vec::new();
        for _ in 0..4 {
            tabs.push(open(cluster, &alice.access).await);
        }
        let old = cluster.node_with_a_tab().await;
        let there = cluster.tabs_of(old).await;
        assert!(cluster.tabs_of(1 - old).await + there == 4 && there < 4, "shared out over both: {there}");
        let work = Work::start(&admin, true);
        work.goes_on().await;
        cluster.tell(&format!("stop {}", old + 1));
        work.goes_on().await;
        assert_eq!(cluster.tabs_of(1 - old).await, 4 - there, "the others stay where they are");
        let mut moved = 0;
        let rev = cluster.change_at(1 - old, &admin, "remove").await;
        for mut tab in tabs {
            match tab.event().await {
                Event::Closed(code, reason) => {
                    assert_eq!(code, 1012, "{reason}");
                    moved += 1;
                    drop(open(cluster, &alice.access).await);
                }
                Event::Frame(frame) => assert_eq!(frame["data"]["rev"], rev),
                Event::Gone => panic!("a tab was cut without a word"),
            }
        }
        assert_eq!(moved, there);
        work.end().await;
    }

    async fn a_killed_node_costs_nobody_a_read_and_comes_back(cluster: Cluster) {
        let (admin, alice) = (cluster.signed_in("admin").await, cluster.signed_in("alice").await);
        let mut tab = open(cluster, &alice.access).await;
        let dead = cluster.node_with_a_tab().await;
        let work = Work::start(&admin, false);
        work.goes_on().await;
        cluster.tell(&format!("kill {}", dead + 1));
        assert_eq!(tab.event().await, Event::Gone);
        let mut tab = open(cluster, &alice.access).await;
        assert_eq!(cluster.tabs_of(1 - dead).await, 1);
        work.goes_on().await;
        cluster.tell(&format!("start {}", dead + 1));
        let rev = cluster.change_at(dead, &admin, "remove").await;
        assert_eq!(tab.next_of("PERMISSION_UPDATE").await["data"]["rev"], rev);
        // Tabs are few there now: new ones come.
        let mut more = Vec::new();
        until("the balancer sends somebody to the node again", async || {
            if more.len() < 4 {
                more.push(open(cluster, &alice.access).await);
            } else {
                more.clear();
            }
            cluster.tabs_of(dead).await > 0
        })
        .await;
        work.end().await;
    }

    async fn all_nodes_restart_one_after_another_and_no_request_fails(cluster: Cluster) {
        let admin = cluster.signed_in("admin").await;
        let work = Work::start(&admin, true);
        work.goes_on().await;
        let before = [cluster.process(0), cluster.process(1)];
        // The balancer has seen a node that came back when somebody was answered by it.
        for node in 0..2 {
            cluster.tell(&format!("restart {}", node + 1));
            until("the balancer knows both", async || {
                let alice = cluster.signed_in("alice").await;
                let _tabs = [open(cluster, &alice.access).await, open(cluster, &alice.access).await];
                cluster.tabs_of(0).await > 0 && cluster.tabs_of(1).await > 0
            })
            .await;
        }
        assert!(before[0] != cluster.process(0) && before[1] != cluster.process(1));
        work.goes_on().await;
        work.end().await;
    }
}
