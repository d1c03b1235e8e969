//! A Redis server of a test: a process of its own, a temporary folder, a free port on loopback.
//!
//! It dies with the thread that started it, also when that is killed.

use std::fs::{File, remove_dir_all};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use redis::{FromRedisValue, cmd};

/// Longest wait for a server that starts or a group that forms.
const PATIENCE: Duration = Duration::from_secs(30);

/// A Redis server, or a sentinel.
pub struct Server {
    /// Its port on 127.0.0.1.
    pub port: u16,
    folder: PathBuf,
    arguments: Vec<String>,
    child: Option<Child>,
}

impl Server {
    /// Starts a server with more arguments than the usual ones.
    pub fn start(arguments: &[&str]) -> Self {
        let arguments: Vec<_> = arguments.iter().map(|text| (*text).to_owned()).collect();
        for _ in 0..5 {
            let port = free_port();
            let folder = folder(port);
            let mut server = Self { port, folder, arguments: arguments.clone(), child: None };
            if server.try_run() {
                return server;
            }
        }
        panic!("no Redis server started in five tries");
    }

    /// Starts a sentinel that watches `master` under the name `main`.
    pub fn sentinel(master: u16) -> Self {
        let port = free_port();
        let folder = folder(port);
        let text = format!(
            "port {port}\nbind 127.0.0.1\ndir {}\nprotected-mode no\nsentinel monitor main 127.0.0.1 {master} 2\n\
             sentinel down-after-milliseconds main 700\nsentinel failover-timeout main 3000\n",
            folder.display()
        );
        std::fs::write(folder.join("sentinel.conf"), text).expect("the folder can be written");
        let mut server = Self { port, folder, arguments: Vec::new(), child: None };
        assert!(server.try_run(), "no sentinel started: {}", server.log());
        server
    }

    /// The address of a client.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Starts the server again on its port.
    pub fn restart(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        while !self.try_run() {
            assert!(Instant::now() < deadline, "the server does not come back: {}", self.log());
        }
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("a child can be killed");
            child.wait().expect("a child can be waited for");
        }
    }

    /// Sends the process a signal: `STOP`, `CONT`.
    pub fn signal(&self, name: &str) {
        let id = self.child.as_ref().expect("it runs").id().to_string();
        let status = Command::new("kill").args([&format!("-{name}"), &id]).status().expect("kill runs");
        assert!(status.success(), "kill -{name}");
    }

    /// Runs one command.
    pub fn run<T: FromRedisValue>(&self, words: &[&str]) -> T {
        self.try_command(words).unwrap_or_else(|error| panic!("{words:?}: {error}"))
    }

    /// Runs one command that may fail.
    pub fn try_command<T: FromRedisValue>(&self, words: &[&str]) -> redis::RedisResult<T> {
        let client = redis::Client::open(self.url())?;
        let mut connection = client.get_connection_with_timeout(Duration::from_secs(2))?;
        connection.set_read_timeout(Some(Duration::from_secs(5)))?;
        let mut command = cmd(words[0]);
        words[1..].iter().for_each(|word| {
            command.arg(*word);
        });
        command.query(&mut connection)
    }

    fn try_run(&mut self) -> bool {
        let log = File::create(self.folder.join("log")).expect("the folder can be written");
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "redis-server"]);
        let conf = self.folder.join("sentinel.conf");
        if conf.exists() {
            command.arg(conf).arg("--sentinel");
        } else {
            let port = self.port.to_string();
            command.args(["--port", &port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
            command.arg("--dir").arg(&self.folder).args(&self.arguments);
        }
        command.stdin(Stdio::null()).stderr(log.try_clone().expect("a file can be shared")).stdout(log);
        self.child = Some(command.spawn().expect("setpriv must start"));
        if self.answers() {
            return true;
        }
        let log = self.log();
        assert!(
            !log.contains("No such file or directory"),
            "the tests need redis-server, which scripts/test-tools.sh installs: {log}"
        );
        self.kill();
        false
    }

    /// Waits until the server answers; `false`: it has ended.
    fn answers(&mut self) -> bool {
        wait_until("a Redis server answers", || {
            let ended = self.child.as_mut().is_none_or(|child| !matches!(child.try_wait(), Ok(None)));
            let answer = self.try_command::<String>(&["PING"]);
            ended || answer.is_ok() || answer.is_err_and(|error| error.code() == Some("NOAUTH"))
        });
        self.child.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        let _left_behind = remove_dir_all(&self.folder);
    }
}

/// Three masters with a replica each.
pub fn cluster() -> Vec<Server> {
    let servers: Vec<_> = (0..6)
        .map(|_| {
            let bus = free_port().to_string();
            Server::start(&[
                "--cluster-enabled",
                "yes",
                "--cluster-node-timeout",
                "1000",
                "--cluster-port",
                &bus,
            ])
        })
        .collect();
    let mut command = Command::new("redis-cli");
    command.args(["--cluster", "create", "--cluster-replicas", "1", "--cluster-yes"]);
    let made = command.args(servers.iter().map(|server| format!("127.0.0.1:{}", server.port))).output();
    let made = made.expect("redis-cli runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stdout));
    // A replica that has not copied its master yet is never promoted.
    wait_until("the replicas follow", || servers.iter().filter(|server| follows(server)).count() == 3);
    for server in &servers {
        wait_until("the cluster is whole", || {
            let info = server.run::<String>(&["CLUSTER", "INFO"]);
            let nodes = server.run::<String>(&["CLUSTER", "NODES"]);
            info.contains("cluster_state:ok")
                && nodes.matches(" slave ").count() + nodes.matches(",slave ").count() == 3
        });
    }
    servers
}

/// A server with a replica, and three sentinels that know all of them.
pub fn watched() -> (Vec<Server>, Vec<Server>) {
    let master = Server::start(&[]);
    let port = master.port.to_string();
    let replica = Server::start(&["--replicaof", "127.0.0.1", &port]);
    wait_until("the replica follows", || follows(&replica));
    let sentinels: Vec<_> = (0..3).map(|_| Server::sentinel(master.port)).collect();
    for sentinel in &sentinels {
        wait_until("the sentinels know each other", || {
            let known =
                sentinel.run::<std::collections::HashMap<String, String>>(&["SENTINEL", "MASTER", "main"]);
            known["num-other-sentinels"] == "2" && known["num-slaves"] == "1" && known["flags"] == "master"
        });
    }
    (vec![master, replica], sentinels)
}

/// Tells whether a node of a cluster sees all of it, and everybody alive.
pub fn is_whole(server: &Server) -> bool {
    let nodes = server.try_command::<String>(&["CLUSTER", "NODES"]);
    let info = server.try_command::<String>(&["CLUSTER", "INFO"]);
    info.is_ok_and(|text| text.contains("cluster_state:ok")) && nodes.is_ok_and(|text| !text.contains("fail"))
}

/// Tells whether a server is a replica and its master is there.
pub fn follows(server: &Server) -> bool {
    // A server that becomes a replica hangs up on everybody.
    let info = server.try_command::<String>(&["INFO", "replication"]);
    info.is_ok_and(|text| text.contains("master_link_status:up"))
}

/// Waits for a condition of servers, before or between what a test does with a bus.
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

fn folder(port: u16) -> PathBuf {
    let folder =
        Path::new(&std::env::temp_dir()).join(format!("livegrant-redis-{}-{port}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a temporary folder can be made");
    folder
}

/// Below the ports that the system gives to clients, or one of them could sit on a server's port while that is away.
fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    for _ in 0..5000 {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = 20_000 + (std::process::id().wrapping_mul(61).wrapping_add(step) % 12_000) as u16;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no free port");
}
