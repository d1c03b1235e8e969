//! The routes of HR: parse, call one use case, answer.

pub mod organizations;
pub mod positions;
pub mod staff;
pub mod tree;

use crate::db::listing::Wanted;
use crate::db::paging::Listing;
use crate::web::problem::Problem;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

type Answer = Result<HttpResponse, Problem>;

/// Answers a page of a list.
#[expect(clippy::unnecessary_wraps, reason = "it is what a handler answers")]
fn page<T: Serialize>(request: &HttpRequest, wanted: &Wanted, (count, rows): (i64, Vec<T>)) -> Answer {
    let listing = Listing::new(count, rows, wanted.page, request.path(), request.query_string());
    Ok(HttpResponse::Ok().json(listing))
}
