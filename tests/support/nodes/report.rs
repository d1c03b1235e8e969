//! One run from beginning to end, and what is said about it: what broke, what was done, what was told, and every promise
//! with the number of times that it was broken.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use tokio::sync::watch;

use super::check::{Check, Evidence, TabEnd, Violation, difference, judge};
use super::cluster::{Cluster, Plan};
use super::faults::{Fault, Faults};
use super::history::{Event, Outcome};
use super::tab::Tab;
use super::truth::Truth;
use super::wait::within;
use super::workload::{Load, Workload};

/// The lease that the promises are judged by, whatever the nodes are told: the one of `config/base.toml`.
pub const LEASE_MS: u64 = 2_000;
/// Violations that are shown of each promise.
const SHOWN: usize = 5;

/// What a run is to be like.
#[derive(Debug, Clone)]
pub struct Run {
    pub seed: u64,
    pub plan: Plan,
    pub load: Load,
    pub faults: Vec<Fault>,
    /// The shortest and the longest that a fault lasts, in milliseconds.
    pub lasts: (u64, u64),
    pub time: Duration,
    /// How long everything may take to be the same again, once all is mended.
    pub patience: Duration,
}

/// See the head of this file.
#[derive(Debug)]
pub struct Report {
    pub seed: u64,
    pub evidence: Evidence,
    pub violations: Vec<Violation>,
    pub faults: BTreeMap<Fault, usize>,
    /// From the moment at which all was mended; `None` when it never was.
    pub converged: Option<Duration>,
    pub took: Duration,
    /// The ends of the nodes' logs, when something is wrong.
    logs: String,
}

impl Run {
    /// Runs it.
    pub async fn execute(&self) -> Report {
        let began = tokio::time::Instant::now();
        let mut cluster = Cluster::start(&self.plan).await;
        let workload = Workload::begin(&cluster, self.load.clone(), self.seed).await;
        let (stop, stopped) = watch::channel(false);
        let working = tokio::spawn({
            let workload = workload.clone();
            async move { workload.run(stopped).await }
        });
        let mut faults = Faults::of(self.seed ^ 0x5EED, &self.faults).lasting(self.lasts.0, self.lasts.1);
        faults.run(&mut cluster, self.time).await;
        stop.send_replace(true);
        working.await.expect("the workload does not crash");
        workload.last_words().await;
        let mut report = settle(&mut cluster, &workload, self.patience).await;
        (report.seed, report.faults, report.took) = (self.seed, faults.injected, began.elapsed());
        if !report.violations.is_empty() {
            report.keep(&cluster);
        }
        report
    }
}

/// Waits until every tab has what the database has, closes them, and judges.
pub async fn settle(cluster: &mut Cluster, workload: &Workload, patience: Duration) -> Report {
    let began = tokio::time::Instant::now();
    let url = cluster.postgres.url();
    let same = within(patience, async || {
        let truth = Truth::read(&url).await;
        for node in 0..cluster.nodes.len() {
            let (_, readiness) = cluster.readiness(node).await;
            if cluster.runs(node) && readiness["applied_rev"] != truth.revision {
                return None;
            }
        }
        let tabs = workload.with_tabs(ends);
        is_settled(&truth, &tabs).then(|| (began.elapsed(), tabs))
    });
    let same = same.await;
    // As they were at that moment: one that changes to another node just now is not lost.
    let (converged, tabs) = match same {
        Some((time, tabs)) => (Some(time), tabs),
        None => (None, workload.with_tabs(ends)),
    };
    let well = within(patience, async || cluster.bus_troubles().await.is_empty().then_some(())).await;
    let bus_troubles = if well.is_some() { Vec::new() } else { cluster.bus_troubles().await };
    for tab in workload.take_tabs() {
        tab.close().await;
    }
    let people = &cluster.people;
    let held = people.accounts.iter().filter_map(|person| Some((person.id, people.first_role(person.id)?)));
    let evidence = Evidence {
        entries: cluster.recorder.entries(),
        truth: Truth::read(&url).await,
        tabs,
        lives: cluster.lives(),
        held: held.collect(),
        powerless: BTreeSet::from([people.last_role]),
        lease_ms: LEASE_MS,
        bus_troubles,
    };
    let violations = judge(&evidence);
    let (faults, took) = (BTreeMap::new(), Duration::ZERO);
    Report { seed: 0, evidence, violations, faults, converged, took, logs: String::new() }
}

fn ends(tabs: &[Tab]) -> Vec<TabEnd> {
    let end = |tab: &Tab| TabEnd {
        tab: tab.number,
        account: tab.session.person.id,
        sid: tab.session.sid.clone(),
        state: tab.state(),
    };
    tabs.iter().map(end).collect()
}

/// Tells whether nothing is under way any more.
fn is_settled(truth: &Truth, tabs: &[TabEnd]) -> bool {
    let last = truth.notices.last().copied().unwrap_or(0);
    tabs.iter().all(|end| {
        if truth.sessions.get(&end.sid).copied().unwrap_or(false) {
            end.state.inbox_seq >= last && difference(end, truth).is_none()
        } else {
            end.state.over
        }
    })
}

impl Report {
    /// Tells whether a promise was broken.
    pub fn broke(&self, check: Check) -> bool {
        self.violations.iter().any(|violation| violation.check == check)
    }

    /// Fails with the whole report when something is wrong.
    pub fn assert_clean(&self) {
        assert!(self.violations.is_empty(), "seed {}\n{self}\n{}", self.seed, self.logs);
    }

    /// Keeps the logs of a run that went wrong.
    pub fn keep(&mut self, cluster: &Cluster) {
        let into = std::env::temp_dir().join(format!("livegrant-chaos-{}-{}", self.seed, std::process::id()));
        cluster.keep_logs(&into);
        let history: String = self
            .evidence
            .entries
            .iter()
            .map(|entry| format!("{:>7} {:?}\n", entry.at, entry.event))
            .collect();
        // Whoever cannot write it sees the report all the same.
        let _ = std::fs::write(into.join("history.txt"), history);
        let commits: String = self.evidence.truth.commits.iter().map(|what| format!("{what}\n")).collect();
        let _ = std::fs::write(into.join("commits.txt"), commits);
        self.logs = format!("history and logs are in {}\n{}", into.display(), cluster.logs());
    }

    fn operations(&self) -> BTreeMap<String, [usize; 3]> {
        let mut counts = BTreeMap::<String, [usize; 3]>::new();
        for entry in &self.evidence.entries {
            let Event::Op(op) = &entry.event else { continue };
            let name = format!("{:?}", op.deed);
            let name = name.split([' ', '{']).next().unwrap_or_default().to_lowercase();
            let column = match op.outcome {
                Outcome::Done { .. } => 0,
                Outcome::Refused { .. } => 1,
                Outcome::Unknown { .. } => 2,
            };
            counts.entry(name).or_default()[column] += 1;
        }
        counts
    }

    fn causes(&self) -> BTreeMap<&str, usize> {
        let mut causes = BTreeMap::new();
        for entry in &self.evidence.entries {
            if let Event::Op(op) = &entry.event
                && let Outcome::Unknown { cause } = &op.outcome
            {
                *causes.entry(cause.as_str()).or_default() += 1;
            }
        }
        causes
    }

    fn count(&self, is: impl Fn(&Event) -> bool) -> usize {
        self.evidence.entries.iter().filter(|entry| is(&entry.event)).count()
    }

    pub fn tabs(&self) -> usize {
        self.evidence.tabs.len()
    }

    /// Operations of a kind that were done.
    pub fn done(&self, name: &str) -> usize {
        self.operations().get(name).map_or(0, |counts| counts[0])
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "\nseed {} · {:.0} s", self.seed, self.took.as_secs_f64())?;
        writeln!(out, "\n  fault              times")?;
        for (fault, times) in &self.faults {
            writeln!(out, "  {:<16} {times:>7}", format!("{fault:?}"))?;
        }
        writeln!(out, "\n  operation           done  refused  unknown")?;
        for (name, [done, refused, unknown]) in self.operations() {
            writeln!(out, "  {name:<16} {done:>7} {refused:>8} {unknown:>8}")?;
        }
        writeln!(out, "\n  unknown because of                                times")?;
        for (cause, times) in self.causes() {
            writeln!(out, "  {cause:<48} {times:>6}")?;
        }
        let truth = &self.evidence.truth;
        let opened = self.count(|event| matches!(event, Event::Opened { .. }));
        let lost = self.count(|event| matches!(event, Event::Closed { code: None, .. }));
        writeln!(out, "\n  revisions {} · commits {}", truth.revision, truth.commits.len())?;
        writeln!(
            out,
            "  tabs {} · connections {opened}, {lost} of them lost · states {} · notices {} · resyncs {}",
            self.tabs(),
            self.count(|event| matches!(event, Event::Applied { .. })),
            self.count(|event| matches!(event, Event::Noticed { .. })),
            self.count(|event| matches!(event, Event::Resync { .. })),
        )?;
        match self.converged {
            Some(time) => writeln!(out, "  all the same {} ms after all was mended", time.as_millis())?,
            None => writeln!(out, "  never the same again")?,
        }
        writeln!(out, "\n  promise                                violations")?;
        for check in Check::ALL {
            let broken: Vec<&Violation> = self.violations.iter().filter(|one| one.check == check).collect();
            writeln!(out, "  {:<38} {:>10}", check.to_string(), broken.len())?;
            for violation in broken.iter().take(SHOWN) {
                writeln!(out, "      {}", violation.what.chars().take(300).collect::<String>())?;
            }
        }
        Ok(())
    }
}
