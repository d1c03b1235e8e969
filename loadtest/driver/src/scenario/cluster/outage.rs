//! Redis is killed while roles change, and comes back empty.

use std::time::{Duration, Instant};

use anyhow::ensure;
use serde_json::{Value, json};

use super::super::PAUSE;
use super::costs::{administrator, echo};
use super::{Field, MEASURED};
use crate::http;
use crate::order::Kind;
use crate::report::{Table, millis, quantile};

/// Changes without Redis.
const CHANGES: usize = 40;
/// Between two.
const BETWEEN: Duration = Duration::from_millis(150);
/// Between two tries whether a message comes through again.
const TRY: Duration = Duration::from_millis(20);
/// The longest that the bus may take to come back, whatever its lines' waits.
const BACK: Duration = Duration::from_mins(1);

/// Kills, measures, starts it again.
pub fn run(field: &mut Field) -> anyhow::Result<Table> {
    let (_folder, mut tab) = administrator(field)?;
    let mut with = turns(field)?;
    // Each change is told at once, or merging would be measured.
    std::thread::sleep(PAUSE);
    field.cluster.redis.kill()?;
    let killed = Instant::now();
    let mut first = field.change(0, 0)?.micros;
    std::thread::sleep(PAUSE);
    let mut without = turns(field)?;
    let away = killed.elapsed();
    field.cluster.redis.start_again()?;
    let back = Instant::now();
    let heard = |tab: &mut crate::child::Hand| -> anyhow::Result<u64> {
        let frames = tab.tally()?.frames;
        Ok(frames.iter().find(|(kind, _)| *kind == Kind::SystemNotice).map_or(0, |(_, count)| *count))
    };
    let before = heard(&mut tab)?;
    let (mut delivered, mut healthy) = (None, None);
    while delivered.is_none() || healthy.is_none() {
        ensure!(back.elapsed() < BACK, "the bus is not back: delivered {delivered:?}, healthy {healthy:?}");
        if delivered.is_none() {
            http::ask(field.cluster.nodes[0], &echo(field))?.json()?;
            std::thread::sleep(TRY);
            delivered = (heard(&mut tab)? > before).then(|| back.elapsed());
        } else {
            std::thread::sleep(TRY);
        }
        let ok = |node| -> anyhow::Result<bool> {
            Ok(field.cluster.ask(node, "GET", "/api/v1/nodes", &Value::Null)?["bus"]["state"] == "ok")
        };
        if healthy.is_none()
            && (0..field.cluster.nodes.len())
                .map(ok)
                .collect::<anyhow::Result<Vec<_>>>()?
                .iter()
                .all(|ok| *ok)
        {
            healthy = Some(back.elapsed());
        }
    }
    let mut again = turns(field)?;
    let title = format!(
        "Redis killed for {:.1} s; an account's change on three nodes, from Save to its last tab.",
        away.as_secs_f64()
    );
    let mut table = Table::new(title, &["what", "changes", "p50", "p99", "slowest"]);
    first.sort_unstable();
    for (what, micros) in [
        ("with Redis, before", &mut with),
        ("right after the kill", &mut first.split_off(first.len() - 1)),
        ("without Redis", &mut without),
        ("with Redis, afterwards", &mut again),
    ] {
        micros.sort_unstable();
        let at = [0.5, 0.99, 1.0].map(|part| quantile(micros, part));
        let head = [what.to_owned(), micros.len().to_string()];
        let data = json!({ "what": what, "changes": micros.len(), "p50_micros": at[0], "p99_micros": at[1], "slowest_micros": at[2] });
        table.row(head.into_iter().chain(at.map(millis)).collect(), data);
    }
    for (what, time) in [
        ("from Redis's first answer to the first message by the bus", delivered),
        ("from Redis's first answer until all nodes call the bus well", healthy),
    ] {
        let time = time.unwrap_or_default().as_micros() as u64;
        let blank = String::new;
        table.row(
            vec![what.to_owned(), blank(), blank(), blank(), millis(time)],
            json!({ "what": what, "micros": time }),
        );
    }
    Ok(table)
}

/// Every measured account in turn: from Save to the last tab of each.
fn turns(field: &mut Field) -> anyhow::Result<Vec<u64>> {
    let mut micros = Vec::new();
    for number in 0..CHANGES {
        std::thread::sleep(BETWEEN);
        micros.extend(field.change(number % MEASURED, number)?.micros.last());
    }
    Ok(micros)
}
