//! Three nodes, their database and everyone's tabs while things break at random: the checkers decide, and each checker
//! has a control in which a defence is off and it must find what is broken.
//!
//! `make chaos SEED=… MINUTES=…` runs the schedule for as long as one likes; here it is bounded. Without a seed one is
//! drawn, and printed: given back it makes the same schedule, although not the same interleaving.

#[path = "../support/nodes/mod.rs"]
mod nodes;

mod controls;
mod links;
mod random;
mod verdicts;
