//! The routes for whoever looks for a fault: a message to one's own tabs, and one message followed to each tab (S3-135).
//! An echo is no change: it takes no revision, is stored nowhere, and reaches nobody but the caller.

use super::push::{check_severity, check_words};
use crate::clock::iso;
use crate::core::Core;
use crate::policy::{Principal, store};
use crate::realtime::nodes::questions;
use crate::refusal::Refusal;
use crate::text::check_text;
use crate::web::extract::{Body, Caller};
use crate::web::problem::{Answer, ProblemBody};
use actix_web::{HttpResponse, get, post, web};
use livegrant_actors::{AccountId, Audience, MessageType, Operator, Publication, TracedMessage, TracedTab};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// The permission for all of this.
const DEBUG: &str = "debug:use";

/// The types that carry a title and a content, by the names of their events (S0-15 to S0-18).
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EchoType {
    /// A person's position changed.
    PositionChange,
    /// An approval moved on.
    ApprovalNotice,
    /// A message from somebody.
    MessageNotification,
    /// A notice to read.
    SystemNotification,
}

impl From<EchoType> for MessageType {
    fn from(kind: EchoType) -> Self {
        match kind {
            EchoType::PositionChange => Self::PositionChange,
            EchoType::ApprovalNotice => Self::ApprovalNotice,
            EchoType::MessageNotification => Self::MessageNotification,
            EchoType::SystemNotification => Self::SystemNotice,
        }
    }
}

/// A message to one's own tabs; each field travels as it is, and one that is not given does not travel.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct EchoIn {
    /// Its type.
    #[serde(rename = "type", skip_serializing)]
    kind: EchoType,
    /// One line.
    title: String,
    /// The text.
    content: String,
    /// The position before (S0-31).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    old_position: Option<String>,
    /// The position now (S0-31).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    new_position: Option<String>,
    /// For example `晋升` (S0-37).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    change_type: Option<String>,
    /// For example `AP2025091210001` (S0-33).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    approval_id: Option<String>,
    /// For example `已通过` (S0-33).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    approval_state: Option<String>,
    /// The approver's name (S0-38).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    approver: Option<String>,
    /// For example `维护` (S0-35).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    category: Option<String>,
    /// `信息`, `警告`, `严重` or `info`, `warning`, `critical` (C27).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    severity: Option<String>,
}

impl EchoIn {
    fn check(&self) -> Result<(), Refusal> {
        check_words(&self.title, &self.content)?;
        let texts = [
            ("oldPosition", &self.old_position),
            ("newPosition", &self.new_position),
            ("changeType", &self.change_type),
            ("approvalId", &self.approval_id),
            ("approvalState", &self.approval_state),
            ("approver", &self.approver),
            ("category", &self.category),
        ];
        for (field, text) in texts {
            check_text(field, text.as_deref().unwrap_or_default())?;
        }
        self.severity.as_deref().map_or(Ok(()), check_severity)
    }
}

/// What an echo answers.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Echoed {
    /// The id that the message carries, for `GET /api/v1/debug/trace/{messageId}`.
    message_id: String,
}

/// Sends a message to the caller's own tabs and to nobody else; needs `debug:use`. Tabs that do not take its type are
/// passed over, as always.
#[utoipa::path(tag = "debug", request_body = EchoIn, responses(
    (status = 200, body = Echoed), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody)))]
#[post("/api/v1/debug/echo")]
pub async fn post_echo(core: web::Data<Core>, Caller(by): Caller, Body(echo): Body<EchoIn>) -> Answer {
    by.require(DEBUG)?;
    echo.check()?;
    let message_id: Arc<str> = core.clock.message_id();
    let defect = |error: anyhow::Error| Refusal::Defect(error);
    let data = serde_json::value::to_raw_value(&echo).map_err(|error| defect(error.into()))?;
    let author = by.author();
    let publication = Publication {
        kind: echo.kind.into(),
        topic: None,
        audience: Audience::Accounts(Arc::from([by.account()])),
        data: Arc::from(data),
        operator: Some(Operator { id: author.account, name: author.name.into() }),
        message_id: Some(Arc::clone(&message_id)),
    };
    core.engine.publish(publication).await.map_err(|error| defect(error.into()))?;
    Ok(HttpResponse::Ok().json(Echoed { message_id: message_id.to_string() }))
}

/// What became of a message at one tab.
#[derive(Debug, Serialize, ToSchema)]
pub struct TracedTabOut {
    connection_id: String,
    /// `websocket`, `sse` or `poll`.
    transport: &'static str,
    /// `written`, `waiting`, `coalesced` (a snapshot told it), `dropped` or `closed` (the tab is gone).
    state: String,
    /// The tab said that it applied the message's revision, or a later one.
    acknowledged: bool,
}

impl From<TracedTab> for TracedTabOut {
    fn from(tab: TracedTab) -> Self {
        let TracedTab { connection, transport, state, acknowledged } = tab;
        Self {
            connection_id: connection.to_string(),
            transport: transport.label(),
            state: state.into_owned(),
            acknowledged,
        }
    }
}

/// The change that a message told.
#[derive(Debug, Serialize, ToSchema)]
pub struct TracedChange {
    rev: i64,
    /// The request that made it, as in the logs.
    request_id: String,
    /// Committed at, ISO 8601.
    accepted_at: String,
    /// Enforced on this node at, ISO 8601; null when its receipt is no longer kept.
    enforced_at: Option<String>,
}

/// What became of a message.
#[derive(Debug, Serialize, ToSchema)]
pub struct TraceOut {
    message_id: String,
    #[serde(rename = "type")]
    kind: &'static str,
    account_id: i64,
    username: String,
    /// Made at, ISO 8601.
    made_at: String,
    /// Null for a message that told no change.
    change: Option<TracedChange>,
    /// The tabs that it was for.
    tabs: Vec<TracedTabOut>,
}

async fn trace(core: &Core, by: &Principal, message_id: &str) -> Result<TraceOut, Refusal> {
    by.require(DEBUG)?;
    let missing = || Refusal::NotFound { what: "message" };
    let traced = questions::trace(core, message_id).await.ok_or_else(missing)?;
    let TracedMessage { message_id, account, kind, rev, at, tabs } = traced;
    let username = of_company(core, by, account).await?.ok_or_else(missing)?;
    tracing::info!(event = "authz_admin", account = by.account().0, %message_id, "message traced");
    let change = match rev {
        None => None,
        Some(rev) => store::log_at(&mut core.db.read().await?, rev).await?.map(|row| TracedChange {
            rev: rev.0,
            request_id: row.request_id,
            accepted_at: iso(row.at),
            enforced_at: core.engine.receipt(rev).and_then(|receipt| receipt.applied_at).map(iso),
        }),
    };
    Ok(TraceOut {
        message_id: message_id.to_string(),
        kind: kind.label(),
        account_id: account.0,
        username,
        made_at: iso(at),
        change,
        tabs: tabs.into_iter().map(Into::into).collect(),
    })
}

/// Answers the login name of an account that the caller may know of.
async fn of_company(core: &Core, by: &Principal, account: AccountId) -> Result<Option<String>, Refusal> {
    let member = core.policy.member(account).await?;
    let facts = member.map(|member| member.facts());
    let ours = facts.filter(|facts| facts.company == by.company() || by.is_platform());
    Ok(ours.map(|facts| facts.username.to_string()))
}

/// Follows one message to each of its tabs; needs `debug:use`. The last 1,024 messages of each thread are remembered;
/// control messages (heartbeats, checkpoints and the like) are not. Other companies' messages are not found.
#[utoipa::path(tag = "debug", params(("messageId" = String, Path)), responses(
    (status = 200, body = TraceOut), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody)))]
#[get("/api/v1/debug/trace/{messageId}")]
pub async fn get_trace(core: web::Data<Core>, Caller(by): Caller, id: web::Path<String>) -> Answer {
    Ok(HttpResponse::Ok().json(trace(&core, &by, &id).await?))
}
