//! The view of all sessions that the nodes share in Redis (S3-14, S3-15, S3-16, S3-121), on real servers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use livegrant::realtime::shared::{Beyond, Keeper, SharedView, Telling, feed};
use livegrant::realtime::watch::{Event, Feed};
use livegrant_actors::bus::redis::Topology;
use livegrant_actors::{AccountId, CloseReason, ConnectionId, NodeId, OnlineAccount, Rev, TabInfo};
use tokio::sync::{Notify, mpsc};

use crate::support::PATIENCE;
use crate::support::redis::{Server, cluster, follows, wait_until, watched};

const ALICE: AccountId = AccountId(7);
const BOB: AccountId = AccountId(8);

fn tab(id: &str, connected_at: i64, last_heartbeat: i64) -> TabInfo {
    TabInfo {
        connection_id: id.into(),
        sid: "s".into(),
        transport: livegrant_actors::Transport::WebSocket,
        ip: "10.0.0.1".parse().unwrap(),
        browser: "Firefox \"1\" ü/2".into(),
        connected_at,
        last_heartbeat,
        rev: Rev(0),
        acked: None,
    }
}

fn view_of(topology: &Topology, node: i64, most: usize) -> SharedView {
    SharedView::new(topology, NodeId(node), most, 2, Duration::from_secs(2)).expect("the address can be read")
}

fn of(server: &Server) -> Topology {
    Topology::Standalone { url: server.url() }
}

/// Tells one account's tabs and gives who is beyond the limit.
async fn tell(view: &SharedView, account: AccountId, tabs: &[&TabInfo], stays: Option<&str>) -> Vec<String> {
    let stays = stays.map(ConnectionId::from);
    let telling = Telling { account, tabs: tabs.to_vec(), stays: stays.as_ref() };
    let placed = view.tell(vec![telling]).await.expect("Redis is there");
    placed[0].beyond.iter().map(ToString::to_string).collect()
}

async fn ids(view: &SharedView, account: AccountId) -> Vec<String> {
    let online = view.read(&[account]).await.expect("Redis is there");
    online.get(&account).map(|all| all.iter().map(|tab| tab.session_id.clone()).collect()).unwrap_or_default()
}

/// Waits until an account's connections in the view are as expected; the view may be away meanwhile.
async fn until(view: &SharedView, account: AccountId, expected: &[&str]) {
    let give_up = tokio::time::Instant::now() + PATIENCE;
    let mut look = tokio::time::interval(Duration::from_millis(20));
    loop {
        let online = view.read(&[account]).await;
        let found = online.as_ref().ok().map(|all| {
            all.get(&account).into_iter().flatten().map(|tab| tab.session_id.as_str()).collect::<Vec<_>>()
        });
        if found.as_deref() == Some(expected) {
            return;
        }
        assert!(tokio::time::Instant::now() < give_up, "expected {expected:?}, found {online:?}");
        look.tick().await;
    }
}

/// A node's part of the view, with an engine that a test writes itself.
struct Node {
    view: Arc<SharedView>,
    feed: Arc<Feed<Event>>,
    online: Arc<Mutex<HashMap<AccountId, Vec<TabInfo>>>>,
    beyond: mpsc::Receiver<Beyond>,
    again: Arc<Notify>,
    task: tokio::task::JoinHandle<()>,
}

impl Node {
    fn start(topology: &Topology, node: i64, most: usize) -> Self {
        let (feed, source) = feed();
        let online: Arc<Mutex<HashMap<AccountId, Vec<TabInfo>>>> = Arc::default();
        let (sender, beyond) = mpsc::channel(16);
        let (view, again) = (Arc::new(view_of(topology, node, most)), Arc::new(Notify::new()));
        let engine = Arc::clone(&online);
        let ask = move || {
            let all = engine.lock().unwrap().clone();
            let all =
                all.into_iter().map(|(account, tabs)| OnlineAccount { account, guid: "g".into(), tabs });
            std::future::ready(all.collect())
        };
        let keeper = Keeper::new(Arc::clone(&view), ask, sender, Arc::clone(&again));
        Self { view, feed, online, beyond, again, task: tokio::spawn(keeper.run(source)) }
    }

    fn open(&self, account: AccountId, tab: &TabInfo) {
        self.online.lock().unwrap().entry(account).or_default().push(tab.clone());
        self.feed.put(Event { account, tab: tab.clone(), closed: None });
    }

    fn close(&self, account: AccountId, tab: &TabInfo) {
        let mut online = self.online.lock().unwrap();
        online.entry(account).or_default().retain(|open| open.connection_id != tab.connection_id);
        self.feed.put(Event { account, tab: tab.clone(), closed: Some((1, CloseReason::Protocol)) });
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// S3-10.
#[tokio::test]
async fn the_key_and_the_value_are_what_other_systems_read() {
    let server = Server::start(&[]);
    let view = view_of(&of(&server), 1, 5);
    let first = tab("a", 1_732_243_234_567, 1_732_243_299_999);
    tell(&view, ALICE, &[&first, &tab("b", 1_732_243_234_568, 1_732_243_234_568)], None).await;
    let value: String = server.run(&["GET", "websocket:user:7"]);
    let browser = r#""Firefox \"1\" ü\/2""#;
    let expected = format!(
        "{{\"connections\":[\
         {{\"sessionId\":\"a\",\"connectTime\":1732243234567,\"lastHeartbeat\":1732243299999,\"browser\":{browser},\"ip\":\"10.0.0.1\"}},\
         {{\"sessionId\":\"b\",\"connectTime\":1732243234568,\"lastHeartbeat\":1732243234568,\"browser\":{browser},\"ip\":\"10.0.0.1\"}}]}}"
    );
    assert_eq!(value, expected);
    let online = view.read(&[ALICE, BOB]).await.unwrap();
    assert_eq!(online.len(), 1);
    assert_eq!((online[&ALICE][0].browser.as_str(), online[&ALICE].len()), ("Firefox \"1\" ü/2", 2));
    let ttl = server.run::<i64>(&["PTTL", "websocket:user:7"]);
    assert!((1..=90_000).contains(&ttl), "{ttl}");

    tell(&view, ALICE, &[], None).await;
    assert_eq!(server.run::<i64>(&["DBSIZE"]), 0, "nothing is left of who is offline");
}

#[tokio::test]
async fn nodes_add_to_each_other_and_a_dead_one_is_forgotten() {
    let server = Server::start(&[]);
    let (one, two) = (view_of(&of(&server), 1, 5), view_of(&of(&server), 2, 5));
    let short = view_of(&of(&server), 3, 5).believed_for(Duration::from_millis(300));
    tell(&one, ALICE, &[&tab("a", 1, 1)], None).await;
    tell(&short, ALICE, &[&tab("dead", 2, 2)], None).await;
    tell(&two, ALICE, &[&tab("b", 3, 3)], None).await;
    // Whether the short-lived one is still there depends on the machine; the other two are.
    let all = ids(&one, ALICE).await;
    assert!(all.contains(&"a".to_owned()) && all.contains(&"b".to_owned()), "{all:?}");
    let mut look = tokio::time::interval(Duration::from_millis(20));
    while ids(&two, ALICE).await.contains(&"dead".to_owned()) {
        look.tick().await;
        tell(&one, ALICE, &[&tab("a", 1, 9)], None).await;
    }
    assert_eq!(ids(&two, ALICE).await, ["a", "b"]);
    tell(&one, ALICE, &[], None).await;
    assert_eq!(ids(&two, ALICE).await, ["b"]);
}

#[tokio::test]
async fn an_account_that_only_a_dead_node_held_expires() {
    let server = Server::start(&[]);
    let short = view_of(&of(&server), 1, 5).believed_for(Duration::from_millis(200));
    tell(&short, ALICE, &[&tab("a", 1, 1)], None).await;
    wait_until("everything of it is gone", || server.run::<i64>(&["DBSIZE"]) == 0);
}

#[tokio::test]
async fn the_limit_counts_all_nodes_and_spares_who_comes() {
    let server = Server::start(&[]);
    let (one, two) = (view_of(&of(&server), 1, 3), view_of(&of(&server), 2, 3));
    let none: [String; 0] = [];
    assert_eq!(tell(&one, ALICE, &[&tab("a", 1, 50), &tab("b", 2, 20)], None).await, none);
    assert_eq!(tell(&two, ALICE, &[&tab("c", 3, 30)], Some("c")).await, none);
    // The newcomer was heard before all others: it stays all the same.
    let newcomer = tab("d", 4, 10);
    assert_eq!(tell(&two, ALICE, &[&tab("c", 3, 30), &newcomer], Some("d")).await, ["b"]);
    // Until it is closed it counts, and is named again together with the next.
    let more = [&tab("c", 3, 30), &newcomer, &tab("e", 5, 60)];
    assert_eq!(tell(&two, ALICE, &more, Some("e")).await, ["d", "b"]);
    assert_eq!(tell(&one, ALICE, &[&tab("a", 1, 50)], None).await, ["d"]);
    assert_eq!(tell(&two, BOB, &[&tab("x", 1, 1)], None).await, none);
}

/// A page whose node has died is back before the view has forgotten where it was: it must cost no living tab its place.
#[tokio::test]
async fn tabs_of_a_dead_node_give_way_before_living_ones() {
    let server = Server::start(&[]);
    let lives = || vec![NodeId(2), NodeId(3)];
    let (one, two) = (view_of(&of(&server), 1, 2), view_of(&of(&server), 2, 2).asking(lives));
    let three = view_of(&of(&server), 3, 2).asking(lives);
    let none: [String; 0] = [];
    assert_eq!(tell(&one, ALICE, &[&tab("dead", 1, 90)], None).await, none);
    assert_eq!(tell(&two, ALICE, &[&tab("lives", 2, 10)], None).await, none);
    assert_eq!(tell(&three, ALICE, &[&tab("back", 3, 95)], Some("back")).await, ["dead"]);
    assert_eq!(tell(&two, ALICE, &[&tab("lives", 2, 10)], None).await, ["dead"]);
}

#[tokio::test]
async fn tabs_that_come_and_go_show_and_those_beyond_the_limit_are_named() {
    let server = Server::start(&[]);
    let (mut one, two) = (Node::start(&of(&server), 1, 2), Node::start(&of(&server), 2, 2));
    let (a, b, c) = (tab("a", 1, 1), tab("b", 2, 2), tab("c", 3, 3));
    one.open(ALICE, &a);
    until(&two.view, ALICE, &["a"]).await;
    two.open(ALICE, &b);
    until(&one.view, ALICE, &["a", "b"]).await;
    one.open(ALICE, &c);
    let beyond = tokio::time::timeout(PATIENCE, one.beyond.recv()).await.unwrap().unwrap();
    assert_eq!(beyond, Beyond { account: ALICE, connections: vec!["a".into()] });
    one.close(ALICE, &a);
    until(&two.view, ALICE, &["b", "c"]).await;
    one.close(ALICE, &c);
    two.close(ALICE, &b);
    until(&two.view, ALICE, &[]).await;
}

#[tokio::test]
async fn a_flush_and_a_bell_bring_everything_back() {
    let server = Server::start(&[]);
    let node = Node::start(&of(&server), 1, 5);
    node.open(ALICE, &tab("a", 1, 1));
    node.open(BOB, &tab("b", 1, 1));
    until(&node.view, BOB, &["b"]).await;
    server.run::<()>(&["FLUSHALL"]);
    server.run::<()>(&["SCRIPT", "FLUSH"]);
    until(&node.view, ALICE, &["a"]).await;
    until(&node.view, BOB, &["b"]).await;
    // One key only: the node's mark is still there, so nothing but the bell tells.
    server.run::<()>(&["DEL", "websocket:user:7"]);
    node.again.notify_one();
    until(&node.view, ALICE, &["a"]).await;
}

#[tokio::test]
async fn an_outage_costs_nothing_but_the_view() {
    let mut server = Server::start(&[]);
    let node = Node::start(&of(&server), 1, 5);
    let (a, b) = (tab("a", 1, 1), tab("b", 2, 2));
    node.open(ALICE, &a);
    until(&node.view, ALICE, &["a"]).await;
    server.kill();
    assert!(node.view.read(&[ALICE]).await.is_err());
    node.open(ALICE, &b);
    node.close(ALICE, &a);
    node.open(BOB, &tab("c", 3, 3));
    server.restart();
    until(&node.view, ALICE, &["b"]).await;
    until(&node.view, BOB, &["c"]).await;
    // A server that hangs is not waited for longer than the deadline.
    server.signal("STOP");
    assert!(node.view.read(&[ALICE]).await.is_err());
    node.close(ALICE, &b);
    server.signal("CONT");
    until(&node.view, ALICE, &[]).await;
}

#[tokio::test]
async fn lost_events_are_made_up_for() {
    let server = Server::start(&[]);
    let node = Node::start(&of(&server), 1, 5);
    node.open(ALICE, &tab("a", 1, 1));
    until(&node.view, ALICE, &["a"]).await;
    // Nothing lets the keeper run between these: the last ones do not fit.
    for number in 0..20_000 {
        node.open(AccountId(100), &tab(&format!("x{number}"), 1, 1));
        node.close(AccountId(100), &tab(&format!("x{number}"), 1, 1));
    }
    node.open(BOB, &tab("lost", 1, 1));
    node.close(ALICE, &tab("a", 1, 1));
    until(&node.view, BOB, &["lost"]).await;
    until(&node.view, ALICE, &[]).await;
    until(&node.view, AccountId(100), &[]).await;
}

#[tokio::test]
async fn many_accounts_are_told_and_read_at_once() {
    let server = Server::start(&[]);
    let node = Node::start(&of(&server), 1, 5);
    let accounts: Vec<_> = (0..2000).map(AccountId).collect();
    for account in &accounts {
        node.open(*account, &tab(&format!("t{account}"), 1, 1));
    }
    until(&node.view, AccountId(1999), &["t1999"]).await;
    let online = node.view.read(&accounts).await.unwrap();
    assert_eq!(online.len(), 2000);
    assert!(online.iter().all(|(account, tabs)| tabs[0].session_id == format!("t{account}")));
}

#[tokio::test]
async fn it_works_through_sentinels_and_after_a_failover() {
    let (mut servers, sentinels) = watched();
    let urls = sentinels.iter().map(Server::url).collect();
    let topology = Topology::Sentinel { urls, master: "main".to_owned(), password: None };
    let node = Node::start(&topology, 1, 5);
    node.open(ALICE, &tab("a", 1, 1));
    until(&node.view, ALICE, &["a"]).await;
    servers[0].kill();
    node.open(BOB, &tab("b", 1, 1));
    until(&node.view, BOB, &["b"]).await;
    servers[0].restart();
    wait_until("the old master follows the new one", || follows(&servers[0]));
    node.close(ALICE, &tab("a", 1, 1));
    until(&node.view, ALICE, &[]).await;
}

#[tokio::test]
async fn it_works_on_a_cluster_and_after_a_masters_death() {
    let mut servers = cluster();
    let topology = Topology::Cluster { urls: servers.iter().map(Server::url).collect() };
    let node = Node::start(&topology, 1, 5);
    let accounts: Vec<_> = (0..60).map(AccountId).collect();
    for account in &accounts {
        node.open(*account, &tab(&format!("t{account}"), 1, 1));
    }
    for account in &accounts {
        until(&node.view, *account, &[&format!("t{account}")]).await;
    }
    servers[0].kill();
    for account in &accounts {
        node.open(*account, &tab(&format!("u{account}"), 2, 2));
    }
    for account in &accounts {
        until(&node.view, *account, &[&format!("t{account}"), &format!("u{account}")]).await;
    }
}
