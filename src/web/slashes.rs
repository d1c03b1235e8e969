//! The slash at the end of the seeds' paths (S2-45, FA10).

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;

/// The seeds' paths end with a slash; a GET without it is answered too (FA10).
pub async fn trailing_slash<B: MessageBody>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let path = request.path();
    let ours =
        ["/api/auth/", "/api/accounts/", "/api/workflow/"].iter().any(|prefix| path.starts_with(prefix));
    if request.method().is_safe() && ours && !path.ends_with('/') {
        let query = request.query_string();
        let slashed = if query.is_empty() { format!("{path}/") } else { format!("{path}/?{query}") };
        if let Ok(uri) = slashed.parse() {
            request.match_info_mut().get_mut().update(&uri);
            request.head_mut().uri = uri;
        }
    }
    next.call(request).await
}
