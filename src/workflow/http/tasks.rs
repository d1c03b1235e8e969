//! The routes of tasks.

use super::Answer;
use crate::core::Core;
use crate::db::paging::{Listing, Page, PageQuery};
use crate::web::extract::{Body, Caller};
use crate::web::problem::{Problem, ProblemBody};
use crate::workflow::add_sign::{Added, add_sign};
use crate::workflow::batch::{self, Batch};
use crate::workflow::decide::{Decision, Verdict, decide};
use crate::workflow::delegate::delegate;
use crate::workflow::handover::{HandedOver, Handover, handover};
use crate::workflow::lists::{self, Counts, TodoItem};
use crate::workflow::outcome::Outcome;
use crate::workflow::remove_sign::{Removed, remove_sign};
use crate::workflow::send_back::{Back, send_back};
use crate::workflow::take_back::take_back;
use crate::workflow::transfer::{To, transfer};
use crate::workflow::withdraw::Why;
use actix_web::{HttpRequest, HttpResponse, get, post, web};
use serde::Serialize;
use utoipa::ToSchema;

/// A to-do list, with the counts of all of the caller's lists.
#[derive(Debug, Serialize, ToSchema)]
pub struct TodoListing {
    /// The page.
    #[serde(flatten)]
    pub page: Listing<TodoItem>,
    /// How much is in each list.
    pub counts: Counts,
}

/// Lists what the caller has to do, with counts (FW34).
#[utoipa::path(tag = "workflows", params(PageQuery), responses((status = 200, body = TodoListing)))]
#[get("/api/v1/workflows/tasks")]
pub async fn get_tasks(
    core: web::Data<Core>,
    request: HttpRequest,
    Caller(by): Caller,
    page: web::Query<PageQuery>,
) -> Answer {
    let page = Page::from(*page);
    let (counts, rows) = lists::todo(&core, &by, page).await?;
    let page = Listing::new(counts.todo, rows, page, request.path(), request.query_string());
    Ok(HttpResponse::Ok().json(TodoListing { page, counts }))
}

/// What became of one task of a batch.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BatchItem {
    /// The task.
    pub task_guid: String,
    /// Approved.
    pub ok: bool,
    /// Where the instance stands now.
    pub outcome: Option<Outcome>,
    /// Why not.
    pub code: Option<&'static str>,
    /// The same for people.
    pub detail: Option<String>,
}

/// Approves many tasks, each in a transaction of its own (FW37).
#[utoipa::path(tag = "workflows", request_body = Batch, responses(
    (status = 200, body = Vec<BatchItem>), (status = 400, body = ProblemBody)))]
#[post("/api/v1/workflows/tasks/batch-approve")]
pub async fn post_batch_approve(
    core: web::Data<Core>,
    Caller(by): Caller,
    Body(body): Body<Batch>,
) -> Answer {
    batch::check(&body)?;
    let mut items = Vec::with_capacity(body.task_guids.len());
    for task in &body.task_guids {
        let (guid, body) = (task.clone(), body.clone());
        let done = core
            .write(by.clone(), move |core, by| {
                let (guid, body) = (guid.clone(), body.clone());
                async move { batch::approve_one(&core, &by, &guid, &body).await }
            })
            .await;
        items.push(match done {
            Ok(outcome) => {
                let outcome = Some(outcome);
                BatchItem { task_guid: task.clone(), ok: true, outcome, code: None, detail: None }
            }
            Err(refusal) => {
                let problem = Problem::from(refusal);
                let (code, detail) = (Some(problem.code()), Some(problem.to_string()));
                BatchItem { task_guid: task.clone(), ok: false, outcome: None, code, detail }
            }
        });
    }
    Ok(HttpResponse::Ok().json(items))
}

/// Approves a task, or reports it done (S1-28, S1-34). 409 `already_handled` names who was first.
#[utoipa::path(tag = "workflows", params(("guid" = String, Path)), request_body = Decision, responses(
    (status = 200, body = Outcome), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody),
    (status = 404, body = ProblemBody), (status = 409, body = ProblemBody)))]
#[post("/api/v1/workflows/tasks/{guid}/approve")]
pub async fn post_approve(
    core: web::Data<Core>,
    Caller(by): Caller,
    guid: web::Path<String>,
    Body(body): Body<Decision>,
) -> Answer {
    let done = core
        .write(by, move |core, by| {
            let (guid, body) = (guid.clone(), body.clone());
            async move { decide(&core, &by, &guid, Verdict::Approve, &body).await }
        })
        .await?;
    Ok(HttpResponse::Ok().json(done))
}

/// Rejects a task (S1-28).
#[utoipa::path(tag = "workflows", params(("guid" = String, Path)), request_body = Decision, responses(
    (status = 200, body = Outcome), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody),
    (status = 404, body = ProblemBody), (status = 409, body = ProblemBody)))]
#[post("/api/v1/workflows/tasks/{guid}/reject")]
pub async fn post_reject(
    core: web::Data<Core>,
    Caller(by): Caller,
    guid: web::Path<String>,
    Body(body): Body<Decision>,
) -> Answer {
    let done = core
        .write(by, move |core, by| {
            let (guid, body) = (guid.clone(), body.clone());
            async move { decide(&core, &by, &guid, Verdict::Reject, &body).await }
        })
        .await?;
    Ok(HttpResponse::Ok().json(done))
}

/// Sends the instance back (FW10).
#[utoipa::path(tag = "workflows", params(("guid" = String, Path)), request_body = Back, responses(
    (status = 200, body = Outcome), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody),
    (status = 404, body = ProblemBody), (status = 409, body = ProblemBody)))]
#[post("/api/v1/workflows/tasks/{guid}/return")]
pub async fn post_return(
    core: web::Data<Core>,
    Caller(by): Caller,
    guid: web::Path<String>,
    Body(body): Body<Back>,
) -> Answer {
    let done = core
        .write(by, move |core, by| {
            let (guid, body) = (guid.clone(), body.clone());
            async move { send_back(&core, &by, &guid, &body).await }
        })
        .await?;
    Ok(HttpResponse::Ok().json(done))
}

/// Hands a task over for good (FW6).
#[utoipa::path(tag = "workflows", params(("guid" = String, Path)), request_body = To, responses(
    (status = 200, body = Outcome), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody),
    (status = 404, body = ProblemBody), (status = 409, body = ProblemBody)))]
#[post("/api/v1/workflows/tasks/{guid}/transfer")]
pub async fn post_transfer(
    core: web::Data<Core>,
    Caller(by): Caller,
    guid: web::Path<String>,
    Body(body): Body<To>,
) -> Answer {
    let done = core
        .write(by, move |core, by| {
            let (guid, body) = (guid.clone(), body.clone());
            async move { transfer(&core, &by, &guid, &body).await }
        })
        .await?;
    Ok(HttpResponse::Ok().json(done))
}

/// Asks somebody for advice; the task comes back (FW7).
#[utoipa::path(tag = "workflows", params(("guid" = String, Path)), request_body = To, responses(
    (status = 200, body = Outcome), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody),
    (status = 404, body = ProblemBody), (status = 409, body = ProblemBody)))]
#[post("/api/v1/workflows/tasks/{guid}/delegate")]
pub async fn post_delegate(
    core: web::Data<Core>,
    Caller(by): Caller,
    guid: web::Path<String>,
    Body(body): Body<To>,
) -> Answer {
    let done = core
        .write(by, move |core, by| {
            let (guid, body) = (guid.clone(), body.clone());
            async move { delegate(&core, &by, &guid, &body).await }
        })
        .await?;
    Ok(HttpResponse::Ok().json(done))
}

/// Adds people before, after or beside (FW8).
#[utoipa::path(tag = "workflows", params(("guid" = String, Path)), request_body = Added, responses(
    (status = 200, body = Outcome), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody),
    (status = 404, body = ProblemBody), (status = 409, body = ProblemBody)))]
#[post("/api/v1/workflows/tasks/{guid}/add-sign")]
pub async fn post_add_sign(
    core: web::Data<Core>,
    Caller(by): Caller,
    guid: web::Path<String>,
    Body(body): Body<Added>,
) -> Answer {
    let done = core
        .write(by, move |core, by| {
            let (guid, body) = (guid.clone(), body.clone());
            async move { add_sign(&core, &by, &guid, &body).await }
        })
        .await?;
    Ok(HttpResponse::Ok().json(done))
}

/// Takes away people who were added (FW9).
#[utoipa::path(tag = "workflows", params(("guid" = String, Path)), request_body = Removed, responses(
    (status = 200, body = Outcome), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody),
    (status = 404, body = ProblemBody), (status = 409, body = ProblemBody)))]
#[post("/api/v1/workflows/tasks/{guid}/remove-sign")]
pub async fn post_remove_sign(
    core: web::Data<Core>,
    Caller(by): Caller,
    guid: web::Path<String>,
    Body(body): Body<Removed>,
) -> Answer {
    let done = core
        .write(by, move |core, by| {
            let (guid, body) = (guid.clone(), body.clone());
            async move { remove_sign(&core, &by, &guid, &body).await }
        })
        .await?;
    Ok(HttpResponse::Ok().json(done))
}

/// Takes one's own decision back while the next node is untouched (FW13).
#[utoipa::path(tag = "workflows", params(("guid" = String, Path)), request_body = Why, responses(
    (status = 200, body = Outcome), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody),
    (status = 404, body = ProblemBody), (status = 409, body = ProblemBody)))]
#[post("/api/v1/workflows/tasks/{guid}/take-back")]
pub async fn post_take_back(
    core: web::Data<Core>,
    Caller(by): Caller,
    guid: web::Path<String>,
    Body(body): Body<Why>,
) -> Answer {
    let done = core
        .write(by, move |core, by| {
            let (guid, body) = (guid.clone(), body.clone());
            async move { take_back(&core, &by, &guid, &body).await }
        })
        .await?;
    Ok(HttpResponse::Ok().json(done))
}

/// Makes everything that somebody has to do somebody else's (FW43).
#[utoipa::path(tag = "workflows", request_body = Handover, responses(
    (status = 200, body = HandedOver), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody)))]
#[post("/api/v1/workflows/handover")]
pub async fn post_handover(core: web::Data<Core>, Caller(by): Caller, Body(body): Body<Handover>) -> Answer {
    let done = core
        .write(by, move |core, by| {
            let body = body.clone();
            async move { handover(&core, &by, &body).await }
        })
        .await?;
    Ok(HttpResponse::Ok().json(done))
}
