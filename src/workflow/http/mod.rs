//! The routes of workflows: parse, call one use case, answer.

pub mod definitions;
pub mod instances;
pub mod logs;
pub mod substitutes;
pub mod tasks;

use crate::web::problem::Problem;
use actix_web::HttpResponse;

type Answer = Result<HttpResponse, Problem>;
