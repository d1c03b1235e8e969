//! The SQL of this room: connection records, and whom a change concerned.

mod receipts;
mod records;

pub use receipts::*;
pub use records::*;
