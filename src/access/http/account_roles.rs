//! The routes of the roles that an account holds.

use crate::access::account_roles;
use crate::access::model::{GrantIn, GrantOut};
use crate::core::Core;
use crate::web::answer::Saved;
use crate::web::extract::{Body, Caller};
use crate::web::problem::{Answer, ProblemBody};
use actix_web::{HttpResponse, delete, get, post, put, web};
use livegrant_actors::{AccountId, RoleId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

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
