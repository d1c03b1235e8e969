//! The sockets of the running application, seen from the tabs.

#[path = "../support/mod.rs"]
mod support;
