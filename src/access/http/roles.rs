//! The routes of roles and of what roles may do.

use super::ForceQuery;
use crate::access::model::{Codes, NewRole, RoleOut, RolePatch};
use crate::access::role_permissions::{Mode, Order, change};
use crate::access::roles;
use crate::core::Core;
use crate::db::listing::ListParams;
use crate::db::paging::Listing;
use crate::policy::{HolderId, Principal};
use crate::text::check_text;
use crate::web::answer::Saved;
use crate::web::extract::{Body, Caller};
use crate::web::problem::{Answer, ProblemBody};
use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post, put, web};
use livegrant_actors::RoleId;
use serde::Serialize;
use utoipa::ToSchema;

/// Lists roles with their permissions. Filters: `id`, `code`, `name`, `kind`, `status`, `data_scope`, each also with `__in`;
/// `id` and `status` with `__gte` and `__lte`. Ordering: `id`, `code`, `name`, `created_at`, `updated_at`.
#[utoipa::path(tag = "roles", params(ListParams), responses(
    (status = 200, body = Listing<RoleOut>), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody)))]
#[get("/api/v1/roles")]
pub async fn get_roles(core: web::Data<Core>, request: HttpRequest, Caller(by): Caller) -> Answer {
    let wanted = roles::wanted(request.query_string())?;
    let (count, rows) = roles::list(&core, &by, &wanted).await?;
    Ok(HttpResponse::Ok().json(Listing::new(
        count,
        rows,
        wanted.page,
        request.path(),
        request.query_string(),
    )))
}

/// Reads one role.
#[utoipa::path(tag = "roles", params(("id" = i64, Path)), responses(
    (status = 200, body = RoleOut), (status = 404, body = ProblemBody)))]
#[get("/api/v1/roles/{id}")]
pub async fn get_role(core: web::Data<Core>, Caller(by): Caller, id: web::Path<i64>) -> Answer {
    Ok(HttpResponse::Ok().json(roles::get(&core, &by, RoleId(id.into_inner())).await?))
}

/// Creates a role without permissions (S1-44).
#[utoipa::path(tag = "roles", request_body = NewRole, responses(
    (status = 201, body = RoleOut), (status = 400, body = ProblemBody), (status = 409, body = ProblemBody)))]
#[post("/api/v1/roles")]
pub async fn post_role(core: web::Data<Core>, Caller(by): Caller, Body(new): Body<NewRole>) -> Answer {
    let role = core
        .write(by, move |core, by| {
            let new = new.clone();
            async move { roles::create(&core, &by, &new).await }
        })
        .await?;
    Ok(HttpResponse::Created().json(role))
}

/// Renames, enables or disables a role.
#[utoipa::path(tag = "roles", params(("id" = i64, Path)), request_body = RolePatch, responses(
    (status = 200, body = RoleOut), (status = 404, body = ProblemBody), (status = 412, body = ProblemBody)))]
#[patch("/api/v1/roles/{id}")]
pub async fn patch_role(
    core: web::Data<Core>,
    Caller(by): Caller,
    id: web::Path<i64>,
    Body(patch): Body<RolePatch>,
) -> Answer {
    let id = RoleId(id.into_inner());
    let role = core
        .write(by, move |core, by| {
            let patch = patch.clone();
            async move { roles::update(&core, &by, id, &patch).await }
        })
        .await?;
    Ok(HttpResponse::Ok().json(role))
}

/// Deletes a role.
#[utoipa::path(tag = "roles", params(("id" = i64, Path), ForceQuery), responses(
    (status = 200, body = Saved), (status = 404, body = ProblemBody), (status = 409, body = ProblemBody)))]
#[delete("/api/v1/roles/{id}")]
pub async fn delete_role(
    core: web::Data<Core>,
    Caller(by): Caller,
    id: web::Path<i64>,
    query: web::Query<ForceQuery>,
) -> Answer {
    let id = RoleId(id.into_inner());
    let holders = if query.force { roles::Holders::Take } else { roles::Holders::Refuse };
    let rev =
        core.write(by, move |core, by| async move { roles::delete(&core, &by, id, holders).await }).await?;
    Ok(HttpResponse::Ok().json(Saved::from(rev)))
}

/// What changing a role's permissions answers.
#[derive(Debug, Serialize, ToSchema)]
pub struct RoleSaved {
    /// The revision; null when nothing had to change.
    rev: Option<i64>,
    /// False: it already was so.
    changed: bool,
    /// The role as it is now.
    role: RoleOut,
}

async fn change_role(core: &Core, by: Principal, id: i64, mode: Mode, body: Codes) -> Answer {
    let id = RoleId(id);
    let order = Order { mode, codes: body.permissions, confirmed: body.confirm, reason: body.reason };
    check_text("reason", &order.reason)?;
    let (rev, role) = core
        .write(by, move |core, by| {
            let order = order.clone();
            async move {
                let rev = change(&core, &by, HolderId::Role(id), &order).await?;
                Ok((rev, roles::read(&core, &by, id).await?))
            }
        })
        .await?;
    Ok(HttpResponse::Ok().json(RoleSaved { rev: rev.map(|rev| rev.0), changed: rev.is_some(), role }))
}

/// Gives a role exactly these permissions (E2).
#[utoipa::path(tag = "roles", params(("id" = i64, Path)), request_body = Codes, responses(
    (status = 200, body = RoleSaved), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody)))]
#[put("/api/v1/roles/{id}/permissions")]
pub async fn put_role_permissions(
    core: web::Data<Core>,
    Caller(by): Caller,
    id: web::Path<i64>,
    Body(body): Body<Codes>,
) -> Answer {
    change_role(&core, by, *id, Mode::Set, body).await
}

/// Gives a role these permissions too (E2).
#[utoipa::path(tag = "roles", params(("id" = i64, Path)), request_body = Codes, responses(
    (status = 200, body = RoleSaved), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody)))]
#[post("/api/v1/roles/{id}/permissions/add")]
pub async fn post_role_permissions_add(
    core: web::Data<Core>,
    Caller(by): Caller,
    id: web::Path<i64>,
    Body(body): Body<Codes>,
) -> Answer {
    change_role(&core, by, *id, Mode::Add, body).await
}

/// Takes these permissions from a role (E2).
#[utoipa::path(tag = "roles", params(("id" = i64, Path)), request_body = Codes, responses(
    (status = 200, body = RoleSaved), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody)))]
#[post("/api/v1/roles/{id}/permissions/remove")]
pub async fn post_role_permissions_remove(
    core: web::Data<Core>,
    Caller(by): Caller,
    id: web::Path<i64>,
    Body(body): Body<Codes>,
) -> Answer {
    change_role(&core, by, *id, Mode::Remove, body).await
}
