//! The SQL of workflows.

pub mod copies;
pub mod definitions;
pub mod instances;
pub mod lists;
pub mod logs;
pub mod numbers;
pub mod stats;
pub mod substitutes;
pub mod tasks;
pub mod timers;
