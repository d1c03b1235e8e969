//! The routes of the types of leave.

use super::Answer;
use crate::core::Core;
use crate::db::paging::{Listing, Page};
use crate::leave::model::LeaveType;
use crate::leave::types::{self, LeaveTypePatch, NewLeaveType, TYPES_MAX};
use crate::web::extract::{Body, Caller};
use crate::web::problem::ProblemBody;
use actix_web::{HttpRequest, HttpResponse, get, patch, post, web};

/// Lists the types of leave, all of them.
#[utoipa::path(tag = "leave", responses((status = 200, body = Listing<LeaveType>)))]
#[get("/api/v1/leaves/types")]
pub async fn get_leave_types(core: web::Data<Core>, request: HttpRequest, Caller(by): Caller) -> Answer {
    let rows = types::list(&core, &by).await?;
    let all = Page::first(TYPES_MAX);
    Ok(HttpResponse::Ok().json(Listing::new(rows.len() as i64, rows, all, request.path(), "")))
}

/// Makes a type of leave.
#[utoipa::path(tag = "leave", request_body = NewLeaveType, responses(
    (status = 201, body = LeaveType), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody),
    (status = 409, body = ProblemBody)))]
#[post("/api/v1/leaves/types")]
pub async fn post_leave_type(
    core: web::Data<Core>,
    Caller(by): Caller,
    Body(new): Body<NewLeaveType>,
) -> Answer {
    let made = core
        .write(by, move |core, by| {
            let new = new.clone();
            async move { types::create(&core, &by, &new).await }
        })
        .await?;
    Ok(HttpResponse::Created().json(made))
}

/// Changes a type of leave; `status` 0 offers it to nobody any more.
#[utoipa::path(tag = "leave", params(("code" = String, Path)), request_body = LeaveTypePatch, responses(
    (status = 200, body = LeaveType), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody),
    (status = 404, body = ProblemBody), (status = 412, body = ProblemBody)))]
#[patch("/api/v1/leaves/types/{code}")]
pub async fn patch_leave_type(
    core: web::Data<Core>,
    Caller(by): Caller,
    code: web::Path<String>,
    Body(patch): Body<LeaveTypePatch>,
) -> Answer {
    let changed = core
        .write(by, move |core, by| {
            let (code, patch) = (code.clone(), patch.clone());
            async move { types::update(&core, &by, &code, &patch).await }
        })
        .await?;
    Ok(HttpResponse::Ok().json(changed))
}
