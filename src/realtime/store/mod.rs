//! The SQL of this room: connection records, messages of topics, names, and whom a change concerned.

pub mod outbox;
pub mod people;
pub mod receipts;
pub mod records;
