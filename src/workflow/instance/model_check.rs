//! Random definitions and random actions of several people, in memory. After every event the invariants are looked at; the
//! seed is printed with a failure and can be given back to [`play`]. The checks themselves are tried on states that were
//! broken on purpose. What people are told on the way is looked at by `told_check.rs`.

use super::told_check::{Ledger, foretold};
use super::*;
use crate::workflow::assignees::rules::{in_their_place, places, without_initiator};
use crate::workflow::assignees::{Before, Reason};
use crate::workflow::graph::{Graph, NodeKind, WhenEmpty, WhenInitiator, Work};
use crate::workflow::running::all_ahead;
use crate::workflow::variables::{Initiator, Variables};
use crate::workflow::walk;
use livegrant_actors::AccountId;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// `SplitMix64`: the same play for the same seed on every machine.
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % n.max(1) as u64) as usize
    }

    fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }
}

pub const PEOPLE: [i64; 6] = [1, 2, 3, 4, 5, 6];
const INITIATOR: AccountId = AccountId(1);

fn graph(dice: &mut Dice) -> Graph {
    let mut count = 0;
    let mut nodes = vec![json!({ "code": "start", "name": "s", "kind": "start" })];
    nodes.extend(sequence(dice, 0, &mut count));
    serde_json::from_value(json!({ "nodes": nodes })).expect("a graph")
}

fn sequence(dice: &mut Dice, depth: usize, count: &mut usize) -> Vec<Value> {
    let long = 1 + dice.below(if depth == 0 { 5 } else { 2 });
    (0..long).map(|_| random_node(dice, depth, count)).collect()
}

fn random_node(dice: &mut Dice, depth: usize, count: &mut usize) -> Value {
    *count += 1;
    let code = format!("n{count}");
    let mut node = json!({ "code": code, "name": code });
    let fields = match dice.below(if depth < 2 { 12 } else { 9 }) {
        0 => json!({ "kind": "copy", "assignees": [] }),
        1 => json!({ "kind": "delay", "minutes": 5 }),
        2 => json!({ "kind": "trigger", "target": "t" }),
        3 => json!({ "kind": "subprocess", "definition": "d" }),
        4 => json!({ "kind": "auto", "decision": dice.one(&["approve", "approve", "approve", "reject"]) }),
        9..=11 => {
            let mode = dice.one(&["exclusive", "parallel", "inclusive"]);
            let branches: Vec<Value> = (0..2 + dice.below(2))
                .map(|place| {
                    let when = json!({ "field": { "field": "x", "op": "gt", "value": dice.below(4) } });
                    let when = if place == 0 || mode == "parallel" { Value::Null } else { when };
                    let nodes =
                        if dice.below(4) == 0 { Vec::new() } else { sequence(dice, depth + 1, count) };
                    *count += 1;
                    json!({ "code": format!("b{count}"), "name": "b", "when": when, "nodes": nodes })
                })
                .collect();
            json!({ "kind": "condition", "mode": mode, "branches": branches })
        }
        _ => {
            let mode = dice.one(&[
                json!({ "kind": "any" }),
                json!({ "kind": "all" }),
                json!({ "kind": "sequential" }),
                json!({ "kind": "vote", "percent": 50 }),
            ]);
            let people: BTreeSet<String> =
                (0..dice.below(4)).map(|_| dice.one(&PEOPLE).to_string()).collect();
            json!({
                "kind": dice.one(&["approve", "approve", "approve", "handle"]),
                "assignees": [{ "kind": "users", "guids": people }],
                "mode": mode,
                "reject_rule": dice.one(&["veto", "count"]),
                "when_initiator": dice.one(&["skip", "skip", "allow", "head"]),
                "when_repeated": dice.one(&["ask", "consecutive", "once"]),
                "when_empty": dice.one(&[json!({ "kind": "approve" }), json!({ "kind": "managers" })]),
            })
        }
    };
    for (key, value) in fields.as_object().expect("an object") {
        node[key] = value.clone();
    }
    node
}

/// An instance that is played.
#[derive(Clone)]
pub struct Play {
    pub graph: Graph,
    pub state: Instance,
    log: Vec<Event>,
    /// Who is away, and who stands in.
    stand_ins: BTreeMap<AccountId, AccountId>,
    /// Who is informed; those since the last action are the last.
    pub informed: Vec<AccountId>,
    pub new: usize,
}

impl Play {
    /// One that has not begun; nobody is away.
    pub fn of(graph: Graph) -> Self {
        let (stand_ins, informed) = (BTreeMap::new(), Vec::new());
        Self { graph, state: Instance::blank(), log: Vec::new(), stand_ins, informed, new: 0 }
    }

    fn rules(&self, run: i64) -> Option<&Work> {
        match &walk::find(&self.graph, &self.state.run(run)?.node)?.kind {
            NodeKind::Approve(rules) | NodeKind::Handle(rules) => Some(rules),
            _ => None,
        }
    }

    /// What the world answers: the shipped rules, with accounts for people.
    fn answer(&self, effect: &Effect) -> Option<Event> {
        match effect {
            Effect::Ask { run } => {
                let rules = self.rules(*run).expect("only nodes with people ask");
                let guids = match rules.assignees.first() {
                    Some(crate::workflow::graph::AssigneeRule::Users { guids }) => guids.clone(),
                    _ => Vec::new(),
                };
                let named: Vec<_> =
                    guids.iter().map(|guid| AccountId(guid.parse().expect("a number"))).collect();
                let head = Some(AccountId(4));
                let mut people = without_initiator(rules.when_initiator, &named, INITIATOR, head);
                if people.is_empty() && rules.when_empty == WhenEmpty::Approve {
                    let reason = Reason::NobodyFound.text().to_owned();
                    return Some(Event::Ruled { run: *run, approve: true, reason });
                }
                if people.is_empty() {
                    people = in_their_place(rules.when_initiator, &[vec![AccountId(6)]], INITIATOR);
                }
                let (all, just) = self.state.approved_before(&self.graph, *run);
                let before: Vec<Before> = all
                    .into_iter()
                    .map(|account| Before { account, just_before: just.contains(&account) })
                    .collect();
                let seats = places(rules, &people, &self.stand_ins, INITIATOR, &before);
                let seat = |person: &crate::workflow::assignees::Assigned| Seat {
                    account: person.account,
                    instead_of: person.instead_of,
                    skipped: person.earlier.then(|| Reason::ApprovedEarlier.text().to_owned()),
                };
                Some(Event::Found { run: *run, seats: seats.iter().map(seat).collect() })
            }
            Effect::Copy { run } => {
                let people = vec![AccountId(5), AccountId(1 + *run % 6)];
                Some(Event::Copied { run: *run, people })
            }
            Effect::Wait { .. } | Effect::Call { .. } | Effect::Child { .. } => None,
        }
    }

    /// Takes an event and all that follows; nothing happens when it does not fit.
    pub fn push(&mut self, event: Event) -> Result<(), Fault> {
        let (state, effects) = step(&self.graph, &self.state, &event)?;
        self.state = state;
        self.new = self.informed.len();
        self.log.push(event);
        let mut effects: VecDeque<Effect> = effects.into();
        while let Some(effect) = effects.pop_front() {
            if let Effect::Ask { run } | Effect::Copy { run } = &effect
                && self.state.run(*run).is_none_or(|run| run.state != RunState::Asking)
            {
                continue;
            }
            let Some(event) = self.answer(&effect) else { continue };
            let (state, more) = step(&self.graph, &self.state, &event)?;
            self.state = state;
            if let Event::Copied { people, .. } = &event {
                for account in people {
                    if !self.informed.contains(account) {
                        self.informed.push(*account);
                    }
                }
            }
            self.log.push(event);
            effects.extend(more);
        }
        Ok(())
    }

    /// Something that somebody could do now, or could try to.
    pub fn action(&self, dice: &mut Dice) -> Event {
        let by_chance = |dice: &mut Dice, which: &dyn Fn(&Task) -> bool| {
            let some: Vec<&Task> = self.state.tasks.iter().filter(|task| which(task)).collect();
            some.get(dice.below(some.len().max(1))).map_or(1, |task| task.number)
        };
        let task = by_chance(dice, &|task| task.state == TaskState::Pending);
        let any = by_chance(dice, &|_| true);
        let by = self.state.task(task).map_or(INITIATOR, |task| task.assignee);
        // Nobody hands anything to whoever started it: the use cases refuse that.
        let to = AccountId(dice.one(&PEOPLE[1..]));
        let open = |kind: &dyn Fn(&NodeKind) -> bool| {
            let found = self.state.runs.iter().find(|run| {
                let node = walk::find(&self.graph, &run.node);
                run.state == RunState::Open && node.is_some_and(|node| kind(&node.kind))
            });
            found.map_or(1, |run| run.number)
        };
        // Now and then an approver changes the form, and with it the way.
        let changed = if dice.below(6) == 0 { form(dice) } else { Map::new() };
        let decided =
            |task, approve| Event::Decided { task, by, approve, chose: Vec::new(), form: changed.clone() };
        match dice.below(30) {
            0..=11 => decided(task, true),
            12 => decided(task, false),
            13 => decided(any, true),
            14 => Event::Moved { task, to, origin: Origin::Transfer },
            15 => Event::Moved { task: any, to, origin: Origin::Handover },
            16 => Event::Delegated { task, to },
            17 | 18 => {
                let position = dice.one(&[Position::Before, Position::After, Position::Parallel]);
                Event::Signed { task, people: vec![to], position }
            }
            19 => Event::Unsigned { task: any },
            20 => Event::Returned { task, by, to: Target::Start },
            21 | 22 => {
                let nodes = walk::all(&self.graph);
                let code = nodes[dice.below(nodes.len())].code.clone();
                Event::Returned { task, by, to: Target::Node(code) }
            }
            23 | 24 => Event::TakenBack { task: any },
            25 | 26 => Event::Elapsed { run: open(&|kind| matches!(kind, NodeKind::Delay { .. })) },
            27 | 28 => Event::ChildEnded {
                run: open(&|kind| matches!(kind, NodeKind::Subprocess { .. })),
                approved: dice.below(4) > 0,
            },
            _ if self.state.status == Status::Returned || dice.below(8) > 0 => resubmitted(dice),
            _ => dice.one(&[Event::Withdrawn, Event::Terminated]),
        }
    }

    /// What comes next if everybody agrees.
    pub fn agreed(&self) -> Event {
        let pending = self.state.tasks.iter().find(|task| task.state == TaskState::Pending);
        if let Some(task) = pending {
            let (task, by) = (task.number, task.assignee);
            return Event::Decided { task, by, approve: true, chose: Vec::new(), form: Map::new() };
        }
        let waits = |run: &&Run| run.state == RunState::Open && run.branches.is_empty();
        let run = self.state.runs.iter().find(waits).expect("something waits");
        match walk::find(&self.graph, &run.node).map(|node| &node.kind) {
            Some(NodeKind::Delay { .. }) => Event::Elapsed { run: run.number },
            _ => Event::ChildEnded { run: run.number, approved: true },
        }
    }
}

fn form(dice: &mut Dice) -> Map<String, Value> {
    json!({ "x": dice.below(5) }).as_object().cloned().expect("an object")
}

fn resubmitted(dice: &mut Dice) -> Event {
    let resume = dice.below(2) == 0;
    Event::Resubmitted { form: form(dice), facts: Initiator::default(), chosen: BTreeMap::new(), resume }
}

/// What must hold after every event.
fn check(play: &Play) -> Result<(), String> {
    let state = &play.state;
    let run_of = |task: &Task| state.run(task.run).expect("a task has a run");
    let waits_alone = |run: &Run| {
        let node = walk::find(&play.graph, &run.node).map(|node| &node.kind);
        run.state == RunState::Open
            && matches!(node, Some(NodeKind::Delay { .. } | NodeKind::Subprocess { .. }))
    };
    if state.status == Status::Running && state.pending().is_empty() && !state.runs.iter().any(waits_alone) {
        return Err("it runs, and nobody can act".to_owned());
    }
    if let Some(run) = state.runs.iter().find(|run| run.state == RunState::Asking) {
        return Err(format!("run {} still looks for its people", run.number));
    }
    for task in &state.tasks {
        if task.state.is_open() && (state.status != Status::Running || run_of(task).state != RunState::Open) {
            return Err(format!("task {} is open where nothing is", task.number));
        }
        let allowed = play.rules(task.run).is_some_and(|rules| rules.when_initiator == WhenInitiator::Allow);
        if task.assignee == INITIATOR && !allowed {
            return Err(format!("task {} lets somebody decide on his own", task.number));
        }
        let same = |other: &&Task| {
            let gone = matches!(other.state, TaskState::Cancelled | TaskState::Transferred);
            other.run == task.run && other.assignee == task.assignee && !gone
        };
        if state.tasks.iter().filter(same).count() > 1 {
            return Err(format!("account {} has two tasks in run {}", task.assignee.0, task.run));
        }
    }
    for run in state.runs.iter().filter(|run| run.state == RunState::Open && play.rules(run.number).is_some())
    {
        if !state.tasks_of(run.number).any(|task| task.state == TaskState::Pending) {
            return Err(format!("run {} is open and it is nobody's turn", run.number));
        }
    }
    Ok(())
}

/// A decision is for good, unless it is taken back.
fn check_step(before: &Instance, after: &Instance, event: &Event) -> Result<(), String> {
    if before.status.is_over() {
        return Err("something happened after the end".to_owned());
    }
    let back = if let Event::TakenBack { task } = event { Some(*task) } else { None };
    for (old, new) in before.tasks.iter().zip(&after.tasks) {
        let decided = old.decided_by.is_some() && back != Some(old.number);
        if decided && (old.state != new.state || old.decided_by != new.decided_by) {
            return Err(format!("task {} was decided twice", old.number));
        }
    }
    Ok(())
}

fn replay(graph: &Graph, log: &[Event]) -> Result<Instance, Fault> {
    log.iter().try_fold(Instance::blank(), |state, event| step(graph, &state, event).map(|(state, _)| state))
}

/// Begins a play; whoever is away is somebody else in each.
pub fn begun(seed: u64) -> Result<(Play, Dice), String> {
    let mut dice = Dice(seed);
    let mut play = Play::of(graph(&mut dice));
    if dice.below(2) == 0 {
        play.stand_ins.insert(AccountId(dice.one(&PEOPLE)), AccountId(dice.one(&PEOPLE)));
    }
    let (facts, chosen) = (Initiator::default(), BTreeMap::new());
    let started = Event::Started { initiator: INITIATOR, form: form(&mut dice), facts, chosen };
    play.push(started).map_err(|fault| format!("it does not start: {fault}"))?;
    Ok((play, dice))
}

fn play(seed: u64) -> Result<Play, String> {
    let (mut play, mut dice) = begun(seed)?;
    check(&play)?;
    let mut ledger = Ledger::default();
    ledger.hear(&Instance::blank(), &play, &play.told(&Instance::blank()))?;
    for _ in 0..60 {
        if play.state.status.is_over() {
            break;
        }
        let (event, before) = (play.action(&mut dice), play.state.clone());
        if play.push(event.clone()).is_err() {
            if play.state != before {
                return Err("a refused event changed something".to_owned());
            }
            continue;
        }
        let after = |problem: String| format!("{problem}, after {event:?}");
        check_step(&before, &play.state, &event)?;
        check(&play).map_err(after)?;
        ledger.hear(&before, &play, &play.told(&before)).map_err(after)?;
        if play.state.round > 1 || dice.below(4) == 0 {
            foretold(&play, &play.told(&before)).map_err(after)?;
        }
        // The same decision once more is refused, whatever it led to.
        if let Event::Decided { .. } = event
            && step(&play.graph, &play.state, &event).is_ok()
        {
            return Err(format!("one task, two decisions: {event:?}"));
        }
    }
    // What the log keeps is JSON.
    let kept = serde_json::to_string(&play.log).expect("events are plain data");
    let kept: Vec<Event> = serde_json::from_str(&kept).expect("events are plain data");
    match replay(&play.graph, &kept) {
        Ok(replayed) if replayed == play.state => Ok(play),
        Ok(_) => Err("the log replays to another state".to_owned()),
        Err(fault) => Err(format!("the log does not replay: {fault}")),
    }
}

#[test]
fn whatever_people_do_somebody_can_act_and_the_log_tells_it_all() {
    let mut ends = BTreeSet::new();
    for seed in 0..3_000 {
        let played = play(seed).unwrap_or_else(|problem| panic!("seed {seed}: {problem}"));
        ends.insert(played.state.status.word());
    }
    // The plays are worth something: they come to every end there is.
    for end in ["running", "approved", "rejected", "returned", "withdrawn", "cancelled"] {
        assert!(ends.contains(end), "no play is {end} at the end");
    }
}

// FW28
#[test]
fn when_everybody_agrees_the_way_is_the_one_that_was_shown_before() {
    let mut compared = 0;
    for seed in 0..500 {
        let mut dice = Dice(seed);
        let graph = graph(&mut dice);
        let form = form(&mut dice);
        let variables = Variables { form: form.clone(), initiator: Initiator::default() };
        let shown: BTreeSet<String> = all_ahead(&graph, &variables).into_iter().collect();
        let mut play = Play::of(graph);
        let (facts, chosen) = (Initiator::default(), BTreeMap::new());
        play.push(Event::Started { initiator: INITIATOR, form, facts, chosen }).expect("it starts");
        while play.state.status == Status::Running {
            play.push(play.agreed()).expect("it fits");
        }
        let walked: BTreeSet<String> = play.state.runs.iter().map(|run| run.node.clone()).collect();
        // What rejects by itself may cut off branches beside it.
        if play.state.status == Status::Rejected {
            assert!(walked.is_subset(&shown), "seed {seed}: {walked:?} is not in {shown:?}");
            continue;
        }
        assert_eq!((play.state.status, &walked), (Status::Approved, &shown), "seed {seed}");
        compared += 1;
    }
    assert!(compared > 100, "only {compared} graphs were walked to their end");
}

/// The checks find what they are there for.
#[test]
fn a_broken_state_is_found() {
    let running = |seed: &u64| play(*seed).is_ok_and(|play| !play.state.pending().is_empty());
    let mut found = [false; 5];
    for seed in (0..400).filter(running) {
        let play = || play(seed).expect("it was played before");
        let mut stuck = play();
        stuck
            .state
            .tasks
            .iter_mut()
            .filter(|task| task.state.is_open())
            .for_each(|task| task.state = TaskState::Waiting);
        found[0] |= check(&stuck).is_err();
        let mut own = play();
        own.state.tasks.iter_mut().for_each(|task| task.assignee = INITIATOR);
        found[1] |= check(&own).is_err();
        let mut twice = play();
        let before = twice.state.clone();
        twice.state.tasks.iter_mut().for_each(|task| task.decided_by = Some(AccountId(9)));
        found[2] |= check_step(&before, &twice.state, &Event::Withdrawn).is_err();
        let mut lost = play();
        lost.log.pop();
        found[3] |= replay(&lost.graph, &lost.log).as_ref() != Ok(&lost.state);
        let mut open = play();
        open.state.status = Status::Approved;
        found[4] |= check(&open).is_err();
    }
    assert_eq!(found, [true; 5]);
}
