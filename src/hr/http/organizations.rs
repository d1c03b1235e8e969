//! The routes of organisations.

use super::{Answer, SearchQuery};
use crate::core::Core;
use crate::db::paging::{Listing, Page, PageQuery};
use crate::hr::model::{NewOrganization, Organization, OrganizationPatch};
use crate::hr::organizations;
use crate::web::answer::Saved;
use crate::web::extract::{Body, Caller};
use crate::web::problem::ProblemBody;
use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post, web};

/// Lists organisations.
#[utoipa::path(tag = "organizations", params(SearchQuery, PageQuery), responses(
    (status = 200, body = Listing<Organization>), (status = 403, body = ProblemBody)))]
#[get("/api/v1/organizations")]
pub async fn get_organizations(
    core: web::Data<Core>,
    request: HttpRequest,
    Caller(by): Caller,
    query: web::Query<SearchQuery>,
    page: web::Query<PageQuery>,
) -> Answer {
    let page = Page::from(*page);
    let (count, rows) = organizations::list(&core, &by, query.search.as_deref(), page).await?;
    Ok(HttpResponse::Ok().json(Listing::new(count, rows, page, request.path(), request.query_string())))
}

/// Reads one organisation.
#[utoipa::path(tag = "organizations", params(("guid" = String, Path)), responses(
    (status = 200, body = Organization), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody),
    (status = 404, body = ProblemBody)))]
#[get("/api/v1/organizations/{guid}")]
pub async fn get_organization(core: web::Data<Core>, Caller(by): Caller, guid: web::Path<String>) -> Answer {
    Ok(HttpResponse::Ok().json(organizations::get(&core, &by, &guid).await?))
}

/// Creates an organisation.
#[utoipa::path(tag = "organizations", request_body = NewOrganization, responses(
    (status = 201, body = Organization), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody),
    (status = 409, body = ProblemBody)))]
#[post("/api/v1/organizations")]
pub async fn post_organization(
    core: web::Data<Core>,
    Caller(by): Caller,
    Body(new): Body<NewOrganization>,
) -> Answer {
    let made = core
        .write(by, move |core, by| {
            let new = new.clone();
            async move { organizations::create(&core, &by, &new).await }
        })
        .await?;
    Ok(HttpResponse::Created().json(made))
}

/// `UpdateOrganization` (S1-36).
#[utoipa::path(tag = "organizations", params(("guid" = String, Path)), request_body = OrganizationPatch, responses(
    (status = 200, body = Organization), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody),
    (status = 404, body = ProblemBody), (status = 409, body = ProblemBody), (status = 412, body = ProblemBody)))]
#[patch("/api/v1/organizations/{guid}")]
pub async fn patch_organization(
    core: web::Data<Core>,
    Caller(by): Caller,
    guid: web::Path<String>,
    Body(patch): Body<OrganizationPatch>,
) -> Answer {
    let changed = core
        .write(by, move |core, by| {
            let (guid, patch) = (guid.clone(), patch.clone());
            async move { organizations::update(&core, &by, &guid, &patch).await }
        })
        .await?;
    Ok(HttpResponse::Ok().json(changed))
}

/// Deletes an organisation that no position and no staff record belongs to.
#[utoipa::path(tag = "organizations", params(("guid" = String, Path)), responses(
    (status = 200, body = Saved), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody),
    (status = 409, body = ProblemBody)))]
#[delete("/api/v1/organizations/{guid}")]
pub async fn delete_organization(
    core: web::Data<Core>,
    Caller(by): Caller,
    guid: web::Path<String>,
) -> Answer {
    core.write(by, move |core, by| {
        let guid = guid.clone();
        async move { organizations::delete(&core, &by, &guid).await }
    })
    .await?;
    Ok(HttpResponse::Ok().json(Saved { rev: None, changed: true }))
}
