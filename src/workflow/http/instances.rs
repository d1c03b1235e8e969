//! The routes of instances.

use super::Answer;
use crate::core::Core;
use crate::db::paging::{Listing, Page, PageQuery};
use crate::web::extract::{Body, Caller};
use crate::web::problem::ProblemBody;
use crate::workflow::comment::comment;
use crate::workflow::copy::{Informed, copy};
use crate::workflow::lists::{self, InstanceItem, InstanceOut, Wanted};
use crate::workflow::logs::{self, LineOut};
use crate::workflow::outcome::Outcome;
use crate::workflow::picture::{Picture, picture};
use crate::workflow::preview::PreviewOut;
use crate::workflow::remind::remind;
use crate::workflow::resubmit::{Again, resubmit};
use crate::workflow::start::{New, Started, foresee, start};
use crate::workflow::terminate::terminate;
use crate::workflow::withdraw::{Why, withdraw};
use actix_web::{HttpRequest, HttpResponse, get, post, web};
use serde::Deserialize;
use utoipa::IntoParams;

/// Which instances to list.
#[derive(Debug, Deserialize, IntoParams)]
pub struct InstanceQuery {
    /// `started` (default), `todo`, `done`, `copied` or `managed`.
    view: Option<String>,
    /// `running`, `approved`, `rejected`, `returned`, `withdrawn` or `cancelled`.
    status: Option<String>,
    /// Code of the definition.
    definition: Option<String>,
    /// Part of number, title or summary.
    search: Option<String>,
}

/// Lists instances: one's own, those to decide, decided, copied, managed (FW34).
#[utoipa::path(tag = "workflows", params(InstanceQuery, PageQuery), responses(
    (status = 200, body = Listing<InstanceItem>), (status = 400, body = ProblemBody)))]
#[get("/api/v1/workflows/instances")]
pub async fn get_instances(
    core: web::Data<Core>,
    request: HttpRequest,
    Caller(by): Caller,
    query: web::Query<InstanceQuery>,
    page: web::Query<PageQuery>,
) -> Answer {
    let page = Page::from(*page);
    let wanted = Wanted {
        view: query.view.as_deref(),
        status: query.status.as_deref(),
        definition: query.definition.as_deref(),
        search: query.search.as_deref(),
    };
    let (count, rows) = lists::instances(&core, &by, &wanted, page).await?;
    Ok(HttpResponse::Ok().json(Listing::new(count, rows, page, request.path(), request.query_string())))
}

/// Starts an instance.
#[utoipa::path(tag = "workflows", request_body = New, responses(
    (status = 201, body = Started), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody),
    (status = 409, body = ProblemBody)))]
#[post("/api/v1/workflows/instances")]
pub async fn post_instance(core: web::Data<Core>, Caller(by): Caller, Body(new): Body<New>) -> Answer {
    let started = core
        .write(by, move |core, by| {
            let new = new.clone();
            async move { start(&core, &by, &new).await }
        })
        .await?;
    Ok(HttpResponse::Created().json(started))
}

/// Says what would happen with an instance that is started so: the path, and who will be asked (FW28).
#[utoipa::path(tag = "workflows", request_body = New, responses(
    (status = 200, body = PreviewOut), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody)))]
#[post("/api/v1/workflows/instances/preview")]
pub async fn post_instance_preview(
    core: web::Data<Core>,
    Caller(by): Caller,
    Body(new): Body<New>,
) -> Answer {
    Ok(HttpResponse::Ok().json(foresee(&core, &by, &new).await?))
}

/// Reads an instance, with what of its form the caller may see (S1-29, FW29).
#[utoipa::path(tag = "workflows", params(("guid" = String, Path)), responses(
    (status = 200, body = InstanceOut), (status = 404, body = ProblemBody)))]
#[get("/api/v1/workflows/instances/{guid}")]
pub async fn get_instance(core: web::Data<Core>, Caller(by): Caller, guid: web::Path<String>) -> Answer {
    Ok(HttpResponse::Ok().json(lists::instance(&core, &by, &guid).await?))
}

/// Draws how far an instance is: done, current, upcoming (FW39).
#[utoipa::path(tag = "workflows", params(("guid" = String, Path)), responses(
    (status = 200, body = Picture), (status = 404, body = ProblemBody)))]
#[get("/api/v1/workflows/instances/{guid}/graph")]
pub async fn get_graph(core: web::Data<Core>, Caller(by): Caller, guid: web::Path<String>) -> Answer {
    Ok(HttpResponse::Ok().json(picture(&core, &by, &guid).await?))
}

/// Which part of a history.
#[derive(Debug, Deserialize, IntoParams)]
pub struct HistoryQuery {
    /// The `id` of the last line that is known: what comes behind it; from the beginning when absent.
    after: Option<i64>,
    /// 1 to 500; 500 when absent.
    page_size: Option<i64>,
}

/// Lists the history of an instance, oldest first.
#[utoipa::path(tag = "workflows", params(("guid" = String, Path), HistoryQuery), responses(
    (status = 200, body = Vec<LineOut>), (status = 400, body = ProblemBody), (status = 404, body = ProblemBody)))]
#[get("/api/v1/workflows/instances/{guid}/logs")]
pub async fn get_logs(
    core: web::Data<Core>,
    Caller(by): Caller,
    guid: web::Path<String>,
    query: web::Query<HistoryQuery>,
) -> Answer {
    let (after, size) = (query.after.unwrap_or(0), query.page_size.unwrap_or(logs::HISTORY_MAX));
    Ok(HttpResponse::Ok().json(logs::of_instance(&core, &by, &guid, after, size).await?))
}

/// Withdraws an instance; the initiator alone can (FW12).
#[utoipa::path(tag = "workflows", params(("guid" = String, Path)), request_body = Why, responses(
    (status = 200, body = Outcome), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody),
    (status = 404, body = ProblemBody), (status = 409, body = ProblemBody)))]
#[post("/api/v1/workflows/instances/{guid}/withdraw")]
pub async fn post_withdraw(
    core: web::Data<Core>,
    Caller(by): Caller,
    guid: web::Path<String>,
    Body(body): Body<Why>,
) -> Answer {
    let done = core
        .write(by, move |core, by| {
            let (guid, body) = (guid.clone(), body.clone());
            async move { withdraw(&core, &by, &guid, &body).await }
        })
        .await?;
    Ok(HttpResponse::Ok().json(done))
}

/// Hands a returned instance in again; the initiator alone can (FW11).
#[utoipa::path(tag = "workflows", params(("guid" = String, Path)), request_body = Again, responses(
    (status = 200, body = Outcome), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody),
    (status = 404, body = ProblemBody), (status = 409, body = ProblemBody)))]
#[post("/api/v1/workflows/instances/{guid}/resubmit")]
pub async fn post_resubmit(
    core: web::Data<Core>,
    Caller(by): Caller,
    guid: web::Path<String>,
    Body(body): Body<Again>,
) -> Answer {
    let done = core
        .write(by, move |core, by| {
            let (guid, body) = (guid.clone(), body.clone());
            async move { resubmit(&core, &by, &guid, &body).await }
        })
        .await?;
    Ok(HttpResponse::Ok().json(done))
}

/// Reminds everybody who has to act; 429 within the definition's pause (FW15).
#[utoipa::path(tag = "workflows", params(("guid" = String, Path)), request_body = Why, responses(
    (status = 200, body = Outcome), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody),
    (status = 404, body = ProblemBody), (status = 409, body = ProblemBody),
    (status = 429, body = ProblemBody)))]
#[post("/api/v1/workflows/instances/{guid}/remind")]
pub async fn post_remind(
    core: web::Data<Core>,
    Caller(by): Caller,
    guid: web::Path<String>,
    Body(body): Body<Why>,
) -> Answer {
    let done = core
        .write(by, move |core, by| {
            let (guid, body) = (guid.clone(), body.clone());
            async move { remind(&core, &by, &guid, &body).await }
        })
        .await?;
    Ok(HttpResponse::Ok().json(done))
}

/// Informs people of an instance (FW16).
#[utoipa::path(tag = "workflows", params(("guid" = String, Path)), request_body = Informed, responses(
    (status = 200, body = Outcome), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody),
    (status = 404, body = ProblemBody), (status = 409, body = ProblemBody)))]
#[post("/api/v1/workflows/instances/{guid}/copy")]
pub async fn post_copy(
    core: web::Data<Core>,
    Caller(by): Caller,
    guid: web::Path<String>,
    Body(body): Body<Informed>,
) -> Answer {
    let done = core
        .write(by, move |core, by| {
            let (guid, body) = (guid.clone(), body.clone());
            async move { copy(&core, &by, &guid, &body).await }
        })
        .await?;
    Ok(HttpResponse::Ok().json(done))
}

/// Says something about an instance; it moves nothing (FW36).
#[utoipa::path(tag = "workflows", params(("guid" = String, Path)), request_body = Why, responses(
    (status = 200, body = Outcome), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody),
    (status = 404, body = ProblemBody), (status = 409, body = ProblemBody)))]
#[post("/api/v1/workflows/instances/{guid}/comment")]
pub async fn post_comment(
    core: web::Data<Core>,
    Caller(by): Caller,
    guid: web::Path<String>,
    Body(body): Body<Why>,
) -> Answer {
    let done = core
        .write(by, move |core, by| {
            let (guid, body) = (guid.clone(), body.clone());
            async move { comment(&core, &by, &guid, &body).await }
        })
        .await?;
    Ok(HttpResponse::Ok().json(done))
}

/// Ends an instance, with a reason; `workflow:admin` or a manager of the definition (FW14).
#[utoipa::path(tag = "workflows", params(("guid" = String, Path)), request_body = Why, responses(
    (status = 200, body = Outcome), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody),
    (status = 404, body = ProblemBody), (status = 409, body = ProblemBody)))]
#[post("/api/v1/workflows/instances/{guid}/terminate")]
pub async fn post_terminate(
    core: web::Data<Core>,
    Caller(by): Caller,
    guid: web::Path<String>,
    Body(body): Body<Why>,
) -> Answer {
    let done = core
        .write(by, move |core, by| {
            let (guid, body) = (guid.clone(), body.clone());
            async move { terminate(&core, &by, &guid, &body).await }
        })
        .await?;
    Ok(HttpResponse::Ok().json(done))
}
