//! The routes that touch the system as a whole.

use crate::access::init;
use crate::core::Core;
use crate::text::check_text;
use crate::web::answer::Saved;
use crate::web::extract::{Body, Caller};
use crate::web::problem::{Answer, ProblemBody};
use actix_web::{HttpResponse, post, web};
use serde::Deserialize;
use utoipa::ToSchema;

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
    check_text("reason", &body.reason)?;
    let rev = core
        .write(by, move |core, by| {
            let body = body.clone();
            async move { init::adjust_system(&core, &by, &body.reason).await }
        })
        .await?;
    Ok(HttpResponse::Ok().json(Saved::from(rev)))
}
