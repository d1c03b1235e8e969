//! What a commit left to be told goes to the other nodes; then the rows of the topics' messages are deleted. A bus that
//! hangs holds up only this. A message that could not be sent keeps its row: it is published once the bus is back
//! (`outbox.rs`). Mail needs no row: the inboxes have it.

use super::rounds::publication;
use crate::core::Core;
use crate::db::{Author, Mail, Signal, SystemTask};
use crate::realtime::store::outbox;
use crate::refusal::Refusal;
use livegrant_actors::Content;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Errands that wait for the bus. 1,024: some seconds of a hanging one; what finds no place is found by looking.
const WAITING: usize = 1_024;
/// Rows deleted in one statement: a short lock of the writer.
const DELETED_AT_ONCE: usize = 256;

/// An errand that this node's tabs have been told.
#[derive(Debug)]
pub enum Further {
    /// What came to inboxes.
    Mail(Arc<Mail>, Arc<Content>),
    /// A message of a topic.
    Signal(Arc<Signal>),
}

/// Makes the queue.
pub fn queue() -> (mpsc::Sender<Further>, mpsc::Receiver<Further>) {
    mpsc::channel(WAITING)
}

/// See the head of this file.
pub async fn run(core: Core, mut queue: mpsc::Receiver<Further>) {
    let mut sent: Vec<i64> = Vec::new();
    while let Some(further) = queue.recv().await {
        match further {
            Further::Mail(mail, content) => core.engine.mail_elsewhere(&mail.to, &content).await,
            Further::Signal(signal) => match core.engine.publish_elsewhere(&publication(&signal)).await {
                Ok(()) => sent.push(signal.row),
                Err(error) => tracing::debug!(%error, row = signal.row, "a message is published later"),
            },
        }
        if !sent.is_empty() && (queue.is_empty() || sent.len() >= DELETED_AT_ONCE) {
            if let Err(error) = forget(&core, &sent).await {
                tracing::warn!(%error, "messages that were published are published again");
            }
            sent.clear();
        }
    }
    std::future::pending::<()>().await;
}

/// Deletes the rows of messages that were published.
pub async fn forget(core: &Core, rows: &[i64]) -> Result<(), Refusal> {
    let mut work = core.db.begin(&Author::system("outbox")).await?;
    outbox::delete(work.conn(), rows).await?;
    work.commit(SystemTask::Upkeep).await?;
    Ok(())
}
