//! Rules about people: their own limits, and what they name that has to be there.

use super::{Faults, RULES_MAX, conditions};
use crate::workflow::assignees::resolve::{ASSIGNEES_MAX, LEVELS_MAX};
use crate::workflow::definitions::model::Content;
use crate::workflow::form::{FieldKind, Form};
use crate::workflow::graph::{AssigneeRule, Graph, Node, NodeKind, TimeoutAction, WhenEmpty, Work};
use crate::workflow::people::People;
use crate::workflow::walk;
use std::collections::BTreeSet;

/// The nodes whose people the initiator has to choose.
pub fn chosen_at(graph: &Graph) -> BTreeSet<String> {
    let asks = |rule: &AssigneeRule| matches!(rule, AssigneeRule::InitiatorChooses { min, .. } if *min > 0);
    let rules = |node: &Node| match &node.kind {
        NodeKind::Approve(work) | NodeKind::Handle(work) => work.assignees.iter().any(asks),
        NodeKind::Copy { assignees } => assignees.iter().any(asks),
        _ => false,
    };
    walk::all(graph).into_iter().filter(|node| rules(node)).map(|node| node.code.clone()).collect()
}

/// Something that a definition names and that has to be there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reference {
    /// Account or staff guid.
    Account(String),
    /// Code of a role.
    Role(String),
    /// Code of a position.
    Position(String),
    /// Guid of an organisation.
    Organization(String),
}

impl Reference {
    /// What is named.
    pub fn name(&self) -> &str {
        match self {
            Self::Account(name) | Self::Role(name) | Self::Position(name) | Self::Organization(name) => name,
        }
    }

    /// What it is, for people.
    pub fn noun(&self) -> &'static str {
        match self {
            Self::Account(_) => "account or staff",
            Self::Role(_) => "role",
            Self::Position(_) => "position",
            Self::Organization(_) => "organisation",
        }
    }

    /// The code of the fault when it is not there.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Account(_) => "unknown_account",
            Self::Role(_) => "unknown_role",
            Self::Position(_) => "unknown_position",
            Self::Organization(_) => "unknown_organization",
        }
    }
}

/// Checks the rules of one node.
pub fn check(at: &str, rules: &[AssigneeRule], form: &Form, faults: &mut Faults) {
    if rules.len() > RULES_MAX {
        faults.add(at, "too_many", format!("at most {RULES_MAX} rules"));
    }
    for (place, rule) in rules.iter().take(RULES_MAX).enumerate() {
        let at = format!("{at}[{place}]");
        match rule {
            AssigneeRule::Users { guids } if guids.is_empty() => {
                faults.add(at, "assignees_empty", "somebody must be named");
            }
            AssigneeRule::Users { guids } if guids.len() > ASSIGNEES_MAX => {
                faults.add(at, "too_many", format!("at most {ASSIGNEES_MAX} people"));
            }
            AssigneeRule::InitiatorHead { up } if *up >= LEVELS_MAX => {
                faults.add(at, "rule", format!("at most {} levels up", LEVELS_MAX - 1));
            }
            AssigneeRule::InitiatorHeads { levels } if !(1..=LEVELS_MAX).contains(levels) => {
                faults.add(at, "rule", format!("1 to {LEVELS_MAX} levels"));
            }
            AssigneeRule::InitiatorChooses { min, max }
                if (*max == 0 || min > max || *max as usize > ASSIGNEES_MAX) =>
            {
                let detail = format!("min at most max, max 1 to {ASSIGNEES_MAX}");
                faults.add(at, "rule", detail);
            }
            AssigneeRule::Field { name } => match form.field(name).map(|field| &field.kind) {
                Some(FieldKind::Account { .. }) => {}
                Some(_) => faults.add(at, "rule", format!("the field {name} does not hold people")),
                None => faults.add(at, "unknown_field", format!("the form has no field {name}")),
            },
            AssigneeRule::Expression { text } => conditions::expression(&at, text, form, faults),
            _ => {}
        }
    }
}

/// Lists what a definition names, with the places.
pub fn references(content: &Content) -> Vec<(String, Reference)> {
    let mut found = Vec::new();
    of_people("starters", &content.starters, &mut found);
    of_people("managers", &content.managers, &mut found);
    of_rules("settings.copy_on_finish", &content.settings.copy_on_finish, &mut found);
    for node in walk::all(&content.graph) {
        let at = format!("nodes.{}", node.code);
        match &node.kind {
            NodeKind::Approve(work) | NodeKind::Handle(work) => of_work(&at, work, &mut found),
            NodeKind::Copy { assignees } => of_rules(&format!("{at}.assignees"), assignees, &mut found),
            _ => {}
        }
    }
    found
}

fn of_work(at: &str, work: &Work, found: &mut Vec<(String, Reference)>) {
    of_rules(&format!("{at}.assignees"), &work.assignees, found);
    if let WhenEmpty::Account { guid } = &work.when_empty {
        found.push((format!("{at}.when_empty"), Reference::Account(guid.clone())));
    }
    if let Some(TimeoutAction::Transfer { guid }) = work.timeout.as_ref().map(|limit| &limit.action) {
        found.push((format!("{at}.timeout"), Reference::Account(guid.clone())));
    }
}

fn of_rules(at: &str, rules: &[AssigneeRule], found: &mut Vec<(String, Reference)>) {
    for (place, rule) in rules.iter().take(RULES_MAX).enumerate() {
        let at = format!("{at}[{place}]");
        match rule {
            AssigneeRule::Users { guids } => {
                let named = guids.iter().take(ASSIGNEES_MAX);
                found.extend(named.map(|guid| (at.clone(), Reference::Account(guid.clone()))));
            }
            AssigneeRule::Role { code } => found.push((at, Reference::Role(code.clone()))),
            AssigneeRule::Position { code } => found.push((at, Reference::Position(code.clone()))),
            AssigneeRule::Members { organization } | AssigneeRule::Head { organization } => {
                found.push((at, Reference::Organization(organization.clone())));
            }
            _ => {}
        }
    }
}

/// What a name of a list refers to.
type Names = fn(String) -> Reference;

fn of_people(at: &str, people: &People, found: &mut Vec<(String, Reference)>) {
    let lists: [(&str, &[String], Names); 4] = [
        ("accounts", &people.accounts, Reference::Account),
        ("roles", &people.roles, Reference::Role),
        ("positions", &people.positions, Reference::Position),
        ("organizations", &people.organizations, Reference::Organization),
    ];
    for (list, names, kind) in lists {
        for (place, name) in names.iter().take(crate::workflow::people::ENTRIES_MAX).enumerate() {
            found.push((format!("{at}.{list}[{place}]"), kind(name.clone())));
        }
    }
}
