//! Access: roles, the permissions of roles and positions, who holds what and why.
//! Rules without IO in the models, `check.rs`, `menus.rs` and `csv.rs`, SQL in `store/`, one use case a file, HTTP in `http/`.

pub mod about;
pub mod account_role;
pub mod account_roles;
pub mod builtin;
pub mod catalogue;
pub mod check;
pub mod check_access;
pub mod csv;
pub mod demo;
pub mod dominance;
pub mod explain;
pub mod holders;
pub mod http;
pub mod init;
pub mod last_administrator;
pub mod loadtest;
pub mod logs;
pub mod menus;
pub mod model;
pub mod permission_model;
pub mod review;
pub mod role_permissions;
pub mod roles;
pub mod scope;
pub mod store;
