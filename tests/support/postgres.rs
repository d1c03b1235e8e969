//! The PostgreSQL server of the tests: the one that `make test` started, or a private one for this test binary.
//!
//! A private server watches a pipe that this process holds open: when the process ends, even by `kill -9`, the server goes.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use sqlx::{Connection, PgConnection};

/// Names the server that a whole run of tests shares.
const SHARED: &str = "LIVEGRANT_TEST_POSTGRES";

struct Server {
    /// The maintenance database's URL: `postgres://user:password@host:port/postgres`.
    url: String,
    /// Holds the pipe's end.
    _watcher: Option<Child>,
}

/// Makes an empty database and gives its URL.
pub async fn create(name: &str) -> String {
    // `template0` has no connections that could delay a copy of it.
    execute(&format!("CREATE DATABASE {name} TEMPLATE template0")).await;
    url_of(name)
}

/// Removes a database, whoever is still connected to it.
pub async fn remove(name: &str) {
    execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
}

async fn execute(sql: &str) {
    let url = &server().url;
    let mut connection = PgConnection::connect(url).await.expect("the tests' PostgreSQL server must answer");
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut connection).await.expect(sql);
    connection.close().await.expect("a connection must close");
}

fn url_of(name: &str) -> String {
    let (server, _) = server().url.rsplit_once('/').expect("the URL of the server ends with /database");
    format!("{server}/{name}")
}

fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| {
        #[expect(
            clippy::disallowed_methods,
            reason = "tells the tests, not the application, where a server is"
        )]
        match std::env::var(SHARED) {
            Ok(url) if !url.is_empty() => Server { url, _watcher: None },
            _ => start(),
        }
    })
}

fn start() -> Server {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/postgres.sh");
    let mut watcher = Command::new("sh")
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0) // an interrupt at the terminal must not end the watcher before it has cleaned up
        .spawn()
        .expect("sh must start");
    let mut url = String::new();
    let output = watcher.stdout.take().expect("standard output was piped");
    BufReader::new(output).read_line(&mut url).expect("the script's answer must be readable");
    if url.trim().is_empty() {
        let answer = watcher.wait_with_output().expect("the script's end must be readable");
        panic!("no PostgreSQL for the tests: {}", String::from_utf8_lossy(&answer.stderr).trim());
    }
    Server { url: url.trim().to_owned(), _watcher: Some(watcher) }
}
