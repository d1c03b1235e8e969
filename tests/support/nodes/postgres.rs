//! A PostgreSQL server of one run: its own data folder, durable as in production, which can be killed and started again.
//!
//! The first one of a test binary is made by `initdb` and filled with the schema; the others are copies of its folder.

use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use livegrant::access::init::first_data;
use livegrant::clock::Clock;
use livegrant::db::Db;
use livegrant::settings::{Database, DatabaseUrl};
use sqlx::{Connection, PgConnection};
use tokio::sync::OnceCell;

use super::folder::Folder;
use super::wait::until;
use super::{ports, watchdog};

/// How long a server may take to be there, on a busy machine, with a log to be read again.
const PATIENCE: Duration = Duration::from_mins(1);
const NAME: &str = "livegrant";

/// See the head of this file.
#[derive(Debug)]
pub struct Postgres {
    data: PathBuf,
    pub address: SocketAddr,
    child: Option<Child>,
}

impl Postgres {
    /// Starts a server with an empty Livegrant database.
    pub async fn start(folder: &Path) -> Self {
        let template = template().await;
        let data = folder.join("postgres");
        run(Command::new("cp").arg("-a").arg(template.path().join("postgres")).arg(&data));
        let mut server = Self::of(data);
        server.up().await;
        server
    }

    fn of(data: PathBuf) -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], ports::free()));
        Self { data, address, child: None }
    }

    /// The database's URL, by way of `address`.
    pub fn url_by(address: SocketAddr) -> String {
        url(address, NAME)
    }

    /// The database's URL, past every proxy.
    pub fn url(&self) -> String {
        Self::url_by(self.address)
    }

    /// Starts it, again if need be, and waits until it answers.
    pub async fn up(&mut self) {
        let url = url(self.address, "postgres");
        until("PostgreSQL starts", PATIENCE, async || {
            if self.child.as_mut().is_none_or(|child| child.try_wait().is_ok_and(|end| end.is_some())) {
                // Just after a kill the memory of the old one may still be in use: then it is tried again.
                self.forget();
                self.spawn();
            }
            PgConnection::connect(&url).await.ok()
        })
        .await;
    }

    fn spawn(&mut self) {
        let log = self.data.with_extension("log");
        let log = std::fs::OpenOptions::new().create(true).append(true).open(log).expect("a log file");
        let port = self.address.port().to_string();
        let mut command = as_owner(&self.data);
        command.arg(bin("postgres")).arg("-D").arg(&self.data).args(["-p", &port]);
        for setting in [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "max_connections=100",
            "shared_buffers=32MB",
            "autovacuum=off",
            "timezone=UTC",
        ] {
            command.args(["-c", setting]);
        }
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file can be shared"))
            .stderr(log)
            .spawn();
        let child = child.expect("PostgreSQL starts");
        watchdog::add(&child.id().to_string());
        self.child = Some(child);
    }

    /// Kills the server and everyone who works for it, at once.
    pub fn kill(&mut self) {
        let Some(child) = &mut self.child else { return };
        let mut ids = children(child.id());
        ids.insert(0, child.id());
        let ids: Vec<String> = ids.iter().map(u32::to_string).collect();
        // One that has ended meanwhile is no failure.
        let _ = Command::new("kill").arg("-9").args(ids).stderr(Stdio::null()).status();
        let _ = child.wait();
        self.forget();
    }

    fn forget(&mut self) {
        if let Some(child) = self.child.take() {
            watchdog::remove(&child.id().to_string());
        }
    }

    /// Stops it in order.
    async fn down(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        run(Command::new("kill").args(["-s", "INT", &child.id().to_string()]));
        until("PostgreSQL stops", PATIENCE, async || child.try_wait().ok().flatten()).await;
        watchdog::remove(&child.id().to_string());
    }

    /// Tells whether somebody's transaction waits for its next statement after one that begins like this.
    pub async fn is_amid(&self, statement: &str) -> bool {
        let mut connection = PgConnection::connect(&self.url()).await.expect("the database answers");
        let amid = "SELECT EXISTS (SELECT FROM pg_stat_activity
            WHERE state = 'idle in transaction' AND starts_with(query, $1))";
        sqlx::query_scalar(amid).bind(statement).fetch_one(&mut connection).await.expect("it can be asked")
    }

    /// Runs statements past the application.
    pub async fn execute(&self, sql: &'static str) {
        let mut connection = PgConnection::connect(&self.url()).await.expect("the database answers");
        sqlx::raw_sql(sql).execute(&mut connection).await.expect("the statements are right");
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.kill();
    }
}

fn url(address: SocketAddr, database: &str) -> String {
    format!("postgres://livegrant:nodes@{address}/{database}")
}

/// The folder that every server of this process is a copy of.
async fn template() -> &'static Folder {
    static TEMPLATE: OnceCell<Folder> = OnceCell::const_new();
    TEMPLATE.get_or_init(make_template).await
}

async fn make_template() -> Folder {
    let folder = Folder::make();
    let (data, password) = (folder.path().join("postgres"), folder.path().join("password"));
    std::fs::write(&password, "nodes").expect("the folder is writable");
    give_to_owner(folder.path());
    run(as_owner(folder.path())
        .arg(bin("initdb"))
        .arg("-D")
        .arg(&data)
        .arg(format!("--pwfile={}", password.display()))
        .args(["-U", "livegrant", "--auth-host=password", "--auth-local=reject"])
        .args(["--encoding=UTF8", "--locale=C", "--no-sync"]));
    let mut server = Postgres::of(data);
    server.up().await;
    let url = url(server.address, "postgres");
    let mut connection = PgConnection::connect(&url).await.expect("the server answers");
    sqlx::raw_sql("CREATE DATABASE livegrant").execute(&mut connection).await.expect("the name is free");
    let settings = Database { url: DatabaseUrl::new(server.url()), ..Database::default() };
    let db = Db::open(&settings, Clock::system()).await.expect("the database opens");
    db.migrate().await.expect("the database takes the schema");
    first_data(&db).await.expect("the database takes the first data");
    db.close().await;
    server.down().await;
    folder
}

/// A PostgreSQL server refuses to run as root, so root starts it as the user `postgres`.
fn as_owner(folder: &Path) -> Command {
    if !is_root(folder) {
        return Command::new("env");
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]);
    command
}

fn give_to_owner(folder: &Path) {
    if is_root(folder) {
        run(Command::new("chown").args(["-R", "postgres:"]).arg(folder));
    }
}

/// Root is who a file of this process belongs to.
fn is_root(_: &Path) -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

fn bin(program: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
        let newest = versions
            .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
            .max()
            .expect("PostgreSQL is there: run `make test-tools`");
        PathBuf::from(format!("/usr/lib/postgresql/{newest}/bin"))
    });
    folder.join(program)
}

/// The processes that a process has started.
fn children(of: u32) -> Vec<u32> {
    let listed = std::fs::read_to_string(format!("/proc/{of}/task/{of}/children")).unwrap_or_default();
    listed.split_whitespace().filter_map(|id| id.parse().ok()).collect()
}

fn run(command: &mut Command) {
    let output = command.output().expect("the program is there");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
