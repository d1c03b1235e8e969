//! A Redis server of one run, which can be killed and started again, with what it knew or without.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::wait::{at_most, until};
use super::{ports, watchdog};

const PATIENCE: Duration = Duration::from_secs(30);
/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(2);

/// See the head of this file.
#[derive(Debug)]
pub struct Redis {
    folder: PathBuf,
    pub address: SocketAddr,
    child: Option<Child>,
}

impl Redis {
    pub async fn start(folder: &Path) -> Self {
        let folder = folder.join("redis");
        std::fs::create_dir_all(&folder).expect("the folder is writable");
        let address = SocketAddr::from(([127, 0, 0, 1], ports::free()));
        let mut server = Self { folder, address, child: None };
        server.up().await;
        server
    }

    /// Starts it, again if need be, and waits until it answers.
    pub async fn up(&mut self) {
        if self.child.is_none() {
            let log = std::fs::OpenOptions::new().create(true).append(true).open(self.folder.join("log"));
            let child = Command::new("redis-server")
                .args(["--port", &self.address.port().to_string(), "--bind", "127.0.0.1"])
                // Every command is on the disk before it is answered: a kill takes nothing.
                .args(["--save", "", "--appendonly", "yes", "--appendfsync", "always"])
                .arg("--dir")
                .arg(&self.folder)
                .stdin(Stdio::null())
                .stdout(log.expect("a log file"))
                .stderr(Stdio::null())
                .spawn()
                .expect("redis-server is there: run `make test-tools`");
            watchdog::add(&child.id().to_string());
            self.child = Some(child);
        }
        until("Redis answers", PATIENCE, async || self.say("PING").await).await;
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        // It may have ended meanwhile.
        let _ = child.kill();
        let _ = child.wait();
        watchdog::remove(&child.id().to_string());
    }

    /// Removes what it keeps; it must not run.
    pub fn forget(&self) {
        // There may be nothing yet.
        let _ = std::fs::remove_dir_all(self.folder.join("appendonlydir"));
    }

    /// Sends a signal (`STOP`, `CONT`).
    pub fn signal(&self, signal: &str) {
        let Some(child) = &self.child else { return };
        let sent = Command::new("kill").args(["-s", signal, &child.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "{signal} to Redis");
    }

    /// Forgets everything while it runs.
    pub async fn flush(&self) {
        until("Redis forgets everything", PATIENCE, async || self.say("FLUSHALL").await).await;
    }

    /// Tells whether it was started and not killed.
    pub fn runs(&self) -> bool {
        self.child.is_some()
    }

    async fn say(&self, command: &str) -> Option<()> {
        let said = async {
            let mut stream = TcpStream::connect(self.address).await.ok()?;
            stream.write_all(format!("{command}\r\n").as_bytes()).await.ok()?;
            let mut answer = [0; 5];
            stream.read_exact(&mut answer).await.ok()?;
            (answer[0] == b'+').then_some(())
        };
        at_most(ANSWER, said).await.flatten()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}
