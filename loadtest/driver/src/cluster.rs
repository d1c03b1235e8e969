//! Several nodes on this machine, with PostgreSQL that waits for the disk and Redis: `scripts/cluster.sh` without a
//! balancer. It ends with its standard input, which this process holds.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde::Deserialize;
use serde_json::Value;
use tempfile::TempDir;

use crate::child::{PATH, Process};
use crate::http::{self, Request};
use crate::machine;
use crate::redis::Redis;
use crate::server::{Build, first_line};

/// How long the cluster may take to start: a new PostgreSQL, ten thousand accounts, its nodes.
const READY: Duration = Duration::from_mins(3);
/// How long it may take to stop.
const STOPPED: Duration = Duration::from_mins(1);
/// Logs one line for every revision that a node applies, and nothing else that is usual.
pub const LOG_FILTER: &str = "warn,livegrant::realtime::relay=info";

/// What `scripts/cluster.sh` writes about itself.
#[derive(Deserialize)]
struct Described {
    nodes: Vec<String>,
    pids: Vec<u32>,
    database: String,
    redis: String,
    accounts: PathBuf,
    room: PathBuf,
}

/// A cluster.
pub struct Cluster {
    /// Where the nodes listen.
    pub nodes: Vec<SocketAddr>,
    /// Their processes.
    pub pids: Vec<u32>,
    /// Its PostgreSQL.
    pub postgres: u32,
    /// Its Redis.
    pub redis: Redis,
    /// The file of accounts.
    pub accounts: PathBuf,
    /// That file's first line.
    pub prepared: Value,
    room: PathBuf,
    orders: Option<ChildStdin>,
    process: Process,
    _folder: TempDir,
}

impl Cluster {
    /// Starts one with so many accounts, each of which may have so many tabs.
    pub fn start(
        build: &Build,
        script: &Path,
        nodes: usize,
        accounts: usize,
        most: usize,
    ) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("livegrant-load-").tempdir()?;
        let (file, log) = (folder.path().join("cluster.json"), folder.path().join("log"));
        let mut command = Command::new(script);
        command.arg("--json").arg(&file).env_clear();
        command.env("PATH", format!("{PATH}:/usr/sbin:/sbin"));
        for (key, value) in given(build, nodes, accounts, most)? {
            command.env(key, value);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(fs::File::create(&log)?);
        let mut process = Process::start(&mut command)?;
        let orders = process.input();
        let start = Instant::now();
        while !file.exists() {
            if process.ended().is_some() || start.elapsed() > READY {
                bail!("no cluster: {}", fs::read_to_string(&log).unwrap_or_default());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let Described { nodes, pids, database, redis, accounts, room } =
            serde_json::from_str(&fs::read_to_string(&file)?)?;
        let address = |url: &str| -> anyhow::Result<SocketAddr> {
            let (_, host) = url.split_once("//").context("no address")?;
            Ok(host.trim_end_matches('/').parse()?)
        };
        let port = database.rsplit(':').next().and_then(|rest| rest.split('/').next()).unwrap_or_default();
        let postgres = machine::process_with(&["postgres", "-p", port]).context("no PostgreSQL")?;
        ensure!(!redis.is_empty(), "redis-server is not installed");
        Ok(Self {
            nodes: nodes.iter().map(|url| address(url)).collect::<anyhow::Result<_>>()?,
            pids,
            postgres,
            redis: Redis::at(address(&redis)?),
            prepared: first_line(&accounts)?,
            accounts,
            room,
            orders,
            process,
            _folder: folder,
        })
    }

    /// A request of the administrator's.
    pub fn request(&self, method: &str, path: &str, body: &Value) -> Request {
        let token = self.prepared["administrator"]["token"].as_str().unwrap_or_default();
        Request::new(method, path, token, body)
    }

    /// Asks a node as the administrator.
    pub fn ask(&self, node: usize, method: &str, path: &str, body: &Value) -> anyhow::Result<Value> {
        http::ask(self.nodes[node % self.nodes.len()], &self.request(method, path, body))?.json()
    }

    /// The accounts' ids, in the file's order.
    pub fn account_ids(&self) -> anyhow::Result<Vec<i64>> {
        let text = fs::read_to_string(&self.accounts)?;
        let id = |line: &str| serde_json::from_str::<Value>(line).ok()?["account"].as_i64();
        text.lines().skip(1).map(|line| id(line).context("a line without an account")).collect()
    }

    /// What each node's log says of the revisions that it has applied: how long after the change's own instant (the
    /// database's, within its transaction), in milliseconds.
    pub fn applied(&self) -> anyhow::Result<Vec<BTreeMap<i64, i64>>> {
        let of = |number: usize| -> anyhow::Result<BTreeMap<i64, i64>> {
            let text = fs::read_to_string(self.room.join(format!("node{}.log", number + 1)))?;
            let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            let lines = lines.filter(|line| line["message"] == "policy applied");
            Ok(lines
                .filter_map(|line| Some((line["rev"].as_i64()?, line["milliseconds"].as_i64()?)))
                .collect())
        };
        (0..self.nodes.len()).map(of).collect()
    }
}

fn given(build: &Build, nodes: usize, accounts: usize, most: usize) -> anyhow::Result<Vec<(String, String)>> {
    let binary = fs::canonicalize(&build.binary)
        .with_context(|| format!("{}: build it with cargo build --release", build.binary.display()))?;
    let mut given = vec![
        ("LIVEGRANT_BINARY".to_owned(), binary.display().to_string()),
        ("LIVEGRANT_TEST_POSTGRES_DURABLE".to_owned(), "on".to_owned()),
        ("NODES".to_owned(), nodes.to_string()),
        ("BALANCER".to_owned(), "none".to_owned()),
        ("DEMO".to_owned(), "none".to_owned()),
        ("ACCOUNTS".to_owned(), accounts.to_string()),
    ];
    let settings = [
        ("SERVER__WORKERS", build.workers.to_string()),
        // Nobody is in front of the nodes to be told that they go.
        ("SERVER__LEAVE_SECONDS", "0".to_owned()),
        ("REALTIME__MAX_CONNECTIONS", "100000".to_owned()),
        ("REALTIME__MAX_CONNECTIONS_PER_USER", most.to_string()),
        ("TELEMETRY__LOG_FILTER", LOG_FILTER.to_owned()),
        ("TELEMETRY__LOG_FORMAT", "json".to_owned()),
    ];
    given.extend(settings.map(|(key, value)| (format!("LIVEGRANT__{key}"), value)));
    let further = build.settings.iter().filter_map(|setting| setting.split_once('='));
    given.extend(further.map(|(key, value)| (format!("LIVEGRANT__{key}"), value.to_owned())));
    Ok(given)
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.orders = None;
        let start = Instant::now();
        // What has not stopped by then is asked again by the process's own drop.
        while start.elapsed() < STOPPED && self.process.ended().is_none() {
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}
