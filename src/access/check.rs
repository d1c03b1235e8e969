//! The check matrix (S1-23 × S1-24): which operation on which resource asks for what. Pure: the caller finds out whose the
//! object is and what is held. A cell without a rule is denied, for administrators too: there is nothing to allow (C25).

use std::fmt;
use std::str::FromStr;

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Make a new one.
    Create,
    /// Change it.
    Update,
    /// Remove it.
    Delete,
    /// Read it.
    View,
    /// Decide on it.
    Approve,
}

/// With what it is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// An organisation.
    Organization,
    /// A position.
    Position,
    /// A person's staff record.
    Staff,
    /// A leave request.
    Leave,
    /// A process.
    Workflow,
}

/// The operations by their names.
pub const OPERATIONS: [(&str, Operation); 5] = [
    ("create", Operation::Create),
    ("update", Operation::Update),
    ("delete", Operation::Delete),
    ("view", Operation::View),
    ("approve", Operation::Approve),
];

/// The resources by their names.
pub const RESOURCES: [(&str, Resource); 5] = [
    ("organization", Resource::Organization),
    ("position", Resource::Position),
    ("staff", Resource::Staff),
    ("leave", Resource::Leave),
    ("workflow", Resource::Workflow),
];

/// A text that names no operation or resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unknown;

impl FromStr for Operation {
    type Err = Unknown;

    fn from_str(text: &str) -> Result<Self, Unknown> {
        OPERATIONS.iter().find(|(name, _)| *name == text).map(|(_, operation)| *operation).ok_or(Unknown)
    }
}

impl FromStr for Resource {
    type Err = Unknown;

    fn from_str(text: &str) -> Result<Self, Unknown> {
        RESOURCES.iter().find(|(name, _)| *name == text).map(|(_, resource)| *resource).ok_or(Unknown)
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        OPERATIONS.iter().find(|(_, known)| known == self).map_or(Ok(()), |(name, _)| f.write_str(name))
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        RESOURCES.iter().find(|(_, known)| known == self).map_or(Ok(()), |(name, _)| f.write_str(name))
    }
}

/// What a cell asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// One of these codes.
    AnyOf(&'static [&'static str]),
    /// Nothing for one's own record, the code for every other.
    OwnOr(&'static str),
    /// One's own record; no code helps.
    OwnOnly,
    /// Nobody; the words say why.
    Never(&'static str),
}

/// What the question is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// The class: no object was named.
    Class,
    /// An object that is the person's own.
    Own,
    /// Any other object.
    Other,
}

/// Answers what a cell asks for.
pub fn rule(operation: Operation, resource: Resource) -> Rule {
    use Operation::{Approve, Create, Delete, Update, View};
    use Resource::{Leave, Organization, Position, Staff, Workflow};
    match (resource, operation) {
        (Organization, View) => Rule::AnyOf(&["org:view"]),
        (Organization, Create) => Rule::AnyOf(&["org:create"]),
        (Organization, Update) => Rule::AnyOf(&["org:update"]),
        (Organization, Delete) => Rule::AnyOf(&["org:delete"]),
        (Position, View) => Rule::AnyOf(&["position:view"]),
        (Position, Create) => Rule::AnyOf(&["position:create"]),
        (Position, Update) => Rule::AnyOf(&["position:update"]),
        (Position, Delete) => Rule::AnyOf(&["position:delete"]),
        (Staff, View) => Rule::OwnOr("staff:view"),
        (Staff, Create) => Rule::AnyOf(&["staff:create"]),
        (Staff, Update) => Rule::AnyOf(&["staff:update"]),
        (Staff, Delete) => Rule::AnyOf(&["staff:delete"]),
        (Organization | Position | Staff, Approve) => Rule::Never("it is not something to approve"),
        (Leave, View) => Rule::OwnOr("leave:view"),
        // Asking for leave oneself needs nothing (S1-31), asking for somebody else is a matter of staff (S1-32).
        (Leave, Create) => Rule::OwnOr("staff:create"),
        (Leave, Update | Delete) => Rule::OwnOnly,
        (Leave, Approve) => Rule::AnyOf(&["leave:approve"]),
        (Workflow, View) => Rule::AnyOf(&["workflow:view", "workflow:admin"]),
        (Workflow, Create | Update | Delete) => Rule::AnyOf(&["workflow:admin"]),
        (Workflow, Approve) => Rule::Never("only the designated approver of a process decides on it"),
    }
}

/// A yes names the code that it rests on (`None`: one's own record); a no says what is missing.
pub type Verdict = Result<Option<&'static str>, Missing>;

/// What a no lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// One of these codes.
    Codes(&'static [&'static str]),
    /// This code, as the record is somebody else's.
    Code(&'static str),
    /// The record is not one's own.
    Own,
    /// Nothing would help; the words say why.
    Rule(&'static str),
}

/// Judges a cell for a person who holds what `holds` says.
pub fn judge(rule: Rule, about: About, holds: impl Fn(&str) -> bool) -> Verdict {
    match rule {
        Rule::AnyOf(codes) => {
            codes.iter().find(|code| holds(code)).map(|code| Some(*code)).ok_or(Missing::Codes(codes))
        }
        Rule::OwnOr(_) | Rule::OwnOnly if about == About::Own => Ok(None),
        Rule::OwnOr(code) if holds(code) => Ok(Some(code)),
        Rule::OwnOr(code) => Err(Missing::Code(code)),
        Rule::OwnOnly => Err(Missing::Own),
        Rule::Never(why) => Err(Missing::Rule(why)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Operation, resource, the codes of which one is enough, whether one's own record needs none.
    const CELLS: [(&str, &str, &[&str], bool); 25] = [
        ("view", "organization", &["org:view"], false),
        ("create", "organization", &["org:create"], false),
        ("update", "organization", &["org:update"], false),
        ("delete", "organization", &["org:delete"], false),
        ("approve", "organization", &[], false),
        ("view", "position", &["position:view"], false),
        ("create", "position", &["position:create"], false),
        ("update", "position", &["position:update"], false),
        ("delete", "position", &["position:delete"], false),
        ("approve", "position", &[], false),
        ("view", "staff", &["staff:view"], true),
        ("create", "staff", &["staff:create"], false),
        ("update", "staff", &["staff:update"], false),
        ("delete", "staff", &["staff:delete"], false),
        ("approve", "staff", &[], false),
        ("view", "leave", &["leave:view"], true),
        ("create", "leave", &["staff:create"], true),
        ("update", "leave", &[], true),
        ("delete", "leave", &[], true),
        ("approve", "leave", &["leave:approve"], false),
        ("view", "workflow", &["workflow:view", "workflow:admin"], false),
        ("create", "workflow", &["workflow:admin"], false),
        ("update", "workflow", &["workflow:admin"], false),
        ("delete", "workflow", &["workflow:admin"], false),
        ("approve", "workflow", &[], false),
    ];

    #[test]
    fn every_cell_asks_for_exactly_its_codes() {
        let mut seen = std::collections::HashSet::new();
        for (operation, resource, codes, own) in CELLS {
            assert!(seen.insert((operation, resource)));
            let rule = rule(operation.parse().expect("known"), resource.parse().expect("known"));
            for about in [About::Class, About::Own, About::Other] {
                let free = own && about == About::Own;
                let case = format!("{operation} {resource} {about:?}");
                assert_eq!(judge(rule, about, |_| false).is_ok(), free, "{case} with nothing");
                for code in codes {
                    assert!(judge(rule, about, |held| held == *code).is_ok(), "{case} with {code}");
                }
                let all_others = judge(rule, about, |held| !codes.contains(&held));
                assert_eq!(all_others.is_ok(), free, "{case} with everything else");
                let everything = judge(rule, about, |_| true);
                assert_eq!(everything.is_ok(), free || !codes.is_empty(), "{case} with everything");
            }
        }
    }

    #[test]
    fn names_are_read_exactly() {
        for text in ["", "View", "VIEW", "view ", "read", "organisation"] {
            assert_eq!(text.parse::<Operation>(), Err(Unknown));
            assert_eq!(text.parse::<Resource>(), Err(Unknown));
        }
        for (name, operation) in OPERATIONS {
            assert_eq!((name.parse(), operation.to_string().as_str()), (Ok(operation), name));
        }
        for (name, resource) in RESOURCES {
            assert_eq!((name.parse(), resource.to_string().as_str()), (Ok(resource), name));
        }
    }
}
