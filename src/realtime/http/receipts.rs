//! The routes of receipts: who received a change.

use crate::core::Core;
use crate::policy::Principal;
use crate::realtime::receipt::{ReceiptOut, Viewer};
use crate::realtime::receipts::{self, Ledger};
use crate::refusal::Refusal;
use crate::web::extract::Caller;
use crate::web::problem::{Answer, ProblemBody};
use actix_web::{HttpResponse, get, web};
use livegrant_actors::Rev;

/// Receipts looked back for the newest one of the caller's company. 256: all that are kept.
const LOOK_BACK: i64 = 256;

/// Gives the receipt of a change to whoever made it, or with `audit:view` to anybody of his company; `None` when there
/// is none for this caller.
async fn find(core: &Core, ledger: &Ledger, by: &Principal, rev: Rev) -> Result<Option<ReceiptOut>, Refusal> {
    let Some(entry) = ledger.entry(core, rev).await? else { return Ok(None) };
    if entry.operator != by.account() {
        by.require("audit:view")?;
        tracing::info!(
            event = "authz_admin",
            account = by.account().0,
            rev = rev.0,
            "receipt of another read"
        );
        if entry.company != by.company() && !by.is_platform() {
            return Ok(None);
        }
    }
    let Some(whole) = receipts::everywhere(core, rev, &entry).await else { return Ok(None) };
    receipts::of(core, Viewer::from(by), &entry, whole).await.map(Some)
}

fn missing() -> Refusal {
    Refusal::NotFound { what: "receipt" }
}

/// Reads who received the newest change of the caller's company.
#[utoipa::path(tag = "realtime", responses((status = 200, body = ReceiptOut), (status = 404, body = ProblemBody)))]
#[get("/api/v1/changes/latest/receipt")]
pub async fn get_latest_receipt(
    core: web::Data<Core>,
    ledger: web::Data<Ledger>,
    Caller(by): Caller,
) -> Answer {
    by.require("audit:view")?;
    let newest = core.engine.latest_receipt().ok_or_else(missing)?.rev.0;
    for rev in (newest - LOOK_BACK..=newest).rev() {
        if core.engine.receipt(Rev(rev)).is_none() {
            continue;
        }
        if let Some(found) = find(&core, &ledger, &by, Rev(rev)).await? {
            return Ok(HttpResponse::Ok().json(found));
        }
    }
    Err(missing().into())
}

/// Reads who received a change; the last 256 are kept.
#[utoipa::path(tag = "realtime", params(("rev" = i64, Path)), responses(
    (status = 200, body = ReceiptOut), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody)))]
#[get("/api/v1/changes/{rev}/receipt")]
pub async fn get_receipt(
    core: web::Data<Core>,
    ledger: web::Data<Ledger>,
    Caller(by): Caller,
    rev: web::Path<i64>,
) -> Answer {
    let found = find(&core, &ledger, &by, Rev(rev.into_inner())).await?.ok_or_else(missing)?;
    Ok(HttpResponse::Ok().json(found))
}
