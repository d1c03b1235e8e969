//! Clients that mean harm, against the running application: what they get, what they cost, and that nobody else notices.
//!
//! Each is closed and counted, memory stays within a bound, and an honest client is served meanwhile. The tests run one
//! after another, because they measure the memory of the process that they share.

#[path = "../support/mod.rs"]
mod support;

mod connections;
mod floods;
mod memory;
mod slow;
mod wire;
mod world;
