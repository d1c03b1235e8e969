//! Trigger nodes call addresses of the outside (FW38), through rows that were written with the step that calls: nothing is
//! called that was not committed, and what was committed is called, at least once, with a key that tells repetitions.
//!
//! Only addresses that the settings name are called. Redirects are not followed, answers are not read.

use super::running::{Act, Running};
use super::store::timers::{self as store, TimerRow};
use crate::core::Core;
use crate::db::{Author, SystemTask};
use crate::refusal::Refusal;
use serde_json::{Value, json};
use std::time::Duration;

/// Tries of one call; with pauses that double from five seconds that is about eleven minutes.
const TRIES: i64 = 8;
/// First pause, in milliseconds.
const PAUSE: i64 = 5_000;
/// How long a call belongs to the node that makes it, in milliseconds: longer than the longest time limit.
const HELD: i64 = 120_000;

/// What calls. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client(reqwest::Client);

impl Client {
    /// Makes a client whose calls may take so long.
    pub fn new(timeout: Duration) -> Self {
        let client = reqwest::Client::builder()
            .timeout(timeout)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .pool_max_idle_per_host(1)
            .build();
        Self(client.expect("a client without certificates of its own can always be built"))
    }

    async fn post(&self, url: &str, key: &str, body: &Value) -> Result<(), String> {
        let call = self
            .0
            .post(url)
            .header("content-type", "application/json")
            .header("idempotency-key", key)
            .body(body.to_string());
        let answer = call.send().await.map_err(|error| error.without_url().to_string())?;
        if answer.status().is_success() {
            Ok(())
        } else {
            Err(format!("answered {}", answer.status().as_u16()))
        }
    }
}

/// Makes one call that is due, unless another node has it.
pub async fn call(core: &Core, client: &Client, timer: &TimerRow) -> Result<(), Refusal> {
    let mut work = core.db.begin(&Author::system("workflow call")).await?;
    let now = work.now();
    let claimed = store::claim(work.conn(), timer.id, now, now + HELD).await?;
    let running = Running::read(work.conn(), timer.instance_id).await?;
    work.commit(SystemTask::Timer).await?;
    let (Some(attempts), Some(running)) = (claimed, running) else { return Ok(()) };
    let target = timer.payload.0["target"].as_str().unwrap_or_default();
    let mut body = timer.payload.0["body"].clone();
    // The number was not known yet when the first step of an instance calls.
    body["approvalNo"] = json!(running.row.approval_no);
    let outcome = match core.settings.workflow.triggers.get(target) {
        Some(url) => client.post(url, &format!("livegrant-call-{}", timer.id), &body).await,
        None => Err("the settings name no such address".to_owned()),
    };
    let mut work = core.db.begin(&Author::system("workflow call")).await?;
    let now = work.now();
    let allowed = core.settings.workflow.triggers.contains_key(target);
    match outcome {
        Ok(()) => {
            store::fire(work.conn(), timer.id, now).await?;
            let detail = json!({ "target": target, "attempts": attempts });
            running.note(&mut work, &Act::system(), "called", None, &detail).await?;
        }
        Err(problem) if attempts >= TRIES || !allowed => {
            tracing::warn!(target, problem, attempts, "a call of a workflow was given up");
            store::fire(work.conn(), timer.id, now).await?;
            let detail = json!({ "target": target, "attempts": attempts, "problem": problem });
            running.note(&mut work, &Act::system(), "call_failed", None, &detail).await?;
        }
        Err(problem) => {
            tracing::info!(target, problem, attempts, "a call of a workflow failed; tried again");
            let pause = PAUSE << attempts.clamp(1, TRIES).saturating_sub(1);
            store::postpone(work.conn(), timer.id, now + pause).await?;
        }
    }
    work.commit(SystemTask::Timer).await?;
    Ok(())
}
