//! The routes: `/mcp` itself, what it says of itself (RFC 9728), and the service tokens.
//! `/mcp` takes POST alone: there are no sessions, so there is nothing to GET or DELETE (405).

use super::call::Guest;
use super::handler::Handler;
use super::model::{ApiClient, NewApiClient};
use super::rate::Rate;
use super::scope::Scope;
use super::{audit, bridge, clients, door};
use crate::core::Core;
use crate::db::paging::{Listing, Page, PageQuery};
use crate::refusal::Refusal;
use crate::web::answer::Saved;
use crate::web::denials::Denials;
use crate::web::extract::{Body, Caller, body_bytes, origin_of};
use crate::web::problem::{Answer, Problem, ProblemBody};
use actix_web::http::header::{HeaderValue, WWW_AUTHENTICATE};
use actix_web::{HttpRequest, HttpResponse, delete, get, post, web};
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use serde::Serialize;
use std::fmt;
use std::sync::Arc;
use utoipa::ToSchema;

/// The endpoint of a node.
pub struct Mcp {
    service: StreamableHttpService<Handler, NeverSessionManager>,
    rate: Rate,
}

impl fmt::Debug for Mcp {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Mcp")
    }
}

impl Mcp {
    /// Makes it of the rooms that its tools need.
    pub fn new(core: &Core, denials: &Arc<Denials>) -> Self {
        let handler = Handler::new(core.clone(), Arc::clone(denials));
        // Stateless for every revision: a request brings its token, and any node may answer it. Host and origin were looked
        // at by the door, and the body was read and bounded by the server.
        let config = StreamableHttpServerConfig::default()
            .with_legacy_session_mode(false)
            .with_json_response(true)
            .disable_allowed_hosts()
            .disable_allowed_origins()
            .with_max_request_body_bytes(core.settings.server.body_limit_bytes);
        let sessions = Arc::new(NeverSessionManager::default());
        Self {
            service: StreamableHttpService::new(move || Ok(handler.clone()), sessions, config),
            rate: Rate::new(core.settings.mcp.calls_per_minute),
        }
    }
}

/// The Model Context Protocol, Streamable HTTP, stateless: one JSON-RPC message a request. `docs/mcp.md` lists the tools.
#[utoipa::path(tag = "mcp", request_body = Object, responses(
    (status = 200, body = Object, description = "a JSON-RPC answer"), (status = 202, description = "a notification"),
    (status = 400, body = Object), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
    (status = 413, body = ProblemBody), (status = 429, body = ProblemBody)))]
#[post("/mcp")]
pub async fn post_mcp(
    core: web::Data<Core>,
    mcp: web::Data<Mcp>,
    request: HttpRequest,
    payload: web::Payload,
) -> Answer {
    if !core.settings.mcp.enabled {
        return Err(Refusal::NotFound { what: "path" }.into());
    }
    let guest = match door::admit(&core, &request).await {
        Ok(guest) => guest,
        Err(refusal) => return Ok(challenged(&core, &request, refusal, None)),
    };
    mcp.rate.count(guest.by.account(), core.clock.now_ms())?;
    let body = body_bytes(&request, &mut payload.into_inner()).await?;
    let tool = door::called(&body);
    if let Some((tool, Err(scope))) = tool.map(|tool| (tool, door::has_scope(&guest, tool))) {
        audit::out_of_scope(&core, &guest, tool).await;
        return Ok(challenged(&core, &request, door::outside(scope), Some(scope)));
    }
    let mut inward = bridge::inward(&request, body)?;
    // The token stays at the door.
    inward.headers_mut().remove(http::header::AUTHORIZATION);
    inward.extensions_mut().insert::<Guest>(guest);
    Ok(bridge::outward(mcp.service.handle(inward).await))
}

/// Answers a refusal with what the client should do about it (RFC 6750, RFC 9728).
fn challenged(core: &Core, request: &HttpRequest, refusal: Refusal, scope: Option<Scope>) -> HttpResponse {
    let metadata = format!("{}/.well-known/oauth-protected-resource", base(core, request));
    let challenge = match (&refusal, scope) {
        (_, Some(scope)) => Some(format!(
            "Bearer error=\"insufficient_scope\", scope=\"{scope}\", resource_metadata=\"{metadata}\""
        )),
        (Refusal::Unauthenticated { code: "token_missing", .. }, None) => {
            Some(format!("Bearer resource_metadata=\"{metadata}\""))
        }
        (Refusal::Unauthenticated { .. }, None) => {
            Some(format!("Bearer error=\"invalid_token\", resource_metadata=\"{metadata}\""))
        }
        _ => None,
    };
    let id = origin_of(request).request_id;
    let mut answer = Problem::from(refusal).answer(request.path(), &id);
    if let Some(challenge) = challenge.and_then(|text| HeaderValue::from_str(&text).ok()) {
        answer.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    answer
}

/// Scheme and authority under which the client reached this server.
fn base(core: &Core, request: &HttpRequest) -> String {
    let set = &core.settings.mcp.public_url;
    if !set.is_empty() {
        return set.clone();
    }
    let scheme = if core.settings.auth.cookie_secure { "https" } else { "http" };
    let host = request.headers().get("host").and_then(|value| value.to_str().ok()).unwrap_or("localhost");
    format!("{scheme}://{host}")
}

/// What `/mcp` says of itself (RFC 9728).
#[derive(Debug, Serialize, ToSchema)]
pub struct ResourceMetadata {
    resource: String,
    resource_name: &'static str,
    resource_documentation: String,
    bearer_methods_supported: [&'static str; 1],
    scopes_supported: Vec<&'static str>,
}

/// Says what tokens `/mcp` takes. No authorisation server is named: tokens are made beforehand (`POST /api/v1/api-clients`).
#[utoipa::path(tag = "mcp", responses((status = 200, body = ResourceMetadata)))]
#[get("/.well-known/oauth-protected-resource")]
pub async fn get_resource_metadata(core: web::Data<Core>, request: HttpRequest) -> HttpResponse {
    metadata(&core, &request)
}

/// The same where RFC 9728 looks for the metadata of a resource with a path.
#[utoipa::path(tag = "mcp", responses((status = 200, body = ResourceMetadata)))]
#[get("/.well-known/oauth-protected-resource/mcp")]
pub async fn get_mcp_metadata(core: web::Data<Core>, request: HttpRequest) -> HttpResponse {
    metadata(&core, &request)
}

fn metadata(core: &Core, request: &HttpRequest) -> HttpResponse {
    let base = base(core, request);
    HttpResponse::Ok().json(ResourceMetadata {
        resource: format!("{base}/mcp"),
        resource_name: "Livegrant",
        resource_documentation: format!("{base}/docs/"),
        bearer_methods_supported: ["header"],
        scopes_supported: Scope::ALL.map(Scope::name).to_vec(),
    })
}

/// A service token that was just made.
#[derive(Debug, Serialize, ToSchema)]
pub struct ApiClientMade {
    #[serde(flatten)]
    client: ApiClient,
    /// The token. It is shown this once.
    token: String,
}

/// Lists the service tokens of the company.
#[utoipa::path(tag = "mcp", params(PageQuery), responses(
    (status = 200, body = Listing<ApiClient>), (status = 403, body = ProblemBody)))]
#[get("/api/v1/api-clients")]
pub async fn get_api_clients(
    core: web::Data<Core>,
    request: HttpRequest,
    Caller(by): Caller,
    page: web::Query<PageQuery>,
) -> Answer {
    let page = Page::from(*page);
    let (count, rows) = clients::list(&core, &by, page).await?;
    Ok(HttpResponse::Ok().json(Listing::new(count, rows, page, request.path(), request.query_string())))
}

/// Makes a service token. It is answered this once, and never kept for an `Idempotency-Key`: a repetition finds the name
/// taken.
#[utoipa::path(tag = "mcp", request_body = NewApiClient, responses(
    (status = 201, body = ApiClientMade), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody),
    (status = 409, body = ProblemBody)))]
#[post("/api/v1/api-clients")]
pub async fn post_api_client(
    core: web::Data<Core>,
    Caller(by): Caller,
    Body(new): Body<NewApiClient>,
) -> Answer {
    let (client, token) = core
        .write(by, move |core, by| {
            let new = new.clone();
            async move { clients::add(&core, &by, &new).await }
        })
        .await?;
    Ok(HttpResponse::Created().json(ApiClientMade { client, token }))
}

/// Revokes a service token at once, on every node; repeating it is harmless.
#[utoipa::path(tag = "mcp", params(("guid" = String, Path)), responses(
    (status = 200, body = Saved), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody)))]
#[delete("/api/v1/api-clients/{guid}")]
pub async fn delete_api_client(core: web::Data<Core>, Caller(by): Caller, guid: web::Path<String>) -> Answer {
    core.write(by, move |core, by| {
        let guid = guid.clone();
        async move { clients::revoke(&core, &by, &guid).await }
    })
    .await?;
    Ok(HttpResponse::Ok().json(Saved { rev: None, changed: true }))
}
