//! The engine over real loopback sockets: what a tab sees, with an injected clock.

mod changes;
mod client;
mod endings;
mod mail;
mod merging;
mod nodes;
mod receipts;
mod slow;
mod support;
mod tabs;
mod transports;
mod upkeep;
mod wire;
