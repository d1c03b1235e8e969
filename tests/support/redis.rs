//! The Redis servers of the tests: the same as those of the bus.

#[path = "../../actors/tests/bus/server.rs"]
mod server;

pub use self::server::{Server, cluster, follows, is_whole, wait_until, watched};
