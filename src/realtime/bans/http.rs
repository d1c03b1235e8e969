//! The routes of bans: an administrator sees who is refused streams, and lets him in again. Each time it is written down.

use super::{Ban, Bans};
use crate::clock::iso;
use crate::core::Core;
use crate::db::paging::{Listing, Page};
use crate::policy::Principal;
use crate::refusal::Refusal;
use crate::web::extract::Caller;
use crate::web::problem::{Answer, ProblemBody};
use crate::web::request::network_of;
use actix_web::{HttpResponse, delete, get, web};
use serde::Serialize;
use std::net::IpAddr;
use utoipa::ToSchema;

/// A ban that holds on this node.
#[derive(Debug, Serialize, ToSchema)]
pub struct BanOut {
    /// An IPv4 address, or an IPv6 network of 64 bits.
    address: String,
    /// The account that is refused at this address; null: everybody is.
    account_id: Option<i64>,
    username: Option<String>,
    /// What happened last: `protocol`, `too_large`, `rate_limited`, `authentication` or `throttled`.
    offence: &'static str,
    /// Until when, ISO 8601.
    until: String,
}

/// Bans shown at most: each one's account may be a look into the database.
const SHOWN: usize = 1_000;

/// Answers which of these bans concern the caller: addresses, and the accounts of his company.
async fn seen(
    core: &Core,
    by: &Principal,
    bans: impl Iterator<Item = Ban>,
) -> Result<Vec<(Ban, Option<String>)>, Refusal> {
    let mut seen = Vec::new();
    for ban in bans.take(SHOWN) {
        let Some(account) = ban.account else {
            seen.push((ban, None));
            continue;
        };
        let Some(member) = core.policy.member(account).await? else { continue };
        let facts = member.facts();
        if facts.company == by.company() || by.is_platform() {
            seen.push((ban, Some(facts.username.to_string())));
        }
    }
    Ok(seen)
}

/// Lists who may not open a stream for a while (S3-118).
#[utoipa::path(tag = "realtime", responses(
    (status = 200, body = Listing<BanOut>), (status = 403, body = ProblemBody)))]
#[get("/api/v1/bans")]
pub async fn get_bans(core: web::Data<Core>, bans: web::Data<Bans>, Caller(by): Caller) -> Answer {
    by.require("session:view")?;
    tracing::info!(event = "authz_admin", account = by.account().0, "bans listed");
    let rows: Vec<BanOut> = seen(&core, &by, bans.list(core.clock.now_ms()).into_iter())
        .await?
        .into_iter()
        .map(|(ban, username)| BanOut {
            address: ban.network,
            account_id: ban.account.map(|account| account.0),
            username,
            offence: ban.offence.label(),
            until: iso(ban.until),
        })
        .collect();
    let count = rows.len() as i64;
    Ok(HttpResponse::Ok().json(Listing::new(count, rows, Page::first(count.max(1)), "", "")))
}

/// Lifts the bans of an address and of the accounts at it; of an IPv6 network any address of it may be named.
#[utoipa::path(tag = "realtime", params(("address" = String, Path)), responses(
    (status = 204), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody),
    (status = 404, body = ProblemBody)))]
#[delete("/api/v1/bans/{address}")]
pub async fn delete_ban(
    core: web::Data<Core>,
    bans: web::Data<Bans>,
    Caller(by): Caller,
    address: web::Path<String>,
) -> Answer {
    by.require("session:kick")?;
    let address = address.into_inner();
    let address: IpAddr = address
        .strip_suffix("/64")
        .unwrap_or(&address)
        .parse()
        .map_err(|_| Refusal::invalid("address", "invalid", "an IPv4 or IPv6 address"))?;
    let network = network_of(&address.to_string());
    let there = bans.list(core.clock.now_ms()).into_iter().filter(|ban| ban.network == network);
    let meant: Vec<Ban> = seen(&core, &by, there).await?.into_iter().map(|(ban, _)| ban).collect();
    if meant.is_empty() {
        return Err(Refusal::NotFound { what: "ban" }.into());
    }
    let named = network.clone();
    core.write(by, move |core, by| {
        let named = named.clone();
        async move {
            by.require("session:kick")?;
            let mut work = core.db.begin(&by.author()).await?;
            work.audit("ban_lift", "address", &named, "session:kick").await?;
            work.commit(&by.stamp()).await?;
            Ok(())
        }
    })
    .await?;
    bans.lift(&meant);
    tracing::info!(event = "authz_admin", address = network, bans = meant.len(), "ban lifted");
    Ok(HttpResponse::NoContent().finish())
}
