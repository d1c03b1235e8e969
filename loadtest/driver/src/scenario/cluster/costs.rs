//! What Redis pays for a change, a connection, a message to one account.

use std::fs;
use std::time::Duration;

use anyhow::Context;
use serde_json::json;

use super::holders::{Connects, idle};
use super::{Field, MEASURED, Shape, connect, round};
use crate::child::Hand;
use crate::order::{Aim, Kind, Want};
use crate::redis::Reading;
use crate::report::{Table, millis, quantile};

/// Changes that are counted. 24: with a pause behind each some seconds.
const CHANGES: usize = 24;
/// Messages that are counted.
const MESSAGES: usize = 200;
/// Between two changes: eight accounts take turns, each past the merging window.
const BETWEEN: Duration = Duration::from_millis(200);

/// Counts, and puts it into a table with what connecting cost.
pub fn run(field: &mut Field, shape: &Shape, connects: Connects) -> anyhow::Result<Table> {
    let calm = idle(&field.cluster.redis)?;
    let before = field.cluster.redis.read()?;
    for number in 0..CHANGES {
        field.change(number % MEASURED, number)?;
        std::thread::sleep(BETWEEN);
    }
    let change = field.cluster.redis.read()?.since(&before, Some(&calm)).over(CHANGES as f64);
    let (message, mut micros) = messages(field, &calm)?;
    micros.sort_unstable();
    let [p50, p99] = [0.5, 0.99].map(|part| millis(quantile(&micros, part)));
    let rows = [
        (format!("an idle second, {} tabs on {} nodes", shape.holders, shape.nodes), connects.idle),
        ("a change of a role with one holder, ten tabs on all nodes".to_owned(), change),
        (format!("a connection, an account each; {:.0} tabs/s came", connects.rate), connects.each.clone()),
        (format!("a message to an account on another node; {p50} p50, {p99} p99"), message),
    ];
    let mut table = Table::new(
        "What Redis pays; what an idle second costs is taken off the others.",
        &["for", "commands", "bytes in", "bytes out", "processor"],
    );
    for (what, reading) in rows {
        table.row(
            vec![
                what.clone(),
                reading.words(),
                format!("{:.0}", reading.bytes_in),
                format!("{:.0}", reading.bytes_out),
                format!("{:.0} µs", reading.cpu_micros),
            ],
            json!({
                "for": what, "commands": reading.commands, "bytes_in": reading.bytes_in,
                "bytes_out": reading.bytes_out, "cpu_micros": reading.cpu_micros,
            }),
        );
    }
    let memory = connects.each.memory;
    for (what, value, data) in [
        ("memory an online account, in Redis", format!("{memory:.0} bytes"), memory),
        (
            "accounts subscribed, in the best second",
            format!("{:.0}", connects.subscribed),
            connects.subscribed,
        ),
    ] {
        let blank = String::new;
        table.row(
            vec![what.to_owned(), value, blank(), blank(), blank()],
            json!({ "for": what, "value": data }),
        );
    }
    Ok(table)
}

/// A hand with one tab of the administrator's on the last node.
pub fn administrator(field: &Field) -> anyhow::Result<(tempfile::TempDir, Hand)> {
    let folder = tempfile::Builder::new().prefix("livegrant-load-").tempdir()?;
    let file = folder.path().join("administrator.jsonl");
    fs::write(&file, format!("{{}}\n{}\n", field.cluster.prepared["administrator"]))?;
    let last = *field.cluster.nodes.last().context("no nodes")?;
    let (accounts, addresses) = (Some(file), vec![last]);
    let aim = Aim { addresses, accounts, skip: 0, tabs: 1, tabs_per_account: 1, protocol: None, network: 3 };
    let mut hand = Hand::start(aim, field.hand_core)?;
    connect(&mut hand, 1)?;
    Ok((folder, hand))
}

/// A message to the administrator's own tabs; it travels by the bus alone.
pub fn echo(field: &Field) -> crate::http::Request {
    let body =
        json!({ "type": "system_notification", "title": "Load test", "content": super::super::NOTICE });
    field.cluster.request("POST", "/api/v1/debug/echo", &body)
}

fn messages(field: &Field, calm: &Reading) -> anyhow::Result<(Reading, Vec<u64>)> {
    let (_folder, mut hand) = administrator(field)?;
    // The tab's own arrival is told to Redis within the first second.
    std::thread::sleep(Duration::from_secs(2));
    let (before, mut micros) = (field.cluster.redis.read()?, Vec::new());
    for _ in 0..MESSAGES {
        let want = Want { kind: Kind::SystemNotice, tabs: 1, account: None };
        micros.extend(round(&mut hand, field.cluster.nodes[0], echo(field), want)?.micros);
    }
    let spent = field.cluster.redis.read()?.since(&before, Some(calm));
    Ok((spent.over(MESSAGES as f64), micros))
}
