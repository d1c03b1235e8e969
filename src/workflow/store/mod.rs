//! The SQL of workflows.

pub mod definitions;
pub mod numbers;
pub mod substitutes;
