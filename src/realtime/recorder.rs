//! Keeps `sys_websocket_session` (S3-33): compares the open tabs with the ones written down and writes the difference in
//! one transaction. A record for administrators, never the truth: whether a tab is open the engine alone knows, and a tab
//! that lived shorter than the pause between two looks is not recorded.

use crate::core::Core;
use crate::db::{Author, DbError, SystemTask, Work};
use crate::refusal::Refusal;
use crate::sql_exec;
use livegrant_actors::{AccountId, TabInfo};
use serde_json::json;
use sqlx::types::Json;
use std::collections::{HashMap, HashSet};
use std::time::Duration;

/// Pause between two looks.
const EVERY: Duration = Duration::from_secs(2);
/// Rows written in one transaction: on SQLite about 50 ms of the only writer; the rest follows at the next look.
const ROWS_AT_ONCE: usize = 1_000;

/// Records for as long as the process lives; first closes the rows that a crash left open.
pub async fn run(core: Core) {
    if let Err(error) = close_left_over(&core).await {
        tracing::warn!(%error, "connection records of the last run not closed");
    }
    let mut recorder = Recorder::default();
    let mut every = tokio::time::interval(EVERY);
    loop {
        every.tick().await;
        if let Err(error) = recorder.look(&core).await {
            tracing::warn!(%error, "connections not recorded; the next look does it");
        }
    }
}

/// Ends all records that are still open: at the start of the only node none can be.
pub async fn close_left_over(core: &Core) -> Result<u64, Refusal> {
    let mut work = core.db.begin(&Author::system("connection records")).await?;
    let now = work.now();
    let closed = sql_exec!(
        work.conn(),
        "UPDATE sys_websocket_session SET status = 0, disconnect_time = $1, close_reason = 'restart' WHERE status = 1",
        now
    )?;
    work.commit(SystemTask::Upkeep).await?;
    Ok(closed)
}

/// Knows which records are open.
#[derive(Debug, Default)]
pub struct Recorder {
    written: HashSet<String>,
}

impl Recorder {
    /// Compares once and writes the difference.
    pub async fn look(&mut self, core: &Core) -> Result<(), Refusal> {
        let online = core.engine.online().await;
        let open: HashMap<String, (AccountId, TabInfo)> = online
            .into_iter()
            .flat_map(|online| online.tabs.into_iter().map(move |tab| (online.account, tab)))
            .map(|(account, tab)| (tab.connection_id.to_string(), (account, tab)))
            .collect();
        let opened: Vec<_> =
            open.iter().filter(|(id, _)| !self.written.contains(*id)).take(ROWS_AT_ONCE).collect();
        let closed: Vec<String> =
            self.written.iter().filter(|id| !open.contains_key(*id)).take(ROWS_AT_ONCE).cloned().collect();
        if opened.is_empty() && closed.is_empty() {
            return Ok(());
        }
        let mut work = core.db.begin(&Author::system("connection records")).await?;
        for (id, (account, tab)) in &opened {
            insert(&mut work, id, *account, tab).await?;
        }
        let now = work.now();
        for id in &closed {
            sql_exec!(
                work.conn(),
                "UPDATE sys_websocket_session SET status = 0, disconnect_time = $2 WHERE session_id = $1 AND status = 1",
                id,
                now
            )?;
        }
        work.commit(SystemTask::Upkeep).await?;
        self.written.extend(opened.into_iter().map(|(id, _)| id.clone()));
        for id in closed {
            self.written.remove(&id);
        }
        Ok(())
    }
}

async fn insert(work: &mut Work, id: &str, account: AccountId, tab: &TabInfo) -> Result<(), DbError> {
    sql_exec!(
        work.conn(),
        "INSERT INTO sys_websocket_session (user_id, session_id, connect_time, client_info, sid, transport)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (session_id) DO NOTHING",
        account.0,
        id,
        tab.connected_at,
        Json(json!({"ip": tab.ip.to_string(), "browser": &*tab.browser})),
        tab.sid.as_str(),
        tab.transport
    )?;
    Ok(())
}
