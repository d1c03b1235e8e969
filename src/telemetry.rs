//! Logs and metrics of the process: sets both up once and renders the metrics.
//!
//! Logs go to standard error, so that a subcommand's answer on standard output stays clean.
//! Both are the process's own: the first call decides, later ones change nothing, so that every test may call it.
//! It opens no port: `/metrics` is a route like any other.

use std::io::IsTerminal;
use std::sync::OnceLock;
use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

use crate::settings::{LogFormat, Telemetry};

/// Upper bounds of every `_seconds` histogram: half a millisecond (a check) to ten seconds (a stuck tab).
const SECONDS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Upper bounds of every `_bytes` histogram: a ping to the largest outbox.
const BYTES: [f64; 7] = [64.0, 256.0, 1024.0, 4096.0, 16_384.0, 65_536.0, 262_144.0];

/// Samples are kept one by one until they are counted, so that they are counted even when nobody asks for them.
const UPKEEP: Duration = Duration::from_secs(5);

/// Renders the process's metrics; clones are cheap.
#[derive(Clone)]
pub struct Metrics {
    recorder: PrometheusHandle,
}

impl Metrics {
    /// Gives all metrics in Prometheus' text format.
    pub fn render(&self) -> String {
        self.recorder.render()
    }
}

/// Sets up logs and metrics; later calls give the first call's metrics.
pub fn init(settings: &Telemetry) -> Metrics {
    static METRICS: OnceLock<Metrics> = OnceLock::new();
    METRICS
        .get_or_init(|| {
            start_logs(settings);
            start_metrics()
        })
        .clone()
}

fn start_logs(settings: &Telemetry) {
    // Validated with the settings; a directive that is wrong all the same is left out, not fatal.
    let filter = EnvFilter::new(&settings.log_filter);
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match settings.log_format {
        LogFormat::Pretty => builder.with_ansi(std::io::stderr().is_terminal()).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).with_current_span(true).try_init(),
    };
    if started.is_err() {
        tracing::debug!("logs were already set up");
    }
}

fn start_metrics() -> Metrics {
    let recorder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
        .and_then(|builder| builder.set_buckets_for_metric(Matcher::Suffix("_bytes".to_owned()), &BYTES))
        .expect("neither list of buckets is empty")
        .build_recorder();
    let handle = recorder.handle();
    if metrics::set_global_recorder(recorder).is_err() {
        tracing::warn!("metrics were already set up elsewhere: none are shown here");
        return Metrics { recorder: handle };
    }
    let upkeep = handle.clone();
    let thread = std::thread::Builder::new().name("metrics".to_owned());
    let started = thread.spawn(move || {
        loop {
            std::thread::sleep(UPKEEP);
            upkeep.run_upkeep();
        }
    });
    if let Err(error) = started {
        tracing::warn!(%error, "no thread for the metrics: their memory grows between two scrapes");
    }
    Metrics { recorder: handle }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_shows_the_same_metrics_and_times_have_buckets() {
        let first = init(&Telemetry::default());
        let second = init(&Telemetry { log_format: LogFormat::Json, ..Telemetry::default() });
        metrics::counter!("telemetry_test_total").increment(2);
        metrics::histogram!("telemetry_test_seconds").record(0.03);
        metrics::histogram!("telemetry_test_bytes").record(100.0);
        for text in [first.render(), second.render()] {
            assert!(text.contains("telemetry_test_total 2"), "{text}");
            assert!(text.contains("telemetry_test_seconds_bucket{le=\"0.05\"} 1"), "{text}");
            assert!(text.contains("telemetry_test_bytes_bucket{le=\"64\"} 0"), "{text}");
        }
    }
}
