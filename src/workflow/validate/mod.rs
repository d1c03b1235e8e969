//! Whether a definition can be published: everything that is wrong with it, with the place of each fault.
//!
//! Invariants: what passes can be walked to an end from every choice of branches, asks somebody at every node with people,
//! names only roles, positions, people, fields and definitions that there are, and is bounded. Pure; what there is in the
//! company is handed in as [`Known`]. People come and go: what was there when it was published may be gone later, and then
//! the rule about nobody decides.

mod conditions;
mod nodes;
mod rules;

pub use rules::{Reference, chosen_at, references};

use super::definitions::model::{Content, ProcessSettings};
use super::form::{self, Form};
use super::graph::AssigneeRule;
use super::people::{ENTRIES_MAX, People};
use super::template;
use crate::text::{check_name, check_text};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use utoipa::ToSchema;

/// Nodes of a graph at most, branches' nodes included: ten times what people draw on one page.
pub const NODES_MAX: usize = 200;
/// Conditions within conditions at most. Every level is a call deeper wherever a graph is walked.
pub const DEPTH_MAX: usize = 8;
/// Branches of one condition at most.
pub const BRANCHES_MAX: usize = 20;
/// Rules of one node at most.
pub const RULES_MAX: usize = 20;
/// Minutes of a delay or time limit at most: a year.
pub const MINUTES_MAX: u32 = 525_600;
/// Faults that are listed at most; who has mended a hundred asks again.
pub const FAULTS_MAX: usize = 100;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Fault {
    /// Where: `nodes.CODE.assignees[0]`, `form.fields[2].code`, `settings.title`.
    pub at: String,
    /// What, for programs.
    pub code: &'static str,
    /// What, for people.
    pub detail: String,
}

/// What there is in the company, as far as the definition names it.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// What it names and what is not there.
    pub missing: BTreeSet<Reference>,
    /// The published definitions that it runs, directly or over others, with what those run.
    pub subprocesses: BTreeMap<String, Subprocess>,
    /// Names of the addresses that triggers may call.
    pub targets: BTreeSet<String>,
}

/// A published definition that another one runs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Subprocess {
    /// The definitions that it runs itself.
    pub runs: BTreeSet<String>,
    /// What it has to be given.
    pub form: Form,
    /// The nodes whose people have to be chosen by whoever starts it.
    pub chosen_at: BTreeSet<String>,
}

/// Collects faults, up to the most.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    fn add(&mut self, at: impl Into<String>, code: &'static str, detail: impl Into<String>) {
        if self.0.len() < FAULTS_MAX {
            self.0.push(Fault { at: at.into(), code, detail: detail.into() });
        }
    }
}

/// Lists everything that is wrong with a definition; nothing: it can be published.
pub fn faults(code: &str, content: &Content, known: &Known) -> Vec<Fault> {
    let mut faults = Faults::default();
    if check_name("name", &content.name).is_err() {
        faults.add("name", "invalid", "1 to 100 characters");
    }
    if check_text("category", &content.category).is_err() {
        faults.add("category", "invalid", "at most 200 characters and no control characters");
    }
    for (at, detail) in form::faults(&content.form) {
        faults.add(at, "form", detail);
    }
    people("starters", &content.starters, &mut faults);
    people("managers", &content.managers, &mut faults);
    settings(&content.settings, &content.form, &mut faults);
    nodes::check(code, content, known, &mut faults);
    for (at, reference) in references(content) {
        if known.missing.contains(&reference) {
            faults.add(
                at,
                reference.code(),
                format!("there is no {} {}", reference.noun(), reference.name()),
            );
        }
    }
    faults.0
}

fn people(at: &str, people: &People, faults: &mut Faults) {
    if people.len() > ENTRIES_MAX {
        faults.add(at, "too_many", format!("at most {ENTRIES_MAX} entries"));
    }
}

fn settings(settings: &ProcessSettings, form: &Form, faults: &mut Faults) {
    for (at, text) in [("settings.title", &settings.title), ("settings.summary", &settings.summary)] {
        for detail in template::faults(text, form) {
            faults.add(at, "template", detail);
        }
    }
    if settings.title.trim().is_empty() {
        faults.add("settings.title", "template", "an instance needs a title");
    }
    let letters = settings.number_prefix.bytes().all(|letter| letter.is_ascii_uppercase());
    if !letters || !(1..=8).contains(&settings.number_prefix.len()) {
        faults.add("settings.number_prefix", "invalid", "1 to 8 letters from A to Z");
    }
    if !(1..=MINUTES_MAX).contains(&settings.remind_minutes) {
        faults.add("settings.remind_minutes", "invalid", format!("1 to {MINUTES_MAX} minutes"));
    }
    let at = "settings.copy_on_finish";
    rules::check(at, &settings.copy_on_finish, form, faults);
    let asks = |rule: &AssigneeRule| {
        matches!(rule, AssigneeRule::InitiatorChooses { .. } | AssigneeRule::PreviousChooses)
    };
    if settings.copy_on_finish.iter().any(asks) {
        faults.add(at, "rule", "nobody chooses at the end");
    }
}

#[cfg(test)]
pub(super) mod tests;
