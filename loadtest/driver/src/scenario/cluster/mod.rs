//! What a cluster costs and how fast it is: one account's change over all nodes under load, a role with very many
//! holders, what Redis pays, and what becomes of it when Redis is killed. Tabs of one account hang on all nodes.

mod changes;
mod costs;
mod holders;
mod outage;
mod usage;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};

use super::Plan;
use crate::child::Hand;
use crate::cluster::Cluster;
use crate::http::Request;
use crate::order::{Acks, Aim, Kind, Measured, Order, Reply, Want};
use crate::report::Table;

/// Accounts that are measured, each with a role of its own. 8: one after another, each rests longer than the merging
/// window while two changes a second are measured.
const MEASURED: usize = 8;
/// Tabs of each of them.
const TABS: usize = 10;
/// Roles that change besides.
const OTHERS: usize = 20;
/// Accounts that hold each of those.
const HOLDERS: usize = 10;
/// What the roles of their own take and give.
const PERMISSION: &str = "org:create";

/// What is measured.
#[derive(Clone, Debug)]
pub struct Shape {
    /// `scripts/cluster.sh`.
    pub script: PathBuf,
    /// Nodes.
    pub nodes: usize,
    /// Tabs besides those that are measured, three an account.
    pub tabs: usize,
    /// Holders of one role, a tab each.
    pub holders: usize,
    /// How long roles change.
    pub time: Duration,
    /// Changes a minute, half of them measured.
    pub per_minute: u32,
    /// Rounds of the role that everybody holds.
    pub rounds: usize,
}

/// A cluster with tabs.
struct Field {
    cluster: Cluster,
    /// Tabs of the accounts that are measured.
    hand: Hand,
    /// Everybody else's.
    crowd: Hand,
    /// The role of each measured account, and whether it has [`PERMISSION`] just now.
    roles: Vec<(i64, bool)>,
    hand_core: Option<usize>,
}

/// Measures everything; a table each.
pub fn run(plan: &Plan, shape: &Shape) -> anyhow::Result<Vec<Table>> {
    let accounts = MEASURED + shape.holders.max(shape.tabs.div_ceil(3)).max(HOLDERS * OTHERS);
    eprintln!("starting {} nodes with {accounts} accounts", shape.nodes);
    let cluster = Cluster::start(&plan.build, &shape.script, shape.nodes, accounts, TABS + 2)?;
    let ids = cluster.account_ids()?;
    let roles = (0..MEASURED).map(|number| role(&cluster, &format!("own-{number}"), &ids[number..=number]));
    let roles = roles.collect::<anyhow::Result<Vec<_>>>()?;
    let others: Vec<i64> = (0..OTHERS)
        .map(|number| {
            role(&cluster, &format!("other-{number}"), &ids[MEASURED + number * HOLDERS..][..HOLDERS])
        })
        .collect::<anyhow::Result<_>>()?;
    let hand = hold(&cluster, 0, MEASURED * TABS, TABS, plan.hand_core)?;
    let crowd = hold(&cluster, MEASURED, shape.tabs, 3, plan.hand_core)?;
    let roles = roles.into_iter().map(|role| (role, true)).collect();
    let mut field = Field { cluster, hand, crowd, roles, hand_core: plan.hand_core };
    connect(&mut field.hand, MEASURED * TABS)?;
    connect(&mut field.crowd, shape.tabs)?;
    let mut tables = changes::run(&mut field, shape, &others)?;
    let (holders, connects) = holders::run(&mut field, shape)?;
    tables.push(holders);
    tables.push(costs::run(&mut field, shape, connects)?);
    tables.push(outage::run(&mut field)?);
    for hand in [&mut field.hand, &mut field.crowd] {
        let tally = hand.tally()?;
        ensure!(tally.faults.is_empty() && tally.closed.is_empty(), "tabs were lost: {tally:?}");
    }
    Ok(tables)
}

impl Plan {
    /// The settings that a reader of a cluster's results needs.
    pub fn cluster_settings(&self, shape: &Shape) -> Value {
        json!({
            "database": "PostgreSQL, fsync on", "bus": "Redis, one process", "nodes": shape.nodes,
            "workers_a_node": self.build.workers, "measured_accounts": MEASURED, "tabs_of_each": TABS,
            "other_tabs": shape.tabs, "holders": shape.holders, "changes_a_minute": shape.per_minute,
            "seconds": shape.time.as_secs(), "log_filter": crate::cluster::LOG_FILTER, "further": self.build.settings,
        })
    }
}

/// Makes a role and gives it to these accounts.
fn role(cluster: &Cluster, code: &str, accounts: &[i64]) -> anyhow::Result<i64> {
    let body = json!({ "code": format!("load-{code}"), "name": format!("Load test, {code}") });
    let made = cluster.ask(0, "POST", "/api/v1/roles", &body)?;
    let role = made["id"].as_i64().with_context(|| format!("no role: {made}"))?;
    let path = format!("/api/v1/roles/{role}/permissions/add");
    cluster.ask(0, "POST", &path, &json!({ "permissions": [PERMISSION] }))?;
    for account in accounts {
        cluster.ask(0, "POST", &format!("/api/v1/accounts/{account}/roles/{role}"), &json!({}))?;
    }
    Ok(role)
}

/// Starts a hand whose tabs are dealt out over all nodes.
fn hold(
    cluster: &Cluster,
    skip: usize,
    tabs: usize,
    each: usize,
    core: Option<usize>,
) -> anyhow::Result<Hand> {
    let aim = Aim {
        addresses: cluster.nodes.clone(),
        accounts: Some(cluster.accounts.clone()),
        skip,
        tabs,
        tabs_per_account: each,
        protocol: None,
        network: if skip == 0 { 1 } else { 2 },
    };
    Hand::start(aim, core)
}

/// Connects them all; answers the seconds until the last one knew its state.
fn connect(hand: &mut Hand, tabs: usize) -> anyhow::Result<f64> {
    match hand.tell(&Order::Connect { resume: false })? {
        Reply::Connected { settled_seconds, settled, .. } if settled == tabs => Ok(settled_seconds),
        other => bail!("not all tabs are there: {other:?}, {:?}", hand.tally()?),
    }
}

/// Sends a request to a node and waits for its frame at so many tabs.
fn round(hand: &mut Hand, to: SocketAddr, request: Request, want: Want) -> anyhow::Result<Measured> {
    let expected = want.tabs;
    // The processes' own times are measured elsewhere: no process is named here.
    let order = Order::Round { request, to, want, pid: 0, acks: Acks::Afterwards };
    let measured = hand.round(&order)?;
    ensure!((200..300).contains(&measured.status), "answered {}: {}", measured.status, measured.text);
    ensure!(measured.arrived >= expected, "{} of {expected} tabs, {:?}", measured.arrived, hand.tally()?);
    Ok(measured)
}

impl Field {
    /// Changes the own role of a measured account through a node; waits for all of its tabs.
    fn change(&mut self, account: usize, node: usize) -> anyhow::Result<Measured> {
        let (role, has) = self.roles[account];
        let request = switch(&self.cluster, role, has);
        self.roles[account].1 = !has;
        let to = self.cluster.nodes[node % self.cluster.nodes.len()];
        let want = Want { kind: Kind::PermissionUpdate, tabs: TABS, account: Some(account) };
        round(&mut self.hand, to, request, want)
    }
}

/// Takes [`PERMISSION`] from a role that has it, or gives it.
fn switch(cluster: &Cluster, role: i64, has: bool) -> Request {
    let way = if has { "remove" } else { "add" };
    let path = format!("/api/v1/roles/{role}/permissions/{way}");
    cluster.request("POST", &path, &json!({ "permissions": [PERMISSION], "reason": "load test" }))
}

/// The revision that an answer names.
fn rev_of(text: &str) -> Option<i64> {
    serde_json::from_str::<Value>(text).ok()?["rev"].as_i64()
}
