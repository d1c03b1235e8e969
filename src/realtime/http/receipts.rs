//! The routes of receipts: who received a change.

use crate::clock::iso;
use crate::core::Core;
use crate::policy::{PolicyChange, Principal, store};
use crate::refusal::Refusal;
use crate::web::extract::Caller;
use crate::web::problem::{Answer, ProblemBody};
use actix_web::{HttpResponse, get, web};
use livegrant_actors::{Receipt, Rev};
use serde::Serialize;
use utoipa::ToSchema;

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
