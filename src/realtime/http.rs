//! The routes of what is open now: who is online, which connections, who received what, pushes by hand. Administrators
//! observe through these, and each time it is written down (S3-82). No route here sets a permission.

use crate::clock::iso;
use crate::core::Core;
use crate::db::paging::{Listing, Page};
use crate::policy::{HolderId, PolicyChange, Principal, SYSTEM_ADMIN, store};
use crate::refusal::Refusal;
use crate::text::check_text;
use crate::web::answer::Saved;
use crate::web::extract::{Body, Caller};
use crate::web::problem::{Answer, ProblemBody};
use actix_web::{HttpResponse, delete, get, post, web};
use livegrant_actors::{
    AccountId, Audience, Change, CloseReason, ConnectionId, Effect, Holder, OnlineAccount, Operator, Receipt,
    RepushKind, Rev, RoleId, TabInfo,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// One open tab.
#[derive(Debug, Serialize, ToSchema)]
pub struct TabOut {
    connection_id: String,
    sid: String,
    transport: String,
    ip: String,
    browser: String,
    /// ISO 8601.
    connected_at: String,
    /// ISO 8601.
    last_heartbeat: String,
    /// The revision that the tab was told or has acknowledged.
    rev: i64,
}

impl From<TabInfo> for TabOut {
    fn from(tab: TabInfo) -> Self {
        Self {
            connection_id: tab.connection_id.to_string(),
            sid: tab.sid.to_string(),
            transport: tab.transport.to_string(),
            ip: tab.ip.to_string(),
            browser: tab.browser.to_string(),
            connected_at: iso(tab.connected_at),
            last_heartbeat: iso(tab.last_heartbeat),
            rev: tab.rev.0,
        }
    }
}

/// An account with open tabs.
#[derive(Debug, Serialize, ToSchema)]
pub struct OnlineOut {
    account_id: i64,
    guid: String,
    username: String,
    display_name: String,
    tabs: Vec<TabOut>,
}

async fn online(core: &Core, by: &Principal) -> Result<Vec<OnlineOut>, Refusal> {
    by.require("session:view")?;
    tracing::info!(event = "authz_admin", account = by.account().0, "online users listed");
    let mut list = Vec::new();
    for OnlineAccount { account, guid, tabs } in core.engine.online().await {
        let Some(member) = core.policy.member(account).await? else { continue };
        let facts = member.facts();
        if facts.company == by.company() || by.is_platform() {
            list.push(OnlineOut {
                account_id: account.0,
                guid: guid.to_string(),
                username: facts.username.to_string(),
                display_name: facts.display_name.to_string(),
                tabs: tabs.into_iter().map(Into::into).collect(),
            });
        }
    }
    Ok(list)
}

fn whole<T>(rows: Vec<T>) -> Listing<T> {
    let count = rows.len() as i64;
    Listing::new(count, rows, Page::first(count.max(1)), "", "")
}

/// Lists who is online, with his tabs (S0-51).
#[utoipa::path(tag = "realtime", responses(
    (status = 200, body = Listing<OnlineOut>), (status = 403, body = ProblemBody)))]
#[get("/api/v1/online-users")]
pub async fn get_online_users(core: web::Data<Core>, Caller(by): Caller) -> Answer {
    Ok(HttpResponse::Ok().json(whole(online(&core, &by).await?)))
}

/// One connection with its account.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConnectionOut {
    account_id: i64,
    username: String,
    #[serde(flatten)]
    tab: TabOut,
}

/// Lists open connections.
#[utoipa::path(tag = "realtime", responses(
    (status = 200, body = Listing<ConnectionOut>), (status = 403, body = ProblemBody)))]
#[get("/api/v1/connections")]
pub async fn get_connections(core: web::Data<Core>, Caller(by): Caller) -> Answer {
    let rows =
        online(&core, &by).await?.into_iter().flat_map(|OnlineOut { account_id, username, tabs, .. }| {
            tabs.into_iter().map(move |tab| ConnectionOut { account_id, username: username.clone(), tab })
        });
    Ok(HttpResponse::Ok().json(whole(rows.collect())))
}

/// Closes one connection; its page may connect again, the session goes on.
#[utoipa::path(tag = "realtime", params(("id" = String, Path)), responses(
    (status = 204), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody)))]
#[delete("/api/v1/connections/{id}")]
pub async fn delete_connection(core: web::Data<Core>, Caller(by): Caller, id: web::Path<String>) -> Answer {
    by.require("session:kick")?;
    let id = ConnectionId::from(id.into_inner());
    let owner = online(&core, &by)
        .await?
        .into_iter()
        .find(|account| account.tabs.iter().any(|tab| tab.connection_id == id.as_str()));
    let account =
        owner.map(|account| AccountId(account.account_id)).ok_or(Refusal::NotFound { what: "connection" })?;
    if !core.engine.close_tab(account, &id, CloseReason::Disconnected).await {
        return Err(Refusal::NotFound { what: "connection" }.into());
    }
    Ok(HttpResponse::NoContent().finish())
}

/// The socket. Send a WebSocket upgrade with a bearer header, `?ticket=` or the cookie of this site; `docs/protocol.md`
/// describes its frames. Anything but an upgrade is answered with 400.
#[utoipa::path(tag = "realtime", params(("ticket" = Option<String>, Query)), responses(
    (status = 101), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody),
    (status = 403, body = ProblemBody), (status = 429, body = ProblemBody), (status = 503, body = ProblemBody)))]
#[get("/ws/permission")]
pub async fn get_socket() -> Answer {
    Err(Refusal::invalid("upgrade", "handshake_invalid", "this is a WebSocket: send `Upgrade: websocket`")
        .into())
}

/// What became of a change at one account.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccountReceiptOut {
    account_id: i64,
    username: String,
    tabs_sent: u32,
    tabs_acked: u32,
    slowest_ms: Option<i64>,
}

/// What became of a change.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReceiptOut {
    rev: i64,
    /// Of the first change of this revision; null for a notice.
    change_type: Option<String>,
    /// Committed at, ISO 8601.
    accepted_at: String,
    /// Enforced and handed to every shard at, ISO 8601.
    enforced_at: Option<String>,
    tabs_sent: u32,
    tabs_acked: u32,
    /// From commit to the last acknowledgement, ms.
    slowest_ms: Option<i64>,
    accounts: Vec<AccountReceiptOut>,
}

/// Answers the receipt of a change to whoever made it, or with `audit:view` to anybody.
async fn receipt_out(core: &Core, by: &Principal, receipt: Receipt) -> Result<ReceiptOut, Refusal> {
    let missing = || Refusal::NotFound { what: "receipt" };
    let row = store::log_at(&mut core.db.read().await?, receipt.rev).await?.ok_or_else(missing)?;
    if row.operator != by.account() {
        by.require("audit:view")?;
    }
    let mut accounts = Vec::new();
    for told in receipt.accounts {
        let member = core.policy.member(told.account).await?;
        accounts.push(AccountReceiptOut {
            account_id: told.account.0,
            username: member.map(|member| member.facts().username.to_string()).unwrap_or_default(),
            tabs_sent: told.tabs_sent,
            tabs_acked: told.tabs_acked,
            slowest_ms: told.slowest_ms,
        });
    }
    Ok(ReceiptOut {
        rev: receipt.rev.0,
        change_type: row.changes.first().and_then(PolicyChange::change_type).map(str::to_owned),
        accepted_at: iso(receipt.accepted_at),
        enforced_at: receipt.applied_at.map(iso),
        tabs_sent: accounts.iter().map(|account| account.tabs_sent).sum(),
        tabs_acked: accounts.iter().map(|account| account.tabs_acked).sum(),
        slowest_ms: accounts.iter().filter_map(|account| account.slowest_ms).max(),
        accounts,
    })
}

/// Reads who received the newest change.
#[utoipa::path(tag = "realtime", responses((status = 200, body = ReceiptOut), (status = 404, body = ProblemBody)))]
#[get("/api/v1/changes/latest/receipt")]
pub async fn get_latest_receipt(core: web::Data<Core>, Caller(by): Caller) -> Answer {
    by.require("audit:view")?;
    let receipt = core.engine.latest_receipt().ok_or(Refusal::NotFound { what: "receipt" })?;
    Ok(HttpResponse::Ok().json(receipt_out(&core, &by, receipt).await?))
}

/// Reads who received a change; the last 256 are kept.
#[utoipa::path(tag = "realtime", params(("rev" = i64, Path)), responses(
    (status = 200, body = ReceiptOut), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody)))]
#[get("/api/v1/changes/{rev}/receipt")]
pub async fn get_receipt(core: web::Data<Core>, Caller(by): Caller, rev: web::Path<i64>) -> Answer {
    let receipt = core.engine.receipt(Rev(rev.into_inner())).ok_or(Refusal::NotFound { what: "receipt" })?;
    Ok(HttpResponse::Ok().json(receipt_out(&core, &by, receipt).await?))
}

/// A notice to everyone.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BroadcastIn {
    /// One line.
    title: String,
    /// The text.
    content: String,
    /// For example `维护`.
    category: String,
    /// `信息`, `警告`, `严重` or `info`, `warning`, `critical` (C27).
    severity: String,
}

/// Longest content of a notice, in characters: it travels to every tab.
const CONTENT_MAX: usize = 2_000;

fn check_notice(notice: &BroadcastIn) -> Result<(), Refusal> {
    crate::text::check_name("title", &notice.title)?;
    check_text("category", &notice.category)?;
    if notice.content.trim().is_empty() || notice.content.chars().count() > CONTENT_MAX {
        return Err(Refusal::invalid("content", "invalid", format!("1 to {CONTENT_MAX} characters")));
    }
    if !["信息", "警告", "严重", "info", "warning", "critical"].contains(&notice.severity.as_str()) {
        return Err(Refusal::invalid("severity", "invalid", "信息, 警告, 严重, info, warning or critical"));
    }
    Ok(())
}

async fn broadcast(core: &Core, by: &Principal, notice: &BroadcastIn) -> Result<Option<Rev>, Refusal> {
    by.require("notification:broadcast")?;
    check_notice(notice)?;
    let mut work = core.db.begin(&by.author()).await?;
    let BroadcastIn { title, content, category, severity } = notice.clone();
    work.change(PolicyChange::Notice { title, content, category, severity });
    work.audit("notification_broadcast", "notice", "", "notification:broadcast").await?;
    let committed = work.commit(&by.stamp()).await?;
    Ok(core.settle(committed).await)
}

/// Tells everyone who is online (E27).
#[utoipa::path(tag = "realtime", request_body = BroadcastIn, responses(
    (status = 200, body = Saved), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody)))]
#[post("/api/v1/notifications/broadcast")]
pub async fn post_broadcast(
    core: web::Data<Core>,
    Caller(by): Caller,
    Body(notice): Body<BroadcastIn>,
) -> Answer {
    let rev = core
        .write(by, move |core, by| {
            let notice = notice.clone();
            async move { broadcast(&core, &by, &notice).await }
        })
        .await?;
    Ok(HttpResponse::Ok().json(Saved::from(rev)))
}

/// Whom to tell again.
#[derive(Debug, Clone, Deserialize, ToSchema, IntoParams)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct PushIn {
    /// The account.
    user_id: i64,
    /// For people.
    #[serde(default)]
    reason: String,
}

/// What a push by hand answers.
#[derive(Debug, Serialize, ToSchema)]
pub struct Pushed {
    /// The revision that the pushed state rests on.
    rev: i64,
}

/// What lies outside the caller's company is not found.
async fn in_company(core: &Core, by: &Principal, audience: &Audience) -> Result<(), Refusal> {
    match audience {
        Audience::Accounts(accounts) => {
            for account in accounts.iter() {
                crate::auth::accounts::in_company(core, by, *account).await?;
            }
            Ok(())
        }
        Audience::Holder(Holder::Role(role)) => {
            let company = core
                .policy
                .with_facts(|facts| facts.holders.get(&HolderId::Role(*role)).map(|holder| holder.company));
            let ours = company.is_some_and(|company| company == by.company() || by.is_platform());
            if ours { Ok(()) } else { Err(Refusal::NotFound { what: "role" }) }
        }
        Audience::Holder(_) | Audience::Everyone => Ok(()),
    }
}

async fn repush(core: &Core, by: &Principal, audience: Audience, effect: Effect, reason: &str) -> Answer {
    by.require(SYSTEM_ADMIN)?;
    check_text("reason", reason)?;
    in_company(core, by, &audience).await?;
    tracing::info!(event = "authz_admin", account = by.account().0, "state pushed again by hand");
    let rev = core.policy.applied();
    let author = by.author();
    let change = Change {
        rev,
        accepted_at: core.clock.now_ms(),
        operator: Some(Operator { id: author.account, name: author.name.into() }),
        reason: if reason.is_empty() { "push".into() } else { reason.into() },
        effect,
        audience,
    };
    core.engine.apply(change).await.map_err(|error| Refusal::Defect(anyhow::Error::new(error)))?;
    Ok(HttpResponse::Ok().json(Pushed { rev: rev.0 }))
}

/// `pushPermissionUpdate` (S3-39): tells an account's tabs the server's own present state. It never sets permissions.
#[utoipa::path(tag = "realtime", request_body = PushIn, responses(
    (status = 200, body = Pushed), (status = 403, body = ProblemBody)))]
#[post("/api/v1/push/permission-update")]
pub async fn post_push_permission_update(
    core: web::Data<Core>,
    Caller(by): Caller,
    Body(body): Body<PushIn>,
) -> Answer {
    let audience = Audience::Accounts(Arc::from([AccountId(body.user_id)]));
    repush(&core, &by, audience, Effect::Repush(RepushKind::PermissionUpdate), &body.reason).await
}

/// `pushRoleChange` (S3-40): tells an account's tabs its present roles.
#[utoipa::path(tag = "realtime", request_body = PushIn, responses(
    (status = 200, body = Pushed), (status = 403, body = ProblemBody)))]
#[post("/api/v1/push/role-change")]
pub async fn post_push_role_change(
    core: web::Data<Core>,
    Caller(by): Caller,
    Body(body): Body<PushIn>,
) -> Answer {
    let audience = Audience::Accounts(Arc::from([AccountId(body.user_id)]));
    repush(&core, &by, audience, Effect::Repush(RepushKind::RoleChange), &body.reason).await
}

/// Whose holders to tell again.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct BatchIn {
    /// The role.
    role_id: i64,
    /// For people.
    #[serde(default)]
    reason: String,
}

/// `batchPushPermissionUpdate` (S3-41): tells everyone online who holds a role his present state.
#[utoipa::path(tag = "realtime", request_body = BatchIn, responses(
    (status = 200, body = Pushed), (status = 403, body = ProblemBody)))]
#[post("/api/v1/push/batch-permission-update")]
pub async fn post_push_batch(core: web::Data<Core>, Caller(by): Caller, Body(body): Body<BatchIn>) -> Answer {
    let audience = Audience::Holder(Holder::Role(RoleId(body.role_id)));
    repush(&core, &by, audience, Effect::Repush(RepushKind::PermissionUpdate), &body.reason).await
}
