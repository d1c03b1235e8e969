//! What the kernel says about processes and the machine: memory, processor time, sockets. Linux only: it reads `/proc`.

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};

/// Resident memory of a process, in bytes; 0 when it is gone.
pub fn resident(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let kib = field(&status, "VmRSS:").and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

/// Processor time that all threads of a process have had.
pub fn processor_time(pid: u32) -> Duration {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return Duration::ZERO };
    let nanos = tasks.flatten().filter_map(|task| {
        let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanos.sum())
}

/// Processor time of a process and of those that it has started and not yet lost.
pub fn family_time(pid: u32) -> Duration {
    let parent = format!("{pid}");
    let is_child = |child: &u32| {
        let stat = fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
        // Behind the name, which may hold blanks: the state, then the parent.
        stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1)) == Some(&parent)
    };
    processes().filter(is_child).map(processor_time).sum::<Duration>() + processor_time(pid)
}

/// Finds the process whose command line holds all these words, the first as the end of a path.
pub fn process_with(words: &[&str]) -> Option<u32> {
    processes().find(|pid| {
        let line = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let line: Vec<&str> = line.split('\0').collect();
        let ends =
            line.first().is_some_and(|program| words.first().is_some_and(|word| program.ends_with(word)));
        ends && words.iter().skip(1).all(|word| line.contains(word))
    })
}

fn processes() -> impl Iterator<Item = u32> {
    let names = fs::read_dir("/proc").into_iter().flatten().flatten();
    names.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// Processor time that the whole machine has spent on something, over all cores.
pub fn busy_time() -> Duration {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let ticks: Vec<u64> = field(&text, "cpu ")
        .map(|rest| rest.split_whitespace().filter_map(|word| word.parse().ok()).collect())
        .unwrap_or_default();
    // user, nice, system, idle, iowait, irq, softirq; a hundred a second on every common kernel.
    let busy: u64 =
        ticks.iter().take(7).enumerate().filter(|(at, _)| ![3, 4].contains(at)).map(|(_, ticks)| ticks).sum();
    Duration::from_millis(busy * 10)
}

/// How often a process has called `write` or `writev`.
pub fn writes(pid: u32) -> u64 {
    let io = fs::read_to_string(format!("/proc/{pid}/io")).unwrap_or_default();
    field(&io, "syscw:").and_then(|rest| rest.trim().parse().ok()).unwrap_or(0)
}

/// Bytes that the kernel holds in buffers of TCP sockets, on the whole machine.
pub fn socket_buffers() -> u64 {
    let text = fs::read_to_string("/proc/net/sockstat").unwrap_or_default();
    let tcp = field(&text, "TCP:").unwrap_or_default();
    let mut words = tcp.split_whitespace();
    let pages = words.find(|word| *word == "mem").and_then(|_| words.next()?.parse::<u64>().ok());
    // 4 KiB pages on every machine that the project is built for; an aarch64 kernel with larger ones would show less.
    pages.unwrap_or(0) * 4096
}

/// The most that one connection of a server on this port has yet to send, in bytes.
pub fn longest_send_queue(port: u16) -> u64 {
    let text = fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    let local = format!(":{port:04X}");
    let queues = text.lines().filter_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, from, _, _, queues, ..] = words[..] else { return None };
        let (waiting, _) = queues.split_once(':').filter(|_| from.ends_with(&local))?;
        u64::from_str_radix(waiting, 16).ok()
    });
    queues.max().unwrap_or(0)
}

/// The kernel's objects behind every socket.
const SLABS: [&str; 7] =
    ["TCP", "sock_inode_cache", "filp", "dentry", "eventpoll_epi", "ep_head", "lsm_inode_cache"];

/// Bytes in the kernel's objects behind sockets, on the whole machine; nothing when only root may know.
pub fn socket_objects() -> Option<u64> {
    let text = fs::read_to_string("/proc/slabinfo").ok()?;
    let bytes = text.lines().filter_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [name, active, _, size, ..] = words[..] else { return None };
        SLABS.contains(&name).then_some(active.parse::<u64>().ok()? * size.parse::<u64>().ok()?)
    });
    Some(bytes.sum())
}

/// The load averages over 1, 5 and 15 minutes.
pub fn load_average() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().take(3).collect::<Vec<_>>().join(" ")
}

/// The machine in words.
pub fn described() -> Value {
    let processor = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib =
        field(&memory, "MemTotal:").and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    json!({
        "processor": field(&processor, "model name").unwrap_or_default().trim_start_matches([':', '\t', ' ']),
        "cores": std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        "memory_gib": kib.unwrap_or(0) as f64 / 1024.0 / 1024.0,
        "kernel": kernel.trim(),
    })
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_and_time() {
        let pid = std::process::id();
        assert!(resident(pid) > 100_000);
        assert!(processor_time(pid) > Duration::ZERO);
        assert!(family_time(pid) >= processor_time(u32::MAX) && busy_time() > Duration::ZERO);
        assert_eq!(process_with(&["no such program"]), None);
        assert_eq!((resident(u32::MAX), processor_time(u32::MAX)), (0, Duration::ZERO));
    }
}
