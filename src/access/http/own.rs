//! The routes that tell a caller what he may do: what clients show by. Enforcement never rests on them (C20).

use crate::access::menus::{MenuOut, tree};
use crate::access::scope::{self, ScopeOut};
use crate::core::Core;
use crate::policy::Principal;
use crate::web::etag::tagged;
use crate::web::extract::Caller;
use crate::web::problem::{Answer, ProblemBody};
use actix_web::{HttpRequest, HttpResponse, get, web};
use livegrant_actors::{PositionView, RoleView, State};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa::ToSchema;

/// What the caller holds, as his tabs are told.
#[derive(Debug, Serialize, ToSchema)]
pub struct OwnPermissions {
    /// All codes, sorted.
    #[schema(value_type = Vec<String>)]
    permissions: Arc<[Arc<str>]>,
    /// Roles that count now.
    #[schema(value_type = Vec<Object>)]
    roles: Arc<[RoleView]>,
    /// Positions that count now.
    #[schema(value_type = Vec<Object>)]
    positions: Arc<[PositionView]>,
    /// What the codes reach that do not reach everything in the company, by code (FC7).
    data_scopes: BTreeMap<String, ScopeOut>,
    /// Revision of this state.
    permission_version: i64,
    /// Hash of this state; its `ETag`.
    #[schema(value_type = String)]
    hash: Arc<str>,
    /// Incarnation of the policy log.
    #[schema(value_type = String)]
    epoch: Arc<str>,
    /// Version of the menu tree.
    #[schema(value_type = String)]
    menu_version: Arc<str>,
    /// Version of `data_scopes`; null where there are none.
    #[schema(value_type = Option<String>)]
    data_scope_version: Option<Arc<str>>,
}

fn state(core: &Core, by: &Principal) -> Arc<State> {
    core.policy.published(by.member(), by.session().view)
}

/// Answers the caller's permissions, roles and positions. With `If-None-Match` the hash that a client has: 304 when it
/// still is so; `X-Permission-Version` says the revision either way.
#[utoipa::path(tag = "access", responses(
    (status = 200, body = OwnPermissions), (status = 304), (status = 401, body = ProblemBody)))]
#[get("/api/v1/me/permissions")]
pub async fn get_own_permissions(core: web::Data<Core>, request: HttpRequest, Caller(by): Caller) -> Answer {
    let state = state(&core, &by);
    let data_scopes = scope::limits(&core, &by).await?;
    let body = OwnPermissions {
        data_scopes,
        permissions: Arc::clone(&state.permissions),
        roles: Arc::clone(&state.roles),
        positions: Arc::clone(&state.positions),
        permission_version: state.rev.0,
        hash: Arc::clone(&state.hash),
        epoch: Arc::clone(&state.epoch),
        menu_version: Arc::clone(&state.menu_version),
        data_scope_version: state.data_scope_version.clone(),
    };
    Ok(tagged(&request, &state.hash, &body))
}

/// The caller's menus.
#[derive(Debug, Serialize, ToSchema)]
pub struct OwnMenus {
    /// Changes whenever the tree does; its `ETag`.
    #[schema(value_type = String)]
    menu_version: Arc<str>,
    /// The tree.
    menus: Vec<MenuOut>,
}

/// Answers the menus and buttons that the caller sees, as a tree in their order.
#[utoipa::path(tag = "access", responses(
    (status = 200, body = OwnMenus), (status = 304), (status = 401, body = ProblemBody)))]
#[get("/api/v1/me/menus")]
pub async fn get_own_menus(core: web::Data<Core>, request: HttpRequest, Caller(by): Caller) -> Answer {
    // The state first: a tree may be newer than its version, and is then asked for again; never older.
    let state = state(&core, &by);
    let menus = core.policy.with_facts(|facts| tree(&facts.catalogue, &state.permissions));
    let body = OwnMenus { menu_version: Arc::clone(&state.menu_version), menus };
    Ok(tagged(&request, &state.menu_version, &body))
}

/// The caller's function codes.
#[derive(Debug, Serialize, ToSchema)]
pub struct FunctionCodes {
    /// 0: it went well.
    code: i64,
    /// All codes, sorted.
    #[schema(value_type = Vec<String>)]
    data: Arc<[Arc<str>]>,
    /// Revision of the permission state.
    permission_version: i64,
}

fn function_codes(core: &Core, by: &Principal, request: &HttpRequest) -> HttpResponse {
    let state = state(core, by);
    let data = Arc::clone(&state.permissions);
    let body = FunctionCodes { code: 0, data, permission_version: state.rev.0 };
    tagged(request, &state.hash, &body)
}

/// Answers all function codes of the caller (S4-86).
#[utoipa::path(tag = "access", responses(
    (status = 200, body = FunctionCodes), (status = 304), (status = 401, body = ProblemBody)))]
#[get("/role/getFunctionCodeList")]
pub async fn get_function_codes(core: web::Data<Core>, request: HttpRequest, Caller(by): Caller) -> Answer {
    Ok(function_codes(&core, &by, &request))
}

/// The same at its place among the other paths.
#[utoipa::path(tag = "access", responses(
    (status = 200, body = FunctionCodes), (status = 304), (status = 401, body = ProblemBody)))]
#[get("/api/v1/role/getFunctionCodeList")]
pub async fn get_function_codes_v1(
    core: web::Data<Core>,
    request: HttpRequest,
    Caller(by): Caller,
) -> Answer {
    Ok(function_codes(&core, &by, &request))
}
