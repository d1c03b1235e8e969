//! What nodes say to each other: news to all, questions to some, signals to wherever an account has a tab.
//!
//! All of it is hints (I6): whoever needs to be sure reads the database. [`Post`] carries news and questions for the
//! application, whose words it does not know; signals are the engine's own, and go straight to the registry shard that
//! holds the account (`registry/line.rs`).

mod mail;
mod post;
mod reach;
pub(crate) mod wire;

pub use post::{Correspondent, Gathered, Pieces, Post};
pub(crate) use wire::Signal;
