//! The round after a commit: what it left to be told goes to this node's tabs at once, and is handed on for the others.
//! It waits for no bus and no database; what it cannot hand on is found by looking (`look.rs`, `outbox.rs`).

use super::elsewhere::Further;
use super::words;
use crate::core::Core;
use crate::db::{Errand, Signal};
use livegrant_actors::Publication;
use std::sync::Arc;
use tokio::sync::mpsc;

/// The gauge of errands that wait.
const WAITING: &str = "livegrant_errands_waiting";

/// See the head of this file.
pub async fn run(core: Core, mut errands: mpsc::Receiver<Errand>, further: mpsc::Sender<Further>) {
    while let Some(errand) = errands.recv().await {
        metrics::gauge!(WAITING).set(errands.len() as f64);
        let next = match errand {
            Errand::Mail(mail) => {
                let content = words::content(&mail, core.clock.now_ms());
                if let Err(error) = core.engine.mail_here(&mail.to, Some(&content)).await {
                    tracing::error!(%error, "tabs not told of their mail");
                }
                Further::Mail(mail, content)
            }
            Errand::Signal(signal) => {
                if let Err(error) = core.engine.publish_here(publication(&signal)).await {
                    tracing::error!(%error, message_type = signal.kind.label(), "tabs not told");
                }
                Further::Signal(signal)
            }
        };
        if further.try_send(next).is_err() {
            metrics::counter!("livegrant_errands_dropped_total").increment(1);
        }
    }
    // The database was closed: the process ends.
    std::future::pending::<()>().await;
}

/// Makes a topic's message; its row gives it its id, so that a copy of it is known as one.
pub fn publication(signal: &Signal) -> Publication {
    Publication {
        kind: signal.kind,
        topic: signal.topic.clone(),
        audience: signal.audience.clone(),
        data: Arc::clone(&signal.data),
        operator: signal.operator.clone(),
        message_id: Some(words::signal_id(signal.row)),
    }
}
