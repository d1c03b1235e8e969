//! What happens to methods that no handler has: a HEAD is answered as the GET of its path, and a wrong method is told from a
//! wrong path: asks the API's own description which methods a path has. Handlers are
//! registered one by one, so the router itself only knows that none of them fits.

use crate::refusal::Refusal;
use crate::web::problem::Problem;
use actix_web::body::MessageBody;
use actix_web::dev::{ResourceDef, ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::Next;
use actix_web::{Error, HttpRequest, HttpResponse, web};
use std::fmt;
use utoipa::openapi::{OpenApi, PathItem};

/// Every path of the API with its methods.
#[derive(Clone)]
pub struct Methods(Vec<(ResourceDef, String)>);

impl fmt::Debug for Methods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Methods").field(&self.0.len()).finish()
    }
}

impl Methods {
    /// Reads them from the description.
    pub fn of(document: &OpenApi) -> Self {
        let paths = document.paths.paths.iter();
        Self(paths.map(|(path, item)| (ResourceDef::new(path.as_str()), names(item))).collect())
    }

    fn allowed(&self, path: &str) -> Option<String> {
        self.0.iter().find(|(resource, _)| resource.is_match(path)).map(|(_, methods)| methods.clone())
    }
}

fn names(item: &PathItem) -> String {
    let methods = [
        ("GET", &item.get),
        ("POST", &item.post),
        ("PUT", &item.put),
        ("PATCH", &item.patch),
        ("DELETE", &item.delete),
    ];
    let known: Vec<&str> =
        methods.iter().filter(|(_, operation)| operation.is_some()).map(|(name, _)| *name).collect();
    known.join(", ")
}

/// What stays open as a GET: a HEAD of it would hold a stream that nobody reads.
const STREAMS: [&str; 2] = ["/api/v1/events", "/api/v1/poll"];

/// Answers a HEAD as the GET of its path; the transport leaves the body out and keeps its length.
pub async fn head_as_get<B: MessageBody>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    if request.method() == Method::HEAD && !STREAMS.contains(&request.path()) {
        request.head_mut().method = Method::GET;
    }
    next.call(request).await
}

/// Answers what no route answered.
pub async fn otherwise(request: HttpRequest, methods: web::Data<Methods>) -> Result<HttpResponse, Problem> {
    Err(match methods.allowed(request.path()) {
        Some(allowed) => Problem::wrong_method(allowed),
        None => Refusal::NotFound { what: "path" }.into(),
    })
}
