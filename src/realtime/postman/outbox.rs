//! Messages of topics whose process died between its commit and telling them, or whose bus was away: one node publishes
//! them again, to all nodes, and deletes them. Whoever was told already knows them by their id (S3-116).
//!
//! Never paged by number or time: a commit may bring an older row than one that is gone. While the bus is in trouble nothing
//! is swept, or the sweeper's own tabs would be told again and again.

use super::{elsewhere, words};
use crate::cluster::jobs;
use crate::core::Core;
use crate::db::{Author, SystemTask};
use crate::realtime::store::outbox::{self, Left};
use crate::refusal::Refusal;
use livegrant_actors::{MessageType, Publication};
use std::sync::Arc;
use std::time::Duration;

/// Time between two looks.
const EVERY: Duration = Duration::from_secs(2);
/// Younger rows are still on their way. 5 s: a bus that is slow, and clocks of nodes that differ by less.
const LEFT_MS: i64 = 5_000;
/// Older ones are told to nobody: what they said has been read by whoever needed it. 15 min: a long outage of the bus.
const PAST_MS: i64 = 15 * 60 * 1000;
/// Messages of one look.
const AT_ONCE: i64 = 500;

/// See the head of this file.
pub async fn run(core: Core) {
    jobs::run_once(core, "outbox", EVERY, |core| Box::pin(sweep(core))).await;
}

async fn sweep(core: Core) -> Result<(), Refusal> {
    let bus = core.engine.bus();
    if !bus.is_alone() && bus.health().trouble.is_some() {
        return Ok(());
    }
    let now = core.clock.now_ms();
    let left = outbox::left_before(&mut core.db.read().await?, now - LEFT_MS, AT_ONCE).await?;
    if left.is_empty() {
        return Ok(());
    }
    let mut work = core.db.begin(&Author::system("outbox")).await?;
    let past = outbox::forget_before(work.conn(), now - PAST_MS).await?;
    work.commit(SystemTask::Upkeep).await?;
    let mut published = Vec::new();
    for message in left {
        let row = message.id;
        if let Some(publication) = publication(message)
            && core.engine.publish(publication).await.is_ok()
        {
            published.push(row);
        }
    }
    tracing::info!(published = published.len(), past, "messages that were left are published");
    metrics::counter!("livegrant_signals_swept_total").increment(published.len() as u64);
    elsewhere::forget(&core, &published).await
}

/// Makes the message of a row; one of another version, whose type is not known here, stays until it is past.
fn publication(left: Left) -> Option<Publication> {
    Some(Publication {
        kind: MessageType::labelled(&left.kind)?,
        topic: left.topic.map(Arc::from),
        audience: left.audience.0,
        data: Arc::from(left.data.0),
        operator: left.operator.map(|operator| operator.0),
        message_id: Some(words::signal_id(left.id)),
    })
}
