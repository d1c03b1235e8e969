//! The routes of substitutes.

use super::Answer;
use crate::core::Core;
use crate::db::paging::{Listing, Page, PageQuery};
use crate::web::answer::Saved;
use crate::web::extract::{Body, Caller};
use crate::web::problem::ProblemBody;
use crate::workflow::substitutes::{self, NewSubstitute, SubstituteMade, SubstituteOut};
use actix_web::{HttpRequest, HttpResponse, delete, get, post, web};
use serde::Deserialize;
use utoipa::IntoParams;

/// Whose substitutes.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
pub struct SubstituteQuery {
    /// Account or staff guid; the caller when absent. Others need `workflow:admin`.
    account_guid: Option<String>,
    /// Everybody's; needs `workflow:admin`.
    #[serde(default)]
    all: bool,
}

/// Lists who acts for somebody, and for whom he acts.
#[utoipa::path(tag = "workflows", params(SubstituteQuery, PageQuery), responses(
    (status = 200, body = Listing<SubstituteOut>), (status = 400, body = ProblemBody),
    (status = 403, body = ProblemBody)))]
#[get("/api/v1/workflows/substitutes")]
pub async fn get_substitutes(
    core: web::Data<Core>,
    request: HttpRequest,
    Caller(by): Caller,
    query: web::Query<SubstituteQuery>,
    page: web::Query<PageQuery>,
) -> Answer {
    let SubstituteQuery { account_guid, all } = query.into_inner();
    let page = Page::from(*page);
    let whose = if all { substitutes::Whose::Everybody } else { substitutes::Whose::Of(account_guid) };
    let (count, rows) = substitutes::list(&core, &by, &whose, page).await?;
    Ok(HttpResponse::Ok().json(Listing::new(count, rows, page, request.path(), request.query_string())))
}

/// Lets somebody act for the caller, or, with `workflow:admin`, for somebody else (FW25).
#[utoipa::path(tag = "workflows", request_body = NewSubstitute, responses(
    (status = 201, body = SubstituteMade), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody),
    (status = 409, body = ProblemBody)))]
#[post("/api/v1/workflows/substitutes")]
pub async fn post_substitute(
    core: web::Data<Core>,
    Caller(by): Caller,
    Body(new): Body<NewSubstitute>,
) -> Answer {
    let made = core
        .write(by, move |core, by| {
            let new = new.clone();
            async move { substitutes::create(&core, &by, &new).await }
        })
        .await?;
    Ok(HttpResponse::Created().json(made))
}

/// Ends a substitution; tasks that went to the substitute stay with him.
#[utoipa::path(tag = "workflows", params(("id" = i64, Path)), responses(
    (status = 200, body = Saved), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody)))]
#[delete("/api/v1/workflows/substitutes/{id}")]
pub async fn delete_substitute(core: web::Data<Core>, Caller(by): Caller, id: web::Path<i64>) -> Answer {
    let id = id.into_inner();
    core.write(by, move |core, by| async move { substitutes::delete(&core, &by, id).await }).await?;
    Ok(HttpResponse::Ok().json(Saved { rev: None, changed: true }))
}
