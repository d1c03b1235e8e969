//! Why a use case did not do what it was asked: the one error of the layer between the areas and the web.
//! It knows no HTTP status; `web/problem.rs` gives each kind its own.

use crate::db::{CommitError, DbError};
use thiserror::Error;

/// See the head of this file. `code` is stable and machine-readable, `detail` is for people.
#[expect(missing_docs, reason = "each variant's sentence names its fields")]
#[derive(Debug, Error)]
pub enum Refusal {
    /// Nobody is signed in, or the session or token no longer counts.
    #[error("{detail}")]
    Unauthenticated { code: &'static str, detail: String },
    /// The permission is missing (S1-27).
    #[error("{detail}")]
    Denied { permission: String, detail: String },
    /// Known and allowed in general, but not this (origin, own last administrator, builtin rows).
    #[error("{detail}")]
    Forbidden { code: &'static str, detail: String },
    /// There is no such thing, or it lies outside the caller's company.
    #[error("{what} was not found")]
    NotFound { what: &'static str },
    /// A field's value is wrong.
    #[error("{detail}")]
    Invalid { code: &'static str, field: String, detail: String },
    /// The state of things does not allow it now.
    #[error("{detail}")]
    Conflict { code: &'static str, field: Option<String>, detail: String },
    /// Somebody else has done it first (FW32).
    #[error("this was handled already")]
    Handled { by: String, at: Option<i64>, state: &'static str },
    /// The row was changed by someone else since it was read.
    #[error("the row was changed since you read it; read it again")]
    Outdated,
    /// Too many tries.
    #[error("too many tries; wait {retry_after_seconds} s")]
    Throttled { retry_after_seconds: u64 },
    /// Too many offences: streams are refused for a while (S3-118).
    #[error("streams are refused here after too many offences; wait {retry_after_seconds} s")]
    Banned { retry_after_seconds: u64 },
    /// Something that this rests on is away; trying again later may help.
    #[error("{detail}")]
    Unavailable { code: &'static str, detail: String },
    /// The fence: permissions changed between the check and the commit (I3). Runs again with what holds now.
    #[error("your permissions changed while this was being saved; nothing was written")]
    Stale,
    /// The database asked for another run.
    #[error("the database was too busy; nothing was written")]
    Again,
    /// A defect; the cause is logged and never answered.
    #[error("internal failure")]
    Defect(#[source] anyhow::Error),
}

impl Refusal {
    /// The permission is missing.
    pub fn denied(permission: &str) -> Self {
        Self::Denied {
            permission: permission.to_owned(),
            detail: format!("this needs the permission {permission}"),
        }
    }

    /// The session was ended or has expired.
    pub fn session_ended() -> Self {
        Self::Unauthenticated {
            code: "session_revoked",
            detail: "the session has ended; sign in again".to_owned(),
        }
    }

    /// The node cannot prove that its policy is current (I7).
    pub fn lease_lost() -> Self {
        Self::Unavailable {
            code: "policy_unproven",
            detail: "this node cannot prove that its policy is current".to_owned(),
        }
    }

    /// A field's value is wrong.
    pub fn invalid(field: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Self {
        Self::Invalid { code, field: field.into(), detail: detail.into() }
    }

    /// The state of things does not allow it.
    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::Conflict { code, field: None, detail: detail.into() }
    }

    /// Turns a duplicate key into a conflict that names the field.
    pub fn on_duplicate(field: &'static str) -> impl Fn(DbError) -> Self {
        move |error| match error {
            DbError::Duplicate => Self::Conflict {
                code: "already_exists",
                field: Some(field.to_owned()),
                detail: format!("this {field} is taken"),
            },
            other => other.into(),
        }
    }
}

impl From<DbError> for Refusal {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Duplicate => Self::conflict("already_exists", "this already exists"),
            DbError::Reference => {
                Self::conflict("in_use", "something else still refers to this, or what it refers to is gone")
            }
            DbError::BadText => {
                Self::invalid("request", "invalid", "a text has a character that cannot be stored")
            }
            DbError::Again => Self::Again,
            DbError::Unavailable(cause) => {
                tracing::warn!(cause, "database unavailable");
                Self::Unavailable {
                    code: "database_unavailable",
                    detail: "the database is not reachable".to_owned(),
                }
            }
            DbError::Schema(_) | DbError::Defect(_) => Self::Defect(error.into()),
        }
    }
}

impl From<CommitError> for Refusal {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Stale => Self::Stale,
            CommitError::Db(error) => error.into(),
        }
    }
}
