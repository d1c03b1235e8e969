//! Sending to people by hand: `NotifyPositionChange` (S0-30, S0-36), `NotifyApproval` (S0-32, S0-38), a message (S0-43), each
//! a plain use case that REST and MCP call alike (S0-9). Recipients are of the caller's company and lie in the data scope of
//! his permission (FC7). Under a key of the sender's own a second call sends nothing and answers the first notice (FN18).

use super::audience::{Audience, AudienceIn, named};
use super::model::{NoticeKind, approval_state, check_link, check_words};
use super::once::{Once, RequestKey};
use super::post::{Notice, ToAuthor, post};
use super::store::broadcasts as store;
use crate::access::scope;
use crate::core::Core;
use crate::hr::resolve::is_caller;
use crate::policy::{DataScope, Principal};
use crate::refusal::Refusal;
use crate::text::check_text;
use livegrant_actors::AccountId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

/// Whom to tell, one or several; guids of accounts or of staff records.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum Guids {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl Guids {
    fn list(&self) -> &[String] {
        match self {
            Self::One(guid) => std::slice::from_ref(guid),
            Self::Many(guids) => guids,
        }
    }
}

/// What became of a sending.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SentOut {
    /// The notice; its delivery is at `/api/v1/notifications/sent/{id}/delivery`.
    pub id: i64,
    /// The id that every copy carries.
    pub message_id: String,
    /// For how many people it is.
    pub recipients: i64,
    /// False: it had been sent under this key before.
    pub changed: bool,
}

/// A position change to tell (S0-36).
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct PositionChangeIn {
    /// Whom to tell: one guid, or a list.
    pub staff_guid: Option<Guids>,
    /// The same.
    pub staff_guids: Option<Vec<String>>,
    /// One line.
    pub title: String,
    /// The text.
    pub content: String,
    /// What it was called before.
    pub old_position: String,
    /// What it is called now.
    pub new_position: String,
    /// For example `晋升` (S0-37).
    pub change_type: Option<String>,
    /// Where a click leads.
    pub link: Option<String>,
    /// A second call under this key sends nothing.
    #[serde(alias = "idempotency_key")]
    pub idempotency_key: Option<String>,
    /// Account or staff guid of the caller; anybody else's is refused (C3).
    #[serde(alias = "operator_guid")]
    pub operator_guid: Option<String>,
}

/// An approval's state to tell (S0-38).
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ApprovalIn {
    /// Whom to tell: one guid, or a list.
    pub staff_guid: Option<Guids>,
    /// The same.
    pub staff_guids: Option<Vec<String>>,
    /// One line.
    pub title: String,
    /// The text.
    pub content: String,
    /// For example `AP2025091210001`.
    pub approval_id: String,
    /// `审批中`, `已通过`, `已拒绝`, `已退回`, `已撤回`, `已取消`, `已超时`, or `pending`, `approved`, `rejected`, `returned`,
    /// `withdrawn`, `cancelled`, `expired`; told as it is written (C27).
    pub approval_state: String,
    /// Who decided, by name.
    pub approver: Option<String>,
    /// Where a click leads.
    pub link: Option<String>,
    /// A second call under this key sends nothing.
    #[serde(alias = "idempotency_key")]
    pub idempotency_key: Option<String>,
    /// Account or staff guid of the caller; anybody else's is refused (C3).
    #[serde(alias = "operator_guid")]
    pub operator_guid: Option<String>,
}

/// A message to people (S0-43): to those named, or to an audience.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct MessageIn {
    /// Whom to tell: one guid, or a list.
    pub staff_guid: Option<Guids>,
    /// The same.
    pub staff_guids: Option<Vec<String>>,
    /// In their place: everybody of a role, position or organisation, now.
    pub audience: Option<AudienceIn>,
    /// One line.
    pub title: String,
    /// The text.
    pub content: String,
    /// Where a click leads.
    pub link: Option<String>,
    /// Filters the list.
    pub tag: Option<String>,
    /// A second call under this key sends nothing.
    #[serde(alias = "idempotency_key")]
    pub idempotency_key: Option<String>,
    /// Account or staff guid of the caller; anybody else's is refused (C3).
    #[serde(alias = "operator_guid")]
    pub operator_guid: Option<String>,
}

/// `NotifyPositionChange`.
pub async fn position_change(
    core: &Core,
    by: &Principal,
    new: &PositionChangeIn,
    request: &RequestKey,
) -> Result<SentOut, Refusal> {
    let scope = scope::require(core, by, "notification:send")?;
    is_caller(core, by, new.operator_guid.as_deref()).await?;
    check(&new.title, &new.content, new.link.as_deref())?;
    let once = request.or(new.idempotency_key.as_deref())?;
    check_text("oldPosition", &new.old_position)?;
    check_text("newPosition", &new.new_position)?;
    let mut notice = Notice::new(NoticeKind::Position.message(), &new.title, &new.content, by.company())
        .with("oldPosition", new.old_position.as_str())
        .with("newPosition", new.new_position.as_str());
    if let Some(change_type) = &new.change_type {
        check_text("changeType", change_type)?;
        notice = notice.with("changeType", change_type.as_str());
    }
    notice.link.clone_from(&new.link);
    let to = recipients(core, by, &scope, new.staff_guid.as_ref(), new.staff_guids.as_deref()).await?;
    send(core, by, &to, notice, &once).await
}

/// `NotifyApproval`.
pub async fn approval(
    core: &Core,
    by: &Principal,
    new: &ApprovalIn,
    request: &RequestKey,
) -> Result<SentOut, Refusal> {
    let scope = scope::require(core, by, "notification:send")?;
    is_caller(core, by, new.operator_guid.as_deref()).await?;
    check(&new.title, &new.content, new.link.as_deref())?;
    let once = request.or(new.idempotency_key.as_deref())?;
    approval_state(&new.approval_state)?;
    check_text("approvalId", &new.approval_id)?;
    if new.approval_id.trim().is_empty() {
        return Err(Refusal::invalid("approvalId", "invalid", "1 to 200 characters"));
    }
    let mut notice = Notice::new(NoticeKind::Approval.message(), &new.title, &new.content, by.company())
        .with("approvalId", new.approval_id.as_str())
        .with("approvalState", new.approval_state.as_str());
    if let Some(approver) = &new.approver {
        check_text("approver", approver)?;
        notice = notice.with("approver", approver.as_str());
    }
    notice.link.clone_from(&new.link);
    let to = recipients(core, by, &scope, new.staff_guid.as_ref(), new.staff_guids.as_deref()).await?;
    send(core, by, &to, notice, &once).await
}

/// A message (E28).
pub async fn message(
    core: &Core,
    by: &Principal,
    new: &MessageIn,
    request: &RequestKey,
) -> Result<SentOut, Refusal> {
    let scope = scope::require(core, by, "notification:send")?;
    is_caller(core, by, new.operator_guid.as_deref()).await?;
    check(&new.title, &new.content, new.link.as_deref())?;
    let once = request.or(new.idempotency_key.as_deref())?;
    let author = by.author();
    let mut notice = Notice::new(NoticeKind::Message.message(), &new.title, &new.content, by.company())
        .with("from", json!({ "id": author.account.0, "name": author.name }));
    notice.link.clone_from(&new.link);
    if let Some(tag) = &new.tag {
        check_text("tag", tag)?;
        notice.tag.clone_from(tag);
    }
    let to = match &new.audience {
        None => recipients(core, by, &scope, new.staff_guid.as_ref(), new.staff_guids.as_deref()).await?,
        Some(_) if new.staff_guid.is_some() || new.staff_guids.is_some() => {
            return Err(Refusal::invalid("audience", "invalid", "either people are named, or an audience"));
        }
        Some(audience) => {
            if ["all", "company"].contains(&audience.kind.as_str()) {
                let detail = "a message is for a role, position or organization; send a broadcast";
                return Err(Refusal::invalid("audience.kind", "invalid", detail));
            }
            let audience = Audience::parse(core, by, &scope, Some(audience)).await?;
            // In the feed of those who get it: a platform administrator writes to other companies too.
            notice.company = audience.company;
            let to = audience.people(core).await?;
            if to.is_empty() {
                return Err(Refusal::invalid("audience", "invalid", "nobody is in this audience"));
            }
            to
        }
    };
    send(core, by, &to, notice, &once).await
}

fn check(title: &str, content: &str, link: Option<&str>) -> Result<(), Refusal> {
    check_words(title, content)?;
    link.map_or(Ok(()), check_link)
}

async fn recipients(
    core: &Core,
    by: &Principal,
    scope: &DataScope,
    one: Option<&Guids>,
    many: Option<&[String]>,
) -> Result<Vec<AccountId>, Refusal> {
    match (one, many) {
        (Some(guids), None) => {
            let field = if let Guids::One(_) = guids { "staffGuid" } else { "staffGuids" };
            named(core, by, scope, field, guids.list()).await
        }
        (None, Some(guids)) => named(core, by, scope, "staffGuids", guids).await,
        (None, None) => Err(Refusal::invalid("staffGuid", "invalid", "nobody is named")),
        (Some(_), Some(_)) => {
            Err(Refusal::invalid("staffGuids", "invalid", "either staffGuid or staffGuids"))
        }
    }
}

async fn send(
    core: &Core,
    by: &Principal,
    to: &[AccountId],
    mut notice: Notice,
    once: &Once,
) -> Result<SentOut, Refusal> {
    let kind = notice.kind.event();
    if let Some(first) = before(core, by, once, [kind, &notice.title, &notice.content]).await? {
        return Ok(first);
    }
    notice.idempotency_key = once.key().map(str::to_owned);
    // Who names himself wants to be told.
    notice.to_author = ToAuthor::Yes;
    let mut work = core.db.begin(&by.author()).await?;
    once.renew(&mut work).await?;
    let message_id = post(&mut work, to, notice);
    work.audit("notification_send", kind, &message_id, "notification:send").await?;
    work.commit(&by.stamp()).await?;
    let mut conn = core.db.read().await?;
    let sent = store::sent_as(&mut conn, &message_id).await?;
    let sent = sent.ok_or(Refusal::NotFound { what: "notification" })?;
    let recipients = store::fate(&mut conn, sent.id).await?.sent;
    Ok(SentOut { id: sent.id, message_id: sent.message_id, recipients, changed: true })
}

/// Finds what was sent under the key before.
async fn before(
    core: &Core,
    by: &Principal,
    once: &Once,
    words: [&str; 3],
) -> Result<Option<SentOut>, Refusal> {
    let Some(sent) = once.before(core, by, words).await? else { return Ok(None) };
    let mut conn = core.db.read().await?;
    let recipients = if sent.audience == "accounts" {
        store::fate(&mut conn, sent.id).await?.sent
    } else {
        store::broadcast_fate(&mut conn, sent.id).await?.sent
    };
    Ok(Some(SentOut { id: sent.id, message_id: sent.message_id, recipients, changed: false }))
}
