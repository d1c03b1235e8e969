//! A node as a real process: the binary of this build (or another, `LIVEGRANT_CHAOS_BINARY`), with its log in a file.
//!
//! The negative control without the fence is this test binary itself, which then runs the library's application with
//! [`Fence::Off`](livegrant::db::Fence): there is no setting for that, on purpose. Ends with this process, however it ends.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use super::watchdog;

/// Where libfaketime is, on Debian.
const FAKETIME: [&str; 2] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
];

/// Whether a node has its fence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Defence {
    Whole,
    NoFence,
}

/// How to start a node.
#[derive(Debug, Clone)]
pub struct Order {
    pub number: usize,
    pub folder: PathBuf,
    pub port: u16,
    pub defence: Defence,
    /// `SECTION__KEY` and value.
    pub settings: Vec<(String, String)>,
    /// Its clock can be turned.
    pub clock: bool,
}

/// A running node.
#[derive(Debug)]
pub struct Process {
    child: Child,
    pid: String,
}

impl Order {
    /// Its log file of one life; lives count from 0.
    pub fn log(&self, life: usize) -> PathBuf {
        self.folder.join(format!("node-{}-{life}.log", self.number))
    }

    fn clock_file(&self) -> PathBuf {
        self.folder.join(format!("node-{}.clock", self.number))
    }

    /// Turns its clock: `+600` is ten minutes ahead of the machine's.
    pub fn turn_clock(&self, seconds: i64) {
        let next = self.clock_file().with_extension("next");
        std::fs::write(&next, format!("{seconds:+}\n")).expect("the folder is writable");
        // Renamed: a reader sees the old one or the new one.
        std::fs::rename(&next, self.clock_file()).expect("the folder is writable");
    }

    /// Starts it; it is not ready yet.
    pub fn start(&self, life: usize) -> Process {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.log(life))
            .expect("the folder is writable");
        let mut command = self.command();
        command
            .current_dir(&self.folder)
            .env("LIVEGRANT_ENV", "test")
            .env("LIVEGRANT__SERVER__PORT", self.port.to_string())
            .env("LIVEGRANT__TELEMETRY__LOG_FORMAT", "json")
            .stdin(Stdio::null())
            .stdout(clone(&log))
            .stderr(log);
        for (key, value) in &self.settings {
            command.env(format!("LIVEGRANT__{key}"), value);
        }
        if self.clock {
            self.turn_clock(0);
            let library = FAKETIME.iter().find(|path| Path::new(path).exists());
            command
                .env("LD_PRELOAD", library.expect("libfaketime is there: run `make test-tools`"))
                .env("FAKETIME_TIMESTAMP_FILE", self.clock_file())
                .env("FAKETIME_NO_CACHE", "1")
                .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        }
        let child = command.spawn().expect("a node starts");
        let pid = child.id().to_string();
        watchdog::add(&pid);
        Process { child, pid }
    }

    fn command(&self) -> Command {
        let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
        match self.defence {
            Defence::Whole => {
                let mut command = Command::new(binary());
                command.env_clear().arg("--config").arg(config).arg("serve");
                command
            }
            Defence::NoFence => {
                let mut command = Command::new(std::env::current_exe().expect("this binary has a path"));
                command.args([super::unfenced::NAME, "--exact", "--nocapture"]);
                command.env_clear().env(super::unfenced::CONFIG, config);
                command
            }
        }
    }
}

impl Process {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal (`KILL`, `TERM`, `STOP`, `CONT`).
    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args(["-s", signal, &self.pid]).status().expect("kill runs");
        assert!(sent.success(), "{signal} to {}", self.pid);
    }

    /// Tells whether it has ended by itself.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        let status = self.child.try_wait().expect("a child can be waited for");
        if status.is_some() {
            watchdog::remove(&self.pid);
        }
        status
    }

    /// Kills it at once (`kill -9`) and waits until it is gone.
    pub fn kill(&mut self) {
        // It may have ended meanwhile.
        let _ = self.child.kill();
        let _ = self.child.wait();
        watchdog::remove(&self.pid);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.ended().is_none() {
            self.kill();
        }
    }
}

fn clone(file: &File) -> File {
    file.try_clone().expect("a file can be shared")
}

#[expect(clippy::disallowed_methods, reason = "tells the tests, not the application, which build to try")]
fn binary() -> PathBuf {
    std::env::var_os("LIVEGRANT_CHAOS_BINARY")
        .map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_livegrant")), PathBuf::from)
}
