//! The routes of access: roles, grants, the catalogue, checks and the logs; parse, call one use case, answer.

pub mod account_roles;
pub mod catalogue;
pub mod check;
pub mod logs;
pub mod own;
pub mod roles;
pub mod system;

use serde::Deserialize;
use utoipa::IntoParams;

/// Whether to delete although somebody holds it.
#[derive(Debug, Deserialize, IntoParams)]
pub struct ForceQuery {
    /// Take it from its holders.
    #[serde(default)]
    pub(crate) force: bool,
}
