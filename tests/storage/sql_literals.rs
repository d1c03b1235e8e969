//! Finds the SQL in the source: the literal of every `sql_*!(` macro and of every `sqlx::query*(` call, with its place.
//!
//! It reads Rust no further than it needs: comment lines are blank, a statement is the first text of its call. A call
//! without a text is an offence, because nobody could check it; only the macros' own definitions may have one.

use std::path::{Path, PathBuf};

/// Where a statement runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Where {
    Both,
    SqliteOnly,
    PostgresOnly,
}

/// One statement in the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// `src/auth/store.rs:20`
    pub place: String,
    pub sql: String,
    pub runs: Where,
}

/// The files whose statements are in the arms of a `match` over the two databases.
const TWO_DIALECTS: [&str; 4] =
