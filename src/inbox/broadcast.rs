//! Telling everybody (`BroadcastSystemNotification`, S0-34, S0-39, E27): one row, read by everyone of its audience, however
//! many they are (FN16). It takes a revision of the policy log, so that every node shows it in order and a tab that was
//! away gets it. Also what became of something that was sent (FN20).

use super::audience::{Audience, AudienceIn};
use super::model::{NoticeKind, check_link, check_words, severity};
use super::once::RequestKey;
use super::store::broadcasts::{self as store, NewBroadcast};
use crate::access::scope;
use crate::clock::{iso, parse_iso};
use crate::core::Core;
use crate::hr::resolve::is_caller;
use crate::policy::{PolicyChange, Principal};
use crate::refusal::Refusal;
use crate::text::check_text;
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};
use utoipa::ToSchema;

/// A notice to everyone of an audience.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BroadcastIn {
    /// One line.
    pub title: String,
    /// The text.
    pub content: String,
    /// For example `维护`.
    pub category: String,
    /// `信息`, `警告`, `严重` or `info`, `warning`, `critical` (C27); told as it is written.
    pub severity: String,
    /// For whom; without it for everybody whom the caller may reach: his company, or with the platform's rights everyone.
    pub audience: Option<AudienceIn>,
    /// ISO 8601; leaves lists and counts then.
    pub expires_at: Option<String>,
    /// Where a click leads.
    pub link: Option<String>,
    /// A second call under this key sends nothing.
    #[serde(alias = "idempotencyKey")]
    pub idempotency_key: Option<String>,
    /// Account or staff guid of the caller; anybody else's is refused (C3).
    #[serde(rename = "operatorGuid", alias = "operator_guid")]
    pub operator_guid: Option<String>,
    /// True: nothing is sent, and the answer says for how many it would be.
    #[serde(default, alias = "dryRun")]
    pub dry_run: bool,
}

/// What became of a broadcast.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct BroadcastOut {
    /// The notice; absent after a dry run.
    pub id: Option<i64>,
    /// The id of its row.
    pub message_id: Option<String>,
    /// Its place in the policy log, which its receipt is found by.
    pub rev: Option<i64>,
    /// False: nothing was sent, for a dry run or because it had been sent under this key before.
    pub changed: bool,
    /// A dry run says for how many it would be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipients: Option<i64>,
}

/// Sends a broadcast, or with `dry_run` says whom it would reach.
pub async fn broadcast(
    core: &Core,
    by: &Principal,
    new: &BroadcastIn,
    request: &RequestKey,
) -> Result<BroadcastOut, Refusal> {
    let scope = scope::require(core, by, "notification:broadcast")?;
    is_caller(core, by, new.operator_guid.as_deref()).await?;
    check_words(&new.title, &new.content)?;
    check_text("category", &new.category)?;
    let code = severity(&new.severity)?;
    new.link.as_deref().map_or(Ok(()), check_link)?;
    let once = request.or(new.idempotency_key.as_deref())?;
    let expires_at = expiry(new.expires_at.as_deref(), core.clock.now_ms())?;
    let audience = Audience::parse(core, by, &scope, new.audience.as_ref()).await?;
    if new.dry_run {
        let recipients = Some(audience.size(core).await?);
        return Ok(BroadcastOut { recipients, ..BroadcastOut::default() });
    }
    let words = [NoticeKind::System.name(), &new.title, &new.content];
    if let Some(sent) = once.before(core, by, words).await? {
        let (id, message_id) = (Some(sent.id), Some(sent.message_id));
        return Ok(BroadcastOut { id, message_id, rev: sent.rev, ..BroadcastOut::default() });
    }
    let tabs = audience.tabs(core).await?;
    let author = by.author();
    let mut work = core.db.begin(&author).await?;
    once.renew(&mut work).await?;
    let now = work.now();
    let message_id = work.message_id().to_string();
    let mut payload = Map::new();
    payload.insert("category".to_owned(), json!(new.category));
    payload.insert("severity".to_owned(), json!(new.severity));
    let row = NewBroadcast {
        message_id: &message_id,
        category: &new.category,
        severity: code,
        title: &new.title,
        content: &new.content,
        payload: &payload,
        link: new.link.as_deref(),
        audience: audience.kind,
        audience_id: audience.id,
        company: audience.company,
        idempotency_key: once.key(),
        expires_at,
    };
    let id = match store::insert_broadcast(work.conn(), &author, &row, now).await {
        // Somebody with the same key was quicker: the next run finds his.
        Err(crate::db::DbError::Duplicate) if once.key().is_some() => return Err(Refusal::Again),
        made => made?,
    };
    work.change(PolicyChange::Notice {
        title: new.title.clone(),
        content: new.content.clone(),
        category: new.category.clone(),
        severity: new.severity.clone(),
        id,
        message_id: message_id.clone(),
        audience: tabs,
        expires_at,
    });
    work.audit("notification_broadcast", "notice", &id.to_string(), "notification:broadcast").await?;
    let committed = work.commit(&by.stamp()).await?;
    let rev = core.settle(committed).await.map(|rev| rev.0);
    Ok(BroadcastOut { id: Some(id), message_id: Some(message_id), rev, changed: true, recipients: None })
}

fn expiry(text: Option<&str>, now: i64) -> Result<Option<i64>, Refusal> {
    let Some(text) = text else { return Ok(None) };
    let at = parse_iso(text)
        .ok_or_else(|| Refusal::invalid("expires_at", "invalid", "not an ISO 8601 time with an offset"))?;
    if at <= now {
        return Err(Refusal::invalid("expires_at", "invalid", "must lie in the future"));
    }
    Ok(Some(at))
}

/// What became of something that was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Delivery {
    /// The notice.
    pub id: i64,
    /// Its title.
    pub title: String,
    /// Its kind.
    #[serde(rename = "type")]
    pub kind: String,
    /// `accounts`, or the audience of a broadcast.
    pub audience: String,
    /// When it was sent, ISO 8601.
    pub created_at: String,
    /// For how many people it is; of a broadcast: whom it reaches now.
    pub sent: i64,
    /// To how many of them a tab took it; null for a broadcast: its receipt at `/api/v1/changes/{rev}/receipt` says it tab by tab.
    pub delivered: Option<i64>,
    /// How many opened a list that shows it.
    pub seen: i64,
    /// How many read it.
    pub read: i64,
    /// A broadcast's place in the policy log.
    pub rev: Option<i64>,
}

/// Tells a sender what became of what he sent (FN20). What somebody else sent is not found.
pub async fn delivery(core: &Core, by: &Principal, id: i64) -> Result<Delivery, Refusal> {
    let mut conn = core.db.read().await?;
    let sent = store::sent(&mut conn, by.account(), id).await?;
    let sent = sent.ok_or(Refusal::NotFound { what: "notification" })?;
    let told_to_all = sent.audience != "accounts";
    let fate = if told_to_all {
        store::broadcast_fate(&mut conn, id).await?
    } else {
        store::fate(&mut conn, id).await?
    };
    Ok(Delivery {
        id,
        title: sent.title,
        kind: sent.kind,
        audience: sent.audience,
        created_at: iso(sent.created_at),
        sent: fate.sent,
        delivered: (!told_to_all).then_some(fate.delivered),
        seen: fate.seen,
        read: fate.read,
        rev: sent.rev,
    })
}
