//! The routes of HR: parse, call one use case, answer.

pub mod organizations;
pub mod positions;
pub mod staff;

use crate::web::problem::Problem;
use actix_web::HttpResponse;
use serde::Deserialize;
use utoipa::IntoParams;

type Answer = Result<HttpResponse, Problem>;

/// What to look for in a list.
#[derive(Debug, Deserialize, IntoParams)]
pub struct SearchQuery {
    /// Part of the code, number or name.
    search: Option<String>,
}
