//! The cluster: which nodes there are and what only one of them does at a time.
//! Nodes meet in the database, whose clock alone is compared; the bus carries hints (I6).

mod bus;
pub mod http;
pub mod jobs;
pub mod members;
pub mod store;

pub use bus::bus;
