//! The routes of what reaches people where.

use crate::core::Core;
use crate::inbox::preferences::{self, Choices, Preference};
use crate::web::extract::{Body, Caller};
use crate::web::problem::{Answer, ProblemBody};
use actix_web::{HttpResponse, get, put, web};

/// Lists what holds for the caller, for every kind and channel.
#[utoipa::path(tag = "inbox", responses((status = 200, body = Vec<Preference>), (status = 401, body = ProblemBody)))]
#[get("/api/v1/notifications/preferences")]
pub async fn get_preferences(core: web::Data<Core>, Caller(by): Caller) -> Answer {
    Ok(HttpResponse::Ok().json(preferences::own(&core, &by).await?))
}

/// Stores choices of the caller's own; what is not named stays.
#[utoipa::path(tag = "inbox", request_body = Choices, responses(
    (status = 200, body = Vec<Preference>), (status = 400, body = ProblemBody), (status = 409, body = ProblemBody)))]
#[put("/api/v1/notifications/preferences")]
pub async fn put_preferences(core: web::Data<Core>, Caller(by): Caller, Body(new): Body<Choices>) -> Answer {
    let now = core
        .write(by, move |core, by| {
            let new = new.clone();
            async move { preferences::choose(&core, &by, &new).await }
        })
        .await?;
    Ok(HttpResponse::Ok().json(now))
}

/// Lists what holds for everybody of the caller's company who chose nothing.
#[utoipa::path(tag = "inbox", responses((status = 200, body = Vec<Preference>), (status = 403, body = ProblemBody)))]
#[get("/api/v1/notifications/tenant-preferences")]
pub async fn get_tenant_preferences(core: web::Data<Core>, Caller(by): Caller) -> Answer {
    Ok(HttpResponse::Ok().json(preferences::of_company(&core, &by).await?))
}

/// Stores choices for the caller's whole company; a locked one allows nobody another.
#[utoipa::path(tag = "inbox", request_body = Choices, responses(
    (status = 200, body = Vec<Preference>), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody)))]
#[put("/api/v1/notifications/tenant-preferences")]
pub async fn put_tenant_preferences(
    core: web::Data<Core>,
    Caller(by): Caller,
    Body(new): Body<Choices>,
) -> Answer {
    let now = core
        .write(by, move |core, by| {
            let new = new.clone();
            async move { preferences::choose_for_company(&core, &by, &new).await }
        })
        .await?;
    Ok(HttpResponse::Ok().json(now))
}
