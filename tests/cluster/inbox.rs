//! What people are told on real nodes: while Redis is away, and while the node of whoever is told is down. A notice is there
//! once, in the order of the inbox, in every tab and in the list, and the counts are the server's (I6, I10, FN3 to FN5).

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::StreamExt;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::nodes::caller::Request;
use crate::nodes::cluster::{Cluster, Plan};
use crate::nodes::people::{Session, signed_in};
use crate::nodes::wait::{until, within};
use crate::outages::trouble;
use crate::{PATIENCE, runtime};

const LIST: &str = "/api/v1/notifications";

/// What a tab was told, as it came: nothing is left out, not even what came twice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Told {
    /// Ids of the notices to this person.
    own: Vec<i64>,
    /// Ids of the broadcasts.
    to_all: Vec<i64>,
    /// Unseen and unread.
    counts: (i64, i64),
}

#[derive(Debug, Default)]
struct Heard {
    told: Told,
    counts_rev: i64,
    place: [String; 3],
    inbox_seq: i64,
    inbox_rev: i64,
    open: bool,
    came_back: bool,
}

impl Heard {
    fn take(&mut self, frame: &Value) {
        let data = &frame["data"];
        let number = |name: &str| data[name].as_i64().unwrap_or_default();
        match frame["type"].as_str().unwrap_or_default() {
            "CONNECTED" => self.inbox_seq = self.inbox_seq.max(number("inboxSeq")),
            "PERMISSION_UPDATE" => {
                let text = |name: &str| data[name].as_str().unwrap_or_default().to_owned();
                self.place = [text("epoch"), number("rev").to_string(), text("hash")];
            }
            // Cut off between a notice and its place it is told that notice again, and knows it.
            "MESSAGE_NOTIFICATION" | "APPROVAL_NOTICE" | "POSITION_CHANGE"
                if !self.came_back || !self.told.own.contains(&number("id")) =>
            {
                self.told.own.push(number("id"));
            }
            "SYSTEM_NOTICE" => {
                self.told.to_all.push(number("id"));
                self.inbox_seq = self.inbox_seq.max(number("seq"));
            }
            "NOTIFICATION" | "NOTIFICATION_STATE" => {
                if number("rev") >= self.counts_rev {
                    self.counts_rev = number("rev");
                    self.told.counts = (number("unseen"), number("unread"));
                }
                self.inbox_rev = self.inbox_rev.max(number("inboxRev"));
            }
            "RESYNC" => panic!("nothing is that old: {frame}"),
            _ => {}
        }
    }
}

/// A tab that stays on one node; it comes back there when it is told to.
struct Page {
    node: usize,
    heard: Arc<Mutex<Heard>>,
    task: JoinHandle<()>,
}

impl Page {
    async fn open(cluster: &Cluster, node: usize, session: &Session) -> Self {
        Self::listen(cluster, node, session, "", Heard::default()).await
    }

    /// Opens it again at its place.
    async fn back(&self, cluster: &Cluster, session: &Session) -> Self {
        let mut heard = std::mem::take(&mut *self.heard.lock().unwrap_or_else(PoisonError::into_inner));
        heard.came_back = true;
        let [epoch, rev, hash] = &heard.place;
        let place = format!("&resume={epoch}:{rev}:{hash}:{}.{}", heard.inbox_seq, heard.inbox_rev);
        Self::listen(cluster, self.node, session, &place, heard).await
    }

    async fn listen(cluster: &Cluster, node: usize, session: &Session, place: &str, before: Heard) -> Self {
        let port = cluster.caller.port(node);
        let url = format!("ws://127.0.0.1:{port}/ws/permission?topics=notifications{place}");
        let mut request = url.into_client_request().expect("an address");
        let bearer = format!("Bearer {}", session.access());
        let headers = request.headers_mut();
        headers.insert("authorization", bearer.parse().expect("a token is plain text"));
        headers.insert("sec-websocket-protocol", "wsp.v1".parse().expect("plain text"));
        let stream = TcpStream::connect(("127.0.0.1", port)).await.expect("the node listens");
        let (mut socket, _) =
            tokio_tungstenite::client_async(request, stream).await.expect("the tab is let in");
        let heard = Arc::new(Mutex::new(Heard { open: true, ..before }));
        let task = tokio::spawn({
            let heard = Arc::clone(&heard);
            async move {
                while let Some(Ok(message)) = socket.next().await {
                    let Message::Text(text) = message else { continue };
                    let frame: Value = serde_json::from_str(&text).expect("frames are JSON");
                    heard.lock().unwrap_or_else(PoisonError::into_inner).take(&frame);
                }
                heard.lock().unwrap_or_else(PoisonError::into_inner).open = false;
            }
        });
        let page = Self { node, heard, task };
        until("the tab knows how the inbox stands", PATIENCE, async || {
            page.look(|heard| heard.counts_rev > 0 && !heard.place[0].is_empty()).then_some(())
        })
        .await;
        page
    }

    fn look<T>(&self, look: impl FnOnce(&Heard) -> T) -> T {
        look(&self.heard.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Somebody who is told, with tabs.
struct Person {
    session: Session,
    guid: String,
    pages: Vec<Page>,
}

impl Person {
    async fn on(cluster: &Cluster, number: usize, nodes: &[usize]) -> Self {
        let session = signed_in(&cluster.caller, 0, &cluster.people.accounts[number]).await;
        let me = ask(cluster, 0, &session, Method::GET, "/api/accounts/users/me/", Value::Null).await;
        let guid = text(&me["guid"]);
        let mut pages = Vec::new();
        for node in nodes {
            pages.push(Page::open(cluster, *node, &session).await);
        }
        Self { session, guid, pages }
    }

    /// What a node says that he was told, and how his inbox stands.
    async fn truth(&self, cluster: &Cluster, node: usize) -> Told {
        let path = format!("{LIST}?page_size=100");
        let list = ask(cluster, node, &self.session, Method::GET, &path, Value::Null).await;
        let rows = list["results"].as_array().expect("rows");
        let ids = |broadcast: bool| {
            let of = rows.iter().filter(|row| row["broadcast"] == broadcast);
            let mut ids: Vec<i64> = of.map(|row| row["id"].as_i64().expect("an id")).collect();
            ids.sort_unstable();
            ids
        };
        let number = |name: &str| list["counts"][name].as_i64().expect("a number");
        Told { own: ids(false), to_all: ids(true), counts: (number("unseen"), number("unread")) }
    }

    /// Waits until every tab was told all of it, each once and in order, wherever one asks.
    async fn was_told(&self, cluster: &Cluster) {
        let expected = self.truth(cluster, self.pages[0].node).await;
        for page in &self.pages {
            assert_eq!(self.truth(cluster, page.node).await, expected, "node {} says otherwise", page.node);
            let all =
                within(PATIENCE, async || (page.look(|heard| heard.told == expected)).then_some(())).await;
            let told = page.look(|heard| heard.told.clone());
            assert!(all.is_some(), "node {}: {told:?} of {expected:?}\n{}", page.node, cluster.logs());
        }
    }
}

/// A message to both, an approval to the first, a broadcast to everybody, in this order by one node.
async fn round(cluster: &Cluster, by: &Session, node: usize, people: [&Person; 2]) {
    let [one, two] = people;
    let mut message = words("消息 “𠮷” 🎉");
    message["staffGuids"] = json!([one.guid, two.guid]);
    let mut approval = words("请假申请已审批");
    approval["staffGuid"] = json!(one.guid);
    (approval["approvalId"], approval["approvalState"]) = (json!("AP2025091210001"), json!("已通过"));
    let mut broadcast = words("维护通知");
    (broadcast["category"], broadcast["severity"]) = (json!("维护"), json!("信息"));
    for (path, body) in [("message", message), ("approval", approval), ("broadcast", broadcast)] {
        let sent = ask(cluster, node, by, Method::POST, &format!("{LIST}/{path}"), body).await;
        assert_eq!(sent["changed"], true, "{path}: {sent}");
    }
}

fn words(title: &str) -> Value {
    json!({ "title": title, "content": "内容" })
}

async fn ask(cluster: &Cluster, node: usize, by: &Session, method: Method, path: &str, body: Value) -> Value {
    let request = Request { method, path: path.to_owned(), body, token: by.access(), id: String::new() };
    let answer = cluster.caller.ask(node, &request).await;
    answer.good().unwrap_or_else(|| panic!("node {node}, {path}: {answer:?}\n{}", cluster.logs())).clone()
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

/// S0-15 to S0-18, S2-77, S3-119, FN4, E26 to E28.
#[test]
fn while_redis_is_away_notices_reach_every_node_once_and_in_order() {
    let plan = Plan { accounts: 2, ..Plan::default() }.with_redis();
    runtime().block_on(async {
        let mut cluster = Cluster::start(&plan).await;
        let admin = signed_in(&cluster.caller, 0, &cluster.people.admin).await;
        let one = Person::on(&cluster, 0, &[0, 1, 2]).await;
        let two = Person::on(&cluster, 1, &[2, 1]).await;
        let people = [&one, &two];
        let everybody_was_told = async |cluster: &Cluster| {
            for person in people {
                person.was_told(cluster).await;
            }
        };
        round(&cluster, &admin, 0, people).await;
        everybody_was_told(&cluster).await;
        for forgets in [false, true] {
            cluster.redis.as_mut().expect("it was asked for").kill();
            // Before anybody can have noticed, and afterwards.
            round(&cluster, &admin, 0, people).await;
            everybody_was_told(&cluster).await;
            trouble(&cluster, &[0, 1, 2]).await;
            for node in [1, 2] {
                round(&cluster, &admin, node, people).await;
            }
            everybody_was_told(&cluster).await;
            for (person, node, state) in [(&one, 1, "read"), (&two, 0, "seen")] {
                let body = json!({ "state": state, "filter": {} });
                ask(&cluster, node, &person.session, Method::POST, &format!("{LIST}/bulk"), body).await;
            }
            everybody_was_told(&cluster).await;
            let redis = cluster.redis.as_mut().expect("it was asked for");
            if forgets {
                redis.forget();
            }
            redis.up().await;
            // While the nodes find it again, and when they have.
            round(&cluster, &admin, 2, people).await;
            until("the bus is well on every node", PATIENCE, async || {
                cluster.bus_troubles().await.is_empty().then_some(())
            })
            .await;
            for node in [0, 1] {
                round(&cluster, &admin, node, people).await;
            }
            everybody_was_told(&cluster).await;
        }
        let told = one.pages[0].look(|heard| heard.told.clone());
        assert_eq!((told.own.len(), told.to_all.len()), (26, 13), "nothing was left out of what is compared");
    });
}

/// S0-8, S0-20, S0-44, FN15: what is answered is there after `kill -9`, and so is what came while the node was down.
#[test]
fn what_is_sent_while_the_recipients_node_is_down_is_there_when_it_is_back() {
    let plan = Plan { accounts: 2, ..Plan::default() };
    runtime().block_on(async {
        let mut cluster = Cluster::start(&plan).await;
        let admin = signed_in(&cluster.caller, 0, &cluster.people.admin).await;
        let mut one = Person::on(&cluster, 0, &[1]).await;
        let two = Person::on(&cluster, 1, &[2]).await;
        round(&cluster, &admin, 1, [&one, &two]).await;
        for person in [&one, &two] {
            person.was_told(&cluster).await;
        }
        let made = Made::by(&cluster, &admin, 1, &one).await;
        let before = made.read(&cluster, 1, &admin).await;
        cluster.kill(1);
        until("the tab is cut off", PATIENCE, async || {
            (!one.pages[0].look(|heard| heard.open)).then_some(())
        })
        .await;
        for node in [0, 2] {
            round(&cluster, &admin, node, [&one, &two]).await;
        }
        two.was_told(&cluster).await;
        cluster.start_again(1);
        cluster.ready(1).await;
        assert_eq!(made.read(&cluster, 1, &admin).await, before);
        let page = one.pages[0].back(&cluster, &one.session).await;
        one.pages = vec![page];
        one.was_told(&cluster).await;
        // Every process at once, right after an answer.
        round(&cluster, &admin, 2, [&one, &two]).await;
        let (ones, twos) = (one.truth(&cluster, 1).await, two.truth(&cluster, 2).await);
        for node in 0..3 {
            cluster.kill(node);
        }
        for node in 0..3 {
            cluster.start_again(node);
        }
        for node in 0..3 {
            cluster.ready(node).await;
            assert_eq!(made.read(&cluster, node, &admin).await, before, "node {node}");
            assert_eq!(
                (one.truth(&cluster, node).await, two.truth(&cluster, node).await),
                (ones.clone(), twos.clone())
            );
        }
    });
}

/// One thing of each area, made by a node.
struct Made {
    paths: Vec<String>,
}

impl Made {
    async fn by(cluster: &Cluster, admin: &Session, node: usize, person: &Person) -> Self {
        let make = async |path: &str, body: Value| ask(cluster, node, admin, Method::POST, path, body).await;
        let organization = text(
            &make("/api/v1/organizations", json!({ "code": "hall", "name": "大厅 “𠮷”" })).await["guid"],
        );
        let desk = json!({ "code": "clerk", "name": "前台", "organization_guid": organization });
        let position = text(&make("/api/v1/positions", desk).await["guid"]);
        let account = person.session.person.id;
        let staff = json!({ "staff_no": "7", "name": "王五", "organization_guid": organization, "account_id": account });
        let staff = text(&make("/api/v1/staff", staff).await["guid"]);
        make(&format!("/api/v1/staff/{staff}/positions"), json!({ "position_guid": position })).await;
        let nodes = json!([
            { "code": "start", "name": "开始", "kind": "start" },
            { "code": "a", "name": "审批", "kind": "approve", "assignees": [{ "kind": "users", "guids": [person.guid] }] },
        ]);
        let definition = json!({ "code": "buy", "name": "采购", "category": "财务", "form": { "fields": [] }, "graph": { "nodes": nodes } });
        make("/api/v1/workflows/definitions", definition).await;
        make("/api/v1/workflows/definitions/buy/publish", json!({})).await;
        let started = make("/api/v1/workflows/instances", json!({ "definition": "buy", "form": {} })).await;
        let instance = text(&started["guid"]);
        let paths = vec![
            "/api/v1/organizations".to_owned(),
            format!("/api/v1/positions/{position}"),
            format!("/api/v1/staff/{staff}"),
            format!("/api/v1/staff/{staff}/positions/history"),
            "/api/v1/workflows/definitions/buy".to_owned(),
            format!("/api/v1/workflows/instances/{instance}"),
            format!("/api/v1/workflows/instances/{instance}/logs"),
        ];
        Self { paths }
    }

    async fn read(&self, cluster: &Cluster, node: usize, by: &Session) -> Vec<Value> {
        let mut answers = Vec::new();
        for path in &self.paths {
            answers.push(ask(cluster, node, by, Method::GET, path, Value::Null).await);
        }
        answers
    }
}
