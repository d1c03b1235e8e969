//! Access: roles, the permissions of roles and positions, who holds what and why.
//! Rules in `model.rs`, `check.rs` and `dominance.rs`, SQL in `store.rs`, one use case a file, HTTP in `http/`.

pub mod account_role;
pub mod account_roles;
pub mod builtin;
pub mod dominance;
pub mod http;
pub mod init;
pub mod last_administrator;
pub mod model;
pub mod role_permissions;
pub mod roles;
pub mod store;
