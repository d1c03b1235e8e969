//! The routes of definitions.

use super::Answer;
use crate::core::Core;
use crate::db::paging::{Listing, Page, PageQuery};
use crate::refusal::Refusal;
use crate::web::extract::{Body, Caller};
use crate::web::problem::ProblemBody;
use crate::workflow::definitions::lifecycle::{self, Move};
use crate::workflow::definitions::model::{DefinitionOut, DefinitionPatch, NewDefinition, Status};
use crate::workflow::definitions::simulate::{self, Trial, TrialOut};
use crate::workflow::definitions::{draft, read};
use crate::workflow::stats::{self, StatsOut};
use crate::workflow::store::definitions::DefinitionFilter;
use crate::workflow::validate::Fault;
use actix_web::{HttpRequest, HttpResponse, get, patch, post, web};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Which versions to list.
#[derive(Debug, Deserialize, IntoParams)]
pub struct DefinitionQuery {
    /// `draft`, `published`, `suspended` or `retired`; all but retired ones when absent.
    status: Option<String>,
    /// Exactly this category.
    category: Option<String>,
    /// Part of the code or name.
    search: Option<String>,
}

/// Which version of a code.
#[derive(Debug, Deserialize, IntoParams)]
pub struct NumberQuery {
    /// From 1; the one that says most when absent.
    number: Option<i64>,
}

/// What is done, if nobody was faster.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MoveIn {
    /// The version that was read; a different one now is refused.
    version: Option<i64>,
}

/// Everything that is wrong.
#[derive(Debug, Serialize, ToSchema)]
pub struct ValidationOut {
    /// Nothing is wrong: it can be published.
    valid: bool,
    /// What is wrong, at most 100 things.
    faults: Vec<Fault>,
}

/// Lists definitions: with `workflow:admin` or `workflow:view` all versions, else what the caller may start.
#[utoipa::path(tag = "workflows", params(DefinitionQuery, PageQuery), responses(
    (status = 200, body = Listing<DefinitionOut>), (status = 400, body = ProblemBody)))]
#[get("/api/v1/workflows/definitions")]
pub async fn get_definitions(
    core: web::Data<Core>,
    request: HttpRequest,
    Caller(by): Caller,
    query: web::Query<DefinitionQuery>,
    page: web::Query<PageQuery>,
) -> Answer {
    let DefinitionQuery { status, category, search } = query.into_inner();
    if status.as_deref().is_some_and(|status| Status::of(status).is_none()) {
        let detail = "one of draft, published, suspended, retired";
        return Err(Refusal::invalid("status", "invalid", detail).into());
    }
    let (filter, page) = (DefinitionFilter { status, category, search }, Page::from(*page));
    let (count, rows) = read::list(&core, &by, &filter, page).await?;
    Ok(HttpResponse::Ok().json(Listing::new(count, rows, page, request.path(), request.query_string())))
}

/// Creates a definition: a first draft.
#[utoipa::path(tag = "workflows", request_body = NewDefinition, responses(
    (status = 201, body = DefinitionOut), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody),
    (status = 409, body = ProblemBody)))]
#[post("/api/v1/workflows/definitions")]
pub async fn post_definition(
    core: web::Data<Core>,
    Caller(by): Caller,
    Body(new): Body<NewDefinition>,
) -> Answer {
    let made = core
        .write(by, move |core, by| {
            let new = new.clone();
            async move { draft::create(&core, &by, &new).await }
        })
        .await?;
    Ok(HttpResponse::Created().json(made))
}

/// Reads a definition.
#[utoipa::path(tag = "workflows", params(("code" = String, Path), NumberQuery), responses(
    (status = 200, body = DefinitionOut), (status = 404, body = ProblemBody)))]
#[get("/api/v1/workflows/definitions/{code}")]
pub async fn get_definition(
    core: web::Data<Core>,
    Caller(by): Caller,
    code: web::Path<String>,
    query: web::Query<NumberQuery>,
) -> Answer {
    Ok(HttpResponse::Ok().json(read::get(&core, &by, &code, query.number).await?))
}

/// Changes the draft of a definition; where there is none, begins one with what is published.
#[utoipa::path(tag = "workflows", params(("code" = String, Path)), request_body = DefinitionPatch, responses(
    (status = 200, body = DefinitionOut), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody),
    (status = 404, body = ProblemBody), (status = 412, body = ProblemBody)))]
#[patch("/api/v1/workflows/definitions/{code}")]
pub async fn patch_definition(
    core: web::Data<Core>,
    Caller(by): Caller,
    code: web::Path<String>,
    Body(patch): Body<DefinitionPatch>,
) -> Answer {
    let changed = core
        .write(by, move |core, by| {
            let (code, patch) = (code.clone(), patch.clone());
            async move { draft::update(&core, &by, &code, &patch).await }
        })
        .await?;
    Ok(HttpResponse::Ok().json(changed))
}

/// Lists everything that keeps a version from being published.
#[utoipa::path(tag = "workflows", params(("code" = String, Path), NumberQuery), responses(
    (status = 200, body = ValidationOut), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody)))]
#[post("/api/v1/workflows/definitions/{code}/validate")]
pub async fn post_validate(
    core: web::Data<Core>,
    Caller(by): Caller,
    code: web::Path<String>,
    query: web::Query<NumberQuery>,
) -> Answer {
    let faults = lifecycle::validate(&core, &by, &code, query.number).await?;
    Ok(HttpResponse::Ok().json(ValidationOut { valid: faults.is_empty(), faults }))
}

/// Says what would happen with an instance; nothing is written.
#[utoipa::path(tag = "workflows", params(("code" = String, Path)), request_body = Trial, responses(
    (status = 200, body = TrialOut), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody),
    (status = 404, body = ProblemBody), (status = 409, body = ProblemBody)))]
#[post("/api/v1/workflows/definitions/{code}/simulate")]
pub async fn post_simulate(
    core: web::Data<Core>,
    Caller(by): Caller,
    code: web::Path<String>,
    Body(trial): Body<Trial>,
) -> Answer {
    Ok(HttpResponse::Ok().json(simulate::simulate(&core, &by, &code, &trial).await?))
}

async fn moved(core: web::Data<Core>, Caller(by): Caller, code: String, order: Move, body: MoveIn) -> Answer {
    let changed = core
        .write(by, move |core, by| {
            let (code, version) = (code.clone(), body.version);
            async move { lifecycle::change(&core, &by, &code, order, version).await }
        })
        .await?;
    Ok(HttpResponse::Ok().json(changed))
}

/// Publishes the draft: new instances start on it from now on, running ones stay on theirs (FW26).
#[utoipa::path(tag = "workflows", params(("code" = String, Path)), request_body = MoveIn, responses(
    (status = 200, body = DefinitionOut), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody),
    (status = 404, body = ProblemBody), (status = 409, body = ProblemBody), (status = 412, body = ProblemBody)))]
#[post("/api/v1/workflows/definitions/{code}/publish")]
pub async fn post_publish(
    core: web::Data<Core>,
    by: Caller,
    code: web::Path<String>,
    Body(body): Body<MoveIn>,
) -> Answer {
    moved(core, by, code.into_inner(), Move::Publish, body).await
}

/// Takes no new instances for now.
#[utoipa::path(tag = "workflows", params(("code" = String, Path)), request_body = MoveIn, responses(
    (status = 200, body = DefinitionOut), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody),
    (status = 409, body = ProblemBody), (status = 412, body = ProblemBody)))]
#[post("/api/v1/workflows/definitions/{code}/suspend")]
pub async fn post_suspend(
    core: web::Data<Core>,
    by: Caller,
    code: web::Path<String>,
    Body(body): Body<MoveIn>,
) -> Answer {
    moved(core, by, code.into_inner(), Move::Suspend, body).await
}

/// Takes new instances again.
#[utoipa::path(tag = "workflows", params(("code" = String, Path)), request_body = MoveIn, responses(
    (status = 200, body = DefinitionOut), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody),
    (status = 409, body = ProblemBody), (status = 412, body = ProblemBody)))]
#[post("/api/v1/workflows/definitions/{code}/activate")]
pub async fn post_activate(
    core: web::Data<Core>,
    by: Caller,
    code: web::Path<String>,
    Body(body): Body<MoveIn>,
) -> Answer {
    moved(core, by, code.into_inner(), Move::Activate, body).await
}

/// Takes no new instances any more; a draft that was never published is given up.
#[utoipa::path(tag = "workflows", params(("code" = String, Path)), request_body = MoveIn, responses(
    (status = 200, body = DefinitionOut), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody),
    (status = 409, body = ProblemBody), (status = 412, body = ProblemBody)))]
#[post("/api/v1/workflows/definitions/{code}/retire")]
pub async fn post_retire(
    core: web::Data<Core>,
    by: Caller,
    code: web::Path<String>,
    Body(body): Body<MoveIn>,
) -> Answer {
    moved(core, by, code.into_inner(), Move::Retire, body).await
}

/// What to count.
#[derive(Debug, Deserialize, IntoParams)]
pub struct StatsQuery {
    /// ISO 8601; instances that started then or later. 90 days before `to` when absent.
    from: Option<String>,
    /// ISO 8601; instances that started before. Now when absent.
    to: Option<String>,
    /// Only this definition.
    definition: Option<String>,
}

/// Counts instances and how long people took at each node (S2-72).
#[utoipa::path(tag = "workflows", params(StatsQuery), responses(
    (status = 200, body = StatsOut), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody)))]
#[get("/api/v1/workflows/stats")]
pub async fn get_stats(core: web::Data<Core>, Caller(by): Caller, query: web::Query<StatsQuery>) -> Answer {
    let StatsQuery { from, to, definition } = query.into_inner();
    let out = stats::stats(&core, &by, from.as_deref(), to.as_deref(), definition.as_deref()).await?;
    Ok(HttpResponse::Ok().json(out))
}
