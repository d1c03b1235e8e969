//! The negative controls: with a defence off, the checker that watches over it must find what is broken. Otherwise its
//! silence in the random run means nothing.

use std::time::Duration;

use crate::nodes::check::Check;
use crate::nodes::cluster::Plan;
use crate::nodes::faults::Fault;
use crate::nodes::process::Defence;
use crate::nodes::report::{Report, Run};
use crate::nodes::workload::{Load, Mix};
use crate::random::runtime;

/// How long a control works before it is judged.
const TIME: Duration = Duration::from_secs(5);
/// How long it may take to be the same again: several times what it takes with every defence.
const PATIENCE: Duration = Duration::from_secs(5);

fn run(plan: Plan, faults: &[Fault]) -> Report {
    run_with(plan, faults, Mix::Writes)
}

fn run_with(plan: Plan, faults: &[Fault], mix: Mix) -> Report {
    let load = Load { clients: 8, rest: Duration::from_millis(2), tabs: 1, hop_ms: 0, mix };
    let (faults, lasts) = (faults.to_vec(), (6_000, 6_000));
    let run = Run { seed: 1, plan, load, faults, lasts, time: TIME, patience: PATIENCE };
    let report = runtime().block_on(run.execute());
    println!("{report}");
    report
}

#[test]
fn with_every_defence_nothing_is_found() {
    run(Plan::default(), &[Fault::SlowDatabase]).assert_clean();
}

#[test]
fn without_the_fence_stale_writes_are_found() {
    let plan = Plan { defence: Defence::NoFence, ..Plan::default() };
    let report = run(plan, &[Fault::SlowDatabase]);
    assert!(report.broke(Check::StaleWrites), "{report}");
}

#[test]
fn without_the_tail_poll_lost_changes_are_found() {
    let plan = Plan::default().with("POLICY__TAIL_POLL_MS", 60_000).with("POLICY__LEASE_MS", 300_000);
    let report = run(plan, &[Fault::SlowDatabase]);
    assert!(report.broke(Check::State), "{report}");
}

#[test]
fn without_the_lease_reads_by_revoked_rights_are_found() {
    let plan = Plan::default().with("POLICY__LEASE_MS", 300_000);
    let report = run_with(plan, &[Fault::CutDatabase], Mix::Reads);
    assert!(report.broke(Check::Reads), "{report}");
    assert!(report.broke(Check::Kicks), "{report}");
}

/// `policy_revision` as a sequence gives it: no row is locked until the commit.
const SEQUENCE: &str = "
ALTER TABLE policy_revision RENAME TO policy_revision_row;
CREATE SEQUENCE policy_revision_sequence;
SELECT setval('policy_revision_sequence', (SELECT rev FROM policy_revision_row));
CREATE FUNCTION last_taken() RETURNS bigint LANGUAGE sql VOLATILE AS 'SELECT last_value FROM policy_revision_sequence';
CREATE VIEW policy_revision AS SELECT 1::bigint AS id, last_taken() AS rev;
CREATE FUNCTION take_next() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN NEW.rev := nextval('policy_revision_sequence'); RETURN NEW; END $$;
CREATE TRIGGER take_next INSTEAD OF UPDATE ON policy_revision FOR EACH ROW EXECUTE FUNCTION take_next();";

#[test]
fn with_a_sequence_for_the_revision_gaps_are_found() {
    let plan = Plan { sql: SEQUENCE, ..Plan::default() };
    let report = run(plan, &[Fault::SlowDatabase]);
    assert!(report.broke(Check::Applied), "{report}");
}
