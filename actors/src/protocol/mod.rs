//! The words on the wire: ids, message types, frames, positions, close codes and what a tab may say.
//!
//! Nothing here does IO or knows an actor.

pub mod client;
#[cfg(test)]
mod client_properties;
pub mod close;
pub mod envelope;
pub mod frame;
pub mod ids;
pub mod permission;
pub mod position;
pub mod seal;
