//! The words of inboxes on the wire: from what was committed to what tabs are told (E25, E26). Pure.

use crate::db::Mail;
use crate::inbox::feed::Standing;
use crate::inbox::lists::Item;
use crate::inbox::mailbox::CameTo;
use livegrant_actors::{AccountId, Content, InboxEvent, MessageType, Operator};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Makes what tabs are told of a commit.
pub fn content(mail: &Mail, now: i64) -> Arc<Content> {
    let event = mail.event.as_ref();
    Arc::new(Content {
        notification: event.map_or(0, |event| event.notification),
        event: event.map(|event| InboxEvent {
            kind: event.kind,
            data: Arc::clone(&event.data),
            operator: event.operator.clone(),
            message_id: Arc::clone(&event.message_id),
        }),
        change: mail.change.as_ref().and_then(raw),
        accepted_at: now,
    })
}

/// Makes the event of a notice that is told later, in the same words as at once (`inbox/model.rs`); `None`: of a type that this version does not know.
pub fn event(came: &CameTo) -> Option<(i64, InboxEvent)> {
    let mut data = came.payload.0.clone();
    data.insert("title".to_owned(), json!(came.title));
    data.insert("content".to_owned(), json!(came.content));
    data.insert("id".to_owned(), json!(came.id));
    if let Some(link) = &came.link {
        data.insert("link".to_owned(), json!(link));
    }
    if came.count > 1 {
        data.insert("count".to_owned(), json!(came.count));
    }
    if !came.actions.is_empty() {
        data.insert("actions".to_owned(), json!(*came.actions));
    }
    let operator = (came.sender_id != 0)
        .then(|| Operator { id: AccountId(came.sender_id), name: came.sender_name.as_str().into() });
    let kind = MessageType::of_event(&came.kind)?;
    let message_id = came.told_as().into();
    Some((came.rev, InboxEvent { kind, data: raw(&data)?, operator, message_id }))
}

/// How an inbox stands, for tabs that have everything up to `rev`; `change` says what became of what.
pub fn state(
    standing: &Standing,
    rev: i64,
    change: Option<&RawValue>,
) -> Option<(MessageType, Arc<RawValue>)> {
    let mut data: Map<String, Value> = match change {
        Some(change) => serde_json::from_str(change.get()).ok()?,
        None => Map::from_iter([("state".to_owned(), json!("present"))]),
    };
    count(&mut data, standing);
    data.insert("inboxRev".to_owned(), json!(rev));
    Some((MessageType::NotificationState, raw(&data)?))
}

/// A notice that came as lists show it, with the counts.
pub fn item(standing: &Standing, item: &Item) -> Option<(MessageType, Arc<RawValue>)> {
    let mut data = Map::from_iter([("item".to_owned(), serde_json::to_value(item).ok()?)]);
    count(&mut data, standing);
    Some((MessageType::Notification, raw(&data)?))
}

fn count(data: &mut Map<String, Value>, standing: &Standing) {
    data.insert("unseen".to_owned(), json!(standing.unseen));
    data.insert("unread".to_owned(), json!(standing.unread));
    data.insert("rev".to_owned(), json!(standing.state_rev));
}

/// What has become of a notice that came.
pub fn arrived(notification: i64) -> Option<Arc<RawValue>> {
    raw(&json!({"ids": [notification], "state": "new"}))
}

/// The id that every copy of a topic's message carries: its row's.
pub fn signal_id(row: i64) -> Arc<str> {
    format!("outbox-{row}").into()
}

fn raw(data: &impl serde::Serialize) -> Option<Arc<RawValue>> {
    to_raw_value(data)
        .inspect_err(|error| tracing::error!(%error, "a message cannot be written"))
        .ok()
        .map(Arc::from)
}
