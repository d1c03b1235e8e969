//! The routes of positions and of what they carry.

use super::{Answer, page};
use crate::access::role_permissions::{Mode, Order};
use crate::core::Core;
use crate::db::listing::ListParams;
use crate::db::paging::Listing;
use crate::hr::model::{NewPosition, Position, PositionOut, PositionPatch};
use crate::hr::{position_permissions, positions};
use crate::policy::Principal;
use crate::web::answer::Saved;
use crate::web::extract::{Body, Caller};
use crate::web::problem::ProblemBody;
use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post, web};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Lists positions as far as the data scope reaches. Filters: `guid`, `code`, `name`, `organization_guid`, `is_manager`,
/// `level`, `status`, `data_scope`, each also with `__in`; `level` and `status` with `__gte` and `__lte`. Ordering: `id`,
/// `code`, `name`, `level`, `created_at`, `updated_at`.
#[utoipa::path(tag = "positions", params(ListParams), responses(
    (status = 200, body = Listing<Position>), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody)))]
#[get("/api/v1/positions")]
pub async fn get_positions(core: web::Data<Core>, request: HttpRequest, Caller(by): Caller) -> Answer {
    let wanted = positions::wanted(request.query_string())?;
    let rows = positions::list(&core, &by, &wanted).await?;
    page(&request, &wanted, rows)
}

/// Reads one position.
#[utoipa::path(tag = "positions", params(("guid" = String, Path)), responses(
    (status = 200, body = PositionOut), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody),
    (status = 404, body = ProblemBody)))]
#[get("/api/v1/positions/{guid}")]
pub async fn get_position(core: web::Data<Core>, Caller(by): Caller, guid: web::Path<String>) -> Answer {
    Ok(HttpResponse::Ok().json(positions::get(&core, &by, &guid).await?))
}

/// Creates a position without permissions (S1-44).
#[utoipa::path(tag = "positions", request_body = NewPosition, responses(
    (status = 201, body = PositionOut), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody),
    (status = 409, body = ProblemBody)))]
#[post("/api/v1/positions")]
pub async fn post_position(
    core: web::Data<Core>,
    Caller(by): Caller,
    Body(new): Body<NewPosition>,
) -> Answer {
    let made = core
        .write(by, move |core, by| {
            let new = new.clone();
            async move { positions::create(&core, &by, &new).await }
        })
        .await?;
    Ok(HttpResponse::Created().json(made))
}

/// Renames, moves, enables or disables a position.
#[utoipa::path(tag = "positions", params(("guid" = String, Path)), request_body = PositionPatch, responses(
    (status = 200, body = PositionOut), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody),
    (status = 404, body = ProblemBody), (status = 409, body = ProblemBody), (status = 412, body = ProblemBody)))]
#[patch("/api/v1/positions/{guid}")]
pub async fn patch_position(
    core: web::Data<Core>,
    Caller(by): Caller,
    guid: web::Path<String>,
    Body(patch): Body<PositionPatch>,
) -> Answer {
    let changed = core
        .write(by, move |core, by| {
            let (guid, patch) = (guid.clone(), patch.clone());
            async move { positions::update(&core, &by, &guid, &patch).await }
        })
        .await?;
    Ok(HttpResponse::Ok().json(changed))
}

/// Whether to delete although somebody is in it.
#[derive(Debug, Deserialize, IntoParams)]
pub struct ForceQuery {
    /// Take it from the people in it.
    #[serde(default)]
    force: bool,
}

/// Deletes a position.
#[utoipa::path(tag = "positions", params(("guid" = String, Path), ForceQuery), responses(
    (status = 200, body = Saved), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody),
    (status = 409, body = ProblemBody)))]
#[delete("/api/v1/positions/{guid}")]
pub async fn delete_position(
    core: web::Data<Core>,
    Caller(by): Caller,
    guid: web::Path<String>,
    query: web::Query<ForceQuery>,
) -> Answer {
    let holders = if query.force { positions::Holders::Take } else { positions::Holders::Refuse };
    let rev = core
        .write(by, move |core, by| {
            let guid = guid.clone();
            async move { positions::delete(&core, &by, &guid, holders).await }
        })
        .await?;
    Ok(HttpResponse::Ok().json(Saved::from(rev)))
}

/// What a position carries.
#[derive(Debug, Serialize, ToSchema)]
pub struct PositionPermissions {
    /// Codes, sorted.
    permissions: Vec<String>,
}

/// Lists what a position carries.
#[utoipa::path(tag = "positions", params(("guid" = String, Path)), responses(
    (status = 200, body = PositionPermissions), (status = 403, body = ProblemBody),
    (status = 404, body = ProblemBody)))]
#[get("/api/v1/positions/{guid}/permissions")]
pub async fn get_position_permissions(
    core: web::Data<Core>,
    Caller(by): Caller,
    guid: web::Path<String>,
) -> Answer {
    let permissions = position_permissions::list(&core, &by, &guid).await?;
    Ok(HttpResponse::Ok().json(PositionPermissions { permissions }))
}

/// Why a position is given a permission.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AssignIn {
    /// Must be true to grant `system:admin` (S1-47).
    #[serde(default)]
    confirm: bool,
    /// Why; the log and the pushed frames carry it.
    #[serde(default)]
    reason: String,
}

/// What changing a position's permissions answers.
#[derive(Debug, Serialize, ToSchema)]
pub struct PositionSaved {
    /// The revision; null when nothing had to change.
    rev: Option<i64>,
    /// False: it already was so.
    changed: bool,
    /// What it carries now, sorted.
    permissions: Vec<String>,
}

async fn change(core: &Core, by: Principal, guid: String, order: Order) -> Answer {
    crate::text::check_text("reason", &order.reason)?;
    let (rev, permissions) = core
        .write(by, move |core, by| {
            let (guid, order) = (guid.clone(), order.clone());
            async move { position_permissions::change(&core, &by, &guid, &order).await }
        })
        .await?;
    Ok(HttpResponse::Ok().json(PositionSaved {
        rev: rev.map(|rev| rev.0),
        changed: rev.is_some(),
        permissions,
    }))
}

/// `AssignPermissionToPosition` (S1-38); repeating it is harmless.
#[utoipa::path(tag = "positions", params(("guid" = String, Path), ("code" = String, Path)), request_body = AssignIn,
    responses((status = 200, body = PositionSaved), (status = 400, body = ProblemBody),
    (status = 403, body = ProblemBody), (status = 404, body = ProblemBody)))]
#[post("/api/v1/positions/{guid}/permissions/{code}")]
pub async fn post_position_permission(
    core: web::Data<Core>,
    Caller(by): Caller,
    path: web::Path<(String, String)>,
    Body(body): Body<AssignIn>,
) -> Answer {
    let (guid, permission) = path.into_inner();
    let order =
        Order { mode: Mode::Add, codes: vec![permission], confirmed: body.confirm, reason: body.reason };
    change(&core, by, guid, order).await
}

/// `RemovePermissionFromPosition` (S1-39); repeating it is harmless.
#[utoipa::path(tag = "positions", params(("guid" = String, Path), ("code" = String, Path)), responses(
    (status = 200, body = PositionSaved), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody),
    (status = 404, body = ProblemBody)))]
#[delete("/api/v1/positions/{guid}/permissions/{code}")]
pub async fn delete_position_permission(
    core: web::Data<Core>,
    Caller(by): Caller,
    path: web::Path<(String, String)>,
) -> Answer {
    let (guid, permission) = path.into_inner();
    let order =
        Order { mode: Mode::Remove, codes: vec![permission], confirmed: false, reason: String::new() };
    change(&core, by, guid, order).await
}
