//! The routes of balances.

use super::Answer;
use crate::core::Core;
use crate::leave::balances::{self, Balances, NewBalance};
use crate::web::extract::{Body, Caller};
use crate::web::problem::ProblemBody;
use actix_web::{HttpResponse, get, put, web};
use serde::Deserialize;
use utoipa::IntoParams;

/// Whose balance of which year.
#[derive(Debug, Deserialize, IntoParams)]
pub struct BalanceQuery {
    /// Account or staff guid; the caller when absent.
    #[serde(alias = "staffGuid")]
    staff_guid: Option<String>,
    /// This year when absent.
    year: Option<i64>,
}

/// What somebody has of each type in a year: oneself, with `leave:view` anybody.
#[utoipa::path(tag = "leave", params(BalanceQuery), responses(
    (status = 200, body = Balances), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody),
    (status = 404, body = ProblemBody)))]
#[get("/api/v1/leaves/balance")]
pub async fn get_leave_balance(
    core: web::Data<Core>,
    Caller(by): Caller,
    query: web::Query<BalanceQuery>,
) -> Answer {
    let balances = balances::get(&core, &by, query.staff_guid.as_deref(), query.year).await?;
    Ok(HttpResponse::Ok().json(balances))
}

/// Sets what somebody is given of a type for a year; the reason stays in its history.
#[utoipa::path(tag = "leave", request_body = NewBalance, responses(
    (status = 200, body = Balances), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody),
    (status = 404, body = ProblemBody), (status = 409, body = ProblemBody), (status = 412, body = ProblemBody)))]
#[put("/api/v1/leaves/balance")]
pub async fn put_leave_balance(
    core: web::Data<Core>,
    Caller(by): Caller,
    Body(new): Body<NewBalance>,
) -> Answer {
    let balances = core
        .write(by, move |core, by| {
            let new = new.clone();
            async move { balances::set(&core, &by, &new).await }
        })
        .await?;
    Ok(HttpResponse::Ok().json(balances))
}
