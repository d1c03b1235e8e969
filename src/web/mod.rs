//! The web: every route in one place, what a request is turned into, and what an answer looks like.
//! `problem.rs` alone knows HTTP status codes of refusals; handlers parse, call one use case and answer.

pub mod answer;
pub mod browser;
pub mod connection;
pub mod connections;
pub mod cookies;
pub mod denials;
pub mod etag;
pub mod extract;
pub mod idempotency;
pub mod in_flight;
pub mod methods;
pub mod openapi;
pub mod operations;
pub mod page;
pub mod problem;
pub mod request;
pub mod routes;
pub mod slashes;
pub mod unread;
