//! The checkers on histories that were made by hand: of each kind one that is right and some that are wrong in one thing.

use std::collections::{BTreeMap, BTreeSet};

use crate::nodes::check::{Check, Evidence, Life, TabEnd, judge};
use crate::nodes::history::{Deed, Entry, Event, Op, Outcome};
use crate::nodes::tab::State;
use crate::nodes::truth::{Effective, Truth};

const LEASE_MS: u64 = 2_000;
/// Account 1 holds role 7 in the beginning.
const WRITER: i64 = 1;
const ROLE: i64 = 7;

fn done(rev: i64) -> Outcome {
    Outcome::Done { rev: Some(rev) }
}

fn refused() -> Outcome {
    Outcome::Refused { status: 403, code: "NoPermissionError".to_owned() }
}

fn op(id: &str, deed: Deed, (began, ended): (u64, u64), outcome: Outcome) -> Entry {
    let (id, sid) = (id.to_owned(), "s-1".to_owned());
    Entry { at: ended, event: Event::Op(Op { id, deed, sid, node: 0, began, ended, outcome }) }
}

fn entry(event: Event) -> Entry {
    Entry { at: 0, event }
}

fn opened(resume: &str, inbox_seq: i64, rev: i64, asked: u64) -> Entry {
    let (sid, resume, hash) = ("s-1".to_owned(), resume.to_owned(), String::new());
    entry(Event::Opened { tab: 0, sid, node: 0, resume, inbox_seq, rev, hash, asked })
}

fn applied(rev: i64, prev: Option<i64>) -> Entry {
    entry(Event::Applied { tab: 0, epoch: "log".to_owned(), rev, prev, hash: String::new() })
}

/// A history in which nothing is wrong: an account with a role, its tab, and a log of `revision` rows.
fn right(entries: Vec<Entry>, commits: &[&str], revision: i64) -> Evidence {
    let roles = vec![(ROLE, "desk".to_owned(), "Desk".to_owned())];
    let effective = Effective { permissions: vec!["org:view".to_owned()], roles };
    let state = State {
        epoch: "log".to_owned(),
        rev: revision,
        hash: effective.hash("menus"),
        permissions: effective.permissions.clone(),
        roles: effective.roles.clone(),
        menu_version: "menus".to_owned(),
        open: Some(0),
        ..State::default()
    };
    let truth = Truth {
        epoch: "log".to_owned(),
        revision,
        log: (1..=revision).collect(),
        notices: Vec::new(),
        commits: commits.iter().map(|what| (*what).to_owned()).collect(),
        accounts: BTreeMap::from([(WRITER, effective)]),
        sessions: BTreeMap::from([("s-1".to_owned(), true)]),
    };
    Evidence {
        entries,
        truth,
        tabs: vec![TabEnd { tab: 0, account: WRITER, sid: "s-1".to_owned(), state }],
        lives: vec![Life { name: "node 0".to_owned(), applied: (1..=revision).collect(), last: true }],
        held: BTreeMap::from([(WRITER, ROLE)]),
        powerless: BTreeSet::new(),
        lease_ms: LEASE_MS,
        bus_troubles: Vec::new(),
    }
}

#[track_caller]
fn clean(evidence: &Evidence) {
    assert_eq!(judge(evidence), Vec::new());
}

/// This promise is broken, and no other.
#[track_caller]
fn breaks(evidence: &Evidence, check: Check) {
    let found = judge(evidence);
    assert!(!found.is_empty(), "nothing was found");
    assert!(found.iter().all(|violation| violation.check == check), "{found:?}");
}

#[test]
fn a_tab_must_have_what_the_database_has() {
    clean(&right(Vec::new(), &[], 3));
    let spoilt: [fn(&mut State); 5] = [
        |state| state.permissions.clear(),
        |state| state.roles[0].2 = "Front desk".to_owned(),
        |state| state.hash = "0123456789abcdef".to_owned(),
        |state| state.epoch = "another log".to_owned(),
        |state| state.open = None,
    ];
    for spoil in spoilt {
        let mut evidence = right(Vec::new(), &[], 3);
        spoil(&mut evidence.tabs[0].state);
        breaks(&evidence, Check::State);
    }
}

#[test]
fn every_notice_is_seen_or_said_to_be_missing() {
    let with = |entries| {
        let mut evidence = right(entries, &[], 9);
        evidence.truth.notices = vec![2, 5, 8];
        evidence
    };
    let saw = |seq| entry(Event::Noticed { tab: 0, seq });
    clean(&with(vec![opened("snapshot", 2, 2, 0), saw(5), saw(8)]));
    clean(&with(vec![opened("snapshot", 2, 2, 0), saw(5), saw(5), opened("current", 5, 2, 0), saw(8)]));
    clean(&with(vec![opened("snapshot", 2, 2, 0), entry(Event::Resync { tab: 0, from: 3, to: 8 })]));
    breaks(&with(vec![opened("snapshot", 2, 2, 0), saw(8)]), Check::Notices);
    breaks(&with(vec![opened("snapshot", 2, 2, 0), saw(5), opened("current", 8, 2, 0)]), Check::Notices);
    let resync = entry(Event::Resync { tab: 0, from: 3, to: 7 });
    breaks(&with(vec![opened("snapshot", 2, 2, 0), resync]), Check::Notices);
}

#[test]
fn what_a_tab_is_told_continues_what_it_had() {
    clean(&right(vec![applied(3, None), applied(5, Some(3)), applied(5, None), applied(9, None)], &[], 9));
    clean(&right(vec![applied(3, None), opened("current", 0, 4, 0), applied(5, Some(4))], &[], 9));
    breaks(&right(vec![applied(5, None), applied(3, None)], &[], 9), Check::Order);
    breaks(&right(vec![applied(3, None), applied(6, Some(5))], &[], 9), Check::Order);
    breaks(&right(vec![applied(5, None), opened("current", 0, 4, 0)], &[], 9), Check::Order);
}

#[test]
fn a_write_behind_its_revocation_is_stale_whatever_anybody_was_answered() {
    let take = |at, outcome| op("take", Deed::Take { account: WRITER, role: ROLE }, at, outcome);
    let write = |at, outcome| op("write", Deed::Write { account: WRITER }, at, outcome);
    let unknown = || Outcome::Unknown { cause: "connection lost".to_owned() };
    let written = || Outcome::Done { rev: None };
    clean(&right(vec![take((0, 9), done(1)), write((0, 9), written())], &["write", "take", "rev 1"], 1));
    clean(&right(vec![take((0, 9), done(1)), write((0, 9), refused())], &["take", "rev 1"], 1));
    // It was never committed, and nobody knows it.
    clean(&right(vec![take((0, 9), unknown()), write((0, 9), written())], &["write"], 0));
    for outcome in [written(), unknown()] {
        let entries = vec![take((0, 9), unknown()), write((0, 9), outcome)];
        breaks(&right(entries, &["take", "rev 1", "write"], 1), Check::StaleWrites);
    }
    let role = Deed::Deny { role: ROLE };
    let entries = vec![op("deny", role, (0, 9), done(1)), write((0, 9), written())];
    breaks(&right(entries, &["deny", "rev 1", "write"], 1), Check::StaleWrites);
    let given = |at| op("give", Deed::Give { account: WRITER, role: 8 }, at, done(2));
    let entries = vec![take((0, 9), done(1)), given((0, 9)), write((0, 9), written())];
    clean(&right(entries.clone(), &["take", "rev 1", "give", "rev 2", "write"], 2));
    let mut evidence = right(entries, &["take", "rev 1", "give", "rev 2", "write"], 2);
    evidence.powerless.insert(8);
    breaks(&evidence, Check::StaleWrites);
}

#[test]
fn nothing_survives_the_end_of_its_session() {
    let kick = |ended| {
        let mut entry = op("kick", Deed::Kick { sid: "s-1".to_owned() }, (0, ended), done(1));
        if let Event::Op(op) = &mut entry.event {
            "admin".clone_into(&mut op.sid);
        }
        entry
    };
    let over = |entries, commits: &[&str]| {
        let mut evidence = right(entries, commits, 1);
        evidence.truth.sessions.insert("s-1".to_owned(), false);
        evidence.tabs[0].state.open = None;
        evidence
    };
    let me = |began| op("me", Deed::Me, (began, began + 5), Outcome::Done { rev: None });
    clean(&over(vec![kick(100), me(100 + LEASE_MS)], &["kick"]));
    breaks(&over(vec![kick(100), me(101 + LEASE_MS)], &["kick"]), Check::Kicks);
    breaks(&over(vec![kick(100), opened("current", 0, 1, 101 + LEASE_MS)], &["kick"]), Check::Kicks);
    let write = op("write", Deed::Write { account: WRITER }, (0, 9), Outcome::Done { rev: None });
    breaks(&over(vec![kick(100), write], &["kick", "write"]), Check::StaleWrites);
    let mut open = over(vec![kick(100)], &["kick"]);
    open.tabs[0].state.open = Some(1);
    breaks(&open, Check::Kicks);
    breaks(&right(vec![kick(100)], &["kick"], 1), Check::Kicks);
}

#[test]
fn a_read_goes_by_nothing_that_is_older_than_the_lease() {
    let take = |ended, outcome| op("take", Deed::Take { account: WRITER, role: ROLE }, (0, ended), outcome);
    let look = |began, ended| {
        op("look", Deed::Look { account: WRITER }, (began, ended), Outcome::Done { rev: None })
    };
    let late = 101 + LEASE_MS;
    clean(&right(vec![take(100, done(1)), look(late - 1, late)], &["take"], 1));
    breaks(&right(vec![take(100, done(1)), look(late, late + 5)], &["take"], 1), Check::Reads);
    // Nobody was answered, but it is committed, and was before the lease.
    let unknown = Outcome::Unknown { cause: "no answer in time".to_owned() };
    breaks(&right(vec![take(100, unknown), look(late, late + 5)], &["take"], 1), Check::Reads);
    // Given again before the read ended: it may have seen that.
    let give = |began| op("give", Deed::Give { account: WRITER, role: ROLE }, (began, began + 5), done(2));
    clean(&right(vec![take(100, done(1)), give(late + 4), look(late, late + 5)], &["take", "give"], 2));
    breaks(
        &right(vec![take(100, done(1)), give(late + 6), look(late, late + 5)], &["take", "give"], 2),
        Check::Reads,
    );
}

#[test]
fn answers_are_kept() {
    let write = |outcome| vec![op("write", Deed::Write { account: WRITER }, (0, 9), outcome)];
    clean(&right(write(Outcome::Done { rev: None }), &["write"], 1));
    breaks(&right(write(Outcome::Done { rev: None }), &[], 1), Check::Answers);
    breaks(&right(write(refused()), &["write"], 1), Check::Answers);
    let give = |rev| vec![op("give", Deed::Give { account: WRITER, role: ROLE }, (0, 9), done(rev))];
    clean(&right(give(1), &["give"], 1));
    breaks(&right(give(2), &["give"], 1), Check::Answers);
}

#[test]
fn every_revision_is_applied_once_and_in_order() {
    let with = |applied: &[i64], last| {
        let mut evidence = right(Vec::new(), &[], 4);
        evidence.lives = vec![Life { name: "node 0".to_owned(), applied: applied.to_vec(), last }];
        evidence
    };
    clean(&with(&[1, 2, 3, 4], true));
    clean(&with(&[3, 4], true));
    clean(&with(&[1, 2], false));
    clean(&with(&[], true));
    for wrong in [&[1, 2, 4][..], &[1, 2, 2, 3, 4], &[1, 3, 2, 4], &[1, 2, 3]] {
        breaks(&with(wrong, true), Check::Applied);
    }
    let mut evidence = right(Vec::new(), &[], 4);
    evidence.truth.log.remove(1);
    breaks(&evidence, Check::Applied);
}

#[test]
fn the_bus_comes_back() {
    let mut evidence = right(Vec::new(), &[], 3);
    clean(&evidence);
    evidence.bus_troubles.push("node 1: cannot publish".to_owned());
    breaks(&evidence, Check::Bus);
}
