//! The routes of organisations that are about their tree: the whole of it, moves, and the end of one.

use super::Answer;
use super::organizations::PartQuery;
use crate::core::Core;
use crate::hr::delete_organization::{self as end, Deletion};
use crate::hr::model::{MoveTo, Organization, OrganizationMove, OrganizationTree};
use crate::hr::{move_organization, organizations};
use crate::web::extract::{Body, Caller};
use crate::web::problem::ProblemBody;
use actix_web::{HttpResponse, delete, get, post, web};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Reads the organisations as a tree with the numbers of people, as far as the data scope reaches; whoever has more than
/// 2,000 asks for a part.
#[utoipa::path(tag = "organizations", params(PartQuery), responses(
    (status = 200, body = OrganizationTree), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody),
    (status = 404, body = ProblemBody)))]
#[get("/api/v1/organizations/tree")]
pub async fn get_organization_tree(
    core: web::Data<Core>,
    Caller(by): Caller,
    part: web::Query<PartQuery>,
) -> Answer {
    let tree = organizations::read_tree(&core, &by, &part.into_inner().into()).await?;
    Ok(HttpResponse::Ok().json(tree))
}

/// What a move answers.
#[derive(Debug, Serialize, ToSchema)]
pub struct OrganizationMoved {
    /// The revision; null where it only came to another place among its siblings, or stayed.
    rev: Option<i64>,
    /// The organisation where it lies now.
    #[serde(flatten)]
    organization: Organization,
}

/// Moves an organisation with everything below it. Below itself: 400 `cycle`.
#[utoipa::path(tag = "organizations", params(("guid" = String, Path)), request_body = OrganizationMove, responses(
    (status = 200, body = OrganizationMoved), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody),
    (status = 404, body = ProblemBody), (status = 409, body = ProblemBody), (status = 412, body = ProblemBody)))]
#[post("/api/v1/organizations/{guid}/move")]
pub async fn post_organization_move(
    core: web::Data<Core>,
    Caller(by): Caller,
    guid: web::Path<String>,
    Body(wanted): Body<OrganizationMove>,
) -> Answer {
    let (rev, organization) = core
        .write(by, move |core, by| {
            let (guid, wanted) = (guid.clone(), wanted.clone());
            async move { move_organization::change(&core, &by, &guid, &wanted).await }
        })
        .await?;
    Ok(HttpResponse::Ok().json(OrganizationMoved { rev: rev.map(|rev| rev.0), organization }))
}

/// Where everything goes that belongs to an organisation which ends.
#[derive(Debug, Deserialize, IntoParams)]
pub struct DeleteQuery {
    /// `root`, or the guid of an organisation: people, positions and organisations below go there.
    move_staff_to: Option<String>,
    /// Only says what would move.
    #[serde(default)]
    preview: bool,
}

/// Deletes an organisation. While anything belongs to it: 409 `in_use`, unless `move_staff_to` says where that goes.
#[utoipa::path(tag = "organizations", params(("guid" = String, Path), DeleteQuery), responses(
    (status = 200, body = Deletion), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody),
    (status = 404, body = ProblemBody), (status = 409, body = ProblemBody)))]
#[delete("/api/v1/organizations/{guid}")]
pub async fn delete_organization(
    core: web::Data<Core>,
    Caller(by): Caller,
    guid: web::Path<String>,
    query: web::Query<DeleteQuery>,
) -> Answer {
    let to = match query.move_staff_to.as_deref() {
        None => MoveTo::Refuse,
        Some("root") => MoveTo::Top,
        Some(guid) => MoveTo::Organization(guid.to_owned()),
    };
    if query.preview {
        return Ok(HttpResponse::Ok().json(end::preview(&core, &by, &guid, &to).await?));
    }
    let deletion = core
        .write(by, move |core, by| {
            let (guid, to) = (guid.clone(), to.clone());
            async move { end::delete(&core, &by, &guid, &to).await }
        })
        .await?;
    Ok(HttpResponse::Ok().json(deletion))
}
