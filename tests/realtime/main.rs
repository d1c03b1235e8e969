//! The sockets of the running application, seen from the tabs: what opens one, what reaches it, what ends it.

#[path = "../support/mod.rs"]
mod support;

mod approvals;
mod audience;
mod bans;
mod converging;
mod data_scopes;
mod debug;
mod endings;
mod expiry;
mod failover;
mod frames;
mod handshake;
mod inbox;
mod inbox_badge;
mod inbox_later;
mod jobs;
mod kick;
mod kick_races;
mod leave;
mod nodes;
mod order;
mod people;
mod personnel;
mod presence;
mod protocol;
mod recall;
mod receipts;
mod recipients;
mod records;
mod shared_view;
mod streams;
mod timed;
mod timers;
mod triggers;
