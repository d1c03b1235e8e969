//! The SQL of this room: connection records, and whom a change concerned.

pub mod receipts;
pub mod records;
