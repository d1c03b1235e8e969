//! Whether people are told the truth (FW33), looked at from their side: each believes what he was told, and after every
//! action of a random play what he believes must be so. The checks themselves are tried on lies.

use super::model_check::{PEOPLE, Play, begun};
use super::*;
use crate::workflow::graph::NodeKind;
use crate::workflow::running::told::{Informed, Told, told};
use crate::workflow::running::way;
use crate::workflow::variables::Initiator;
use crate::workflow::walk;
use livegrant_actors::AccountId;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

impl Play {
    /// What is told of the last action.
    pub fn told(&self, before: &Instance) -> Vec<Told> {
        let informed = Informed { new: &self.informed[self.new..], all: &self.informed };
        told(&self.graph, before, &self.state, informed)
    }
}

/// What everybody believes.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    /// The tasks that are somebody's turn.
    open: BTreeMap<AccountId, BTreeSet<i64>>,
    /// Who knows that he is informed.
    informed: BTreeSet<AccountId>,
}

impl Ledger {
    /// Hears what is told of an action, and looks at whether it is so.
    pub fn hear(&mut self, before: &Instance, play: &Play, told: &[Told]) -> Result<(), String> {
        let (after, new) = (&play.state, &play.informed[play.new..]);
        let mut steps = BTreeSet::new();
        let (mut starting, mut ended) = (BTreeSet::new(), None);
        let lost = self.open.clone();
        for told in told {
            match told {
                Told::Task { to, task } => {
                    let has = after.task(*task).filter(|task| task.state == TaskState::Pending);
                    if has.is_none_or(|task| task.assignee != *to) {
                        return Err(format!("{to:?} is told of task {task}, which is not his"));
                    }
                    if !self.open.entry(*to).or_default().insert(*task) {
                        return Err(format!("{to:?} is told of task {task} twice"));
                    }
                    starting.insert(*task);
                }
                Told::Copied { to } => {
                    if after.status != before.status && after.status != Status::Running {
                        return Err("it has ended, and people are told that they are informed".to_owned());
                    }
                    for account in to {
                        if !new.contains(account) || !self.informed.insert(*account) {
                            return Err(format!("{account:?} is informed already, or not at all"));
                        }
                    }
                }
                Told::Step { task, run, step, of } => {
                    step_is_true(before, after, (*task, *run), (*step, *of))?;
                    if !steps.insert(*task) {
                        return Err(format!("task {task} is two steps"));
                    }
                }
                Told::End { to } => {
                    if after.status == Status::Running || after.status == before.status {
                        return Err(format!("an end is told, and it is {}", after.status.word()));
                    }
                    let each: BTreeSet<AccountId> = to.iter().copied().collect();
                    if each.len() != to.len() || ended.replace(each).is_some() {
                        return Err("somebody is told the end twice".to_owned());
                    }
                }
                Told::Lists { to } => {
                    for account in to {
                        self.open.insert(*account, pending(after, *account));
                    }
                }
            }
        }
        let turns = after.tasks.iter().filter(|task| {
            let was = before.task(task.number).map(|task| task.state);
            task.state == TaskState::Pending && was != Some(TaskState::Pending)
        });
        if turns.map(|task| task.number).collect::<BTreeSet<_>>() != starting {
            return Err("somebody's turn has come, and he is not told".to_owned());
        }
        all_steps(before, after, &steps)?;
        self.end_is_told(before, play, &lost, ended.as_ref())?;
        for account in PEOPLE.map(AccountId) {
            let (so, believed) = (pending(after, account), self.open.entry(account).or_default());
            if so != *believed {
                return Err(format!("{account:?} has {so:?} to do, and was told {believed:?}"));
            }
        }
        Ok(())
    }

    /// The end is told to everybody whom it concerns, and to nobody else.
    fn end_is_told(
        &mut self,
        before: &Instance,
        play: &Play,
        lost: &BTreeMap<AccountId, BTreeSet<i64>>,
        ended: Option<&BTreeSet<AccountId>>,
    ) -> Result<(), String> {
        let (after, new) = (&play.state, &play.informed[play.new..]);
        if after.status == Status::Running || after.status == before.status {
            return if new.iter().all(|account| self.informed.contains(account)) {
                Ok(())
            } else {
                Err("somebody is informed and does not know it".to_owned())
            };
        }
        self.informed.extend(new);
        let gone = |tasks: &BTreeSet<i64>| {
            tasks.iter().any(|task| after.task(*task).is_some_and(|task| task.state == TaskState::Cancelled))
        };
        let mut concerned: BTreeSet<AccountId> =
            lost.iter().filter(|(_, tasks)| gone(tasks)).map(|(account, _)| *account).collect();
        concerned.extend(&self.informed);
        concerned.insert(after.initiator);
        if ended == Some(&concerned) {
            return Ok(());
        }
        Err(format!("it is {}: {concerned:?} are concerned, {ended:?} are told", after.status.word()))
    }
}

fn step_is_true(
    before: &Instance,
    after: &Instance,
    (task, run): (i64, i64),
    (step, of): (usize, usize),
) -> Result<(), String> {
    if after.status != Status::Running {
        return Err("a step is told of what is not under way".to_owned());
    }
    if step == 0 || step > of {
        return Err(format!("step {step} of {of}"));
    }
    let now = after.task(task).ok_or("a step of no task")?;
    let open = before.task(task).is_none_or(|task| task.state.is_open());
    if now.origin == Origin::Delegate || !open || now.decided_by.is_none() {
        return Err(format!("task {task} was not decided"));
    }
    // What is sent back stands where it was sent to.
    let there = if now.state == TaskState::Returned { run > now.run } else { run == now.run };
    if there && after.run(run).is_some() { Ok(()) } else { Err(format!("task {task} is not of run {run}")) }
}

fn pending(state: &Instance, account: AccountId) -> BTreeSet<i64> {
    let his = |task: &&Task| task.assignee == account && task.state == TaskState::Pending;
    state.tasks.iter().filter(his).map(|task| task.number).collect()
}

/// While it is under way the initiator hears of every decision but advice.
fn all_steps(before: &Instance, after: &Instance, told: &BTreeSet<i64>) -> Result<(), String> {
    if after.status != Status::Running || before.revision == 0 {
        return Ok(());
    }
    let decided = |task: &&Task| {
        let was = before.task(task.number);
        task.decided_by.is_some_and(|by| by != model::SYSTEM || task.state == TaskState::Expired)
            && task.origin != Origin::Delegate
            && was.is_none_or(|was| was.decided_by.is_none())
    };
    let decided: BTreeSet<i64> = after.tasks.iter().filter(decided).map(|task| task.number).collect();
    if decided == *told {
        Ok(())
    } else {
        Err(format!("{decided:?} were decided, {told:?} are told as steps"))
    }
}

/// "Step n of m" comes true: if everybody agrees from now on, the nodes with people that were counted are those that are
/// walked, and m stays what it was.
pub fn foretold(play: &Play, told: &[Told]) -> Result<(), String> {
    let Some(Told::Step { of, .. }) = told.iter().find(|told| matches!(told, Told::Step { .. })) else {
        return Ok(());
    };
    let people = |code: &String| {
        let node = walk::find(&play.graph, code).map(|node| &node.kind);
        matches!(node, Some(NodeKind::Approve(_) | NodeKind::Handle(_)))
    };
    let counted: BTreeSet<String> = way(&play.graph, &play.state).into_iter().filter(people).collect();
    let (mut later, known) = (play.clone(), play.state.runs.len());
    while later.state.status == Status::Running {
        let before = later.state.clone();
        later.push(later.agreed()).map_err(|fault| format!("nobody can go on: {fault}"))?;
        for told in later.told(&before) {
            if let Told::Step { step, of: then, .. } = told
                && (then != *of || step > *of)
            {
                return Err(format!("of {of} steps, and then step {step} of {then}"));
            }
        }
    }
    if later.state.status == Status::Rejected {
        return Ok(());
    }
    let walked: BTreeSet<String> =
        later.state.runs[known..].iter().map(|run| run.node.clone()).filter(people).collect();
    let entered = |code: &String| later.state.runs.iter().any(|run| run.node == *code);
    if counted.len() == *of && walked.is_subset(&counted) && counted.iter().all(entered) {
        return Ok(());
    }
    Err(format!("{of} steps were told, {counted:?} counted, and {walked:?} walked after them"))
}

/// Lies: what is told of an action, but for one thing.
fn lies(told: &[Told], after: &Instance) -> Vec<(&'static str, Vec<Told>)> {
    let mut lies = Vec::new();
    for (place, one) in told.iter().enumerate() {
        let mut less = told.to_vec();
        less.remove(place);
        let mut twice = told.to_vec();
        twice.push(one.clone());
        let mut other = told.to_vec();
        match &mut other[place] {
            Told::Task { to, .. } => *to = AccountId(99),
            Told::Step { step, of, .. } => *step = *of + 1,
            Told::Copied { to } | Told::End { to } | Told::Lists { to } => to.push(AccountId(99)),
        }
        match one {
            Told::Task { .. } => {
                lies.extend([("no task", less), ("a task twice", twice), ("another's task", other)]);
            }
            Told::Step { .. } => {
                lies.extend([("no step", less), ("a step twice", twice), ("no such step", other)]);
            }
            Told::Copied { .. } => {
                lies.extend([("not copied", less), ("copied twice", twice), ("another copied", other)]);
            }
            Told::End { .. } => {
                lies.extend([("no end", less), ("an end twice", twice), ("another's end", other)]);
            }
            Told::Lists { .. } => lies.push(("no lists", less)),
        }
    }
    if after.status == Status::Running {
        let mut early = told.to_vec();
        early.push(Told::End { to: vec![after.initiator] });
        lies.push(("an end before the end", early));
    }
    lies
}

// FW10, FW11, FW33
#[test]
fn steps_are_counted_along_the_way_as_the_form_is_now() {
    let node = |code: &str| {
        let two = json!([{ "kind": "users", "guids": ["2"] }]);
        json!({ "code": code, "name": code, "kind": "approve", "assignees": two })
    };
    let when = json!({ "field": { "field": "x", "op": "gt", "value": 2 } });
    let branches = json!([
        { "code": "long", "name": "long", "when": when, "nodes": [node("c"), node("d")] },
        { "code": "short", "name": "short", "nodes": [] },
    ]);
    let split =
        json!({ "code": "s", "name": "s", "kind": "condition", "mode": "exclusive", "branches": branches });
    let start = json!({ "code": "start", "name": "start", "kind": "start" });
    let nodes = json!({ "nodes": [start, node("a"), node("b"), split, node("e")] });
    let mut play = Play::of(serde_json::from_value(nodes).expect("a graph"));
    let form = |x: i64| json!({ "x": x }).as_object().cloned().expect("an object");
    let (facts, chosen) = (Initiator::default(), BTreeMap::new());
    let started = Event::Started {
        initiator: AccountId(1),
        form: form(5),
        facts: facts.clone(),
        chosen: chosen.clone(),
    };
    play.push(started).expect("it starts");
    let mut next = |event: Option<Event>| {
        let before = play.state.clone();
        let task = play.state.tasks.iter().rfind(|task| task.state == TaskState::Pending);
        let task = task.map_or(0, |task| task.number);
        let event = match event {
            Some(Event::Returned { by, to, .. }) => Event::Returned { task, by, to },
            Some(other) => other,
            None => play.agreed(),
        };
        play.push(event).expect("it fits");
        play.told(&before).into_iter().find_map(|told| match told {
            Told::Step { run, step, of, .. } => {
                Some((play.state.run(run).expect("a run").node.clone(), step, of))
            }
            _ => None,
        })
    };
    let step = |code: &str, step, of| Some((code.to_owned(), step, of));
    assert_eq!(next(None), step("a", 1, 5));
    assert_eq!(next(None), step("b", 2, 5));
    assert_eq!(next(None), step("c", 3, 5));
    let back = |to| Some(Event::Returned { task: 0, by: AccountId(2), to });
    assert_eq!(next(back(Target::Node("b".to_owned()))), step("b", 2, 5), "sent back to the second step");
    assert_eq!(next(None), step("b", 2, 5));
    assert_eq!(next(back(Target::Start)), None, "that is no step");
    let again = Event::Resubmitted { form: form(1), facts, chosen, resume: false };
    assert_eq!(next(Some(again)), None);
    assert_eq!(next(None), step("a", 1, 3), "the short way now, whatever was walked before");
    assert_eq!(next(None), step("b", 2, 3));
    assert_eq!(next(None), None, "the end is no step");
}

// FW33
#[test]
fn every_lie_is_found() {
    let mut found: BTreeMap<&str, usize> = BTreeMap::new();
    for seed in 0..300 {
        let (mut play, mut dice) = begun(seed).expect("it starts");
        let mut ledger = Ledger::default();
        let mut before = Instance::blank();
        for _ in 0..40 {
            let told = play.told(&before);
            for (name, lie) in lies(&told, &play.state) {
                let caught = ledger.clone().hear(&before, &play, &lie).is_err();
                // Lists that have not changed may be told or not.
                assert!(caught || name == "no lists", "seed {seed}: {name} of {told:?}");
                *found.entry(name).or_default() += usize::from(caught);
            }
            ledger.hear(&before, &play, &told).expect("the truth is told");
            before = play.state.clone();
            while !play.state.status.is_over() && play.push(play.action(&mut dice)).is_err() {}
            if play.state == before {
                break;
            }
        }
    }
    assert_eq!(found.len(), 14, "{found:?}");
    assert!(found.values().all(|times| *times > 5), "{found:?}");
}
