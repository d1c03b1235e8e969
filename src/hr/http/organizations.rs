//! The routes of organisations.

use super::{Answer, page};
use crate::core::Core;
use crate::db::listing::ListParams;
use crate::db::paging::Listing;
use crate::hr::model::{NewOrganization, Organization, OrganizationPatch};
use crate::hr::organizations::{self, Part};
use crate::web::extract::{Body, Caller};
use crate::web::problem::ProblemBody;
use actix_web::{HttpRequest, HttpResponse, get, patch, post, web};
use serde::Deserialize;
use utoipa::IntoParams;

/// Which part of the tree.
#[derive(Debug, Deserialize, IntoParams)]
pub struct PartQuery {
    /// Guid of the organisation to look below; `root`: from the top.
    parent: Option<String>,
    /// So many levels; one with a parent, all without.
    depth: Option<i64>,
}

impl From<PartQuery> for Part {
    fn from(query: PartQuery) -> Self {
        Self { parent: query.parent, depth: query.depth }
    }
}

/// Lists organisations as far as the data scope reaches. Filters: `guid`, `code`, `name`, `level`, `status`,
/// `leader_staff_guid`, each also with `__in`; `level` and `status` with `__gte` and `__lte`. Ordering: `id`, `code`, `name`,
/// `level`, `sort`, `path`, `created_at`, `updated_at`.
#[utoipa::path(tag = "organizations", params(PartQuery, ListParams), responses(
    (status = 200, body = Listing<Organization>), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody),
    (status = 404, body = ProblemBody)))]
#[get("/api/v1/organizations")]
pub async fn get_organizations(
    core: web::Data<Core>,
    request: HttpRequest,
    Caller(by): Caller,
    part: web::Query<PartQuery>,
) -> Answer {
    let wanted = organizations::wanted(request.query_string())?;
    let rows = organizations::list(&core, &by, &part.into_inner().into(), &wanted).await?;
    page(&request, &wanted, rows)
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
