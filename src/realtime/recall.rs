//! Gives the engine the notices of before the start, so that a tab that comes back after a restart gets what it missed
//! (I9). Runs once, before anybody is let in. What is too old or too many is named as forgotten: such a tab is told that
//! something is missing, and asks.

use super::effects;
use crate::core::Core;
use crate::policy::{LogRow, store};
use crate::refusal::Refusal;
use livegrant_actors::{Effect, Noted, Rev};

/// As many as the engine keeps.
const KEPT: usize = 200;
/// A page that was away for longer starts anew anyway.
const KEPT_MS: i64 = 24 * 3600 * 1000;
/// Rows of the log looked at in one query: a few MB at most, if all of them are notices.
const ROWS_AT_ONCE: i64 = 2_000;
/// Rows of the log looked at in all: the start must not wait for a long log without notices.
const ROWS_LOOKED_AT: i64 = 100_000;

/// See the head of this file.
pub async fn recall(core: &Core) -> Result<(), Refusal> {
    let mut conn = core.db.read().await?;
    // What comes after is told by the relay.
    let mut up_to = core.policy.applied().0;
    let oldest = core.clock.now_ms() - KEPT_MS;
    let purged = store::first_kept(&mut conn).await?.map_or(up_to, |first| first.0 - 1);
    let floor = purged.max(up_to - ROWS_LOOKED_AT);
    let mut recalled = Vec::new();
    let mut forgotten = None;
    while up_to > floor && forgotten.is_none() {
        let after = (up_to - ROWS_AT_ONCE).max(floor);
        for row in store::notices_between(&mut conn, Rev(after), Rev(up_to)).await? {
            let Some(noted) = noted(&row) else { continue };
            if recalled.len() >= KEPT || row.at < oldest {
                forgotten = Some(noted.seq);
                break;
            }
            recalled.push(noted);
        }
        up_to = after;
    }
    recalled.reverse();
    tracing::info!(notices = recalled.len(), "notices of before the start recalled");
    // Below the floor there may be others; at 0 there are none.
    core.engine.recall(recalled, forgotten.unwrap_or(floor));
    Ok(())
}

fn noted(row: &LogRow) -> Option<Noted> {
    effects::of(row).into_iter().find_map(|change| match change.effect {
        Effect::Notice(notice) => {
            let (operator, audience) = (change.operator, change.audience);
            Some(Noted { seq: change.rev.0, notice, operator, audience })
        }
        _ => None,
    })
}
