//! The ids of the engine's world, one type each, so that they cannot be mixed up.
//!
//! Integers stay below 2^53 (they travel through JSON). The engine never makes account, role or
//! revision ids; it is given them.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

macro_rules! number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

macro_rules! text {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Gives the id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

number!(
    /// A login.
    AccountId
);
number!(
    /// A role, one kind of grant holder.
    RoleId
);
number!(
    /// A position in an organisation, the other kind of grant holder.
    PositionId
);
number!(
    /// A tenant company.
    CompanyId
);
number!(
    /// An application of a company.
    ApplicationId
);
number!(
    /// A place in the policy log (I1).
    Rev
);
number!(
    /// One run of one process of the cluster: drawn at random at its start, so that a node that comes back is another.
    NodeId
);
text!(
    /// One sign-in (`sid`).
    SessionId
);
text!(
    /// One tab's connection on this node.
    ConnectionId
);

/// What an online account can be found by when something it depends on changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holder {
    /// Holds the role.
    Role(RoleId),
    /// Fills the position.
    Position(PositionId),
    /// Belongs to the company.
    Company(CompanyId),
    /// Is signed in to the application.
    Application(ApplicationId),
}
