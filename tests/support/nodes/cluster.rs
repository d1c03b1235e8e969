//! A running cluster: PostgreSQL and perhaps Redis, a link to each for every node, the nodes, and everyone who takes part.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use super::caller::{Answer, Caller};
use super::check::Life;
use super::folder::Folder;
use super::history::Recorder;
use super::people::People;
use super::ports;
use super::postgres::Postgres;
use super::process::{Defence, Order, Process};
use super::proxy::{Link, Proxy};
use super::redis::Redis;
use super::wait::within;

/// How long a node may take to be ready, on a busy machine and an unoptimised build.
const PATIENCE: Duration = Duration::from_mins(1);
/// Time between two looks.
const LOOK: Duration = Duration::from_millis(50);

/// Signs what these nodes say to each other.
const SECRET: &str = "what these nodes say to each other is signed";

/// What a cluster is to be like.
#[derive(Debug, Clone)]
pub struct Plan {
    pub nodes: usize,
    pub accounts: usize,
    pub defence: Defence,
    /// `SECTION__KEY` and value, over the ones of every run.
    pub settings: Vec<(String, String)>,
    /// Which node's clock can be turned.
    pub clock: Option<usize>,
    /// Statements past the application, once the schema is there.
    pub sql: &'static str,
    /// Nodes ring each other by Redis; without it they look at the log, and nothing else.
    pub redis: bool,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            nodes: 3,
            accounts: 6,
            defence: Defence::Whole,
            settings: Vec::new(),
            clock: None,
            sql: "",
            redis: false,
        }
    }
}

impl Plan {
    /// The same with a Redis.
    pub fn with_redis(self) -> Self {
        Self { redis: true, ..self }
    }

    pub fn with(mut self, key: &str, value: u64) -> Self {
        self.settings.push((key.to_owned(), value.to_string()));
        self
    }
}

/// A node, running or not.
#[derive(Debug)]
pub struct Node {
    order: Order,
    /// How often it was started before.
    life: usize,
    process: Option<Process>,
    /// Its link to the database.
    pub database: Proxy,
    /// Its link to Redis, if there is one.
    bus: Option<Proxy>,
}

/// See the head of this file. Everything ends with it.
#[derive(Debug)]
pub struct Cluster {
    pub nodes: Vec<Node>,
    pub postgres: Postgres,
    pub redis: Option<Redis>,
    pub people: People,
    pub recorder: Recorder,
    pub caller: Caller,
    // Last: dropped after those who write into it.
    folder: Folder,
}

impl Cluster {
    /// Starts everything and waits until every node is ready.
    pub async fn start(plan: &Plan) -> Self {
        let folder = Folder::make();
        let postgres = Postgres::start(folder.path()).await;
        let people = People::make(&postgres.url(), plan.accounts).await;
        postgres.execute(include_str!("../commit_order.sql")).await;
        if !plan.sql.is_empty() {
            postgres.execute(plan.sql).await;
        }
        let redis = if plan.redis { Some(Redis::start(folder.path()).await) } else { None };
        let mut nodes = Vec::new();
        for number in 0..plan.nodes {
            let database = Proxy::to(postgres.address).await;
            let bus = match &redis {
                Some(redis) => Some(Proxy::to(redis.address).await),
                None => None,
            };
            let mut own = settings(&Postgres::url_by(database.address), &plan.settings);
            if let Some(bus) = &bus {
                own.push(("REDIS__URL".to_owned(), format!("redis://{}", bus.address)));
                own.push(("CLUSTER__SECRET".to_owned(), SECRET.to_owned()));
                own.push(("CLUSTER__NAME".to_owned(), format!("node-{number}")));
            }
            let order = Order {
                number,
                folder: folder.path().to_owned(),
                port: ports::free(),
                defence: plan.defence,
                settings: own,
                clock: plan.clock == Some(number),
            };
            nodes.push(Node { order, life: 0, process: None, database, bus });
        }
        let caller = Caller::of(nodes.iter().map(|node| node.order.port).collect());
        let mut cluster =
            Self { nodes, postgres, redis, people, recorder: Recorder::begin(), caller, folder };
        for node in &mut cluster.nodes {
            node.process = Some(node.order.start(0));
        }
        for node in 0..cluster.nodes.len() {
            cluster.ready(node).await;
        }
        cluster
    }

    /// Waits until a node is ready. Like a supervisor it starts one again that ended because its database was away.
    pub async fn ready(&mut self, node: usize) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        let caller = self.caller.clone();
        let mut every = tokio::time::interval(LOOK);
        loop {
            every.tick().await;
            let process = self.nodes[node].process.as_mut();
            if let Some(status) = process.and_then(Process::ended) {
                self.recorder.fault(format!("node {node} ended by itself: {status}"));
                self.start_again(node);
            }
            if caller.get(node, "/readyz", "").await.good().is_some() {
                return;
            }
            let late = tokio::time::Instant::now() >= deadline;
            assert!(!late, "node {node} is not ready\n{}", tail(&self.log(node)));
        }
    }

    /// What `/readyz` says: its status and body; null when nobody answers.
    pub async fn readiness(&self, node: usize) -> (u16, Value) {
        match self.caller.get(node, "/readyz", "").await {
            Answer::Given(status, body) => (status, body),
            _ => (0, Value::Null),
        }
    }

    /// `kill -9`.
    pub fn kill(&mut self, node: usize) {
        self.recorder.fault(format!("node {node}: kill -9"));
        if let Some(mut process) = self.nodes[node].process.take() {
            process.kill();
        }
    }

    /// Sends a signal.
    pub fn signal(&self, node: usize, signal: &str) {
        self.recorder.fault(format!("node {node}: {signal}"));
        if let Some(process) = &self.nodes[node].process {
            process.signal(signal);
        }
    }

    /// Stops a node in order and waits until it has gone; answers whether it said that all went well.
    pub async fn stop(&mut self, node: usize) -> bool {
        self.signal(node, "TERM");
        let log = self.log(node);
        let Some(process) = &mut self.nodes[node].process else { return true };
        let ended = within(PATIENCE, async || process.ended()).await;
        let status = ended.unwrap_or_else(|| panic!("node {node} does not stop\n{}", tail(&log)));
        self.nodes[node].process = None;
        status.success()
    }

    /// Starts a node again on its port; it is not ready yet.
    pub fn start_again(&mut self, node: usize) {
        self.recorder.fault(format!("node {node}: start"));
        let node = &mut self.nodes[node];
        node.life += 1;
        node.process = Some(node.order.start(node.life));
    }

    /// Breaks or mends the link between a node and the database.
    pub fn link(&self, node: usize, link: Link) {
        self.recorder.fault(format!("node {node} - database: {link:?}"));
        self.nodes[node].database.set(link);
    }

    /// Breaks or mends the link between a node and Redis.
    pub fn bus_link(&self, node: usize, link: Link) {
        self.recorder.fault(format!("node {node} - Redis: {link:?}"));
        if let Some(bus) = &self.nodes[node].bus {
            bus.set(link);
        }
    }

    /// What the nodes that run say of their bus when it is not well; nothing while there is no Redis.
    pub async fn bus_troubles(&self) -> Vec<String> {
        let mut troubles = Vec::new();
        if self.redis.as_ref().is_none_or(|redis| !redis.runs()) {
            return troubles;
        }
        for node in (0..self.nodes.len()).filter(|node| self.runs(*node)) {
            let (_, readiness) = self.readiness(node).await;
            if readiness["bus"] != "ok" {
                troubles.push(format!("node {node}: {}", readiness["bus"]));
            }
        }
        troubles
    }

    /// Forgets the connections between a node and the database that are open now, without a word to either.
    pub fn forget_connections(&self, node: usize) {
        self.recorder.fault(format!("node {node} - database: what is open is forgotten"));
        self.nodes[node].database.forget();
    }

    /// Turns a node's clock.
    pub fn turn_clock(&self, node: usize, seconds: i64) {
        self.recorder.fault(format!("node {node}: clock {seconds:+} s"));
        self.nodes[node].order.turn_clock(seconds);
    }

    /// Tells whether a node was started and not killed.
    pub fn runs(&self, node: usize) -> bool {
        self.nodes[node].process.is_some()
    }

    /// Tells whether a node has a clock that can be turned.
    pub fn has_clock(&self, node: usize) -> bool {
        self.nodes[node].order.clock
    }

    /// A node's log of its present life.
    pub fn log(&self, node: usize) -> PathBuf {
        let node = &self.nodes[node];
        node.order.log(node.life)
    }

    /// What every life of every node applied.
    pub fn lives(&self) -> Vec<Life> {
        let mut lives = Vec::new();
        for node in &self.nodes {
            for life in 0..=node.life {
                let text = std::fs::read_to_string(node.order.log(life)).unwrap_or_default();
                lives.push(Life {
                    name: format!("node {} (life {life})", node.order.number),
                    applied: applied(&text),
                    last: life == node.life && node.process.is_some(),
                });
            }
        }
        lives
    }

    /// The end of every node's log, for a test that fails.
    pub fn logs(&self) -> String {
        let ends = (0..self.nodes.len()).map(|node| format!("--- node {node}\n{}", tail(&self.log(node))));
        ends.collect()
    }

    /// Keeps the logs for somebody who looks at them later; answers where.
    pub fn keep_logs(&self, into: &std::path::Path) {
        std::fs::create_dir_all(into).expect("the folder for logs can be made");
        for node in &self.nodes {
            for life in 0..=node.life {
                let log = node.order.log(life);
                if let Some(name) = log.file_name() {
                    // A log that cannot be copied is no reason to hide what it is kept for.
                    let _ = std::fs::copy(&log, into.join(name));
                }
            }
        }
        let _ = std::fs::copy(self.folder.path().join("postgres.log"), into.join("postgres.log"));
    }
}

/// Reads the revisions out of a log; a last line that was cut off by a kill is none.
fn applied(log: &str) -> Vec<i64> {
    let lines = log.lines().filter(|line| line.contains("policy applied"));
    lines
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|line| line["message"] == "policy applied")
        .filter_map(|line| line["rev"].as_i64())
        .collect()
}

fn tail(log: &std::path::Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().filter(|line| !line.contains("policy applied")).collect();
    lines[lines.len().saturating_sub(25)..].iter().map(|line| format!("{line}\n")).collect()
}

fn settings(database: &str, own: &[(String, String)]) -> Vec<(String, String)> {
    let all = [
        ("DATABASE__URL", database),
        ("DATABASE__MAX_CONNECTIONS", "6"),
        ("DATABASE__ACQUIRE_TIMEOUT_SECONDS", "2"),
        ("SERVER__WORKERS", "1"),
        ("SERVER__SHUTDOWN_SECONDS", "3"),
        ("REALTIME__DRAIN_SECONDS", "1"),
        ("REALTIME__CHECKPOINT_SECONDS", "5"),
        ("REALTIME__MERGE_WINDOW_MS", "100"),
        ("REALTIME__MESSAGES_PER_MINUTE", "100000"),
        ("REALTIME__HANDSHAKES_PER_MINUTE_PER_ADDRESS", "1000000"),
        ("REALTIME__HANDSHAKES_PER_MINUTE_PER_ACCOUNT", "1000000"),
        ("REALTIME__MAX_CONNECTIONS_PER_USER", "50"),
        // Everyone comes from one address.
        ("REALTIME__ABUSE_LIMIT", "0"),
        ("AUTH__THROTTLE_ACCOUNT_ATTEMPTS", "100000"),
        ("AUTH__THROTTLE_ADDRESS_ATTEMPTS", "100000"),
        ("TELEMETRY__LOG_FILTER", "info"),
    ];
    let all = all.map(|(key, value)| (key.to_owned(), value.to_owned()));
    all.into_iter().chain(own.iter().cloned()).collect()
}
