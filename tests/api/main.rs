//! The REST routes of the running application, asked as a client asks them.

#[path = "../support/mod.rs"]
mod support;

mod access;
mod accounts;
mod bad_input;
mod cookies;
mod described;
mod hr;
mod inbox;
mod leave;
mod mcp;
mod passwords;
mod permissions;
mod repeating;
mod signing_in;
mod sway;
mod throttling;
mod tokens;
mod workflow;
