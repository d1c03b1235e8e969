//! The routes that send, and what became of it.

use crate::core::Core;
use crate::inbox::broadcast::{self, BroadcastIn, BroadcastOut, Delivery};
use crate::inbox::once::RequestKey;
use crate::inbox::send::{self, ApprovalIn, MessageIn, PositionChangeIn, SentOut};
use crate::web::extract::{Body, Caller};
use crate::web::problem::{Answer, ProblemBody};
use actix_web::{HttpRequest, HttpResponse, get, post, web};

/// Tells people that their position has changed (S0-36).
#[utoipa::path(tag = "inbox", request_body = PositionChangeIn, responses(
    (status = 200, body = SentOut), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody)))]
#[post("/api/v1/notifications/position-change")]
pub async fn post_position_change(
    core: web::Data<Core>,
    request: HttpRequest,
    Caller(by): Caller,
    Body(new): Body<PositionChangeIn>,
) -> Answer {
    let key = key_of(&request);
    let sent = core
        .write(by, move |core, by| {
            let (new, key) = (new.clone(), key.clone());
            async move { send::position_change(&core, &by, &new, &key).await }
        })
        .await?;
    Ok(HttpResponse::Ok().json(sent))
}

/// Tells people the state of an approval (S0-38).
#[utoipa::path(tag = "inbox", request_body = ApprovalIn, responses(
    (status = 200, body = SentOut), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody)))]
#[post("/api/v1/notifications/approval")]
pub async fn post_approval(
    core: web::Data<Core>,
    request: HttpRequest,
    Caller(by): Caller,
    Body(new): Body<ApprovalIn>,
) -> Answer {
    let key = key_of(&request);
    let sent = core
        .write(by, move |core, by| {
            let (new, key) = (new.clone(), key.clone());
            async move { send::approval(&core, &by, &new, &key).await }
        })
        .await?;
    Ok(HttpResponse::Ok().json(sent))
}

/// Sends a message to people, or to everybody of a role, position or organisation (S0-43).
#[utoipa::path(tag = "inbox", request_body = MessageIn, responses(
    (status = 200, body = SentOut), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody)))]
#[post("/api/v1/notifications/message")]
pub async fn post_message(
    core: web::Data<Core>,
    request: HttpRequest,
    Caller(by): Caller,
    Body(new): Body<MessageIn>,
) -> Answer {
    let key = key_of(&request);
    let sent = core
        .write(by, move |core, by| {
            let (new, key) = (new.clone(), key.clone());
            async move { send::message(&core, &by, &new, &key).await }
        })
        .await?;
    Ok(HttpResponse::Ok().json(sent))
}

/// Tells everyone of an audience, online or not (E27).
#[utoipa::path(tag = "inbox", request_body = BroadcastIn, responses(
    (status = 200, body = BroadcastOut), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody)))]
#[post("/api/v1/notifications/broadcast")]
pub async fn post_broadcast(
    core: web::Data<Core>,
    request: HttpRequest,
    Caller(by): Caller,
    Body(new): Body<BroadcastIn>,
) -> Answer {
    let key = key_of(&request);
    let sent = core
        .write(by, move |core, by| {
            let (new, key) = (new.clone(), key.clone());
            async move { broadcast::broadcast(&core, &by, &new, &key).await }
        })
        .await?;
    Ok(HttpResponse::Ok().json(sent))
}

/// The key of the request, which a notice is sent under that has none of its own: `web/idempotency.rs` answers a repetition,
/// and where it has no answer to give, because that of the database was lost, the notice's key knows.
fn key_of(request: &HttpRequest) -> RequestKey {
    RequestKey::of(request.headers().get("idempotency-key").and_then(|value| value.to_str().ok()))
}

/// Tells a sender what became of what he sent (FN20).
#[utoipa::path(tag = "inbox", params(("id" = i64, Path)), responses(
    (status = 200, body = Delivery), (status = 404, body = ProblemBody)))]
#[get("/api/v1/notifications/sent/{id}/delivery")]
pub async fn get_delivery(core: web::Data<Core>, Caller(by): Caller, id: web::Path<i64>) -> Answer {
    Ok(HttpResponse::Ok().json(broadcast::delivery(&core, &by, *id).await?))
}
