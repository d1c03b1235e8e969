//! The random schedule: bounded as a test, and as long as somebody likes as a command.

use std::time::Duration;

use crate::nodes::cluster::Plan;
use crate::nodes::faults::Fault;
use crate::nodes::report::Run;
use crate::nodes::workload::{Load, Mix};

/// What the bounded run takes, beside starting and judging.
const BOUNDED: Duration = Duration::from_secs(50);
/// Tabs of one account, in the long form.
const TABS_OF_ACCOUNT: usize = 5;
/// How long everything may take to be the same again on a busy machine.
const PATIENCE: Duration = Duration::from_secs(40);

pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime starts")
}

#[expect(
    clippy::disallowed_methods,
    reason = "what the command was asked for, not a setting of the application"
)]
fn asked<T: std::str::FromStr>(name: &str) -> Option<T> {
    let text = std::env::var(name).ok().filter(|text| !text.is_empty())?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}

fn seed() -> u64 {
    asked("SEED").unwrap_or_else(|| u64::from_le_bytes(livegrant::clock::random_bytes()) >> 40)
}

fn run(seed: u64, time: Duration, load: Load, accounts: usize) -> Run {
    let plan = Plan { accounts, clock: Some(2), redis: true, ..Plan::default() };
    Run { seed, plan, load, faults: Fault::ALL.to_vec(), lasts: (300, 4_800), time, patience: PATIENCE }
}

/// With `MINUTES` as long as they say, with `TABS` tabs a node; otherwise bounded.
#[test]
fn nothing_is_lost_while_things_break() {
    let seed = seed();
    let load = Load { clients: 6, rest: Duration::from_millis(15), tabs: 3, hop_ms: 8_000, mix: Mix::Writes };
    let run = if let Some(minutes) = asked::<u64>("MINUTES") {
        let tabs = 3 * asked::<usize>("TABS").unwrap_or(200);
        println!("seed {seed}, {minutes} minutes, 3 nodes, {tabs} tabs");
        let load = Load { clients: 12, tabs: TABS_OF_ACCOUNT, hop_ms: 60_000, ..load };
        run(seed, Duration::from_mins(minutes), load, tabs.div_ceil(TABS_OF_ACCOUNT))
    } else {
        println!("seed {seed}");
        run(seed, BOUNDED, load, 12)
    };
    let report = runtime().block_on(run.execute());
    println!("{report}");
    report.assert_clean();
    assert!(report.evidence.truth.revision > 50, "too little happened: {report}");
    assert!(report.done("write") > 100, "too little happened: {report}");
}
