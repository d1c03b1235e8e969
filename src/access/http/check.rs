//! The routes that answer who may do what, and why.

use crate::access::check_access::{AccessDecision, Question, check_access_control};
use crate::access::explain::{ExplanationOut, explain_access};
use crate::access::review::{self, ReviewRow};
use crate::access::store::review::ReviewFilter;
use crate::core::Core;
use crate::db::paging::{Listing, Page, PageQuery};
use crate::hr::resolve::account_of_guid;
use crate::policy::Principal;
use crate::refusal::Refusal;
use crate::web::extract::{Body, Caller};
use crate::web::problem::{Answer, ProblemBody};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, get, post, web};
use futures_util::{StreamExt, stream};
use livegrant_actors::AccountId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// `CheckAccessControl` (S1-21): may this person do this with this? A no is an answer too, with its message.
#[utoipa::path(tag = "access", request_body = Question, responses(
    (status = 200, body = AccessDecision), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody)))]
#[post("/api/v1/access/check")]
pub async fn post_check(core: web::Data<Core>, Caller(by): Caller, Body(question): Body<Question>) -> Answer {
    Ok(HttpResponse::Ok().json(check_access_control(&core, &by, &question).await?))
}

/// Whose permission to explain; oneself when neither is given.
#[derive(Debug, Deserialize, IntoParams)]
pub struct ExplainQuery {
    /// The permission's code.
    permission: String,
    /// The account.
    account: Option<i64>,
    /// Guid of the account or staff record.
    guid: Option<String>,
}

async fn person(core: &Core, by: &Principal, query: &ExplainQuery) -> Result<AccountId, Refusal> {
    match (query.account, query.guid.as_deref()) {
        (None, None) => Ok(by.account()),
        (Some(account), None) => Ok(AccountId(account)),
        (None, Some(guid)) => {
            let found = account_of_guid(core, by, guid).await?.and_then(|person| person.account);
            if found != Some(by.account()) {
                // Who may not ask about others does not learn which guids there are.
                by.require("permission:view")?;
            }
            found.ok_or(Refusal::NotFound { what: "account" })
        }
        (Some(_), Some(_)) => Err(Refusal::invalid("guid", "invalid", "either account or guid, not both")),
    }
}

/// Explains why somebody has a permission or has it not: every way to it, also those that do not count now.
#[utoipa::path(tag = "access", params(ExplainQuery), responses(
    (status = 200, body = ExplanationOut), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody),
    (status = 404, body = ProblemBody)))]
#[get("/api/v1/access/explain")]
pub async fn get_explain(
    core: web::Data<Core>,
    Caller(by): Caller,
    query: web::Query<ExplainQuery>,
) -> Answer {
    let account = person(&core, &by, &query).await?;
    Ok(HttpResponse::Ok().json(explain_access(&core, &by, account, &query.permission).await?))
}

/// What to review, and how to answer.
#[derive(Debug, Deserialize, IntoParams)]
pub struct ReviewQuery {
    /// Only this account.
    account: Option<i64>,
    /// Only this permission.
    permission: Option<String>,
    /// `csv` for all rows as a file; else a page of them as JSON.
    format: Option<String>,
}

/// A page of the review.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReviewOut {
    /// The rows: one an account × permission × way, critical ones first.
    #[serde(flatten)]
    rows: Listing<ReviewRow>,
    /// Everybody who is an administrator, or is granted to be one (S1-47); they hold every permission.
    administrators: Vec<ReviewRow>,
}

/// Reviews who holds what and why (S1-45); every row names the requests that would remove it.
#[utoipa::path(tag = "access", params(ReviewQuery, PageQuery), responses(
    (status = 200, body = ReviewOut), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody)))]
#[get("/api/v1/access/review")]
pub async fn get_review(
    core: web::Data<Core>,
    request: HttpRequest,
    Caller(by): Caller,
    query: web::Query<ReviewQuery>,
    page: web::Query<PageQuery>,
) -> Answer {
    let ReviewQuery { account, permission, format } = query.into_inner();
    let filter = ReviewFilter { account: account.map(AccountId), permission };
    tracing::info!(event = "authz_admin", account = by.account().0, "access reviewed");
    match format.as_deref() {
        None | Some("json") => {
            let page = Page::from(*page);
            let (count, rows) = review::list(&core, &by, &filter, page).await?;
            let administrators = review::administrators(&core, &by).await?;
            let rows = Listing::new(count, rows, page, request.path(), request.query_string());
            Ok(HttpResponse::Ok().json(ReviewOut { rows, administrators }))
        }
        Some("csv") => csv(core, by, filter).await,
        Some(_) => Err(Refusal::invalid("format", "invalid", "json or csv").into()),
    }
}

/// Answers all rows, one permission after the other: never more of them in memory than one permission has.
async fn csv(core: web::Data<Core>, by: Principal, filter: ReviewFilter) -> Answer {
    by.require("permission:view")?;
    let wanted = |code: &String| filter.permission.as_ref().is_none_or(|permission| permission == code);
    let codes: Vec<String> = review::permissions_in_order(&core).into_iter().filter(wanted).collect();
    let head = review::csv_head(&review::platform(&core, &by, &filter).await?);
    let rest = stream::unfold(codes.into_iter(), move |mut codes| {
        let (core, by, filter) = (core.clone(), by.clone(), filter.clone());
        async move {
            let code = codes.next()?;
            let rows = review::of_permission(&core, &by, &filter, &code).await;
            // A failure half way cuts the answer off, so that nobody takes a part for the whole.
            let lines = rows
                .map(|rows| Bytes::from(review::csv(&rows)))
                .inspect_err(|error| tracing::error!(%error, "access review cut off"));
            Some((lines, codes))
        }
    });
    let lines = stream::once(async move { Ok::<_, Refusal>(Bytes::from(head)) });
    Ok(HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header(("content-disposition", "attachment; filename=\"access-review.csv\""))
        .streaming(Box::pin(lines.chain(rest))))
}
