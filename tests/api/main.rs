//! The REST routes of the running application, asked as a client asks them.

#[path = "../support/mod.rs"]
mod support;
