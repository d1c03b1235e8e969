//! What happens by itself: delays that are over, tasks whose time is over (FW24), calls of triggers.
//!
//! Timers are rows, so they survive a restart; one node looks for them, and whoever sets `fired_at` in the transaction that
//! does the work has fired it, so each fires once however many nodes look. A timer whose task was decided meanwhile does
//! nothing. What cannot be done now is tried again a minute later, so that it does not hold up the others; calls are made
//! apart from the rest, a few at once.

use super::graph::{NodeKind, Timeout, TimeoutAction};
use super::handover::why_not;
use super::instance::model::SYSTEM;
use super::instance::{Event, Origin, RunState, Status, TaskState};
use super::running::{Act, Parent, Running};
use super::store::tasks;
use super::store::timers::{self as store, TimerRow};
use super::trigger::{self, Client};
use super::walk;
use crate::cluster::jobs;
use crate::core::Core;
use crate::db::{Author, SystemTask, Work};
use crate::hr::reporting;
use crate::refusal::Refusal;
use futures_util::{StreamExt, TryStreamExt, stream};
use livegrant_actors::AccountId;
use serde_json::{Value, json};
use std::time::Duration;

/// Timers of one turn at most; the next turn goes on.
const TURN: i64 = 200;
/// Calls of one turn at most: with the longest time limit and nobody who answers that is eight minutes.
const CALLS_TURN: i64 = 64;
/// Calls under way at once: few enough that an address is not flooded after it was down.
const CALLS_AT_ONCE: usize = 8;
/// When a timer that could not be fired is tried again, in milliseconds.
const AGAIN: i64 = 60_000;
/// A minute in milliseconds.
const MINUTE: i64 = 60_000;
/// Minutes of a day: the longest pause between two tries to move a task that nobody can take now.
const DAY: i64 = 1_440;

/// Looks for due timers for as long as the process lives. Calls have turns of their own: what they wait for holds up nothing.
pub async fn run(core: Core) {
    let every = Duration::from_millis(core.settings.workflow.timer_poll_ms);
    let client = Client::new(Duration::from_secs(core.settings.workflow.trigger_timeout_seconds));
    let timers = jobs::run_once(core.clone(), "workflow timers", every, move |core| async move {
        Box::pin(fire_timers(&core)).await
    });
    let calls = jobs::run_once(core, "workflow calls", every, move |core| {
        let client = client.clone();
        async move { Box::pin(make_calls(&core, &client)).await }
    });
    tokio::join!(timers, calls);
}

/// Fires everything that is due now, calls last.
pub async fn fire_due(core: &Core, client: &Client) -> Result<(), Refusal> {
    fire_timers(core).await?;
    make_calls(core, client).await
}

async fn fire_timers(core: &Core) -> Result<(), Refusal> {
    let due = store::due(&mut core.db.read().await?, core.clock.now_ms(), TURN).await?;
    for timer in due {
        let fired = core
            .write_unguarded({
                let timer = timer.clone();
                move |core| {
                    let timer = timer.clone();
                    async move { fire(&core, &timer).await }
                }
            })
            .await;
        if let Err(error) = fired {
            later(core, &timer, &error).await?;
        }
    }
    Ok(())
}

async fn make_calls(core: &Core, client: &Client) -> Result<(), Refusal> {
    let due = store::due_calls(&mut core.db.read().await?, core.clock.now_ms(), CALLS_TURN).await?;
    let calls = due.into_iter().map(|timer| {
        let (core, client) = (core.clone(), client.clone());
        async move {
            match trigger::call(&core, &client, &timer).await {
                Ok(()) => Ok(()),
                Err(error) => later(&core, &timer, &error).await,
            }
        }
    });
    stream::iter(calls).buffer_unordered(CALLS_AT_ONCE).try_collect::<()>().await
}

/// Tries a timer again when others have had their turn.
async fn later(core: &Core, timer: &TimerRow, error: &Refusal) -> Result<(), Refusal> {
    tracing::warn!(%error, timer = timer.id, kind = timer.kind, "a timer could not be fired; tried again later");
    let mut work = core.db.begin(&Author::system("workflow timer")).await?;
    let next = work.now() + AGAIN;
    store::postpone(work.conn(), timer.id, next).await?;
    work.commit(SystemTask::Timer).await?;
    Ok(())
}

/// Fires one timer, if nobody else has.
pub async fn fire(core: &Core, timer: &TimerRow) -> Result<(), Refusal> {
    let mut work = core.db.begin(&Author::system("workflow timer")).await?;
    // The instance first, as everybody does who moves one.
    let running = Running::lock(&mut work, timer.instance_id).await?;
    let now = work.now();
    if store::fire(work.conn(), timer.id, now).await? == 0 {
        return Ok(());
    }
    if let Some(mut running) = running.filter(|running| running.state.status == Status::Running) {
        match timer.kind.as_str() {
            "delay" => elapsed(core, &mut work, &mut running, timer.number).await?,
            "timeout" => overdue(core, &mut work, &mut running, timer).await?,
            other => tracing::warn!(kind = other, "a timer of an unknown kind"),
        }
        running.save(core, &mut work, Parent::Tell).await?;
    }
    let committed = work.commit(SystemTask::Timer).await?;
    core.settle(committed).await;
    Ok(())
}

async fn elapsed(core: &Core, work: &mut Work, running: &mut Running, run: i64) -> Result<(), Refusal> {
    if running.state.run(run).is_none_or(|run| run.state != RunState::Open) {
        return Ok(());
    }
    running.apply(core, work, &Act::system(), Event::Elapsed { run }).await
}

/// A task's time is over.
async fn overdue(
    core: &Core,
    work: &mut Work,
    running: &mut Running,
    timer: &TimerRow,
) -> Result<(), Refusal> {
    let number = timer.number;
    let Some(task) = running.state.task(number).filter(|task| task.state == TaskState::Pending) else {
        return Ok(());
    };
    let (assignee, run) = (task.assignee, task.run);
    let node = running.state.run(run).and_then(|run| walk::find(&running.definition.graph, &run.node));
    let (rules, approves) = match node.map(|node| &node.kind) {
        Some(NodeKind::Approve(rules)) => (rules, true),
        Some(NodeKind::Handle(rules)) => (rules, false),
        _ => return Ok(()),
    };
    let Some(Timeout { action, .. }) = rules.timeout.clone() else { return Ok(()) };
    let decided = |approve| Event::Decided {
        task: number,
        by: SYSTEM,
        approve,
        chose: Vec::new(),
        form: serde_json::Map::new(),
    };
    let company = running.company();
    let now = work.now();
    let to = match action {
        TimeoutAction::Approve => return running.apply(core, work, &Act::system(), decided(true)).await,
        TimeoutAction::Reject if approves => {
            return running.apply(core, work, &Act::system(), decided(false)).await;
        }
        // Who handles something cannot refuse it; the system cannot in his place.
        TimeoutAction::Remind | TimeoutAction::Reject => return remind(work, running, timer, assignee).await,
        TimeoutAction::Transfer { guid } => {
            reporting::accounts_named(work.conn(), company, &[guid]).await?.into_iter().next()
        }
        TimeoutAction::Escalate => reporting::superior(work.conn(), company, assignee, now).await?,
    };
    let Some(task) = running.state.task(number) else { return Ok(()) };
    if let Some(to) = to.filter(|to| *to != assignee && why_not(running, task, *to).is_none()) {
        let event = Event::Moved { task: number, to, origin: Origin::Escalate };
        return running.apply(core, work, &Act::system(), event).await;
    }
    // There is nobody above, or he may not now: whoever has the task is told, once, and it is tried again.
    let tried = timer.payload.0["tried"].as_bool().unwrap_or_default();
    if !tried {
        tell(work, running, timer, assignee).await?;
    }
    let pause = pause_of(timer);
    let payload = json!({ "minutes": (2 * pause).min(pause.max(DAY)), "left": 0, "tried": true });
    again(work, running, timer, &payload, pause).await
}

/// Reminds whoever has the task, and again as often as the definition says.
async fn remind(
    work: &mut Work,
    running: &mut Running,
    timer: &TimerRow,
    assignee: AccountId,
) -> Result<(), Refusal> {
    tell(work, running, timer, assignee).await?;
    let left = timer.payload.0["left"].as_u64().unwrap_or(0);
    if left == 0 {
        return Ok(());
    }
    let minutes = pause_of(timer);
    again(work, running, timer, &json!({ "minutes": minutes, "left": left - 1 }), minutes).await
}

async fn tell(
    work: &mut Work,
    running: &mut Running,
    timer: &TimerRow,
    assignee: AccountId,
) -> Result<(), Refusal> {
    let Some(row) = running.task_row(timer.number).map(|row| row.id) else { return Ok(()) };
    let now = work.now();
    tasks::remind(work.conn(), row, now).await?;
    running.remind(work, &[assignee], "system", "");
    running.note(work, &Act::system(), "overdue", Some(timer.number), &json!({})).await
}

fn pause_of(timer: &TimerRow) -> i64 {
    timer.payload.0["minutes"].as_i64().unwrap_or(0).max(1)
}

/// Lets the task's time be over once more, after so many minutes.
async fn again(
    work: &mut Work,
    running: &Running,
    timer: &TimerRow,
    payload: &Value,
    minutes: i64,
) -> Result<(), Refusal> {
    let next = work.now() + minutes * MINUTE;
    store::add(work.conn(), running.row.id, timer.number, "timeout", payload, next).await?;
    Ok(())
}
