//! What concerns all nodes at once, by the bus: the limit of an account's tabs, who is online, and receipts, also while
//! one node hangs.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::nodes::cluster::{Cluster, Plan};
use crate::nodes::people::{Session, signed_in};
use crate::nodes::wait::until;
use crate::outages::shared;
use crate::{PATIENCE, runtime};

/// The code of a tab that had to make room.
const REPLACED: u16 = 4509;

/// A tab on one node that acknowledges what it is told and stays away when it was closed.
struct Page {
    node: usize,
    code: Arc<Mutex<Option<u16>>>,
    task: JoinHandle<()>,
}

impl Page {
    async fn open(cluster: &Cluster, node: usize, session: &Session) -> Self {
        let port = cluster.caller.port(node);
        let url = format!("ws://127.0.0.1:{port}/ws/permission");
        let mut request = url.into_client_request().expect("an address");
        let bearer = format!("Bearer {}", session.access());
        let headers = request.headers_mut();
        headers.insert("authorization", bearer.parse().expect("a token is plain text"));
        headers.insert("sec-websocket-protocol", "wsp.v1".parse().expect("plain text"));
        let stream = TcpStream::connect(("127.0.0.1", port)).await.expect("the node listens");
        let (mut socket, _) =
            tokio_tungstenite::client_async(request, stream).await.expect("the tab is let in");
        let code = Arc::<Mutex<Option<u16>>>::default();
        let task = tokio::spawn({
            let code = Arc::clone(&code);
            async move {
                while let Some(Ok(message)) = socket.next().await {
                    match message {
                        Message::Text(text) => {
                            let frame: Value = serde_json::from_str(&text).expect("frames are JSON");
                            if frame["type"] == "PERMISSION_UPDATE" {
                                let rev = &frame["data"]["rev"];
                                let answer = json!({ "type": "ack", "permissionVersion": rev });
                                let _ = socket.send(Message::text(answer.to_string())).await;
                            }
                        }
                        Message::Close(frame) => {
                            let closed = frame.map_or(1006, |frame| u16::from(frame.code));
                            *code.lock().unwrap_or_else(PoisonError::into_inner) = Some(closed);
                        }
                        _ => {}
                    }
                }
            }
        });
        Self { node, code, task }
    }

    fn code(&self) -> Option<u16> {
        *self.code.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What a node says who has tabs: the nodes of one account's, one for each, and who was silent.
async fn online(
    cluster: &Cluster,
    asked: usize,
    admin: &Session,
    account: i64,
) -> Option<(Vec<String>, Value)> {
    let answer = cluster.caller.get(asked, "/api/v1/connections", &admin.access()).await;
    let body = answer.good()?;
    let rows = body["results"].as_array()?.iter().filter(|row| row["account_id"] == account);
    let mut nodes: Vec<String> =
        rows.map(|row| row["node"].as_str().unwrap_or_default().to_owned()).collect();
    nodes.sort();
    Some((nodes, body["silent_nodes"].clone()))
}

#[test]
fn the_limit_of_an_accounts_tabs_holds_over_all_nodes() {
    let plan = Plan { accounts: 1, ..Plan::default() }
        .with_redis()
        .with("REALTIME__MAX_CONNECTIONS_PER_USER", 3)
        // Nobody is heard by a heartbeat meanwhile: who came first is silent longest.
        .with("REALTIME__HEARTBEAT_SECONDS", 300)
        .with("REALTIME__HEARTBEAT_TIMEOUT_SECONDS", 900);
    runtime().block_on(async {
        let cluster = Cluster::start(&plan).await;
        let person = &cluster.people.accounts[0];
        let session = signed_in(&cluster.caller, 0, person).await;
        let admin = signed_in(&cluster.caller, 0, &cluster.people.admin).await;
        let mut pages = Vec::new();
        // The newcomer is always on another node than the one that has to go.
        for (number, node) in [0, 1, 2, 2, 0, 1].into_iter().enumerate() {
            pages.push(Page::open(&cluster, node, &session).await);
            let gone = pages.len().saturating_sub(3);
            until("the tab that was idle longest made room, wherever it hangs", PATIENCE, async || {
                let closed: Vec<_> = pages.iter().map(Page::code).collect();
                let expected =
                    (0..pages.len()).map(|page| (page < gone).then_some(REPLACED)).collect::<Vec<_>>();
                assert!(
                    closed.iter().zip(&expected).all(|(is, to_be)| is.is_none() || is == to_be),
                    "tab {number}: {closed:?}\n{}",
                    cluster.logs()
                );
                (closed == expected).then_some(())
            })
            .await;
            until("all nodes agree who is left, and so does the shared view", PATIENCE, async || {
                let mut left: Vec<_> =
                    pages[gone..].iter().map(|page| format!("node-{}", page.node)).collect();
                left.sort();
                for asked in 0..3 {
                    (online(&cluster, asked, &admin, person.id).await? == (left.clone(), json!([])))
                        .then_some(())?;
                }
                (shared(&cluster, person.id)?.len() == left.len()).then_some(())
            })
            .await;
        }
    });
}

#[test]
fn a_node_that_hangs_is_named_in_lists_and_in_receipts_and_is_heard_again() {
    // Long enough to be seen while it hangs, on a busy machine too.
    let plan = Plan { accounts: 2, ..Plan::default() }
        .with_redis()
        .with("CLUSTER__NODE_LEASE_MS", 120_000)
        .with("POLICY__LEASE_MS", 12_000);
    runtime().block_on(async {
        let cluster = Cluster::start(&plan).await;
        let person = &cluster.people.accounts[0];
        let session = signed_in(&cluster.caller, 0, person).await;
        let admin = signed_in(&cluster.caller, 0, &cluster.people.admin).await;
        let mut pages = Vec::new();
        for node in 0..3 {
            pages.push(Page::open(&cluster, node, &session).await);
        }
        let all = ["node-0", "node-1", "node-2"].map(str::to_owned).to_vec();
        until("everyone is online", PATIENCE, async || {
            (online(&cluster, 0, &admin, person.id).await? == (all.clone(), json!([]))).then_some(())
        })
        .await;
        cluster.signal(2, "STOP");
        let rev = take_role(&cluster, &admin, person.id).await;
        until("it is pending in the receipt", PATIENCE, async || {
            let receipt = receipt(&cluster, &admin, rev).await?;
            let is = (state_of(&receipt, "node-2"), &receipt["state"], &receipt["complete"]);
            assert_ne!(is.0, "lease_over", "it was not seen in time: {receipt}");
            (is == (json!("pending"), &json!("accepted"), &json!(false))).then_some(())
        })
        .await;
        for asked in [0, 1] {
            until("it is named in the list", PATIENCE, async || {
                (online(&cluster, asked, &admin, person.id).await? == (all[..2].to_vec(), json!(["node-2"])))
                    .then_some(())
            })
            .await;
        }
        until("its lease is over", PATIENCE, async || {
            let receipt = receipt(&cluster, &admin, rev).await?;
            let is = (state_of(&receipt, "node-2"), &receipt["state"], &receipt["complete"]);
            (is == (json!("lease_over"), &json!("enforced"), &json!(false))).then_some(())
        })
        .await;
        cluster.signal(2, "CONT");
        until("it has enforced it, and its tab has said so", PATIENCE, async || {
            let receipt = receipt(&cluster, &admin, rev).await?;
            let states: BTreeSet<String> = ["node-0", "node-1", "node-2"]
                .map(|name| state_of(&receipt, name).as_str().unwrap_or_default().to_owned())
                .into();
            let all_have = states == BTreeSet::from(["enforced".to_owned()]);
            let told = (&receipt["tabs_sent"], &receipt["tabs_acked"], &receipt["state"]);
            (all_have && told == (&json!(3), &json!(3), &json!("delivered"))).then_some(())
        })
        .await;
        until("everyone is online again", PATIENCE, async || {
            (online(&cluster, 1, &admin, person.id).await? == (all.clone(), json!([]))).then_some(())
        })
        .await;
    });
}

/// Takes an account's role at node 0; answers the revision.
async fn take_role(cluster: &Cluster, admin: &Session, account: i64) -> i64 {
    let role = cluster.people.first_role(account).expect("everyone begins with a role");
    let request = crate::nodes::caller::Request {
        method: reqwest::Method::DELETE,
        path: format!("/api/v1/accounts/{account}/roles/{role}"),
        body: Value::Null,
        token: admin.access(),
        id: String::new(),
    };
    let answer = cluster.caller.ask(0, &request).await;
    answer.good().and_then(|body| body["rev"].as_i64()).unwrap_or_else(|| panic!("{answer:?}"))
}

async fn receipt(cluster: &Cluster, admin: &Session, rev: i64) -> Option<Value> {
    let path = format!("/api/v1/changes/{rev}/receipt");
    cluster.caller.get(0, &path, &admin.access()).await.good().cloned()
}

fn state_of(receipt: &Value, name: &str) -> Value {
    let nodes = receipt["nodes"].as_array().cloned().unwrap_or_default();
    nodes.into_iter().find(|node| node["node"] == name).map_or(Value::Null, |node| node["state"].clone())
}
