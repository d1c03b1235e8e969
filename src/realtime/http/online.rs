//! The routes of connections: who is online, which tabs are open, one of them closed by hand.

use crate::clock::iso;
use crate::core::Core;
use crate::db::paging::{Listing, Page};
use crate::policy::Principal;
use crate::realtime::nodes::{node_of, questions};
use crate::realtime::people;
use crate::refusal::Refusal;
use crate::web::extract::Caller;
use crate::web::problem::{Answer, ProblemBody};
use actix_web::{HttpResponse, delete, get, web};
use livegrant_actors::{AccountId, CloseReason, ConnectionId, OnlineAccount, TabInfo};
use serde::Serialize;
use utoipa::ToSchema;

/// One open tab.
#[derive(Debug, Serialize, ToSchema)]
pub struct TabOut {
    connection_id: String,
    /// The node that it hangs on.
    node: String,
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

impl TabOut {
    fn new(core: &Core, tab: &TabInfo) -> Self {
        Self {
            connection_id: tab.connection_id.to_string(),
            node: node_of(&tab.connection_id).map(|node| core.members.name_of(node)).unwrap_or_default(),
            sid: tab.sid.to_string(),
            transport: tab.transport.label().to_owned(),
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
    /// Integer id.
    pub account_id: i64,
    /// 36-character id.
    pub guid: String,
    /// Login name.
    pub username: String,
    /// Name for people.
    pub display_name: String,
    /// The company that it belongs to.
    pub company_id: i64,
    /// Its open tabs.
    pub tabs: Vec<TabOut>,
}

/// Answers who is online on all nodes, and the names of nodes that did not answer.
pub async fn online(core: &Core, by: &Principal) -> Result<(Vec<OnlineOut>, Vec<String>), Refusal> {
    by.require("session:view")?;
    tracing::info!(event = "authz_admin", account = by.account().0, "online users listed");
    let mut list = Vec::new();
    let (accounts, silent) = questions::online(core).await;
    let mut people = people::of(core, accounts.iter().map(|online| online.account)).await?;
    for OnlineAccount { account, guid, tabs } in accounts {
        let Some(person) = people.remove(&account) else { continue };
        if person.company == by.company() || by.is_platform() {
            list.push(OnlineOut {
                account_id: account.0,
                guid: guid.to_string(),
                username: person.username,
                display_name: person.display_name,
                company_id: person.company.0,
                tabs: tabs.into_iter().map(|tab| TabOut::new(core, &tab)).collect(),
            });
        }
    }
    Ok((list, silent.into_iter().map(|node| core.members.name_of(node)).collect()))
}

/// A list over all nodes.
#[derive(Debug, Serialize, ToSchema)]
pub struct OverNodes<T> {
    #[serde(flatten)]
    list: Listing<T>,
    /// Nodes that did not answer in time: what hangs there is missing here.
    silent_nodes: Vec<String>,
}

fn whole<T: Serialize>(rows: Vec<T>, silent_nodes: Vec<String>) -> HttpResponse {
    let count = rows.len() as i64;
    let list = Listing::new(count, rows, Page::first(count.max(1)), "", "");
    HttpResponse::Ok().json(OverNodes { list, silent_nodes })
}

/// Lists who is online on any node, with his tabs (S0-51).
#[utoipa::path(tag = "realtime", responses(
    (status = 200, body = OverNodes<OnlineOut>), (status = 403, body = ProblemBody)))]
#[get("/api/v1/online-users")]
pub async fn get_online_users(core: web::Data<Core>, Caller(by): Caller) -> Answer {
    let (accounts, silent) = online(&core, &by).await?;
    Ok(whole(accounts, silent))
}

/// One connection with its account.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConnectionOut {
    account_id: i64,
    username: String,
    #[serde(flatten)]
    tab: TabOut,
}

/// Lists open connections on all nodes.
#[utoipa::path(tag = "realtime", responses(
    (status = 200, body = OverNodes<ConnectionOut>), (status = 403, body = ProblemBody)))]
#[get("/api/v1/connections")]
pub async fn get_connections(core: web::Data<Core>, Caller(by): Caller) -> Answer {
    let (accounts, silent) = online(&core, &by).await?;
    let rows = accounts.into_iter().flat_map(|OnlineOut { account_id, username, tabs, .. }| {
        tabs.into_iter().map(move |tab| ConnectionOut { account_id, username: username.clone(), tab })
    });
    Ok(whole(rows.collect(), silent))
}

/// Closes one connection; its page may connect again, the session goes on.
#[utoipa::path(tag = "realtime", params(("id" = String, Path)), responses(
    (status = 204), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody)))]
#[delete("/api/v1/connections/{id}")]
pub async fn delete_connection(core: web::Data<Core>, Caller(by): Caller, id: web::Path<String>) -> Answer {
    by.require("session:kick")?;
    let id = ConnectionId::from(id.into_inner());
    let (accounts, _) = online(&core, &by).await?;
    let owner =
        accounts.into_iter().find(|account| account.tabs.iter().any(|tab| tab.connection_id == id.as_str()));
    let account =
        owner.map(|account| AccountId(account.account_id)).ok_or(Refusal::NotFound { what: "connection" })?;
    if !questions::close(&core, account, &id, CloseReason::Disconnected).await {
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
