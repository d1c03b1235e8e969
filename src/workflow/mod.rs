//! The workflow engine: definitions as data, instances that people decide on, timers.
//! A definition is a tree of sequences (`graph.rs`), so every graph that can be written can be finished: a branch always
//! comes back to where it split. What a definition may say is checked before it is published (`validate.rs`); who is asked
//! is found out in one place (`assignees/`), for the preview and for the run alike.

pub mod assignees;
pub mod condition;
pub mod definitions;
pub mod expression;
pub mod form;
pub mod graph;
pub mod number;
pub mod people;
pub mod store;
pub mod substitutes;
pub mod variables;
pub mod walk;
