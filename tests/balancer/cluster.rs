//! A cluster of two nodes behind a balancer, as `scripts/cluster.sh` starts it: when the test ends, however it ends, the
//! script's standard input ends, and it stops what it started.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{self, Account, Caller, PATIENCE, TestDatabase, ok};

const DEMO_PASSWORD: &str = "livegrant-demo";

/// See the head of this file.
pub struct Cluster {
    script: Child,
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    file: tempfile::TempPath,
    client: reqwest::Client,
}

/// Runs a body with a cluster of two nodes on an empty PostgreSQL database.
pub fn run(balancer: &'static str, settings: &[(&str, &str)], body: impl AsyncFnOnce(&mut Cluster)) {
    support::run_on_postgres(async |database: TestDatabase| {
        let mut cluster = Cluster::start(balancer, &database, settings).await;
        body(&mut cluster).await;
    });
}

impl Cluster {
    async fn start(balancer: &str, database: &TestDatabase, settings: &[(&str, &str)]) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let file = tempfile::NamedTempFile::new().expect("a temporary file").into_temp_path();
        std::fs::remove_file(&file).expect("it is ours");
        let mut script = Command::new("bash");
        script.arg(root.join("scripts/cluster.sh")).arg("--json").arg(&file).current_dir(root);
        script.env("NODES", "2").env("BALANCER", balancer).env("DATABASE", &database.url).env("BETWEEN", "0");
        script.env("REDIS", "none").env("LIVEGRANT_BINARY", env!("CARGO_BIN_EXE_livegrant"));
        let cheap =
            [("AUTH__HASH_MEMORY_KIB", "8"), ("AUTH__HASH_ITERATIONS", "1"), ("SERVER__WORKERS", "1")];
        let small = [("DATABASE__MAX_CONNECTIONS", "4"), ("REALTIME__DRAIN_SECONDS", "1")];
        let many = [("REALTIME__HANDSHAKES_PER_MINUTE_PER_ACCOUNT", "1000000")];
        for (key, value) in cheap.iter().chain(&many).chain(&small).chain(settings) {
            script.env(format!("LIVEGRANT__{key}"), value);
        }
        script.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut script = script.spawn().expect("bash starts");
        let commands = script.stdin.take();
        let answers = BufReader::new(script.stdout.take().expect("it was piped"));
        let client = reqwest::Client::builder().timeout(PATIENCE).build().expect("a client needs nothing");
        let mut cluster = Self { script, commands, answers, file, client };
        until("the cluster is there", async || {
            let ended = cluster.script.try_wait().expect("its state can be asked");
            assert!(ended.is_none(), "the cluster did not start: {ended:?}");
            cluster.file.exists()
        })
        .await;
        cluster
    }

    /// Tells the script something and waits until it is done.
    pub fn tell(&mut self, command: &str) {
        let commands = self.commands.as_mut().expect("it is open until the end");
        writeln!(commands, "{command}").expect("the script listens");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("the script answers");
        assert_eq!(answer.trim(), format!("done: {command}"));
    }

    fn facts(&self) -> Value {
        let text = std::fs::read_to_string(&self.file).expect("the script writes it whole");
        serde_json::from_str(&text).expect("JSON")
    }

    /// The balancer, as `host:port`.
    pub fn front(&self) -> String {
        self.facts()["url"].as_str().expect("a text").replace("http://", "")
    }

    /// One node, as `host:port`.
    pub fn node(&self, number: usize) -> String {
        self.facts()["nodes"][number].as_str().expect("a text").replace("http://", "")
    }

    /// The process of a node.
    pub fn process(&self, number: usize) -> i64 {
        self.facts()["pids"][number].as_i64().expect("a process id")
    }

    /// Somebody without a token who speaks to the balancer or to a node.
    pub fn anonymous(&self, address: &str) -> Caller {
        Caller::new(format!("http://{address}"), self.client.clone(), None)
    }

    /// Signs a demo account in at the balancer.
    pub async fn signed_in(&self, username: &str) -> Account {
        let anonymous = self.anonymous(&self.front());
        let body = json!({ "username": username, "password": DEMO_PASSWORD });
        Account::of_login(&anonymous, &ok(anonymous.post("/api/auth/login/", body).await))
    }

    /// Takes `org:view` from the role `desk`, or gives it back, at one node; answers the revision.
    pub async fn change_at(&self, node: usize, admin: &Account, way: &str) -> i64 {
        let admin = admin.at(&self.anonymous(&self.node(node)));
        let roles = ok(admin.get("/api/v1/roles?search=desk").await);
        let role = roles["results"][0]["id"].as_i64().expect("the role desk is demo data");
        let body = json!({ "permissions": ["org:view"], "reason": "behind a balancer" });
        let saved = ok(admin.post(&format!("/api/v1/roles/{role}/permissions/{way}"), body).await);
        saved["rev"].as_i64().expect("something was changed")
    }

    /// How many tabs a node has open.
    pub async fn tabs_of(&self, node: usize) -> i64 {
        let request = self.anonymous(&self.node(node)).request(Method::GET, "/metrics");
        let text = request.send().await.expect("the node answers").text().await.expect("text");
        let line = text.lines().find_map(|line| line.strip_prefix("livegrant_tabs "));
        line.expect("the gauge is there").parse::<f64>().expect("a number") as i64
    }

    /// The node that has a tab.
    pub async fn node_with_a_tab(&self) -> usize {
        for node in 0..2 {
            if self.tabs_of(node).await > 0 {
                return node;
            }
        }
        panic!("no node has a tab");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Its input ends: it stops everything, and the database goes after it.
        drop(self.commands.take());
        let _ = self.script.wait();
    }
}

/// Asks until something is so.
pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let mut tick = tokio::time::interval(Duration::from_millis(20));
    let asking = async {
        while !holds().await {
            tick.tick().await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, asking).await.is_ok(), "in vain: {what}");
}
