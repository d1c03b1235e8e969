//! The checkers: pure functions from what was noted in a run (`history.rs`) and what the database says in the end
//! (`truth.rs`) to the promises that were broken. What nobody knows the outcome of may have happened or not.
//!
//! Rights are judged along the order of commits, never by a clock: a model of who holds what is carried from commit to
//! commit, and every guarded write is looked at where it stands (I3). Only where a promise is about time, the lease, the
//! clock of the test process decides, and only by orders that no delay can turn round.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::history::{Deed, Entry, Event, Op, Outcome};
use super::tab::State;
use super::truth::Truth;

/// A promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Check {
    /// In the end every tab is there and has the database's state (I9).
    State,
    /// Every tab saw every notice, or was told that some are missing.
    Notices,
    /// What a tab applies never goes back and continues what it had (I9).
    Order,
    /// No guarded write commits after the commit of its revocation (I3).
    StaleWrites,
    /// An ended session opens nothing and keeps nothing (I12).
    Kicks,
    /// No guarded read goes by a right that was revoked longer ago than the lease (I7).
    Reads,
    /// What was answered with yes is committed, what was refused is not.
    Answers,
    /// Every node applies every revision once, in order (I1, I8).
    Applied,
    /// Once all is mended every node's bus is well again, by itself.
    Bus,
}

impl Check {
    pub const ALL: [Self; 9] = [
        Self::State,
        Self::Notices,
        Self::Order,
        Self::StaleWrites,
        Self::Kicks,
        Self::Reads,
        Self::Answers,
        Self::Applied,
        Self::Bus,
    ];
}

impl fmt::Display for Check {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::State => "tabs have the database's state",
            Self::Notices => "no notice was lost",
            Self::Order => "nothing was told out of order",
            Self::StaleWrites => "no stale write",
            Self::Kicks => "no survivor of a kick",
            Self::Reads => "no read past the lease",
            Self::Answers => "answers say what was committed",
            Self::Applied => "every revision applied once, in order",
            Self::Bus => "the bus came back",
        })
    }
}

/// A broken promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    pub check: Check,
    pub what: String,
}

/// A tab in the end.
#[derive(Debug, Clone)]
pub struct TabEnd {
    pub tab: usize,
    pub account: i64,
    pub sid: String,
    pub state: State,
}

/// The revisions that one life of a node applied, as its log says.
#[derive(Debug, Clone)]
pub struct Life {
    pub name: String,
    pub applied: Vec<i64>,
    /// It runs to the end.
    pub last: bool,
}

/// All that the checkers look at.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    pub entries: Vec<Entry>,
    pub truth: Truth,
    pub tabs: Vec<TabEnd>,
    pub lives: Vec<Life>,
    /// The role that an account held in the beginning.
    pub held: BTreeMap<i64, i64>,
    /// Roles that never had the right; every other one had it in the beginning.
    pub powerless: BTreeSet<i64>,
    pub lease_ms: u64,
    /// What nodes said of their bus in the end, when they did not say that it was well.
    pub bus_troubles: Vec<String>,
}

/// Answers every broken promise.
pub fn judge(evidence: &Evidence) -> Vec<Violation> {
    let mut found = Found(Vec::new());
    states(evidence, &mut found);
    notices(evidence, &mut found);
    order(evidence, &mut found);
    stale_writes(evidence, &mut found);
    kicks(evidence, &mut found);
    reads(evidence, &mut found);
    answers(evidence, &mut found);
    applied(evidence, &mut found);
    for trouble in &evidence.bus_troubles {
        found.add(Check::Bus, trouble.clone());
    }
    found.0
}

struct Found(Vec<Violation>);

impl Found {
    fn add(&mut self, check: Check, what: String) {
        self.0.push(Violation { check, what });
    }
}

impl Evidence {
    fn ops(&self) -> impl Iterator<Item = &Op> {
        self.entries.iter().filter_map(|entry| match &entry.event {
            Event::Op(op) => Some(op),
            _ => None,
        })
    }

    fn is_active(&self, sid: &str) -> bool {
        self.truth.sessions.get(sid).copied().unwrap_or(false)
    }

    /// The places of request ids in the order of commits.
    fn places(&self) -> BTreeMap<&str, usize> {
        self.truth.commits.iter().enumerate().map(|(place, what)| (what.as_str(), place)).collect()
    }
}

/// Tells how a tab differs from the database; `None` when it does not.
pub fn difference(end: &TabEnd, truth: &Truth) -> Option<String> {
    let state = &end.state;
    if !truth.sessions.get(&end.sid).copied().unwrap_or(false) {
        // The survivors are another check's.
        return None;
    }
    if state.open.is_none() {
        return Some("is not open, although its session is active".to_owned());
    }
    let nothing = super::truth::Effective::default();
    let effective = truth.accounts.get(&end.account).unwrap_or(&nothing);
    if state.epoch != truth.epoch {
        return Some(format!("is in the log {} and not in {}", state.epoch, truth.epoch));
    }
    if state.permissions != effective.permissions || state.roles != effective.roles {
        return Some(format!("has {:?} {:?} and not {effective:?}", state.permissions, state.roles));
    }
    let hash = effective.hash(&state.menu_version);
    if state.hash != hash {
        return Some(format!("has the hash {} and not {hash}", state.hash));
    }
    (state.rev > truth.revision).then(|| format!("is at {}, past {}", state.rev, truth.revision))
}

fn states(evidence: &Evidence, found: &mut Found) {
    for end in &evidence.tabs {
        if let Some(difference) = difference(end, &evidence.truth) {
            found.add(Check::State, format!("tab {} of account {} {difference}", end.tab, end.account));
        }
    }
}

fn notices(evidence: &Evidence, found: &mut Found) {
    let mut first = BTreeMap::new();
    let mut seen = BTreeMap::<usize, BTreeSet<i64>>::new();
    let mut told = BTreeMap::<usize, Vec<(i64, i64)>>::new();
    for entry in &evidence.entries {
        match &entry.event {
            Event::Opened { tab, inbox_seq, .. } => drop(first.entry(*tab).or_insert(*inbox_seq)),
            Event::Noticed { tab, seq } => drop(seen.entry(*tab).or_default().insert(*seq)),
            Event::Resync { tab, from, to } => told.entry(*tab).or_default().push((*from, *to)),
            _ => {}
        }
    }
    let (none, nothing) = (BTreeSet::new(), Vec::new());
    for end in evidence.tabs.iter().filter(|end| evidence.is_active(&end.sid)) {
        let Some(first) = first.get(&end.tab) else { continue };
        let seen = seen.get(&end.tab).unwrap_or(&none);
        let told = told.get(&end.tab).unwrap_or(&nothing);
        for notice in evidence.truth.notices.iter().filter(|notice| *notice > first) {
            let known = seen.contains(notice) || told.iter().any(|(from, to)| from <= notice && notice <= to);
            if !known {
                found.add(Check::Notices, format!("tab {} never saw the notice {notice}", end.tab));
            }
        }
    }
}

fn order(evidence: &Evidence, found: &mut Found) {
    let mut at = BTreeMap::<usize, (String, i64)>::new();
    for entry in &evidence.entries {
        match &entry.event {
            Event::Opened { tab, resume, rev, .. } if resume == "current" => {
                if let Some((_, at)) = at.get_mut(tab) {
                    if rev < at {
                        found.add(Check::Order, format!("tab {tab} at {at} was told that it is at {rev}"));
                    }
                    *at = *rev;
                }
            }
            Event::Applied { tab, epoch, rev, prev, .. } => {
                if let Some((before, at)) = at.get(tab).filter(|(before, _)| before == epoch) {
                    if rev < at {
                        found.add(
                            Check::Order,
                            format!("tab {tab} at {at} was led back to {rev} of {before}"),
                        );
                    }
                    if prev.is_some_and(|prev| prev != *at) {
                        found
                            .add(Check::Order, format!("tab {tab} at {at} was told what continues {prev:?}"));
                    }
                }
                at.insert(*tab, (epoch.clone(), *rev));
            }
            _ => {}
        }
    }
}

/// Who holds what, from commit to commit.
struct Model {
    held: BTreeMap<i64, BTreeSet<i64>>,
    denied: BTreeSet<i64>,
    ended: BTreeSet<String>,
}

impl Model {
    fn of(evidence: &Evidence) -> Self {
        let held = evidence.held.iter().map(|(account, role)| (*account, BTreeSet::from([*role])));
        Self { held: held.collect(), denied: evidence.powerless.clone(), ended: BTreeSet::new() }
    }

    fn apply(&mut self, deed: &Deed) {
        match deed {
            Deed::Give { account, role } => drop(self.held.entry(*account).or_default().insert(*role)),
            Deed::Take { account, role } => drop(self.held.entry(*account).or_default().remove(role)),
            Deed::Allow { role } => drop(self.denied.remove(role)),
            Deed::Deny { role } => drop(self.denied.insert(*role)),
            Deed::Kick { sid } => drop(self.ended.insert(sid.clone())),
            _ => {}
        }
    }

    fn may(&self, account: i64) -> bool {
        self.held.get(&account).is_some_and(|roles| roles.iter().any(|role| !self.denied.contains(role)))
    }
}

fn stale_writes(evidence: &Evidence, found: &mut Found) {
    let ops: BTreeMap<&str, &Op> = evidence.ops().map(|op| (op.id.as_str(), op)).collect();
    let mut model = Model::of(evidence);
    let mut done = BTreeSet::new();
    for (place, commit) in evidence.truth.commits.iter().enumerate() {
        let Some(op) = ops.get(commit.as_str()) else { continue };
        if !done.insert(commit) {
            continue;
        }
        model.apply(&op.deed);
        let Deed::Write { account } = op.deed else { continue };
        if model.ended.contains(&op.sid) {
            found.add(
                Check::StaleWrites,
                format!("{commit} at place {place}, node {}: its session had ended", op.node),
            );
        } else if !model.may(account) {
            found.add(
                Check::StaleWrites,
                format!("{commit} at place {place}, node {}: {account} had lost the right", op.node),
            );
        }
    }
}

fn kicks(evidence: &Evidence, found: &mut Found) {
    let mut over = BTreeMap::<&str, u64>::new();
    for op in evidence.ops() {
        if let (Deed::Kick { sid }, Outcome::Done { .. }) = (&op.deed, &op.outcome) {
            over.entry(sid).or_insert(op.ended);
            if evidence.is_active(sid) {
                found.add(Check::Kicks, format!("{sid} was ended by {} and is active", op.id));
            }
        }
    }
    let past = |sid: &str, began: u64| over.get(sid).is_some_and(|ended| began > ended + evidence.lease_ms);
    for entry in &evidence.entries {
        match &entry.event {
            Event::Op(op) if matches!(op.outcome, Outcome::Done { .. }) && past(&op.sid, op.began) => {
                found.add(
                    Check::Kicks,
                    format!("{} {:?} at node {} with the ended session {}", op.id, op.deed, op.node, op.sid),
                );
            }
            Event::Opened { tab, sid, node, asked, .. } if past(sid, *asked) => {
                found.add(
                    Check::Kicks,
                    format!("tab {tab} opened at node {node} with the ended session {sid}"),
                );
            }
            _ => {}
        }
    }
    for end in evidence.tabs.iter().filter(|end| end.state.open.is_some()) {
        if evidence.truth.sessions.get(&end.sid) == Some(&false) {
            found.add(Check::Kicks, format!("tab {} of the ended session {} is open", end.tab, end.sid));
        }
    }
}

fn reads(evidence: &Evidence, found: &mut Found) {
    let places = evidence.places();
    let ops: Vec<(&Op, usize)> =
        evidence.ops().filter_map(|op| Some((op, *places.get(op.id.as_str())?))).collect();
    for read in evidence.ops() {
        let (Deed::Look { account }, Outcome::Done { .. }) = (&read.deed, &read.outcome) else { continue };
        // What was surely over when the lease before this read began, and what may have come between.
        let surely = |op: &Op| op.ended + evidence.lease_ms < read.began;
        let last = ops.iter().filter(|(op, _)| surely(op)).map(|(_, place)| *place).max();
        let Some(last) = last else { continue };
        let mut model = Model::of(evidence);
        let mut possible = false;
        let mut in_order = ops.clone();
        in_order.sort_by_key(|(_, place)| *place);
        for (op, place) in in_order {
            if place > last && op.began > read.ended {
                continue;
            }
            model.apply(&op.deed);
            possible |= place >= last && model.may(*account);
        }
        if !possible {
            found.add(
                Check::Reads,
                format!("{} at node {}: {account} had lost the right before the lease", read.id, read.node),
            );
        }
    }
}

fn answers(evidence: &Evidence, found: &mut Found) {
    let places = evidence.places();
    for op in evidence.ops() {
        let committed = places.contains_key(op.id.as_str());
        match &op.outcome {
            Outcome::Done { rev: Some(rev) } if !evidence.truth.log.contains(rev) => {
                found.add(
                    Check::Answers,
                    format!("{} {:?} took {rev}, which is not in the log", op.id, op.deed),
                );
            }
            Outcome::Done { .. } if !committed && matches!(op.deed, Deed::Write { .. }) => {
                found.add(Check::Answers, format!("{} {:?} was done and is not committed", op.id, op.deed));
            }
            Outcome::Refused { status, code } if committed => {
                let (id, deed) = (&op.id, &op.deed);
                found.add(
                    Check::Answers,
                    format!("{id} {deed:?} was refused ({status} {code}) and is committed"),
                );
            }
            _ => {}
        }
    }
}

fn applied(evidence: &Evidence, found: &mut Found) {
    let revision = evidence.truth.revision;
    if !evidence.truth.log.iter().copied().eq(1..=revision) {
        found.add(Check::Applied, format!("the log has gaps before {revision}"));
    }
    for life in &evidence.lives {
        for pair in life.applied.windows(2) {
            if pair[1] != pair[0] + 1 {
                found.add(Check::Applied, format!("{} applied {} after {}", life.name, pair[1], pair[0]));
            }
        }
        if life.last && life.applied.last().is_some_and(|last| *last != revision) {
            found.add(
                Check::Applied,
                format!("{} ends at {:?} and not at {revision}", life.name, life.applied.last()),
            );
        }
    }
}
