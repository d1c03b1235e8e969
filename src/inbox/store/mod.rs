//! The SQL of the inbox. Statements over lists of accounts or ids are in `db/bulk_inbox.rs`.

pub mod broadcasts;
pub mod due;
pub mod lists;
pub mod moves;
pub mod preferences;
