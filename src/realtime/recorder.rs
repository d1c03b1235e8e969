//! Keeps `sys_websocket_session` (S3-33, S3-89): writes the tabs that came and went, as the engine tells them, in batches.
//! A tab that came and went within one batch is one row. While the database is away events wait, up to a bound; past it
//! the open tabs of this node are compared with its open records once it is back. A record for administrators, never the truth: whether
//! a tab is open the engine alone knows.

use super::store::records::{self as store, LeftOver};
use super::watch::{Event, Feed, Source, queue};
use crate::cluster::{jobs, store as cluster};
use crate::core::Core;
use crate::db::{Author, DbError, SystemTask};
use crate::refusal::Refusal;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

/// Longest time that an event waits for others.
const EVERY: Duration = Duration::from_secs(2);
/// Rows written in one transaction: SQLite's only writer is soon free again.
const ROWS_AT_ONCE: usize = 500;
/// Events that wait: 10,000 tabs that come and go three times while the database is away.
const EVENTS_WAITING: usize = 60_000;

/// Time between two looks for records of nodes that are gone.
const TEND_EVERY: Duration = Duration::from_mins(1);
/// A node that has not been seen for so long counts as gone, ms: many times the lease, past which it serves nobody.
const SILENT_MS: i64 = 60_000;

/// What the recorder is told.
#[derive(Debug)]
pub enum Note {
    /// A tab came or went.
    Event(Box<Event>),
    /// Answer when everything before this is written.
    Flush(oneshot::Sender<()>),
}

/// Makes the recorder's queue.
pub fn feed() -> (Arc<Feed<Note>>, Source<Note>) {
    let (feed, source) = queue("records", EVENTS_WAITING);
    (Arc::new(feed), source)
}

/// Waits until everything that has happened so far is written.
pub async fn flush(feed: &Feed<Note>) {
    let (sender, written) = oneshot::channel();
    feed.put_waiting(Note::Flush(sender)).await;
    // The recorder was stopped: there is nothing more to wait for.
    let _ = written.await;
}

/// Records for as long as the process lives; first closes the rows that a crash left open.
pub async fn run(core: Core, mut source: Source<Note>) {
    while let Err(error) = close_left_over(&core, LeftOver::Restart).await {
        tracing::warn!(%error, "connection records of the last run not closed; trying again");
        tokio::time::sleep(EVERY).await;
    }
    loop {
        let mut batch = Batch::default();
        if !batch.fill(&mut source).await {
            return;
        }
        metrics::gauge!("livegrant_records_waiting").set((source.events.len() + batch.rows.len()) as f64);
        batch.write(&core).await;
        metrics::gauge!("livegrant_records_waiting").set(source.events.len() as f64);
        // Not before what still waits: it may open a record whose end was lost.
        if source.events.is_empty() && source.take_missed() {
            while let Err(error) = compare(&core).await {
                tracing::warn!(%error, "connection records not compared; trying again");
                tokio::time::sleep(EVERY).await;
            }
        }
        for flushed in batch.flushed {
            // Who asked may have given up.
            let _ = flushed.send(());
        }
    }
}

/// Ends the records of nodes that live no more.
async fn close_left_over(core: &Core, why: LeftOver) -> Result<u64, Refusal> {
    let mut work = core.db.begin(&Author::system("connection records")).await?;
    let now = work.now();
    // Nobody else can have a file that is this process's own.
    let seen_after =
        if core.db.is_own() { i64::MAX } else { cluster::database_now(work.conn()).await? - SILENT_MS };
    let closed = store::close_left_over(work.conn(), core.node, seen_after, now, why).await?;
    work.commit(SystemTask::Upkeep).await?;
    Ok(closed)
}

/// Looks after the records for as long as the process lives: one node ends those of nodes that died, and each node looks
/// whether that was done to it while it lived.
pub async fn tend(core: Core, feed: Arc<Feed<Note>>) {
    if core.db.is_own() {
        return std::future::pending().await;
    }
    // What is left at the start is ended by `run`.
    tokio::time::sleep(TEND_EVERY).await;
    let others = jobs::run_once(core.clone(), "dead nodes' records", TEND_EVERY, |core| async move {
        let closed = close_left_over(&core, LeftOver::NodeLost).await?;
        if closed > 0 {
            tracing::warn!(closed, "connection records of nodes that are gone were ended");
        }
        Ok(())
    });
    let own = async {
        let mut every = tokio::time::interval(TEND_EVERY);
        loop {
            every.tick().await;
            if let Err(error) = look_at_own(&core, &feed).await {
                tracing::warn!(%error, "own connection records not looked at");
            }
        }
    };
    tokio::join!(others, own);
}

async fn look_at_own(core: &Core, feed: &Feed<Note>) -> Result<(), DbError> {
    if store::was_thought_dead(&mut core.db.read().await?, core.node).await? {
        feed.miss();
        flush(feed).await;
    }
    Ok(())
}

/// Events on their way to the database, the last one of each tab.
#[derive(Debug, Default)]
struct Batch {
    rows: Vec<Event>,
    places: HashMap<String, usize>,
    flushed: Vec<oneshot::Sender<()>>,
}

impl Batch {
    /// Waits for events; `false` when there will be no more.
    async fn fill(&mut self, source: &mut Source<Note>) -> bool {
        let Some(first) = source.events.recv().await else { return false };
        self.take(first);
        let until = Instant::now() + EVERY;
        while self.rows.len() < ROWS_AT_ONCE && self.flushed.is_empty() {
            let Ok(Some(note)) = timeout_at(until, source.events.recv()).await else { break };
            self.take(note);
        }
        true
    }

    fn take(&mut self, note: Note) {
        let event = match note {
            Note::Event(event) => *event,
            Note::Flush(flushed) => return self.flushed.push(flushed),
        };
        if let Some(place) = self.places.get(event.tab.connection_id.as_str()) {
            // It says everything that the first one said.
            self.rows[*place] = event;
        } else {
            self.places.insert(event.tab.connection_id.to_string(), self.rows.len());
            self.rows.push(event);
        }
    }

    /// Writes until it is written; rows that the database cannot take are counted and left out.
    async fn write(&self, core: &Core) {
        while let Err(error) = write(core, &self.rows).await {
            if is_the_rows_fault(&error) {
                return self.write_one_by_one(core).await;
            }
            tracing::warn!(%error, rows = self.rows.len(), "connections not recorded; trying again");
            tokio::time::sleep(EVERY).await;
        }
    }

    async fn write_one_by_one(&self, core: &Core) {
        for row in &self.rows {
            while let Err(error) = write(core, std::slice::from_ref(row)).await {
                if is_the_rows_fault(&error) {
                    let connection_id = row.tab.connection_id.as_str();
                    tracing::error!(%error, connection_id, "a connection cannot be recorded");
                    metrics::counter!("livegrant_records_lost_total").increment(1);
                    break;
                }
                tokio::time::sleep(EVERY).await;
            }
        }
    }
}

fn is_the_rows_fault(error: &DbError) -> bool {
    matches!(error, DbError::Duplicate | DbError::Reference | DbError::BadText)
}

async fn write(core: &Core, rows: &[Event]) -> Result<(), DbError> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut work = core.db.begin(&Author::system("connection records")).await?;
    for row in rows {
        store::record(work.conn(), core.node, row).await?;
    }
    committed(work).await
}

async fn committed(work: crate::db::Work) -> Result<(), DbError> {
    use crate::db::CommitError;
    match work.commit(SystemTask::Upkeep).await {
        Ok(_) => Ok(()),
        Err(CommitError::Db(error)) => Err(error),
        // Nothing is stamped here.
        Err(CommitError::Stale) => Err(DbError::Again),
    }
}

/// Compares the open records with the open tabs and writes the difference.
async fn compare(core: &Core) -> Result<(), DbError> {
    // The records first: a tab that comes in between is told by its own event.
    let recorded = store::recorded_open(&mut core.db.read().await?, core.node).await?;
    let open: Vec<Event> = core
        .engine
        .online()
        .await
        .into_iter()
        .flat_map(|online| online.tabs.into_iter().map(move |tab| (online.account, tab)))
        .map(|(account, tab)| Event { account, tab, closed: None })
        .collect();
    let mut healed = 0;
    let known: HashSet<&str> = recorded.iter().map(String::as_str).collect();
    let missing: Vec<&Event> =
        open.iter().filter(|event| !known.contains(event.tab.connection_id.as_str())).collect();
    for rows in missing.chunks(ROWS_AT_ONCE) {
        let mut work = core.db.begin(&Author::system("connection records")).await?;
        for row in rows {
            healed += store::record(work.conn(), core.node, row).await?;
        }
        committed(work).await?;
    }
    let open: HashSet<&str> = open.iter().map(|event| event.tab.connection_id.as_str()).collect();
    let gone: Vec<&String> = recorded.iter().filter(|id| !open.contains(id.as_str())).collect();
    for ids in gone.chunks(ROWS_AT_ONCE) {
        let mut work = core.db.begin(&Author::system("connection records")).await?;
        let now = work.now();
        for id in ids {
            healed += store::record_lost(work.conn(), id, now).await?;
        }
        committed(work).await?;
    }
    tracing::warn!(healed, "events were lost; connection records compared with the open tabs");
    Ok(())
}
