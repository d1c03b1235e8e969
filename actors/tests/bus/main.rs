//! The bus over real Redis servers, which the tests start, kill, stop and bring back: single, Sentinel and Cluster.
//!
//! They need Debian's `redis-server` and fail without it. Every wait is for a condition; no test asserts a time.

mod cluster;
mod foreign;
mod outage;
mod sentinel;
mod server;
mod slow;
mod standalone;
mod support;
