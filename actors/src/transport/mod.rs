//! Bytes in, bytes out, close: how a tab's socket is held.
//!
//! The gateway uses [`ws::handshake`] and [`ws::accept`]; everything else is the session actor's.
//! No task, channel, timer or buffer a tab.

#[cfg(feature = "bare")]
pub mod echo;
#[cfg(not(feature = "bare"))]
pub(crate) mod inbound;
#[cfg(feature = "bare")]
pub mod inbound;
pub(crate) mod socket;
pub mod ws;
