//! Notes in the inbox what has reached a tab: taken into the queue of at least one of the account's tabs, which is all that
//! a server can know of a reader. In batches, and at best: what is lost here is only the note.

use crate::core::Core;
use crate::db::{Author, SystemTask};
use crate::inbox::mailbox;
use crate::refusal::Refusal;
use livegrant_actors::AccountId;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::sleep;

/// Notes that wait. 8,192: a message to a whole company within one pause.
const WAITING: usize = 8_192;
/// Rows of one statement.
const AT_ONCE: usize = 500;
/// Pause between two statements: many notices become one write, and SQLite's one writer is left to others.
const EVERY: Duration = Duration::from_millis(500);

/// Account, revision of its inbox.
pub type Told = (AccountId, i64);

/// Makes the queue.
pub fn queue() -> (mpsc::Sender<Told>, mpsc::Receiver<Told>) {
    mpsc::channel(WAITING)
}

/// See the head of this file.
pub async fn run(core: Core, mut queue: mpsc::Receiver<Told>) {
    let mut told = Vec::new();
    while queue.recv_many(&mut told, AT_ONCE).await > 0 {
        told.sort_unstable();
        told.dedup();
        if let Err(error) = note(&core, &told).await {
            tracing::warn!(%error, "not noted what was delivered");
        }
        told.clear();
        sleep(EVERY).await;
    }
    std::future::pending::<()>().await;
}

async fn note(core: &Core, told: &[Told]) -> Result<(), Refusal> {
    let mut work = core.db.begin(&Author::system("delivered")).await?;
    let now = work.now();
    mailbox::note_delivered(work.conn(), told, now).await?;
    work.commit(SystemTask::Upkeep).await?;
    Ok(())
}
