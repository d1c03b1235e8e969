//! The primary is killed and its replica promoted, under a node with an open tab: what was committed is there, the tab is
//! given a snapshot under another epoch, and a node does not start on a replica. Real servers, synchronous replication.
//! And a database that is there but silent.

use livegrant::clock::Clock;
use livegrant::db::Db;
use livegrant::settings::{Database, DatabaseUrl};
use livegrant::sql_one;
use serde_json::{Value, json};
use std::future::Future;
use std::net::TcpListener as Probe;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use crate::support::{PATIENCE, Setup, TestDatabase, TestServer, ok, run, run_on_postgres};

/// A PostgreSQL server of this test alone; it goes with the value.
struct Server {
    process: Child,
    port: u16,
}

/// Where servers are installed and who runs them: they refuse to run as root.
struct Programs {
    bin: PathBuf,
    as_root: bool,
    home: tempfile::TempDir,
}

impl Programs {
    fn find() -> Self {
        let versions =
            std::fs::read_dir("/usr/lib/postgresql").expect("PostgreSQL is installed: `make test-tools`");
        let mut bins: Vec<_> = versions.map(|version| version.unwrap().path().join("bin")).collect();
        bins.retain(|bin| bin.join("pg_basebackup").exists());
        bins.sort();
        let bin = bins.pop().expect("PostgreSQL is installed: `make test-tools`");
        let id = Command::new("id").arg("-u").output().expect("id runs").stdout;
        let home =
            tempfile::Builder::new().prefix("livegrant-failover-").tempdir().expect("a temporary folder");
        let programs = Self { bin, as_root: id.starts_with(b"0\n"), home };
        if programs.as_root {
            let status = Command::new("chown").arg("postgres:").arg(programs.home.path()).status();
            assert!(status.expect("chown runs").success());
        }
        programs
    }

    fn command(&self, program: &str) -> Command {
        let program = self.bin.join(program);
        let mut command = if self.as_root {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command
            .current_dir(self.home.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    fn folder(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Starts a server on a folder and waits until it answers.
    fn start(&self, data: &Path, more: &[&str]) -> Server {
        // A port that is free now; nobody else asks for it in the next moment.
        let port = Probe::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = self.command("postgres");
        command.arg("-D").arg(data).args(["-p", &port.to_string()]);
        for option in
            ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", "shared_buffers=32MB"]
                .iter()
                .chain(more)
        {
            command.args(["-c", option]);
        }
        let process = command.spawn().expect("postgres starts");
        let mut server = Server { process, port };
        let ready = || {
            let mut ready = self.command("pg_isready");
            ready
                .args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()])
                .status()
                .expect("pg_isready runs")
                .success()
        };
        while !ready() {
            let ended = server.process.try_wait().expect("its state can be asked");
            assert!(ended.is_none(), "postgres did not start: {ended:?}");
        }
        server
    }
}

fn run_to_the_end(mut command: Command) {
    let status = command.status().expect("the program starts");
    assert!(status.success(), "{command:?}: {status}");
}

impl Server {
    fn url(&self) -> String {
        url_of(self.port)
    }

    /// `kill -9`.
    fn kill(&mut self) {
        self.process.kill().expect("it can be killed");
        self.process.wait().expect("it is gone");
    }

    async fn ask<T>(&self, sql: &'static str) -> T
    where
        T: Send + Unpin + for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
    {
        use sqlx::Connection;
        let mut conn = sqlx::PgConnection::connect(&self.url()).await.expect("the server answers");
        sqlx::query_scalar(sql).fetch_one(&mut conn).await.expect(sql)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Gone already, if it was killed.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn url_of(port: u16) -> String {
    format!("postgres://livegrant@127.0.0.1:{port}/postgres")
}

/// Where a connection is held and nothing is sent on.
const NOWHERE: u16 = 0;

/// The address that stays while servers change, as a virtual address or a proxy would be.
struct Address {
    port: u16,
    target: Arc<AtomicU16>,
    moved: Arc<Notify>,
}

impl Address {
    async fn of(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (target, moved) = (Arc::new(AtomicU16::new(target)), Arc::new(Notify::new()));
        let address = Self { port, target: Arc::clone(&target), moved: Arc::clone(&moved) };
        actix::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let (target, moved) = (Arc::clone(&target), Arc::clone(&moved));
                actix::spawn(async move {
                    let now = target.load(Ordering::SeqCst);
                    if now != NOWHERE {
                        let Ok(mut server) = TcpStream::connect(("127.0.0.1", now)).await else { return };
                        tokio::select! {
                            _ = tokio::io::copy_bidirectional(&mut client, &mut server) => return,
                            () = moved.notified() => {}
                        }
                    }
                    // What was open when it fell silent stays so for ever: nothing is answered, nothing is closed.
                    if target.load(Ordering::SeqCst) == NOWHERE {
                        std::future::pending::<()>().await;
                    }
                    drop(client);
                });
            }
        });
        address
    }

    /// Every connection is kept and never hears anything again.
    fn fall_silent(&self) {
        self.move_to(NOWHERE);
    }

    fn move_to(&self, target: u16) {
        self.target.store(target, Ordering::SeqCst);
        self.moved.notify_waiters();
    }
}

/// A primary and a replica that has confirmed everything.
fn pair(programs: &Programs) -> (Server, Server) {
    let (primary, replica) = (programs.folder("primary"), programs.folder("replica"));
    let mut initdb = programs.command("initdb");
    initdb.arg("-D").arg(&primary).args([
        "-U",
        "livegrant",
        "--auth=trust",
        "--encoding=UTF8",
        "--locale=C",
        "--no-sync",
    ]);
    run_to_the_end(initdb);
    let primary = programs.start(&primary, &["wal_level=replica", "max_wal_senders=4", "hot_standby=on"]);
    let mut copy = programs.command("pg_basebackup");
    let (port, name) = (primary.port.to_string(), "application_name=replica");
    let source = format!("host=127.0.0.1 port={port} user=livegrant {name}");
    copy.arg("-D").arg(&replica).args([
        "-R",
        "-X",
        "stream",
        "--checkpoint=fast",
        "--no-sync",
        "-d",
        &source,
    ]);
    run_to_the_end(copy);
    let replica = programs.start(&replica, &["hot_standby=on"]);
    (primary, replica)
}

async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work).await.unwrap_or_else(|_| panic!("in vain: {what}"))
}

async fn replicate(primary: &Server) {
    primary.ask::<Option<String>>("SELECT set_config('a.b', 'c', FALSE)").await;
    for sql in ["ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()"] {
        use sqlx::{Connection, Executor};
        let mut conn = sqlx::PgConnection::connect(&primary.url()).await.unwrap();
        conn.execute(sql).await.unwrap();
    }
    within("the replica confirms", async {
        while primary.ask::<i64>("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'").await
            == 0
        {}
    })
    .await;
}

async fn state_of(server: &TestServer) -> (i64, String, Vec<String>) {
    let mut conn = server.core.db.read().await.unwrap();
    let (rev, log) = sql_one!(&mut conn, (i64, String), "SELECT rev, incarnation FROM policy_head").unwrap();
    let held = livegrant::sql_all!(
        &mut conn,
        (String,),
        "SELECT p.code FROM sys_permission p JOIN sys_role_menu m ON m.permission_id = p.id
           JOIN sys_role r ON r.id = m.role_id WHERE r.code = 'only.alice' ORDER BY p.code"
    );
    (rev, log, held.unwrap().into_iter().map(|row| row.0).collect())
}

fn update(frame: &Value) -> (String, Vec<String>) {
    assert_eq!(frame["type"], "PERMISSION_UPDATE", "{frame}");
    let codes = frame["data"]["permissions"].as_array().unwrap_or_else(|| panic!("a snapshot: {frame}"));
    let codes = codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect();
    (frame["data"]["epoch"].as_str().unwrap().to_owned(), codes)
}

#[test]
fn a_promoted_replica_is_followed_under_another_epoch_and_nothing_is_lost() {
    run(async {
        let programs = Programs::find();
        let (mut primary, replica) = pair(&programs);
        replicate(&primary).await;

        let on_replica = Database {
            url: DatabaseUrl::new(replica.url()),
            acquire_timeout_seconds: 1,
            ..Database::default()
        };
        let refusal = Db::open(&on_replica, Clock::system()).await.unwrap_err().to_string();
        assert!(refusal.contains("is a replica"), "{refusal}");

        let address = Address::of(primary.port).await;
        let database = TestDatabase { kind: "PostgreSQL", url: url_of(address.port) };
        let quick =
            |settings: &mut livegrant::settings::Settings| settings.database.acquire_timeout_seconds = 2;
        let server = TestServer::start(Setup::on(&database).with(quick)).await;
        let alice = server.account("alice", &["org:view", "role:view"]).await;
        let mut tab = server.socket(&alice).await;
        let (before, _) = update(&tab.frame().await);
        let path = format!("/api/v1/roles/{}/permissions", alice.role);
        let body = json!({ "permissions": ["org:view"] });
        ok(server.platform().await.put(&path, body).await);
        tab.next_of("PERMISSION_UPDATE").await;
        let (rev, log, _) = state_of(&server).await;
        assert_eq!(log, before);

        primary.kill();
        let mut promote = programs.command("pg_ctl");
        promote.arg("promote").arg("-D").arg(programs.folder("replica"));
        run_to_the_end(promote);
        address.move_to(replica.port);

        // Nobody writes: the tail poll alone finds out.
        let (epoch, codes) = update(&within("a frame", tab.next_of("PERMISSION_UPDATE")).await);
        assert_ne!(epoch, before);
        let (rev_after, log_after, held) = state_of(&server).await;
        assert_eq!((rev_after, &log_after), (rev, &epoch), "nothing that was answered is lost");
        assert_eq!(codes, held);
        assert!(server.core.policy.has_lease());

        // And life goes on: written there, told under the new name, as the database has it.
        let body = json!({ "permissions": ["org:view", "role:view"] });
        ok(server.platform().await.put(&path, body).await);
        let frame = within("a frame", tab.next_of("PERMISSION_UPDATE")).await;
        assert_eq!(frame["data"]["epoch"], epoch.as_str());
        let (.., held) = state_of(&server).await;
        let own = ok(alice.get("/api/v1/me/permissions").await);
        assert_eq!(own["hash"], frame["data"]["hash"], "{own} {frame}");
        assert_eq!(own["permissions"], json!(held));
        server.stop().await;
    });
}

/// A network that swallows everything: no error ever comes of the connections that were open.
#[test]
fn a_database_that_falls_silent_costs_the_lease_and_not_the_node() {
    run_on_postgres(async |database| {
        let (_, place) = database.url.rsplit_once(':').unwrap();
        let (port, _) = place.split_once('/').unwrap();
        let address = Address::of(port.parse().unwrap()).await;
        let url = database.url.replace(&format!(":{port}/"), &format!(":{}/", address.port));
        let server = TestServer::start(Setup::on(&TestDatabase { kind: database.kind, url })).await;
        let alice = server.account("alice", &["role:view"]).await;
        ok(alice.get("/api/v1/roles").await);

        address.fall_silent();
        let lease = Duration::from_millis(server.core.settings.policy.lease_ms + 1);
        server.clock.advance(lease);
        for _ in 0..3 {
            // The relay waits meanwhile, too: each takes a connection that never answers.
            within("the log is given up", server.core.policy.catch_up(drop)).await.unwrap_err();
        }
        assert!(!server.core.policy.has_lease());
        crate::support::refused(alice.get("/api/v1/roles").await, 503, "policy_unproven");

        // Whoever connects now is answered; what was open stays silent.
        address.move_to(port.parse().unwrap());
        within("the log is read again", async {
            while !server.core.policy.has_lease() {
                tokio::task::yield_now().await;
            }
        })
        .await;
        ok(alice.get("/api/v1/roles").await);
        within("it stops", server.stop()).await;
    });
}
