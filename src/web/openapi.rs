//! The description of the API (OpenAPI 3.1), collected from the handlers when the app is built: a route cannot be
//! registered without it.

use super::routes;
use actix_web::App;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, ContactBuilder, InfoBuilder, OpenApi, OpenApiBuilder, SecurityRequirement,
};
use utoipa_actix_web::AppExt;

/// What stands around the paths.
pub fn frame() -> OpenApi {
    let bearer =
        SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build());
    let cookie = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(super::cookies::ACCESS_COOKIE)));
    let components =
        ComponentsBuilder::new().security_scheme("bearer", bearer).security_scheme("cookie", cookie).build();
    let info = InfoBuilder::new()
        .title("Livegrant")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "A saved permission change is enforced at once and every open tab knows. Errors are RFC 9457 problems with \
             a `code`; lists have `count`, `next`, `previous`, `results`; writes take an `Idempotency-Key`. The socket \
             at `/ws/permission` is described in docs/protocol.md.",
        ))
        .contact(Some(ContactBuilder::new().name(Some("Livegrant")).build()))
        .build();
    OpenApiBuilder::new()
        .info(info)
        .components(Some(components))
        .security(Some([
            SecurityRequirement::new("bearer", Vec::<String>::new()),
            SecurityRequirement::new("cookie", Vec::<String>::new()),
        ]))
        .build()
}

/// The whole description.
pub fn document() -> OpenApi {
    App::new().into_utoipa_app().openapi(frame()).configure(routes::configure).split_for_parts().1
}

/// Serves the description and an API browser that needs nothing from outside.
pub fn serve(app: &mut actix_web::web::ServiceConfig, document: OpenApi) {
    let config = utoipa_swagger_ui::Config::new(["/api/v1/openapi.json"]).try_it_out_enabled(true);
    app.service(
        utoipa_swagger_ui::SwaggerUi::new("/docs/{_:.*}")
            .config(config)
            .url("/api/v1/openapi.json", document),
    );
    app.route("/docs", actix_web::web::get().to(|| async { actix_web::web::Redirect::to("/docs/") }));
}
