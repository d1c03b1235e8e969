//! The routes of roles and grants: parse, call one use case, answer.

use super::model::{Codes, GrantIn, GrantOut, NewRole, RoleOut, RolePatch};
use super::role_permissions::{Mode, Order, change};
use super::{account_roles, init, roles};
use crate::auth::http::Saved;
use crate::core::Core;
use crate::db::paging::{Listing, Page, PageQuery};
use crate::policy::{HolderId, Principal};
use crate::web::extract::{Body, Caller};
use crate::web::problem::{Problem, ProblemBody};
use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post, put, web};
use livegrant_actors::{AccountId, RoleId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

type Answer = Result<HttpResponse, Problem>;

/// What to look for in a list.
#[derive(Debug, Deserialize, IntoParams)]
pub struct SearchQuery {
    /// Part of the code or name.
    search: Option<String>,
}

/// Lists roles with their permissions.
#[utoipa::path(tag = "roles", params(SearchQuery, PageQuery), responses(
    (status = 200, body = Listing<RoleOut>), (status = 403, body = ProblemBody)))]
#[get("/api/v1/roles")]
pub async fn get_roles(
    core: web::Data<Core>,
    request: HttpRequest,
    Caller(by): Caller,
    query: web::Query<SearchQuery>,
    page: web::Query<PageQuery>,
) -> Answer {
    let page = Page::from(*page);
    let (count, rows) = roles::list(&core, &by, query.search.as_deref(), page).await?;
    Ok(HttpResponse::Ok().json(Listing::new(count, rows, page, request.path(), request.query_string())))
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

/// Whether to delete although somebody holds it.
#[derive(Debug, Deserialize, IntoParams)]
pub struct ForceQuery {
    /// Take it from its holders.
    #[serde(default)]
    force: bool,
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
    crate::auth::model::check_text("reason", &order.reason)?;
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

/// An account's roles.
#[derive(Debug, Serialize, ToSchema)]
pub struct GrantsOut {
    /// By id.
    roles: Vec<GrantOut>,
}

/// Lists the roles of an account.
#[utoipa::path(tag = "roles", params(("id" = i64, Path)), responses(
    (status = 200, body = GrantsOut), (status = 403, body = ProblemBody)))]
#[get("/api/v1/accounts/{id}/roles")]
pub async fn get_account_roles(core: web::Data<Core>, Caller(by): Caller, id: web::Path<i64>) -> Answer {
    let roles = account_roles::list(&core, &by, AccountId(id.into_inner())).await?;
    Ok(HttpResponse::Ok().json(GrantsOut { roles }))
}

/// The roles that an account is to have.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GrantsIn {
    /// All of them.
    roles: Vec<GrantIn>,
}

/// Gives an account exactly these roles (E1).
#[utoipa::path(tag = "roles", params(("id" = i64, Path)), request_body = GrantsIn, responses(
    (status = 200, body = Saved), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody)))]
#[put("/api/v1/accounts/{id}/roles")]
pub async fn put_account_roles(
    core: web::Data<Core>,
    Caller(by): Caller,
    id: web::Path<i64>,
    Body(body): Body<GrantsIn>,
) -> Answer {
    let id = AccountId(id.into_inner());
    let rev = core
        .write(by, move |core, by| {
            let body = body.clone();
            async move { account_roles::set(&core, &by, id, &body.roles).await }
        })
        .await?;
    Ok(HttpResponse::Ok().json(Saved::from(rev)))
}

/// The time limits of one grant.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PeriodIn {
    /// ISO 8601; at once when absent.
    #[serde(default)]
    valid_from: Option<String>,
    /// ISO 8601, exclusive; for good when absent.
    #[serde(default)]
    valid_to: Option<String>,
}

/// Gives an account a role (E1).
#[utoipa::path(tag = "roles", params(("id" = i64, Path), ("role" = i64, Path)), request_body = PeriodIn, responses(
    (status = 200, body = Saved), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody)))]
#[post("/api/v1/accounts/{id}/roles/{role}")]
pub async fn post_account_role(
    core: web::Data<Core>,
    Caller(by): Caller,
    path: web::Path<(i64, i64)>,
    Body(body): Body<PeriodIn>,
) -> Answer {
    let (account, role_id) = path.into_inner();
    let grant = GrantIn { role_id, valid_from: body.valid_from, valid_to: body.valid_to };
    let rev = core
        .write(by, move |core, by| {
            let grant = grant.clone();
            async move { account_roles::give(&core, &by, AccountId(account), &grant).await }
        })
        .await?;
    Ok(HttpResponse::Ok().json(Saved::from(rev)))
}

/// Takes a role from an account (E1).
#[utoipa::path(tag = "roles", params(("id" = i64, Path), ("role" = i64, Path)), responses(
    (status = 200, body = Saved), (status = 403, body = ProblemBody)))]
#[delete("/api/v1/accounts/{id}/roles/{role}")]
pub async fn delete_account_role(
    core: web::Data<Core>,
    Caller(by): Caller,
    path: web::Path<(i64, i64)>,
) -> Answer {
    let (account, role) = path.into_inner();
    let rev = core
        .write(by, move |core, by| async move {
            account_roles::take(&core, &by, AccountId(account), RoleId(role)).await
        })
        .await?;
    Ok(HttpResponse::Ok().json(Saved::from(rev)))
}

/// `InitSystemPermissions` (S1-37): adds what is missing; repeating changes nothing.
#[utoipa::path(tag = "system", responses((status = 200, body = Saved), (status = 403, body = ProblemBody)))]
#[post("/api/v1/system/init-permissions")]
pub async fn post_init_permissions(core: web::Data<Core>, Caller(by): Caller) -> Answer {
    let rev =
        core.write(by, |core, by| async move { init::init_system_permissions(&core, &by).await }).await?;
    Ok(HttpResponse::Ok().json(Saved::from(rev)))
}

/// Why the whole system is told again.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AdjustIn {
    /// For people; the frames carry it.
    reason: String,
}

/// A system-level adjustment: everyone who is online gets his whole set again (S3-29, E16).
#[utoipa::path(tag = "system", request_body = AdjustIn, responses(
    (status = 200, body = Saved), (status = 403, body = ProblemBody)))]
#[post("/api/v1/system/permission-adjustment")]
pub async fn post_adjust(core: web::Data<Core>, Caller(by): Caller, Body(body): Body<AdjustIn>) -> Answer {
    crate::auth::model::check_text("reason", &body.reason)?;
    let rev = core
        .write(by, move |core, by| {
            let body = body.clone();
            async move { init::adjust_system(&core, &by, &body.reason).await }
        })
        .await?;
    Ok(HttpResponse::Ok().json(Saved::from(rev)))
}
