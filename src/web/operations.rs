//! What keeps the process running in somebody's hands: alive, ready, metrics. No sign-in; bind them away from the
//! public where that matters (`docs/operations.md`).

use crate::cluster::http::BusOut;
use crate::core::Core;
use crate::telemetry::Metrics;
use actix_web::{HttpResponse, get, web};
use serde::Serialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use utoipa::ToSchema;

/// True from the moment at which the process was told to stop.
#[derive(Debug, Clone, Default)]
pub struct Stopping(Arc<AtomicBool>);

impl Stopping {
    /// Says so.
    pub fn begin(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether it was said.
    pub fn has_begun(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// The process runs.
#[utoipa::path(tag = "operations", responses((status = 200)))]
#[get("/healthz")]
pub async fn get_healthz() -> HttpResponse {
    HttpResponse::Ok().body("ok")
}

/// What readiness rests on; each is `ok` or says what is wrong.
#[derive(Debug, Serialize, ToSchema)]
pub struct Ready {
    database: String,
    policy: String,
    engine: String,
    process: String,
    /// `ok`, `alone`, or what is wrong. A node whose bus is in trouble is ready all the same, unless
    /// `cluster.ready_needs_bus` says otherwise: it finds changes by looking at the database.
    bus: String,
    /// Which node this is.
    node: String,
    /// The revision that this node enforces.
    applied_rev: i64,
}

/// The node may be given traffic: the database answers, the policy is proven current (I7), every shard lives.
#[utoipa::path(tag = "operations", responses((status = 200, body = Ready), (status = 503, body = Ready)))]
#[get("/readyz")]
pub async fn get_readyz(core: web::Data<Core>, stopping: web::Data<Stopping>) -> HttpResponse {
    let ok = || "ok".to_owned();
    let bus = BusOut::of(&core);
    let ready = Ready {
        database: match core.db.read().await {
            Ok(_) => ok(),
            Err(error) => error.to_string(),
        },
        policy: if core.policy.has_lease() { ok() } else { "not proven current".to_owned() },
        engine: core.engine.healthy().map_or_else(|failure| failure, |()| ok()),
        process: if stopping.has_begun() { "stopping".to_owned() } else { ok() },
        bus: bus.trouble.unwrap_or_else(|| bus.state.to_owned()),
        node: core.members.name.to_string(),
        applied_rev: core.policy.applied().0,
    };
    let hears = ready.bus == "ok" || ready.bus == "alone" || !core.settings.cluster.ready_needs_bus;
    let all = hears
        && [&ready.database, &ready.policy, &ready.engine, &ready.process].iter().all(|part| *part == "ok");
    if all { HttpResponse::Ok().json(ready) } else { HttpResponse::ServiceUnavailable().json(ready) }
}

/// Prometheus metrics.
#[utoipa::path(tag = "operations", responses((status = 200)))]
#[get("/metrics")]
pub async fn get_metrics(core: web::Data<Core>, telemetry: web::Data<Metrics>) -> HttpResponse {
    let stats = core.engine.stats();
    metrics::gauge!("livegrant_tabs").set(stats.tabs as f64);
    metrics::gauge!("livegrant_accounts_online").set(stats.accounts as f64);
    metrics::gauge!("livegrant_applied_rev").set(core.policy.applied().0 as f64);
    if let Some(bytes) = resident_memory() {
        metrics::gauge!("process_resident_memory_bytes").set(bytes as f64);
    }
    HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(telemetry.render())
}

/// Answers how much memory of the machine this process has, in bytes; `None` where there is no `/proc`. The name of its
/// metric is the one that every Prometheus client uses.
fn resident_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_some_memory() {
        let bytes = resident_memory().expect("the tests run where there is a /proc");
        assert!((1 << 20..1 << 36).contains(&bytes), "{bytes}");
    }
}
