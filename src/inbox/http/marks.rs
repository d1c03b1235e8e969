//! The routes of what somebody does in his own inbox (FN1, FN7, FN13).

use super::{Many, One};
use crate::clock::parse_iso;
use crate::core::Core;
use crate::inbox::lists::{Filter, strict};
use crate::inbox::marks::{self, Which};
use crate::inbox::model::{Move, Preset, SNOOZE_MAX_MS};
use crate::policy::Principal;
use crate::refusal::Refusal;
use crate::web::extract::{Body, Caller};
use crate::web::problem::{Answer, ProblemBody};
use actix_web::{HttpResponse, delete, post, web};
use serde::Deserialize;
use utoipa::ToSchema;

pub(super) async fn moved(core: &Core, by: Principal, id: i64, what: Move) -> Answer {
    let one = core.write(by, move |core, by| async move { marks::one(&core, &by, id, what).await }).await?;
    Ok(HttpResponse::Ok().json(One::new(one)))
}

pub(super) async fn all_moved(core: &Core, by: Principal, which: Which, what: Move) -> Answer {
    let many = core
        .write(by, move |core, by| {
            let which = which.clone();
            async move { marks::many(&core, &by, &which, what).await }
        })
        .await?;
    Ok(HttpResponse::Ok().json(Many::new(many)))
}

/// Marks a notice read, and seen with it. Repeating is harmless.
#[utoipa::path(tag = "inbox", params(("id" = i64, Path)), responses(
    (status = 200, body = One), (status = 404, body = ProblemBody)))]
#[post("/api/v1/notifications/{id}/read")]
pub async fn post_read(core: web::Data<Core>, Caller(by): Caller, id: web::Path<i64>) -> Answer {
    moved(&core, by, *id, Move::Read).await
}

/// Marks a notice unread again; it stays seen.
#[utoipa::path(tag = "inbox", params(("id" = i64, Path)), responses(
    (status = 200, body = One), (status = 404, body = ProblemBody)))]
#[post("/api/v1/notifications/{id}/unread")]
pub async fn post_unread(core: web::Data<Core>, Caller(by): Caller, id: web::Path<i64>) -> Answer {
    moved(&core, by, *id, Move::Unread).await
}

/// Marks a notice seen: a list was opened that shows it.
#[utoipa::path(tag = "inbox", params(("id" = i64, Path)), responses(
    (status = 200, body = One), (status = 404, body = ProblemBody)))]
#[post("/api/v1/notifications/{id}/seen")]
pub async fn post_seen(core: web::Data<Core>, Caller(by): Caller, id: web::Path<i64>) -> Answer {
    moved(&core, by, *id, Move::Seen).await
}

/// Puts a notice away; what is put away is kept for ever.
#[utoipa::path(tag = "inbox", params(("id" = i64, Path)), responses(
    (status = 200, body = One), (status = 404, body = ProblemBody)))]
#[post("/api/v1/notifications/{id}/archive")]
pub async fn post_archive(core: web::Data<Core>, Caller(by): Caller, id: web::Path<i64>) -> Answer {
    moved(&core, by, *id, Move::Archive).await
}

/// Takes a notice out of the archive, as it was.
#[utoipa::path(tag = "inbox", params(("id" = i64, Path)), responses(
    (status = 200, body = One), (status = 404, body = ProblemBody)))]
#[post("/api/v1/notifications/{id}/unarchive")]
pub async fn post_unarchive(core: web::Data<Core>, Caller(by): Caller, id: web::Path<i64>) -> Answer {
    moved(&core, by, *id, Move::Unarchive).await
}

/// Until when to put off: one of both.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SnoozeIn {
    /// `hour`, `later` (three hours), `tomorrow` (24 hours) or `next_week` (seven days).
    pub preset: Option<Preset>,
    /// ISO 8601, at most a year from now.
    pub until: Option<String>,
}

fn snooze(core: &Core, body: &SnoozeIn) -> Result<Move, Refusal> {
    let now = core.clock.now_ms();
    let until = match (&body.preset, &body.until) {
        (Some(preset), None) => preset.until(now),
        (None, Some(text)) => parse_iso(text)
            .ok_or_else(|| Refusal::invalid("until", "invalid", "not an ISO 8601 time with an offset"))?,
        _ => return Err(Refusal::invalid("until", "invalid", "either a preset or until")),
    };
    if until <= now || until > now + SNOOZE_MAX_MS {
        return Err(Refusal::invalid("until", "invalid", "must lie in the future, at most a year from now"));
    }
    Ok(Move::Snooze(until))
}

/// Puts a notice off: it leaves the inbox, and comes back as new.
#[utoipa::path(tag = "inbox", params(("id" = i64, Path)), request_body = SnoozeIn, responses(
    (status = 200, body = One), (status = 400, body = ProblemBody), (status = 404, body = ProblemBody),
    (status = 409, body = ProblemBody)))]
#[post("/api/v1/notifications/{id}/snooze")]
pub async fn post_snooze(
    core: web::Data<Core>,
    Caller(by): Caller,
    id: web::Path<i64>,
    Body(body): Body<SnoozeIn>,
) -> Answer {
    let what = snooze(&core, &body)?;
    moved(&core, by, *id, what).await
}

/// Takes a notice back that was put off: it comes as new.
#[utoipa::path(tag = "inbox", params(("id" = i64, Path)), responses(
    (status = 200, body = One), (status = 404, body = ProblemBody)))]
#[post("/api/v1/notifications/{id}/unsnooze")]
pub async fn post_unsnooze(core: web::Data<Core>, Caller(by): Caller, id: web::Path<i64>) -> Answer {
    moved(&core, by, *id, Move::Unsnooze).await
}

/// Deletes a notice from the caller's inbox, for good. Answers it as it was.
#[utoipa::path(tag = "inbox", params(("id" = i64, Path)), responses(
    (status = 200, body = One), (status = 404, body = ProblemBody)))]
#[delete("/api/v1/notifications/{id}")]
pub async fn delete_notification(core: web::Data<Core>, Caller(by): Caller, id: web::Path<i64>) -> Answer {
    moved(&core, by, *id, Move::Delete).await
}

/// What many are to be: those of `ids`, or all that `filter` finds; an empty filter is the whole inbox.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BulkIn {
    /// `seen`, `read`, `unread`, `archived`, `unarchived`, `snoozed`, `unsnoozed` or `deleted`.
    pub state: String,
    /// At most 500.
    pub ids: Option<Vec<i64>>,
    /// The members of the list's query.
    #[serde(default, deserialize_with = "strict")]
    pub filter: Option<Filter>,
    /// For `snoozed`.
    pub preset: Option<Preset>,
    /// For `snoozed`.
    pub until: Option<String>,
}

/// Moves many notices at once; all tabs are told one state event (FN7).
#[utoipa::path(tag = "inbox", request_body = BulkIn, responses(
    (status = 200, body = Many), (status = 400, body = ProblemBody)))]
#[post("/api/v1/notifications/bulk")]
pub async fn post_bulk(core: web::Data<Core>, Caller(by): Caller, Body(body): Body<BulkIn>) -> Answer {
    let what = match body.state.as_str() {
        "seen" => Move::Seen,
        "read" => Move::Read,
        "unread" => Move::Unread,
        "archived" => Move::Archive,
        "unarchived" => Move::Unarchive,
        "snoozed" => snooze(&core, &SnoozeIn { preset: body.preset, until: body.until.clone() })?,
        "unsnoozed" => Move::Unsnooze,
        "deleted" => Move::Delete,
        _ => {
            let detail = "seen, read, unread, archived, unarchived, snoozed, unsnoozed or deleted";
            return Err(Refusal::invalid("state", "invalid", detail).into());
        }
    };
    let which = match (body.ids, body.filter) {
        (Some(ids), None) => Which::Ids(ids),
        (None, Some(filter)) => Which::Found(filter),
        _ => return Err(Refusal::invalid("filter", "invalid", "either ids or a filter").into()),
    };
    all_moved(&core, by, which, what).await
}
