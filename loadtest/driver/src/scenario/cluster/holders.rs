//! A role with very many holders, a tab each, on all nodes: it loses a permission and gets it back, against a notice to
//! the same tabs in the same run. Connecting them shows what a connection costs Redis.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use super::super::{NOTICE, PAUSE, broadcast};
use super::{Field, MEASURED, Shape, connect, hold, round};
use crate::order::{Kind, Measured, Want};
use crate::redis::{Reading, Redis};
use crate::report::{Table, millis};

/// Between two looks at Redis while tabs connect.
const LOOK: Duration = Duration::from_millis(100);
/// How long the shared view may take to be told of them all.
const TOLD: Duration = Duration::from_secs(20);

/// What connecting cost.
pub struct Connects {
    /// Redis, a connection.
    pub each: Reading,
    /// What Redis does in a second without any of this.
    pub idle: Reading,
    /// Tabs a second.
    pub rate: f64,
    /// Most accounts subscribed in a second.
    pub subscribed: f64,
}

/// Measures; the table, and what connecting cost.
pub fn run(field: &mut Field, shape: &Shape) -> anyhow::Result<(Table, Connects)> {
    field.crowd = hold(&field.cluster, MEASURED, shape.holders, 1, field.hand_core)?;
    // Accounts whose tabs have gone are forgotten some seconds later.
    rest(&field.cluster.redis, 5.0)?;
    let idle = idle(&field.cluster.redis)?;
    let connects = arrive(field, shape, idle)?;
    let (mut notices, mut changes) = (Vec::new(), Vec::new());
    for turn in 0..=shape.rounds {
        for way in ["remove", "add"] {
            let body =
                json!({ "title": "Load test", "content": NOTICE, "category": "load", "severity": "info" });
            let notice = field.cluster.request("POST", "/api/v1/notifications/broadcast", &body);
            let notice = everybody(field, shape, notice, Kind::SystemNotice, turn)?;
            std::thread::sleep(PAUSE);
            let role = field.cluster.prepared["role"]["id"].as_i64().unwrap_or_default();
            let body = json!({ "permissions": [super::super::PERMISSION], "reason": "load test" });
            let path = format!("/api/v1/roles/{role}/permissions/{way}");
            let change = field.cluster.request("POST", &path, &body);
            let change = everybody(field, shape, change, Kind::PermissionUpdate, turn)?;
            std::thread::sleep(PAUSE);
            // The first settles caches and allocators.
            if turn > 0 {
                notices.push(notice);
                changes.push(change);
            }
        }
    }
    let title = format!(
        "A role with {} holders on {} nodes, a tab each, loses a permission or gets it back, against a notice to the same tabs.",
        shape.holders, shape.nodes
    );
    let mut table =
        Table::new(title, &["sender", "tabs", "rounds", "p50", "p99", "last tab", "ratio of the last tab"]);
    let (notice, change) = (broadcast::summary(&notices), broadcast::summary(&changes));
    let last = |summary: &serde_json::Value| summary["last_micros"].as_f64().unwrap_or_default();
    let ratio = last(&change) / last(&notice).max(1.0);
    for (sender, summary, ratio) in [("notice", notice, None), ("role change", change, Some(ratio))] {
        let number = |name: &str| millis(summary[name].as_f64().unwrap_or_default() as u64);
        let words = ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}"));
        let head = [sender.to_owned(), shape.holders.to_string(), notices.len().to_string()];
        let numbers = ["p50_micros", "p99_micros", "last_micros"].map(number);
        let data = json!({ "sender": sender, "tabs": shape.holders, "summary": summary, "ratio_of_the_last_tab": ratio });
        table.row(head.into_iter().chain(numbers).chain([words]).collect(), data);
    }
    Ok((table, connects))
}

fn everybody(
    field: &mut Field,
    shape: &Shape,
    request: crate::http::Request,
    kind: Kind,
    node: usize,
) -> anyhow::Result<Measured> {
    let to = field.cluster.nodes[node % field.cluster.nodes.len()];
    round(&mut field.crowd, to, request, Want { kind, tabs: shape.holders, account: None })
}

/// What Redis does in a second by itself.
pub fn idle(redis: &Redis) -> anyhow::Result<Reading> {
    let before = redis.read()?;
    std::thread::sleep(Duration::from_secs(5));
    let after = redis.read()?;
    let seconds = after.at.zip(before.at).map_or(5.0, |(now, then)| now.duration_since(then).as_secs_f64());
    Ok(after.since(&before, None).over(seconds))
}

/// Waits until Redis has done next to nothing for a second, or so many seconds at most beyond [`TOLD`].
fn rest(redis: &Redis, at_least: f64) -> anyhow::Result<()> {
    let start = Instant::now();
    std::thread::sleep(Duration::from_secs_f64(at_least));
    let mut before = redis.read()?;
    while start.elapsed() < TOLD {
        std::thread::sleep(Duration::from_secs(1));
        let now = redis.read()?;
        let calm = (now.channels - before.channels).abs() < 0.5 && now.calls() - before.calls() < 100.0;
        if calm {
            break;
        }
        before = now;
    }
    Ok(())
}

fn arrive(field: &mut Field, shape: &Shape, idle: Reading) -> anyhow::Result<Connects> {
    let before = field.cluster.redis.read()?;
    let enough = Arc::new(AtomicBool::new(false));
    let (stop, redis) = (Arc::clone(&enough), field.cluster.redis.again());
    let looks = std::thread::spawn(move || {
        let mut seen = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            seen.extend(redis.read().ok().and_then(|reading| Some((reading.at?, reading.channels))));
            std::thread::sleep(LOOK);
        }
        seen
    });
    let seconds = connect(&mut field.crowd, shape.holders)?;
    rest(&field.cluster.redis, 1.0)?;
    enough.store(true, Ordering::Relaxed);
    let seen = looks.join().unwrap_or_default();
    let most = seen.iter().enumerate().filter_map(|(at, (then, channels))| {
        let (later, more) =
            seen[at..].iter().find(|(later, _)| later.duration_since(*then).as_secs() >= 1)?;
        Some((more - channels) / later.duration_since(*then).as_secs_f64())
    });
    // The looks themselves answer some kilobytes each; they are taken off with the idle second's where they are as many.
    let spent = field.cluster.redis.read()?.since(&before, Some(&idle));
    Ok(Connects {
        each: spent.over(shape.holders as f64),
        idle,
        rate: shape.holders as f64 / seconds.max(0.001),
        subscribed: most.fold(0.0, f64::max),
    })
}
