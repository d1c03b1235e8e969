//! The Model Context Protocol at `/mcp` (S0-10, C7): the tools are thin adapters over the use cases that the REST routes
//! call (S0-9), so checks, events and the audit are the same. Sessions of the protocol are not kept: every request brings
//! its token, is answered by any node, and is over with its answer (`docs/adr/0016-mcp-without-sessions.md`).
//!
//! No tool has SQL or a rule of its own. What the protocol itself asks for is done by the official SDK, `rmcp`.

pub mod audit;
pub mod bridge;
pub mod call;
pub mod clients;
pub mod door;
pub mod handler;
pub mod http;
pub mod model;
pub mod once;
pub mod outcome;
pub mod rate;
pub mod schema;
pub mod scope;
pub mod store;
pub mod tool;
pub mod tools;
