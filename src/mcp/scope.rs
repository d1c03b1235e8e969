//! The profiles that a token may be narrowed to (FM11): a client that only sends notices sees five tools, not sixty.
//! A scope never gives anything: what the account may not do is refused by the use case, whatever the token says.

use crate::refusal::Refusal;
use std::fmt;

/// One profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Sending, and one's own inbox.
    Notify,
    /// Organisations, positions, staff, permissions, sessions.
    Org,
    /// Processes, tasks, leave.
    Workflow,
    /// Every tool that changes nothing.
    Read,
}

impl Scope {
    /// All of them, in the order that lists have.
    pub const ALL: [Self; 4] = [Self::Notify, Self::Org, Self::Workflow, Self::Read];

    /// How tokens and challenges write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Notify => "mcp:notify",
            Self::Org => "mcp:org",
            Self::Workflow => "mcp:workflow",
            Self::Read => "mcp:read",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// What a token is narrowed to; `None` is not narrowed at all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scopes(Option<Vec<Scope>>);

impl Scopes {
    /// Reads the names that somebody asks for; none of them is not narrowed.
    ///
    /// # Errors
    /// The refusal names the field `scopes`.
    pub fn parse<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, Refusal> {
        let mut scopes = Vec::new();
        for name in names {
            let scope = known(name).ok_or_else(|| {
                let all = Scope::ALL.map(Scope::name).join(", ");
                Refusal::invalid("scopes", "invalid", format!("one of {all}"))
            })?;
            scopes.push(scope);
        }
        scopes.sort_unstable();
        scopes.dedup();
        Ok(Self(Some(scopes).filter(|scopes| !scopes.is_empty())))
    }

    /// Reads what is stored. A name that this version does not know gives nothing: a token never widens.
    pub fn stored(text: &str) -> Self {
        let scopes = text.split_whitespace().filter_map(known).collect();
        Self(Some(scopes).filter(|_| !text.trim().is_empty()))
    }

    /// Whether a tool of this profile is inside.
    pub fn have(&self, profile: Scope, reads: bool) -> bool {
        let inside =
            |scopes: &Vec<Scope>| scopes.contains(&profile) || (reads && scopes.contains(&Scope::Read));
        self.0.as_ref().is_none_or(inside)
    }

    /// The names, in the order that lists have.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().flatten().map(|scope| scope.name())
    }
}

fn known(name: &str) -> Option<Scope> {
    Scope::ALL.into_iter().find(|scope| scope.name() == name)
}

impl fmt::Display for Scopes {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.names().collect::<Vec<_>>().join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_narrows_and_none_does_not() {
        let all = Scopes::default();
        assert!(all.have(Scope::Org, false));
        let notify = Scopes::parse(["mcp:notify"]).expect("known");
        assert!(notify.have(Scope::Notify, false));
        assert!(!notify.have(Scope::Org, true));
        let reads = Scopes::parse(["mcp:read", "mcp:notify", "mcp:read"]).expect("known");
        assert!(reads.have(Scope::Org, true));
        assert!(!reads.have(Scope::Org, false));
        assert_eq!(reads.to_string(), "mcp:notify mcp:read");
        assert!(Scopes::parse(["mcp:everything"]).is_err());
        assert_eq!(Scopes::parse([]).expect("none"), Scopes::default());
        assert_eq!(Scopes::stored(""), Scopes::default());
        assert!(!Scopes::stored("mcp:of-a-later-version").have(Scope::Notify, true));
    }
}
