//! The workflow engine: definitions as data, instances that people decide on, timers.
//! A definition is a tree of sequences (`graph.rs`), so every graph that can be written can be finished: a branch always
//! comes back to where it split. What a definition may say is checked before it is published (`validate.rs`); who is asked
//! is found out in one place (`assignees/`), for the preview and for the run alike.

pub mod add_sign;
pub mod assignees;
pub mod batch;
pub mod business;
pub mod check;
pub mod comment;
pub mod condition;
pub mod copy;
pub mod decide;
pub mod definitions;
pub mod delegate;
pub mod expression;
pub mod form;
pub mod graph;
pub mod handover;
pub mod http;
pub mod instance;
pub mod lists;
pub mod logs;
pub mod number;
pub mod outcome;
pub mod people;
pub mod picture;
pub mod preview;
pub mod remind;
pub mod remove_sign;
pub mod resubmit;
pub mod running;
pub mod send_back;
pub mod shipped;
pub mod start;
pub mod stats;
pub mod store;
pub mod substitutes;
pub mod take_back;
pub mod template;
pub mod terminate;
pub mod timers;
pub mod title;
pub mod transfer;
pub mod trigger;
pub mod validate;
pub mod variables;
pub mod view;
pub mod walk;
pub mod withdraw;
