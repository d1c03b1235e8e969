//! The engine over real loopback sockets: what a tab sees, with an injected clock.

mod changes;
mod endings;
mod receipts;
mod slow;
mod support;
mod tabs;
mod upkeep;
mod wire;
