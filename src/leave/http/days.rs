//! The routes of the company's days, and of who is away on them.

use super::Answer;
use crate::core::Core;
use crate::db::paging::{Listing, Page};
use crate::leave::away::{self, AwayCalendar};
use crate::leave::days::{self, BLOCKS_MAX, DaySettings, NewBlock};
use crate::leave::store::days::{Block, CalendarDay};
use crate::web::answer::Saved;
use crate::web::extract::{Body, Caller};
use crate::web::problem::ProblemBody;
use actix_web::{HttpRequest, HttpResponse, delete, get, post, put, web};
use serde::Deserialize;
use utoipa::IntoParams;

/// From when to when.
#[derive(Debug, Deserialize, IntoParams)]
pub struct RangeQuery {
    /// `2026-11-01`; today when absent.
    from: Option<String>,
    /// `2026-11-30`, included; a year later when absent, two at most.
    to: Option<String>,
}

/// Who is away: of one's own organisation, with `leave:view` everybody.
#[utoipa::path(tag = "leave", params(RangeQuery), responses(
    (status = 200, body = AwayCalendar), (status = 400, body = ProblemBody)))]
#[get("/api/v1/leaves/calendar")]
pub async fn get_leave_calendar(
    core: web::Data<Core>,
    Caller(by): Caller,
    range: web::Query<RangeQuery>,
) -> Answer {
    let away = away::get(&core, &by, range.from.as_deref(), range.to.as_deref()).await?;
    Ok(HttpResponse::Ok().json(away))
}

/// Lists holidays and make-up days.
#[utoipa::path(tag = "leave", params(RangeQuery), responses(
    (status = 200, body = Listing<CalendarDay>), (status = 400, body = ProblemBody)))]
#[get("/api/v1/leaves/days")]
pub async fn get_calendar_days(
    core: web::Data<Core>,
    request: HttpRequest,
    Caller(by): Caller,
    range: web::Query<RangeQuery>,
) -> Answer {
    let rows = days::list(&core, &by, range.from.as_deref(), range.to.as_deref()).await?;
    let count = rows.len() as i64;
    let list = Listing::new(count, rows, Page::first(count.max(1)), request.path(), request.query_string());
    Ok(HttpResponse::Ok().json(list))
}

/// Says which days are holidays and which are worked though they are weekend; `kind` null takes back what was said.
#[utoipa::path(tag = "leave", request_body = DaySettings, responses(
    (status = 200, body = Saved), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody)))]
#[put("/api/v1/leaves/days")]
pub async fn put_calendar_days(
    core: web::Data<Core>,
    Caller(by): Caller,
    Body(wanted): Body<DaySettings>,
) -> Answer {
    let changed = core
        .write(by, move |core, by| {
            let wanted = wanted.clone();
            async move { days::set(&core, &by, &wanted).await }
        })
        .await?;
    Ok(HttpResponse::Ok().json(Saved { rev: None, changed: changed > 0 }))
}

/// Lists the days on which leave is not given, those that are to come.
#[utoipa::path(tag = "leave", responses((status = 200, body = Listing<Block>)))]
#[get("/api/v1/leaves/blocks")]
pub async fn get_leave_blocks(core: web::Data<Core>, request: HttpRequest, Caller(by): Caller) -> Answer {
    let rows = days::blocks(&core, &by).await?;
    let all = Page::first(BLOCKS_MAX);
    Ok(HttpResponse::Ok().json(Listing::new(rows.len() as i64, rows, all, request.path(), "")))
}

/// Blocks days; requests that were sent stay as they are.
#[utoipa::path(tag = "leave", request_body = NewBlock, responses(
    (status = 201, body = Block), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody)))]
#[post("/api/v1/leaves/blocks")]
pub async fn post_leave_block(
    core: web::Data<Core>,
    Caller(by): Caller,
    Body(new): Body<NewBlock>,
) -> Answer {
    let made = core
        .write(by, move |core, by| {
            let new = new.clone();
            async move { days::block(&core, &by, &new).await }
        })
        .await?;
    Ok(HttpResponse::Created().json(made))
}

/// Takes a block away.
#[utoipa::path(tag = "leave", params(("guid" = String, Path)), responses(
    (status = 200, body = Saved), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody),
    (status = 404, body = ProblemBody)))]
#[delete("/api/v1/leaves/blocks/{guid}")]
pub async fn delete_leave_block(
    core: web::Data<Core>,
    Caller(by): Caller,
    guid: web::Path<String>,
) -> Answer {
    core.write(by, move |core, by| {
        let guid = guid.clone();
        async move { days::unblock(&core, &by, &guid).await }
    })
    .await?;
    Ok(HttpResponse::Ok().json(Saved { rev: None, changed: true }))
}
