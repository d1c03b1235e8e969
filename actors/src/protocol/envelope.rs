//! The messages a tab receives, as they stand on the wire (S3-23 to S3-26, S0-15 to S0-18).
//!
//! One table of types: [`MessageType`] names each for WebSocket (`type`) and for SSE (`event`, C13) and
//! says who gets it without asking. `data` is encoded on its own so that accounts with equal states
//! share it. Field names here are the contract with the SDK.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::ids::{AccountId, ConnectionId, Rev, SessionId};
use super::permission::{PositionView, RoleView};

/// The type of a message to a tab.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
    /// A person's position changed.
    PositionChange,
    /// An approval moved on.
    ApprovalNotice,
    /// A message from somebody.
    MessageNotification,
    /// The connection is accepted; how it continues what was before (E32).
    Connected,
    /// What a tab that missed nothing knows now (I9).
    Checkpoint,
    /// Something may be missing: fetch it (E33).
    Resync,
    /// The access token ends soon (E34).
    TokenExpiring,
    /// What the tab listens to now.
    Subscribed,
    /// What became of a change so far.
    Receipt,
    /// Who came and who went (E35).
    PresenceAdmin,
    /// A notice came into the inbox (E25).
    Notification,
    /// Something in the inbox changed; absolute counts with their revision (E26).
    NotificationState,
    /// Preferences changed (E31).
    Preference,
    /// A task of a workflow came, went or was decided (E17, E18).
    ApprovalTask,
    /// The organisation changed (E29).
    OrgUpdate,
    /// A leave changed (E21).
    LeaveUpdate,
}

/// Who gets a type of message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Every tab: the four types that a plain client of `/ws/permission` knows (S3-36, C29).
    Plain,
    /// SSE and poll always, a WebSocket that listens to the topic `notifications`.
    Inbox,
    /// SSE and poll always, a WebSocket of the sub-protocol `wsp.v1`.
    Control,
    /// Whoever listens to the message's topic.
    Topic,
}

impl MessageType {
    /// Every type, in the order of the table.
    pub const ALL: [Self; 20] = [
        Self::PermissionUpdate,
        Self::RoleChange,
        Self::ForceLogout,
        Self::SystemNotice,
        Self::PositionChange,
        Self::ApprovalNotice,
        Self::MessageNotification,
        Self::Connected,
        Self::Checkpoint,
        Self::Resync,
        Self::TokenExpiring,
        Self::Subscribed,
        Self::Receipt,
        Self::PresenceAdmin,
        Self::Notification,
        Self::NotificationState,
        Self::Preference,
        Self::ApprovalTask,
        Self::OrgUpdate,
        Self::LeaveUpdate,
    ];

    /// Finds the type with this wire word.
    pub fn labelled(label: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.label() == label)
    }

    /// Finds the type with this SSE event.
    pub fn of_event(event: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.event() == event)
    }

    /// Gives the wire word (`type`), also used as a metric label.
    pub const fn label(self) -> &'static str {
        self.words().0
    }

    /// Gives the name of the SSE event.
    pub const fn event(self) -> &'static str {
        self.words().1
    }

    /// Gives who gets it.
    pub const fn group(self) -> Group {
        self.words().2
    }

    const fn words(self) -> (&'static str, &'static str, Group) {
        match self {
            Self::PermissionUpdate => ("PERMISSION_UPDATE", "permission_update", Group::Plain),
            Self::RoleChange => ("ROLE_CHANGE", "role_change", Group::Plain),
            Self::ForceLogout => ("FORCE_LOGOUT", "force_logout", Group::Plain),
            Self::SystemNotice => ("SYSTEM_NOTICE", "system_notification", Group::Plain),
            Self::PositionChange => ("POSITION_CHANGE", "position_change", Group::Inbox),
            Self::ApprovalNotice => ("APPROVAL_NOTICE", "approval_notice", Group::Inbox),
            Self::MessageNotification => ("MESSAGE_NOTIFICATION", "message_notification", Group::Inbox),
            Self::Connected => ("CONNECTED", "connected", Group::Control),
            Self::Checkpoint => ("CHECKPOINT", "checkpoint", Group::Control),
            Self::Resync => ("RESYNC", "resync", Group::Control),
            Self::TokenExpiring => ("TOKEN_EXPIRING", "token_expiring", Group::Control),
            Self::Subscribed => ("SUBSCRIBED", "subscribed", Group::Control),
            Self::Receipt => ("RECEIPT", "receipt", Group::Topic),
            Self::PresenceAdmin => ("PRESENCE_ADMIN", "presence_admin", Group::Topic),
            Self::Notification => ("NOTIFICATION", "notification", Group::Inbox),
            Self::NotificationState => ("NOTIFICATION_STATE", "notification_state", Group::Inbox),
            Self::Preference => ("PREFERENCE", "preference", Group::Topic),
            Self::ApprovalTask => ("APPROVAL_TASK", "approval_task", Group::Topic),
            Self::OrgUpdate => ("ORG_UPDATE", "org_update", Group::Topic),
            Self::LeaveUpdate => ("LEAVE_UPDATE", "leave_update", Group::Topic),
        }
    }
}

/// Who made a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
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
    /// When it is past, UTC ms; who comes back later is not told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
    /// The id that every copy of it carries (S3-116); `None`: each account gets its own.
    #[serde(skip)]
    pub message_id: Option<Arc<str>>,
}

/// `data` of a `SYSTEM_NOTICE` to everybody.
#[derive(Serialize)]
pub(crate) struct SystemNotice<'a> {
    /// Its place: the revision that it took.
    pub seq: i64,
    #[serde(flatten)]
    pub notice: &'a NoticeView,
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
    pub message_id: &'a str,
    pub operator: Option<&'a Operator>,
    /// Last, so that what stands before it can be taken apart from it (`frame.rs`).
    pub data: &'a RawValue,
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
    pub data_scope_version: Option<&'a str>,
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

/// `data` of a `CONNECTED`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Connected<'a> {
    pub connection_id: &'a ConnectionId,
    pub sid: &'a SessionId,
    pub epoch: &'a str,
    pub rev: Rev,
    pub permission_version: Rev,
    pub hash: &'a str,
    pub inbox_seq: i64,
    pub inbox_rev: Option<i64>,
    /// `current`, `diff` or `snapshot`: how the tab gets from what it had to what holds.
    pub resume: Resumed,
    pub server_time: i64,
    pub expires_at: i64,
    pub heartbeat_seconds: u64,
    pub topics: &'a [Arc<str>],
    pub refused: &'a [Arc<str>],
    /// Base64 of the key of this connection's `hash`, if the client asked for it (C4).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hash_key: Option<String>,
    /// Base64 of the key of encrypted `data`, if payloads are encrypted (C4).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_key: Option<String>,
}

/// How a tab gets from what it had to what holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Resumed {
    Current,
    Diff,
    Snapshot,
}

/// `data` of a `CHECKPOINT`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Checkpoint<'a> {
    pub epoch: &'a str,
    pub rev: Rev,
    pub permission_version: Rev,
    pub hash: &'a str,
    pub inbox_seq: i64,
    pub inbox_rev: Option<i64>,
}

/// `data` of a `RESYNC`: notices from `from` on, up to `to`, may be missing.
#[derive(Serialize)]
pub(crate) struct Resync {
    /// `broadcasts` or `inbox`: whose places `from` and `to` are.
    pub of: &'static str,
    pub from: i64,
    pub to: i64,
    /// `window`: they are older than what is kept; `slow`: the tab did not read.
    pub reason: &'static str,
}

/// `data` of a `TOKEN_EXPIRING`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TokenExpiring {
    pub expires_at: i64,
}

/// `data` of a `SUBSCRIBED`.
#[derive(Serialize)]
pub(crate) struct Subscribed<'a> {
    /// What the tab listens to now.
    pub topics: &'a [Arc<str>],
    /// What it asked for and may not hear, or no longer.
    pub refused: &'a [Arc<str>],
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_type_has_names_of_its_own_and_is_serialised_by_the_first() {
        let labels: HashSet<_> = MessageType::ALL.iter().map(|kind| kind.label()).collect();
        let events: HashSet<_> = MessageType::ALL.iter().map(|kind| kind.event()).collect();
        assert_eq!((labels.len(), events.len()), (MessageType::ALL.len(), MessageType::ALL.len()));
        for kind in MessageType::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.label());
        }
    }

    #[test]
    fn a_plain_socket_knows_exactly_four_types() {
        let plain: Vec<_> = MessageType::ALL
            .into_iter()
            .filter(|kind| kind.group() == Group::Plain)
            .map(MessageType::label)
            .collect();
        assert_eq!(plain, ["PERMISSION_UPDATE", "ROLE_CHANGE", "FORCE_LOGOUT", "SYSTEM_NOTICE"]);
    }
}
