//! What the application asks the engine to carry to tabs.
//!
//! A change is told after it is committed and enforced (I8). It names an audience, never sockets.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::protocol::envelope::{EndCode, MessageType, NoticeView, Operator};
use crate::protocol::ids::{AccountId, Holder, Rev, SessionId};

/// One committed change.
#[derive(Clone, Debug)]
pub struct Change {
    /// Its place in the policy log.
    pub rev: Rev,
    /// When it was committed, UTC ms.
    pub accepted_at: i64,
    /// Who made it.
    pub operator: Option<Operator>,
    /// Why, in words that go into the frames.
    pub reason: Arc<str>,
    /// What it does to the audience's tabs.
    pub effect: Effect,
    /// Whom it may concern.
    pub audience: Audience,
}

/// What a change does to tabs.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Compare each state with the last one sent and tell the difference.
    Refresh {
        /// Tell everyone the whole state even if it did not change (S3-29).
        always: bool,
    },
    /// End sessions and close their tabs (I12).
    EndSessions {
        /// The sessions; `None` means all of the account.
        sids: Option<Vec<SessionId>>,
        /// A session to spare.
        keep: Option<SessionId>,
        /// Why, for programs.
        code: EndCode,
        /// Why, for people.
        reason: Arc<str>,
    },
    /// Show a notice.
    Notice(NoticeView),
    /// Tell the present state again.
    Repush(RepushKind),
}

/// Which message to tell again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RepushKind {
    /// `PERMISSION_UPDATE`.
    PermissionUpdate,
    /// `ROLE_CHANGE`.
    RoleChange,
}

/// Whom a change may concern.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// These accounts.
    Accounts(Arc<[AccountId]>),
    /// Online accounts with this grant holder.
    Holder(Holder),
    /// Online accounts with at least one of these grant holders.
    AnyOf(Arc<[Holder]>),
    /// All online accounts.
    Everyone,
}

/// A message that is no change: it takes no revision, has no receipt and is lost with its tab.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Publication {
    /// Its type.
    pub kind: MessageType,
    /// Only tabs that listen to this topic hear it; needed for types of [`Group::Topic`](crate::Group).
    pub topic: Option<Arc<str>>,
    /// Whom it may concern.
    pub audience: Audience,
    /// `data`, a JSON object.
    pub data: Arc<RawValue>,
    /// Who sent it.
    pub operator: Option<Operator>,
    /// The message's id, if every copy of it is to carry the same. Else each account gets its own.
    pub message_id: Option<Arc<str>>,
}
