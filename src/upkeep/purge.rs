//! Deletes what is over (S3-87, S3-91): ended connections and sessions, tickets and keys of repeated requests, old lines of
//! the logs, each after its own retention. In small transactions with a pause in between, so that the writer is never held
//! for long. Epochs are never deleted (I2), and neither is what something open still refers to.

use super::store;
use crate::core::Core;
use crate::db::{Author, Conn, DbError, SystemTask};
use crate::refusal::Refusal;
use crate::web::idempotency::{KEPT_MS, UNANSWERED_MS};
use livegrant_actors::Rev;
use std::time::Duration;

/// Rows deleted in one transaction: SQLite's only writer is soon free again.
const ROWS_AT_ONCE: i64 = 1_000;
/// Transactions a table and turn; what is left waits for the next turn.
const TURNS: u64 = 100;
/// Pause between two transactions: whoever waits for the writer has it first.
const PAUSE: Duration = Duration::from_millis(10);
/// Rows of the policy log that always stay: receipts and nodes that lag behind look no further back.
const REVISIONS_KEPT: i64 = 10_000;
const DAY_MS: i64 = 24 * 3600 * 1000;

/// How many rows of which table were deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is a table")]
pub struct Purged {
    pub connections: u64,
    pub sessions: u64,
    pub tickets: u64,
    pub keys: u64,
    pub audit: u64,
    pub changes: u64,
    pub policy_log: u64,
}

/// Deletes once what is over now.
pub async fn purge(core: &Core) -> Result<Purged, Refusal> {
    let now = core.clock.now_ms();
    let kept = &core.settings.retention;
    // 0 keeps for ever: nothing is older than the beginning of time.
    let before = |days: u32| if days == 0 { i64::MIN } else { now - i64::from(days) * DAY_MS };
    let up_to = Rev(core.policy.applied().0 - REVISIONS_KEPT);
    Ok(Purged {
        connections: all(core, Over::Connections(before(kept.connections_days))).await?,
        sessions: all(core, Over::Sessions(before(kept.sessions_days))).await?,
        tickets: all(core, Over::Tickets(now)).await?,
        keys: all(core, Over::Keys(now - KEPT_MS, now - UNANSWERED_MS)).await?,
        audit: all(core, Over::Audit(before(kept.audit_days))).await?,
        // Before the policy log, whose operators it shows.
        changes: all(core, Over::Changes(before(kept.changes_days))).await?,
        policy_log: all(core, Over::PolicyLog(up_to, before(kept.policy_log_days))).await?,
    })
}

/// What is over: which table, and from before when.
#[derive(Debug, Clone, Copy)]
enum Over {
    Connections(i64),
    Sessions(i64),
    Tickets(i64),
    Keys(i64, i64),
    Audit(i64),
    Changes(i64),
    PolicyLog(Rev, i64),
}

impl Over {
    const fn table(self) -> &'static str {
        match self {
            Self::Connections(_) => "sys_websocket_session",
            Self::Sessions(_) => "sys_session",
            Self::Tickets(_) => "sys_stream_ticket",
            Self::Keys(..) => "sys_idempotency",
            Self::Audit(_) => "sys_audit_log",
            Self::Changes(_) => "sys_permission_change_log",
            Self::PolicyLog(..) => "policy_log",
        }
    }

    async fn delete(self, conn: &mut Conn) -> Result<u64, DbError> {
        let rows = ROWS_AT_ONCE;
        match self {
            Self::Connections(before) => store::purge_connections(conn, before, rows).await,
            Self::Sessions(before) => store::purge_sessions(conn, before, rows).await,
            Self::Tickets(now) => store::purge_tickets(conn, now, rows).await,
            Self::Keys(answered, unanswered) => store::purge_keys(conn, answered, unanswered, rows).await,
            Self::Audit(before) => store::purge_audit(conn, before, rows).await,
            Self::Changes(before) => store::purge_changes(conn, before, rows).await,
            Self::PolicyLog(up_to, before) => store::purge_policy_log(conn, up_to, before, rows).await,
        }
    }
}

/// Deletes batch after batch until one is not full.
async fn all(core: &Core, over: Over) -> Result<u64, Refusal> {
    let mut deleted = 0;
    for _ in 0..TURNS {
        let mut work = core.db.begin(&Author::system("upkeep")).await?;
        let rows = over.delete(work.conn()).await?;
        work.commit(SystemTask::Upkeep).await?;
        deleted += rows;
        if rows < ROWS_AT_ONCE as u64 {
            break;
        }
        tokio::time::sleep(PAUSE).await;
    }
    metrics::counter!("livegrant_purged_rows_total", "table" => over.table()).increment(deleted);
    Ok(deleted)
}
