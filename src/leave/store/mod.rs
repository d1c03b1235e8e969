//! The SQL of leave.

pub mod balances;
pub mod days;
pub mod leaves;
pub mod lists;
pub mod people;
pub mod types;
