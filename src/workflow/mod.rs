//! The workflow engine: definitions as data, instances that people decide on, timers.
//! A definition is a tree of sequences (`graph.rs`), so every graph that can be written can be finished: a branch always
//! comes back to where it split.

pub mod graph;
