//! The routes of the inbox: parse, call one use case, answer. `seed` has the paths of the ticket system, `lists` and `marks`
//! the others, `sending` what goes out, `preferences` what reaches people where.

pub mod lists;
pub mod marks;
pub mod preferences;
pub mod seed;
pub mod sending;

use super::feed::Standing;
use super::lists::Item;
use super::store::lists::FeedRow;
use serde::Serialize;
use utoipa::ToSchema;

/// One notice and where its inbox stands now.
#[derive(Debug, Serialize, ToSchema)]
pub struct One {
    /// The notice.
    #[serde(flatten)]
    item: Item,
    /// Absolute, with the revision that they are of.
    counts: Standing,
}

impl One {
    fn new((row, counts): (FeedRow, Standing)) -> Self {
        Self { item: row.into(), counts }
    }
}

/// How many were changed, and where the inbox stands now.
#[derive(Debug, Serialize, ToSchema)]
pub struct Many {
    /// How many are not as they were.
    changed: i64,
    /// Absolute, with the revision that they are of.
    counts: Standing,
}

impl Many {
    fn new((changed, counts): (i64, Standing)) -> Self {
        Self { changed, counts }
    }
}
