//! Between the two worlds of HTTP types: the SDK is a tower service over `http` 1, the server speaks `http` 0.2.
//! A request's body is read before (it is bounded by `server.body_limit_bytes`); an answer's body is passed on piece by
//! piece as the SDK makes it. It deliberately decides nothing.

use crate::refusal::Refusal;
use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use http_body_util::combinators::BoxBody as SdkBody;
use http_body_util::{BodyExt, Full};
use std::convert::Infallible;

/// Writes a request in the SDK's types.
pub fn inward(request: &HttpRequest, body: web::Bytes) -> Result<http::Request<Full<Bytes>>, Refusal> {
    let foreign = |error: http::Error| Refusal::invalid("request", "invalid", error.to_string());
    let mut inward = http::Request::builder()
        .method(request.method().as_str())
        .uri(request.uri().to_string())
        .body(Full::new(body))
        .map_err(foreign)?;
    for (name, value) in request.headers() {
        let name = http::HeaderName::from_bytes(name.as_str().as_bytes());
        let value = http::HeaderValue::from_bytes(value.as_bytes());
        if let (Ok(name), Ok(value)) = (name, value) {
            inward.headers_mut().append(name, value);
        }
    }
    Ok(inward)
}

/// Writes the SDK's answer in the server's types.
pub fn outward(answer: http::Response<SdkBody<Bytes, Infallible>>) -> HttpResponse<BoxBody> {
    let (head, body) = answer.into_parts();
    let status = StatusCode::from_u16(head.status.as_u16());
    let mut outward = HttpResponse::build(status.unwrap_or_default());
    for (name, value) in &head.headers {
        // The server counts the bytes itself.
        if name == http::header::CONTENT_LENGTH || name == http::header::TRANSFER_ENCODING {
            continue;
        }
        let name = HeaderName::from_bytes(name.as_str().as_bytes());
        let value = HeaderValue::from_bytes(value.as_bytes());
        if let (Ok(name), Ok(value)) = (name, value) {
            outward.append_header((name, value));
        }
    }
    outward.streaming(body.into_data_stream())
}
