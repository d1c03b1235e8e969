//! Nodes: their codes, their order, what each says, and that every one of them can be reached.

use super::{BRANCHES_MAX, DEPTH_MAX, Faults, Known, MINUTES_MAX, NODES_MAX, conditions, rules};
use crate::text::{check_code, check_name};
use crate::workflow::definitions::model::Content;
use crate::workflow::form::Form;
use crate::workflow::graph::{
    Access, AssigneeRule, AutoDecision, Branch, Mode, Node, NodeKind, Split, Timeout, TimeoutAction,
    WhenEmpty, Work,
};
use crate::workflow::walk;
use std::collections::{BTreeMap, BTreeSet};

/// What all nodes of one definition are looked at with.
struct Look<'a> {
    code: &'a str,
    form: &'a Form,
    known: &'a Known,
    faults: &'a mut Faults,
    codes: BTreeSet<&'a str>,
    /// The nodes whose people are chosen.
    chosen_at: BTreeSet<String>,
    /// A node with people comes before, on the page.
    people_before: bool,
}

/// Where a sequence stands.
#[derive(Clone, Copy)]
struct Place {
    depth: usize,
    /// Other branches may be under way beside it.
    parallel: bool,
}

/// Checks the graph.
pub fn check(code: &str, content: &Content, known: &Known, faults: &mut Faults) {
    let nodes = &content.graph.nodes;
    match nodes.first().map(|node| &node.kind) {
        Some(NodeKind::Start { .. }) => {}
        _ => faults.add("nodes", "start", "the first node must be a start"),
    }
    if walk::all(&content.graph).len() > NODES_MAX {
        faults.add("nodes", "too_many", format!("at most {NODES_MAX} nodes"));
        return;
    }
    let mut look = Look {
        code,
        form: &content.form,
        known,
        faults,
        codes: BTreeSet::new(),
        chosen_at: rules::chosen_at(&content.graph),
        people_before: false,
    };
    look.sequence(nodes, Place { depth: 0, parallel: false }, true);
}

impl<'a> Look<'a> {
    /// Looks at a sequence and answers whether its end can be reached.
    fn sequence(&mut self, nodes: &'a [Node], place: Place, outermost: bool) -> bool {
        let mut reached = true;
        for (position, node) in nodes.iter().enumerate() {
            let at = format!("nodes.{}", node.code);
            if !reached {
                self.faults.add(&at, "unreachable", "nothing leads here: the way ends before it");
            }
            self.name(&at, &node.code, &node.name);
            if matches!(node.kind, NodeKind::Start { .. }) && !(outermost && position == 0) {
                self.faults.add(&at, "start", "only the first node is a start");
            }
            // Once is enough: what follows it is looked at as if it were reached.
            reached = self.node(&at, node, place);
        }
        reached
    }

    fn name(&mut self, at: &str, code: &'a str, name: &str) {
        if check_code(code).is_err() {
            self.faults.add(format!("{at}.code"), "invalid", "1 to 64 letters, digits, `_`, `-`, `.` or `:`");
        } else if !self.codes.insert(code) {
            self.faults.add(format!("{at}.code"), "code_taken", format!("{code} is there twice"));
        }
        if check_name("name", name).is_err() {
            self.faults.add(format!("{at}.name"), "invalid", "1 to 100 characters");
        }
    }

    /// Looks at a node and answers whether the way goes on after it.
    fn node(&mut self, at: &str, node: &'a Node, place: Place) -> bool {
        match &node.kind {
            NodeKind::Start { fields } => self.fields(at, fields),
            NodeKind::Approve(work) => self.work(at, work),
            NodeKind::Handle(work) => {
                self.work(at, work);
                if work.when_empty == WhenEmpty::Reject {
                    self.faults.add(format!("{at}.when_empty"), "handle", "a handle node does not reject");
                }
                if work.timeout.as_ref().is_some_and(|limit| limit.action == TimeoutAction::Reject) {
                    self.faults.add(format!("{at}.timeout"), "handle", "a handle node does not reject");
                }
            }
            NodeKind::Copy { assignees } => self.people(at, assignees),
            NodeKind::Condition { mode, branches } => return self.condition(at, *mode, branches, place),
            NodeKind::Auto { decision } => return *decision == AutoDecision::Approve,
            NodeKind::Delay { minutes } => {
                if !(1..=MINUTES_MAX).contains(minutes) {
                    self.faults.add(format!("{at}.minutes"), "invalid", format!("1 to {MINUTES_MAX}"));
                }
            }
            NodeKind::Trigger { target } => {
                if !self.known.targets.contains(target) {
                    let detail = "the settings (workflow.triggers) name no such address";
                    self.faults.add(format!("{at}.target"), "unknown_target", detail);
                }
            }
            NodeKind::Subprocess { definition } => self.subprocess(at, definition),
            NodeKind::End => {
                if place.parallel {
                    let detail = "other branches may be under way: let this one come to its own end";
                    self.faults.add(at, "end_in_parallel", detail);
                }
                return false;
            }
        }
        true
    }

    fn condition(&mut self, at: &str, mode: Split, branches: &'a [Branch], place: Place) -> bool {
        if place.depth == DEPTH_MAX {
            self.faults.add(at, "too_deep", format!("at most {DEPTH_MAX} conditions in each other"));
            return true;
        }
        if !(2..=BRANCHES_MAX).contains(&branches.len()) {
            self.faults.add(at, "branches", format!("2 to {BRANCHES_MAX} branches"));
        }
        let defaults = branches.iter().filter(|branch| branch.when.is_none()).count();
        match mode {
            Split::Parallel if defaults < branches.len() => {
                self.faults.add(at, "branches", "all branches are taken: they have no condition");
            }
            Split::Exclusive | Split::Inclusive if defaults == 0 => {
                self.faults.add(at, "default_missing", "one branch must have no condition: the default");
            }
            Split::Exclusive | Split::Inclusive if defaults > 1 => {
                self.faults.add(at, "default_twice", "only one branch may have no condition");
            }
            _ => {}
        }
        let inner = Place { depth: place.depth + 1, parallel: place.parallel || mode != Split::Exclusive };
        // One branch that comes to its end is enough: where several are taken, one that rejects ends them all.
        let mut goes_on = branches.is_empty();
        for branch in branches {
            let at = format!("nodes.{}", branch.code);
            self.name(&at, &branch.code, &branch.name);
            if let Some(when) = &branch.when {
                conditions::check(&format!("{at}.when"), when, self.form, self.faults);
            }
            goes_on |= self.sequence(&branch.nodes, inner, false);
        }
        goes_on
    }

    fn work(&mut self, at: &str, work: &'a Work) {
        self.people(at, &work.assignees);
        let chosen = work.assignees.iter().any(|rule| matches!(rule, AssigneeRule::PreviousChooses));
        if chosen && !self.people_before {
            self.faults.add(format!("{at}.assignees"), "rule", "nobody decides before this node");
        }
        self.people_before = true;
        if let Mode::Vote { percent } = work.mode
            && !(1..=100).contains(&percent)
        {
            self.faults.add(format!("{at}.mode"), "invalid", "1 to 100 percent");
        }
        if let Some(limit) = &work.timeout {
            self.timeout(&format!("{at}.timeout"), limit);
        }
        self.fields(at, &work.fields);
    }

    fn people(&mut self, at: &str, assignees: &[AssigneeRule]) {
        let at = format!("{at}.assignees");
        if assignees.is_empty() {
            self.faults.add(at, "assignees_empty", "somebody must be named");
            return;
        }
        rules::check(&at, assignees, self.form, self.faults);
    }

    fn timeout(&mut self, at: &str, limit: &Timeout) {
        if !(1..=MINUTES_MAX).contains(&limit.minutes) {
            self.faults.add(format!("{at}.minutes"), "invalid", format!("1 to {MINUTES_MAX}"));
        }
        if limit.repeat > 100 {
            self.faults.add(format!("{at}.repeat"), "invalid", "at most 100 times");
        }
    }

    fn fields(&mut self, at: &str, fields: &BTreeMap<String, Access>) {
        for name in fields.keys().filter(|name| self.form.field(name).is_none()) {
            self.faults.add(
                format!("{at}.fields.{name}"),
                "unknown_field",
                format!("the form has no field {name}"),
            );
        }
    }

    fn subprocess(&mut self, at: &str, definition: &str) {
        let at = format!("{at}.definition");
        if definition == self.code || self.comes_back(definition) {
            self.faults.add(at, "subprocess_cycle", format!("{definition} would run {} again", self.code));
            return;
        }
        let Some(called) = self.known.subprocesses.get(definition) else {
            self.faults.add(
                at,
                "unknown_definition",
                format!("there is no published definition {definition}"),
            );
            return;
        };
        for field in called.form.fields.iter().filter(|field| field.required) {
            if self.form.field(&field.code).is_none() {
                let detail =
                    format!("{definition} needs a field {} that this form does not have", field.code);
                self.faults.add(&at, "unknown_field", detail);
            }
        }
        // Whom the initiator chose here for a node of the same code is chosen there, too.
        if let Some(node) = called.chosen_at.difference(&self.chosen_at).next() {
            let detail = format!("{definition} lets its initiator choose people for {node}: nobody would");
            self.faults.add(&at, "nobody_chooses", detail);
        }
    }

    /// Answers whether a definition runs this one, directly or over others.
    fn comes_back(&self, definition: &str) -> bool {
        let mut seen = BTreeSet::new();
        let mut open = vec![definition];
        while let Some(next) = open.pop() {
            if next == self.code {
                return true;
            }
            if seen.insert(next) {
                open.extend(
                    self.known.subprocesses.get(next).into_iter().flat_map(|it| &it.runs).map(String::as_str),
                );
            }
        }
        false
    }
}
