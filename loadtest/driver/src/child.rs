//! Processes that a run starts and ends by their number: servers, bare writers and hands. Where util-linux is there they
//! are bound to one core (`taskset`) and end with the process that started them, however it ends (`setpriv`).

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::order::{Aim, Measured, Order, Reply, Tally};

/// How long a process has to end by itself.
const LAST_WORDS: Duration = Duration::from_secs(20);

/// Where `setpriv` and `taskset` are; children get this in place of the environment of this process.
pub const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// Tells whether a program is there.
fn is_there(program: &str) -> bool {
    let tried = Command::new(program)
        .env("PATH", PATH)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    tried.is_ok_and(|status| status.success())
}

/// A command that is bound to one core, and to this process's life, as far as the machine can.
pub fn command(program: impl AsRef<OsStr>, core: Option<usize>) -> Command {
    let mut words: Vec<std::ffi::OsString> = Vec::new();
    if is_there("setpriv") {
        words.extend(["setpriv", "--pdeathsig", "KILL"].map(Into::into));
    }
    if let Some(core) = core.filter(|_| is_there("taskset")) {
        words.extend(["taskset".to_owned(), "-c".to_owned(), core.to_string()].map(Into::into));
    }
    words.push(program.as_ref().to_owned());
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]);
    command
}

/// A process that is ended with its owner.
pub struct Process {
    child: Child,
}

impl Process {
    /// Starts.
    pub fn start(command: &mut Command) -> anyhow::Result<Self> {
        let child =
            command.spawn().with_context(|| format!("{} does not start", command.get_program().display()))?;
        Ok(Self { child })
    }

    /// Its number. `setpriv` and `taskset` become the program that they start, so it is the program's own.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its standard output, once.
    pub fn output(&mut self) -> anyhow::Result<BufReader<ChildStdout>> {
        Ok(BufReader::new(self.child.stdout.take().context("it was not piped")?))
    }

    /// Its standard input, once.
    pub fn input(&mut self) -> Option<ChildStdin> {
        self.child.stdin.take()
    }

    /// Tells whether it has ended, and how.
    pub fn ended(&mut self) -> Option<String> {
        self.child.try_wait().ok().flatten().map(|status| status.to_string())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended; what still runs after its time is killed.
        let _ = Command::new("kill").args(["-TERM", &self.id().to_string()]).stderr(Stdio::null()).status();
        let asked = Instant::now();
        while asked.elapsed() < LAST_WORDS {
            if self.ended().is_some() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A hand: see `hand.rs`.
pub struct Hand {
    orders: Option<ChildStdin>,
    replies: BufReader<ChildStdout>,
    process: Process,
}

impl Hand {
    /// Starts a hand and gives it its tabs.
    pub fn start(aim: Aim, core: Option<usize>) -> anyhow::Result<Self> {
        let mut command = command(std::env::current_exe()?, core);
        command.arg("hand").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = Process::start(&mut command)?;
        let orders = process.child.stdin.take();
        let replies = process.output()?;
        let mut hand = Self { orders, replies, process };
        hand.tell(&Order::Aim(aim))?;
        Ok(hand)
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Gives an order without waiting for the reply.
    pub fn begin(&mut self, order: &Order) -> anyhow::Result<()> {
        let orders = self.orders.as_mut().context("its orders are closed")?;
        writeln!(orders, "{}", serde_json::to_string(order)?)?;
        Ok(orders.flush()?)
    }

    /// Waits for the reply.
    pub fn reply(&mut self) -> anyhow::Result<Reply> {
        let mut line = String::new();
        self.replies.read_line(&mut line)?;
        if line.is_empty() {
            bail!("a hand has ended: {}", self.process.ended().unwrap_or_default());
        }
        match serde_json::from_str(&line)? {
            Reply::Failed { why } => bail!("a hand failed: {why}"),
            reply => Ok(reply),
        }
    }

    /// Gives an order and waits for the reply.
    pub fn tell(&mut self, order: &Order) -> anyhow::Result<Reply> {
        self.begin(order)?;
        self.reply()
    }

    /// Runs a round.
    pub fn round(&mut self, order: &Order) -> anyhow::Result<Measured> {
        match self.tell(order)? {
            Reply::Measured(measured) => Ok(measured),
            other => bail!("expected a measurement, got {other:?}"),
        }
    }

    /// Asks what has happened.
    pub fn tally(&mut self) -> anyhow::Result<Tally> {
        match self.tell(&Order::Tally)? {
            Reply::Tally(tally) => Ok(tally),
            other => bail!("expected a tally, got {other:?}"),
        }
    }
}

impl Drop for Hand {
    fn drop(&mut self) {
        // It ends with its orders.
        self.orders = None;
    }
}
