//! The messages a tab receives, as they stand on the wire (S3-23 to S3-26).
//!
//! One envelope for all four types; `data` is encoded on its own so that accounts with equal
//! states share it. Field names here are the contract with the SDK.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::ids::{AccountId, Rev, SessionId};
use super::permission::{PositionView, RoleView};

/// The type of a message to a tab.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MessageType {
    /// The effective set changed, or is told whole.
    PermissionUpdate,
    /// Roles or positions changed.
    RoleChange,
    /// The session ended.
    ForceLogout,
    /// A notice to read.
    SystemNotice,
}

impl MessageType {
    /// Gives the wire word, also used as a metric label.
    pub const fn label(self) -> &'static str {
        match self {
            Self::PermissionUpdate => "PERMISSION_UPDATE",
            Self::RoleChange => "ROLE_CHANGE",
            Self::ForceLogout => "FORCE_LOGOUT",
            Self::SystemNotice => "SYSTEM_NOTICE",
        }
    }
}

/// Who made a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Operator {
    /// The operator's account.
    pub id: AccountId,
    /// The operator's user name.
    pub name: Arc<str>,
}

/// How a set differs from the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum UpdateType {
    /// Only additions.
    Add,
    /// Only removals.
    Remove,
    /// Anything else; the message holds the whole truth.
    Replace,
}

/// Why a session was ended, for the client to branch on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndCode {
    /// An administrator ended this session.
    SessionKicked,
    /// The account was disabled.
    AccountDisabled,
    /// An administrator set a new password.
    PasswordReset,
    /// The user set a new password elsewhere.
    PasswordChanged,
    /// A refresh token was used twice.
    TokenReuse,
    /// The user signed out.
    Logout,
    /// Every session of the account was ended.
    AllSessionsEnded,
    /// The account opened more sessions than it may have; the oldest ended.
    TooManySessions,
}

impl EndCode {
    /// Gives the code as text, as frames carry it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SessionKicked => "session_kicked",
            Self::AccountDisabled => "account_disabled",
            Self::PasswordReset => "password_reset",
            Self::PasswordChanged => "password_changed",
            Self::TokenReuse => "token_reuse",
            Self::Logout => "logout",
            Self::AllSessionsEnded => "all_sessions_ended",
            Self::TooManySessions => "too_many_sessions",
        }
    }
}

/// A notice as tabs see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NoticeView {
    /// The notice's id.
    pub id: i64,
    /// One line.
    pub title: Arc<str>,
    /// The text.
    pub content: Arc<str>,
    /// The notice's category.
    pub category: Arc<str>,
    /// The notice's severity.
    pub severity: Arc<str>,
}

/// The common outer shape of every message.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Envelope<'a> {
    #[serde(rename = "type")]
    pub kind: MessageType,
    pub user_id: AccountId,
    pub user_guid: &'a str,
    pub timestamp: i64,
    pub data: &'a RawValue,
    pub message_id: &'a str,
    pub operator: Option<&'a Operator>,
}

/// `data` of a `PERMISSION_UPDATE`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PermissionUpdate<'a> {
    pub permissions: &'a [Arc<str>],
    pub roles: &'a [RoleView],
    pub positions: &'a [PositionView],
    pub update_type: UpdateType,
    pub added: &'a [Arc<str>],
    pub removed: &'a [Arc<str>],
    pub reason: &'a str,
    pub epoch: &'a str,
    pub rev: Rev,
    pub prev_rev: Option<Rev>,
    pub permission_version: Rev,
    pub hash: &'a str,
    pub menu_version: &'a str,
}

/// `data` of a `ROLE_CHANGE`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RoleChange<'a> {
    pub roles: &'a [RoleView],
    pub positions: &'a [PositionView],
    pub update_type: UpdateType,
    pub added_roles: &'a [RoleView],
    pub removed_roles: &'a [RoleView],
    pub added_positions: &'a [PositionView],
    pub removed_positions: &'a [PositionView],
    pub reason: &'a str,
    pub rev: Rev,
}

/// `data` of a `FORCE_LOGOUT`.
#[derive(Serialize)]
pub(crate) struct ForceLogout<'a> {
    pub reason: &'a str,
    pub code: EndCode,
    pub at: i64,
    pub sid: &'a SessionId,
}
