//! The routes of leave: parse, call one use case, answer.

pub mod balances;
pub mod days;
pub mod leaves;
pub mod types;

use crate::web::problem::Problem;
use actix_web::HttpResponse;

type Answer = Result<HttpResponse, Problem>;
