//! A cluster of real processes for tests: nodes, their database, the links between them that can be broken, clients that
//! note everything, and the checkers that decide from the notes and from the database.
//!
//! A test binary takes it in with `#[path = "../support/nodes/mod.rs"] mod nodes;`, under this name: [`unfenced`] is
//! found by it.

#![allow(dead_code, clippy::allow_attributes, reason = "each binary uses a part")]

#[path = "../dice.rs"]
pub mod dice;

pub mod caller;
pub mod check;
pub mod cluster;
pub mod faults;
pub mod folder;
pub mod history;
pub mod people;
pub mod ports;
pub mod postgres;
pub mod process;
pub mod proxy;
pub mod redis;
pub mod report;
pub mod scenes;
pub mod tab;
pub mod truth;
pub mod unfenced;
pub mod wait;
pub mod watchdog;
pub mod workload;
