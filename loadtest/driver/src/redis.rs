//! What Redis says about itself: commands, bytes, processor time, memory. One connection a question; nothing but `INFO`
//! and `PING` is asked.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use crate::child::{Process, command};

/// Longer than any answer; a Redis that needs longer is not there.
const PATIENCE: Duration = Duration::from_secs(5);

/// A Redis.
pub struct Redis {
    address: SocketAddr,
    /// Started here, after the first one was killed.
    again: Option<Process>,
}

/// What it had done at one moment.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// Calls by command, without those of this program.
    pub commands: BTreeMap<String, f64>,
    /// Bytes that came.
    pub bytes_in: f64,
    /// Bytes that went.
    pub bytes_out: f64,
    /// Processor time, in microseconds.
    pub cpu_micros: f64,
    /// Memory in use, in bytes.
    pub memory: f64,
    /// Channels that somebody is subscribed to.
    pub channels: f64,
    /// When.
    pub at: Option<Instant>,
}

impl Reading {
    /// All calls.
    pub fn calls(&self) -> f64 {
        self.commands.values().sum()
    }

    /// What was done since an earlier one, less what an idle second costs.
    pub fn since(&self, before: &Self, idle: Option<&Self>) -> Self {
        let seconds =
            self.at.zip(before.at).map_or(0.0, |(now, then)| now.duration_since(then).as_secs_f64());
        let idle_for = |of: f64| of * if idle.is_some() { seconds } else { 0.0 };
        let less = |of: &dyn Fn(&Self) -> f64| of(self) - of(before) - idle_for(idle.map_or(0.0, of));
        let command = |name: &String| {
            (name.clone(), less(&|reading| reading.commands.get(name).copied().unwrap_or_default()))
        };
        Self {
            commands: self.commands.keys().map(command).collect(),
            bytes_in: less(&|reading| reading.bytes_in),
            bytes_out: less(&|reading| reading.bytes_out),
            cpu_micros: less(&|reading| reading.cpu_micros),
            memory: self.memory - before.memory,
            channels: self.channels - before.channels,
            at: None,
        }
    }

    /// A part of it.
    pub fn over(&self, number: f64) -> Self {
        Self {
            commands: self.commands.iter().map(|(name, calls)| (name.clone(), calls / number)).collect(),
            bytes_in: self.bytes_in / number,
            bytes_out: self.bytes_out / number,
            cpu_micros: self.cpu_micros / number,
            memory: self.memory / number,
            channels: self.channels / number,
            at: None,
        }
    }

    /// The commands, those first that are called most.
    pub fn words(&self) -> String {
        let mut calls: Vec<_> = self.commands.iter().filter(|(_, calls)| **calls >= 0.01).collect();
        calls.sort_by(|one, other| other.1.total_cmp(one.1));
        calls.iter().map(|(name, calls)| format!("{calls:.2} {name}")).collect::<Vec<_>>().join(", ")
    }
}

impl Redis {
    /// The one that listens there.
    pub fn at(address: SocketAddr) -> Self {
        Self { address, again: None }
    }

    /// The same one, to be asked from another thread.
    pub fn again(&self) -> Self {
        Self::at(self.address)
    }

    fn ask(&self, question: &str) -> anyhow::Result<String> {
        let mut stream = TcpStream::connect_timeout(&self.address, PATIENCE).context("no Redis")?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(stream, "{question}\r\n")?;
        let (mut answer, mut head) = (BufReader::new(stream), String::new());
        answer.read_line(&mut head)?;
        let Some(length) = head.trim().strip_prefix('$') else { return Ok(head) };
        let mut body = vec![0; length.parse()?];
        answer.read_exact(&mut body)?;
        Ok(String::from_utf8(body)?)
    }

    fn field(text: &str, name: &str) -> f64 {
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        value.and_then(|value| value.trim().parse().ok()).unwrap_or_default()
    }

    /// Asks what it has done so far. Its own bytes are in it: some six thousand a reading.
    pub fn read(&self) -> anyhow::Result<Reading> {
        let text = self.ask("INFO all")?;
        let number = |name| Self::field(&text, name);
        let commands = text.lines().filter_map(|line| {
            let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
            let calls = rest.split(',').next()?.parse().ok()?;
            (name != "info").then(|| (name.to_owned(), calls))
        });
        Ok(Reading {
            commands: commands.collect(),
            bytes_in: number("total_net_input_bytes"),
            bytes_out: number("total_net_output_bytes"),
            cpu_micros: (number("used_cpu_sys") + number("used_cpu_user")) * 1e6,
            memory: number("used_memory"),
            channels: number("pubsub_channels"),
            at: Some(Instant::now()),
        })
    }

    /// Its process.
    pub fn pid(&self) -> anyhow::Result<u32> {
        Ok(Self::field(&self.ask("INFO server")?, "process_id") as u32)
    }

    /// Kills it.
    pub fn kill(&self) -> anyhow::Result<()> {
        let status = Command::new("kill").args(["-KILL", &self.pid()?.to_string()]).status()?;
        ensure!(status.success(), "Redis was not killed");
        Ok(())
    }

    /// Starts another one in its place, empty, and waits until it answers.
    pub fn start_again(&mut self) -> anyhow::Result<()> {
        let (host, port) = (self.address.ip().to_string(), self.address.port().to_string());
        let mut command = command("redis-server", None);
        command.args(["--port", &port, "--bind", &host, "--save", "", "--appendonly", "no"]);
        command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.again = Some(Process::start(&mut command)?);
        let start = Instant::now();
        while !self.ask("PING").is_ok_and(|answer| answer.starts_with("+PONG")) {
            ensure!(start.elapsed() < PATIENCE, "Redis does not come back");
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_idle_second_costs_is_taken_off() {
        let reading = |seconds: u64, calls: f64| Reading {
            commands: BTreeMap::from([("publish".to_owned(), calls)]),
            bytes_in: calls * 100.0,
            at: Some(Instant::now() + Duration::from_secs(seconds)),
            ..Reading::default()
        };
        let idle = reading(0, 3.0);
        let spent = reading(10, 150.0).since(&reading(0, 100.0), Some(&idle)).over(20.0);
        assert!((spent.calls() - 1.0).abs() < 0.01 && (spent.bytes_in - 100.0).abs() < 1.0, "{spent:?}");
        assert_eq!(spent.words(), "1.00 publish");
    }

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        assert!(
            (Redis::field("used_memory_rss:7\r\nused_memory:5\r\n", "used_memory") - 5.0).abs()
                < f64::EPSILON
        );
    }
}
