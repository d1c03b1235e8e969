//! The routes of sign-in, accounts and sessions: parse, call one use case, answer.

pub mod accounts;
pub mod sessions;
pub mod signing_in;

use serde::Serialize;
use utoipa::ToSchema;

/// The revision that a change took; null when nothing had to change.
#[derive(Debug, Serialize, ToSchema)]
pub struct Saved {
    /// Its place in the policy log.
    pub rev: Option<i64>,
    /// False: it already was so.
    pub changed: bool,
}

impl From<Option<livegrant_actors::Rev>> for Saved {
    fn from(rev: Option<livegrant_actors::Rev>) -> Self {
        Self { rev: rev.map(|rev| rev.0), changed: rev.is_some() }
    }
}
