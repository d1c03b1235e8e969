//! The rules of moving, one by one. People are accounts 1 to 9; 1 starts.

use super::*;
use crate::workflow::graph::Graph;
use crate::workflow::variables::Initiator;
use livegrant_actors::AccountId;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// An instance and its graph, driven by hand.
struct Desk {
    graph: Graph,
    state: Instance,
    log: Vec<Event>,
}

const fn who(account: i64) -> AccountId {
    AccountId(account)
}

impl Desk {
    /// Starts; nodes with people get those that `seats` names by node.
    #[expect(clippy::needless_pass_by_value, reason = "json!(…) as the cases write it")]
    fn start(nodes: Value, form: Value, seats: &[(&str, &[i64])]) -> Self {
        let graph: Graph = serde_json::from_value(json!({ "nodes": nodes })).expect("a graph");
        let mut desk = Self { graph, state: Instance::blank(), log: Vec::new() };
        let form = form.as_object().cloned().expect("an object");
        let (facts, chosen) = (Initiator::default(), BTreeMap::new());
        desk.push(Event::Started { initiator: who(1), form, facts, chosen }, seats).expect("it starts");
        desk
    }

    /// Takes an event and whatever people it asks for.
    fn push(&mut self, event: Event, seats: &[(&str, &[i64])]) -> Result<(), Fault> {
        let (state, effects) = step(&self.graph, &self.state, &event)?;
        self.state = state;
        self.log.push(event);
        for effect in effects {
            let next = match effect {
                Effect::Ask { run } => {
                    let node = self.state.run(run).expect("it was entered").node.clone();
                    let people =
                        seats.iter().find(|(code, _)| *code == node).map_or(&[2][..], |(_, people)| people);
                    let seat =
                        |account: &i64| Seat { account: who(*account), instead_of: None, skipped: None };
                    Event::Found { run, seats: people.iter().map(seat).collect() }
                }
                Effect::Copy { run } => Event::Copied { run, people: vec![who(9)] },
                Effect::Wait { .. } | Effect::Call { .. } | Effect::Child { .. } => continue,
            };
            self.push(next, seats)?;
        }
        Ok(())
    }

    /// The open task of somebody.
    fn task(&self, account: i64) -> i64 {
        let open = |task: &&Task| task.assignee == who(account) && task.state.is_open();
        self.state.tasks.iter().rev().find(open).unwrap_or_else(|| panic!("{account} has nothing")).number
    }

    fn decide(&mut self, account: i64, approve: bool) -> Result<(), Fault> {
        let event = Event::Decided {
            task: self.task(account),
            by: who(account),
            approve,
            chose: Vec::new(),
            form: Map::new(),
        };
        self.push(event, &[])
    }

    fn approve(&mut self, account: i64) {
        self.decide(account, true).expect("it can be approved");
    }

    fn pending(&self) -> Vec<i64> {
        self.state.pending().into_iter().map(|account| account.0).collect()
    }

    fn replays(&self) {
        let replayed = self.log.iter().try_fold(Instance::blank(), |state, event| {
            step(&self.graph, &state, event).map(|(state, _)| state)
        });
        assert_eq!(replayed.as_ref(), Ok(&self.state));
    }
}

#[expect(clippy::needless_pass_by_value, reason = "json!(…) as the cases write it")]
fn node(code: &str, mode: Value) -> Value {
    json!({ "code": code, "name": code, "kind": "approve", "assignees": [], "mode": mode })
}

fn start_node() -> Value {
    json!({ "code": "start", "name": "start", "kind": "start" })
}

// FW1, FW5
#[test]
fn all_of_waits_for_everybody_and_one_refusal_ends_it() {
    let nodes =
        json!([start_node(), node("a", json!({ "kind": "all" })), node("b", json!({ "kind": "any" }))]);
    let seats: &[(&str, &[i64])] = &[("a", &[2, 3, 4])];
    let mut desk = Desk::start(nodes.clone(), json!({}), seats);
    assert_eq!(desk.pending(), [2, 3, 4]);
    desk.approve(2);
    desk.approve(3);
    assert_eq!(desk.pending(), [4]);
    desk.decide(4, true).unwrap();
    assert_eq!((desk.pending(), desk.state.status), (vec![2], Status::Running));
    desk.approve(2);
    assert_eq!(desk.state.status, Status::Approved);
    desk.replays();

    let mut desk = Desk::start(nodes, json!({}), seats);
    desk.decide(3, false).unwrap();
    assert_eq!((desk.state.status, desk.pending()), (Status::Rejected, vec![]));
    desk.replays();
}

// FW2, FW32
#[test]
fn any_of_is_decided_by_the_first_and_by_nobody_else() {
    let mut desk =
        Desk::start(json!([start_node(), node("a", json!({ "kind": "any" }))]), json!({}), &[("a", &[2, 3])]);
    let second = desk.task(3);
    desk.approve(2);
    let lost = desk.state.task(second).unwrap();
    assert_eq!((lost.state, lost.reason.as_str()), (TaskState::Cancelled, "node already decided"));
    let late = Event::Decided { task: second, by: who(3), approve: false, chose: vec![], form: Map::new() };
    assert_eq!(desk.push(late, &[]), Err(Fault::NotRunning));
}

// FW3
#[test]
fn in_a_row_the_next_one_is_asked_after_the_one_before() {
    let nodes = json!([start_node(), node("a", json!({ "kind": "sequential" }))]);
    let mut desk = Desk::start(nodes, json!({}), &[("a", &[4, 2, 3])]);
    assert_eq!(desk.pending(), [4]);
    assert_eq!(desk.decide(3, true), Err(Fault::NotItsTurn(3)));
    desk.approve(4);
    assert_eq!(desk.pending(), [2]);
    desk.approve(2);
    desk.approve(3);
    assert_eq!(desk.state.status, Status::Approved);
    desk.replays();
}

// FW4
#[test]
fn a_vote_counts_both_ways() {
    let nodes = json!([start_node(), node("a", json!({ "kind": "vote", "percent": 60 }))]);
    let seats: &[(&str, &[i64])] = &[("a", &[2, 3, 4, 5, 6])];
    let mut desk = Desk::start(nodes.clone(), json!({}), seats);
    desk.decide(2, false).unwrap();
    desk.approve(3);
    desk.approve(4);
    assert_eq!(desk.state.status, Status::Running);
    desk.approve(5);
    assert_eq!(desk.state.status, Status::Approved);
    let mut desk = Desk::start(nodes, json!({}), seats);
    for account in [2, 3] {
        desk.decide(account, false).unwrap();
        assert_eq!(desk.state.status, Status::Running);
    }
    desk.decide(4, false).unwrap();
    assert_eq!(desk.state.status, Status::Rejected);
    desk.replays();
}

// FW6
#[test]
fn a_transfer_replaces_and_takes_nobody_who_is_there() {
    let mut desk =
        Desk::start(json!([start_node(), node("a", json!({ "kind": "all" }))]), json!({}), &[("a", &[2, 3])]);
    let to = |task, account| Event::Moved { task, to: who(account), origin: Origin::Transfer };
    let task = desk.task(2);
    assert_eq!(desk.push(to(task, 2), &[]), Err(Fault::There(who(2))));
    assert_eq!(desk.push(to(task, 3), &[]), Err(Fault::There(who(3))));
    desk.push(to(task, 5), &[]).unwrap();
    assert_eq!(desk.pending(), [3, 5]);
    let new = desk.state.task(desk.task(5)).unwrap();
    assert_eq!((new.owner, new.origin), (Some(who(2)), Origin::Transfer));
    desk.approve(3);
    desk.approve(5);
    assert_eq!(desk.state.status, Status::Approved);
    desk.replays();
}

// FW7
#[test]
fn advice_comes_back_to_whoever_asked() {
    let mut desk =
        Desk::start(json!([start_node(), node("a", json!({ "kind": "any" }))]), json!({}), &[("a", &[2])]);
    desk.push(Event::Delegated { task: desk.task(2), to: who(5) }, &[]).unwrap();
    assert_eq!(desk.pending(), [5]);
    let adviser = desk.task(5);
    assert_eq!(
        desk.push(Event::Delegated { task: adviser, to: who(6) }, &[]),
        Err(Fault::OnlyAdvice(adviser))
    );
    desk.decide(5, false).unwrap();
    assert_eq!((desk.pending(), desk.state.status), (vec![2], Status::Running));
    desk.approve(2);
    assert_eq!(desk.state.status, Status::Approved);
    desk.replays();
}

// FW8, FW9
#[test]
fn added_people_decide_before_after_or_beside_and_do_not_change_the_threshold() {
    let nodes = json!([start_node(), node("a", json!({ "kind": "all" }))]);
    let signed = |task, account, position| Event::Signed { task, people: vec![who(account)], position };
    let mut desk = Desk::start(nodes.clone(), json!({}), &[("a", &[2, 3])]);
    desk.push(signed(desk.task(2), 5, Position::Before), &[]).unwrap();
    assert_eq!(desk.pending(), [3, 5], "2 waits for 5");
    assert_eq!(desk.push(signed(desk.task(3), 5, Position::After), &[]), Err(Fault::There(who(5))));
    desk.push(signed(desk.task(3), 6, Position::After), &[]).unwrap();
    desk.approve(3);
    assert_eq!(desk.pending(), [5, 6]);
    desk.approve(6);
    desk.approve(5);
    assert_eq!(desk.pending(), [2]);
    desk.push(signed(desk.task(2), 7, Position::Parallel), &[]).unwrap();
    assert_eq!(desk.pending(), [2, 7]);
    let seven = desk.task(7);
    assert_eq!(desk.push(Event::Unsigned { task: desk.task(2) }, &[]), Err(Fault::NotAdded(1)));
    desk.push(Event::Unsigned { task: seven }, &[]).unwrap();
    assert_eq!(desk.pending(), [2]);
    desk.approve(2);
    assert_eq!(desk.state.status, Status::Approved);
    desk.replays();

    // A refusal of somebody who was added is the refusal of the seat.
    let mut desk = Desk::start(nodes, json!({}), &[("a", &[2, 3])]);
    desk.push(signed(desk.task(2), 5, Position::Before), &[]).unwrap();
    desk.decide(5, false).unwrap();
    assert_eq!(desk.state.status, Status::Rejected);
}

#[expect(clippy::needless_pass_by_value, reason = "json!(…) as the cases write it")]
fn parallel(after: Value) -> Value {
    let branch = |code: &str, nodes: Value| json!({ "code": code, "name": code, "nodes": nodes });
    let any = json!({ "kind": "any" });
    let branches =
        json!([branch("left", json!([node("l", any.clone())])), branch("right", json!([node("r", any)]))]);
    let split = json!({ "code": "split", "name": "s", "kind": "condition", "mode": "parallel", "branches": branches });
    json!([start_node(), node("first", json!({ "kind": "any" })), split, after])
}

// FW10, FW11
#[test]
fn going_back_asks_everybody_anew_and_keeps_out_of_parallel_parts() {
    let after = node("last", json!({ "kind": "any" }));
    let mut desk = Desk::start(parallel(after), json!({}), &[]);
    desk.approve(2);
    assert_eq!(desk.state.tasks.iter().filter(|task| task.state == TaskState::Pending).count(), 2);
    let back = |task, code: &str| Event::Returned { task, by: who(2), to: Target::Node(code.to_owned()) };
    let out_of = desk.task(2);
    assert_eq!(desk.push(back(out_of, "first"), &[]), Err(Fault::NotReturnable));
    let home = Event::Returned { task: out_of, by: who(2), to: Target::Start };
    assert_eq!(desk.push(home, &[]), Err(Fault::NotReturnable));
    desk.approve(2);
    desk.approve(2);
    let last = desk.task(2);
    assert_eq!(desk.push(back(last, "l"), &[]), Err(Fault::NotReturnable));
    assert_eq!(desk.push(back(last, "last"), &[]), Err(Fault::NotReturnable));
    assert_eq!(previous(&desk.graph, &desk.state, "last"), Some("first"), "not into the parallel part");
    desk.push(back(last, "first"), &[("first", &[4])]).unwrap();
    assert_eq!((desk.pending(), desk.state.round), (vec![4], 2));
    let task = desk.task(4);
    desk.push(Event::Returned { task, by: who(4), to: Target::Start }, &[]).unwrap();
    assert_eq!((desk.state.status, desk.pending()), (Status::Returned, vec![]));
    assert_eq!(
        desk.state.approved_before(&desk.graph, 99),
        (vec![], vec![]),
        "approvals of an earlier round do not count again"
    );
    let again = Event::Resubmitted {
        form: Map::new(),
        facts: Initiator::default(),
        chosen: BTreeMap::new(),
        resume: true,
    };
    desk.push(again.clone(), &[("first", &[5])]).unwrap();
    assert_eq!((desk.state.revision, desk.pending()), (2, vec![5]));
    assert_eq!(desk.push(again, &[]), Err(Fault::NotReturned));
    desk.replays();
}

// FW17
#[test]
fn only_the_branch_that_holds_is_walked_and_the_default_when_none_does() {
    let branch = |code: &str, when: Value, node: Value| json!({ "code": code, "name": code, "when": when, "nodes": [node] });
    let any = json!({ "kind": "any" });
    let long = json!({ "field": { "field": "days", "op": "gt", "value": 3 } });
    let split = json!({ "code": "c", "name": "c", "kind": "condition", "mode": "exclusive", "branches": [
        branch("long", long, node("head", any.clone())), branch("else", Value::Null, node("desk", any))] });
    for (form, walked) in
        [(json!({ "days": 5 }), "head"), (json!({ "days": 1 }), "desk"), (json!({}), "desk")]
    {
        let mut desk = Desk::start(json!([start_node(), split]), form, &[]);
        let open: Vec<_> = desk.state.runs.iter().filter(|run| run.state == RunState::Open).collect();
        assert_eq!(open.last().map(|run| run.node.as_str()), Some(walked));
        desk.approve(2);
        assert_eq!(desk.state.status, Status::Approved);
        desk.replays();
    }
}

// FW13
#[test]
fn a_decision_is_taken_back_until_the_next_one_acts() {
    let nodes =
        json!([start_node(), node("a", json!({ "kind": "any" })), node("b", json!({ "kind": "all" }))]);
    let seats: &[(&str, &[i64])] = &[("a", &[2, 3]), ("b", &[4, 5])];
    let mut desk = Desk::start(nodes, json!({}), seats);
    let mine = desk.task(2);
    let approve =
        |task, by| Event::Decided { task, by: who(by), approve: true, chose: vec![], form: Map::new() };
    desk.push(approve(mine, 2), seats).unwrap();
    assert_eq!(desk.pending(), [4, 5]);
    desk.push(Event::TakenBack { task: mine }, &[]).unwrap();
    assert_eq!(desk.pending(), [2, 3], "the one who lost his task has it again");
    desk.push(approve(mine, 2), seats).unwrap();
    desk.approve(5);
    assert_eq!(desk.push(Event::TakenBack { task: mine }, &[]), Err(Fault::TooLate));
    let fives = desk.state.tasks.iter().rfind(|task| task.assignee == who(5)).unwrap().number;
    desk.push(Event::TakenBack { task: fives }, &[]).unwrap();
    assert_eq!(desk.pending(), [4, 5]);
    desk.replays();
}

// FW12, FW14, FW23
#[test]
fn withdrawing_and_terminating_leave_nothing_open_and_auto_nodes_decide() {
    for (event, status) in [(Event::Withdrawn, Status::Withdrawn), (Event::Terminated, Status::Cancelled)] {
        let mut desk =
            Desk::start(parallel(json!({ "code": "e", "name": "e", "kind": "end" })), json!({}), &[]);
        desk.approve(2);
        desk.push(event.clone(), &[]).unwrap();
        assert_eq!((desk.state.status, desk.pending()), (status, vec![]));
        assert!(desk.state.runs.iter().all(|run| !matches!(run.state, RunState::Open | RunState::Asking)));
        assert_eq!(desk.push(event, &[]), Err(Fault::NotRunning));
        desk.replays();
    }
    let auto = json!({ "code": "no", "name": "no", "kind": "auto", "decision": "reject" });
    assert_eq!(Desk::start(json!([start_node(), auto]), json!({}), &[]).state.status, Status::Rejected);
}

// FW22
#[test]
fn an_earlier_approval_counts_as_the_rule_says_and_says_so() {
    let nodes =
        json!([start_node(), node("a", json!({ "kind": "any" })), node("b", json!({ "kind": "any" }))]);
    let mut desk = Desk::start(nodes, json!({}), &[]);
    let task = desk.task(2);
    let event = Event::Decided { task, by: who(2), approve: true, chose: vec![], form: Map::new() };
    let (state, effects) = step(&desk.graph, &desk.state, &event).unwrap();
    assert_eq!(
        (state.approved_before(&desk.graph, 3), effects),
        ((vec![who(2)], vec![who(2)]), vec![Effect::Ask { run: 3 }])
    );
    let skipped = Some("auto: approved earlier".to_owned());
    let found = Event::Found { run: 3, seats: vec![Seat { account: who(2), instead_of: None, skipped }] };
    let (state, _) = step(&desk.graph, &state, &found).unwrap();
    assert_eq!(state.status, Status::Approved);
    assert_eq!(state.tasks.last().map(|task| task.state), Some(TaskState::Skipped));
    desk.log.clear();
}

// FW13, FW4, FW8: nobody takes back what others have acted on, whoever added whom.
#[test]
fn who_was_added_takes_back_only_what_nobody_acted_on() {
    let nodes = json!([start_node(), node("a", json!({ "kind": "sequential" }))]);
    let seats: &[(&str, &[i64])] = &[("a", &[2, 3, 4])];
    let added = |desk: &mut Desk, by: i64, to: i64, position: Position| {
        let event = Event::Signed { task: desk.task(by), people: vec![who(to)], position };
        desk.push(event, &[]).expect("he may add");
    };
    let taken = |desk: &mut Desk, task: i64| desk.push(Event::TakenBack { task }, &[]);

    // 5 decides before 2, then 2 himself has: too late. 2 takes back first, then 5 may.
    let mut desk = Desk::start(nodes.clone(), json!({}), seats);
    let twos = desk.task(2);
    added(&mut desk, 2, 5, Position::Before);
    let fives = desk.task(5);
    desk.approve(5);
    desk.approve(2);
    assert_eq!(taken(&mut desk, fives), Err(Fault::TooLate), "2 has acted on it");
    taken(&mut desk, twos).unwrap();
    taken(&mut desk, fives).unwrap();
    assert_eq!(desk.pending(), [5]);
    desk.replays();

    // 5 and 2 are of the first turn; whoever 3 has added is of the second, and has acted.
    let mut desk = Desk::start(nodes.clone(), json!({}), seats);
    let twos = desk.task(2);
    added(&mut desk, 2, 5, Position::Parallel);
    let fives = desk.task(5);
    desk.approve(5);
    desk.approve(2);
    added(&mut desk, 3, 6, Position::Before);
    desk.approve(6);
    for task in [fives, twos] {
        assert_eq!(taken(&mut desk, task), Err(Fault::TooLate), "6 has acted in a later turn");
    }

    // 6 was added by 5, who was added behind 2: without 2's decision nobody had asked him.
    let mut desk = Desk::start(nodes, json!({}), seats);
    let twos = desk.task(2);
    added(&mut desk, 2, 5, Position::After);
    desk.approve(2);
    added(&mut desk, 5, 6, Position::Before);
    desk.approve(6);
    assert_eq!(taken(&mut desk, twos), Err(Fault::TooLate));
}

// FW12, FW38: what was withdrawn or ended inside is not a refusal; what could not be started says why.
#[test]
fn an_instance_ends_as_the_one_that_it_waits_for() {
    let waits = json!({ "code": "s", "name": "s", "kind": "subprocess", "definition": "x" });
    for (status, state) in [
        (Status::Withdrawn, RunState::Cancelled),
        (Status::Cancelled, RunState::Cancelled),
        (Status::Rejected, RunState::Rejected),
    ] {
        let mut desk = Desk::start(json!([start_node(), waits]), json!({}), &[]);
        let run = desk.state.runs.last().expect("it waits").number;
        desk.push(Event::ChildGone { run, status, reason: "gone".to_owned() }, &[]).unwrap();
        let run = desk.state.run(run).expect("it is there");
        assert_eq!((desk.state.status, run.state, run.reason.as_str()), (status, state, "gone"));
        desk.replays();
    }
}
