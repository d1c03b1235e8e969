//! Notices: the three tools of the first interface, verbatim (S0-30, S0-32, S0-34), messages (S0-43), and one's own inbox.

use crate::inbox::broadcast::{BroadcastIn, BroadcastOut, broadcast};
use crate::inbox::feed::Standing;
use crate::inbox::lists::{self, Filter, Item, feed};
use crate::inbox::marks::{Which, many};
use crate::inbox::model::Move;
use crate::inbox::once::RequestKey;
use crate::inbox::send::{self, ApprovalIn, MessageIn, PositionChangeIn, SentOut};
use crate::mcp::scope::Scope;
use crate::mcp::tool::Kind::{Reads, Writes, WritesOnce};
use crate::mcp::tool::{Nothing, Tool, tool};
use crate::refusal::Refusal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Notices on a page when nobody says how many.
const LIMIT: i64 = 20;
/// The most of them.
const LIMIT_MAX: i64 = 100;

/// Which notices.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct InboxIn {
    /// What lies in the inbox, when absent.
    #[serde(default, deserialize_with = "lists::strict")]
    filter: Option<Filter>,
    /// `nextCursor` of the page before.
    cursor: Option<String>,
    /// 1 to 100; 20 when absent.
    #[schema(minimum = 1, maximum = 100)]
    limit: Option<i64>,
}

/// A page of the inbox, newest first.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct InboxPage {
    /// Where the next page begins; null: there is none.
    next_cursor: Option<String>,
    /// The notices.
    results: Vec<Item>,
    /// Where the whole inbox stands.
    counts: Standing,
}

/// Which notices were read.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ReadIn {
    /// These.
    ids: Option<Vec<i64>>,
    /// Or all that this finds.
    #[serde(default, deserialize_with = "lists::strict")]
    filter: Option<Filter>,
}

impl ReadIn {
    fn which(&self) -> Result<Which, Refusal> {
        match (self.ids.clone(), self.filter.clone()) {
            (Some(ids), None) => Ok(Which::Ids(ids)),
            (None, Some(filter)) => Ok(Which::Found(filter)),
            _ => Err(Refusal::invalid("filter", "invalid", "either ids or a filter")),
        }
    }
}

/// What became of them.
#[derive(Debug, Serialize, ToSchema)]
struct ReadOut {
    /// How many were not read before.
    changed: i64,
    /// Where the whole inbox stands.
    counts: Standing,
}

/// The tools of notices.
pub(super) fn tools() -> Vec<Tool> {
    let mut tools = sending();
    let list = tool::<InboxIn, Nothing, InboxPage, _, _>(
        ("listNotifications", "Read the inbox"),
        "Lists the account's own notices, newest first, with the counts of what is unseen and unread.",
        (Reads, Scope::Notify, &[]),
        |call, asked, _| async move {
            let filter = asked.filter.unwrap_or_default();
            let limit = asked.limit.unwrap_or(LIMIT).clamp(1, LIMIT_MAX);
            let found = feed(&call.core, &call.by, &filter, asked.cursor.as_deref(), limit).await?;
            let results = found.rows.into_iter().map(Item::from).collect();
            Ok(InboxPage { next_cursor: found.next, results, counts: found.standing })
        },
    );
    let mark = tool::<ReadIn, Nothing, ReadOut, _, _>(
        ("markNotificationsRead", "Mark as read"),
        "Marks the account's own notices as read, by ids or by a filter; all its tabs show it.",
        (WritesOnce, Scope::Notify, &[]),
        |call, asked, _| async move {
            let (changed, counts) = call
                .write(move |core, by| {
                    let asked = asked.clone();
                    async move { many(&core, &by, &asked.which()?, Move::Read).await }
                })
                .await?;
            Ok(ReadOut { changed, counts })
        },
    );
    tools.extend([list, mark]);
    tools
}

fn sending() -> Vec<Tool> {
    let position = tool::<Nothing, PositionChangeIn, SentOut, _, _>(
        ("notifyPositionChange", "Tell of a position change"),
        "Tells one person, or a list of them, that a position has changed: position_change with oldPosition, newPosition and \
         changeType. It changes no position: assignStaffPosition does that and tells by itself. Needs notification:send.",
        (Writes, Scope::Notify, &["notification:send"]),
        |call, _, new| {
            let key = RequestKey::of(call.key.as_deref());
            call.write(move |core, by| {
                let (new, key) = (new.clone(), key.clone());
                async move { send::position_change(&core, &by, &new, &key).await }
            })
        },
    );
    let approval = tool::<Nothing, ApprovalIn, SentOut, _, _>(
        ("notifyApproval", "Tell of an approval"),
        "Tells one person, or a list of them, the state of an approval (审批中, 已通过, 已拒绝, 已退回, 已撤回, 已取消, 已超时): \
         approval_notice. It decides nothing: approveTask does that and tells by itself. Needs notification:send.",
        (Writes, Scope::Notify, &["notification:send"]),
        |call, _, new| {
            let key = RequestKey::of(call.key.as_deref());
            call.write(move |core, by| {
                let (new, key) = (new.clone(), key.clone());
                async move { send::approval(&core, &by, &new, &key).await }
            })
        },
    );
    let message = tool::<Nothing, MessageIn, SentOut, _, _>(
        ("notifyMessage", "Send a message"),
        "Sends a message to one person, a list of them, or everybody of a role, position or organisation. Needs \
         notification:send.",
        (Writes, Scope::Notify, &["notification:send"]),
        |call, _, new| {
            let key = RequestKey::of(call.key.as_deref());
            call.write(move |core, by| {
                let (new, key) = (new.clone(), key.clone());
                async move { send::message(&core, &by, &new, &key).await }
            })
        },
    );
    let everybody = tool::<Nothing, BroadcastIn, BroadcastOut, _, _>(
        ("broadcastSystemNotification", "Tell everybody"),
        "Tells everybody of the company, or of an audience, online or not: system_notification with category (for example 维护) \
         and severity (信息, 警告, 严重). dryRun says how many it would reach. Needs notification:broadcast.",
        (Writes, Scope::Notify, &["notification:broadcast"]),
        |call, _, new| {
            let key = RequestKey::of(call.key.as_deref());
            call.write(move |core, by| {
                let (new, key) = (new.clone(), key.clone());
                async move { broadcast(&core, &by, &new, &key).await }
            })
        },
    );
    let named = ["staffGuids", "idempotencyKey", "operatorGuid"];
    vec![
        position.requiring("staffGuid").hiding(&named),
        approval.requiring("staffGuid").hiding(&named),
        message.hiding(&named),
        everybody.hiding(&["idempotencyKey", "operatorGuid"]),
    ]
}
