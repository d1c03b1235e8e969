//! What is said to every other node. Lost news cost a delay or a number in a list, never a permission.

use crate::core::Core;
use crate::policy::{LogRow, PolicyTable};
use crate::realtime::presence::Moved;
use livegrant_actors::{Audience, Operator, RepushKind, Rev};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Bytes of rows in one piece of news. A quarter of what the bus carries: the end of many thousand sessions is read from the
/// log by everyone.
const ROWS_BYTES: usize = 256 * 1024;

/// Something to say; its name on the bus is the variant's.
#[expect(missing_docs, reason = "each variant's sentence names its fields")]
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum News {
    /// The policy log of this incarnation has grown up to this revision; the rows, when they are few.
    Log { log: String, rev: Rev, rows: Option<Box<RawValue>> },
    /// The receipts of these changes have filled.
    Receipts(Vec<Rev>),
    /// Somebody here listens to who comes and goes.
    PresenceWanted,
    /// Who came and went on this node.
    Presence(Vec<Moved>),
    /// An event stream was closed for good; its browser may come back anywhere.
    Dismissed { stream: String, at: i64 },
    /// Somebody is to be told the present state again.
    Repush {
        rev: Rev,
        at: i64,
        operator: Option<Operator>,
        reason: String,
        kind: RepushKind,
        audience: Audience,
    },
}

/// The name of all of this in the engine's post.
pub const NEWS: &str = "tabs";

/// Says it. Nobody waits for news, and a failure is counted by the bus.
pub async fn say(core: &Core, news: &News) {
    if let Err(error) = core.engine.post().tell(NEWS, news).await {
        tracing::debug!(%error, "other nodes were not told");
    }
}

/// Makes the doorbell of rows that were committed here.
pub fn log(policy: &PolicyTable, rows: &[LogRow]) -> News {
    let rows = serde_json::value::to_raw_value(rows).ok().filter(|rows| rows.get().len() <= ROWS_BYTES);
    News::Log { log: policy.log().to_string(), rev: policy.applied(), rows }
}
