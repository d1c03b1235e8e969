//! The routes of accounts and passwords.

use crate::auth::change_password::{change_own, reset};
use crate::auth::model::{AccountPatch, AccountView, NewAccount};
use crate::auth::{Keys, accounts, update_account};
use crate::core::Core;
use crate::db::listing::ListParams;
use crate::db::paging::Listing;
use crate::web::answer::Saved;
use crate::web::extract::{Body, Caller};
use crate::web::problem::{Answer, ProblemBody};
use actix_web::{HttpRequest, HttpResponse, get, patch, post, web};
use livegrant_actors::AccountId;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// Lists the accounts that the caller reaches (S2-29); `search` looks into login name, display name and telephone number.
/// Filters: `id`, `guid`, `username`, `role` (`user`, `admin`, `manager` or `employee`), `department`, `email`, `phone`,
/// `status` (1 enabled, 0 disabled), `created_at`, `last_login_at`, each also with `__in`; numbers and times with `__gte` and
/// `__lte`. Ordering: `id`, `username`, `display_name`, `department`, `role`, `status`, `created_at`, `updated_at`,
/// `last_login_at`.
#[utoipa::path(tag = "accounts", params(ListParams), responses(
    (status = 200, body = Listing<AccountView>), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody)))]
#[get("/api/accounts/users/")]
pub async fn get_accounts(core: web::Data<Core>, request: HttpRequest, Caller(by): Caller) -> Answer {
    let wanted = accounts::wanted(request.query_string())?;
    let (count, rows) = accounts::list(&core, &by, &wanted).await?;
    let rows: Vec<AccountView> = rows.into_iter().map(Into::into).collect();
    let page = wanted.page;
    Ok(HttpResponse::Ok().json(Listing::new(count, rows, page, request.path(), request.query_string())))
}

/// The caller's own account with everything that a client starts with.
#[derive(Debug, Serialize, ToSchema)]
pub struct MeOut {
    #[serde(flatten)]
    user: AccountView,
    /// Roles that count now.
    #[schema(value_type = Vec<Object>)]
    roles: Arc<[livegrant_actors::RoleView]>,
    /// Positions that count now.
    #[schema(value_type = Vec<Object>)]
    positions: Arc<[livegrant_actors::PositionView]>,
    /// All codes, sorted.
    #[schema(value_type = Vec<String>)]
    permissions: Arc<[Arc<str>]>,
    /// Revision of this state.
    permission_version: i64,
    /// Hash of this state.
    #[schema(value_type = String)]
    hash: Arc<str>,
    /// The company that the session works in.
    company: CompanyOut,
    /// The application that the session works in.
    application: ApplicationOut,
}

/// The company that a session works in.
#[derive(Debug, Serialize, ToSchema)]
pub struct CompanyOut {
    id: i64,
    name: String,
}

/// The application that a session works in.
#[derive(Debug, Serialize, ToSchema)]
pub struct ApplicationOut {
    id: i64,
    code: String,
    name: String,
}

/// Reads the caller's own account (S2-30).
#[utoipa::path(tag = "accounts", responses((status = 200, body = MeOut), (status = 401, body = ProblemBody)))]
#[get("/api/accounts/users/me/")]
pub async fn get_me(core: web::Data<Core>, Caller(by): Caller) -> Answer {
    let (row, place) = accounts::me(&core, &by).await?;
    let user = row.into();
    let view = by.session().view;
    let state = core.policy.published(by.member(), view);
    Ok(HttpResponse::Ok().json(MeOut {
        user,
        roles: Arc::clone(&state.roles),
        positions: Arc::clone(&state.positions),
        permissions: Arc::clone(&state.permissions),
        permission_version: state.rev.0,
        hash: Arc::clone(&state.hash),
        company: CompanyOut { id: view.company.0, name: place.company },
        application: ApplicationOut {
            id: view.application.0,
            code: place.application_code,
            name: place.application,
        },
    }))
}

/// Creates an account (S2-31).
#[utoipa::path(tag = "accounts", request_body = NewAccount, responses(
    (status = 201, body = AccountView), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody),
    (status = 409, body = ProblemBody)))]
#[post("/api/accounts/users/")]
pub async fn post_account(
    core: web::Data<Core>,
    keys: web::Data<Keys>,
    Caller(by): Caller,
    Body(new): Body<NewAccount>,
) -> Answer {
    let row = core
        .write(by, move |core, by| {
            let (keys, new) = (keys.clone(), new.clone());
            async move { accounts::create(&core, &keys, &by, &new).await }
        })
        .await?;
    Ok(HttpResponse::Created().json(AccountView::from(row)))
}

/// Changes an account (S2-32).
#[utoipa::path(tag = "accounts", params(("id" = i64, Path)), request_body = AccountPatch, responses(
    (status = 200, body = AccountView), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody),
    (status = 412, body = ProblemBody)))]
#[patch("/api/accounts/users/{id}/")]
pub async fn patch_account(
    core: web::Data<Core>,
    Caller(by): Caller,
    id: web::Path<i64>,
    Body(patch): Body<AccountPatch>,
) -> Answer {
    let id = AccountId(id.into_inner());
    let (row, _) = core
        .write(by, move |core, by| {
            let patch = patch.clone();
            async move { update_account::update(&core, &by, id, &patch).await }
        })
        .await?;
    Ok(HttpResponse::Ok().json(AccountView::from(row)))
}

/// The old and the new password.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordIn {
    /// The present password.
    old_password: String,
    /// The next one.
    new_password: String,
}

/// Changes the caller's password (S2-33); his other sessions end.
#[utoipa::path(tag = "accounts", request_body = PasswordIn, responses(
    (status = 200, body = Saved), (status = 400, body = ProblemBody)))]
#[post("/api/accounts/users/change_password/")]
pub async fn post_change_password(
    core: web::Data<Core>,
    keys: web::Data<Keys>,
    Caller(by): Caller,
    Body(body): Body<PasswordIn>,
) -> Answer {
    let rev = core
        .write(by, move |core, by| {
            let (keys, body) = (keys.clone(), body.clone());
            async move { change_own(&core, &keys, &by, &body.old_password, &body.new_password).await }
        })
        .await?;
    Ok(HttpResponse::Ok().json(Saved::from(rev)))
}

/// A password set by an administrator.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResetIn {
    /// The next password; the owner is asked to change it.
    new_password: String,
}

/// Sets somebody's password; all of his sessions end.
#[utoipa::path(tag = "accounts", params(("id" = i64, Path)), request_body = ResetIn, responses(
    (status = 200, body = Saved), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody)))]
#[post("/api/v1/accounts/{id}/reset-password")]
pub async fn post_reset_password(
    core: web::Data<Core>,
    keys: web::Data<Keys>,
    Caller(by): Caller,
    id: web::Path<i64>,
    Body(body): Body<ResetIn>,
) -> Answer {
    let id = AccountId(id.into_inner());
    let rev = core
        .write(by, move |core, by| {
            let (keys, body) = (keys.clone(), body.clone());
            async move { reset(&core, &keys, &by, id, &body.new_password).await }
        })
        .await?;
    Ok(HttpResponse::Ok().json(Saved::from(rev)))
}
