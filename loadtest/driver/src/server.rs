//! The server under test: started in a folder of its own on SQLite with prepared accounts, or the bare writer; or one
//! that runs already and is only visited.

use std::fs;
use std::io::BufRead;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::child::{PATH, Process, command};
use crate::http::{self, Request};
use crate::machine;

/// How long a server may take to become ready.
const READY: Duration = Duration::from_secs(30);

/// What every server of a run is started with.
#[derive(Clone, Debug)]
pub struct Build {
    /// The release binary.
    pub binary: PathBuf,
    /// Its worker threads.
    pub workers: usize,
    /// The core that it is bound to.
    pub core: Option<usize>,
    /// Accounts besides those that have tabs, never online.
    pub away: usize,
    /// `telemetry.log_filter`.
    pub log_filter: String,
    /// Further settings, as `SECTION__KEY=value`.
    pub settings: Vec<String>,
}

impl Build {
    /// What the servers keep their data in.
    pub fn database(&self) -> &'static str {
        let elsewhere = |setting: &String| setting.starts_with("DATABASE__URL=postgres");
        if self.settings.iter().any(elsewhere) { "PostgreSQL" } else { "SQLite" }
    }
}

/// A server.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its process.
    pub pid: u32,
    /// The file of accounts; none for the bare writer.
    pub accounts: Option<PathBuf>,
    /// The file's first line; null for the bare writer.
    pub prepared: Value,
    process: Option<Process>,
    _folder: Option<TempDir>,
}

impl Server {
    /// Prepares a database and starts a server on it.
    pub fn start(build: &Build, accounts: usize, tabs_per_account: usize) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("livegrant-load-").tempdir()?;
        let file = folder.path().join("accounts.jsonl");
        let binary = fs::canonicalize(&build.binary)
            .with_context(|| format!("{}: build it with cargo build --release", build.binary.display()))?;
        let run = |words: &[&str]| -> anyhow::Result<()> {
            let mut command = Command::new(&binary);
            set(&mut command, build, folder.path(), tabs_per_account, 0);
            let output = command.args(words).stdin(Stdio::null()).output()?;
            ensure!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr).trim());
            Ok(())
        };
        run(&["migrate"])?;
        let (count, tabs, away) =
            (accounts.to_string(), tabs_per_account.to_string(), build.away.to_string());
        let out = file.display().to_string();
        let prepare = ["loadtest", "prepare", "--accounts", &count, "--away", &away];
        run(&[&prepare[..], &["--tabs-per-account", &tabs, "--out", &out]].concat())?;
        let prepared = first_line(&file)?;
        // Another program may take the port between finding it and listening.
        for _ in 0..3 {
            let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            let mut command = command(&binary, build.core);
            set(&mut command, build, folder.path(), tabs_per_account, port);
            let log = fs::File::create(folder.path().join("log"))?;
            command.arg("serve").stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
            let mut process = Process::start(&mut command)?;
            if ready(address, &mut process) {
                let pid = process.id();
                let accounts = Some(file);
                return Ok(Self {
                    address,
                    pid,
                    accounts,
                    prepared,
                    process: Some(process),
                    _folder: Some(folder),
                });
            }
        }
        bail!("no server became ready: {}", fs::read_to_string(folder.path().join("log")).unwrap_or_default())
    }

    /// Starts the bare writer.
    pub fn bare(core: Option<usize>) -> anyhow::Result<Self> {
        let mut command = command(std::env::current_exe()?, core);
        command.arg("bare").stdin(Stdio::null()).stdout(Stdio::piped());
        let mut process = Process::start(&mut command)?;
        let mut line = String::new();
        process.output()?.read_line(&mut line)?;
        let address = line.trim().parse().context("the bare writer says where it listens")?;
        let (pid, prepared) = (process.id(), Value::Null);
        Ok(Self { address, pid, accounts: None, prepared, process: Some(process), _folder: None })
    }

    /// Visits a server that runs already.
    pub fn visit(address: SocketAddr, pid: u32, accounts: &Path) -> anyhow::Result<Self> {
        let prepared = first_line(accounts)?;
        let accounts = Some(accounts.to_owned());
        Ok(Self { address, pid, accounts, prepared, process: None, _folder: None })
    }

    /// Says what has become of it, if it has ended.
    pub fn ended(&mut self) -> Option<String> {
        self.process.as_mut().and_then(Process::ended)
    }

    /// Its resident memory, in bytes.
    pub fn resident(&self) -> u64 {
        machine::resident(self.pid)
    }

    /// A request of the administrator's.
    pub fn request(&self, method: &str, path: &str, body: &Value) -> Request {
        let token = self.prepared["administrator"]["token"].as_str().unwrap_or_default();
        Request::new(method, path, token, body)
    }

    /// Asks as the administrator.
    pub fn ask(&self, method: &str, path: &str, body: &Value) -> anyhow::Result<Value> {
        http::ask(self.address, &self.request(method, path, body))?.json()
    }

    /// A broadcast with so many characters of text.
    pub fn broadcast(&self, text: &str) -> Request {
        let body = json!({ "title": "Load test", "content": text, "category": "load", "severity": "info" });
        self.request("POST", "/api/v1/notifications/broadcast", &body)
    }

    /// The role that all prepared accounts hold.
    pub fn role(&self) -> i64 {
        self.prepared["role"]["id"].as_i64().unwrap_or_default()
    }

    /// Takes a permission from the role, or gives it back.
    pub fn role_change(&self, way: &str, permission: &str) -> Request {
        let path = format!("/api/v1/roles/{}/permissions/{way}", self.role());
        self.request("POST", &path, &json!({ "permissions": [permission], "reason": "load test" }))
    }

    /// A counter of `/metrics`, summed over its labels; nothing when the server does not have it.
    pub fn counter(&self, name: &str) -> Option<f64> {
        let text = http::get(self.address, "/metrics").ok()?.text;
        let values: Vec<f64> = text
            .lines()
            .filter_map(|line| line.strip_prefix(name))
            .filter(|rest| rest.starts_with(['{', ' ']))
            .filter_map(|rest| rest.rsplit(' ').next()?.parse().ok())
            .collect();
        (!values.is_empty()).then(|| values.iter().sum())
    }
}

/// Reads the first line of a file of accounts.
pub fn first_line(file: &Path) -> anyhow::Result<Value> {
    let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
    Ok(serde_json::from_str(text.lines().next().context("an empty file")?)?)
}

/// Limits that a load from one machine would meet and that users on their own machines do not.
pub fn raised(tabs_per_account: usize) -> Vec<(&'static str, String)> {
    vec![
        ("REALTIME__MAX_CONNECTIONS", "100000".to_owned()),
        ("REALTIME__MAX_CONNECTIONS_PER_USER", tabs_per_account.max(5).to_string()),
        ("REALTIME__HANDSHAKES_PER_MINUTE_PER_ADDRESS", "1000000".to_owned()),
    ]
}

fn set(command: &mut Command, build: &Build, folder: &Path, tabs_per_account: usize, port: u16) {
    // The folder is empty: no settings file and no .env of this machine counts.
    command.current_dir(folder);
    command.env_clear().env("PATH", PATH);
    let mut settings = raised(tabs_per_account);
    settings.push(("SERVER__PORT", port.to_string()));
    settings.push(("SERVER__WORKERS", build.workers.to_string()));
    settings.push(("DATABASE__URL", "sqlite://livegrant.db".to_owned()));
    settings.push(("LOADTEST__ENABLED", "true".to_owned()));
    settings.push(("TELEMETRY__LOG_FILTER", build.log_filter.clone()));
    for (key, value) in settings {
        command.env(format!("LIVEGRANT__{key}"), value);
    }
    for (key, value) in build.settings.iter().filter_map(|setting| setting.split_once('=')) {
        command.env(format!("LIVEGRANT__{key}"), value);
    }
}

fn ready(address: SocketAddr, process: &mut Process) -> bool {
    let start = Instant::now();
    while start.elapsed() < READY && process.ended().is_none() {
        if http::get(address, "/readyz").is_ok_and(|answer| answer.status == 200) {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}
