//! Two nodes on one database, joined by a bus: what is asked or changed on one holds for the tabs on the other.

use livegrant::clock::Clock;
use livegrant_actors::NodeId;
use livegrant_actors::bus::Channel;
use livegrant_actors::bus::memory::MemoryHub;
use serde_json::{Value, json};
use std::time::Duration;

use crate::support::{
    Account, PATIENCE, Setup, Stream, Tab, TestDatabase, TestServer, ok, refused, run_on_postgres,
    run_on_sqlite,
};

/// The nodes and what joins them.
pub struct Nodes {
    pub hub: MemoryHub,
    pub one: TestServer,
    pub two: TestServer,
}

impl Nodes {
    /// Nodes that hear of each other's changes by doorbells alone.
    pub async fn start(database: &TestDatabase) -> Self {
        Self::start_with(database, |_| {}).await
    }

    /// The same with other settings.
    pub async fn start_with(
        database: &TestDatabase,
        change: impl Fn(&mut livegrant::settings::Settings) + Copy,
    ) -> Self {
        let hub = MemoryHub::default();
        let clock = Clock::manual(Clock::system().now_ms());
        let setup = |node| {
            Setup::on(database).joined(&hub, node, &clock).with(|settings| {
                settings.policy.tail_poll_ms = 60_000;
                settings.policy.lease_ms = 300_000;
                settings.cluster.beat_ms = 50;
                settings.cluster.request_timeout_ms = 5_000;
                change(settings);
            })
        };
        let one = TestServer::start(setup(1)).await;
        let two = TestServer::start(setup(2)).await;
        let nodes = Self { hub, one, two };
        until("the nodes know each other", async || {
            nodes.hub.lines_on(Channel::Nodes) == 2
                && nodes.one.core.members.others() == [NodeId(2)]
                && nodes.two.core.members.others() == [NodeId(1)]
        })
        .await;
        nodes
    }

    pub async fn stop(self) {
        self.one.stop().await;
        self.two.stop().await;
    }
}

/// An account as the other node's caller.
pub fn at(server: &TestServer, account: &Account) -> Account {
    account.at(&server.anonymous())
}

pub async fn until(what: &str, condition: impl AsyncFn() -> bool) {
    let reached = async {
        while !condition().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, reached).await.unwrap_or_else(|_| panic!("waited in vain until {what}"));
}

async fn acknowledge(tab: &mut Tab, rev: &Value) {
    tab.ack(rev).await;
    tab.send(json!({ "type": "ping" })).await;
    tab.next_of("pong").await;
}

/// S3-119.
#[test]
fn a_change_on_one_node_is_enforced_and_told_on_the_other_by_its_doorbell() {
    run_on_postgres(async |database| {
        let nodes = Nodes::start(&database).await;
        let alice = nodes.one.account("alice", &["org:view"]).await;
        let there = at(&nodes.two, &alice);
        ok(there.get("/api/v1/organizations").await);
        let mut tab = nodes.two.tab(&there).await;
        let rev = nodes.one.change_role(alice.role, "remove", &["org:view"]).await;
        let told = tab.next_of("PERMISSION_UPDATE").await;
        assert_eq!(told["data"]["permissionVersion"], rev);
        refused(there.get("/api/v1/organizations").await, 403, "NoPermissionError");
        // More than a doorbell carries is read from the log.
        for _ in 0..3 {
            nodes.one.change_role(alice.role, "add", &["org:view"]).await;
            tab.next_of("PERMISSION_UPDATE").await;
            nodes.one.change_role(alice.role, "remove", &["org:view"]).await;
            tab.next_of("PERMISSION_UPDATE").await;
        }
        nodes.stop().await;
    });
}

#[test]
fn a_kick_on_one_node_ends_the_tabs_on_the_other() {
    run_on_postgres(async |database| {
        let nodes = Nodes::start(&database).await;
        let alice = nodes.one.account("alice", &[]).await;
        let tab = nodes.two.tab(&at(&nodes.two, &alice)).await;
        ok(nodes.one.platform().await.delete(&format!("/api/v1/sessions/{}", alice.sid)).await);
        let (frames, code, _) = tab.end().await;
        assert_eq!((frames.last().unwrap()["type"].as_str(), code), (Some("FORCE_LOGOUT"), 4501));
        refused(at(&nodes.two, &alice).get("/api/v1/organizations").await, 401, "session_revoked");
        nodes.stop().await;
    });
}

#[test]
fn a_session_that_was_refreshed_on_one_node_goes_on_on_the_other() {
    run_on_postgres(async |database| {
        let nodes = Nodes::start_with(&database, |settings| {
            settings.policy.tail_poll_ms = 20;
            settings.policy.lease_ms = 2_000;
        })
        .await;
        let alice = nodes.one.account("alice", &["org:view"]).await;
        ok(at(&nodes.two, &alice).get("/api/v1/organizations").await);
        let life = Duration::from_secs(nodes.one.core.settings.auth.refresh_ttl_seconds);
        nodes.one.advance(life.saturating_sub(Duration::from_secs(10))).await;
        let alice = alice.carried_on(&ok(alice.refreshed().await));
        nodes.one.advance(Duration::from_secs(20)).await;
        until("the other node is sure, too", async || nodes.two.core.policy.has_lease()).await;
        ok(at(&nodes.two, &alice).get("/api/v1/organizations").await);
        nodes.stop().await;
    });
}

#[test]
fn a_receipt_counts_the_tabs_of_all_nodes_and_is_told_where_its_author_listens() {
    run_on_postgres(async |database| {
        let nodes = Nodes::start(&database).await;
        let author = nodes.one.account("author", &["permission:assign", "org:view"]).await;
        let alice = nodes.one.account("alice", &["org:view"]).await;
        let bob = nodes.one.account("bob", &[]).await;
        let absent = nodes.one.account("absent", &[]).await;
        for account in [&bob, &absent] {
            nodes.one.give(account, alice.role).await;
        }
        let mut near = nodes.one.tab(&alice).await;
        let mut far = nodes.two.tab(&at(&nodes.two, &alice)).await;
        let mut bobs = nodes.two.tab(&at(&nodes.two, &bob)).await;
        // The author's own tab hangs on the node where he does not save.
        let bearer = format!("Bearer {}", author.access);
        let headers = [("authorization", bearer.as_str()), ("sec-websocket-protocol", "wsp.v1")];
        let mut his = nodes.two.try_socket("?topics=receipts", &headers).await.unwrap();
        his.next_of("PERMISSION_UPDATE").await;

        let path = format!("/api/v1/roles/{}/permissions/remove", alice.role);
        let rev = ok(author.post(&path, json!({ "permissions": ["org:view"] })).await)["rev"].clone();
        for tab in [&mut near, &mut far, &mut bobs] {
            tab.next_of("PERMISSION_UPDATE").await;
            acknowledge(tab, &rev).await;
        }
        loop {
            let told = his.next_of("RECEIPT").await["data"].clone();
            if told["rev"] == rev && told["state"] == "delivered" {
                assert_eq!((&told["tabs_sent"], &told["tabs_acked"]), (&json!(3), &json!(3)));
                break;
            }
        }
        for server in [&nodes.one, &nodes.two] {
            let told = ok(at(server, &author).get(&format!("/api/v1/changes/{rev}/receipt")).await);
            assert_eq!((&told["state"], &told["complete"]), (&json!("delivered"), &json!(true)));
            assert_eq!((&told["tabs_sent"], &told["accounts_told"]), (&json!(3), &json!(2)));
            let mut named: Vec<_> = told["nodes"]
                .as_array()
                .unwrap()
                .iter()
                .map(|node| (node["node"].clone(), node["state"].clone()))
                .collect();
            named.sort_by_key(|(node, _)| node.to_string());
            assert_eq!(named, [(json!("node-1"), json!("enforced")), (json!("node-2"), json!("enforced"))]);
            assert_eq!(told["offline"], json!({ "count": 1, "names": ["absent"] }));
        }
        nodes.stop().await;
    });
}

#[test]
fn lists_name_the_tabs_of_all_nodes_and_one_is_closed_from_anywhere() {
    run_on_postgres(async |database| {
        let nodes = Nodes::start(&database).await;
        let alice = nodes.one.account("alice", &[]).await;
        let platform = nodes.one.platform().await;
        let _near = nodes.one.tab(&alice).await;
        let far = nodes.two.tab(&at(&nodes.two, &alice)).await;
        // Somebody whom the node that is asked has never heard of.
        let bob = nodes.two.account("bob", &[]).await;
        let _his = nodes.two.tab(&bob).await;
        let listed = ok(platform.get("/api/v1/online-users").await);
        assert_eq!(listed["silent_nodes"], json!([]));
        assert_eq!(listed["count"], 2);
        let rows = listed["results"].as_array().unwrap();
        let tabs =
            rows.iter().find(|row| row["username"] == "alice").unwrap()["tabs"].as_array().unwrap().clone();
        let mut on: Vec<_> = tabs.iter().map(|tab| tab["node"].as_str().unwrap()).collect();
        on.sort_unstable();
        assert_eq!(on, ["node-1", "node-2"]);
        assert_eq!(ok(platform.get("/api/v1/connections").await)["count"], 3);
        assert!(rows.iter().any(|row| row["username"] == "bob"));
        let there = tabs.iter().find(|tab| tab["node"] == "node-2").unwrap();
        let there = there["connection_id"].as_str().unwrap();
        let path = format!("/api/v1/connections/{there}");
        assert_eq!(platform.delete(&path).await.0, 204);
        assert_eq!(far.end().await.1, 4000);
        refused(platform.delete(&path).await, 404, "not_found");
        nodes.stop().await;
    });
}

/// S3-120.
#[test]
fn a_poll_and_an_acknowledgement_find_their_tab_on_another_node() {
    run_on_postgres(async |database| {
        let nodes = Nodes::start(&database).await;
        let alice = nodes.one.account("alice", &["org:view"]).await;
        let there = at(&nodes.two, &alice);
        let opened = ok(alice.get("/api/v1/poll?wait=0").await);
        let id = opened["connectionId"].as_str().unwrap().to_owned();
        let mut cursor = opened["cursor"].clone();
        let rev = nodes.one.change_role(alice.role, "remove", &["org:view"]).await;
        let mut told = Vec::new();
        while !told.contains(&rev) {
            let path = format!("/api/v1/poll?connection={id}&cursor={cursor}&wait=5");
            let polled = ok(there.get(&path).await);
            cursor = polled["cursor"].clone();
            let messages = polled["messages"].as_array().unwrap().clone();
            told.extend(messages.iter().map(|message| message["data"]["permissionVersion"].clone()));
        }
        let said = json!({ "connectionId": id, "permissionVersion": rev });
        assert_eq!(there.post("/api/v1/events/ack", said).await.0, 204);
        let receipt = ok(nodes.one.platform().await.get(&format!("/api/v1/changes/{rev}/receipt")).await);
        assert_eq!((&receipt["tabs_sent"], &receipt["tabs_acked"]), (&json!(1), &json!(1)));
        let bob = nodes.two.account("bob", &[]).await;
        let path = format!("/api/v1/poll?connection={id}&cursor={cursor}&wait=0");
        refused(bob.get(&path).await, 404, "not_found");
        let gone = id.replace(&id[36..], "-9");
        refused(there.get(&format!("/api/v1/poll?connection={gone}&wait=20")).await, 404, "not_found");
        nodes.stop().await;
    });
}

#[test]
fn a_node_that_says_nothing_is_named_and_nobody_waits_for_it_long() {
    run_on_postgres(async |database| {
        let nodes = Nodes::start_with(&database, |settings| {
            settings.cluster.request_timeout_ms = 200;
            settings.cluster.node_lease_ms = 60_000;
            settings.policy.tail_poll_ms = 20;
            settings.policy.lease_ms = 2_000;
        })
        .await;
        let alice = nodes.one.account("alice", &["org:view"]).await;
        let mut tab = nodes.one.tab(&alice).await;
        // A node that was seen a moment ago, and is deaf.
        let mut work = nodes.one.core.db.begin(&livegrant::db::Author::system("tests")).await.unwrap();
        let beat = livegrant::cluster::store::Beat {
            node: NodeId(9),
            name: "deaf".to_owned(),
            version: "0".to_owned(),
            address: String::new(),
            lease_ms: 0,
            applied: livegrant_actors::Rev(0),
            state: livegrant::cluster::store::NodeState::Up,
        };
        livegrant::cluster::store::beat(work.conn(), &beat).await.unwrap();
        work.commit(livegrant::db::SystemTask::Upkeep).await.unwrap();
        until("it is known", async || nodes.one.core.members.others().len() == 2).await;
        let platform = nodes.one.platform().await;
        let listed = ok(platform.get("/api/v1/online-users").await);
        assert_eq!(listed["silent_nodes"], json!(["deaf"]));
        assert!(listed["results"].as_array().unwrap().iter().any(|row| row["username"] == "alice"));
        let rev = nodes.one.change_role(alice.role, "remove", &["org:view"]).await;
        tab.next_of("PERMISSION_UPDATE").await;
        acknowledge(&mut tab, &rev).await;
        let receipt = async || ok(platform.get(&format!("/api/v1/changes/{rev}/receipt")).await);
        let deaf = |told: &Value| {
            let nodes = told["nodes"].as_array().unwrap().clone();
            nodes.into_iter().find(|node| node["node"] == "deaf").unwrap()["state"].clone()
        };
        let told = receipt().await;
        assert_eq!(
            (deaf(&told), &told["state"], &told["complete"]),
            (json!("pending"), &json!("accepted"), &json!(false))
        );
        // Once its lease is over it cannot act on what was before; its tabs have still not been heard of.
        nodes.one.advance(Duration::from_secs(4)).await;
        let told = receipt().await;
        assert_eq!(
            (deaf(&told), &told["state"], &told["complete"]),
            (json!("lease_over"), &json!("enforced"), &json!(false))
        );
        let listed = ok(platform.get("/api/v1/nodes").await);
        let names: Vec<_> =
            listed["nodes"].as_array().unwrap().iter().map(|node| node["name"].clone()).collect();
        assert_eq!(names, ["node-1", "node-2", "deaf"]);
        nodes.stop().await;
    });
}

#[test]
fn what_is_pushed_by_hand_traced_or_dismissed_holds_everywhere() {
    run_on_postgres(async |database| {
        let nodes =
            Nodes::start_with(&database, |settings| settings.realtime.max_connections_per_user = 1).await;
        let alice = nodes.one.account("alice", &["debug:use"]).await;
        let there = at(&nodes.two, &alice);
        let mut tab = nodes.two.tab(&there).await;
        let pushed = json!({ "userId": alice.id, "reason": "look again" });
        ok(nodes.one.platform().await.post("/api/v1/push/permission-update", pushed).await);
        assert_eq!(tab.next_of("PERMISSION_UPDATE").await["data"]["reason"], "look again");

        until("the account is heard", async || {
            nodes.hub.lines_on(Channel::Account(livegrant_actors::AccountId(alice.id))) > 0
        })
        .await;
        let echo = json!({ "type": "system_notification", "title": "t", "content": "c" });
        let sent = ok(alice.post("/api/v1/debug/echo", echo).await);
        let told = tab.next_of("SYSTEM_NOTICE").await;
        assert_eq!(told["messageId"], sent["messageId"]);
        let trace = format!("/api/v1/debug/trace/{}", sent["messageId"].as_str().unwrap());
        for caller in [&alice, &there] {
            assert_eq!(ok(caller.get(&trace).await)["tabs"].as_array().unwrap().len(), 1);
        }
        nodes.stop().await;
    });
}

#[test]
fn a_stream_that_was_replaced_on_one_node_is_kept_away_on_the_other() {
    run_on_postgres(async |database| {
        let nodes =
            Nodes::start_with(&database, |settings| settings.realtime.max_connections_per_user = 1).await;
        let alice = nodes.one.account("alice", &[]).await;
        let opened = Stream::open(&nodes.one, livegrant_actors::Transport::Sse, &alice, &[]).await;
        let (mut first, _) = opened.unwrap();
        while first.last_event_id.is_none() {
            first.frame().await;
        }
        let place = first.last_event_id.clone().unwrap();
        let _second = nodes.one.tab(&alice).await;
        first.end().await;
        let back = || async {
            let request = nodes.two.client().get(format!("{}/api/v1/events", nodes.two.url()));
            let request = request.bearer_auth(&alice.access).header("accept", "text/event-stream");
            request.header("last-event-id", &place).send().await.unwrap().status().as_u16()
        };
        // Said to the other node within half a second; the answer 204 is given once.
        let kept_away = async {
            while back().await != 204 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, kept_away).await.expect("it is kept away");
        nodes.stop().await;
    });
}

#[test]
fn who_listens_on_one_node_is_told_who_comes_and_goes_on_the_other() {
    run_on_postgres(async |database| {
        let nodes = Nodes::start(&database).await;
        let admin = nodes.one.account("admin", &["session:view"]).await;
        let bearer = format!("Bearer {}", admin.access);
        let headers = [("authorization", bearer.as_str()), ("sec-websocket-protocol", "wsp.v1")];
        let mut his = nodes.one.try_socket("?topics=admin:presence", &headers).await.unwrap();
        let alice = nodes.one.account("alice", &[]).await;
        let tab = nodes.two.tab(&at(&nodes.two, &alice)).await;
        let mut wait_for = async |connections: i64, accounts: i64| loop {
            let told = his.next_of("PRESENCE_ADMIN").await["data"].clone();
            if (told["connections"].as_i64(), told["accounts"].as_i64())
                == (Some(connections), Some(accounts))
            {
                break;
            }
        };
        wait_for(2, 2).await;
        let near = nodes.one.tab(&alice).await;
        wait_for(3, 2).await;
        drop((tab, near));
        wait_for(1, 1).await;
        nodes.stop().await;
    });
}

/// A node that cannot read the log any more says so to whoever can hear it, and to nobody twice.
#[test]
fn a_node_that_has_lost_its_database_tells_its_tabs() {
    run_on_sqlite(|database| async move {
        Setup::on(&database)
            .run(async |server: TestServer| {
                let alice = server.account("alice", &["org:view"]).await;
                let bearer = format!("Bearer {}", alice.access);
                let headers = [("authorization", bearer.as_str()), ("sec-websocket-protocol", "wsp.v1")];
                let mut tab = server.try_socket("", &headers).await.unwrap();
                tab.next_of("PERMISSION_UPDATE").await;
                server.core.db.close().await;
                server.clock.advance(Duration::from_secs(10));
                let told = tab.next_of("RESYNC").await;
                assert_eq!(told["data"], json!({ "from": null, "to": null, "reason": "unproven" }));
                refused(alice.get("/api/v1/organizations").await, 503, "policy_unproven");
            })
            .await;
    });
}
