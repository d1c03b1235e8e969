//! The SQL of this room: connection records, names, and whom a change concerned.

pub mod people;
pub mod receipts;
pub mod records;
