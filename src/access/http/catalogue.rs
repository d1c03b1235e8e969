//! The routes of the permission catalogue.

use super::ForceQuery;
use crate::access::catalogue::{self, Among};
use crate::access::permission_model::{NewPermission, PermissionPatch};
use crate::access::roles::Holders;
use crate::core::Core;
use crate::db::listing::ListParams;
use crate::db::paging::Listing;
use crate::policy::Permission;
use crate::web::answer::Saved;
use crate::web::extract::{Body, Caller};
use crate::web::problem::{Answer, ProblemBody};
use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post, web};

/// Lists permissions, menus and buttons (S1-18); `search` looks into code, name and description. Filters: `id`, `application`
/// (0 is the core), `code`, `kind` (`api`, `menu` or `button`), `parent`, `level`, `builtin`, `critical`, `status`, each also
/// with `__in`; numbers with `__gte` and `__lte`. Ordering: `id`, `application`, `code`, `name`, `kind`, `level`, `sort`,
/// `status`.
#[utoipa::path(tag = "permissions", params(ListParams), responses(
    (status = 200, body = Listing<Permission>), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody)))]
#[get("/api/v1/permissions")]
pub async fn get_permissions(core: web::Data<Core>, request: HttpRequest, Caller(by): Caller) -> Answer {
    let wanted = catalogue::wanted(request.query_string())?;
    let (count, rows) = catalogue::list(&core, &by, &Among::default(), &wanted).await?;
    let page = wanted.page;
    Ok(HttpResponse::Ok().json(Listing::new(count, rows, page, request.path(), request.query_string())))
}

/// Creates a permission, menu or button that nobody has yet (E5).
#[utoipa::path(tag = "permissions", request_body = NewPermission, responses(
    (status = 201, body = Permission), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody),
    (status = 409, body = ProblemBody)))]
#[post("/api/v1/permissions")]
pub async fn post_permission(
    core: web::Data<Core>,
    Caller(by): Caller,
    Body(new): Body<NewPermission>,
) -> Answer {
    let row = core
        .write(by, move |core, by| {
            let new = new.clone();
            async move { catalogue::create(&core, &by, &new).await }
        })
        .await?;
    Ok(HttpResponse::Created().json(row))
}

/// Renames, moves, enables or disables a permission, menu or button (E5).
#[utoipa::path(tag = "permissions", params(("id" = i64, Path)), request_body = PermissionPatch, responses(
    (status = 200, body = Permission), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody),
    (status = 404, body = ProblemBody), (status = 412, body = ProblemBody)))]
#[patch("/api/v1/permissions/{id}")]
pub async fn patch_permission(
    core: web::Data<Core>,
    Caller(by): Caller,
    id: web::Path<i64>,
    Body(patch): Body<PermissionPatch>,
) -> Answer {
    let id = id.into_inner();
    let (_, row) = core
        .write(by, move |core, by| {
            let patch = patch.clone();
            async move { catalogue::update(&core, &by, id, &patch).await }
        })
        .await?;
    Ok(HttpResponse::Ok().json(row))
}

/// Deletes a permission, menu or button that is not builtin (E5).
#[utoipa::path(tag = "permissions", params(("id" = i64, Path), ForceQuery), responses(
    (status = 200, body = Saved), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody),
    (status = 409, body = ProblemBody)))]
#[delete("/api/v1/permissions/{id}")]
pub async fn delete_permission(
    core: web::Data<Core>,
    Caller(by): Caller,
    id: web::Path<i64>,
    query: web::Query<ForceQuery>,
) -> Answer {
    let id = id.into_inner();
    let holders = if query.force { Holders::Take } else { Holders::Refuse };
    let rev = core
        .write(by, move |core, by| async move { catalogue::delete(&core, &by, id, holders).await })
        .await?;
    Ok(HttpResponse::Ok().json(Saved::from(rev)))
}
