//! Answers that several areas give alike.

use livegrant_actors::Rev;
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

impl From<Option<Rev>> for Saved {
    fn from(rev: Option<Rev>) -> Self {
        Self { rev: rev.map(|rev| rev.0), changed: rev.is_some() }
    }
}
