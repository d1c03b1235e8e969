//! What a node runs for the sake of the others: takes in what they say, names its dismissed streams, keeps its part of the
//! shared view, and closes tabs that are beyond an account's limit over all nodes (C5).

use super::clerk::{Clerk, Desk};
use super::questions;
use crate::core::Core;
use crate::realtime::dismissed;
use crate::realtime::shared::{Beyond, Keeper, SharedError, SharedView, feed};
use crate::realtime::tasks::Tasks;
use crate::realtime::watch::{Event, Feed, Source};
use crate::settings::Settings;
use livegrant_actors::{CloseReason, NodeId};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// Accounts beyond their limit that wait; what does not fit is found again by the view's next round.
const BEYOND_WAITING: usize = 1_024;

/// The shared view before anybody has come.
pub struct Shared {
    /// Fills it; for the watch.
    pub events: Arc<Feed<Event>>,
    view: SharedView,
    source: Source<Event>,
}

/// Prepares the shared view, where there is a Redis.
///
/// # Errors
/// When an address cannot be read.
pub fn shared(settings: &Settings, node: NodeId) -> Result<Option<Shared>, SharedError> {
    let Some(topology) = settings.redis.topology() else { return Ok(None) };
    let most = settings.realtime.max_connections_per_user;
    let deadline = Duration::from_millis(settings.redis.timeout_ms);
    let view = SharedView::new(&topology, node, most, settings.redis.pool_size as usize, deadline)?;
    let (events, source) = feed();
    Ok(Some(Shared { events, view, source }))
}

/// Starts all of it.
pub fn start(core: &Core, tasks: &mut Tasks, desk: Desk, shared: Option<Shared>) {
    let (again, streams) = (Arc::clone(&desk.again), Arc::clone(&desk.dismissed));
    let (clerk, telling_again) = Clerk::new(core.clone(), desk);
    tasks.run("post", core.engine.post().clone().run(core.engine.clone(), Arc::new(clerk)));
    tasks.run("pushes of other nodes", telling_again);
    tasks.run("dismissed", dismissed::tell(core.clone(), streams));
    let Some(Shared { view, source, .. }) = shared else { return };
    let (beyond, to_close) = mpsc::channel(BEYOND_WAITING);
    let members = Arc::clone(&core.members);
    let view = view.asking(move || members.all().iter().map(|row| row.node).collect());
    let engine = core.engine.clone();
    let online = move || {
        let engine = engine.clone();
        async move { engine.online().await }
    };
    tasks.run("shared view", Keeper::new(Arc::new(view), online, beyond, again).run(source));
    tasks.run("limits over nodes", close(core.clone(), to_close));
}

async fn close(core: Core, mut beyond: mpsc::Receiver<Beyond>) {
    while let Some(Beyond { account, connections }) = beyond.recv().await {
        for connection in connections {
            let closed = questions::close(&core, account, &connection, CloseReason::Replaced).await;
            tracing::info!(account = account.0, %connection, closed, "beyond the limit over all nodes");
        }
    }
}
