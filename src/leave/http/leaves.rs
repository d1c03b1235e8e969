//! The routes of requests.

use super::Answer;
use crate::core::Core;
use crate::db::paging::{Listing, Page, PageQuery};
use crate::leave::model::{Leave, LeavePatch, NewLeave};
use crate::leave::read::LeaveQuery;
use crate::leave::submit::{self, Sending};
use crate::leave::{ask, change, read};
use crate::web::answer::Saved;
use crate::web::extract::{Body, Caller};
use crate::web::problem::ProblemBody;
use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post, web};

/// Lists requests: one's own, with `leave:view` everybody's.
#[utoipa::path(tag = "leave", params(LeaveQuery, PageQuery), responses(
    (status = 200, body = Listing<Leave>), (status = 400, body = ProblemBody)))]
#[get("/api/v1/leaves")]
pub async fn get_leaves(
    core: web::Data<Core>,
    request: HttpRequest,
    Caller(by): Caller,
    query: web::Query<LeaveQuery>,
    page: web::Query<PageQuery>,
) -> Answer {
    let page = Page::from(*page);
    let (count, rows) = read::list(&core, &by, &query, page).await?;
    Ok(HttpResponse::Ok().json(Listing::new(count, rows, page, request.path(), request.query_string())))
}

/// `CreateLeave` (S1-31 … S1-33): for oneself, with `staff:create` for somebody else.
#[utoipa::path(tag = "leave", request_body = NewLeave, responses(
    (status = 201, body = Leave), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody),
    (status = 409, body = ProblemBody)))]
#[post("/api/v1/leaves")]
pub async fn post_leave(core: web::Data<Core>, Caller(by): Caller, Body(new): Body<NewLeave>) -> Answer {
    let made = core
        .write(by, move |core, by| {
            let new = new.clone();
            async move { ask::create(&core, &by, &new).await }
        })
        .await?;
    Ok(HttpResponse::Created().json(made))
}

/// Reads one request.
#[utoipa::path(tag = "leave", params(("guid" = String, Path)), responses(
    (status = 200, body = Leave), (status = 400, body = ProblemBody), (status = 404, body = ProblemBody)))]
#[get("/api/v1/leaves/{guid}")]
pub async fn get_leave(core: web::Data<Core>, Caller(by): Caller, guid: web::Path<String>) -> Answer {
    Ok(HttpResponse::Ok().json(read::get(&core, &by, &guid).await?))
}

/// Changes a draft or a request that was sent back.
#[utoipa::path(tag = "leave", params(("guid" = String, Path)), request_body = LeavePatch, responses(
    (status = 200, body = Leave), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody),
    (status = 404, body = ProblemBody), (status = 409, body = ProblemBody), (status = 412, body = ProblemBody)))]
#[patch("/api/v1/leaves/{guid}")]
pub async fn patch_leave(
    core: web::Data<Core>,
    Caller(by): Caller,
    guid: web::Path<String>,
    Body(patch): Body<LeavePatch>,
) -> Answer {
    let changed = core
        .write(by, move |core, by| {
            let (guid, patch) = (guid.clone(), patch.clone());
            async move { change::update(&core, &by, &guid, &patch).await }
        })
        .await?;
    Ok(HttpResponse::Ok().json(changed))
}

/// Throws a draft away.
#[utoipa::path(tag = "leave", params(("guid" = String, Path)), responses(
    (status = 200, body = Saved), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody),
    (status = 404, body = ProblemBody), (status = 409, body = ProblemBody)))]
#[delete("/api/v1/leaves/{guid}")]
pub async fn delete_leave(core: web::Data<Core>, Caller(by): Caller, guid: web::Path<String>) -> Answer {
    core.write(by, move |core, by| {
        let guid = guid.clone();
        async move { change::discard(&core, &by, &guid).await }
    })
    .await?;
    Ok(HttpResponse::Ok().json(Saved { rev: None, changed: true }))
}

/// Sends a draft: it gets an instance of its type's definition and a number.
#[utoipa::path(tag = "leave", params(("guid" = String, Path)), request_body = Sending, responses(
    (status = 200, body = Leave), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody),
    (status = 404, body = ProblemBody), (status = 409, body = ProblemBody), (status = 412, body = ProblemBody)))]
#[post("/api/v1/leaves/{guid}/submit")]
pub async fn post_leave_submit(
    core: web::Data<Core>,
    Caller(by): Caller,
    guid: web::Path<String>,
    Body(what): Body<Sending>,
) -> Answer {
    let after = core
        .write(by, move |core, by| {
            let (guid, what) = (guid.clone(), what.clone());
            async move { submit::submit(&core, &by, &guid, &what).await }
        })
        .await?;
    Ok(HttpResponse::Ok().json(after))
}

/// Takes a request back, as far as its definition lets one.
#[utoipa::path(tag = "leave", params(("guid" = String, Path)), request_body = Sending, responses(
    (status = 200, body = Leave), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody),
    (status = 404, body = ProblemBody), (status = 409, body = ProblemBody), (status = 412, body = ProblemBody)))]
#[post("/api/v1/leaves/{guid}/withdraw")]
pub async fn post_leave_withdraw(
    core: web::Data<Core>,
    Caller(by): Caller,
    guid: web::Path<String>,
    Body(what): Body<Sending>,
) -> Answer {
    let after = core
        .write(by, move |core, by| {
            let (guid, what) = (guid.clone(), what.clone());
            async move { submit::withdraw(&core, &by, &guid, &what).await }
        })
        .await?;
    Ok(HttpResponse::Ok().json(after))
}

/// Sends a request again that was sent back, as it is now: same instance, same number.
#[utoipa::path(tag = "leave", params(("guid" = String, Path)), request_body = Sending, responses(
    (status = 200, body = Leave), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody),
    (status = 404, body = ProblemBody), (status = 409, body = ProblemBody), (status = 412, body = ProblemBody)))]
#[post("/api/v1/leaves/{guid}/resubmit")]
pub async fn post_leave_resubmit(
    core: web::Data<Core>,
    Caller(by): Caller,
    guid: web::Path<String>,
    Body(what): Body<Sending>,
) -> Answer {
    let after = core
        .write(by, move |core, by| {
            let (guid, what) = (guid.clone(), what.clone());
            async move { submit::resubmit(&core, &by, &guid, &what).await }
        })
        .await?;
    Ok(HttpResponse::Ok().json(after))
}
