//! The policy: who may do what, in which order it changed, and how a stale decision is found out.
//! `scope` (epochs, stamps) · `change` (what the log knows) · `effective` (the one computation) · `explain` (the same, with its reasons) · `reach` (what permissions reach: data scopes) · `table` and `apply`
//! (the node's memory, following the log) · `renew` (following another one) · `snapshot` (what is enforced, what is told) · `principal` (the caller) ·
//! `member` (accounts and sessions in use) · `memo` (what accounts share) · `timed` (grants with time limits) · `store` (SQL). It knows no routes, no sockets and none of the areas.

mod apply;
mod bits;
mod catalogue;
mod change;
pub mod effective;
pub mod explain;
mod member;
mod memo;
mod naming;
mod principal;
#[cfg(test)]
mod properties;
pub mod reach;
mod renew;
mod scope;
mod snapshot;
pub mod store;
mod table;
pub mod timed;

pub use bits::Bits;
pub use catalogue::{Catalogue, Permission};
pub use change::{Edit, NoticeAudience, PolicyChange, raised};
pub use effective::{
    AccountFacts, At, GrantHolder, HolderId, Obstacle, PolicyFacts, SYSTEM_ADMIN, Standing, View,
};
pub use livegrant_actors::EndCode;
pub use member::{Member, SessionEntry};
pub use principal::{Origin, Principal};
pub use reach::{DataScope, Reach};
pub use scope::{Scope, Stamp, lock_key};
pub use snapshot::{Snapshot, short_hash};
pub use store::LogRow;
pub use table::PolicyTable;
