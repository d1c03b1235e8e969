//! The cluster: which nodes there are and what only one of them does at a time.
//! Nodes meet in the database, whose clock alone is compared; the bus carries hints (I6).

pub mod jobs;
pub mod members;
pub mod store;
