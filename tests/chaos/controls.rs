//! The negative controls: with a defence off, the checker that watches over it must find what is broken. Otherwise its
//! silence in the random run means nothing. What chance would have to bring about is brought about here.

use std::time::Duration;

use crate::nodes::check::Check;
use crate::nodes::cluster::Plan;
use crate::nodes::faults::Fault;
use crate::nodes::process::Defence;
use crate::nodes::proxy::Link;
use crate::nodes::report::{Report, Run};
use crate::nodes::scenes;
use crate::nodes::workload::{Load, Mix};
use crate::random::runtime;

/// How long a control works before it is judged.
const TIME: Duration = Duration::from_secs(3);
/// How long it may take to be the same again: several times what it takes with every defence.
const PATIENCE: Duration = Duration::from_secs(5);

fn run(plan: Plan) -> Report {
    let load = Load { clients: 8, rest: Duration::from_millis(2), tabs: 1, hop_ms: 0, mix: Mix::Writes };
    let (faults, lasts) = (vec![Fault::SlowDatabase], (1_000, 1_000));
    let run = Run { seed: 1, plan, load, faults, lasts, time: TIME, patience: PATIENCE };
    let report = runtime().block_on(run.execute());
    println!("{report}");
    report
}

#[test]
fn with_every_defence_nothing_is_found() {
    run(Plan::default()).assert_clean();
}

#[test]
fn without_the_fence_stale_writes_are_found() {
    let plan = Plan { defence: Defence::NoFence, ..Plan::default() };
    let report = runtime().block_on(scenes::unheard(&plan));
    assert!(report.broke(Check::StaleWrites), "{report}");
}

/// The twin of the last one: only the fence makes the difference.
#[test]
fn with_the_fence_there_are_none() {
    let report = runtime().block_on(scenes::unheard(&Plan::default()));
    report.assert_clean();
}

#[test]
fn without_the_tail_poll_lost_changes_are_found() {
    let report = run(Plan::default().with("POLICY__TAIL_POLL_MS", 60_000).with("POLICY__LEASE_MS", 300_000));
    assert!(report.broke(Check::State), "{report}");
    assert!(report.broke(Check::Notices), "{report}");
    assert!(report.broke(Check::Applied), "{report}");
}

#[test]
fn without_the_lease_what_revoked_rights_and_ended_sessions_read_is_found() {
    let plan = Plan::default().with("POLICY__LEASE_MS", 300_000);
    let report = runtime().block_on(scenes::cut_off(&plan, Link::Cut, 0));
    assert!(report.broke(Check::Reads), "{report}");
    assert!(report.broke(Check::Kicks), "{report}");
}

/// `policy_revision` as a sequence gives it: no row is locked until the commit. A change may take its time between its
/// number and its commit, as on a busy machine.
const SEQUENCE: &str = "
ALTER TABLE policy_revision RENAME TO policy_revision_row;
CREATE SEQUENCE policy_revision_sequence;
SELECT setval('policy_revision_sequence', (SELECT rev FROM policy_revision_row));
CREATE FUNCTION last_taken() RETURNS bigint LANGUAGE sql VOLATILE AS 'SELECT last_value FROM policy_revision_sequence';
CREATE VIEW policy_revision AS SELECT 1::bigint AS id, last_taken() AS rev;
CREATE FUNCTION take_next() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    NEW.rev := nextval('policy_revision_sequence');
    PERFORM pg_sleep(0.1 * random());
    RETURN NEW;
  END $$;
CREATE TRIGGER take_next INSTEAD OF UPDATE ON policy_revision FOR EACH ROW EXECUTE FUNCTION take_next();
DO $$ BEGIN
  EXECUTE 'CREATE OR REPLACE VIEW policy_head AS '
    || replace(pg_get_viewdef('policy_head'::regclass), 'policy_revision_row', 'policy_revision');
END $$;";

#[test]
fn with_a_sequence_for_the_revision_what_was_skipped_is_found() {
    let report = run(Plan { sql: SEQUENCE, ..Plan::default() });
    assert!(report.broke(Check::Applied), "{report}");
}
